//! `stat` and `mv`: objects without their content. `ls` is in `list`.

use super::{changing, owned, stoppable};
use crate::args::{Mv, Stat, Summary};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::outcome::Aftermath;
use crate::report;
use crate::storages::Opened;
use sealift::ErrorKind;
use std::cell::Cell;

/// A move is not dropped on a signal: it is asked to stop, and its own result says what became of it.
pub(super) async fn mv(args: Mv, interrupt: &Interrupt) -> Result<(), Failure> {
    let opened = stoppable(interrupt, Opened::objects(&args.storage, &[&args.from, &args.to])).await?;
    let (from, to) = (opened.key()?, opened.new_key_of(&opened.names()[1])?);
    let stopped = Cell::new(false);
    let work = async {
        let moved = owned(interrupt, &opened.bucket, opened.bucket.rename(&from, &to)).await;
        moved.map_err(|error| match interrupt.received() {
            None => Failure::from(error),
            Some(stop) if error.kind() == ErrorKind::Cancelled => {
                stopped.set(true);
                Failure::interrupted(stop).with_left(error.left_behind().to_vec())
            }
            Some(stop) => {
                let left = error.left_behind().to_vec();
                Failure::interrupted(stop).with_left(left).and(Aftermath::Said(error))
            }
        })
    };
    changing(interrupt, &opened.bucket, work, |clean| stopped.get().then_some(Aftermath::NotMoved(clean))).await?;
    let (from, to) = (opened.location(&from), opened.location(&to));
    match args.storage.summary() {
        Summary::Json => report::line(report::moved_json(&from, &to)),
        Summary::Text => report::line(format_args!("moved {} to {}", report::pasted(&from), report::pasted(&to))),
        Summary::None => {}
    }
    Ok(())
}

pub(super) async fn stat(args: Stat) -> Result<(), Failure> {
    let opened = Opened::object(&args.storage, &args.name).await?;
    let info = match &args.version_id {
        Some(version) => opened.bucket.stat_version(&opened.key()?, version).await?,
        None => opened.bucket.stat(&opened.key()?).await?,
    };
    let name = opened.name_of(&info.key);
    match args.storage.json {
        true => report::line(report::object_json(&name, &info, opened.bucket.checksum_algorithm())),
        false => report::line(report::object(&name, &info, report::Sizes::Bytes)),
    }
    Ok(())
}
