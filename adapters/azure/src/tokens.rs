//! Tokens that the service does not take any more. The SDK keeps a token until shortly before it expires, in two places:
//! its pipeline drops one that was refused, its source of tokens does not. So the source is made anew.

use crate::renewal::{Refused, Renewal};
use azure_core::credentials::{AccessToken, Secret, TokenCredential, TokenRequestOptions};
use azure_core::error::ErrorKind;
use azure_core::http::Context;
use azure_core::http::headers::AUTHORIZATION;
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::request::Request;
use azure_core::{Error, Result};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// The time that a token may take, whoever gives it: a hanging `az` must not hang an upload, and not its end either.
pub const TOKEN_WITHIN: Duration = Duration::from_secs(30);
/// A token that was given again after it had been refused is not asked for anew for so long: what was refused together is
/// told together.
const TOLD_TOGETHER: Duration = Duration::from_secs(5);

/// Makes a source of tokens.
type Make = Box<dyn Fn() -> Result<Arc<dyn TokenCredential>> + Send + Sync>;

/// A source of tokens that answers within [`TOKEN_WITHIN`], and is made anew when its token is refused.
pub(crate) struct Renewing {
    make: Make,
    state: Mutex<State>,
}

struct State {
    source: Arc<dyn TokenCredential>,
    given: Option<Secret>,
    /// What was refused, until something was given since.
    refused: Option<Secret>,
    /// When what had been refused was given again.
    again: Option<Instant>,
}

impl fmt::Debug for Renewing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Renewing").field("source", &self.state().source).finish_non_exhaustive()
    }
}

impl Renewing {
    /// Tokens of what `make` makes.
    pub(crate) fn new(make: impl Fn() -> Result<Arc<dyn TokenCredential>> + Send + Sync + 'static) -> Result<Self> {
        let state = State { source: make()?, given: None, refused: None, again: None };
        Ok(Renewing { make: Box::new(make), state: Mutex::new(state) })
    }

