//! Reads what the commands of a command adapter's configuration do, and says it in sealift's options, or why that cannot
//! be done. Only what is understood as a whole is translated: a command with a part that is not would be another one.

mod azcopy;
mod gsutil;

use sealift_command::CommandConfig;
use shlex::split;

/// The options that mean the same.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Native {
    pub(crate) flags: Vec<String>,
    pub(crate) notes: Vec<String>,
}

/// Why there are none.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cannot(pub(crate) String);

/// Options of aws and s5cmd that change nothing about what is stored.
const HARMLESS: [&str; 5] = ["--no-progress", "--only-show-errors", "--quiet", "--no-paginate", "-"];
/// What else than gzip would change the stored bytes.
const OTHER_CODECS: [&str; 12] =
    ["zstd", "zstdcat", "xz", "xzcat", "bzip2", "bzcat", "lz4", "lzop", "brotli", "gpg", "age", "openssl"];

/// The options that mean the same as `config`. Variables that it does not set come from `environment`.
pub(crate) fn native(config: &CommandConfig, environment: impl Fn(&str) -> Option<String>) -> Result<Native, Cannot> {
    let variables = |name: &str| {
        let set = config.env_vars.iter().rev().find(|variable| variable.key == name);
        set.map(|variable| variable.value.clone()).or_else(|| environment(name))
    };
    let commands = &config.commands;
    let create = words("create_backup", &commands.create_backup)?;
    if !create.windows(2).any(|pair| pair == ["echo", "$BACKUP_NAME"]) {
        return cannot("create_backup puts out something else than the backup's name");
    }
    let read = Transfer::of("open_for_read", &commands.open_for_read)?;
    let write = Transfer::of("create_for_write", &commands.create_for_write)?;
    let creating = words("create_for_write", &commands.create_for_write)?;
    if !creating.iter().any(|word| word.trim_end_matches(';').ends_with("$BACKUP_HANDLE/$FILE_NAME")) {
        return cannot("create_for_write gives files another handle than BACKUP/FILE");
    }
    let same_base = match (&read.base, &write.base) {
        (Base::Nowhere, _) => return cannot("open_for_read has no path or URL that ends in /$FILE_HANDLE"),
        // It may go there first.
        (Base::Folder(folder), Base::Nowhere) => creating.contains(folder),
        (read, write) => read == write,
    };
    if !same_base || read.codec != write.codec {
        return cannot("open_for_read reads from another place, or in another form, than create_for_write writes");
    }
    if let Base::S3(url) | Base::Gcs(url) | Base::Azure(url) = &read.base
        && !words("list_metadata_files", &commands.list_metadata_files)?.join(" ").contains(&format!("{url}/metadata"))
    {
        return cannot("list_metadata_files looks elsewhere than in the folder `metadata` beside the backups");
    }
    let mut notes = Vec::new();
    let mut known = |text: &str| substituted(text, &variables, &mut notes);
    let mut flags = match &read.base {
        Base::S3(url) | Base::Gcs(url) => vec![format!("--storage={}", quoted(&known(url)?))],
        Base::Azure(url) => azcopy::flags(&known(url)?)?,
        Base::Folder(folder) => {
            vec!["--storage=local-fs".into(), format!("--local-fs-dir={}", quoted(&known(folder)?))]
        }
        Base::Nowhere => Vec::new(),
    };
    for (name, value) in [("--endpoint-url", &write.endpoint), ("--region", &write.region)] {
        if let Some(value) = value {
            flags.push(format!("{name}={}", quoted(&known(value)?)));
        }
    }
    match &read.base {
        Base::Azure(_) => notes.push(azcopy::credentials(write.secret.as_deref())),
        Base::Gcs(_) => notes.push(gsutil::credentials()),
        Base::S3(_) | Base::Folder(_) | Base::Nowhere => {}
    }
    match (&read.base, read.codec) {
        (Base::S3(_) | Base::Gcs(_) | Base::Azure(_), Codec::None) => flags.push("--codec=none".into()),
        (Base::Folder(_), Codec::Gzip) => flags.push("--codec=gzip".into()),
        _ => {}
    }
    if let Some(profile) = &write.profile {
        notes.push(format!("set AWS_PROFILE={profile}"));
    }
    match (read.anonymous, write.anonymous) {
        (true, true) => flags.push("--anonymous".into()),
        (true, false) => notes.push("it reads without credentials: add --anonymous to `get` and `ls`".into()),
        (false, _) => {}
    }
    Ok(Native { flags, notes })
}

