//! The six calls of a backup archive, each a command.

use crate::config::{CommandConfig, CommandName, EnvVar};
use crate::group::{Input, Script, Stdin};
use crate::reader::{CommandReader, Output, poll_output};
use crate::running::{Call, LAST_WORDS, Running};
use crate::stderr::Secrets;
use crate::supervisor::{Process, Supervisor};
use crate::writer::CommandWriter;
use async_trait::async_trait;
use futures::future::maybe_done;
use sealift::{
    BackupHandle, BackupStorage, Error, ErrorKind, FileHandle, FileReader, FileWriter, Result, ShellSafeName, TextLine,
};
use std::future::poll_fn;
use std::io::PipeReader;
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, ready};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::net::unix::pipe;
use tokio::runtime::Handle;
use tokio::time::timeout;

/// What comes before every command.
const PRELUDE: &str = "set -o nounset -o errexit -o pipefail; ";
/// The longest output that is taken for a handle, in bytes.
const LONGEST_HANDLE: u64 = 64 << 10;
/// The longest list of metadata files, in bytes: about a million of them.
const LONGEST_LIST: u64 = 64 << 20;

/// A backup archive behind shell commands. Cheap to clone; clones share what is under way.
///
/// Before the process ends, [`close`](Self::close) it: commands that are killed take a moment to be gone.
#[derive(Debug, Clone)]
pub struct CommandStorage {
    config: Arc<CommandConfig>,
    secrets: Secrets,
    supervisor: Supervisor,
}

impl CommandStorage {
    /// The archive that the commands of `config` reach.
    pub fn new(config: CommandConfig) -> Self {
        let inherited =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let ours = config.env_vars.iter().map(|EnvVar { key, value }| (key.clone(), value.clone()));
        CommandStorage {
            secrets: Secrets::among(inherited.chain(ours)),
            config: Arc::new(config),
            supervisor: Supervisor::default(),
        }
    }

    /// How many commands are under way, those included that were given up and are not gone yet.
    pub fn under_way(&self) -> usize {
        self.supervisor.under_way()
    }

    /// Kills every command under way, and waits until all of their processes are gone. No command can be started
    /// afterwards. Cancel-safe: call it again to go on waiting.
    pub async fn close(&self) {
        self.supervisor.close().await;
    }

    /// Starts a command about `about`, with these parameters.
    async fn start(
        &self,
        command: CommandName,
        about: &str,
        parameters: &[(&str, &str)],
        input: Input,
    ) -> Result<(Running, Stdin, PipeReader)> {
        let call = Call { command, about: about.to_owned() };
        let text = format!("{PRELUDE}{}", self.config.command(command)?);
        if !self.supervisor.is_open() {
            return Err(call.error(ErrorKind::Cancelled, "the storage was closed"));
        }
        if Handle::try_current().is_err() {
            return Err(call.error(ErrorKind::InvalidConfig, "there is no tokio runtime to wait for it on"));
        }
        // What the call says comes last, so that it wins over a variable of the same name.
        let ours = self.config.env_vars.iter().map(|EnvVar { key, value }| (key.clone(), value.clone()));
        let parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let script = Script { text, environment: ours.chain(parameters).collect(), input };
        tracing::debug!("running {command} for {about}");
        let not_started = |error: std::io::Error| {
            let hint = "commands need bash and sh; look at the limits on processes and open files (`ulimit -u -n`)";
            call.error(ErrorKind::Io, format!("it cannot be started: {error}")).with_hint(hint).with_source(error)
        };
        let Process { kill, stdin, stdout, stderr, ended } =
            self.supervisor.start(script).await.map_err(not_started)?;
        let limit = self.config.time_limits.of(command);
        let (secrets, supervisor) = (self.secrets.clone(), self.supervisor.clone());
        let running =
            Running::new(call.clone(), kill, ended, stderr, secrets, supervisor, limit).map_err(not_started)?;
        Ok((running, stdin, stdout))
    }

