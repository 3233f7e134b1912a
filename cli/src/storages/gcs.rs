//! Google Cloud Storage as the arguments and the environment describe it.

use crate::args::{ChecksumsArg, StorageArgs};
use crate::failure::Failure;
use sealift::Bucket;
use sealift_gcs::{Credentials, GcsOptions, GcsStore, Streams};

/// Where an emulator is, for all of Google's clients. They send it no credentials.
const EMULATOR: &str = "STORAGE_EMULATOR_HOST";

pub(super) async fn open(args: &StorageArgs, bucket: String, streams: super::Streams) -> Result<Bucket, Failure> {
    let options = options(args, bucket, |name| std::env::var(name).ok())?;
    Ok(streams.of(GcsStore::connect(options).await?))
}

fn options(
    args: &StorageArgs,
    bucket: String,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<GcsOptions, Failure> {
    let mut options = GcsOptions::new(bucket);
    let emulator = environment(EMULATOR).filter(|host| !host.is_empty());
    match (&args.endpoint_url, emulator) {
        (Some(endpoint), _) => options.endpoint = Some(endpoint.clone()),
        (None, Some(host)) => {
            options.endpoint = Some(if host.contains("://") { host } else { format!("http://{host}") });
            options.credentials = Credentials::Anonymous;
        }
        (None, None) => {}
    }
    if args.anonymous {
        options.credentials = Credentials::Anonymous;
    } else if let Some(file) = &args.gcs.credentials_file {
        options.credentials = Credentials::File(file.clone());
    }
    if args.gcs.parallel_stream {
        options.streams = Streams::Multipart;
    }
    options.part_size = args.part_size.map(|size| size.as_u64());
    options.expected_size = args.expected_size.map(|size| size.as_u64());
    if args.region.is_some() {
        return Err(Failure::usage("--region: a bucket of Google's is found by its name alone"));
    }
    match args.checksums {
        None | Some(ChecksumsArg::FullObject) => Ok(options),
        Some(ChecksumsArg::None) => {
            Err(Failure::usage("--checksums none: Google always keeps a checksum, and it is compared"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Cli;
    use clap::Parser;

    fn read(arguments: &[&str], emulator: Option<&str>) -> Result<GcsOptions, String> {
        let cli = Cli::try_parse_from([&["sealift", "stat", "x"], arguments].concat()).expect("arguments");
        let crate::args::Command::Stat(stat) = cli.command else { panic!("stat") };
        let environment = |name: &str| emulator.filter(|_| name == EMULATOR).map(str::to_owned);
        options(&stat.storage, "b".into(), environment).map_err(|failure| failure.to_string())
    }

    #[test]
    fn where_endpoint_and_credentials_come_from() {
        let ok = |arguments: &[&str], emulator| read(arguments, emulator).expect("fine");
        let by_default = ok(&[], Some(""));
        assert_eq!((by_default.endpoint, by_default.credentials), (None, Credentials::ApplicationDefault));
        for (host, endpoint) in [("h:1", "http://h:1"), ("https://h", "https://h")] {
            let emulated = ok(&[], Some(host));
            assert_eq!((emulated.endpoint.as_deref(), emulated.credentials), (Some(endpoint), Credentials::Anonymous));
        }
        let said = ok(&["--endpoint-url=https://p"], Some("h:1"));
        assert_eq!((said.endpoint.as_deref(), said.credentials), (Some("https://p"), Credentials::ApplicationDefault));
        let by_file = ok(&["--credentials-file=/k.json"], Some("http://127.0.0.1:1")).credentials;
        assert_eq!(by_file, Credentials::File("/k.json".into()));
        assert_eq!(ok(&["--anonymous"], None).credentials, Credentials::Anonymous);
        assert_eq!(ok(&[], None).streams, Streams::Session);
        assert_eq!(ok(&["--parallel-stream"], None).streams, Streams::Multipart);
        read(&["--region=x"], None).expect_err("no region");
        read(&["--checksums=none"], None).expect_err("always");
    }
}
