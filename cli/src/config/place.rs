//! Which configuration file there is, and whether it may be believed.

use crate::failure::Failure;
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Its place in a folder of configurations.
const BELOW: &str = "sealift/config.toml";
/// Where those of the whole machine are.
const SYSTEM: &str = "/etc";

/// The text of the file that is `named`, or else of the first that is in a usual place. Named as nothing, it is none.
pub(super) fn find(named: Option<&OsStr>) -> Result<Option<(PathBuf, String)>, Failure> {
    match named {
        Some(nothing) if nothing.is_empty() => Ok(None),
        Some(named) => match fs::File::open(named) {
            Ok(file) => Ok(Some((named.into(), read(Path::new(named), file)?))),
            Err(error) if is_absent(&error) => {
                Err(Failure::usage(format!("--config {}: there is no such file", Path::new(named).display())))
            }
            Err(error) => Err(unread(Path::new(named), &error)),
        },
        None => {
            for place in usual(|name| env::var_os(name).map(PathBuf::from)) {
                match fs::File::open(&place) {
                    Ok(file) => return read(&place, file).map(|text| Some((place, text))),
                    // Also where HOME is another user's, as behind sudo: what may not be read is not for this user.
                    Err(error) if is_absent(&error) || error.kind() == ErrorKind::PermissionDenied => {}
                    Err(error) => return Err(unread(&place, &error)),
                }
            }
            Ok(None)
        }
    }
}

/// Where the file is looked for that nobody names, the first place first.
pub(super) fn usual(folder: impl Fn(&str) -> Option<PathBuf>) -> Vec<PathBuf> {
    // A relative path is to be ignored, says the specification of these folders.
    let folder = |name: &str| folder(name).filter(|path| path.is_absolute());
    let own = folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config")));
    own.into_iter().chain([PathBuf::from(SYSTEM)]).map(|folder| folder.join(BELOW)).collect()
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn unread(path: &Path, error: &io::Error) -> Failure {
    Failure::usage(format!("read the configuration {}: {error}", path.display()))
}

/// The text of the file.
fn read(path: &Path, file: fs::File) -> Result<String, Failure> {
    check(path, &file.metadata().map_err(|error| unread(path, &error))?)?;
    io::read_to_string(file).map_err(|error| unread(path, &error))
}

/// Who may write the file chooses where backups go, and which commands are run (`command-adapter-config`). So, as ssh does
/// with its own, it is only believed where that is nobody but its user and root.
fn check(path: &Path, found: &fs::Metadata) -> Result<(), Failure> {
    let refused = |why: &str, fix: &str| {
        let shown = path.display();
        let told = "others could choose where backups go and which commands are run";
        Err(Failure::usage(format!("the configuration {shown} {why}, so {told}; {fix}")))
    };
    // A pipe that a shell has made (`--config <(…)`), or /dev/null.
    if !found.is_file() {
        return Ok(());
    }
    if found.mode() & 0o022 != 0 {
        return refused("may be written by others", &format!("`chmod go-w {}` makes it yours alone", path.display()));
    }
    match found.uid() {
        0 => Ok(()),
        owner if owner == rustix::process::geteuid().as_raw() => Ok(()),
        _ => refused("belongs to another user", "it has to be yours, or root's"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_looked_for_where_configurations_are() {
        let usual = |variables: &[(&str, &str)]| {
            let places = usual(|name| variables.iter().find(|(set, _)| *set == name).map(|(_, path)| path.into()));
            places.iter().map(|place| place.display().to_string()).collect::<Vec<_>>()
        };
        let system = "/etc/sealift/config.toml";
        assert_eq!(usual(&[("XDG_CONFIG_HOME", "/x"), ("HOME", "/h")]), ["/x/sealift/config.toml", system]);
        assert_eq!(usual(&[("HOME", "/h")]), ["/h/.config/sealift/config.toml", system]);
        assert_eq!(usual(&[("XDG_CONFIG_HOME", "x"), ("HOME", "/h")]), ["/h/.config/sealift/config.toml", system]);
        assert_eq!(usual(&[]), [system]);
    }
}
