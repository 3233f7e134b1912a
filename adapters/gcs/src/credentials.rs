//! The tokens that both clients send: where they come from, and how they are renewed.

use crate::faults::{Fault, chain};
use crate::options::Credentials;
use crate::refusal::shortened;
use crate::renewal::{Generation, Renewal};
use google_cloud_auth::build_errors::Error as BuildError;
use google_cloud_auth::credentials::{
    Builder, CacheableResource, Credentials as Tokens, CredentialsProvider, anonymous, external_account, impersonated,
    service_account, user_account,
};
use google_cloud_auth::errors::CredentialsError;
use http::{Extensions, HeaderMap};
use sealift::{Error, ErrorKind, Passing, Result};
use serde_json::Value;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// The time that a token may take to come, also where it is renewed: off Google, nothing answers for the metadata server, and
/// a federation's own server may hang.
pub const TOKEN_WITHIN: Duration = Duration::from_secs(15);

/// A token that came again after it had been refused is not asked for anew for so long: what was refused together is told
/// together.
const TOLD_TOGETHER: Duration = Duration::from_secs(5);

/// A source of tokens that can be replaced by a fresh one: the library keeps a token until it expires, also one that the
/// service has refused.
#[derive(Clone)]
pub(crate) struct Renewable(Arc<Inner>);

struct Inner {
    source: Credentials,
    state: Mutex<State>,
}

struct State {
    current: Tokens,
    /// How often the source was replaced.
    generation: Generation,
    /// The token that came last.
    given: Option<HeaderMap>,
    /// What was refused, until a token has come since.
    refused: Option<HeaderMap>,
    /// When what had been refused came again.
    again: Option<Instant>,
}

impl fmt::Debug for Renewable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Renewable").field(&self.0.source).finish()
    }
}

