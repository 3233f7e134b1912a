//! One thing that may still exist at a service after something failed: what it is, how surely it is there, why that is
//! all that is known, and what removes it. Every sentence about it is made here.

use std::borrow::Cow;
use std::fmt;

/// Something that may be left, named so that a person finds it. It never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftBehind {
    remnant: Remnant,
    certainty: Certainty,
    because: Option<Cow<'static, str>>,
    remedy: Cow<'static, str>,
}

/// What kind of thing is left.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remnant {
    /// An object that everybody sees, by its URL.
    Object(String),
    /// What an upload has stored and nobody sees, by the URL of the object it was to become and by its id, where that
    /// is known.
    Upload {
        /// The URL of the object.
        location: String,
        /// The upload's id.
        id: Option<String>,
    },
    /// A file that is no object: a temporary name.
    File(String),
    /// A process that may still be running, in words that name it.
    Process(String),
}

/// How surely something is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certainty {
    /// It was seen, or the service said so.
    Seen,
    /// It may be there.
    Perhaps,
}

impl LeftBehind {
    /// The object at `location`, which was seen there.
    pub fn object(location: impl Into<String>) -> Self {
        LeftBehind::new(Remnant::Object(location.into()), "`sealift rm` removes it")
    }

    /// The parts of the upload `id` that was to become the object at `location`.
    pub fn upload(location: impl Into<String>, id: impl Into<String>) -> Self {
        let remnant = Remnant::Upload { location: location.into(), id: Some(id.into()) };
        LeftBehind::new(remnant, "`sealift sweep` removes it")
    }

    /// An upload that was to become the object at `location`, if one was started: its id is not known.
    pub fn unknown_upload(location: impl Into<String>) -> Self {
        let remnant = Remnant::Upload { location: location.into(), id: None };
        LeftBehind::new(remnant, "`sealift sweep` finds and removes it").perhaps()
    }

    /// A file under a temporary name.
    pub fn file(path: impl Into<String>) -> Self {
        LeftBehind::new(Remnant::File(path.into()), "`sealift sweep` removes it")
    }

    /// A process, in words that name it.
    pub fn process(name: impl Into<String>) -> Self {
        LeftBehind::new(Remnant::Process(name.into()), "`kill` ends it")
    }

    fn new(remnant: Remnant, remedy: &'static str) -> Self {
        LeftBehind { remnant, certainty: Certainty::Seen, because: None, remedy: remedy.into() }
    }

    /// The same, where nobody knows whether it is there.
    #[must_use]
    pub fn perhaps(self) -> Self {
        LeftBehind { certainty: Certainty::Perhaps, ..self }
    }

    /// The same, with the reason why it is left, or why no more is known of it.
    #[must_use]
    pub fn because(self, reason: impl Into<Cow<'static, str>>) -> Self {
        LeftBehind { because: Some(reason.into()), ..self }
    }

    /// The same, with another remedy than the usual: what becomes of it, or what removes it.
    #[must_use]
    pub fn with_remedy(self, remedy: impl Into<Cow<'static, str>>) -> Self {
        LeftBehind { remedy: remedy.into(), ..self }
    }

    /// What it is.
    pub fn remnant(&self) -> &Remnant {
        &self.remnant
    }

    /// How surely it is there.
    pub fn certainty(&self) -> Certainty {
        self.certainty
    }

    /// Why it is left, or why no more is known.
    pub fn reason(&self) -> Option<&str> {
        self.because.as_deref()
    }

    /// What removes it.
    pub fn remedy(&self) -> &str {
        &self.remedy
    }
}

impl fmt::Display for LeftBehind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.certainty == Certainty::Perhaps {
            f.write_str("perhaps ")?;
        }
        match &self.remnant {
            Remnant::Object(location) => write!(f, "the object {location}")?,
            Remnant::Upload { location, id: Some(id) } => {
                write!(f, "the incomplete upload of {location}, upload id {id}")?
            }
            Remnant::Upload { location, id: None } => write!(f, "an upload of {location} whose id is unknown")?,
            Remnant::File(path) => write!(f, "the temporary file {path}")?,
            Remnant::Process(name) => write!(f, "the process {name}")?,
        }
        if let Some(reason) = &self.because {
            write!(f, ": {reason}")?;
        }
        write!(f, " ({})", self.remedy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_says_what_it_is_how_surely_why_and_what_removes_it() {
        let object = LeftBehind::object("s3://b/k").perhaps().because("its put was not answered");
        assert_eq!(
            object.to_string(),
            "perhaps the object s3://b/k: its put was not answered (`sealift rm` removes it)"
        );
        let upload = LeftBehind::upload("s3://b/k", "U");
        assert_eq!(upload.to_string(), "the incomplete upload of s3://b/k, upload id U (`sealift sweep` removes it)");
        let session = LeftBehind::unknown_upload("gs://b/k").with_remedy("nothing of it can be seen");
        assert_eq!(
            session.to_string(),
            "perhaps an upload of gs://b/k whose id is unknown (nothing of it can be seen)"
        );
    }
}
