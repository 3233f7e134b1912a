//! One archive, several ways to it: what the command adapter's real `gzip | aws` wrote is read by the native adapter and
//! the other way round, also through a configuration in which every command is sealift itself.

use crate::control::naive_session;
use crate::scene::data;
use sealift::{Archive, BackupStorage, Bucket, Budget, Codec, Compressor, FileHandle, Level};
use sealift_command::{CommandConfig, CommandStorage};
use sealift_s3::aws_credential_types::Credentials as Keys;
use sealift_s3::aws_credential_types::provider::SharedCredentialsProvider;
use sealift_s3::{Credentials, S3Options, S3Store};
use sealift_tests::cli;
use sealift_tests::cloud::Cloud;
use sealift_tests::leaks::in_turn;
use sealift_tests::s3::{TestBucket, aws};
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// More than a part.
const LEN: usize = 12 << 20;

async fn native(remote: &TestBucket) -> Archive {
    let mut options = S3Options::new(&remote.name);
    options.endpoint_url = Some(remote.endpoint().to_owned());
    options.region = Some("us-east-1".into());
    let keys = Keys::new("test", "test", None, None, "tests");
    options.credentials = Credentials::Provider(SharedCredentialsProvider::new(keys));
    let store = S3Store::connect(options).await.expect("options are fine");
    let compressor = Compressor::new(Codec::Gzip(Level::default()), None).expect("threads");
    let bucket = Bucket::new(store, Arc::new(compressor), Budget::new(Budget::DEFAULT).expect("valid"));
    Archive::new(bucket, "e1").expect("valid")
}

