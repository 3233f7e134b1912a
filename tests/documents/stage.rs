//! Where the commands of the documents are run: buckets on the emulators in place of those that they name, a folder in place of
//! the machine, a node, and the programs that they start.

use crate::archives::{LAST_EPOCH, Site, chain};
use crate::document::root;
use sealift_node::Node;
use sealift_tests::cli::{self, Ended, command_of};
use sealift_tests::cloud::Cloud;
use sealift_tests::patience::HANGS;
use sealift_tests::{azure, gcs, s3};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// `sealift` as a user has it, but for what this machine is: its node has a port of its own, and what goes on for ever is stopped
/// when it has caught up.
const SEALIFT: &str = r#"#!/bin/sh
case "$1 $2" in
"backup query") [ "$3" = node-state ] && set -- "$@" --backup-service-address "$NODE" ;;
"backup continuously")
    said=$(mktemp)
    "$REAL_SEALIFT" "$@" --backup-service-address "$NODE" 2>"$said" &
    until grep -q "caught up" "$said" || ! kill -0 $! 2>/dev/null; do sleep 0.05; done
    kill -TERM $! 2>/dev/null
    wait $!
    code=$?
    cat "$said" >&2
    exit $code ;;
"backup "*) set -- "$@" --backup-service-address "$NODE" --max-chunk-size 4000 ;;
esac
exec "$REAL_SEALIFT" "$@"
"#;

/// Programs that the documents start, and what they do here.
const PROGRAMS: [(&str, &str); 4] = [
    ("sealift", SEALIFT),
    ("pg_dump", "#!/bin/sh\necho 'CREATE TABLE accounts (id integer);'\n"),
    ("pg_restore", "#!/bin/sh\nexec cat >/dev/null\n"),
    ("psql", "#!/bin/sh\nexec cat >/dev/null\n"),
];

/// What is there before the first command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Before {
    /// Nothing.
    Nothing,
    /// An object below `db/`, and below `mainnet/` an archive of all that the node has.
    Archive,
}

/// The stage of one document.
pub(crate) struct Stage {
    pub(crate) place: TempDir,
    pub(crate) bucket: s3::TestBucket,
    other: s3::TestBucket,
    google: gcs::TestBucket,
    container: azure::TestContainer,
    pub(crate) node: Node,
    /// In place of the endpoint of S3.
    pub(crate) s3_endpoint: String,
    names: Vec<(String, String)>,
    words: Vec<(String, String)>,
}

impl Stage {
    pub(crate) async fn new(before: Before) -> Self {
        let place = tempfile::tempdir().expect("a folder");
        let bucket = s3::TestBucket::new("documents").await;
        let stage = Stage {
            other: s3::TestBucket::new("others").await,
            google: gcs::TestBucket::new("documents").await,
            container: azure::TestContainer::new("documents").await,
            node: Node::start(chain(LAST_EPOCH)).await,
            s3_endpoint: bucket.endpoint().to_owned(),
            names: Vec::new(),
            words: Vec::new(),
            bucket,
            place,
        };
        stage.furnish();
        let mut stage = Stage { names: stage.names(), words: stage.words(), ..stage };
        if before == Before::Archive {
            stage.fill().await;
        }
        stage
    }

    /// Names that the documents use, and what stands for them.
    fn names(&self) -> Vec<(String, String)> {
        let here = |path: &str| format!("{}{path}", self.place.path().display());
        let names = [
            ("my-google-bucket", self.google.name().to_owned()),
            ("my-container", self.container.name().to_owned()),
            ("my-bucket", self.bucket.name().to_owned()),
            ("other-bucket", self.other.name().to_owned()),
            ("/srv/", here("/srv/")),
            ("/var/", here("/var/")),
            ("/etc/", here("/etc/")),
        ];
        names.map(|(name, here)| (name.to_owned(), here)).to_vec()
    }

    /// Words that are meant for a larger chain, or for a clone of the repository, and what they become.
    fn words(&self) -> Vec<(String, String)> {
        let last = self.node.chain().last_version();
        let words = [
            ("--end-epoch 100", format!("--end-epoch {}", LAST_EPOCH + 1)),
            ("--state-snapshot-epoch 99", format!("--state-snapshot-epoch {LAST_EPOCH}")),
            ("--num_transactions 1000000", format!("--num_transactions {}", last + 1)),
            ("--to-version 1000", format!("--to-version {last}")),
            ("--target-version 1000", format!("--target-version {last}")),
            ("cargo run -q -p sealift-cli --no-default-features --", "sealift".to_owned()),
            ("cargo run -q -p sealift-cli --", "sealift".to_owned()),
        ];
        words.map(|(word, here)| (word.to_owned(), here)).to_vec()
    }