/// Where files are, as the command writes it: with its variables, without the handle.
#[derive(Debug, PartialEq, Eq)]
enum Base {
    S3(String),
    Gcs(String),
    /// The URL of a folder in a container, without a signature.
    Azure(String),
    Folder(String),
    Nowhere,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Codec {
    Gzip,
    None,
}

/// What a command that stores or reads a file does.
#[derive(Debug)]
struct Transfer {
    base: Base,
    codec: Codec,
    anonymous: bool,
    endpoint: Option<String>,
    region: Option<String>,
    profile: Option<String>,
    /// What follows the file's name in its URL: a signature. The name of the variable, or nothing of it.
    secret: Option<String>,
}

impl Transfer {
    fn of(name: &str, command: &str) -> Result<Self, Cannot> {
        let words = words(name, command)?;
        let calls = |program: &str| words.iter().any(|word| program_of(word) == program);
        if let Some(codec) = OTHER_CODECS.into_iter().find(|codec| calls(codec)) {
            return cannot(format!(
                "{name} stores what {codec} makes, and sealift stores gzip or the bytes as they are"
            ));
        }
        if calls("az") {
            // It has a dozen ways to say which account, and who asks.
            return cannot(format!(
                "{name} uses az, whose options are not understood; say --storage az://CONTAINER/PREFIX yourself"
            ));
        }
        let codec = match ["gzip", "gunzip", "zcat", "pigz", "unpigz"].into_iter().any(calls) {
            true => Codec::Gzip,
            false => Codec::None,
        };
        let nowhere = Transfer {
            base: Base::Nowhere,
            codec,
            anonymous: false,
            endpoint: None,
            region: None,
            profile: None,
            secret: None,
        };
        if calls("azcopy") {
            let azcopy::Copy { url, secret } = azcopy::copy(name, &words)?;
            return Ok(Transfer { base: Base::Azure(url), secret, ..nowhere });
        }
        if gsutil::TOOLS.into_iter().any(calls) {
            return Ok(Transfer { base: Base::Gcs(gsutil::copied(name, &words)?), ..nowhere });
        }
        if calls("aws") || calls("s5cmd") {
            return nowhere.on_s3(name, &words);
        }
        for program in ["rclone", "curl", "wget", "oci", "ssh", "scp", "rsync", "mc", "swift", "b2"] {
            if calls(program) {
                return cannot(format!("{name} uses {program}, which is not understood"));
            }
        }
        let folder = words.iter().filter_map(|word| base_of(word.trim_start_matches(['<', '>']))).next_back();
        let base = folder.map_or(Base::Nowhere, |folder| Base::Folder(folder.to_owned()));
        Ok(Transfer { base, ..nowhere })
    }