/// Variables that lead `aws` and `sealift` to the emulator.
fn environment(remote: &TestBucket) -> Vec<(String, String)> {
    let aws = aws();
    let folder = aws.parent().and_then(Path::to_str).expect("UTF-8");
    let path = format!("{folder}:{}", std::env::var("PATH").expect("UTF-8"));
    let variables = [
        ("PATH", path.as_str()),
        ("BUCKET", &remote.name),
        ("SUB_DIR", "e1"),
        ("AWS_ENDPOINT_URL", remote.endpoint()),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
    ];
    variables.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

/// The configuration `yaml` with these variables besides its own.
fn configured(yaml: &str, environment: Vec<(String, String)>) -> CommandStorage {
    let mut config = CommandConfig::from_yaml(yaml, "test").expect("a configuration");
    config.env_vars.extend(environment.into_iter().map(|(key, value)| sealift_command::EnvVar { key, value }));
    CommandStorage::new(config)
}

/// A configuration as operators have them: a pipeline of gzip and aws.
const GZIP_AWS: &str = r##"
env_vars: []
commands:
  create_backup: 'echo "$BACKUP_NAME"'
  create_for_write: |
    FILE_HANDLE="$BACKUP_HANDLE/$FILE_NAME"
    echo "$FILE_HANDLE"
    exec 1>&-
    gzip -c | aws s3 cp - "s3://$BUCKET/$SUB_DIR/$FILE_HANDLE"
  open_for_read: 'aws s3 cp "s3://$BUCKET/$SUB_DIR/$FILE_HANDLE" - | gzip -cd'
  save_metadata_line: 'gzip -c | aws s3 cp - "s3://$BUCKET/$SUB_DIR/metadata/$FILE_NAME"'
  list_metadata_files: |
    (aws s3 ls "s3://$BUCKET/$SUB_DIR/metadata/" || :) | awk '{ print "metadata/" $4 }'
  backup_metadata_file: |
    aws s3 mv "s3://$BUCKET/$SUB_DIR/metadata/$FILE_NAME" "s3://$BUCKET/$SUB_DIR/metadata_backup/$FILE_NAME"
"##;

async fn read(storage: &dyn BackupStorage, file: &FileHandle) -> Vec<u8> {
    let mut content = Vec::new();
    storage.open_for_read(file).await.expect("open").read_to_end(&mut content).await.expect("read");
    content
}

/// Writes an archive through `writer`, and reads all of it through `reader`.
async fn written_by_one_is_read_by_the_other(writer: &dyn BackupStorage, reader: &dyn BackupStorage, name: &str) {
    let backup = writer.create_backup_with_random_suffix(name).await.expect("created");
    let mut files = Vec::new();
    for (file, len) in [("empty", 0), ("small", 100), ("large", LEN)] {
        let data = data(len);
        let (handle, mut file) =
            writer.create_for_write(&backup, &file.parse().expect("a name")).await.expect("started");
        file.write_all(&data).await.expect("written");
        file.shutdown().await.expect("stored");
        files.push((handle, data));
    }
    let line = format!("{{\"file\":\"{}\"}}", files[0].0);
    let meta: String = format!("{name}.meta");
    let meta = meta.parse().expect("a name");
    let saved = writer.save_metadata_line(&meta, &line.parse().expect("a line")).await.expect("saved");
    for (handle, data) in &files {
        assert!(read(reader, handle).await == *data, "{handle}");
    }
    let listed = reader.list_metadata_files().await.expect("listed");
    assert!(listed.contains(&saved), "{listed:?}");
    assert_eq!(read(reader, &saved).await, format!("{line}\n").into_bytes());
    writer.backup_metadata_file(&saved).await.expect("moved");
    assert!(!reader.list_metadata_files().await.expect("listed").contains(&saved));
}

#[test]
fn gzip_and_aws_and_the_native_adapter_read_each_other() {
    in_turn(async {
        let remote = TestBucket::new("interop").await;
        let (native, command) = (native(&remote).await, configured(GZIP_AWS, environment(&remote)));
        assert_eq!(command.list_metadata_files().await.expect("listed"), []);
        written_by_one_is_read_by_the_other(&command, &native, "by-command").await;
        written_by_one_is_read_by_the_other(&native, &command, "by-native").await;
        native.bucket().close().await.expect("nothing left");
        command.close().await;
    });
}

/// The pipeline that started it all: what is dropped is not committed.
#[test]
fn gzip_and_aws_commit_nothing_that_was_dropped() {
    in_turn(async {
        let remote = TestBucket::new("interop").await;
        let command = configured(GZIP_AWS, environment(&remote));
        let data = data(1 << 20);
        for n in 0..20 {
            let (backup, name) = ("backup".parse().expect("a handle"), format!("file-{n}").parse().expect("a name"));
            let (_, mut writer) = command.create_for_write(&backup, &name).await.expect("started");
            writer.write_all(&data).await.expect("written");
        }
        command.close().await;
        assert_eq!(remote.objects().await, Vec::<String>::new());
        // The control commits what it has.
        let mut writer = naive_session(GZIP_AWS, &environment(&remote), "backup", "by-control").await;
        writer.write_all(&data).await.expect("written");
        drop(writer);
        sealift_tests::eventually::eventually("the control commits", std::time::Duration::from_secs(20), async || {
            match remote.objects().await {
                objects if objects == ["e1/backup/by-control"] => Ok(()),
                objects => Err(format!("{objects:?}")),
            }
        })
        .await;
    });
}

/// What `sealift command-config` prints for these arguments.
async fn printed(arguments: &[&str]) -> String {
    cli::run(cli::command(arguments)).await.expect_code(0).text()
}

#[test]
fn a_configuration_of_sealift_itself_does_the_same_on_s3() {
    in_turn(async {
        let remote = TestBucket::new("interop").await;
        let yaml = printed(&["command-config", "--storage", &format!("s3://{}/e1", remote.name)]).await;
        let (native, command) = (native(&remote).await, configured(&yaml, environment(&remote)));
        written_by_one_is_read_by_the_other(&command, &native, "by-command").await;
        written_by_one_is_read_by_the_other(&native, &command, "by-native").await;
        // A metadata file that exists is kept, and that is no error.
        let name = "kept.meta".parse().expect("a name");
        for line in ["first", "second"] {
            command.save_metadata_line(&name, &line.parse().expect("a line")).await.expect("saved");
        }
        assert_eq!(read(&native, &"metadata/kept.meta".parse().expect("a handle")).await, b"first\n");
        // And what a tool does that knows nothing of us.
        let data = data(LEN);
        let mut writer = naive_session(&yaml, &environment(&remote), "backup", "by-tool").await;
        writer.write_all(&data).await.expect("written");
        writer.shutdown().await.expect("stored");
        assert!(read(&native, &"backup/by-tool".parse().expect("a handle")).await == data);
        native.bucket().close().await.expect("nothing left");
        command.close().await;
    });
}

#[test]
fn a_configuration_of_sealift_itself_does_the_same_in_a_folder() {
    in_turn(async {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("with space's");
        let yaml = printed(&[
            "command-config",
            "--storage=local-fs",
            "--local-fs-dir",
            root.to_str().expect("UTF-8"),
            "--codec=gzip",
            "--level=1",
        ])
        .await;
        let command = configured(&yaml, Vec::new());
        written_by_one_is_read_by_the_other(&command, &command.clone(), "backup").await;
        assert!(root.join("metadata_backup/backup.meta").exists());
        command.close().await;
    });
}

/// Configurations that operators really have, in the folder that SEALIFT_TEST_OPERATOR_CONFIGS names: all parse, and
/// those that use aws work. They are other people's, so they are not here.
#[test]
fn configurations_of_operators() {
    in_turn(async {
        let Some(folder) = std::env::var_os("SEALIFT_TEST_OPERATOR_CONFIGS") else {
            eprintln!("skipped: SEALIFT_TEST_OPERATOR_CONFIGS names no folder of configurations");
            return;
        };
        let remote = TestBucket::new("interop").await;
        let native = native(&remote).await;
        let (mut parsed, mut worked) = (0, 0);
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.extension().is_none_or(|extension| extension != "yaml") {
                continue;
            }
            let mut config = CommandConfig::load(&path).unwrap_or_else(|error| panic!("{error}"));
            parsed += 1;
            let commands = &config.commands;
            let whole = commands.backup_metadata_file.is_some() && commands.create_for_write.contains("aws s3 cp");
            if !whole || commands.open_for_read.contains("endpoint") {
                continue;
            }
            // Last, so they win over its own bucket.
            let environment = environment(&remote).into_iter();
            config.env_vars.extend(environment.map(|(key, value)| sealift_command::EnvVar { key, value }));
            let command = CommandStorage::new(config);
            written_by_one_is_read_by_the_other(&command, &native, &format!("by-command-{worked}")).await;
            written_by_one_is_read_by_the_other(&native, &command, &format!("by-native-{worked}")).await;
            command.close().await;
            worked += 1;
            println!("works: {}", path.display());
        }
        println!("{parsed} configurations parsed, {worked} worked on S3");
        assert!(parsed > 0);
        native.bucket().close().await.expect("nothing left");
    });
}
