//! What must hold for an adapter, whatever its service answers.

use crate::service::Service;
use sealift::{Error, ErrorKind, Key, ObjectStore};
use std::fmt::Debug;
use std::time::Duration;
use tokio::runtime::Runtime;

/// The service answers at once, so no request takes longer.
const LIMIT: Duration = Duration::from_secs(20);
/// More requests than any answers that fit an input lead to.
const SIZE: u64 = 64;

/// The runtime that an adapter and its service share.
pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// Asks `store` for what the first byte of `input` says, while `service` answers with the rest. No answer is waited for
/// in vain, nothing is taken for more than it is, and no error shows the `secret` that the requests are authorised by.
pub async fn ask(store: &dyn ObjectStore, service: &Service, secret: &str, input: &[u8]) {
    let Some((operation, answers)) = input.split_first() else { return };
    service.answers(answers);
    let key: Key = "a key".parse().expect("a key");
    let asked = async {
        match operation % 5 {
            0 => show(store.list("a", None).await, secret),
            1 => {
                let found = store.head(&key).await;
                assert!(found.as_ref().map_or(true, |info| info.key == "a key"), "another object: {found:?}");
                show(found, secret);
            }
            2 => {
                let got = store.get(&key, 0..SIZE, None).await;
                assert!(got.as_ref().map_or(true, |bytes| bytes.len() as u64 == SIZE), "not the range: {got:?}");
                show(got, secret);
            }
            3 => show(store.leftovers("a", None).await.and_then(sealift::Leftovers::all), secret),
            _ => show(store.delete(&key, None).await, secret),
        }
    };
    if tokio::time::timeout(LIMIT, asked).await.is_err() {
        panic!("it waits though everything was answered");
    }
}

fn show<T: Debug>(outcome: Result<T, Error>, secret: &str) {
    if let Err(error) = outcome {
        let told = format!("{error} {error:?}");
        assert!(!told.contains(secret), "{told}");
        assert_ne!(error.kind(), ErrorKind::TimedOut, "{told}");
    }
}
