//! S3 as the arguments describe it.

use super::Streams;
use crate::args::{ChecksumsArg, StorageArgs};
use crate::failure::Failure;
use sealift::Bucket;
use sealift_s3::{Checksums, Credentials, S3Options, S3Store};

pub(super) async fn open(args: &StorageArgs, bucket: String, streams: Streams) -> Result<Bucket, Failure> {
    Ok(streams.of(S3Store::connect(options(args, bucket)).await?))
}

fn options(args: &StorageArgs, bucket: String) -> S3Options {
    let mut options = S3Options::new(bucket);
    options.endpoint_url = args.endpoint_url.clone();
    options.region = args.region.clone();
    options.part_size = args.part_size.map(|size| size.as_u64());
    options.expected_size = args.expected_size.map(|size| size.as_u64());
    options.checksums = args.checksums.map(|checksums| match checksums {
        ChecksumsArg::FullObject => Checksums::FullObject,
        ChecksumsArg::None => Checksums::None,
    });
    if args.anonymous {
        options.credentials = Credentials::Anonymous;
    }
    options
}
