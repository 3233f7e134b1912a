//! The end of an upload that is not to be: its blocks are discarded, and it is looked until none is left that could be
//! committed. What cannot be seen, discarded or awaited is named.
//!
//! * *Blocks of another upload there too*: nothing is done, because Azure discards only all together, which would destroy
//!   that upload. When the other is committed or aborted, ours go with its blocks.
//! * *Blocks that were never answered* may arrive later, and are named unless each was seen. Those whose bytes were not all
//!   sent are refused by the service.
//! * *A service that says that nothing is there*, and had said that it has a block: it is looked again for a while, and then
//!   the blocks are named. Another's sweep may have been quicker, or one of the answers is wrong.
//! * *Credentials that may not read* see no blocks. If they may not stage any either, there are none.
//!
//! A completion that arrives later finds no blocks, and fails.

use crate::block_list::{BlockList, existing_block_list};
use crate::blocks::UploadId;
use crate::client::Client;
use crate::discard::{Discarded, discard, marker_left, settle_marker};
use crate::passing::passing;
use crate::stage;
use crate::trace::Trace;
use sealift::{Error, ErrorKind, LeftBehind, Result};
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::sleep;

const OPERATION: &str = "abort the upload of";

/// The pauses between a discard and the next look for blocks, in milliseconds: 16 s in all.
const PAUSES: [u64; 8] = [10, 100, 200, 500, 1_000, 2_000, 4_000, 8_000];
/// How many looks without a block end the abort of an upload that had blocks without an answer, which may still arrive, or
/// blocks that should be there: 2 to 4 s.
const LOOKS_IN_DOUBT: usize = 5;

/// What becomes of blocks that are left.
pub(crate) const REMEDY: &str =
    "`sealift sweep` removes it; otherwise the next commit to the key does, or the service after a week";
const LATE: &str = "blocks were sent and not answered, so they may still arrive";
const UNSEEN: &str = "nothing of it can be seen, and the service drops it after a week";
const MORE_RIGHTS: &str = "with credentials that may also read and delete blobs (a shared access signature with sp=rwd, \
                           the role Storage Blob Data Contributor), Sealift removes it itself";

/// The blocks that were sent, or were to be, by their ids.
pub(crate) type Staged = HashMap<Vec<u8>, Trace>;

/// Whether the service has not said of any block that it has it, or that it may have it.
fn none_answered(staged: &Staged) -> bool {
    staged.values().map(|block| block.attempts.effect()).all(|effect| effect.applied + effect.unclear == 0)
}

/// Whether the service has said that it has a block that was not discarded since.
fn some_are_there(staged: &Staged) -> bool {
    staged.values().any(Trace::is_there)
}

fn some_are_late(staged: &Staged) -> bool {
    staged.values().any(|block| block.late() > 0)
}

/// Discards the blocks of `upload`, which are `staged`, by a `marker` where no blob is. Done again after an error, it goes on
/// with what is known of both.
pub(crate) async fn abort(client: &Client, key: &str, upload: UploadId, staged: &Staged, marker: &Trace) -> Result<()> {
    if !staged.values().any(|block| block.attempts.effect().is_possible()) {
        return Ok(());
    }
    let discarded = discard_all(client, key, upload, staged, marker).await;
    match discarded.map_err(|error| error.with_left_behind(marker_left(client, key, marker)))? {
        Hunt::Over => {}
        Hunt::NothingToFind => return Ok(()),
    }
    let late_marker = settle_marker(client, OPERATION, key, marker).await?;
    let late_blocks = some_are_late(staged).then(|| left(client, key, upload).perhaps().because(LATE));
    match late_blocks.into_iter().chain(late_marker).collect::<Vec<_>>() {
        late if late.is_empty() => Ok(()),
        late => {
            let reason = late[0].reason().unwrap_or_default().to_owned();
            Err(Error::new(ErrorKind::TimedOut, OPERATION, client.location(key), reason).with_left_behind(late))
        }
    }
}

/// How the hunt for blocks ended.
enum Hunt {
    /// None is listed any more.
    Over,
    /// There were none, and there will be none.
    NothingToFind,
}

