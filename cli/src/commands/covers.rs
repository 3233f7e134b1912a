//! `ls --aptos`: what an archive of backups covers, by its metadata.

use super::reads_at_once;
use crate::args::{Ls, StorageArgs};
use crate::failure::Failure;
use crate::report::{self, Place};
use crate::storages::Opened;
use sealift::BackupStorage;
use sealift_aptos::Known;
use sealift_command::CommandStorage;

pub(super) async fn run(args: Ls) -> Result<(), Failure> {
    let opened = Opened::below(&args.storage, &args.name).await?;
    opened.check_folder().await?;
    let place = Place::url(opened.location_within());
    tell(&args, &opened.into_archive()?, &place).await
}

/// Through a command adapter, whose configuration says which archive it is.
pub(super) async fn by_command(args: &Ls, storage: &CommandStorage) -> Result<(), Failure> {
    if !args.name.is_empty() {
        return Err(Failure::usage(format!(
            "{}: the commands of --command-adapter-config say where the archive is; leave out the name",
            args.name
        )));
    }
    tell(args, storage, &commands_of(&args.storage)).await
}

/// The archive behind a command adapter.
pub(super) fn commands_of(args: &StorageArgs) -> Place {
    let file = args.command_adapter_config.as_deref().unwrap_or("".as_ref());
    Place::commands(&file.to_string_lossy())
}

async fn tell(args: &Ls, storage: &dyn BackupStorage, place: &Place) -> Result<(), Failure> {
    let known = Known::read(storage, reads_at_once(args.concurrent_downloads, storage)).await?;
    if known.is_empty() {
        return Err(Known::no_archive(&place.name).into());
    }
    let coverage = known.coverage();
    crate::metrics::note_gaps(known.gaps().len());
    match args.storage.json {
        true => report::line(report::covers_json(place, &known, &coverage)),
        false => report::text(&report::covers(place, &known, &coverage)),
    }
    Ok(())
}
