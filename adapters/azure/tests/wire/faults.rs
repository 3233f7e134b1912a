//! Each call, with each fault in each of its requests once: it is sent once by the adapter, and succeeds where it is tried
//! again.

use super::*;
use futures::StreamExt;
use sealift::{Leftover, Remnant};

/// The faults that pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    TooMany,
    Busy,
    Internal,
    Reset,
    BadGateway,
    GatewayTimeout,
    Damaged,
    Page,
    Broken,
    /// A success that something else than the service says.
    Bare,
}

use Fault::*;

const FAULTS: [Fault; 10] = [TooMany, Busy, Internal, Reset, BadGateway, GatewayTimeout, Damaged, Page, Broken, Bare];

impl Fault {
    /// Whether a request for this can be met by it: bytes that arrive damaged, and an answer whose body breaks off.
    fn meets(self, operation: &str) -> bool {
        match self {
            Damaged => matches!(operation, "PUT blob" | "PUT block"),
            Broken => operation.starts_with("GET"),
            Bare => operation == "PUT block",
            _ => true,
        }
    }

    /// Whether the request was refused, and did nothing. With the others it is carried out, and the answer is lost.
    fn is_refusal(self) -> bool {
        matches!(self, TooMany | Busy | Damaged | Bare)
    }

    fn reply(self) -> Reply {
        match self {
            TooMany => error(429, "TooManyRequests"),
            Busy => Reply::Answer(503, "x-ms-error-code: ServerBusy\r\nretry-after: 1\r\n".into(), Vec::new()),
            Internal => error(500, "InternalError"),
            Reset => Reply::Cut,
            BadGateway => Reply::page(502, ""),
            GatewayTimeout => Reply::page(504, ""),
            Damaged => error(400, "Crc64Mismatch"),
            Page => Reply::page(200, ""),
            Bare => Reply::Bare(201),
            Broken => {
                let headers = "content-range: bytes 2-5/9\r\nx-ms-blob-type: BlockBlob\r\ncontent-length: 100\r\n";
                Reply::Answer(206, format!("{ETAG}{headers}"), b"<".to_vec())
            }
        }
    }
}

/// A service that has a blob, or only the blocks of an upload; and the fault it is to show.
#[derive(Debug, Default)]
struct Service {
    blob: bool,
    block: Option<String>,
    marker: bool,
    /// What comes of the requests that follow: how many are answered before the fault, and the fault.
    planned: Option<(usize, Fault)>,
    fired: bool,
    /// The requests since then.
    asked: Vec<String>,
}

impl Service {
    fn answer(&mut self, request: &Request) -> Reply {
        self.asked.push(operation(request));
        match self.planned {
            Some((0, fault)) => {
                (self.planned, self.fired) = (None, true);
                if !fault.is_refusal() {
                    self.carry_out(request);
                }
                fault.reply()
            }
            Some((before, fault)) => {
                self.planned = Some((before - 1, fault));
                self.carry_out(request)
            }
            None => self.carry_out(request),
        }
    }

