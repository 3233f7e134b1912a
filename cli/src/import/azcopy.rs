//! What a command does that calls AzCopy: the URL that it copies to or from, as Sealift's options.

use super::{Cannot, HANDLES, Substituted, cannot, program_of, quoted};

/// Options that change nothing about what is stored, each with a value.
const HARMLESS: [&str; 6] =
    ["--output-level", "--output-type", "--log-level", "--trusted-microsoft-suffixes", "--block-size-mb", "--from-to"];
/// Where the host of an account's URL ends: Azure's own, which needs no --endpoint-url.
const AZURE: &str = "core.windows.net";

/// A copy from or to a file.
#[derive(Debug)]
pub(super) struct Copy {
    /// What comes before the file's handle.
    pub(super) url: String,
    /// Where the signature after it is from: the variable, or nothing when it stands there itself.
    pub(super) secret: Option<String>,
}

/// The copy that a command's words describe.
pub(super) fn copy(name: &str, words: &[String]) -> Result<Copy, Cannot> {
    let start = words.iter().position(|word| program_of(word) == "azcopy").unwrap_or_default();
    let mut rest = words[start + 1..].iter().take_while(|word| !matches!(word.as_str(), "|" | "||" | "&&" | ";"));
    let mut found = None;
    while let Some(word) = rest.next() {
        let (option, value) =
            word.split_once('=').map_or((word.as_str(), None), |(option, value)| (option, Some(value)));
        if option.starts_with('-') {
            if !HARMLESS.contains(&option) {
                return cannot(format!("{name} uses {option}, for which sealift has no option"));
            }
            let value = value.map(str::to_owned).or_else(|| rest.next().cloned());
            if option == "--from-to" && !value.is_some_and(|value| matches!(value.as_str(), "PipeBlob" | "BlobPipe")) {
                return cannot(format!("{name} copies by other ways than a pipe"));
            }
        } else {
            found = found.or_else(|| parts(assigned(words, word)));
        }
    }
    match found {
        Some(copy) => Ok(copy),
        None => cannot(format!("{name} has no URL https://…/$FILE_HANDLE")),
    }
}

/// The value of a variable that the command itself has set before: `url=…` of `$url`.
fn assigned<'a>(words: &'a [String], word: &'a str) -> &'a str {
    let name = word.strip_prefix("${").and_then(|name| name.strip_suffix('}')).or_else(|| word.strip_prefix('$'));
    let value = name.and_then(|name| words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('=')));
    value.unwrap_or(word)
}

/// A file's URL around its handle.
fn parts(url: &str) -> Option<Copy> {
    let (before, after) = HANDLES.iter().find_map(|handle| url.split_once(handle))?;
    let variable = |text: &str| {
        let name = text.trim_start_matches('?').strip_prefix('$')?.trim_start_matches('{').trim_end_matches('}');
        name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_').then(|| name.to_owned())
    };
    let secret = match after {
        "" => None,
        after if after.starts_with('?') || after.starts_with('$') => Some(variable(after).unwrap_or_default()),
        _ => return None,
    };
    Some(Copy { url: before.to_owned(), secret })
}

/// The options for the folder `url`.
pub(super) fn flags(url: &Substituted) -> Result<Vec<String>, Cannot> {
    let unknown =
        || Cannot("the URL is not https://ACCOUNT.blob.…/CONTAINER/…, as far as its variables are set".into());
    let (host, path) = url.text.strip_prefix("https://").and_then(|rest| rest.split_once('/')).ok_or_else(unknown)?;
    let (account, suffix) = host.split_once(".blob.").ok_or_else(unknown)?;
    if path.contains('?') {
        return cannot("there is a signature in the middle of the URL");
    }
    let text = |text: String| quoted(&Substituted { text, open: url.open });
    let mut flags = vec![
        format!("--storage={}", text(format!("az://{}", path.trim_end_matches('/')))),
        format!("--account-name={}", text(account.to_owned())),
    ];
    if suffix != AZURE {
        flags.push(format!("--endpoint-url={}", text(format!("https://{host}"))));
    }
    Ok(flags)
}

