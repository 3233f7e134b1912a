//! Credentials that are renewed. Before they expire the SDK does that, where it knows when. When the service does not take
//! them any more, what the SDK keeps is dropped (credentials, and the profile's files as it has parsed them), and where
//! they come from is asked anew, once for all requests that were refused together.

use crate::errors::{cause, code, status};
use crate::given::check_credentials;
use crate::limits::{ANSWER, CREDENTIALS};
use crate::origin::Origin;
use crate::renewal::{Complaint, Renewal};
use crate::signed::Used;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::{ConfigBag, IdentityCache, Region, RuntimeComponents};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::identity::{
    IdentityFuture, ResolveCachedIdentity, SharedIdentityCache, SharedIdentityResolver,
};
use sealift::Passing;
use std::error::Error as StdError;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Credentials that were given again after they had been refused are not asked for anew for so long: what was refused
/// together is told together.
const TOLD_TOGETHER: Duration = Duration::from_secs(5);
/// The same where it may be something else than the credentials: a look without the permission to look is refused as often
/// as it is made.
const IN_DOUBT: Duration = Duration::from_secs(15 * 60);

/// How the SDK looks for credentials, and for all else that is configured.
pub(crate) fn loader(connect: Duration) -> ConfigLoader {
    aws_config::defaults(BehaviorVersion::latest())
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().connect_timeout(connect).operation_attempt_timeout(ANSWER).build())
}

/// Who gives credentials.
pub(crate) enum Source {
    /// The SDK's chain, which is made again to be asked anew.
    Chain { connect: Duration, region: Option<Region> },
    /// The caller's provider, which is asked again as it is.
    Given(SharedCredentialsProvider),
}

impl Source {
    async fn provider(&self) -> Option<SharedCredentialsProvider> {
        match self {
            Source::Given(provider) => Some(provider.clone()),
            // A region that is not given would be asked for at the instance, as was done already.
            Source::Chain { connect, region } => {
                loader(*connect).region(region.clone()).load().await.credentials_provider()
            }
        }
    }
}

/// The credentials of a store: who gives them to the SDK, and where it keeps them.
#[derive(Clone)]
pub(crate) struct Renewable(Arc<Inner>);

impl fmt::Debug for Renewable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Renewable").finish_non_exhaustive()
    }
}

struct Inner {
    source: Source,
    state: Mutex<State>,
}

struct State {
    /// Who is asked; made when it is needed.
    provider: Option<SharedCredentialsProvider>,
    cache: SharedIdentityCache,
    given: Option<Credentials>,
    /// What was refused, until its source has given something since.
    refused: Option<Credentials>,
    /// When its source has given again what had been refused.
    again: Option<Instant>,
}

impl Renewable {
    /// Credentials of `source`, which is asked by `first`, if that is made already.
    pub(crate) fn new(source: Source, first: Option<SharedCredentialsProvider>) -> Self {
        let state = State { provider: first, cache: cache(), given: None, refused: None, again: None };
        Renewable(Arc::new(Inner { source, state: Mutex::new(state) }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// After a request failed by `error`: what is done about its credentials, if the failure is about them.
    pub(crate) fn after<E>(&self, error: &SdkError<E, HttpResponse>) -> Option<Renewal>
    where
        E: ProvideErrorMetadata + StdError + 'static,
    {
        if cause::<CredentialsError>(error).is_some() {
            return self.state().refused.is_some().then(|| Renewal::None {
                words: "the service does not take those before any more".to_owned(),
                hint: "see to it that they can be renewed where they come from, and try again",
                // A file may be half written.
                passing: Some(Passing::Unlikely),
            });
        }
        let complaint = Complaint::of(status(error)?, code(error).unwrap_or_default())?;
        let used = error.raw_response()?.extension::<Used>()?.get()?;
        self.refused(used, complaint)
    }

    fn refused(&self, used: &Credentials, complaint: Complaint) -> Option<Renewal> {
        let mut state = self.state();
        if state.given.as_ref().is_some_and(|given| !is_same(given, used))
            || state.refused.as_ref().is_some_and(|refused| is_same(refused, used))
        {
            return Some(Renewal::Sought);
        }
        let origin = Origin::of(used);
        let lately = match complaint {
            Complaint::Doubt => IN_DOUBT,
            Complaint::Expired | Complaint::NotTaken => TOLD_TOGETHER,
        };
        if origin == Origin::Environment || state.again.is_some_and(|again| again.elapsed() < lately) {
            return complaint.is_final(origin);
        }
        tracing::debug!("the service does not take the credentials: asking {} anew", origin.name());
        *state = State {
            provider: None,
            cache: cache(),
            given: state.given.take(),
            refused: Some(used.clone()),
            again: None,
        };
        Some(Renewal::Sought)
    }

    async fn provide(&self) -> provider::Result {
        let provider = self.state().provider.clone();
        let provider = match provider {
            Some(provider) => provider,
            None => {
                let made = self.0.source.provider().await;
                made.ok_or_else(|| CredentialsError::not_loaded("there is no source of credentials"))?
            }
        };
        let given = provider.provide_credentials().await;
        let given = given.and_then(|given| match check_credentials(&given) {
            Ok(()) => Ok(given),
            Err(unusable) => Err(CredentialsError::invalid_configuration(unusable)),
        });
        let mut state = self.state();
        match &given {
            Ok(given) => {
                let refused = state.refused.take();
                state.again = refused.filter(|refused| is_same(refused, given)).map(|_| Instant::now());
                state.given = Some(given.clone());
                state.provider = Some(provider);
            }
            // A file that was read while it was written is read again.
            Err(_) => state.provider = None,
        }
        given
    }
}

impl ProvideCredentials for Renewable {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            match timeout(CREDENTIALS, self.provide()).await {
                Ok(given) => given,
                Err(_) => self.fallback_on_interrupt().ok_or(CredentialsError::provider_timed_out(CREDENTIALS)),
            }
        })
    }

    fn fallback_on_interrupt(&self) -> Option<Credentials> {
        let state = self.state();
        let kept = state.provider.as_ref()?.fallback_on_interrupt()?;
        state.refused.is_none().then_some(kept)
    }
}

/// The SDK's own cache, until it is dropped for the next.
impl ResolveCachedIdentity for Renewable {
    fn resolve_cached_identity<'a>(
        &'a self,
        resolver: SharedIdentityResolver,
        components: &'a RuntimeComponents,
        config: &'a ConfigBag,
    ) -> IdentityFuture<'a> {
        let cache = self.state().cache.clone();
        IdentityFuture::new(async move {
            let identity = cache.resolve_cached_identity(resolver, components, config).await?;
            if let (Some(used), Some(credentials)) = (config.load::<Used>(), identity.data::<Credentials>()) {
                used.set(credentials.clone());
            }
            Ok(identity)
        })
    }
}

/// The limit is ours; the SDK's is longer, and only if all else fails.
fn cache() -> SharedIdentityCache {
    IdentityCache::lazy().load_timeout(CREDENTIALS * 2).build()
}

/// With other times of expiry they are the same: some sources postpone it.
fn is_same(one: &Credentials, other: &Credentials) -> bool {
    let keys = |of: &Credentials| [of.access_key_id(), of.secret_access_key()].map(str::to_owned);
    keys(one) == keys(other) && one.session_token() == other.session_token()
}
