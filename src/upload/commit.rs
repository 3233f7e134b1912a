//! Exactly one commit: what its answer means for what may exist. An answer that proves nothing is settled by looking at the
//! object (its token, size and checksum), and where that proves nothing either, it is said.

use crate::attempts::{Attempts, Effect};
use crate::checksum::Checksum;
use crate::error::{Error, ErrorKind, Result};
use crate::existence::{Confirmed, Existence, Ours};
use crate::left_behind::{Certainty, LeftBehind, Remnant};
use crate::name::Key;
use crate::object::{CommitOptions, Committed, IfExists, ObjectInfo, Removal};
use crate::object_store::ObjectStore;
use crate::retrying::RetryingStore;
use std::time::Duration;
use tokio::time::sleep;

/// The pause before a second look, where the first did not show what was expected.
const SECOND_LOOK: Duration = Duration::from_millis(250);

/// How long a commit is silent before it is looked for, again and again, beside the wait for its answer.
const SILENT: Duration = Duration::from_secs(10);

/// One commit, as it is looked for.
pub(super) struct Commit<'a> {
    pub(super) store: &'a RetryingStore,
    pub(super) key: &'a Key,
    pub(super) options: &'a CommitOptions,
    /// Of all the bytes that were sent.
    pub(super) whole: Checksum,
}

/// A commit that failed, and what may exist after it.
pub(super) struct Failed {
    pub(super) error: Error,
    pub(super) existence: Existence,
}

/// What is at the key, seen from one commit.
enum Look {
    /// Its object, as it was sent.
    Fits(Box<ObjectInfo>, Confirmed),
    /// An object with its token that is not what was sent, for this reason.
    Differs(Box<ObjectInfo>, String),
    /// Another object.
    Another(Box<ObjectInfo>),
    /// An object without any token, which may be ours as well as another's: there are services that drop what they should
    /// keep with an object.
    Unmarked(Box<ObjectInfo>),
    Absent,
    /// It could not be seen.
    Unseen(Error),
}

