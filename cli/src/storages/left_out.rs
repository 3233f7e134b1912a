//! What stands for an adapter that this build was made without.

use super::Streams;
use crate::args::StorageArgs;
use crate::failure::Failure;
use sealift::Bucket;

macro_rules! left_out {
    ($name:ident, $feature:literal) => {
        #[cfg(not(feature = $feature))]
        pub(super) mod $name {
            use super::*;

            pub(in crate::storages) async fn open(_: &StorageArgs, _: String, _: Streams) -> Result<Bucket, Failure> {
                Err(Failure::usage(concat!(
                    "this sealift was built without ",
                    $feature,
                    "; build it with the feature `",
                    $feature,
                    "`"
                )))
            }
        }
    };
}

left_out!(s3, "s3");
left_out!(gcs, "gcs");
left_out!(azure, "azure");
