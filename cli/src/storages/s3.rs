//! S3 as the arguments describe it.

use super::Streams;
use crate::args::{AddressingArg, ChecksumsArg, ConditionalWritesArg, StorageArgs};
use crate::failure::Failure;
use sealift::Bucket;
use sealift_s3::{Addressing, Checksums, Conditions, Credentials, S3Options, S3Store};
use std::path::PathBuf;

pub(super) async fn open(args: &StorageArgs, bucket: String, streams: Streams) -> Result<Bucket, Failure> {
    let mut options = options(args, bucket, |name| std::env::var_os(name).map(PathBuf::from));
    options.retry_policy = streams.retry_policy;
    Ok(streams.of(S3Store::connect(options).await?))
}

fn options(args: &StorageArgs, bucket: String, folder: impl Fn(&str) -> Option<PathBuf>) -> S3Options {
    let mut options = S3Options::new(bucket);
    options.endpoint_url = args.endpoint_url.clone();
    options.region = args.region.clone();
    options.part_size = args.part_size.map(|size| size.as_u64());
    options.expected_size = args.expected_size.map(|size| size.as_u64());
    options.checksums = args.checksums.map(|checksums| match checksums {
        ChecksumsArg::FullObject => Checksums::FullObject,
        ChecksumsArg::None => Checksums::None,
    });
    options.conditional_writes = args.s3.conditional_writes.map(|conditions| match conditions {
        ConditionalWritesArg::Honoured => Conditions::Honoured,
        ConditionalWritesArg::Unknown => Conditions::Unknown,
    });
    options.addressing = match args.s3.addressing {
        Some(AddressingArg::Path) => Addressing::Path,
        Some(AddressingArg::Virtual) => Addressing::VirtualHost,
        Some(AddressingArg::Auto) | None => Addressing::Automatic,
    };
    options.conditions_cache = conditions_cache(folder);
    if args.anonymous {
        options.credentials = Credentials::Anonymous;
    }
    options
}

/// The file in which is kept what services have proven, where such files belong; none where nobody is at home.
fn conditions_cache(folder: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    // A relative path is to be ignored, says the specification of these folders.
    let folder = |name: &str| folder(name).filter(|path| path.is_absolute());
    let caches = folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")))?;
    Some(caches.join("sealift/conditional-writes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_kept_where_caches_are() {
        let cache = |variables: &[(&str, &str)]| {
            conditions_cache(|name| variables.iter().find(|(set, _)| *set == name).map(|(_, path)| path.into()))
        };
        let (xdg, home) = (("XDG_CACHE_HOME", "/c"), ("HOME", "/h"));
        assert_eq!(cache(&[xdg, home]), Some("/c/sealift/conditional-writes".into()));
        assert_eq!(cache(&[home]), Some("/h/.cache/sealift/conditional-writes".into()));
        assert_eq!(cache(&[("XDG_CACHE_HOME", "c"), home]), Some("/h/.cache/sealift/conditional-writes".into()));
        assert_eq!(cache(&[]), None);
    }
}
