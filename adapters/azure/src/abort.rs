//! The end of an upload that is not to be: its blocks are discarded, and it is looked until none is left that could be
//! committed. What cannot be seen, discarded or awaited is named.
//!
//! * *Blocks of another upload there too*: nothing is done, because Azure discards only all together, which would destroy
//!   that upload. When the other is committed or aborted, ours go with its blocks.
//! * *Blocks that were never answered* may arrive later, and are named unless each was seen. Those whose bytes were not all
//!   sent are refused by the service.
//! * *Credentials that may not read* see no blocks. If they may not stage any either, there are none.
//!
//! A completion that arrives later finds no blocks, and fails.

use crate::block_list::{BlockList, block_list};
use crate::blocks::UploadId;
use crate::client::Client;
use crate::discard::{Discarded, discard};
use crate::stage;
use sealift::{Attempts, Error, ErrorKind, LeftBehind, Result};
use std::time::Duration;
use tokio::time::sleep;

const OPERATION: &str = "abort the upload of";

/// The pauses between a discard and the next look for blocks, in milliseconds: 16 s in all.
const PAUSES: [u64; 8] = [10, 100, 200, 500, 1_000, 2_000, 4_000, 8_000];
/// How many looks without a block end the abort of an upload that had blocks without an answer, which may still arrive:
/// 2 to 4 s.
const LOOKS_FOR_LATE_BLOCKS: usize = 5;

/// What becomes of blocks that are left.
pub(crate) const REMEDY: &str =
    "`sealift sweep` removes it; otherwise the next commit to the key does, or the service after a week";
const UNSEEN: &str = "nothing of it can be seen, and the service drops it after a week";
const MORE_RIGHTS: &str = "with credentials that may also read and delete blobs (a shared access signature with sp=rwd, \
                           the role Storage Blob Data Contributor), Sealift removes it itself";

/// A block that was sent, or was to be.
#[derive(Debug, Clone)]
pub(crate) struct Staged {
    pub(crate) id: Vec<u8>,
    pub(crate) attempts: Attempts,
}

/// A block, and how often it was seen and discarded.
struct Hunted<'a> {
    block: &'a Staged,
    discarded: usize,
}

impl Hunted<'_> {
    /// How many attempts to stage it may still take effect. What was seen and discarded was one of them, or one that was
    /// answered: a block that is staged twice is listed once.
    fn late(&self) -> usize {
        let effect = self.block.attempts.effect();
        let possible = effect.unanswered + effect.unclear + effect.applied;
        effect.unanswered.min(possible.saturating_sub(self.discarded))
    }
}

/// Whether the service has not said of any block that it has it, or that it may have it.
fn none_answered(hunted: &[Hunted<'_>]) -> bool {
    hunted.iter().map(|hunted| hunted.block.attempts.effect()).all(|effect| effect.applied + effect.unclear == 0)
}

/// Discards the blocks of `upload`, which are `staged`.
pub(crate) async fn abort(client: &Client, key: &str, upload: UploadId, staged: &[Staged]) -> Result<()> {
    let possible = staged.iter().filter(|block| block.attempts.effect().is_possible());
    let mut hunted: Vec<_> = possible.map(|block| Hunted { block, discarded: 0 }).collect();
    if hunted.is_empty() {
        return Ok(());
    }
    let late = |hunted: &[Hunted<'_>]| hunted.iter().any(|block| block.late() > 0);
    let left = || LeftBehind::upload(client.location(key), upload.to_string()).with_remedy(REMEDY);
    let refused = |reason: &str| {
        Error::new(ErrorKind::Service, OPERATION, client.location(key), reason).with_left_behind([left()])
    };
    let mut empty_looks = 0;
    for pause in PAUSES {
        let blocks = match look(client, key, left()).await {
            Ok(blocks) => blocks,
            // What these credentials may not stage is not there, whatever became of the requests.
            Err(error) if error.kind() == ErrorKind::Denied && none_answered(&hunted) => {
                let probe = upload.block(0, client.clock.now());
                match stage::is_permitted(client, key, &probe).await {
                    Ok(false) => return Ok(()),
                    _ => return Err(error),
                }
            }
            Err(error) => return Err(error),
        };
        let uploads = blocks.uploads();
        if !uploads.contains(&Some(upload)) {
            empty_looks += 1;
            if empty_looks == if late(&hunted) { LOOKS_FOR_LATE_BLOCKS } else { 1 } {
                break;
            }
        } else if uploads.len() > 1 {
            let reason = "blocks of another upload to the same key are there, and Azure removes only all together";
            return Err(refused(reason).with_hint("upload to one key once at a time"));
        } else {
            empty_looks = 0;
            let discarded = discard(client, OPERATION, key, &blocks, upload).await;
            match discarded.map_err(|error| error.with_left_behind([left()]))? {
                Discarded::Done => {
                    hunted.iter_mut().filter(|hunted| blocks.holds(&hunted.block.id)).for_each(|it| it.discarded += 1);
                }
                Discarded::Overtaken => {}
                Discarded::MarkerMayComeLate(error) => {
                    return Err(match late(&hunted) {
                        true => error.with_left_behind([left().perhaps()]),
                        false => error,
                    });
                }
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
    if empty_looks == 0 {
        return Err(refused("blocks are still listed after they were discarded"));
    }
    match late(&hunted) {
        false => Ok(()),
        true => {
            let reason = "blocks were sent and not answered, so they may still arrive";
            let left = left().perhaps().because(reason);
            Err(Error::new(ErrorKind::TimedOut, OPERATION, client.location(key), reason).with_left_behind([left]))
        }
    }
}

/// Which blocks are there. Where that cannot be seen, `left` may be.
async fn look(client: &Client, key: &str, left: LeftBehind) -> Result<BlockList> {
    let error = match block_list(client, key).await {
        Ok(blocks) => return Ok(blocks),
        Err(error) => client.failed(OPERATION, key, error),
    };
    let left = left.perhaps().because(format!("which blocks are there could not be seen: {}", error.reason()));
    Err(match error.kind() {
        ErrorKind::Denied => error.with_left_behind([left.with_remedy(UNSEEN)]).with_hint(MORE_RIGHTS),
        _ => error.with_left_behind([left]),
    })
}
