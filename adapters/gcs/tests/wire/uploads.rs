//! A service of uploads in parts for one object, as Google's documentation has it, with faults where a test wants them.

use crate::server::{Reply, Request, Server};
use crate::{options, resource};
use sealift_gcs::{GcsOptions, GcsStore, Streams};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

/// The id of the upload.
pub(crate) const ID: &str = "VXBsb2Fk+/=";
/// The key of the object, as XML has it.
pub(crate) const KEY: &str = "a/key +%";

/// What the service holds.
#[derive(Default)]
pub(crate) struct Uploads {
    pub(crate) open: bool,
    pub(crate) parts: BTreeMap<u32, Vec<u8>>,
    pub(crate) object: Option<Vec<u8>>,
    token: String,
}

impl Uploads {
    /// The upload becomes the object.
    pub(crate) fn complete(&mut self) -> Reply {
        self.open = false;
        let object = std::mem::take(&mut self.parts).into_values().flatten().collect();
        self.object = Some(object);
        completed("x-goog-generation: 17\r\n")
    }

    /// Stores a part.
    pub(crate) fn take(&mut self, request: &Request) -> Reply {
        self.parts.insert(part_number(request), request.body.clone());
        Reply::empty(200, &format!("etag: \"tag-{}\"\r\n", part_number(request)))
    }

    pub(crate) fn answer(&mut self, request: &Request) -> Reply {
        match request.operation().as_str() {
            "initiate" => {
                self.open = true;
                self.token = request.header("x-goog-meta-sealift-token").unwrap_or_default().to_owned();
                initiated()
            }
            "head" => match &self.object {
                Some(object) => resource(object, &self.token),
                None => Reply::error(404, "notFound", "No such object: bucket/a"),
            },
            "list uploads" if self.open => listed(&[(KEY, ID)]),
            "list uploads" => listed(&[]),
            _ if !self.open => no_such_upload(),
            "part" => self.take(request),
            "complete" => self.complete(),
            "list parts" => parts(self.parts.values().map(Vec::len)),
            "abort" => {
                self.open = false;
                self.parts.clear();
                Reply::empty(204, "")
            }
            other => panic!("{other}"),
        }
    }
}

/// A service, and what it holds.
pub(crate) struct Service {
    pub(crate) server: Server,
    uploads: Arc<Mutex<Uploads>>,
}

impl Service {
    /// A service in which `fault` answers what is not to be answered as usual: a request, and how many of its operation came
    /// before it.
    pub(crate) async fn start(
        fault: impl Fn(&Request, usize, &mut Uploads) -> Option<Reply> + Send + Sync + 'static,
    ) -> Self {
        let uploads = Arc::<Mutex<Uploads>>::default();
        let shared = Arc::clone(&uploads);
        let server = Server::start(move |request, before| {
            let mut uploads = shared.lock().expect("fine");
            fault(request, before, &mut uploads).unwrap_or_else(|| uploads.answer(request))
        })
        .await;
        Service { server, uploads }
    }

    pub(crate) fn holds(&self) -> MutexGuard<'_, Uploads> {
        self.uploads.lock().expect("fine")
    }

    /// The adapter on it, sending in parts.
    pub(crate) async fn store(&self) -> GcsStore {
        GcsStore::connect(in_parts(&self.server.endpoint)).await.expect("options are fine")
    }
}

pub(crate) fn in_parts(endpoint: &str) -> GcsOptions {
    let mut options = options(endpoint);
    options.streams = Streams::Multipart;
    options
}

/// The number of a part.
pub(crate) fn part_number(request: &Request) -> u32 {
    let mut pairs = request.query.split('&').filter_map(|pair| pair.strip_prefix("partNumber="));
    pairs.next().and_then(|number| number.parse().ok()).expect("a number")
}

pub(crate) fn initiated() -> Reply {
    let names = format!("<Bucket>bucket</Bucket><Key>{KEY}</Key><UploadId>{ID}</UploadId>");
    Reply::xml(200, &format!("<InitiateMultipartUploadResult xmlns='x'>{names}</InitiateMultipartUploadResult>"))
}

/// The answer to a completion, with these headers.
pub(crate) fn completed(headers: &str) -> Reply {
    let names = format!("<Location>x</Location><Bucket>bucket</Bucket><Key>{KEY}</Key><ETag>\"e-2\"</ETag>");
    let document = format!("<CompleteMultipartUploadResult xmlns='x'>{names}</CompleteMultipartUploadResult>");
    Reply::Answer(200, format!("date: Fri, 02 Jan 2026 03:04:05 GMT\r\n{headers}"), document.into_bytes())
}

pub(crate) fn no_such_upload() -> Reply {
    Reply::xml_error(404, "NoSuchUpload", "The requested upload was not found.")
}

/// A list of uploads: keys and ids.
pub(crate) fn listed(uploads: &[(&str, &str)]) -> Reply {
    let uploads = uploads.iter().map(|(key, id)| {
        format!(
            "<Upload><Key>{key}</Key><UploadId>{id}</UploadId><Initiated>2026-01-02T03:04:05.000Z</Initiated></Upload>"
        )
    });
    let uploads: String = uploads.collect();
    let end = "<IsTruncated>false</IsTruncated>";
    let document = format!("<ListMultipartUploadsResult>{uploads}{end}</ListMultipartUploadsResult>");
    dated("03:04:10", document)
}

/// A list of parts of these sizes.
pub(crate) fn parts(sizes: impl Iterator<Item = usize>) -> Reply {
    let parts = sizes
        .map(|size| format!("<Part><Size>{size}</Size><LastModified>2026-01-02T03:05:05.000Z</LastModified></Part>"));
    let parts: String = parts.collect();
    dated("04:05:05", format!("<ListPartsResult>{parts}<IsTruncated>false</IsTruncated></ListPartsResult>"))
}

fn dated(time: &str, document: String) -> Reply {
    Reply::Answer(200, format!("date: Fri, 02 Jan 2026 {time} GMT\r\n"), document.into_bytes())
}
