//! Arguments and environments, made of what is known and of what nobody would say.

use crate::any;
use rand::RngExt;
use rand::rngs::StdRng;

/// In the values of everything that is a secret.
pub(crate) const SECRET: &str = "s3cr3t";

/// What a command is started with.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
}

const COMMANDS: [&str; 26] = [
    "put",
    "get",
    "ls",
    "stat",
    "rm",
    "mv",
    "sweep",
    "doctor",
    "run",
    "backup",
    "backup epoch-ending",
    "backup state-snapshot",
    "backup transaction",
    "backup continuously",
    "backup query backup-storage-state",
    "backup query node-state",
    "command-config",
    "storage import",
    "verify",
    "verify plan",
    "verify merge",
    "compact",
    "prune",
    "drill",
    "backup-maintenance compact",
    "help",
];
const OPTIONS: [&str; 70] = [
    "--storage",
    "--bucket",
    "--container",
    "--prefix",
    "--local-fs-dir",
    "--command-adapter-config",
    "--endpoint-url",
    "--region",
    "--ca-file",
    "--anonymous",
    "--conditional-writes",
    "--addressing",
    "--account-name",
    "--sas-file",
    "--credentials-file",
    "--parallel-stream",
    "--checksums",
    "--codec",
    "--level",
    "--compress-threads",
    "--memory",
    "--part-size",
    "--expected-size",
    "--give-up-after",
    "--json",
    "--quiet",
    "--folder",
    "--files-from",
    "--files-from0",
    "--skip-existing",
    "--fail-fast",
    "--if-absent",
    "--allow-empty",
    "-o",
    "--require-checksum",
    "--names",
    "--aptos",
    "--older-than",
    "--yes",
    "--foreign",
    "--program",
    "--start-epoch",
    "--end-epoch",
    "--state-snapshot-epoch",
    "--start-version",
    "--num-transactions",
    "--",
    "--help",
    "--depth",
    "--objects",
    "--trust-waypoint",
    "--end-version",
    "--state-snapshot-before-version",
    "--skip-epoch-endings",
    "--allow-lagging-endings",
    "--unverified-for",
    "--max-bytes",
    "--sample",
    "--max-time",
    "--plan",
    "--shard",
    "--shards",
    "--work",
    "--no-record",
    "--concurrent-downloads",
    "--epoch-ending-file-compact-factor",
    "--state-snapshot-file-compact-factor",
    "--transaction-file-compact-factor",
    "--remove-compacted-file-after",
    "--dry-run",
];
const VARIABLES: [&str; 44] = [
    "SEALIFT_STORAGE",
    "SEALIFT_LOG",
    "SEALIFT_CA_FILE",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_PROFILE",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL_STS",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CA_BUNDLE",
    "AWS_MAX_ATTEMPTS",
    "AWS_RETRY_MODE",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_REQUEST_CHECKSUM_CALCULATION",
    "AZURE_STORAGE_ACCOUNT",
    "AZURE_STORAGE_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
    "AZURE_STORAGE_CONNECTION_STRING",
    "AZURE_CLIENT_ID",
    "AZURE_TENANT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_AUTHORITY_HOST",
    "STORAGE_EMULATOR_HOST",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_CLOUD_QUOTA_PROJECT",
    "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
    "HOME",
    "XDG_CACHE_HOME",
    "TMPDIR",
    "RUST_LOG",
];
/// Where nobody listens.
const CLOSED: &str = "http://127.0.0.1:1";