impl Commit<'_> {
    /// `request`, or a success without details as soon as the object can be seen while the answer does not come.
    pub(super) async fn answer_or_sight(
        &self,
        request: impl Future<Output = Result<Committed>>,
        attempts: &Attempts,
    ) -> Result<Committed> {
        let seen = async {
            loop {
                sleep(SILENT).await;
                if attempts.effect().is_pending() && matches!(self.look(&self.cleaning()).await, Look::Fits(..)) {
                    return;
                }
            }
        };
        tokio::select! {
            biased;
            answer = request => answer,
            () = seen => Ok(Committed::default()),
        }
    }

    /// Settles the answer to the commit. A success needs no permission to look.
    pub(super) async fn settle(&self, answer: Result<Committed>, effect: Effect) -> Result<Ours, Failed> {
        match answer {
            Ok(committed) => self.settle_success(committed, effect).await,
            Err(error) if !effect.is_possible() => Err(Failed { error, existence: Existence::Nothing }),
            Err(error) if is_settled(&error) => {
                let existence = Existence::of(error.left_behind().to_vec());
                Err(Failed { error, existence })
            }
            Err(error) => self.settle_failure(error, effect).await,
        }
    }

    async fn settle_success(&self, committed: Committed, effect: Effect) -> Result<Ours, Failed> {
        let told_otherwise = match &committed.checksum {
            Some(theirs) if *theirs == self.whole.to_be_bytes() => {
                return Ok(Ours { committed, confirmed: Confirmed::Checksum });
            }
            Some(theirs) => Some(self.disagreement(theirs)),
            None => None,
        };
        match (self.look_well(self.store).await, told_otherwise) {
            (Look::Fits(info, confirmed), _) => Ok(ours(committed, *info, confirmed)),
            (Look::Differs(info, reason), _) => Err(self.remove_damaged(&info, reason, effect).await),
            (Look::Unmarked(info), told_otherwise) => self.settle_unmarked(committed, *info, told_otherwise),
            (Look::Another(info), None) if is_later(&info, &committed) => {
                Ok(Ours { committed, confirmed: Confirmed::Replaced })
            }
            (Look::Another(_), _) => Err(Failed {
                error: self.contradicted(ErrorKind::Changed, "other content is there, older or of another writer"),
                existence: self.unless_pending(effect),
            }),
            (Look::Absent, _) => Err(Failed {
                error: self.contradicted(ErrorKind::Service, "nothing is there"),
                existence: Existence::Perhaps(vec![self.object().perhaps().because("the service contradicts itself")]),
            }),
            (Look::Unseen(unseen), None) => {
                Ok(Ours { committed, confirmed: Confirmed::Answer { unseen: unseen.reason().to_owned() } })
            }
            (Look::Unseen(unseen), Some(reason)) => Err(Failed {
                error: self.corrupt(reason),
                existence: Existence::Perhaps(vec![
                    self.object().because(format!("it may be damaged, and cannot be looked at: {}", unseen.reason())),
                ]),
            }),
        }
    }

    /// After a success, where what is there has no token: the ETag of the answer tells whether it is ours.
    fn settle_unmarked(
        &self,
        committed: Committed,
        info: ObjectInfo,
        told_otherwise: Option<String>,
    ) -> Result<Ours, Failed> {
        let answered = committed.etag.is_some() && info.etag == committed.etag;
        let replaced = committed.etag.is_some() && info.etag.is_some() && !answered && is_later(&info, &committed);
        let why = match (self.fit(&info), told_otherwise) {
            (Ok(Confirmed::Checksum), None) if answered => return Ok(ours(committed, info, Confirmed::Checksum)),
            (Ok(_), None) if answered => return Ok(ours(committed, info, Confirmed::EtagAndSize)),
            (_, None) if replaced => return Ok(Ours { committed, confirmed: Confirmed::Replaced }),
            (Err(differs), _) if answered => differs,
            (_, Some(otherwise)) => otherwise,
            (_, None) => {
                let instead = "what is there does not tell whose it is";
                let error = self.contradicted(ErrorKind::Service, instead);
                return Err(Failed { error, existence: Existence::Perhaps(vec![self.unmarked()]) });
            }
        };
        Err(Failed { error: self.corrupt(why), existence: Existence::Perhaps(vec![self.unmarked()]) })
    }

    async fn settle_failure(&self, error: Error, effect: Effect) -> Result<Ours, Failed> {
        let existence = match self.look_well(&self.cleaning()).await {
            Look::Fits(info, confirmed) => {
                tracing::info!("the answer to the commit of {} was lost; the object is there: {error}", info.key);
                return Ok(ours(Committed::default(), *info, confirmed));
            }
            Look::Differs(info, reason) => return Err(self.remove_damaged(&info, reason, effect).await),
            Look::Another(_) => self.unless_pending(effect),
            Look::Unmarked(info) => self.unless_unlike(&info, effect),
            Look::Absent => self.unless_said(effect),
            Look::Unseen(unseen) => Existence::Perhaps(vec![self.unseen(effect, &unseen)]),
        };
        let error = match existence {
            Existence::Nothing => error,
            _ => error.with_hint("look with `sealift stat` once it can be reached"),
        };
        Err(Failed { error, existence })
    }

    /// Takes back the object of a commit that is not wanted any more, if it is there and that brings nothing to an end
    /// but itself.
    pub(super) async fn take_back(&self, effect: Effect) -> Existence {
        if !effect.is_possible() {
            return Existence::Nothing;
        }
        match self.look_well(&self.cleaning()).await {
            Look::Fits(info, _) => self.undo(&info, effect).await,
            Look::Differs(info, reason) => self.remove_damaged(&info, reason, effect).await.existence,
            Look::Another(_) => self.unless_pending(effect),
            Look::Unmarked(info) => self.unless_unlike(&info, effect),
            Look::Absent => self.unless_said(effect),
            Look::Unseen(unseen) => Existence::Perhaps(vec![self.unseen(effect, &unseen)]),
        }
    }

    async fn undo(&self, info: &ObjectInfo, effect: Effect) -> Existence {
        if self.options.if_exists == IfExists::Replace && !self.store.retracting_restores(info) {
            let why = "it is complete: it was committed before it could be stopped, and is left since what it may have \
                       replaced cannot be brought back";
            return Existence::Perhaps(vec![self.object().because(why)]);
        }
        self.retract(info, effect, "it is complete, and could not be taken back").await
    }

    /// Removes an object of ours that is not what was sent. Two looks have said so.
    async fn remove_damaged(&self, info: &ObjectInfo, reason: String, effect: Effect) -> Failed {
        let existence = self.retract(info, effect, "it is damaged, and could not be removed").await;
        let hint = match self.options.if_exists {
            IfExists::Fail => "store it again",
            IfExists::Replace => "store it again: what was there before was replaced",
        };
        Failed { error: self.corrupt(reason).with_hint(hint), existence }
    }

    async fn retract(&self, info: &ObjectInfo, effect: Effect, otherwise: &str) -> Existence {
        match self.cleaning().retract(self.key, info).await {
            Ok(Removal::Gone | Removal::Another) if self.is_still_ours().await => {
                let why = format!("{otherwise}: the service says that it is gone, or replaced, and shows it");
                Existence::Perhaps(vec![self.object().because(why)])
            }
            Ok(Removal::Gone | Removal::Another) if effect.may_repeat() => {
                let why = "it was taken back, and an attempt to store it that was not answered may do so once more";
                Existence::Perhaps(vec![self.object().perhaps().because(why)])
            }
            Ok(Removal::Gone | Removal::Another) => Existence::Nothing,
            Err(error) => Existence::Perhaps(vec![self.object().because(format!("{otherwise}: {}", error.reason()))]),
        }
    }

    /// After a look that did not find it: nothing, unless an attempt may still take effect.
    fn unless_pending(&self, effect: Effect) -> Existence {
        match effect.is_pending() {
            false => Existence::Nothing,
            true => Existence::Perhaps(vec![
                self.object().perhaps().because("it was sent and not answered, so it may still appear"),
            ]),
        }
    }

    /// After a look at nothing: the same, unless the service has said that it was stored.
    fn unless_said(&self, effect: Effect) -> Existence {
        match effect.applied {
            0 => self.unless_pending(effect),
            _ => Existence::Perhaps(vec![
                self.object().perhaps().because("the service says that it was stored, and does not show it"),
            ]),
        }
    }

    /// After a look at an object without a token: the same, if it is not what was sent and the service has not said that it
    /// was stored. It would have to drop the token, and some of the bytes too.
    fn unless_unlike(&self, info: &ObjectInfo, effect: Effect) -> Existence {
        match self.fit(info) {
            Err(_) if effect.applied == 0 => self.unless_pending(effect),
            _ => Existence::Perhaps(vec![self.unmarked()]),
        }
    }

    fn unmarked(&self) -> LeftBehind {
        let why = "nothing tells whose it is that is there";
        self.object().perhaps().because(why)
    }

    fn unseen(&self, effect: Effect, unseen: &Error) -> LeftBehind {
        let why = unseen.reason();
        match effect.applied {
            0 => self.object().perhaps().because(format!("whether it was stored could not be seen: {why}")),
            _ => self.object().because(format!("the service says it was stored; it could not be looked at: {why}")),
        }
    }

    fn contradicted(&self, kind: ErrorKind, instead: &str) -> Error {
        let reason = format!("the service answered that it was stored, and {instead}");
        Error::new(kind, "verify", self.location(), reason)
            .with_hint("look with `sealift stat`, and who else writes under this name")
    }

    /// Looks, and once more unless the object was found as it was sent: one odd answer decides nothing.
    async fn look_well(&self, store: &RetryingStore) -> Look {
        let first = match self.look(store).await {
            fits @ Look::Fits(..) => return fits,
            unseen @ Look::Unseen(_) => return unseen,
            first => first,
        };
        sleep(SECOND_LOOK).await;
        match (first, self.look(store).await) {
            (_, fits @ Look::Fits(..)) => fits,
            (_, unseen @ Look::Unseen(_)) => unseen,
            (Look::Differs(before, _), Look::Differs(now, reason)) if before.etag == now.etag => {
                Look::Differs(now, reason)
            }
            (Look::Another(_), Look::Another(now)) => Look::Another(now),
            (Look::Unmarked(_), Look::Unmarked(now)) => Look::Unmarked(now),
            (Look::Absent, Look::Absent) => Look::Absent,
            _ => Look::Unseen(Error::new(ErrorKind::Service, "look at", self.location(), "two looks do not agree")),
        }
    }

    async fn look(&self, store: &RetryingStore) -> Look {
        match store.head(self.key).await {
            Ok(info) if info.token.as_deref() == Some(self.options.token.as_ref()) => match self.fit(&info) {
                Ok(confirmed) => Look::Fits(Box::new(info), confirmed),
                Err(reason) => Look::Differs(Box::new(info), reason),
            },
            Ok(info) if info.token.is_none() => Look::Unmarked(Box::new(info)),
            Ok(info) => Look::Another(Box::new(info)),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NoSuchBucket) => Look::Absent,
            Err(error) => Look::Unseen(error),
        }
    }

    /// For the looks and the removals after a failure, which has had its time.
    fn cleaning(&self) -> RetryingStore {
        self.store.cleaning()
    }

    async fn is_still_ours(&self) -> bool {
        matches!(self.look(&self.cleaning()).await, Look::Fits(..) | Look::Differs(..))
    }

    fn fit(&self, info: &ObjectInfo) -> Result<Confirmed, String> {
        if info.size != self.whole.byte_count() {
            return Err(format!("{} bytes were sent and the service holds {}", self.whole.byte_count(), info.size));
        }
        match &info.checksum {
            Some(theirs) if *theirs == self.whole.to_be_bytes() => Ok(Confirmed::Checksum),
            Some(theirs) => Err(self.disagreement(theirs)),
            None => Ok(Confirmed::TokenAndSize),
        }
    }

    fn disagreement(&self, theirs: &[u8]) -> String {
        let theirs: String = theirs.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("the checksum of what was sent is {} and the service's is {theirs}", self.whole)
    }

    fn corrupt(&self, reason: String) -> Error {
        Error::new(ErrorKind::Corrupt, "verify", self.location(), reason)
    }

    fn object(&self) -> LeftBehind {
        LeftBehind::object(self.location())
    }

    fn location(&self) -> String {
        store_location(self.store, self.key)
    }
}

/// Whether the adapter says itself that the object is there, and that this is no success.
fn is_settled(error: &Error) -> bool {
    let is_there =
        |left: &LeftBehind| matches!(left.remnant(), Remnant::Object(_)) && left.certainty() == Certainty::Seen;
    error.left_behind().iter().any(is_there)
}

/// What the answer and the look say together.
fn ours(committed: Committed, info: ObjectInfo, confirmed: Confirmed) -> Ours {
    let committed = Committed { etag: info.etag, version: info.version, checksum: info.checksum, ..committed };
    Ours { committed, confirmed }
}

/// Whether an object was surely committed after ours. Services tell times in whole seconds, so the same second proves
/// nothing.
fn is_later(info: &ObjectInfo, committed: &Committed) -> bool {
    let seconds =
        |time: std::time::SystemTime| time.duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs();
    match (info.modified, committed.at) {
        (Some(modified), Some(at)) => seconds(modified) > seconds(at),
        _ => false,
    }
}

/// The URL of an object, for messages.
pub(super) fn store_location(store: &dyn ObjectStore, key: &Key) -> String {
    format!("{}/{key}", store.url())
}
