//! Where `get` writes: standard output, a file that is replaced in one step, or what is no file and is written through, such
//! as a device or a named pipe. All of it blocks, and is short.

use crate::failure::Failure;
use crate::outcome::Aftermath;
use sealift::LeftBehind;
use std::collections::BTreeMap;
use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tempfile::NamedTempFile;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// How the name of a file begins that is not written to its end: `sweep` knows it by this (adapters/local-fs).
const UNFINISHED: &str = ".sealift-get-";
/// How many links are followed, as Linux does (path_resolution(7)).
const LINKS: usize = 40;
/// Everybody, as far as the umask allows.
const NEW_FILE: u32 = 0o666;

/// Where it goes.
#[derive(Debug)]
pub(crate) enum Output {
    Stdout,
    /// What keeps nothing under its name: it is opened and written to.
    Through(PathBuf),
    File(Target),
}

/// The name of a file, without links, and what is there already.
#[derive(Debug)]
pub(crate) struct Target {
    /// As it was given, for messages.
    named: PathBuf,
    path: PathBuf,
    folder: PathBuf,
    before: Option<Before>,
    naming: Naming,
    turns: Arc<Turns>,
    /// While it is held, a name may still be given.
    _writing: Option<TaskTrackerToken>,
}

/// When the name of a file is made durable; what is in it always is before it has its name.
#[derive(Debug, Clone)]
pub(crate) enum Naming {
    AtOnce,
    /// With those of other files, as one folder holds many.
    Together(Folders),
}

/// Folders that files are written to, whose names may not outlast a crash of the machine yet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Folders {
    named: Arc<Mutex<Named>>,
    writing: TaskTracker,
}

#[derive(Debug, Default)]
struct Named {
    folders: BTreeMap<PathBuf, Arc<Turns>>,
    files: u64,
}

/// Who may change what is in a folder. Linux lets one at a time, whatever the file system, and the others wait for it in a loop:
/// with 20,000 short files that was a quarter of all the work. Who waits here sleeps.
#[derive(Debug, Default)]
struct Turns(Mutex<()>);

/// Of a file that is replaced, what the new one keeps.
#[derive(Debug, Clone, Copy)]
struct Before {
    mode: u32,
    user: u32,
    group: u32,
}

/// A file that does not have its name yet. It is removed with this.
#[derive(Debug)]
pub(crate) struct Unfinished {
    target: Target,
    file: NamedTempFile,
}

impl Output {
    /// Where `path` leads, which is looked at before anything is read; `-` is standard output too.
    pub(crate) fn of(path: Option<&Path>, naming: Naming) -> Result<Output, Failure> {
        let Some(named) = path.filter(|path| *path != Path::new("-")) else { return Ok(Output::Stdout) };
        let failed = |error| Failure::from_io(error, &format!("write {}", named.display()));
        let is_folder = || Failure::usage(format!("-o {}: it is a folder; say the file too", named.display()));
        if named.as_os_str().as_encoded_bytes().ends_with(b"/") {
            return Err(is_folder());
        }
        let Place { path, is_of_the_system } = Place::of(named).map_err(failed)?;
        let before = match fs::metadata(&path) {
            Ok(found) if found.is_dir() => return Err(is_folder()),
            Ok(found) if is_of_the_system || !found.is_file() => return Ok(Output::Through(path)),
            Ok(found) => Some(Before::of(&found)),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(failed(error)),
        };
        let folder = match path.parent() {
            Some(parent) if parent != Path::new("") => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        if !folder.is_dir() {
            let folder = folder.display();
            return Err(Failure::usage(format!(
                "-o {}: there is no folder {folder}; create it first",
                named.display()
            )));
        }
        let (turns, _writing) = match &naming {
            Naming::AtOnce => (Arc::default(), None),
            Naming::Together(folders) => (folders.turns(&folder), Some(folders.writing.token())),
        };
        Ok(Output::File(Target { named: named.to_owned(), path, folder, before, naming, turns, _writing }))
    }

    /// What it is made of once more, where nothing of it has been seen: a file gets its name when all of it is there.
    pub(crate) fn again(&self) -> Option<(PathBuf, Naming)> {
        match self {
            Output::File(target) => Some((target.named.clone(), target.naming.clone())),
            Output::Stdout | Output::Through(_) => None,
        }
    }

    /// The file that is to be written whole or not at all.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            Output::File(target) => Some(&target.named),
            Output::Stdout | Output::Through(_) => None,
        }
    }
}

/// Where links lead.
struct Place {
    path: PathBuf,
    /// `/dev/stdout` and its like: the name is what some process has open.
    is_of_the_system: bool,
}

impl Place {
    fn of(named: &Path) -> io::Result<Place> {
        let mut path = named.to_owned();
        let mut is_of_the_system = false;
        for _ in 0..LINKS {
            is_of_the_system |= path.starts_with("/dev") || path.starts_with("/proc");
            match fs::symlink_metadata(&path) {
                Ok(found) if found.is_symlink() && !is_of_the_system => {
                    let to = fs::read_link(&path)?;
                    path = path.parent().unwrap_or(Path::new("")).join(to);
                }
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => return Ok(Place { path, is_of_the_system }),
            }
        }
        Err(io::Error::other("too many links, one leading to the next"))
    }
}

impl Target {
    /// The file as it was given.
    pub(crate) fn named(&self) -> &Path {
        &self.named
    }

