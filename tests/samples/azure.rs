//! `azure.yaml`, with AzCopy and Azurite over TLS, logged in by a managed identity that the test plays.

use crate::scene::{self, PREFIX, sample};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use sealift_command::CommandStorage;
use std::convert::Infallible;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::task::JoinHandle;

const SECRET: &str = "azure-secret-that-must-not-be-shown";
/// Without a signature, valid from 2020 to 2100 for the storage service, which is all that Azurite looks at:
/// {"alg":"none","typ":"JWT"} {"aud":"https://storage.azure.com",
/// "iss":"https://sts.windows.net/00000000-0000-0000-0000-000000000000/","nbf":1600000000,"iat":1600000000,
/// "exp":4102444800,"oid":"o","tid":"t"}
const TOKEN: &str = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJhdWQiOiJodHRwczovL3N0b3JhZ2UuYXp1cmUuY29tIiwiaXNzIjoiaHR0cHM6\
    Ly9zdHMud2luZG93cy5uZXQvMDAwMDAwMDAtMDAwMC0wMDAwLTAwMDAtMDAwMDAwMDAwMDAwLyIsIm5iZiI6MTYwMDAwMDAwMCwi\
    aWF0IjoxNjAwMDAwMDAwLCJleHAiOjQxMDI0NDQ4MDAsIm9pZCI6Im8iLCJ0aWQiOiJ0In0.bm9uZQ";

/// The emulator, a container, and where tokens for it are had.
struct Azure {
    endpoint: String,
    container: String,
    tokens: String,
    server: JoinHandle<()>,
    home: TempDir,
}

impl Drop for Azure {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Azure {
    async fn new() -> Self {
        let endpoint = scene::emulator("SEALIFT_TEST_AZURE_TLS_ENDPOINT", "https://127.0.0.1:10001/devstoreaccount1");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let tokens = format!("http://{}/token", listener.local_addr().expect("bound"));
        let azure = Azure {
            endpoint,
            container: format!("samples-{:016x}", rand::random::<u64>()),
            tokens,
            server: tokio::spawn(give_tokens(listener)),
            home: tempfile::tempdir().expect("a folder"),
        };
        azure.make_container().await;
        azure
    }

    fn url(&self, container: &str) -> String {
        format!("{}/{container}", self.endpoint)
    }

    /// Host and port, as AzCopy compares them.
    fn trusted(&self) -> &str {
        self.endpoint.split('/').nth(2).expect("a URL")
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        let state = scene::emulators();
        let home = self.home.path().to_str().expect("UTF-8");
        vec![
            ("PATH", scene::search_path(&state.join("bin"), "azcopy")),
            ("HOME", home.to_owned()),
            ("TMPDIR", home.to_owned()), // a killed command leaves its folder there
            ("SSL_CERT_FILE", scene::authority()),
            ("AZCOPY_AUTO_LOGIN_TYPE", "MSI".to_owned()),
            ("IDENTITY_ENDPOINT", self.tokens.clone()),
            ("IDENTITY_HEADER", SECRET.to_owned()),
        ]
    }

    fn storage(&self, container: &str) -> CommandStorage {
        let (url, environment) = (self.url(container), self.environment());
        let environment: Vec<_> = environment.iter().map(|(key, value)| (*key, value.as_str())).collect();
        let values = [("CONTAINER_URL", url.as_str()), ("PREFIX", PREFIX), ("TRUSTED_SUFFIXES", self.trusted())];
        sample("azure", &values, &environment)
    }

    /// By the emulators' Python: the tests have no client of their own that speaks TLS, and `azcopy make` does not take
    /// an address for a host.
    async fn make_container(&self) {
        const SCRIPT: &str = "import ssl, sys, urllib.request\n\
            url, authority, token = sys.argv[1:]\n\
            headers = {'Authorization': 'Bearer ' + token, 'x-ms-version': '2021-06-08'}\n\
            request = urllib.request.Request(url + '?restype=container', method='PUT', headers=headers)\n\
            urllib.request.urlopen(request, context=ssl.create_default_context(cafile=authority))";
        let python = scene::emulators().join("venv-gcs/bin/python");
        let made = Command::new(&python)
            .args(["-I", "-c", SCRIPT, &self.url(&self.container), &scene::authority(), TOKEN])
            .output()
            .await;
        let made = made.unwrap_or_else(|error| panic!("{}: {error}: run ./localstack/up", python.display()));
        assert!(made.status.success(), "{made:?}");
    }

    /// What is there, by azcopy itself.
    async fn objects(&self) -> Vec<String> {
        let mut azcopy = Command::new(scene::emulators().join("bin/azcopy"));
        azcopy.args(["list", &self.url(&self.container), "--location", "Blob", "--output-level", "essential"]);
        azcopy.args(["--trusted-microsoft-suffixes", self.trusted()]).envs(self.environment());
        let listed = azcopy.output().await.expect("azcopy");
        assert!(listed.status.success(), "{listed:?}");
        let lines = String::from_utf8(listed.stdout).expect("UTF-8");
        lines.lines().filter_map(|line| line.split_once(';')).map(|(name, _)| name.to_owned()).collect()
    }
}

/// The endpoint for managed identities as App Service has it: whoever knows the secret gets a token.
async fn give_tokens(listener: TcpListener) {
    async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let known = request.headers().get("x-identity-header").is_some_and(|header| header == SECRET);
        let body = format!(
            r#"{{"access_token":"{TOKEN}","expires_on":"4102444800","resource":"https://storage.azure.com","token_type":"Bearer"}}"#
        );
        let mut response = Response::new(Full::from(if known { body } else { String::new() }));
        if !known {
            *response.status_mut() = StatusCode::FORBIDDEN;
        }
        Ok(response)
    }
    while let Ok((stream, _)) = listener.accept().await {
        let served =
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer));
        tokio::spawn(served);
    }
}

#[tokio::test]
async fn it_serves_an_archive() {
    let azure = Azure::new().await;
    let storage = azure.storage(&azure.container);
    scene::serves(&storage).await;
    let objects = azure.objects().await;
    assert!(objects.contains(&"backups/e1/backup.0af1/small".to_owned()), "{objects:?}");
    storage.close().await;
}

#[tokio::test]
async fn a_failure_says_what_azcopy_said() {
    let azure = Azure::new().await;
    scene::fails_saying(&azure.storage("no-such-container"), "specified container does not exist").await;
}

#[tokio::test]
async fn a_file_that_is_dropped_half_way_never_exists() {
    let azure = Azure::new().await;
    let storage = azure.storage(&azure.container);
    scene::leaves_nothing_and_tells_nothing(&storage, "azcopy", SECRET, async || azure.objects().await).await;
}
