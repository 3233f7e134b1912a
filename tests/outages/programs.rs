//! The commands: Sealift, and what people use today, each with its defaults where it has one.

use crate::errands::{Call, Errand, KEY, TARGET};
use sealift_tests::cli::{command_of, sealift};
use sealift_tests::cloud::{Cloud, Step};
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use tokio::process::Command;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Program {
    Sealift,
    Aws,
    S5cmd,
    Rclone,
}

impl Program {
    /// Those that are here. What is not is said.
    pub(crate) fn all_found() -> Vec<Program> {
        let found = |program: &Program| {
            let found = program.path().is_some();
            if !found {
                println!("LEFT OUT: {program}, which is not in PATH");
            }
            found
        };
        [Program::Sealift, Program::Aws, Program::S5cmd, Program::Rclone].into_iter().filter(found).collect()
    }

    fn path(self) -> Option<PathBuf> {
        match self {
            Program::Sealift => Some(sealift()),
            Program::Aws => Some(sealift_tests::s3::aws()),
            Program::S5cmd | Program::Rclone => {
                let path = std::env::var_os("PATH").unwrap_or_default();
                std::env::split_paths(&path).map(|folder| folder.join(self.to_string())).find(|file| file.is_file())
            }
        }
    }

    /// Whether it does the errand, and makes this call for it.
    pub(crate) fn makes(self, call: Call) -> bool {
        let does = matches!(call.errand, Errand::Put | Errand::Upload | Errand::Read | Errand::List | Errand::Remove);
        match self {
            Program::Sealift => true,
            // Its first request for an object is the one that reads.
            Program::S5cmd => does && call.step != Step::Look,
            Program::Aws | Program::Rclone => does,
        }
    }

    /// The command that does `errand` in the bucket at `endpoint`.
    pub(crate) fn command<C: Cloud>(self, cloud: &C, endpoint: &str, errand: Errand) -> Command {
        let path = self.path().expect("found before");
        let mut command = command_of(path);
        command.env("HOME", "/").env("RCLONE_CONFIG", "/dev/null").env("AWS_DEFAULT_REGION", "us-east-1");
        let url = cloud.url();
        let of = |key: &str| format!("{url}/{key}");
        match self {
            Program::Sealift => {
                command.envs(C::variables(endpoint)).args(sealift_arguments(errand, &url));
            }
            Program::Aws => {
                let rest = match errand {
                    Errand::Put | Errand::Upload => vec!["cp".into(), "-".into(), of(KEY)],
                    Errand::Read => vec!["cp".into(), of(KEY), "-".into()],
                    Errand::List => vec!["ls".into(), of("backups/")],
                    _ => vec!["rm".into(), of(KEY)],
                };
                command.args(["--endpoint-url", endpoint, "s3"]).args(rest);
            }
            Program::S5cmd => {
                let rest = match errand {
                    Errand::Put | Errand::Upload => vec!["pipe".into(), "--part-size=5".into(), of(KEY)],
                    Errand::Read => vec!["cat".into(), of(KEY)],
                    Errand::List => vec!["ls".into(), of("backups/")],
                    _ => vec!["rm".into(), of(KEY)],
                };
                command.args(["--endpoint-url", endpoint]).args(rest);
            }
            Program::Rclone => {
                let bucket = cloud.name();
                let remote =
                    format!(":s3,provider=Other,env_auth=true,region=us-east-1,endpoint='{endpoint}':{bucket}/");
                let verb = match errand {
                    Errand::Put | Errand::Upload => "rcat",
                    Errand::Read => "cat",
                    Errand::List => "lsf",
                    _ => "deletefile",
                };
                let path = if errand == Errand::List { "backups/" } else { KEY };
                command.args([verb, &format!("{remote}{path}")]);
            }
        }
        command
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Program::Sealift => "sealift",
            Program::Aws => "aws",
            Program::S5cmd => "s5cmd",
            Program::Rclone => "rclone",
        })
    }
}

/// What is stored is what is given, so that it can be compared.
pub(crate) fn sealift_arguments(errand: Errand, url: &str) -> Vec<OsString> {
    let of = |key: &str| format!("{url}/{key}");
    let arguments: Vec<String> = match errand {
        Errand::Put | Errand::Upload => {
            let fixed = ["--codec", "none", "--part-size", "5MiB", "--conditional-writes", "honoured"];
            let fixed = if url.starts_with("s3:") { &fixed[..] } else { &fixed[..4] };
            [vec!["put".into(), of(KEY)], fixed.iter().map(|&text| text.to_owned()).collect()].concat()
        }
        Errand::Read => vec!["get".into(), of(KEY), "--codec".into(), "none".into()],
        Errand::List => vec!["ls".into(), of("backups/")],
        Errand::Stat => vec!["stat".into(), of(KEY)],
        Errand::Move => vec!["mv".into(), KEY.into(), TARGET.into(), "--storage".into(), url.to_owned()],
        Errand::Remove => vec!["rm".into(), of(KEY)],
        Errand::Sweep => {
            vec!["sweep".into(), url.to_owned(), "--yes".into(), "--foreign".into(), "--older-than=0s".into()]
        }
    };
    arguments.into_iter().map(OsString::from).collect()
}