    /// A new file beside it.
    pub(crate) fn begin(self) -> io::Result<Unfinished> {
        let mode = self.before.map_or(NEW_FILE, |_| 0o600);
        let mut named = tempfile::Builder::new();
        named.prefix(UNFINISHED).permissions(Permissions::from_mode(mode));
        let file = self.turns.one(|| named.tempfile_in(&self.folder))?;
        // So that a sweep sees that it is alive. Some file systems have no locks.
        let _ = file.as_file().try_lock();
        Ok(Unfinished { target: self, file })
    }
}

impl Unfinished {
    /// What is written.
    pub(crate) fn file(&self) -> &File {
        self.file.as_file()
    }

    /// Gives the file its name, with the owner and the mode of the one that is replaced, and makes that durable if it is to be at
    /// once.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        let Unfinished { target: Target { named, path, folder, before, naming, turns, _writing }, file } = self;
        let failed = |error: io::Error| {
            let failure = Failure::from_io(error, &format!("write {}", named.display()));
            failure.and(Aftermath::NotWritten(named.clone()))
        };
        if let Some(before) = before
            && let Err(error) = before.give_to(file.as_file())
        {
            return Err(discard(file, failed(error)));
        }
        match turns.one(|| file.persist(&path)) {
            Ok(_) => {}
            Err(unnamed) => return Err(discard(unnamed.file, failed(unnamed.error))),
        }
        match naming {
            Naming::AtOnce => durable(&folder).map_err(|error| {
                let why = format!("it is whole, and not known to outlast a crash of the machine: {error}");
                let doing = format!("make {} durable", named.display());
                Failure::from_io(error, &doing).with_left([LeftBehind::file(path.display().to_string()).because(why)])
            }),
            Naming::Together(folders) => {
                folders.named().files += 1;
                Ok(())
            }
        }
    }

    /// Removes it after a failure, which names it where that fails.
    pub(crate) fn discard(self, failure: Failure) -> Failure {
        discard(self.file, failure)
    }
}

impl Turns {
    /// Does what changes the folder.
    fn one<T>(&self, change: impl FnOnce() -> T) -> T {
        let _turn = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change()
    }
}

impl Folders {
    fn turns(&self, folder: &Path) -> Arc<Turns> {
        let folders = &mut self.named().folders;
        match folders.get(folder) {
            Some(turns) => Arc::clone(turns),
            None => Arc::clone(folders.entry(folder.to_owned()).or_default()),
        }
    }

    fn named(&self) -> MutexGuard<'_, Named> {
        self.named.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until no file gets a name any more, also of those that were given up: what writes one blocks, and goes on by itself
    /// to its end. No other may be begun. Returns how many have their name.
    pub(crate) async fn settled(&self) -> u64 {
        self.writing.close();
        self.writing.wait().await;
        self.named().files
    }

    /// From here on the names outlast a crash.
    pub(crate) fn make_durable(&self) -> Result<(), Failure> {
        let folders = std::mem::take(&mut self.named().folders);
        folders.keys().try_for_each(|folder| {
            durable(folder).map_err(|error| {
                let doing = "make the names durable, so that they outlast a crash of the machine; the files are whole";
                Failure::from_io(error, &format!("{}: {doing}", folder.display()))
            })
        })
    }
}

/// Makes the names in `folder` durable.
fn durable(folder: &Path) -> io::Result<()> {
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        // A file system that cannot.
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        done => done,
    }
}

impl Before {
    fn of(found: &Metadata) -> Self {
        Before { mode: found.mode() & 0o7777, user: found.uid(), group: found.gid() }
    }

    /// Gives it to `file`. Only root may give a file away: where that fails, it is said.
    fn give_to(self, file: &File) -> io::Result<()> {
        let now = Before::of(&file.metadata()?);
        let mut mode = self.mode;
        if (now.user, now.group) != (self.user, self.group)
            && let Err(error) = fchown(file, Some(self.user), Some(self.group))
        {
            let Before { user, group, .. } = now;
            tracing::warn!("the file is now of user {user} and group {group}: its owner could not be kept ({error})");
            // To run as its owner would now be to run as another.
            mode &= 0o777;
        }
        file.set_permissions(Permissions::from_mode(mode))
    }
}

fn discard(file: NamedTempFile, failure: Failure) -> Failure {
    let temporary = file.path().to_owned();
    match file.close() {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            let left = LeftBehind::file(temporary.display().to_string()).because(error.to_string());
            failure.with_left([left.with_remedy("`rm` removes it")])
        }
        _ => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test]
    async fn files_are_counted_when_none_gets_a_name_any_more() {
        let (folder, folders) = (tempfile::tempdir().expect("a folder"), Folders::default());
        let target = |name: &str| match Output::of(Some(&folder.path().join(name)), Naming::Together(folders.clone())) {
            Ok(Output::File(target)) => target,
            other => panic!("no file: {other:?}"),
        };
        let (written, given_up) = (target("written"), target("given up"));
        let counted = folders.settled().shared();
        assert_eq!(counted.clone().now_or_never(), None, "both may get a name");
        written.begin().expect("begun").finish().expect("named");
        assert_eq!(counted.clone().now_or_never(), None, "one may get a name");
        drop(given_up.begin().expect("begun"));
        assert_eq!(counted.now_or_never(), Some(1));
        assert!(folder.path().join("written").is_file() && !folder.path().join("given up").exists());
    }
}
