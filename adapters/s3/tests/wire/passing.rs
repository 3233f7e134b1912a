//! One fault in passing ends no call, whatever it is and whichever call it meets: the table of both.

use crate::server::{Reply, Server};
use crate::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What happens once.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    Reset,
    Status(u16, &'static str),
    AsksToWait,
    ErrorInside,
    Page,
}

const FAULTS: [Fault; 11] = [
    Fault::Reset,
    Fault::Status(429, "TooManyRequests"),
    Fault::Status(500, "InternalError"),
    Fault::Status(502, "BadGateway"),
    Fault::Status(503, "SlowDown"),
    Fault::Status(504, "GatewayTimeout"),
    Fault::Status(400, "BadDigest"),
    Fault::Status(409, "OperationAborted"),
    Fault::AsksToWait,
    Fault::ErrorInside,
    Fault::Page,
];

impl Fault {
    fn reply(self) -> Reply {
        match self {
            Fault::Reset => Reply::Cut,
            Fault::Status(status, code) => Reply::error(status, code),
            Fault::AsksToWait => Reply::Answer(503, "retry-after: 1\r\n".into(), Vec::new()),
            Fault::ErrorInside => Reply::error(200, "InternalError"),
            Fault::Page => Reply::Answer(200, format!("content-type: text/html\r\n{ETAG}"), "<html></html>".into()),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Call {
    Put,
    Start,
    Part,
    Complete,
    Abort,
    ListParts,
    Head,
    Get,
    List,
    ListUploads,
    Delete,
    Copy,
}

const CALLS: [Call; 12] = [
    Call::Put,
    Call::Start,
    Call::Part,
    Call::Complete,
    Call::Abort,
    Call::ListParts,
    Call::Head,
    Call::Get,
    Call::List,
    Call::ListUploads,
    Call::Delete,
    Call::Copy,
];

impl Call {
    pub(crate) fn of(request: &Request) -> Call {
        let (method, query) = request.operation();
        let on_upload = query.contains("uploadId");
        match method {
            "PUT" if on_upload => Call::Part,
            "PUT" if request.header("x-amz-copy-source").is_some() => Call::Copy,
            "PUT" => Call::Put,
            "POST" if on_upload => Call::Complete,
            "POST" => Call::Start,
            "DELETE" if on_upload => Call::Abort,
            "DELETE" => Call::Delete,
            "GET" if on_upload => Call::ListParts,
            "GET" if query.contains("list-type") => Call::List,
            "GET" if query.contains("uploads") => Call::ListUploads,
            "GET" => Call::Get,
            _ => Call::Head,
        }
    }

    pub(crate) fn success(self) -> Reply {
        match self {
            Call::Put | Call::Part => Reply::ok(ETAG),
            Call::Start => Reply::xml(200, STARTED),
            Call::Complete => Reply::xml(200, COMPLETED),
            Call::Abort | Call::Delete => Reply::Answer(204, String::new(), Vec::new()),
            Call::ListParts => Reply::error(NO_SUCH_UPLOAD.0, NO_SUCH_UPLOAD.1),
            Call::Head => Reply::ok(&format!("{ETAG}content-length: 9\r\n")),
            Call::Get => Reply::Answer(206, format!("{ETAG}content-range: bytes 0-8/9\r\n"), b"123456789".to_vec()),
            Call::List => Reply::xml(200, "<ListBucketResult/>"),
            Call::ListUploads => Reply::xml(200, "<ListMultipartUploadsResult/>"),
            Call::Copy => Reply::xml(200, "<CopyObjectResult><ETag>\"0123\"</ETag></CopyObjectResult>"),
        }
    }

    /// Makes the call.
    async fn make(self, store: &RetryingStore, policy: RetryPolicy) -> sealift::Result<()> {
        let (name, options, attempts) = (key(), commit(IfExists::Replace), Attempts::default());
        let start = || store.start(&name, &options, &attempts);
        let to: Key = "b".parse().expect("valid");
        match self {
            Call::Put => store.put(&name, digits(), &options, &attempts).await.map(drop),
            Call::Start => start().await.map(drop),
            Call::Part => start().await?.put_part(1, digits()).await.map(drop),
            Call::Complete => start().await?.complete(&[], digits().checksum(), &attempts).await.map(drop),
            Call::Abort | Call::ListParts => start().await?.abort().await,
            Call::Head => store.head(&name).await.map(drop),
            Call::Get => store.get(&name, 0..9, Some("\"0123\"")).await.map(drop),
            Call::List => store.list("", None).await.map(drop),
            Call::ListUploads => store.leftovers("", None).await.and_then(sealift::Leftovers::all).map(drop),
            Call::Delete => store.delete(&name, None).await.map(drop),
            Call::Copy => {
                let info = store.head(&name).await?;
                let work = Work::new("a copy").with_retry_policy(policy);
                store.copy(&name, &info, &to, &work).await.map(drop)
            }
        }
    }
}

/// What is no fault of this call.
fn is_none(call: Call, fault: Fault) -> bool {
    match fault {
        // Only a body arrives damaged.
        Fault::Status(400, _) => !matches!(call, Call::Put | Call::Part | Call::Complete),
        // An error inside a success, or a page, where a success has a body; and what is read may be a page.
        Fault::ErrorInside => !matches!(call, Call::Complete | Call::Copy),
        Fault::Page => matches!(call, Call::Head | Call::Get),
        _ => false,
    }
}

#[tokio::test]
async fn no_fault_that_passes_ends_a_call() {
    let cells = CALLS.into_iter().flat_map(|call| FAULTS.map(|fault| (call, fault)));
    let made = cells.filter(|(call, fault)| !is_none(*call, *fault)).map(|(call, fault)| async move {
        let met = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&met);
        let server = Server::start(move |request, _| match Call::of(request) == call {
            true if count.fetch_add(1, Ordering::SeqCst) == 0 => fault.reply(),
            _ => Call::of(request).success(),
        })
        .await;
        let begun = Instant::now();
        let made = call.make(&patient(&server.endpoint).await, RetryPolicy::default()).await;
        made.unwrap_or_else(|error| panic!("{call:?} {fault:?}: {error}"));
        let met = met.load(Ordering::SeqCst);
        assert!(met >= 2, "{call:?} {fault:?}: the fault was met, and the call made again: {met}");
        if fault == Fault::AsksToWait {
            assert!(begun.elapsed() >= Duration::from_secs(1), "{call:?}: {:?}", begun.elapsed());
        }
    });
    futures::future::join_all(made).await;
}

#[tokio::test]
async fn what_does_not_pass_is_said_with_how_often_and_how_long_it_was_tried() {
    for call in CALLS {
        let server = Server::start(move |request, _| match Call::of(request) == call {
            true => Reply::error(500, "InternalError"),
            false => Call::of(request).success(),
        })
        .await;
        let begun = Instant::now();
        let error =
            call.make(&store(&server.endpoint).await, RetryPolicy::new(GIVE_UP)).await.expect_err("it does not pass");
        assert!(error.to_string().contains(" times in "), "{call:?}: {error}");
        assert!(begun.elapsed() < GIVE_UP + Duration::from_secs(3), "{call:?}: {:?}", begun.elapsed());
    }
}
