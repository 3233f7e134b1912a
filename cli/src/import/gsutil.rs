//! What a command does that calls gsutil, or `gcloud storage`: the URL that it copies to or from.

use super::{Cannot, base_of, cannot, program_of};

/// The tools.
pub(super) const TOOLS: [&str; 2] = ["gsutil", "gcloud"];
/// Options that change nothing about what is stored.
const HARMLESS: [&str; 7] =
    ["-q", "-m", "--quiet", "--no-user-output-enabled", "-", "--verbosity=none", "--no-clobber"];

/// What comes before a file's handle in the URL of a copy.
pub(super) fn copied(name: &str, words: &[String]) -> Result<String, Cannot> {
    let start = words.iter().position(|word| TOOLS.contains(&program_of(word))).unwrap_or_default();
    let rest = words[start + 1..].iter().take_while(|word| !matches!(word.as_str(), "|" | "||" | "&&" | ";"));
    let mut base = None;
    for word in rest {
        match word.strip_prefix("gs://") {
            Some(_) => base = base.or_else(|| base_of(word)),
            None if word.starts_with('-') && !HARMLESS.contains(&word.as_str()) => {
                return cannot(format!("{name} uses {word}, for which sealift has no option"));
            }
            None => {}
        }
    }
    match base {
        Some(base) => Ok(base.to_owned()),
        None => cannot(format!("{name} has no URL gs://…/$FILE_HANDLE")),
    }
}

/// How the same credentials are given to sealift: those tools keep their own.
pub(super) fn credentials() -> String {
    "the login of gsutil and gcloud is their own: sealift takes GOOGLE_APPLICATION_CREDENTIALS or --credentials-file, what \
     `gcloud auth application-default login` left, or the machine's own account"
        .into()
}

#[cfg(test)]
mod tests {
    use crate::import::tests::import;

    const WRITE: &str = r#"
        FILE_HANDLE="$BACKUP_HANDLE/$FILE_NAME"
        echo "$FILE_HANDLE"
        exec 1>&-
        gzip -c | gsutil -q cp - "gs://$BUCKET/$SUB_DIR/$FILE_HANDLE" >&2"#;
    const READ: &str = r#"gsutil -q cp "gs://$BUCKET/$SUB_DIR/$FILE_HANDLE" - | gzip -cd"#;
    const LIST: &str = r#"(gsutil ls gs://$BUCKET/$SUB_DIR/metadata/ ||:) | sed -ne "s#gs://.*/metadata/#metadata/#p""#;

    #[test]
    fn a_bucket_and_a_prefix() {
        let variables = [("BUCKET", "b"), ("SUB_DIR", "e1")];
        let gcloud = |command: &str| command.replace("gsutil -q cp", "gcloud storage cp");
        for (write, read) in [(WRITE.to_owned(), READ.to_owned()), (gcloud(WRITE), gcloud(READ))] {
            let native = import(&write, &read, LIST, &variables).expect("understood");
            assert_eq!(native.flags, ["--storage=gs://b/e1"]);
            assert!(native.notes[0].contains("GOOGLE_APPLICATION_CREDENTIALS"), "{native:?}");
        }
        let plain = |command: &str| command.replace("gzip -c |", "").replace("| gzip -cd", "");
        let native = import(&plain(WRITE), &plain(READ), LIST, &variables).expect("understood");
        assert_eq!(native.flags, ["--storage=gs://b/e1", "--codec=none"]);
    }

    #[test]
    fn what_would_store_something_else_is_refused() {
        let variables = [("BUCKET", "b"), ("SUB_DIR", "e1")];
        for (write, reason) in [
            (WRITE.replace("cp -", "cp -Z -"), "uses -Z"),
            (WRITE.replace("gs://$BUCKET", "gs://other"), "another place"),
            (WRITE.replace("gs://", "https://"), "gs://"),
        ] {
            let why = import(&write, READ, LIST, &variables).expect_err(reason).0;
            assert!(why.contains(reason), "{why}");
        }
    }
}