impl Renewable {
    /// Must be called on a runtime: the library fetches tokens in a task.
    pub(crate) fn new(source: Credentials) -> Result<Self> {
        let current = tokens(&source)?;
        let state = State { current, generation: Generation(0), given: None, refused: None, again: None };
        Ok(Renewable(Arc::new(Inner { source, state: Mutex::new(state) })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What to send with a request, within [`TOKEN_WITHIN`].
    pub(crate) async fn for_request(&self) -> std::result::Result<(HeaderMap, Generation), Fault> {
        let (current, generation) = {
            let state = self.state();
            (state.current.clone(), state.generation)
        };
        match timeout(TOKEN_WITHIN, current.headers(Extensions::new())).await {
            Ok(Ok(CacheableResource::New { data, .. })) => {
                self.given(&data, generation);
                Ok((data, generation))
            }
            Ok(Ok(CacheableResource::NotModified)) => Err(Fault::Unexpected("no token where one was asked for".into())),
            Ok(Err(error)) => {
                let passing = self.passing();
                // What failed for good stays so in the library; the next operation is to look anew.
                self.replace(&mut self.state());
                Err(unusable(&error, passing))
            }
            Err(_) => {
                let reason = format!("no token came within {} s", TOKEN_WITHIN.as_secs());
                Err(Fault::Credentials { reason, passing: Some(self.passing()) })
            }
        }
    }

    fn given(&self, token: &HeaderMap, generation: Generation) {
        let mut state = self.state();
        if state.generation == generation {
            if let Some(refused) = state.refused.take() {
                state.again = (refused == *token).then(Instant::now);
            }
            state.given = Some(token.clone());
        }
    }

    /// What it is when no token comes. Where none ever came, most likely there is nobody to give one: off Google, nothing
    /// answers for the metadata server.
    fn passing(&self) -> Passing {
        match self.state().given.is_some() {
            true => Passing::Outage,
            false => Passing::Unlikely,
        }
    }

    /// After a token of `used` was refused: looks for tokens anew, once for all requests that were refused together.
    pub(crate) fn refused(&self, used: Generation) -> Renewal {
        if self.0.source == Credentials::Anonymous {
            return Renewal::None;
        }
        let mut state = self.state();
        if state.generation != used {
            return Renewal::Sought;
        }
        if state.again.is_some_and(|again| again.elapsed() < TOLD_TOGETHER) {
            return Renewal::Same;
        }
        self.replace(&mut state)
    }

    fn replace(&self, state: &mut State) -> Renewal {
        match tokens(&self.0.source) {
            Ok(fresh) => {
                state.current = fresh;
                state.generation = Generation(state.generation.0 + 1);
                state.refused = state.given.clone();
                state.again = None;
                Renewal::Sought
            }
            Err(_) => Renewal::None,
        }
    }
}

impl CredentialsProvider for Renewable {
    async fn headers(
        &self,
        extensions: Extensions,
    ) -> std::result::Result<CacheableResource<HeaderMap>, CredentialsError> {
        let current = self.state().current.clone();
        current.headers(extensions).await
    }

    /// The SDK compares this with its own, and would ask the metadata server for it; the endpoint is chosen in the options.
    async fn universe_domain(&self) -> Option<String> {
        std::env::var("GOOGLE_CLOUD_UNIVERSE_DOMAIN").ok()
    }
}

/// No token, which is `passing` unless the library says that it is for good. Its words hold the answer of who gives out
/// tokens, no token.
pub(crate) fn unusable(error: &CredentialsError, passing: Passing) -> Fault {
    let all: Vec<String> = chain(error).map(|cause| cause.to_string()).collect();
    Fault::Credentials { reason: shortened(&all.join(": ")), passing: error.is_transient().then_some(passing) }
}

fn tokens(source: &Credentials) -> Result<Tokens> {
    match source {
        Credentials::Anonymous => Ok(anonymous::Builder::new().build()),
        Credentials::File(path) => of_file(path),
        Credentials::ApplicationDefault => Builder::default().build().map_err(|error| {
            let reason = match error.is_loading() {
                // Names a path.
                true => shortened(&error.to_string()),
                false => what_is_wrong(&error).to_owned(),
            };
            Error::new(ErrorKind::InvalidConfig, "use", "the application default credentials", reason).with_hint(
                "check the file that GOOGLE_APPLICATION_CREDENTIALS names, or run `gcloud auth application-default login`",
            )
        }),
    }
}

fn of_file(path: &Path) -> Result<Tokens> {
    let invalid = |reason: String| {
        Error::new(ErrorKind::InvalidConfig, "use the credentials file", path.display().to_string(), reason).with_hint(
            "give a service account's key or a federation's configuration, as the console or `gcloud` made it, or what \
             `gcloud auth application-default login` left",
        )
    };
    let text = std::fs::read(path).map_err(|error| invalid(error.to_string()))?;
    // No words of the parser's: they may repeat what is in the file.
    let json: Value = serde_json::from_slice(&text).map_err(|_| invalid("it is not JSON".to_owned()))?;
    let built = match json.get("type").and_then(Value::as_str) {
        Some("service_account") => service_account::Builder::new(json).build(),
        Some("external_account") => external_account::Builder::new(json).build(),
        Some("authorized_user") => user_account::Builder::new(json).build(),
        Some("impersonated_service_account") => impersonated::Builder::new(json).build(),
        _ => {
            return Err(invalid(
                "its `type` is none of service_account, external_account, authorized_user, impersonated_service_account"
                    .to_owned(),
            ));
        }
    };
    built.map_err(|error| invalid(what_is_wrong(&error).to_owned()))
}

fn what_is_wrong(error: &BuildError) -> &'static str {
    if error.is_unknown_type() {
        "its `type` is not known"
    } else if error.is_not_supported() {
        "what it describes is not supported"
    } else {
        "a field that its `type` needs is missing or malformed"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_that_cannot_be_used_is_named_and_its_content_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, content, reason) in [
            ("garbled.json", "{\"private_key\": s3cret", "not JSON"),
            ("list.json", "[\"s3cret\"]", "`type`"),
            ("type.json", "{\"type\": \"s3cret\"}", "`type`"),
            ("key.json", "{\"type\": \"service_account\", \"private_key\": \"s3cret\"}", "missing or malformed"),
            ("user.json", "{\"type\": \"authorized_user\", \"refresh_token\": [\"s3cret\"]}", "missing or malformed"),
            ("federation.json", "{\"type\": \"external_account\", \"audience\": \"s3cret\"}", "missing or malformed"),
        ] {
            let path = folder.path().join(name);
            std::fs::write(&path, content).expect("written");
            let error = Renewable::new(Credentials::File(path)).expect_err(name);
            assert_eq!(error.kind(), ErrorKind::InvalidConfig);
            assert!(error.to_string().contains(name) && error.to_string().contains(reason), "{error}");
            assert!(error.hint().is_some() && std::error::Error::source(&error).is_none());
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
        }
        let missing = Renewable::new(Credentials::File(folder.path().join("missing.json"))).expect_err("missing");
        assert!(
            missing.to_string().contains("missing.json") && missing.to_string().contains("No such file"),
            "{missing}"
        );
    }
}