impl Input {
    /// Any arguments, with credentials for whom they may lead to.
    pub(crate) fn of_arguments(random: &mut StdRng, folder: &str) -> Self {
        let arguments = match random.random_bool(0.3) {
            true => nonsense(random, folder),
            false => plausible(random, folder),
        };
        let secrets = [
            ("AWS_ACCESS_KEY_ID", "AKIDTEST"),
            ("AWS_SECRET_ACCESS_KEY", SECRET),
            ("AZURE_STORAGE_ACCOUNT", "account"),
            ("AZURE_STORAGE_KEY", "czNjcjN0"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ENDPOINT_URL", CLOSED),
        ];
        let environment = secrets.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Input { arguments, environment }.at_home(folder)
    }

    /// A plain command in any environment.
    pub(crate) fn of_environment(random: &mut StdRng, folder: &str) -> Self {
        let storage = any(random, &["s3://bucket/p", "gs://bucket/p", "az://container/p", "s3-native", "file://"]);
        let storage = if storage == "file://" { format!("file://{folder}/f") } else { storage.to_owned() };
        let command = any(random, &["stat", "get", "ls", "put", "rm"]);
        let mut arguments = vec![command.to_owned()];
        if command != "ls" {
            arguments.push("name".to_owned());
        }
        if random.random_bool(0.8) {
            arguments.extend(["--storage".to_owned(), storage]);
        }
        let mut environment = Vec::new();
        for _ in 0..random.random_range(1..8) {
            let name = any(random, &VARIABLES);
            let value = match name {
                "AWS_SECRET_ACCESS_KEY"
                | "AWS_SESSION_TOKEN"
                | "AZURE_STORAGE_KEY"
                | "AZURE_STORAGE_SAS_TOKEN"
                | "AZURE_CLIENT_SECRET"
                | "AZURE_STORAGE_CONNECTION_STRING"
                | "AWS_CONTAINER_AUTHORIZATION_TOKEN" => secret(random, folder),
                _ => value(random, folder),
            };
            environment.push((name.to_owned(), value.replace('\0', "")));
        }
        if random.random_bool(0.5) {
            environment.push(("AWS_ENDPOINT_URL".to_owned(), CLOSED.to_owned()));
        }
        Input { arguments, environment }.at_home(folder)
    }

    /// The same with little time, and with nothing that leads away from here.
    fn at_home(mut self, folder: &str) -> Self {
        for argument in &mut self.arguments {
            *argument = argument.replace('\0', "");
        }
        self.arguments.insert(0, "--deadline=4s".to_owned());
        let end = self.arguments.iter().position(|argument| argument == "--").unwrap_or(self.arguments.len());
        let on_a_storage =
            ["put", "get", "ls", "stat", "rm", "mv", "sweep", "doctor", "run", "verify", "compact", "prune", "drill"];
        if self.arguments.get(1).is_some_and(|command| on_a_storage.contains(&command.as_str())) {
            self.arguments.insert(end, "--give-up-after=0s".to_owned());
        }
        let home = [
            ("PATH", "/usr/bin:/bin"),
            ("HTTP_PROXY", CLOSED),
            ("HTTPS_PROXY", CLOSED),
            ("ALL_PROXY", CLOSED),
            ("http_proxy", CLOSED),
            ("https_proxy", CLOSED),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("GCE_METADATA_HOST", "127.0.0.1:1"),
        ];
        let home = home.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let folders = ["HOME", "TMPDIR"].map(|name| (name.to_owned(), folder.to_owned()));
        let set: Vec<String> = self.environment.iter().map(|(name, _)| name.clone()).collect();
        // A folder that is chosen by chance may be any that nobody may write to.
        self.environment.extend(folders.into_iter().filter(|(name, _)| !set.contains(name)));
        self.environment.extend(home);
        self
    }
}

/// What is mostly no command line at all.
fn nonsense(random: &mut StdRng, folder: &str) -> Vec<String> {
    let mut arguments: Vec<String> = any(random, &COMMANDS).split(' ').map(str::to_owned).collect();
    for _ in 0..random.random_range(0..7) {
        arguments.push(match random.random_range(0..5) {
            0 | 1 => any(random, &OPTIONS).to_owned(),
            2 => format!("{}={}", any(random, &OPTIONS), value(random, folder)),
            _ => value(random, folder),
        });
    }
    arguments
}

/// A command on a storage, with options that it takes and values that they may take.
fn plausible(random: &mut StdRng, folder: &str) -> Vec<String> {
    const SIZES: [&str; 6] = ["5MiB", "8MiB", "64MiB", "1KiB", "0", "5TiB"];
    let local = format!("file://{folder}/f");
    let storage =
        any(random, &["s3://bucket/p", "s3://bucket", "gs://bucket/p", "az://container/p", &local, &local]).to_owned();
    let command = any(
        random,
        &["put", "get", "ls", "stat", "rm", "mv", "sweep", "doctor", "run", "verify", "compact", "prune", "drill"],
    );
    let mut arguments = vec![command.to_owned(), format!("--storage={storage}")];
    for _ in 0..random.random_range(0..4) {
        let (option, of): (&str, &[&str]) = any(
            random,
            &[
                ("--codec", &["gzip", "zstd", "none"]),
                ("--level", &["1", "5", "12", "19"]),
                ("--part-size", &SIZES),
                ("--memory", &["16MiB", "64MiB", "1GiB", "1KiB"]),
                ("--expected-size", &SIZES),
                ("--addressing", &["path", "virtual", "auto"]),
                ("--checksums", &["none", "full-object"]),
                ("--compress-threads", &["1", "2", "64"]),
                ("--prefix", &["a", "a/b", "/a/", "a//b", ".."]),
                ("--endpoint-url", &[CLOSED, "https://127.0.0.1:1", "http://[::1]:1"]),
            ],
        );
        let value = if random.random_bool(0.8) { any(random, of).to_owned() } else { odd(random) };
        arguments.push(format!("{option}={value}"));
    }
    arguments.extend(match command {
        "mv" => vec![value(random, folder), value(random, folder)],
        "ls" | "sweep" | "doctor" | "drill" if random.random_bool(0.5) => Vec::new(),
        "prune" if random.random_bool(0.5) => {
            vec!["--aptos".to_owned(), format!("--recovery-window={}", any(random, &["0", "5", "1d", "x"]))]
        }
        "prune" => vec![
            format!("--group-by={}", any(random, &["{date}", "{*}", "a/{x}-{date}", "{"])),
            "--keep-last=1".to_owned(),
        ],
        "compact" => vec![format!("--transaction-file-compact-factor={}", any(random, &["1", "100", "0"]))],
        _ if random.random_bool(0.1) => vec![signed(random)],
        _ => vec![value(random, folder)],
    });
    if command == "put" && random.random_bool(0.5) {
        arguments.push("--allow-empty".to_owned());
    }
    if command == "run" {
        arguments.extend(["--", "printf", "%s"].map(str::to_owned));
        arguments.push(odd(random));
    }
    arguments
}

fn value(random: &mut StdRng, folder: &str) -> String {
    match random.random_range(0..12) {
        0 => String::new(),
        1 => odd(random),
        2 => any(
            random,
            &["0", "1", "-1", "007", "1e9", "18446744073709551616", "8MiB", "1TB", "0B", "5m", "-5s", "P1Y"],
        )
        .into(),
        3 => any(random, &["gzip", "zstd", "none", "full-object", "honoured", "path", "virtual", "true", "s3-native"])
            .into(),
        4 => format!("{}://{}", any(random, &["s3", "gs", "az", "http", "https", "S3", "x"]), odd(random)),
        5 => any(
            random,
            &[
                "s3://bucket/a b",
                "s3://arn:aws:s3:us-west-2:123456789012:accesspoint/ap/k",
                "s3://arn:aws:s3::1:accesspoint/m.mrap",
                "gs://bucket//x",
                "az://container/k.",
                "az://$root/k",
                "s3://bucket",
                "s3:///k",
                "gs://",
                "az://c?sig=x",
            ],
        )
        .into(),
        6 => format!("file://{folder}/{}", odd(random).replace(['/', '.'], "")),
        7 => format!("{folder}/{}", odd(random).replace(['/', '.'], "")),
        8 => folder.to_owned(),
        9 => any(
            random,
            &[CLOSED, "https://127.0.0.1:1", "http://[::1]:1/", "http://", "127.0.0.1:1", "http://u:p@127.0.0.1:1"],
        )
        .into(),
        10 => "x".repeat(random.random_range(1..3000)),
        _ => any(random, &["name", "a/b", "a//b", "/a", "..", "a\\b", "metadata/x", "-", "--", "-x"]).into(),
    }
}

/// A URL with what nobody should put there.
fn signed(random: &mut StdRng) -> String {
    const URLS: [&str; 5] =
        ["az://acct:S@c/k", "s3://AKIA:S@b/k", "https://u:S@127.0.0.1:1/k", "az://c/k?sv=1&sig=S", "http://h/?sig=S"];
    any(random, &URLS).replace('S', SECRET)
}

fn secret(random: &mut StdRng, folder: &str) -> String {
    match random.random_range(0..5) {
        0 => SECRET.to_owned(),
        1 => format!("{SECRET}{}", odd(random)),
        2 => format!("sv=1&sig={SECRET}{}", odd(random)),
        3 => format!("AccountName=account;AccountKey={SECRET};BlobEndpoint={CLOSED}{}", odd(random)),
        _ => format!("{}{SECRET}", value(random, folder)),
    }
}

/// Some characters that are seldom together.
fn odd(random: &mut StdRng) -> String {
    const CHARACTERS: [char; 36] = [
        'a',
        'Z',
        '0',
        ' ',
        '\n',
        '\r',
        '\t',
        '\u{1}',
        '\u{7f}',
        '\u{85}',
        '"',
        '\'',
        '\\',
        '/',
        '.',
        ':',
        ';',
        '@',
        '?',
        '#',
        '&',
        '=',
        '%',
        '+',
        '$',
        '*',
        '[',
        ']',
        '{',
        '}',
        '<',
        '-',
        '_',
        'é',
        '\u{202e}',
        '\u{1f600}',
    ];
    (0..random.random_range(0..12)).map(|_| any(random, &CHARACTERS)).collect()
}