/// Discards blocks until none of `upload` is listed, and looks for a while where some may still arrive.
async fn discard_all(client: &Client, key: &str, upload: UploadId, staged: &Staged, marker: &Trace) -> Result<Hunt> {
    let refused = |reason: &str| {
        let error = Error::new(ErrorKind::Service, OPERATION, client.location(key), reason);
        error.with_left_behind([left(client, key, upload)])
    };
    let (mut empty_looks, mut contradicts) = (0, false);
    for pause in PAUSES {
        let found = match look(client, key, upload).await {
            Ok(blocks) => blocks,
            Err(error) if error.kind() == ErrorKind::Denied && none_answered(staged) => {
                return none_may_be_staged(client, key, upload, error).await;
            }
            Err(error) => return Err(error),
        };
        contradicts = found.is_none() && some_are_there(staged);
        let blocks = found.unwrap_or_default();
        let uploads = blocks.uploads();
        if !uploads.contains(&Some(upload)) {
            empty_looks += 1;
            let in_doubt = contradicts || some_are_late(staged);
            if empty_looks >= if in_doubt { LOOKS_IN_DOUBT } else { 1 } {
                break;
            }
        } else if uploads.len() > 1 {
            let reason = "blocks of another upload to the same key are there, and Azure removes only all together";
            return Err(refused(reason).with_hint("upload to one key once at a time"));
        } else {
            empty_looks = 0;
            let discarded = discard(client, OPERATION, key, &blocks, upload, marker).await;
            match discarded.map_err(|error| error.with_left_behind([left(client, key, upload)]))? {
                Discarded::Done => {
                    staged.iter().filter(|(id, _)| blocks.holds(id)).for_each(|(_, block)| block.removed());
                }
                Discarded::Overtaken => {}
                Discarded::InTheWay(why) => {
                    return Err(refused(&format!("a blob is there that cannot be committed anew as it is: {why}")));
                }
                Discarded::MayNotDelete => {
                    let reason =
                        "blocks can be discarded by an empty blob only, which these credentials may not delete";
                    return Err(refused(reason).with_hint(MORE_RIGHTS));
                }
            }
        }
        sleep(Duration::from_millis(pause)).await;
    }
    match empty_looks {
        0 => Err(refused("blocks are still listed after they were discarded")),
        _ if contradicts => Err(contradicted(client, key, upload)),
        _ => Ok(Hunt::Over),
    }
}

/// What credentials may not stage is not there, whatever became of the requests: asked where a look was `denied`.
async fn none_may_be_staged(client: &Client, key: &str, upload: UploadId, denied: Error) -> Result<Hunt> {
    let probe = upload.block(0, client.clock.now());
    match stage::is_permitted(client, key, &probe).await {
        Ok(false) => Ok(Hunt::NothingToFind),
        Err(error) if passing(&error).is_some() => {
            let unknown = client.failed(OPERATION, key, error);
            Err(unknown.with_left_behind(denied.left_behind().to_vec()))
        }
        Ok(true) | Err(_) => Err(denied),
    }
}

fn left(client: &Client, key: &str, upload: UploadId) -> LeftBehind {
    LeftBehind::upload(client.location(key), upload.to_string()).with_remedy(REMEDY)
}

/// The service has said both that it has blocks of `upload` and that there is nothing.
fn contradicted(client: &Client, key: &str, upload: UploadId) -> Error {
    let reason = "the service says that nothing is there, and had said that it has blocks";
    let error = Error::new(ErrorKind::Service, OPERATION, client.location(key), reason);
    error.with_left_behind([left(client, key, upload).perhaps().because(reason)])
}

/// Which blocks are there; `None` where the service says that there is nothing of that name. Where that cannot be seen,
/// those of `upload` may be.
async fn look(client: &Client, key: &str, upload: UploadId) -> Result<Option<BlockList>> {
    let error = match existing_block_list(client, key).await {
        Ok(blocks) => return Ok(blocks),
        Err(error) => client.failed(OPERATION, key, error),
    };
    let left = left(client, key, upload).perhaps();
    let left = left.because(format!("which blocks are there could not be seen: {}", error.reason()));
    Err(match error.kind() {
        ErrorKind::Denied => error.with_left_behind([left.with_remedy(UNSEEN)]).with_hint(MORE_RIGHTS),
        _ => error.with_left_behind([left]),
    })
}
