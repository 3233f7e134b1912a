//! Credentials of the caller's own provider: when it is asked, and when it is not.

use crate::server::{Reply, Request, Server};
use crate::*;
use sealift_s3::aws_credential_types::provider::{self, ProvideCredentials, future};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

/// A provider of the caller's, which gives what is in it.
#[derive(Debug, Clone, Default)]
struct Own(Arc<Mutex<Vec<Keys>>>);

impl ProvideCredentials for Own {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let mut left = self.0.lock().expect("not poisoned");
        let next = if left.len() > 1 { left.remove(0) } else { left[0].clone() };
        future::ProvideCredentials::ready(provider::Result::Ok(next))
    }
}

async fn with_own(server: &Server, keys: Vec<Keys>) -> RetryingStore {
    let mut options = options(&server.endpoint);
    options.credentials = Credentials::Provider(SharedCredentialsProvider::new(Own(Arc::new(Mutex::new(keys)))));
    RetryingStore::new(S3Store::connect(options).await.expect("fine"), RetryPolicy::new(Duration::from_secs(20)))
}

fn keys(number: usize, expiry: Option<SystemTime>) -> Keys {
    Keys::new(format!("AKID{number}"), format!("s3cret-{number}"), None, expiry, "tests")
}

/// The number of the credentials that a request was signed with.
fn number(request: &Request) -> usize {
    let signed = request.header("authorization").expect("signed");
    let (_, rest) = signed.split_once("AKID").expect("a key");
    rest.split_once('/').expect("a scope").0.parse().expect("a number")
}

/// Before they expire they are renewed by the SDK, which is told when.
#[tokio::test]
async fn what_is_about_to_expire_is_renewed_before_anybody_refuses_it() {
    let server = Server::start(|_, _| Reply::ok(ETAG)).await;
    let soon = SystemTime::now() + Duration::from_secs(1);
    let store = with_own(&server, vec![keys(0, Some(soon)), keys(1, None)]).await;
    for _ in 0..2 {
        store.put(&key(), digits(), &commit(IfExists::Replace), &Attempts::default()).await.expect("stored");
    }
    assert_eq!(server.requests().iter().map(number).collect::<Vec<_>>(), [0, 1]);
}

/// A look without the permission to look is refused as such, and the credentials stay in use.
#[tokio::test]
async fn a_look_that_is_not_permitted_is_no_expiry() {
    let server = Server::start(|request, _| match request.method.as_str() {
        "HEAD" => Reply::Answer(403, String::new(), Vec::new()),
        _ => Reply::ok(ETAG),
    })
    .await;
    let store = with_own(&server, vec![keys(0, None)]).await;
    for _ in 0..3 {
        let error = store.head(&key()).await.expect_err("not permitted");
        assert_eq!(error.kind(), ErrorKind::Denied);
        assert!(!error.to_string().contains("expired and"), "{error}");
        store.put(&key(), digits(), &commit(IfExists::Replace), &Attempts::default()).await.expect("stored");
    }
    let looks = server.requests().iter().filter(|request| request.method == "HEAD").count();
    assert_eq!(looks, 4, "it was tried again once, in doubt");
}

/// What was refused stays in use: it may be taken later, and is asked for anew then.
#[tokio::test(start_paused = true)]
async fn credentials_that_are_renewed_later_are_found_later() {
    let server = Server::start(|request, _| match number(request) {
        0 => Reply::error(400, "ExpiredToken"),
        _ => Reply::ok(ETAG),
    })
    .await;
    let store = with_own(&server, vec![keys(0, None), keys(0, None), keys(1, None)]).await;
    let (name, options, attempts) = (key(), commit(IfExists::Replace), Attempts::default());
    let error = store.put(&name, digits(), &options, &attempts).await.expect_err("expired");
    assert!(error.to_string().contains("their source gives the same as before"), "{error}");
    tokio::time::advance(Duration::from_secs(6)).await;
    store.put(&name, digits(), &options, &attempts).await.expect("renewed");
}

#[tokio::test(start_paused = true)]
async fn a_source_that_hangs_is_given_up() {
    #[derive(Debug)]
    struct Hangs;
    impl ProvideCredentials for Hangs {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            future::ProvideCredentials::new(std::future::pending())
        }
    }
    let mut options = options("http://127.0.0.1:1");
    options.credentials = Credentials::Provider(SharedCredentialsProvider::new(Hangs));
    let store = S3Store::connect(options).await.expect("fine");
    let begun = tokio::time::Instant::now();
    let error = store.put(&key(), digits(), &commit(IfExists::Replace), &Attempts::default()).await.expect_err("hangs");
    assert!(error.to_string().contains("no usable credentials"), "{error}");
    assert_eq!((begun.elapsed().as_secs(), error.passing()), (30, Some(sealift::Passing::Outage)));
}
