//! What the tests ask of every cloud. A test that is written over a [`Cloud`] runs on each; what is particular to one is
//! in that one's file.

use crate::proxy::{Fault, Head, Match};
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
    fn problem(problem: Problem) -> Fault;

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

    /// The vendor's own client, about to do this, as a child process with its standard streams piped.
    fn vendor(&self, errand: Errand<'_>) -> Command;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
}

/// `fault`, which is an answer, with the time to wait.
pub(crate) fn answer(mut fault: Fault, retry_after: Duration) -> Fault {
    if let Fault::Reply { headers, .. } = &mut fault {
        headers.push(("retry-after".into(), retry_after.as_secs().to_string()));
    }
    fault
}