    fn on_s3(mut self, name: &str, words: &[String]) -> Result<Self, Cannot> {
        let url = words.iter().find(|word| word.starts_with("s3://"));
        let Some(base) = url.and_then(|url| base_of(url)) else {
            return cannot(format!("{name} has no URL s3://…/$FILE_HANDLE"));
        };
        self.base = Base::S3(base.to_owned());
        // Only the tool's own options count.
        let start = words.iter().position(|word| matches!(program_of(word), "aws" | "s5cmd")).unwrap_or_default();
        let mut options =
            words[start + 1..].iter().take_while(|word| !matches!(word.as_str(), "|" | "||" | "&&" | ";"));
        while let Some(option) = options.next() {
            let (option, mut value) = match option.split_once('=') {
                Some((option, value)) => (option, Some(value.to_owned())),
                None => (option.as_str(), None),
            };
            let mut value = || value.take().or_else(|| options.next().cloned());
            match option {
                "--no-sign-request" => self.anonymous = true,
                "--endpoint-url" => self.endpoint = value(),
                "--region" => self.region = value(),
                "--profile" => self.profile = value(),
                harmless if HARMLESS.contains(&harmless) => {}
                other if other.starts_with('-') => {
                    return cannot(format!("{name} uses {other}, for which sealift has no option"));
                }
                _ => {}
            }
        }
        Ok(self)
    }
}

/// The words of a command as a shell takes them, with its variables as they stand.
fn words(name: &str, command: &str) -> Result<Vec<String>, Cannot> {
    split(command).ok_or_else(|| Cannot(format!("{name} cannot be taken apart: its quotes do not match")))
}

fn program_of(word: &str) -> &str {
    word.trim_start_matches('(').rsplit('/').next().unwrap_or_default()
}

/// How commands name a file.
const HANDLES: [&str; 4] =
    ["/$FILE_HANDLE", "/${FILE_HANDLE}", "/$BACKUP_HANDLE/$FILE_NAME", "/${BACKUP_HANDLE}/${FILE_NAME}"];

/// What comes before the handle in the path or URL of a file.
fn base_of(word: &str) -> Option<&str> {
    let word = word.trim_end_matches([';', ')']);
    HANDLES.iter().find_map(|handle| word.strip_suffix(handle))
}

/// A text with its variables replaced. Those that are not set are still there, in braces.
#[derive(Debug)]
struct Substituted {
    text: String,
    open: bool,
}

/// `text` with the values of its variables. What else a shell would replace is not understood, and neither is a value with a
/// dollar sign beside a variable that is not set: nothing would tell the two apart any more.
fn substituted(
    text: &str,
    variables: &impl Fn(&str) -> Option<String>,
    notes: &mut Vec<String>,
) -> Result<Substituted, Cannot> {
    if text.contains(['`', '\0']) {
        return cannot("the path or URL holds a backquote or a zero byte");
    }
    let (mut resolved, mut rest, mut open, mut dollar) = (String::new(), text, false, false);
    while let Some((before, after)) = rest.split_once('$') {
        resolved.push_str(before);
        let inner = after.strip_prefix('{').and_then(|braced| braced.split_once('}'));
        let (name, after) = inner.unwrap_or_else(|| {
            let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
            after.split_at(end)
        });
        if !is_variable(name) {
            return cannot("more than plain variables ($NAME, ${NAME}) is replaced in the path or URL");
        }
        match variables(name) {
            Some(value) => {
                dollar |= value.contains('$');
                resolved.push_str(&value);
            }
            None => {
                open = true;
                resolved.push_str(&format!("${{{name}}}"));
                let note = format!("${name} is not set in the configuration: the environment sets it");
                if !notes.contains(&note) {
                    notes.push(note);
                }
            }
        }
        rest = after;
    }
    resolved.push_str(rest);
    match open && dollar {
        true => cannot("the value of a variable has a dollar sign in it, and another variable is not set"),
        false => Ok(Substituted { text: resolved, open }),
    }
}

fn is_variable(name: &str) -> bool {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    plain && name.bytes().next().is_some_and(|first| !first.is_ascii_digit())
}

/// For a shell: quoted, or in double quotes with the variables that are not set, which alone have a dollar sign then.
fn quoted(substituted: &Substituted) -> String {
    let Substituted { text, open } = substituted;
    match open {
        true => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('`', "\\`")),
        false => shlex::try_quote(text).map_or_else(|_| text.clone(), |quoted| quoted.into_owned()),
    }
}