    /// Starts a command that is written to.
    async fn start_writer(
        &self,
        command: CommandName,
        about: &str,
        parameters: &[(&str, &str)],
    ) -> Result<(CommandWriter, pipe::Receiver)> {
        let (running, stdin, stdout) = self.start(command, about, parameters, Input::Piped).await?;
        let Stdin::Piped { writer, unread } = stdin else {
            return Err(running.call().error(ErrorKind::Io, "it has no standard input"));
        };
        let call = running.call().clone();
        let unusable = |error| Error::io("open a pipe to the command for", &call.about, error);
        let stdout = pipe::Receiver::from_owned_fd(OwnedFd::from(stdout)).map_err(unusable)?;
        Ok((CommandWriter::new(running, writer, unread).map_err(unusable)?, stdout))
    }

    /// Starts a command that is read from.
    async fn start_reader(
        &self,
        command: CommandName,
        about: &str,
        parameters: &[(&str, &str)],
    ) -> Result<CommandReader> {
        let (running, _, stdout) = self.start(command, about, parameters, Input::Nothing).await?;
        let about = about.to_owned();
        CommandReader::new(running, stdout).map_err(|error| Error::io("open a pipe to the command for", about, error))
    }

    /// Runs a command to its end, and returns what it put out.
    async fn output(
        &self,
        command: CommandName,
        about: &str,
        parameters: &[(&str, &str)],
        longest: u64,
    ) -> Result<String> {
        let mut reader = self.start_reader(command, about, parameters).await?;
        let mut output = Vec::new();
        let read = read_all(&mut reader, &mut output, longest).await;
        read.map_err(|error| Error::from_io(&error).cloned().unwrap_or_else(|| Error::io("read from", about, error)))?;
        text(&Call { command, about: about.to_owned() }, output, longest)
    }
}

#[async_trait]
impl BackupStorage for CommandStorage {
    async fn create_backup(&self, name: &ShellSafeName) -> Result<BackupHandle> {
        let name = name.as_ref();
        self.output(CommandName::CreateBackup, name, &[("BACKUP_NAME", name)], LONGEST_HANDLE).await?.trim_end().parse()
    }

    async fn create_for_write(&self, backup: &BackupHandle, name: &ShellSafeName) -> Result<(FileHandle, FileWriter)> {
        let parameters = [("BACKUP_HANDLE", backup.as_ref()), ("FILE_NAME", name.as_ref())];
        let about = format!("{backup}/{name}");
        let (mut writer, stdout) = self.start_writer(CommandName::CreateForWrite, &about, &parameters).await?;
        match handle_of(writer.running(), stdout).await {
            Ok(handle) => Ok((handle, Box::new(writer))),
            Err(error) => {
                writer.running().kill();
                let _ = ended(writer.running()).await;
                Err(error)
            }
        }
    }

    async fn open_for_read(&self, file: &FileHandle) -> Result<FileReader> {
        let parameters = [("FILE_HANDLE", file.as_ref())];
        Ok(Box::new(self.start_reader(CommandName::OpenForRead, file.as_ref(), &parameters).await?))
    }

    /// Whether an existing file is kept or replaced is the command's to decide.
    async fn save_metadata_lines(&self, name: &ShellSafeName, lines: &[TextLine]) -> Result<FileHandle> {
        let parameters = [("FILE_NAME", name.as_ref())];
        let (mut writer, stdout) = self.start_writer(CommandName::SaveMetadataLine, name.as_ref(), &parameters).await?;
        let call = writer.running().call().clone();
        let content: String = lines.iter().flat_map(|line| [line.as_ref(), "\n"]).collect();
        // Some commands put the handle out first, some never do, so both directions go at once.
        let mut output = Vec::new();
        let mut writing = pin!(async {
            writer.write_all(content.as_bytes()).await?;
            writer.shutdown().await
        });
        let written = {
            let mut reading = pin!(maybe_done(read_all(stdout, &mut output, LONGEST_HANDLE)));
            let written = tokio::select! {
                written = &mut writing => written,
                () = &mut reading => writing.await,
            };
            let _ = timeout(LAST_WORDS, reading).await;
            written
        };
        written.map_err(|error| {
            Error::from_io(&error).cloned().unwrap_or_else(|| Error::io("write to the command for", &call.about, error))
        })?;
        match text(&call, output, LONGEST_HANDLE)?.trim_end() {
            "" => format!("metadata/{name}").parse(),
            handle => handle.parse(),
        }
    }

