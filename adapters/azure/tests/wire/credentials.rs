//! Signatures that are not taken any more, from one request on: the table of which request it is, and what is in their file.

use super::*;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Without the pauses of what is tried several times, on a machine that has much else to do.
const AT_ONCE: Duration = Duration::from_secs(2);

/// What the requests of [`every_request`] are.
const MOMENTS: [&str; 8] =
    ["PUT blob", "PUT block", "PUT blocklist", "HEAD blob", "GET blob", "GET list", "GET blocklist", "DELETE blob"];

/// How the service refuses a signature.
#[derive(Debug, Clone, Copy, PartialEq)]
enum How {
    Expired,
    /// It does not match: the key that it was made with was replaced.
    Replaced,
    Unauthorised,
}

impl How {
    fn reply(self) -> Reply {
        let (status, code, detail) = match self {
            How::Expired => (
                403,
                "AuthenticationFailed",
                "Signature not valid in the specified time frame: Start [x] - Expiry [y] - Current [z]",
            ),
            How::Replaced => (403, "AuthenticationFailed", "Signature did not match. String to sign used was s3cret"),
            How::Unauthorised => (401, "InvalidAuthenticationInfo", ""),
        };
        let body = format!(
            "<Error><Code>{code}</Code><Message>Server failed to authenticate the request.</Message>\
             <AuthenticationErrorDetail>{detail}</AuthenticationErrorDetail></Error>"
        );
        Reply::Answer(status, format!("x-ms-error-code: {code}\r\n"), body.into())
    }
}

fn sas(number: usize) -> String {
    format!("sv=1&se=2026-01-0{}T00%3A00%3A00Z&sig=s3cret-{number}", number + 1)
}

/// A service that takes the first signature, and from `moment` on the second only; then `then` happens.
async fn service(
    moment: &'static str,
    how: How,
    refused: &Arc<AtomicUsize>,
    then: impl Fn() + Send + Sync + 'static,
) -> Server {
    let (taken, refused, staged) = (AtomicUsize::new(0), Arc::clone(refused), Mutex::new(Vec::new()));
    Server::start(move |request, _| {
        let now = operation(request);
        if now == moment && taken.swap(1, Ordering::SeqCst) == 0 {
            then();
        }
        if !request.target.contains(&format!("s3cret-{}", taken.load(Ordering::SeqCst))) {
            refused.fetch_add(1, Ordering::SeqCst);
            return how.reply();
        }
        match now.as_str() {
            "PUT block" => {
                staged.lock().expect("fine").push(block_id(request));
                answer(CREATED, "")
            }
            "PUT blob" | "PUT blocklist" => {
                staged.lock().expect("fine").clear();
                answer(CREATED, ETAG)
            }
            "HEAD blob" if request.target.contains("/aborted") => error(404, "BlobNotFound"),
            "HEAD blob" => answer(200, &format!("{ETAG}content-length: 9\r\n")),
            "GET blob" => Reply::Answer(206, format!("{ETAG}content-range: bytes 0-8/9\r\n"), b"123456789".to_vec()),
            "GET list" => Reply::xml(200, "<EnumerationResults><Blobs/></EnumerationResults>"),
            "GET blocklist" => block_list(&staged.lock().expect("fine")),
            "DELETE blob" => answer(202, ""),
            other => panic!("{other}"),
        }
    })
    .await
}

async fn of_file(server: &Server, file: &Path) -> RetryingStore {
    let mut options = options(&server.endpoint);
    options.credentials = Credentials::SasFile(file.to_owned());
    patient(AzureStore::connect(options).await.expect("options are fine"), 20)
}

async fn every_request(store: &RetryingStore) -> sealift::Result<()> {
    let (name, options, attempts) = (key(), commit(IfExists::Replace), Attempts::default());
    store.put(&name, digits(), &options, &attempts).await?;
    let upload = store.start(&name, &options, &attempts).await?;
    // Together: all of them are refused with the same signature.
    let parts = (1..=8).map(|number| upload.put_part(number, digits()));
    let parts = futures::future::try_join_all(parts).await?;
    upload.complete(&parts, digits().checksum(), &attempts).await?;
    store.head(&name).await?;
    store.get(&name, 0..9, Some("\"0x1\"")).await?;
    store.list("", None).await?;
    let upload = store.start(&"aborted".parse()?, &options, &attempts).await?;
    upload.put_part(1, digits()).await?;
    upload.abort().await?;
    store.delete(&name, None).await.map(drop)
}

