//! Which storage a command is about, and how it is used.

use super::time::time;
use crate::machine;
use bytesize::ByteSize;
use clap::{Args, ValueEnum};
use jiff::SignedDuration;
use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;

/// Which storage, and how to use it. The same for every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Storage")]
pub(crate) struct StorageArgs {
    /// s3-native, gcs-native, azure-native, local-fs, command-adapter, or a URL: s3://BUCKET/PREFIX, gs://BUCKET/PREFIX,
    /// az://CONTAINER/PREFIX, file:///FOLDER.
    #[arg(long, env = "SEALIFT_STORAGE", hide_env_values = true, value_name = "KIND|URL")]
    pub(crate) storage: Option<String>,
    /// The bucket (s3-native, gcs-native) or the container (azure-native).
    #[arg(long, visible_alias = "container", value_name = "NAME")]
    pub(crate) bucket: Option<String>,
    /// What every key begins with.
    #[arg(long, default_value = "")]
    pub(crate) prefix: String,
    /// The folder (local-fs).
    #[arg(long, value_name = "FOLDER")]
    pub(crate) local_fs_dir: Option<PathBuf>,
    /// The YAML file that says which commands reach the storage (command-adapter).
    #[arg(long, value_name = "FILE")]
    pub(crate) command_adapter_config: Option<PathBuf>,
    /// The service's URL, for services other than the cloud's own. For S3, AWS_ENDPOINT_URL works too; for
    /// Google STORAGE_EMULATOR_HOST, and without credentials then.
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint_url: Option<String>,
    /// The bucket's region (s3-native). AWS_REGION and profiles work too.
    #[arg(long)]
    pub(crate) region: Option<String>,
    /// A file with the certificates (PEM) of the authorities that are trusted, in place of the system's. SSL_CERT_FILE works
    /// too, and where it is not set AWS_CA_BUNDLE (s3-native), REQUESTS_CA_BUNDLE (azure-native) and
    /// CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE (gcs-native).
    #[arg(long, env = "SEALIFT_CA_FILE", value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Use no credentials (public buckets).
    #[arg(long)]
    pub(crate) anonymous: bool,
    #[command(flatten)]
    pub(crate) s3: S3Args,
    #[command(flatten)]
    pub(crate) azure: AzureArgs,
    #[command(flatten)]
    pub(crate) gcs: GcsArgs,
    /// The checksums the service takes [default: the provider's; full-object on AWS and unknown S3 services].
    #[arg(long)]
    pub(crate) checksums: Option<ChecksumsArg>,
    /// Compress with gzip or zstd, or store as it is [default: gzip; none on local-fs]. Reading with one of the two
    /// reads both, and with none gives what is stored.
    #[arg(long)]
    pub(crate) codec: Option<CodecArg>,
    /// Compression level, from 1 (fastest) to 12 for gzip, 19 for zstd (smallest), or auto: the highest, up to 9, for which there
    /// is time while the input or the service is waited for, and a lower one where nothing is [default: gzip 5, zstd 3].
    #[arg(long, value_name = "N")]
    pub(crate) level: Option<LevelArg>,
    /// Compression threads [default: one for each core that the process may use].
    #[arg(long, value_name = "N")]
    pub(crate) compress_threads: Option<NonZeroUsize>,
    /// Memory for the data of all open files; for backups also for what is read ahead from the node [default: 1/32 of what
    /// the process may use, from 64MiB to 256MiB; `sealift config show put` tells how much that is].
    #[arg(long, default_value_t = machine::memory(), hide_default_value = true, value_name = "SIZE")]
    pub(crate) memory: ByteSize,
    /// The size of the first parts [default: the provider's].
    #[arg(long, value_name = "SIZE")]
    pub(crate) part_size: Option<ByteSize>,
    /// About how much will be stored, so that parts are large enough from the start. Needed only for terabytes, or
    /// where all parts must be equal.
    #[arg(long, value_name = "SIZE")]
    pub(crate) expected_size: Option<ByteSize>,
    /// For how long a service that fails, or cannot be reached, is tried again before a request is given up (30s, 1h; 0s:
    /// not at all) [default: 5m].
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) give_up_after: Option<SignedDuration>,
    /// One JSON document on standard output instead of text (for get, on standard error).
    #[arg(long)]
    pub(crate) json: bool,
    /// No summary of what was done.
    #[arg(long, short, conflicts_with = "json")]
    pub(crate) quiet: bool,
}

/// What says where in which storage a command works.
pub(crate) const LOCATION: [&str; 5] = ["storage", "bucket", "prefix", "local_fs_dir", "command_adapter_config"];