    async fn list_metadata_files(&self) -> Result<Vec<FileHandle>> {
        let list = self.output(CommandName::ListMetadataFiles, "metadata", &[], LONGEST_LIST).await?;
        let mut files: Vec<FileHandle> =
            list.lines().filter(|line| !line.is_empty()).map(str::parse).collect::<Result<_>>()?;
        files.sort_unstable();
        Ok(files)
    }

    async fn backup_metadata_file(&self, file: &FileHandle) -> Result<()> {
        // The command is given the name alone, and would move another file of the same name.
        let Some(name) = file.as_ref().strip_prefix("metadata/") else {
            return Err(Error::new(ErrorKind::InvalidName, "back up", file.to_string(), "it is not a metadata file")
                .with_hint("handles of metadata files look like metadata/<name>"));
        };
        let name: ShellSafeName = name.parse()?;
        let parameters = [("FILE_NAME", name.as_ref())];
        self.output(CommandName::BackupMetadataFile, name.as_ref(), &parameters, LONGEST_HANDLE).await.map(drop)
    }

    fn can_move_metadata(&self) -> Result<()> {
        self.config.command(CommandName::BackupMetadataFile).map(drop)
    }
}

/// Reads `source` to its end, and keeps so much of it and a little more.
async fn read_all(mut source: impl AsyncRead + Unpin, output: &mut Vec<u8>, longest: u64) -> std::io::Result<()> {
    (&mut source).take(longest + 1).read_to_end(output).await?;
    // To the end all the same: a command that cannot go on putting out does not end.
    tokio::io::copy(&mut source, &mut tokio::io::sink()).await.map(drop)
}

/// Waits until the command and its group have ended.
async fn ended(running: &mut Running) -> Result<()> {
    poll_fn(|cx| running.poll_success(cx)).await
}

/// The handle that a command puts out before it closes its standard output.
async fn handle_of(running: &mut Running, mut stdout: pipe::Receiver) -> Result<FileHandle> {
    const HINT: &str = "it is to put out the file's handle, close its output (`exec 1>&-`), and then read its input";
    let mut output = Vec::new();
    let mut chunk = [0; 4096];
    let read = poll_fn(|cx| {
        loop {
            let mut buf = ReadBuf::new(&mut chunk);
            match ready!(poll_output(running, &mut stdout, cx, &mut buf)) {
                Ok(Output::Some) if output.len() as u64 <= LONGEST_HANDLE => output.extend_from_slice(buf.filled()),
                Ok(Output::Some | Output::End) => return Poll::Ready(Ok(())),
                Err(cause) => return Poll::Ready(Err(cause)),
            }
        }
    });
    if let Err(cause) = read.await {
        running.kill();
        let _ = ended(running).await;
        return Err(running.explain(&cause).with_hint(HINT));
    }
    match text(running.call(), output, LONGEST_HANDLE)?.trim_end() {
        "" => {
            // A command that failed says more by how it ended, which comes in a moment if it does.
            if let Ok(ended) = timeout(LAST_WORDS, ended(running)).await {
                ended?;
            }
            Err(running.call().error(ErrorKind::Service, "it put out no handle").with_hint(HINT))
        }
        handle => handle.parse(),
    }
}

fn text(call: &Call, output: Vec<u8>, longest: u64) -> Result<String> {
    if output.len() as u64 > longest {
        return Err(call.error(ErrorKind::Service, format!("it put out more than {longest} bytes")));
    }
    String::from_utf8(output).map_err(|_| call.error(ErrorKind::Service, "what it put out is not UTF-8"))
}