#[tokio::test]
async fn a_signature_that_is_renewed_in_its_file_goes_on_from_any_request() {
    for how in [How::Expired, How::Replaced, How::Unauthorised] {
        for moment in MOMENTS {
            let folder = tempfile::tempdir().expect("a folder");
            let file = folder.path().join("sas");
            fs::write(&file, sas(0)).expect("written");
            let refused = Arc::new(AtomicUsize::new(0));
            let renewed = file.clone();
            let server = service(moment, how, &refused, move || fs::write(&renewed, sas(1)).expect("written")).await;
            let done = every_request(&of_file(&server, &file).await).await;
            done.unwrap_or_else(|error| panic!("{how:?} {moment}: {error}"));
            let refused = refused.load(Ordering::SeqCst);
            let most = if moment == "PUT block" { 8 } else { 1 };
            assert!((1..=most).contains(&refused), "{how:?} {moment}: {refused} were refused");
        }
    }
}

#[tokio::test]
async fn a_signature_that_is_not_renewed_is_said_at_once() {
    for moment in MOMENTS {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("sas");
        fs::write(&file, sas(0)).expect("written");
        let refused = Arc::new(AtomicUsize::new(0));
        let server = service(moment, How::Expired, &refused, || ()).await;
        let begun = Instant::now();
        let error = every_request(&of_file(&server, &file).await).await.expect_err("it is over");
        let said = format!("{error} {error:?}");
        assert_eq!(error.kind(), ErrorKind::Denied, "{said}");
        let words = format!("the signature in {} expired at 2026-01-01T00:00:00Z", file.display());
        assert!(said.contains(&words) && said.contains("the file holds no other yet"), "{moment}: {said}");
        assert!(!said.contains("s3cret") && !said.contains("tried"), "{said}");
        assert!(begun.elapsed() < AT_ONCE, "{moment}: {:?}", begun.elapsed());
        assert!(refused.load(Ordering::SeqCst) >= 1);
    }
}

#[tokio::test]
async fn a_signature_of_no_file_is_not_renewed() {
    let server = Server::start(|_, _| How::Expired.reply()).await;
    let store = patient(store(&server.endpoint).await, 20);
    let error = store.head(&key()).await.expect_err("it is over");
    assert!(error.to_string().contains("is not renewed: one in a file (--sas-file)"), "{error}");
    assert!(!format!("{error:?}").contains("s3cret") && server.requests().len() == 1, "{error}");
}

/// What renews a file may have written half of it.
#[tokio::test]
async fn a_file_without_a_signature_is_read_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("sas");
    fs::write(&file, sas(0)).expect("written");
    let seen = file.clone();
    let server = Server::start(move |request, before| {
        match before {
            0 => fs::write(&seen, "").expect("written"),
            _ => fs::write(&seen, sas(1)).expect("written"),
        }
        match request.target.contains("s3cret-1") {
            true => answer(CREATED, ETAG),
            false => How::Expired.reply(),
        }
    })
    .await;
    let store = of_file(&server, &file).await;
    store.put(&key(), digits(), &commit(IfExists::Replace), &Attempts::default()).await.expect("stored");
    assert_eq!(server.requests().len(), 3);
    fs::remove_file(&file).expect("removed");
    let server = Server::start(|_, _| How::Expired.reply()).await;
    fs::write(&file, sas(0)).expect("written");
    let store = of_file(&server, &file).await;
    fs::remove_file(&file).expect("removed");
    let error = store.head(&key()).await.expect_err("gone");
    assert!(error.to_string().contains("another cannot be read: No such file"), "{error}");
}

/// What these credentials may do is no matter of renewal.
#[tokio::test]
async fn what_is_not_permitted_is_not_renewed() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("sas");
    fs::write(&file, sas(0)).expect("written");
    let renewed = file.clone();
    let server = Server::start(move |_, _| {
        fs::write(&renewed, sas(1)).expect("written");
        error(403, "AuthorizationPermissionMismatch")
    })
    .await;
    let refused = of_file(&server, &file).await.head(&key()).await.expect_err("not permitted");
    assert!(!refused.to_string().contains("the signature in"), "{refused}");
    assert_eq!(server.requests().len(), 1);
}