fn cannot<T>(why: impl Into<String>) -> Result<T, Cannot> {
    Err(Cannot(why.into()))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const S3_WRITE: &str = r#"
        # don't forget: the handle first
        FILE_HANDLE="$BACKUP_HANDLE/$FILE_NAME"
        echo "$FILE_HANDLE"; exec 1>&-
        gzip -c | aws s3 cp - "s3://$BUCKET/$SUB_DIR/$FILE_HANDLE""#;
    const S3_READ: &str =
        r#"AWS_MAX_ATTEMPTS=9 aws s3 cp "s3://$BUCKET/$SUB_DIR/$FILE_HANDLE" - --no-sign-request | gzip -cd"#;
    const S3_LIST: &str = "(aws s3 ls s3://$BUCKET/$SUB_DIR/metadata/ || :) | sed -ne 's#.* #metadata/#p'";

    pub(super) fn import(write: &str, read: &str, list: &str, variables: &[(&str, &str)]) -> Result<Native, Cannot> {
        let variables: Vec<_> =
            variables.iter().map(|(key, value)| serde_json::json!({ "key": key, "value": value })).collect();
        let config = serde_json::json!({ "env_vars": variables, "commands": {
            "create_backup": "echo \"$BACKUP_NAME\"", "create_for_write": write, "open_for_read": read,
            "save_metadata_line": "", "list_metadata_files": list,
        }});
        native(&CommandConfig::from_yaml(&config.to_string(), "test").expect("valid"), |_| None)
    }

    pub(super) fn flags(native: Result<Native, Cannot>) -> String {
        native.expect("understood").flags.join(" ")
    }

    #[test]
    fn s3_with_what_it_is_given() {
        let variables = [("BUCKET", "b/deep er"), ("SUB_DIR", "e1")];
        let native = import(S3_WRITE, S3_READ, S3_LIST, &variables).expect("understood");
        assert_eq!(native.flags, ["--storage='s3://b/deep er/e1'"]);
        assert!(native.notes[0].contains("--anonymous"), "{native:?}");
        let write = S3_WRITE.replace("aws s3", "aws --endpoint-url=\"$E\" s3");
        let read = S3_READ.replace(" --no-sign-request", "");
        let native = import(&write, &read, S3_LIST, &[("BUCKET", "b"), ("E", "http://h:1")]).expect("understood");
        assert_eq!(native.flags, ["--storage=\"s3://b/${SUB_DIR}\"", "--endpoint-url=http://h:1"]);
        assert_eq!(native.notes, ["$SUB_DIR is not set in the configuration: the environment sets it"]);
        let plain = |command: &str| command.replace("gzip -c |", "").replace("| gzip -cd", "");
        assert_eq!(
            flags(import(&plain(S3_WRITE), &plain(S3_READ), S3_LIST, &variables)),
            "--storage='s3://b/deep er/e1' --codec=none"
        );
    }

    #[test]
    fn a_local_folder() {
        let write =
            "cd \"$FOLDER\" && cd $BACKUP_HANDLE && echo $BACKUP_HANDLE/$FILE_NAME && exec >&- && gzip -c > $FILE_NAME";
        let read = "cat \"$FOLDER/$FILE_HANDLE\" | gzip -cd";
        assert_eq!(
            flags(import(write, read, "ls", &[("FOLDER", "/var/backups")])),
            "--storage=local-fs --local-fs-dir=/var/backups --codec=gzip"
        );
    }

    #[test]
    fn a_shell_runs_nothing_of_what_comes_out() {
        let on = |path: &str, variables: &[(&str, &str)]| {
            let [write, read, list] =
                [S3_WRITE, S3_READ, S3_LIST].map(|command| command.replace("$BUCKET/$SUB_DIR", path));
            import(&write, &read, &list, variables)
        };
        for (path, value, reason) in [
            ("$BUCKET/$(id)", "b", "plain variables"),
            ("$BUCKET/${SUB:-$(id)}", "b", "plain variables"),
            ("$BUCKET/a$", "b", "plain variables"),
            ("$BUCKET/$1", "b", "plain variables"),
            ("$BUCKET/$OPEN/\\`id\\`", "b", "backquote"),
            ("$BUCKET/$OPEN", "b$(id)", "dollar sign"),
        ] {
            let Cannot(why) = on(path, &[("BUCKET", value)]).expect_err(path);
            assert!(why.contains(reason), "{path}: {why}");
        }
        let native = on("$BUCKET/$OPEN", &[("BUCKET", "b\";id;\\`id`")]).expect("understood");
        assert_eq!(native.flags, [r#"--storage="s3://b\";id;\\\`id\`/${OPEN}""#]);
        let native = on("$BUCKET/x", &[("BUCKET", "b$(id)")]).expect("understood");
        assert_eq!(native.flags, ["--storage='s3://b$(id)/x'"]);
    }

    #[test]
    fn what_is_not_understood_as_a_whole_is_refused_with_the_reason() {
        let variables = [("BUCKET", "b"), ("SUB_DIR", "e1")];
        for (write, read, reason) in [
            (S3_WRITE.replace("gzip -c", "zstd -c"), S3_READ.into(), "zstd"),
            (S3_WRITE.replace("cp -", "cp --sse aws:kms -"), S3_READ.into(), "--sse"),
            (S3_WRITE.into(), S3_READ.replace("| gzip -cd", ""), "another form"),
            (S3_WRITE.into(), S3_READ.replace("$BUCKET", "$OTHER"), "another place"),
            (S3_WRITE.replace("$FILE_NAME", "$FILE_NAME.gz"), S3_READ.into(), "another handle"),
            (S3_WRITE.replace("aws s3 cp", "rclone rcat"), S3_READ.into(), "rclone"),
            (S3_WRITE.into(), "gsutil cp gs://$BUCKET/$FILE_HANDLE - | gzip -cd".into(), "another place"),
            (S3_WRITE.into(), "az storage blob download --name e1/$FILE_HANDLE".into(), "uses az"),
            (S3_WRITE.into(), "azcopy cp --from-to BlobPipe https://x/$FILE_HANDLE | gzip -cd".into(), "another place"),
            (S3_WRITE.into(), "azcopy cp --from-to BlobPipe --s2s-x https://x/$FILE_HANDLE".into(), "--s2s-x"),
            (S3_WRITE.into(), "cat 'x".into(), "quotes"),
            (S3_WRITE.into(), "some-tool $FILE_HANDLE".into(), "/$FILE_HANDLE"),
        ] {
            let Cannot(why) = import(&write, &read, S3_LIST, &variables).expect_err(reason);
            assert!(why.contains(reason), "{reason}: {why}");
        }
        let Cannot(why) = import(S3_WRITE, S3_READ, "ls", &variables).expect_err("another list");
        assert!(why.contains("list_metadata_files"), "{why}");
    }
}
