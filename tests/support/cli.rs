//! The `sealift` command as a child process: built once, started with an environment of its own, watched.

use crate::patience::GIVE_UP;
use serde_json::Value;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::sync::OnceLock;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

/// A secret key that is given to the command, and that it must never show.
pub const SECRET: &str = "a-secret-that-must-not-be-shown";

/// The path of the `sealift` binary, built from the sources as they are.
pub fn sealift() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(build).clone()
}

fn build() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = std::process::Command::new(cargo)
        // Of the whole workspace, or most dependencies would be built once more, with fewer features.
        .args([
            "build",
            "--workspace",
            "--bin",
            "sealift",
            "--features",
            "sealift-cli/otel",
            "--message-format",
            "json",
        ])
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    assert!(built.status.success(), "sealift builds");
    let messages = String::from_utf8(built.stdout).expect("cargo speaks UTF-8");
    let executable = messages.lines().rev().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        message.get("executable")?.as_str().map(PathBuf::from)
    });
    executable.expect("cargo says where the binary is")
}

/// `sealift` with these arguments, as [`command_of`] starts it, with little patience for what fails. It ignores no signals,
/// also where this process does, as what a script has in the background does.
pub fn command<I: AsRef<OsStr>>(arguments: impl IntoIterator<Item = I>) -> Command {
    let mut command = command_of("env");
    let arguments = arguments.into_iter().map(|argument| argument.as_ref().to_owned()).collect();
    command.arg("--default-signal=INT,HUP").arg(sealift()).args(impatient(arguments));
    command
}

/// The commands that take the options of a storage, and are no families of commands.
const ON_A_STORAGE: [&str; 13] =
    ["put", "get", "run", "ls", "stat", "rm", "mv", "copy", "sweep", "doctor", "compact", "prune", "drill"];

/// The arguments of a command on a storage, with `--give-up-after` among its options where it is not said.
fn impatient(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let said = |argument: &OsString| argument.to_string_lossy().starts_with("--give-up-after");
    let on_a_storage = arguments.first().is_some_and(|command| ON_A_STORAGE.iter().any(|known| command == known));
    if on_a_storage && !arguments.iter().any(said) {
        let options = arguments.iter().position(|argument| argument.to_string_lossy().starts_with('-'));
        arguments.insert(options.unwrap_or(arguments.len()), format!("--give-up-after={}s", GIVE_UP.as_secs()).into());
    }
    arguments
}

/// `program` in an environment that leads to the emulator and nowhere else. Standard input is empty, output is captured,
/// and it is killed if the test ends before it.
pub fn command_of(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", SECRET)
        .env("AWS_REGION", "us-east-1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    /// The exit code, if it exited.
    pub code: Option<i32>,
    /// What it wrote to standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl Ended {
    /// Its standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Its standard output as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Itself, if it exited with `code`.
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.text(), self.stderr);
        let (_, signature) = crate::azure::SAS.rsplit_once('=').expect("a signature");
        for secret in [SECRET, crate::azure::KEY, signature] {
            assert!(!self.stderr.contains(secret) && !self.text().contains(secret), "{}", self.stderr);
        }
        self
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Ended {
            code: output.status.code(),
            stdout: output.stdout,
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Runs a command to its end.
pub async fn run(mut command: Command) -> Ended {
    command.output().await.expect("sealift starts").into()
}

/// Runs a command to its end with `input` as standard input. The command may end before it has read all of it.
pub async fn run_with_input(mut command: Command, input: &[u8]) -> Ended {
    let mut child = command.stdin(Stdio::piped()).spawn().expect("sealift starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let feed = async move {
        let _ = stdin.write_all(input).await;
    };
    let ((), output) = tokio::join!(feed, child.wait_with_output());
    output.expect("sealift ends").into()
}

/// Waits for the end of a child that was started from [`command`].
pub async fn end(child: Child) -> Ended {
    child.wait_with_output().await.expect("sealift ends").into()
}