/// How the storages begin, by their kind and their URLs, that the options of a group are of; none for other groups.
pub(crate) fn of_a_cloud(group: &str) -> Option<[&'static str; 2]> {
    match group {
        "S3Args" => Some(["s3-native", "s3://"]),
        "AzureArgs" => Some(["azure-native", "az://"]),
        "GcsArgs" => Some(["gcs-native", "gs://"]),
        _ => None,
    }
}

impl StorageArgs {
    /// How the summary of what was done is told.
    pub(crate) fn summary(&self) -> Summary {
        match (self.json, self.quiet) {
            (true, _) => Summary::Json,
            (false, true) => Summary::None,
            (false, false) => Summary::Text,
        }
    }
}

/// What only s3-native asks for.
#[derive(Debug, Clone, Args)]
pub(crate) struct S3Args {
    /// Whether the service keeps the condition of --if-absent, for those who know it of theirs. Without it, it is known of
    /// some services, and proven of the others on an object of its own, once (s3-native).
    #[arg(long)]
    pub(crate) conditional_writes: Option<ConditionalWritesArg>,
    /// Whether requests name the bucket in their path or in their host (s3-native) [default: auto, in the path where an
    /// endpoint is given whose service takes that].
    #[arg(long)]
    pub(crate) addressing: Option<AddressingArg>,
}

impl S3Args {
    /// Whether any of them was said.
    pub(crate) fn is_given(&self) -> bool {
        self.conditional_writes.is_some() || self.addressing.is_some()
    }
}

/// What only azure-native asks for. Keys and signatures are no options: everybody can read a command line.
#[derive(Debug, Clone, Args)]
pub(crate) struct AzureArgs {
    /// The storage account (azure-native). AZURE_STORAGE_ACCOUNT works too, and AZURE_STORAGE_CONNECTION_STRING.
    #[arg(long, value_name = "ACCOUNT")]
    pub(crate) account_name: Option<String>,
    /// A file that holds a shared access signature (azure-native), read again when the service does not take it any more.
    /// Without it: AZURE_STORAGE_CONNECTION_STRING, AZURE_STORAGE_KEY, AZURE_STORAGE_SAS_TOKEN, or a login with Entra
    /// ID.
    #[arg(long, value_name = "FILE", conflicts_with = "anonymous")]
    pub(crate) sas_file: Option<PathBuf>,
}

impl AzureArgs {
    /// Whether any of them was said.
    pub(crate) fn is_given(&self) -> bool {
        self.account_name.is_some() || self.sas_file.is_some()
    }
}

/// What only gcs-native asks for.
#[derive(Debug, Clone, Args)]
pub(crate) struct GcsArgs {
    /// A JSON file with the key of a service account, or another kind of credentials that Google's tools write
    /// (gcs-native). Without it, where Google's tools look: GOOGLE_APPLICATION_CREDENTIALS, `gcloud auth
    /// application-default login`, the machine's own account.
    #[arg(long, value_name = "FILE", conflicts_with = "anonymous")]
    pub(crate) credentials_file: Option<PathBuf>,
    /// Send one long stream to Google over several connections at once, as a multipart upload; by default it goes over one
    /// (gcs-native). What must not replace anything (--if-absent, new files of a backup) stays on one: Google takes no condition
    /// with such an upload. It needs storage.multipartUploads.create, .abort and .listParts; what a crash leaves of it is billed until
    /// `sealift sweep --foreign` or a lifecycle rule removes it. For other storages it changes nothing: they get several parts at once anyway.
    #[arg(long)]
    pub(crate) parallel_stream: bool,
}

impl GcsArgs {
    /// Whether any of them was said that means nothing elsewhere.
    pub(crate) fn is_given(&self) -> bool {
        self.credentials_file.is_some()
    }
}

/// How a summary is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Summary {
    Text,
    Json,
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ChecksumsArg {
    FullObject,
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ConditionalWritesArg {
    Honoured,
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AddressingArg {
    Path,
    Virtual,
    Auto,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CodecArg {
    Gzip,
    Zstd,
    None,
}

/// What `--level` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LevelArg {
    Auto,
    Number(u8),
}

impl FromStr for LevelArg {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(LevelArg::Auto),
            number => number.parse().map(LevelArg::Number).map_err(|_| "a level is a number, or auto"),
        }
    }
}

impl fmt::Display for LevelArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LevelArg::Auto => f.write_str("auto"),
            LevelArg::Number(number) => number.fmt(f),
        }
    }
}