/// How the same credentials are given to sealift.
pub(super) fn credentials(secret: Option<&str>) -> String {
    match secret {
        None => {
            "azcopy's login is its own: sealift takes AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, the \
                 machine's identity, or whoever `az login` has logged in"
                .into()
        }
        Some("") => "set AZURE_STORAGE_SAS_TOKEN to the signature in the configuration's URLs (not shown here)".into(),
        Some(variable) => format!("set AZURE_STORAGE_SAS_TOKEN to the value of ${variable} (not shown here)"),
    }
}

#[cfg(test)]
mod tests {
    use crate::import::tests::{flags, import};

    const WRITE: &str = r#"
        FILE_HANDLE="$BACKUP_HANDLE/$FILE_NAME"
        echo "$FILE_HANDLE"
        exec 1>&-
        gzip -c | azcopy cp --from-to PipeBlob "https://$ACCOUNT.blob.core.windows.net/$CONTAINER/$SUB_DIR/$FILE_HANDLE$SAS""#;
    const READ: &str = r#"azcopy cp --from-to=BlobPipe "https://$ACCOUNT.blob.core.windows.net/$CONTAINER/$SUB_DIR/$FILE_HANDLE$SAS" | gzip -cd"#;
    const LIST: &str = r#"azcopy ls "https://$ACCOUNT.blob.core.windows.net/$CONTAINER/$SUB_DIR/metadata/$SAS""#;
    const VARIABLES: [(&str, &str); 4] =
        [("ACCOUNT", "acct"), ("CONTAINER", "c"), ("SUB_DIR", "e 1"), ("SAS", "?sv=1&sig=s3cret")];

    #[test]
    fn azcopy_with_a_signature_that_is_not_shown() {
        let native = import(WRITE, READ, LIST, &VARIABLES).expect("understood");
        assert_eq!(native.flags, ["--storage='az://c/e 1'", "--account-name=acct"]);
        assert_eq!(native.notes, ["set AZURE_STORAGE_SAS_TOKEN to the value of $SAS (not shown here)"]);
        let literal = |command: &str| command.replace("$SAS", "?sv=1&sig=s3cret");
        let native = import(&literal(WRITE), &literal(READ), &literal(LIST), &VARIABLES).expect("understood");
        assert!(!format!("{native:?}").contains("s3cret"), "{native:?}");
        assert_eq!(
            flags(import(WRITE, READ, LIST, &VARIABLES[1..2])),
            "--storage=\"az://c/${SUB_DIR}\" --account-name=\"${ACCOUNT}\""
        );
    }

    #[test]
    fn a_url_that_is_set_before() {
        let write = "FILE_HANDLE=\"$BACKUP_HANDLE/$FILE_NAME\"; echo \"$FILE_HANDLE\"\n\
            url=$CONTAINER_URL/$PREFIX/$FILE_HANDLE\n\
            gzip -c | azcopy copy \"$url\" --from-to PipeBlob --trusted-microsoft-suffixes \"$T\" >&2 || exit 1";
        let read = "url=$CONTAINER_URL/$PREFIX/$FILE_HANDLE\n\
            azcopy copy \"$url\" --from-to BlobPipe < /dev/null | gzip -cd || { echo no; exit 1; }";
        let list = "azcopy list \"$CONTAINER_URL/$PREFIX/metadata/\"";
        let native = import(
            write,
            read,
            list,
            &[("CONTAINER_URL", "https://acct.blob.core.usgovcloudapi.net/c"), ("PREFIX", "a/b")],
        );
        let native = native.expect("understood");
        assert_eq!(
            native.flags.join(" "),
            "--storage=az://c/a/b --account-name=acct --endpoint-url=https://acct.blob.core.usgovcloudapi.net"
        );
        assert!(native.notes[0].contains("az login"), "{native:?}");
        import(write, read, list, &[("CONTAINER_URL", "https://127.0.0.1/a/c"), ("PREFIX", "p")])
            .expect_err("no account");
    }
}
