//! The two storages of a copy. What is said of a storage is said of TO; of FROM there is `--from-…`, and where both are of
//! one cloud what is said of TO goes for FROM too.

use super::named::{Storage, is_url, named, parse_url};
use super::{Opened, Spelled, prefix, whole_url_alone};
use crate::args::{CodecArg, Copy, FromArgs, StorageArgs};
use crate::failure::Failure;
use sealift::Budget;
use std::mem::discriminant;

/// What is called so is a command adapter, and no storage of objects.
const COMMAND_ADAPTER: &str = "command-adapter";

/// Both storages, opened with one budget.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) from: Opened,
    pub(crate) to: Opened,
}

/// How each storage is reached.
#[derive(Debug)]
pub(crate) struct Sides {
    pub(crate) from: StorageArgs,
    pub(crate) to: StorageArgs,
}

/// Whether a side of a copy is a command adapter.
pub(crate) fn is_command_adapter(name: &str) -> bool {
    name == COMMAND_ADAPTER
}

impl Sides {
    /// As the command line has it: bytes as they are, unless it says otherwise.
    pub(crate) fn of(args: &Copy) -> Result<Self, Failure> {
        let all_urls = is_url(&args.from) && is_url(&args.to);
        if all_urls {
            whole_url_alone(&args.storage)?;
        }
        let from_storage = storage(&args.storage, &args.from)?;
        let to_storage = storage(&args.storage, &args.to)?;
        let one_cloud = match (&from_storage, &to_storage) {
            (Some(Storage::Bucket(from, _)), Some(Storage::Bucket(to, _))) => from == to,
            (Some(from), Some(to)) => discriminant(from) == discriminant(to),
            _ => false,
        };
        let said_of_both = if one_cloud { args.storage.clone() } else { of_no_cloud(&args.storage) };
        let mut from = source(said_of_both, &args.source);
        let mut to = args.storage.clone();
        match args.storage.codec {
            // Bytes as they are stored.
            None => (from.codec, to.codec) = (Some(CodecArg::None), Some(CodecArg::None)),
            // Whatever it was, it is read plain.
            Some(_) => from.codec = Some(args.source.from_codec.unwrap_or(CodecArg::Gzip)),
        }
        // Nothing is compressed there.
        from.level = None;
        Ok(Sides { from, to })
    }
}

/// Which storage a side is of; none for a command adapter.
fn storage(args: &StorageArgs, name: &str) -> Result<Option<Storage>, Failure> {
    if is_command_adapter(name) {
        return Ok(None);
    }
    match is_url(name) {
        true => parse_url(name).map(|(storage, _)| Some(storage)),
        false => named(args).map(Some),
    }
}

/// What is said of TO without what is meant for its cloud.
fn of_no_cloud(to: &StorageArgs) -> StorageArgs {
    let mut args = to.clone();
    (args.endpoint_url, args.region, args.anonymous) = (None, None, false);
    (args.azure.account_name, args.azure.sas_file, args.gcs.credentials_file) = (None, None, None);
    (args.s3.addressing, args.checksums) = (None, None);
    args
}

/// How FROM is reached, by what is said of both sides and what of it alone.
fn source(mut from: StorageArgs, said: &FromArgs) -> StorageArgs {
    // Nothing is stored there.
    from.s3.conditional_writes = None;
    from.endpoint_url = said.from_endpoint_url.clone().or(from.endpoint_url);
    from.region = said.from_region.clone().or(from.region);
    from.anonymous |= said.from_anonymous;
    from.azure.account_name = said.from_account_name.clone().or(from.azure.account_name);
    from.azure.sas_file = said.from_sas_file.clone().or(from.azure.sas_file);
    from.gcs.credentials_file = said.from_credentials_file.clone().or(from.gcs.credentials_file);
    from.command_adapter_config = said.from_command_adapter_config.clone();
    from
}

/// Opens a side that is no command adapter.
pub(crate) async fn open_side(args: &StorageArgs, name: &str, budget: Budget) -> Result<Opened, Failure> {
    match is_url(name) {
        true => Opened::elsewhere(args, name, budget).await,
        false => {
            let names = vec![name.to_owned()];
            Opened::open(args, budget, named(args)?, &prefix(args)?, names, Spelled::ByName).await
        }
    }
}

/// Opens both.
pub(crate) async fn open_pair(args: &Copy) -> Result<Pair, Failure> {
    let sides = Sides::of(args)?;
    let budget = super::budget(&args.storage)?;
    let from = open_side(&sides.from, &args.from, budget.clone()).await?;
    let to = open_side(&sides.to, &args.to, budget).await?;
    let one_endpoint = sides.from.endpoint_url == sides.to.endpoint_url
        && sides.from.azure.account_name == sides.to.azure.account_name;
    if one_endpoint && overlap(&from.location_within(), &to.location_within()) {
        return Err(Failure::usage(
            "FROM and TO are the same, or the one is below the other: copies would be copied; choose a TO beside FROM",
        ));
    }
    Ok(Pair { from, to })
}

fn overlap(one: &str, other: &str) -> bool {
    let below = |one: &str, other: &str| {
        one.strip_prefix(other.trim_end_matches('/')).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    below(one, other) || below(other, one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_below_the_other_overlaps() {
        for (one, other, is) in [
            ("s3://b", "s3://b", true),
            ("s3://b/x", "s3://b", true),
            ("s3://b/x/", "s3://b/x/y", true),
            ("s3://b/x", "s3://b/xy", false),
            ("s3://b", "s3://bc", false),
        ] {
            assert_eq!((overlap(one, other), overlap(other, one)), (is, is), "{one} {other}");
        }
    }
}
