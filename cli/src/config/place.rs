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
        Some(named) => match read(Path::new(named))? {
            Some(text) => Ok(Some((named.into(), text))),
            None => Err(Failure::usage(format!("--config {}: there is no such file", Path::new(named).display()))),
        },
        None => {
            for place in usual(|name| env::var_os(name).map(PathBuf::from)) {
                if let Some(text) = read(&place)? {
                    return Ok(Some((place, text)));
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

/// The text of the file, if there is one.
fn read(path: &Path) -> Result<Option<String>, Failure> {
    let failed = |error: io::Error| Failure::usage(format!("read the configuration {}: {error}", path.display()));
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    check(path, &file.metadata().map_err(failed)?)?;
    io::read_to_string(file).map(Some).map_err(failed)
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
