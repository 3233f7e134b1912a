//! A folder again, but only shell commands reach it: bash, gzip, mv.

use async_trait::async_trait;
use sealift::{
    BackupHandle, BackupStorage, Error, FileHandle, FileReader, FileWriter, Result, ShellSafeName, TextLine,
};
use sealift_command::{CommandConfig, CommandStorage};
use sealift_conformance::{Backend, Traits};
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

/// Temporary files are in a folder of their own: a killed shell leaves them, as any tool that is killed may.
const YAML: &str = r##"
commands:
  create_backup: 'echo "$BACKUP_NAME"'
  create_for_write: |
    FILE_HANDLE="$BACKUP_HANDLE/$FILE_NAME"
    echo "$FILE_HANDLE"
    exec 1>&-
    temporary=$(mktemp "$FOLDER/temporary/XXXXXXXX")
    gzip -1 -c > "$temporary"
    mkdir -p "$FOLDER/files/$BACKUP_HANDLE"
    mv "$temporary" "$FOLDER/files/$FILE_HANDLE"
  open_for_read: 'gzip -cd < "$FOLDER/files/$FILE_HANDLE"'
  save_metadata_line: |
    # A hard link is made only if the name is free.
    echo "metadata/$FILE_NAME"
    exec 1>&-
    temporary=$(mktemp "$FOLDER/temporary/XXXXXXXX")
    gzip -c > "$temporary"
    mkdir -p "$FOLDER/files/metadata"
    ln "$temporary" "$FOLDER/files/metadata/$FILE_NAME" || test -e "$FOLDER/files/metadata/$FILE_NAME"
    rm "$temporary"
  list_metadata_files: |
    mkdir -p "$FOLDER/files/metadata"
    ls -1 "$FOLDER/files/metadata" | sed 's#^#metadata/#'
  backup_metadata_file: |
    mkdir -p "$FOLDER/files/metadata_backup"
    mv "$FOLDER/files/metadata/$FILE_NAME" "$FOLDER/files/metadata_backup/$FILE_NAME"
"##;

pub(crate) struct Command {
    folder: TempDir,
    storage: Arc<Storage>,
}

/// The storage under test; and as a closed one starts no command any more, another to read with.
#[derive(Debug)]
struct Storage {
    tested: CommandStorage,
    reading: CommandStorage,
}

#[async_trait]
impl Backend for Command {
    async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["files", "temporary"] {
            std::fs::create_dir(folder.path().join(name)).expect("made");
        }
        let yaml = format!("env_vars: [{{key: FOLDER, value: {:?}}}]\n{YAML}", folder.path());
        let config = CommandConfig::from_yaml(&yaml, "test").expect("valid");
        let storage = Storage { tested: CommandStorage::new(config.clone()), reading: CommandStorage::new(config) };
        Command { folder, storage: Arc::new(storage) }
    }

    fn traits(&self) -> Traits {
        // Nothing can be asked of a shell afterwards, so what it did after the end of its input stands.
        Traits { keeps_existing: false, shows_unfinished: false, takes_back: false, ..Traits::ALL }
    }

    fn storage(&self) -> Arc<dyn BackupStorage> {
        Arc::clone(&self.storage) as Arc<dyn BackupStorage>
    }

    async fn close(&self) -> Result<(), Vec<Error>> {
        self.storage.tested.close().await;
        Ok(())
    }

    async fn is_idle(&self) -> bool {
        self.storage.tested.under_way() == 0
    }

    async fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        files_below(&self.folder.path().join("files"), "", &mut found);
        found.sort_unstable();
        found
    }

    async fn stored_len(&self, file: &str) -> usize {
        std::fs::metadata(self.folder.path().join("files").join(file)).expect("there").len() as usize
    }

    /// Processes, of which each test counts those of this one.
    async fn unfinished(&self) -> Vec<String> {
        Vec::new()
    }
}

fn files_below(folder: &Path, base: &str, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let name = format!("{base}{}", entry.file_name().into_string().expect("UTF-8"));
        match entry.path().is_dir() {
            true => files_below(&entry.path(), &format!("{name}/"), found),
            false => found.push(name),
        }
    }
}

#[async_trait]
impl BackupStorage for Storage {
    async fn create_backup(&self, name: &ShellSafeName) -> Result<BackupHandle> {
        self.tested.create_backup(name).await
    }

    async fn create_for_write(&self, backup: &BackupHandle, name: &ShellSafeName) -> Result<(FileHandle, FileWriter)> {
        self.tested.create_for_write(backup, name).await
    }

    async fn open_for_read(&self, file: &FileHandle) -> Result<FileReader> {
        self.reading.open_for_read(file).await
    }

    async fn save_metadata_lines(&self, name: &ShellSafeName, lines: &[TextLine]) -> Result<FileHandle> {
        self.tested.save_metadata_lines(name, lines).await
    }

    async fn list_metadata_files(&self) -> Result<Vec<FileHandle>> {
        self.reading.list_metadata_files().await
    }

    async fn backup_metadata_file(&self, file: &FileHandle) -> Result<()> {
        self.tested.backup_metadata_file(file).await
    }
}
