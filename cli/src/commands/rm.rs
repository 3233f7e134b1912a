//! `rm`: removes objects, one after the other, and can say at any moment which.

use super::stoppable;
use crate::args::Rm;
use crate::failure::{Cause, Failure};
use crate::interrupt::Interrupt;
use crate::outcome::Aftermath;
use crate::report;
use crate::storages::Opened;
use sealift::{ErrorKind, Key};
use std::pin::pin;
use std::time::Duration;
use tokio::time::timeout;

/// What a removal under way gets to be answered after a signal: its answer tells more than its end.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

pub(super) async fn run(args: Rm, interrupt: &Interrupt) -> Result<(), Failure> {
    let (opened, keys) = stoppable(interrupt, looked_at(&args)).await?;
    let mut removed = Vec::new();
    for key in &keys {
        if let Some(stop) = interrupt.received() {
            return Err(Failure::interrupted(stop).and(Aftermath::Removed { removed, unknown: None }));
        }
        let location = opened.location(key);
        match answered(interrupt, opened.bucket.remove(key)).await {
            Ok(()) => removed.push(location),
            Err(failure) if is_refusal(&failure) && removed.is_empty() => return Err(failure),
            Err(failure) => {
                let unknown = (!is_refusal(&failure)).then_some(location);
                return Err(failure.and(Aftermath::Removed { removed, unknown }));
            }
        }
    }
    Ok(())
}

/// Looks at all of them first, so that a name that is wrong removes nothing. Who may not look may still remove.
async fn looked_at(args: &Rm) -> Result<(Opened, Vec<Key>), Failure> {
    let names: Vec<&str> = args.names.iter().map(String::as_str).collect();
    let opened = Opened::objects(&args.storage, &names).await?;
    let keys = opened.keys()?;
    for key in &keys {
        match opened.bucket.stat(key).await {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Denied => {
                report::note(format_args!("sealift: whether {} is there could not be seen", opened.location(key)));
            }
            Err(error) => {
                let removed = Aftermath::Removed { removed: Vec::new(), unknown: None };
                return Err(Failure::from(error).and(removed));
            }
        }
    }
    Ok((opened, keys))
}

/// Waits for the answer to `removal`, and after a signal for [`ANSWER_LIMIT`] more.
pub(super) async fn answered<T>(
    interrupt: &Interrupt,
    removal: impl Future<Output = sealift::Result<T>>,
) -> Result<T, Failure> {
    let mut removal = pin!(removal);
    let stop = tokio::select! {
        biased;
        answer = &mut removal => return Ok(answer?),
        stop = interrupt.requested() => stop,
    };
    match timeout(ANSWER_LIMIT, removal).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Failure::interrupted(stop)),
    }
}

fn is_refusal(failure: &Failure) -> bool {
    matches!(failure.cause(), Cause::Storage(error) if error.kind() == ErrorKind::Denied)
}