    /// The machine as a document takes it to be: folders, programs, something to back up.
    fn furnish(&self) {
        for folder in
            ["programs", "src", "srv/data", "srv/drill", "var/tmp", "var/log", "var/lib/node_exporter", "etc/sealift"]
        {
            std::fs::create_dir_all(self.path(folder)).expect("made");
        }
        for (name, script) in PROGRAMS {
            self.program(name, script);
        }
        self.program("aws", &format!("#!/bin/sh\nexec {} \"$@\"\n", s3::aws().display()));
        for file in ["src/lib.rs", "srv/data/one", "srv/data/two", "dump.sql"] {
            std::fs::write(self.path(file), format!("content of {file}\n")).expect("written");
        }
        let sample = root().join("adapters/command/samples/s3.yaml");
        std::fs::copy(sample, self.path("etc/sealift/s3.yaml")).expect("copied");
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.place.path().join(below)
    }

    pub(crate) fn program(&self, name: &str, script: &str) {
        let file = self.path("programs").join(name);
        std::fs::write(&file, script).expect("written");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).expect("executable");
    }

    async fn fill(&mut self) {
        let site = Site::folder();
        site.back_all_up(&self.node).await;
        let folder = site.folder.as_deref().map(Path::display).expect("a folder");
        let fill = format!(
            "sealift copy --codec gzip file://{folder} s3://my-bucket/mainnet; \
             pg_dump | sealift put s3://my-bucket/db/2026-11-24.sql.gz; \
             pg_dump | sealift put s3://other-bucket/db/2026-11-24.sql.gz"
        );
        self.shell(&fill, &[]).await.expect_code(0);
        let verdict = site.verdict(&["--depth", "chain", "--no-record"], 0).await;
        let trusts = verdict["trusts"].to_string();
        let genesis = trusts.split("genesis 0:").nth(1).expect("the genesis is told");
        let hash: String = genesis.chars().take_while(char::is_ascii_hexdigit).collect();
        self.let_stand("0:HASH", &format!("0:{hash}"));
    }

    /// From here on, `word` of a document is this.
    pub(crate) fn let_stand(&mut self, word: &str, here: &str) {
        self.words.push((word.to_owned(), here.to_owned()));
    }

    /// A text of a document as it is meant here.
    pub(crate) fn here(&self, text: &str) -> String {
        let all = self.words.iter().chain(&self.names);
        all.fold(text.to_owned(), |text, (word, here)| text.replace(word, here))
    }

    /// What was said here, as a document would say it.
    pub(crate) fn there(&self, said: &str) -> String {
        let said = self.names.iter().fold(said.to_owned(), |said, (name, here)| said.replace(here, name));
        said.replace(&self.place.path().display().to_string(), "/here")
    }

    /// Runs a line of a document by a shell, to its end.
    pub(crate) async fn shell(&self, line: &str, variables: &[(String, String)]) -> Ended {
        let mut command = command_of("env");
        let path = format!("{}:{}", self.path("programs").display(), std::env::var("PATH").expect("a PATH"));
        command
            .args(["--default-signal=INT,HUP", "bash", "-ec", &self.here(line)])
            .current_dir(self.place.path())
            .env("HOME", self.place.path())
            .env("PATH", path)
            .env("NODE", self.node.endpoint())
            .env("REAL_SEALIFT", cli::sealift())
            .envs(azure::TestContainer::variables(self.container.endpoint()))
            .envs(gcs::TestBucket::variables(self.google.endpoint()))
            .envs(s3::TestBucket::variables(&self.s3_endpoint))
            .envs(variables.iter().map(|(name, value)| (name, self.here(value))));
        match tokio::time::timeout(HANGS, cli::run(command)).await {
            Ok(ended) => ended,
            Err(_) => Ended { code: None, stdout: Vec::new(), stderr: format!("it has not ended after {HANGS:?}") },
        }
    }

    pub(crate) async fn clear(self) {
        self.bucket.clear().await;
        self.other.clear().await;
        self.google.clear().await;
        self.container.clear().await;
        self.node.shutdown().await;
    }
}
