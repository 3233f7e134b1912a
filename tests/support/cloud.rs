//! What the tests ask of every cloud. A test that is written over a [`Cloud`] runs on each; what is particular to one is
//! in that one's file.

use crate::protocol::Event;
use crate::proxy::{Fault, Head, Match, Reply, Rewrite};
use async_trait::async_trait;
use bytes::Bytes;
use sealift::ObjectStore;
use std::ffi::OsStr;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// The size of the parts that [`Cloud::connect`] makes: the smallest that every cloud takes.
pub const PART: usize = 5 << 20;

/// One bucket of one cloud, on its emulator, seen from outside: not through Sealift.
#[async_trait]
pub trait Cloud: Send + Sync + Sized + 'static {
    /// Sealift's adapter.
    type Store: ObjectStore;

    /// A new bucket, whose name begins with `prefix`.
    async fn new(prefix: &str) -> Self;

    /// The bucket's name.
    fn name(&self) -> &str;

    /// The bucket as a URL of Sealift's command line.
    fn url(&self) -> String;

    /// The emulator's URL.
    fn endpoint(&self) -> &str;

    /// The variables that lead Sealift's command line to the service at `endpoint`.
    fn variables(endpoint: &str) -> Vec<(&'static str, String)>;

    /// The adapter on the bucket `name` of the service at `endpoint`, with parts of [`PART`].
    async fn connect(name: &str, endpoint: &str) -> Self::Store;

    /// Whether a request of Sealift's is this step.
    fn is(step: Step, request: &Head<'_>) -> bool;

    /// The service's answer when this is the matter.
    fn refusal(problem: Problem) -> Reply;

    /// The status with which the service answers a step that was done.
    fn success(step: Step) -> u16;

    /// The answer to `step` with this field wrong or missing; `None` where the answer has no such field.
    fn spoiled(step: Step, field: Field, how: Spoiled) -> Option<Rewrite>;

    /// Whether the answer to `step` has a body.
    fn has_body(step: Step) -> bool;

    /// Whether there is a request that starts an upload.
    fn starts_uploads() -> bool {
        true
    }

    /// Whether the service lists what is unfinished.
    fn lists_uploads() -> bool {
        true
    }

    /// Whether the last part is in the request that completes the upload.
    fn completes_with_the_last_part() -> bool {
        false
    }

    /// Whether uploads to one name have nothing to do with each other.
    fn keeps_uploads_apart() -> bool {
        true
    }

    /// What a request does to an upload or an object, for an [`Account`](crate::protocol::Account).
    fn event(request: &Head<'_>, body: &Bytes) -> Option<Event>;

    /// The keys of everything that can be seen, in order.
    async fn objects(&self) -> Vec<String>;

    /// Everything unfinished: its key, and the id by which Sealift names it.
    async fn unfinished(&self) -> Vec<(String, String)>;

    /// An object's stored bytes.
    async fn get(&self, key: &str) -> Option<Bytes>;

    /// Stores an object.
    async fn put(&self, key: &str, bytes: Bytes);

    /// Begins to store an object as another program would, and leaves it.
    async fn leave_unfinished(&self, key: &str);

    /// Removes everything from the bucket: the emulators keep what they hold in memory.
    async fn clear(&self);

    /// The vendor's own client, about to do this, as a child process with its standard streams piped.
    fn vendor(&self, errand: Errand<'_>) -> Command;

    /// [`refusal`](Self::refusal) as a fault.
    fn problem(problem: Problem) -> Fault {
        Fault::Reply(Self::refusal(problem))
    }

    /// The requests that are this step.
    fn on(step: Step) -> Match {
        Match::new(move |request| Self::is(step, request))
    }

    /// Asserts that there is no object and nothing unfinished.
    async fn assert_untouched(&self) {
        assert_eq!(self.objects().await, Vec::<String>::new(), "no object");
        assert_eq!(self.unfinished().await, Vec::new(), "nothing unfinished");
    }
}

/// What a vendor's client is asked to do.
#[derive(Debug, Clone, Copy)]
pub enum Errand<'a> {
    /// Write the object of this key to its standard output.
    Read(&'a str),
    /// Store its standard input, of a length that it is not told, under this key.
    Write(&'a str),
    /// Print the key and the size of each object, one a line.
    List,
}

/// `program` with piped streams, killed with the test.
pub fn piped(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// What a request of Sealift's is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// A whole object is stored.
    Put,
    /// An upload is started. Not every cloud has a request for it.
    Start,
    /// This part is stored.
    Part(u32),
    /// A part is stored.
    AnyPart,
    /// The parts become an object.
    Complete,
    /// The parts are removed.
    Abort,
    /// A range of an object is read.
    Read,
    /// An object is looked at.
    Look,
    /// Objects are listed.
    List,
    /// Uploads are listed, or the names that have uncommitted blocks.
    ListUploads,
    /// The parts of one upload are listed, the blocks of one name, or it is asked how far a session is.
    ListParts,
    /// An object is copied.
    Copy,
    /// An object is removed.
    Delete,
}

/// What an answer says of an object or a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// Its checksum.
    Checksum,
    /// Its tag.
    Etag,
    /// Its length.
    Length,
}

/// How a field of an answer is spoiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Spoiled {
    /// Another value.
    Wrong,
    /// None.
    Missing,
}

/// What a service may answer instead of doing what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// 500.
    Failed,
    /// 503, and when to come again.
    Busy {
        /// After this time.
        retry_after: Duration,
    },
    /// 403: no permission.
    Denied,
    /// The credentials were good once.
    Expired,
    /// 429.
    TooMany,
    /// 404: what the request is about.
    Missing,
    /// A success by its status, and an error by its body.
    Inside,
}

/// `reply` with the time to wait.
pub(crate) fn answer(reply: Reply, retry_after: Duration) -> Reply {
    reply.with("retry-after", retry_after.as_secs().to_string())
}

/// `text` with what is between each `open` and the `close` after it replaced by `with`, or all of it removed.
pub(crate) fn between(text: &str, open: &str, close: &str, with: Option<&str>) -> String {
    let mut pieces = text.split(open);
    let mut changed = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let Some((_, rest)) = piece.split_once(close) else {
            changed.push_str(open);
            changed.push_str(piece);
            continue;
        };
        if let Some(with) = with {
            changed.extend([open, with, close]);
        }
        changed.push_str(rest);
    }
    changed
}