    fn carry_out(&mut self, request: &Request) -> Reply {
        const PENDING: &str = "x-ms-copy-id: C\r\nx-ms-copy-status: pending\r\n";
        match operation(request).as_str() {
            "PUT blob" if request.header("x-ms-copy-source").is_some() => answer(202, &format!("{ETAG}{PENDING}")),
            "PUT block" => {
                self.block = Some(block_id(request));
                answer(CREATED, "")
            }
            "PUT blocklist" => {
                self.block = None;
                self.marker = request.header("x-ms-meta-sealift_discarding").is_some();
                answer(CREATED, "etag: \"0xMARK\"\r\n")
            }
            "PUT blob" => answer(CREATED, ETAG),
            "GET blocklist" => block_list(self.block.as_slice()),
            "GET list" => {
                let blob = "<Blob><Name>a key</Name><Properties><Content-Length>9</Content-Length></Properties></Blob>";
                Reply::xml(200, &format!("<EnumerationResults><Blobs>{blob}</Blobs><NextMarker/></EnumerationResults>"))
            }
            "GET blob" => {
                let headers = format!("{ETAG}x-ms-blob-type: BlockBlob\r\ncontent-range: bytes 2-5/9\r\n");
                Reply::Answer(206, headers, b"3456".to_vec())
            }
            "HEAD blob" if self.marker => {
                answer(200, "etag: \"0xMARK\"\r\ncontent-length: 0\r\nx-ms-meta-sealift_discarding: 1\r\n")
            }
            "HEAD blob" if !self.blob => error(404, "BlobNotFound"),
            "HEAD blob" => {
                let copied = "x-ms-copy-id: C\r\nx-ms-copy-status: success\r\n";
                answer(200, &format!("{ETAG}content-length: 9\r\nx-ms-tag-count: 1\r\n{copied}"))
            }
            "GET tags" => Reply::xml(200, "<Tags><TagSet><Tag><Key>who</Key><Value>me</Value></Tag></TagSet></Tags>"),
            "DELETE blob" => {
                self.marker &= request.header("if-match") != Some("\"0xMARK\"");
                answer(202, "")
            }
            other => panic!("{other}"),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Put,
    Start,
    Part,
    Complete,
    Abort,
    Head,
    Get,
    List,
    Delete,
    DeleteThat,
    Retract,
    Copy,
    Leftovers,
    RemoveLeftover,
}

use Call::*;

/// Each call, and the requests it consists of.
const CALLS: [(Call, &[&str]); 14] = [
    (Put, &["PUT blob"]),
    (Start, &[]),
    (Part, &["PUT block"]),
    (Complete, &["PUT blocklist"]),
    (Abort, &DISCARD),
    (Head, &["HEAD blob"]),
    (Get, &["GET blob"]),
    (List, &["GET list"]),
    (Delete, &["DELETE blob"]),
    (DeleteThat, &["DELETE blob"]),
    (Retract, &["DELETE blob"]),
    (Copy, &["HEAD blob", "GET tags", "PUT blob", "HEAD blob"]),
    (Leftovers, &["GET list", "GET blocklist"]),
    (RemoveLeftover, &DISCARD),
];

const DISCARD: [&str; 6] =
    ["GET blocklist", "HEAD blob", "DELETE blob", "PUT blocklist", "DELETE blob", "GET blocklist"];
const MARKING: usize = 3;
const REMOVING: usize = 4;
const LAST_LOOK: usize = 5;

/// One call at a service of its own, up to the moment before it.
struct Prepared<S> {
    service: Arc<Mutex<Service>>,
    store: S,
    upload: Option<(Box<dyn Upload>, Vec<sealift::PartReceipt>)>,
    leftover: Option<Leftover>,
}

async fn prepared<S: ObjectStore>(call: Call, wrap: impl FnOnce(AzureStore) -> S) -> Prepared<S> {
    let of_upload = matches!(call, Part | Complete | Abort | RemoveLeftover);
    let service = Arc::new(Mutex::new(Service { blob: !of_upload, ..Service::default() }));
    let shared = Arc::clone(&service);
    let server = Server::start(move |request, _| shared.lock().expect("fine").answer(request)).await;
    let store = wrap(super::store(&server.endpoint).await);
    let mut prepared = Prepared { service, store, upload: None, leftover: None };
    if of_upload {
        let started = prepared.store.start(&key(), &commit(IfExists::Replace), &Attempts::default()).await;
        let upload = started.expect("started");
        let parts = match call {
            Part => Vec::new(),
            _ => vec![upload.put_part(1, digits()).await.expect("staged")],
        };
        prepared.upload = Some((upload, parts));
    }
    if call == RemoveLeftover {
        prepared.leftover =
            prepared.store.leftovers("", None).await.and_then(sealift::Leftovers::all).expect("listed").pop();
    }
    prepared.service.lock().expect("fine").asked.clear();
    prepared
}

impl<S: ObjectStore> Prepared<S> {
    fn plan(&self, at: usize, fault: Fault) {
        self.service.lock().expect("fine").planned = Some((at, fault));
    }

    async fn call(&self, call: Call) -> sealift::Result<()> {
        let (store, attempts, that) = (&self.store, Attempts::default(), info("\"0x1\""));
        let upload = self.upload.as_ref();
        match (call, upload) {
            (Put, _) => store.put(&key(), digits(), &commit(IfExists::Replace), &attempts).await.map(drop),
            (Start, _) => store.start(&key(), &commit(IfExists::Replace), &attempts).await.map(drop),
            (Part, Some((upload, _))) => upload.put_part(1, digits()).await.map(drop),
            (Complete, Some((upload, parts))) => upload.complete(parts, digits().checksum(), &attempts).await.map(drop),
            (Abort, Some((upload, _))) => upload.abort().await,
            (Head, _) => store.head(&key()).await.map(drop),
            (Get, _) => store.get(&key(), 2..6, Some("\"0x1\"")).await.map(|read| assert_eq!(read, "3456")),
            (List, _) => store.list("", None).await.map(|page| assert_eq!(page.objects.len(), 1)),
            (Delete, _) => store.delete(&key(), None).await.map(drop),
            (DeleteThat, _) => store.delete(&key(), Some(&that)).await.map(drop),
            (Retract, _) => store.retract(&key(), &that).await.map(drop),
            (Copy, _) => {
                let (to, work) = ("new".parse().expect("valid"), Work::new("az://container/a key"));
                store.copy(&key(), &that, &to, &work).await.map(drop)
            }
            (Leftovers, _) => store.leftovers("", None).await.and_then(sealift::Leftovers::all).map(drop),
            (RemoveLeftover, _) => store.remove_leftover(self.leftover.as_ref().expect("listed")).await,
            other => panic!("{:?}", other.0),
        }
    }
}

/// How many requests a call takes that meets `fault` in the request `at`.
fn expected(call: Call, requests: usize, at: usize, fault: Fault) -> usize {
    let again = match (call, at) {
        // The step alone.
        (Copy, _) => requests - at,
        // An attempt answered by 503 may have done something: it is looked for.
        (Abort | RemoveLeftover, MARKING) if fault == Busy => requests + 1,
        // The blocks are gone: no more is listed, and the marker is looked for, and removed unless it is gone.
        (Abort | RemoveLeftover, MARKING) if !fault.is_refusal() => 3,
        (Abort | RemoveLeftover, REMOVING) if fault.is_refusal() => 3,
        (Abort | RemoveLeftover, REMOVING) => 2,
        (Abort | RemoveLeftover, LAST_LOOK) => 1,
        _ => requests,
    };
    at + 1 + again
}

/// What came to the server of a cell.
#[derive(PartialEq, Eq)]
enum Met {
    TheCall,
    /// Also a request that this call never makes: of another test, whose server had this port before.
    Stray,
}

async fn meet(call: Call, requests: &[&str], at: usize, fault: Fault) -> Met {
    let case = format!("{call:?}: {fault:?} at {at}, {}", requests[at]);
    let prepared = prepared(call, |store| RetryingStore::new(store, RetryPolicy::new(Duration::from_secs(20)))).await;
    prepared.plan(at, fault);
    let begun = Instant::now();
    let done = prepared.call(call).await;
    let service = prepared.service.lock().expect("fine");
    if service.asked.iter().any(|asked| !requests.contains(&asked.as_str())) {
        return Met::Stray;
    }
    assert!(service.fired && service.asked[at] == requests[at], "{case}: {:?}", service.asked);
    done.unwrap_or_else(|error| panic!("{case}: {error}"));
    assert_eq!(service.asked.len(), expected(call, requests.len(), at, fault), "{case}: {:?}", service.asked);
    assert!(!service.marker, "{case}");
    assert!(fault != Busy || begun.elapsed() >= Duration::from_secs(1), "{case}: {:?}", begun.elapsed());
    Met::TheCall
}

#[tokio::test]
async fn every_call_gets_over_every_fault_that_occurs_once() {
    let mut cells = Vec::new();
    for (call, requests) in CALLS {
        for (at, request) in requests.iter().enumerate() {
            cells.extend(FAULTS.iter().filter(|fault| fault.meets(request)).map(|fault| (call, requests, at, *fault)));
        }
    }
    let met = futures::stream::iter(cells)
        .map(|(call, requests, at, fault)| async move { while meet(call, requests, at, fault).await == Met::Stray {} });
    assert!(met.buffer_unordered(24).count().await > 180);
}

#[tokio::test]
async fn the_adapter_sends_once_and_says_whether_it_may_pass() {
    for (call, requests) in CALLS {
        // A copy tries its own steps again.
        if requests.is_empty() || call == Copy {
            continue;
        }
        for fault in FAULTS.into_iter().filter(|fault| fault.meets(requests[0])) {
            let prepared = prepared(call, |store| store).await;
            prepared.plan(0, fault);
            let error = prepared.call(call).await.expect_err("it meets a fault");
            let passing = match fault {
                TooMany => Passing::Busy { asked: None },
                Busy => Passing::Busy { asked: Some(Duration::from_secs(1)) },
                Damaged | Page | Bare => Passing::Unlikely,
                _ => Passing::Outage,
            };
            assert_eq!(error.passing(), Some(passing), "{call:?} {fault:?}: {error}");
            assert_eq!(prepared.service.lock().expect("fine").asked.len(), 1, "{call:?} {fault:?}");
        }
    }
}

#[tokio::test]
async fn what_is_given_up_says_how_often_it_was_tried_and_obeys_nobody_for_a_day() {
    let server = Server::start(|_, _| answer(503, "x-ms-error-code: ServerBusy\r\nretry-after: 86400\r\n")).await;
    let raw = store(&server.endpoint).await;
    let begun = Instant::now();
    let error = raw.head(&key()).await.expect_err("busy");
    assert_eq!(error.passing(), Some(Passing::Busy { asked: Some(Duration::from_secs(86_400)) }));
    assert!(begun.elapsed() < Duration::from_secs(1), "the adapter waits for nothing");
    let error = patient(raw, 2).head(&key()).await.expect_err("busy");
    assert!(error.reason().contains("(tried 2 times in 2 s)"), "{error}");
    assert_eq!((error.passing(), server.requests().len()), (None, 3));
}

#[tokio::test]
async fn nothing_is_sent_again_that_was_refused() {
    for (status, code) in [(403, "AuthenticationFailed"), (412, "ConditionNotMet"), (400, "InvalidBlockList")] {
        let server = Server::start(move |_, _| error(status, code)).await;
        let store = patient(store(&server.endpoint).await, 2);
        store.delete(&key(), None).await.expect_err(code);
        assert_eq!(server.requests().len(), 1, "{code}");
    }
}

/// A commit that is refused by a marker, which cannot be seen at once.
#[tokio::test]
async fn a_marker_gives_way_also_where_the_look_at_it_fails_once() {
    let looks = Mutex::new(0);
    let server = Server::start(move |request, before| match operation(request).as_str() {
        "PUT blob" if before < 3 => error(409, "BlobAlreadyExists"),
        "PUT blob" => answer(CREATED, ETAG),
        "HEAD blob" => {
            *looks.lock().expect("fine") += 1;
            match *looks.lock().expect("fine") {
                1 => error(503, "ServerBusy"),
                _ => answer(200, "etag: \"0xMARK\"\r\ncontent-length: 0\r\nx-ms-meta-sealift_discarding: 1\r\n"),
            }
        }
        _ => answer(202, ""),
    })
    .await;
    let (store, attempts) = (patient(store(&server.endpoint).await, 5), Attempts::default());
    store.put(&key(), digits(), &commit(IfExists::Fail), &attempts).await.expect("stored");
    assert_eq!(operations(&server), ["PUT blob", "HEAD blob", "PUT blob", "HEAD blob", "DELETE blob", "PUT blob"]);
    assert_eq!(attempts.effect(), Effect { applied: 1, ..Effect::default() });
}

/// A commit that is not answered and takes effect: its repetition is refused, and the account still holds it.
#[tokio::test]
async fn a_refused_repetition_leaves_the_first_commit_open() {
    let server = Server::start(|request, before| match (operation(request).as_str(), before) {
        ("PUT blob", 0) => Reply::Cut,
        ("PUT blob", _) => error(409, "BlobAlreadyExists"),
        _ => answer(200, &format!("{ETAG}content-length: 9\r\n")),
    })
    .await;
    let (store, attempts) = (patient(store(&server.endpoint).await, 5), Attempts::default());
    let error = store.put(&key(), digits(), &commit(IfExists::Fail), &attempts).await.expect_err("it exists");
    assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
    assert!(error.reason().contains("tried 2 times"), "{error}");
    assert_eq!(attempts.effect(), Effect { unanswered: 1, ..Effect::default() });
}

/// The remnants that an error names.
pub(crate) fn named(error: &sealift::Error) -> Vec<(&Remnant, sealift::Certainty)> {
    error.left_behind().iter().map(|left| (left.remnant(), left.certainty())).collect()
}