    /// Tokens of a source that is asked again as it is.
    pub(crate) fn of(source: &Arc<dyn TokenCredential>) -> Result<Self> {
        let source = Arc::clone(source);
        Renewing::new(move || Ok(Arc::clone(&source)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// After the token `used` was refused.
    fn renew(&self, used: &str) -> Renewal {
        let mut state = self.state();
        let is_used = |token: &Option<Secret>| token.as_ref().is_some_and(|token| token.secret() == used);
        if !is_used(&state.given) || is_used(&state.refused) {
            return Renewal::Sought;
        }
        if state.again.is_some_and(|again| again.elapsed() < TOLD_TOGETHER) {
            return Renewal::None(
                "the token is not taken, and who gives tokens was asked anew and gave the same".to_owned(),
            );
        }
        match (self.make)() {
            Ok(source) => {
                tracing::debug!("the service does not take the token: asking for another");
                state.source = source;
                state.refused = state.given.clone();
                Renewal::Sought
            }
            Err(error) => Renewal::Failed(format!("the token is not taken, and no other can be asked for: {error}")),
        }
    }
}

#[async_trait::async_trait]
impl TokenCredential for Renewing {
    async fn get_token(&self, scopes: &[&str], options: Option<TokenRequestOptions<'_>>) -> Result<AccessToken> {
        let source = Arc::clone(&self.state().source);
        let token = timeout(TOKEN_WITHIN, source.get_token(scopes, options)).await.unwrap_or_else(|_| {
            let reason = format!("no token came within {} s", TOKEN_WITHIN.as_secs());
            Err(Error::with_message(ErrorKind::Credential, reason))
        })?;
        let mut state = self.state();
        let refused = state.refused.take();
        state.again = refused.filter(|refused| refused.secret() == token.token.secret()).map(|_| Instant::now());
        state.given = Some(token.token.clone());
        Ok(token)
    }
}

/// Sees which tokens are refused. Around the SDK's own policy, which adds them.
#[derive(Debug)]
pub(crate) struct SeesRefusals(pub(crate) Arc<Renewing>);

#[async_trait::async_trait]
impl Policy for SeesRefusals {
    async fn send(&self, ctx: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        let answer = next[0].send(ctx, request, &next[1..]).await?;
        let refused = match Refused::of(answer).await? {
            Ok(refused) => refused,
            Err(answer) => return Ok(answer),
        };
        let sent = request.headers().get_optional_str(&AUTHORIZATION).unwrap_or_default();
        let renewal = self.0.renew(sent.strip_prefix("Bearer ").unwrap_or_default());
        Ok(refused.noted(&renewal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use azure_core::http::headers::{HeaderName, Headers};
    use azure_core::http::policies::auth::BearerTokenAuthorizationPolicy;
    use azure_core::http::{AsyncRawResponse, Method, StatusCode, Url};
    use azure_core::time::OffsetDateTime;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Gives the same token for as long as it is, as the SDK's sources do.
    #[derive(Debug)]
    struct Keeps(String);

    #[async_trait::async_trait]
    impl TokenCredential for Keeps {
        async fn get_token(&self, _: &[&str], _: Option<TokenRequestOptions<'_>>) -> Result<AccessToken> {
            Ok(AccessToken::new(self.0.clone(), OffsetDateTime::now_utc()))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_token_is_replaced_once_for_all_that_were_sent_with_it() {
        let made = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&made);
        // The third and the fourth source give the token of the second.
        let tokens = Renewing::new(move || {
            let token = count.fetch_add(1, Ordering::SeqCst).min(1);
            Ok(Arc::new(Keeps(format!("s3cret-{token}"))) as _)
        });
        let tokens = tokens.expect("made");
        let get = async || tokens.get_token(&[], None).await.expect("a token").token.secret().to_owned();
        assert_eq!(get().await, "s3cret-0");
        assert_eq!([tokens.renew("s3cret-0"), tokens.renew("s3cret-0")], [Renewal::Sought, Renewal::Sought]);
        assert_eq!((get().await.as_str(), made.load(Ordering::SeqCst)), ("s3cret-1", 2));
        assert_eq!(tokens.renew("s3cret-0"), Renewal::Sought, "of a request that was under way");
        assert_eq!(made.load(Ordering::SeqCst), 2);

        assert_eq!(tokens.renew("s3cret-1"), Renewal::Sought);
        assert_eq!(get().await, "s3cret-1");
        let Renewal::None(why) = tokens.renew("s3cret-1") else { panic!("it is the same") };
        assert!(!why.contains("s3cret"), "{why}");
        tokio::time::advance(TOLD_TOGETHER).await;
        assert_eq!(tokens.renew("s3cret-1"), Renewal::Sought, "later it is asked for anew");
    }

    /// A service that takes the newest token only.
    #[derive(Debug)]
    struct Service {
        newest: AtomicUsize,
        came: AtomicUsize,
    }

    #[async_trait::async_trait]
    impl Policy for Service {
        async fn send(&self, _: &Context, request: &mut Request, _: &[Arc<dyn Policy>]) -> PolicyResult {
            self.came.fetch_add(1, Ordering::SeqCst);
            let newest = format!("Bearer s3cret-{}", self.newest.load(Ordering::SeqCst));
            let mut headers = Headers::new();
            if request.headers().get_optional_str(&AUTHORIZATION) == Some(newest.as_str()) {
                return Ok(AsyncRawResponse::from_bytes(StatusCode::Created, headers, ""));
            }
            headers.insert("x-ms-error-code", "InvalidAuthenticationInfo");
            Ok(AsyncRawResponse::from_bytes(StatusCode::Unauthorized, headers, "Lifetime validation failed."))
        }
    }

    /// With the SDK's own policy between, whose source keeps the token that was refused.
    #[tokio::test]
    async fn the_request_after_one_with_a_refused_token_has_another() {
        let made = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&made);
        let tokens =
            Renewing::new(move || Ok(Arc::new(Keeps(format!("s3cret-{}", count.fetch_add(1, Ordering::SeqCst)))) as _));
        let tokens = Arc::new(tokens.expect("made"));
        let own = BearerTokenAuthorizationPolicy::new(Arc::clone(&tokens) as _, ["scope"]);
        let service = Arc::new(Service { newest: AtomicUsize::new(0), came: AtomicUsize::new(0) });
        let policies: [Arc<dyn Policy>; 3] = [Arc::new(SeesRefusals(tokens)), Arc::new(own), Arc::clone(&service) as _];
        let send = async || {
            let mut request = Request::new(Url::parse("https://127.0.0.1:1/c/b").expect("a URL"), Method::Put);
            policies[0].send(&Context::new(), &mut request, &policies[1..]).await.expect("an answer")
        };
        assert_eq!(send().await.status(), StatusCode::Created);
        service.newest.store(1, Ordering::SeqCst);
        let refused = send().await;
        let note = refused.headers().get_optional_str(&HeaderName::from_static("x-sealift-renewal"));
        assert_eq!((refused.status(), note), (StatusCode::Unauthorized, Some("sought")));
        assert_eq!(send().await.status(), StatusCode::Created);
        assert_eq!((made.load(Ordering::SeqCst), service.came.load(Ordering::SeqCst)), (2, 3));
    }
}
