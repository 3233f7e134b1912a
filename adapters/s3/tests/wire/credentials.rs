//! Credentials that are not taken any more, from one request on: the table of where they come from, and which request it is.
//! What the SDK looks for is of the process, so each upload is a process of its own.

use crate::passing::Call;
use crate::server::{Reply, Request, Server};
use crate::*;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use tokio::process::Command;

/// Without the pauses of what is tried several times, on a machine that has much else to do.
const AT_ONCE: Duration = Duration::from_secs(2);

/// Where the process finds the service.
const SERVICE: &str = "SEALIFT_TEST_SERVICE";

#[derive(Debug, Clone, Copy, PartialEq)]
enum Source {
    Profile,
    Process,
    WebIdentity,
    Container,
    Instance,
    Environment,
}

const RENEWED: [Source; 5] =
    [Source::Profile, Source::Process, Source::WebIdentity, Source::Container, Source::Instance];

/// From which request on the credentials are not taken: in the order of what the process does.
const MOMENTS: [Call; 7] =
    [Call::Put, Call::Start, Call::Part, Call::Complete, Call::Head, Call::Abort, Call::ListParts];

/// What becomes of the source in that moment.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Then {
    Renewed,
    Stays,
    /// It gives nothing at all.
    Fails,
}

/// How the service says it.
const EXPIRED: (u16, &str) = (400, "ExpiredToken");

/// A service, and a source of credentials, of which the service takes the newest only.
struct World {
    folder: PathBuf,
    source: Source,
    /// The number of the credentials that are given out.
    given: AtomicUsize,
    /// The number of those that are taken.
    taken: AtomicUsize,
    gone: AtomicUsize,
    refused: AtomicUsize,
    asked: AtomicUsize,
}

impl World {
    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.join(name);
        fs::write(&path, text).expect("written");
        path
    }

    /// Puts the credentials of this number where the source has them.
    fn give(&self, number: usize) {
        self.given.store(number, Ordering::SeqCst);
        match self.source {
            Source::Profile => {
                let keys = format!("aws_access_key_id = AKID{number}\naws_secret_access_key = s3cret-{number}\n");
                self.write("credentials", &format!("[default]\n{keys}aws_session_token = s3cret-token-{number}\n"));
            }
            Source::Process => {
                self.write("given", &self.json(number, "SessionToken"));
            }
            Source::WebIdentity => {
                self.write("identity", &format!("s3cret-identity-{number}"));
            }
            Source::Container | Source::Instance | Source::Environment => {}
        }
    }

    fn json(&self, number: usize, token: &str) -> String {
        format!(
            r#"{{"Version":1,"Code":"Success","Type":"AWS-HMAC","AccessKeyId":"AKID{number}","SecretAccessKey":"s3cret-{number}",
                "{token}":"s3cret-token-{number}","Expiration":"2999-01-01T00:00:00Z","LastUpdated":"2026-01-01T00:00:00Z"}}"#
        )
    }

    fn fail(&self) {
        self.gone.store(1, Ordering::SeqCst);
        for file in ["credentials", "given", "identity"] {
            let _ = fs::remove_file(self.folder.join(file));
        }
    }

    /// What the process finds in its environment.
    fn environment(&self, endpoint: &str) -> Vec<(&'static str, String)> {
        let path = |name: &str| self.folder.join(name).display().to_string();
        let mut variables = vec![
            (SERVICE, endpoint.to_owned()),
            ("AWS_SHARED_CREDENTIALS_FILE", path("credentials")),
            ("AWS_CONFIG_FILE", path("config")),
            ("AWS_EC2_METADATA_DISABLED", (self.source != Source::Instance).to_string()),
        ];
        match self.source {
            Source::Profile => {}
            Source::Process => {
                let asked = self.folder.join("asked");
                let script = format!("#!/bin/sh\necho >> {}\ncat {}\n", asked.display(), path("given"));
                let script = self.write("script", &script);
                fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("executable");
                self.write("config", &format!("[default]\ncredential_process = {}\n", script.display()));
            }
            Source::WebIdentity => variables.extend([
                ("AWS_WEB_IDENTITY_TOKEN_FILE", path("identity")),
                ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/r".to_owned()),
                ("AWS_ENDPOINT_URL_STS", endpoint.to_owned()),
            ]),
            Source::Container => {
                variables.push(("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{endpoint}/container")));
            }
            Source::Instance => variables.push(("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint.to_owned())),
            Source::Environment => variables.extend([
                ("AWS_ACCESS_KEY_ID", "AKID0".to_owned()),
                ("AWS_SECRET_ACCESS_KEY", "s3cret-0".to_owned()),
                ("AWS_SESSION_TOKEN", "s3cret-token-0".to_owned()),
            ]),
        }
        variables
    }

    /// The answer of who gives credentials, if that is who is asked.
    fn source(&self, request: &Request) -> Option<Reply> {
        let given = self.given.load(Ordering::SeqCst);
        let json = |body: String| Reply::Answer(200, "content-type: application/json\r\n".into(), body.into());
        let reply = match (request.method.as_str(), request.target.as_str()) {
            ("POST", "/") => {
                let body = String::from_utf8_lossy(&request.body).into_owned();
                assert!(body.contains("Action=AssumeRoleWithWebIdentity"), "{body}");
                let identity = format!("WebIdentityToken=s3cret-identity-{}", self.taken.load(Ordering::SeqCst));
                let number = if body.contains(&identity) { self.taken.load(Ordering::SeqCst) } else { 0 };
                Reply::xml(
                    200,
                    &format!(
                        "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
                         <AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>AKID{number}</AccessKeyId>\
                         <SecretAccessKey>s3cret-{number}</SecretAccessKey>\
                         <SessionToken>s3cret-token-{number}</SessionToken>\
                         <Expiration>2999-01-01T00:00:00Z</Expiration></Credentials>\
                         </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
                    ),
                )
            }
            ("GET", "/container") => json(self.json(given, "Token")),
            ("PUT", "/latest/api/token") => {
                Reply::ok("x-aws-ec2-metadata-token-ttl-seconds: 21600\r\ncontent-type: text/plain\r\n")
            }
            ("GET", "/latest/meta-data/iam/security-credentials/") => {
                Reply::Answer(200, "content-type: text/plain\r\n".into(), b"role".to_vec())
            }
            ("GET", "/latest/meta-data/iam/security-credentials/role") => json(self.json(given, "Token")),
            _ => return None,
        };
        self.asked.fetch_add(1, Ordering::SeqCst);
        Some(match self.gone.load(Ordering::SeqCst) {
            0 => reply,
            _ => Reply::error(403, "Gone"),
        })
    }

    /// The service's answer, which takes the newest credentials only.
    fn service(&self, request: &Request, how: (u16, &str)) -> Reply {
        let signed = request.header("authorization").unwrap_or_default();
        let newest = format!("Credential=AKID{}/", self.taken.load(Ordering::SeqCst));
        if signed.contains(&newest) {
            return Call::of(request).success();
        }
        self.refused.fetch_add(1, Ordering::SeqCst);
        match request.method.as_str() {
            "HEAD" => Reply::Answer(how.0, String::new(), Vec::new()),
            _ => Reply::error(how.0, how.1),
        }
    }
}

/// What came of an upload in a process of its own.
struct Came {
    said: String,
    took: Duration,
    world: Arc<World>,
}

/// Uploads with credentials of `source`, which from `moment` on are not taken.
async fn upload(source: Source, moment: Call, then: Then, how: (u16, &'static str)) -> Came {
    let folder = tempfile::tempdir().expect("a folder");
    let world = Arc::new(World {
        folder: folder.path().to_owned(),
        source,
        given: AtomicUsize::new(0),
        taken: AtomicUsize::new(0),
        gone: AtomicUsize::new(0),
        refused: AtomicUsize::new(0),
        asked: AtomicUsize::new(0),
    });
    world.give(0);
    let since = Arc::new(OnceLock::new());
    let (there, began) = (Arc::clone(&world), Arc::clone(&since));
    let server = Server::start(move |request, _| {
        if let Some(reply) = there.source(request) {
            return reply;
        }
        if Call::of(request) == moment && began.get().is_none() {
            began.set(Instant::now()).expect("once");
            there.taken.store(1, Ordering::SeqCst);
            match then {
                Then::Renewed => there.give(1),
                Then::Stays => {}
                Then::Fails => there.fail(),
            }
        }
        there.service(request, how)
    })
    .await;
    let ended = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "credentials::with_what_the_environment_says", "--ignored", "--nocapture"])
        .env_clear()
        .env("HOME", folder.path())
        .env("PATH", std::env::var("PATH").expect("a path"))
        .envs(world.environment(&server.endpoint))
        .output()
        .await
        .expect("started");
    let took = since.get().map(Instant::elapsed).expect("the moment came");
    if let Ok(lines) = fs::read_to_string(world.folder.join("asked")) {
        world.asked.store(lines.lines().count(), Ordering::SeqCst);
    }
    let said = String::from_utf8_lossy(&[ended.stdout, ended.stderr].concat()).into_owned();
    assert!(ended.status.success(), "{source:?} {moment:?}: {said}");
    Came { said, took, world }
}

/// What [`upload`] runs: every kind of request.
#[tokio::test]
#[ignore = "a part of other tests, with an environment of its own"]
async fn with_what_the_environment_says() {
    let Ok(service) = std::env::var(SERVICE) else { return };
    let mut options = S3Options::new("bucket");
    options.endpoint_url = Some(service);
    options.region = Some("us-east-1".to_owned());
    options.conditional_writes = Some(Conditions::Honoured);
    let store = S3Store::connect(options).await.expect("options are fine");
    let store = RetryingStore::new(store, RetryPolicy::new(Duration::from_secs(20)));
    match every_request(&store).await {
        Ok(()) => println!("SEALED"),
        Err(error) => println!("FAILED {error} HINT {} DEBUG {error:?} {store:?}", error.hint().unwrap_or_default()),
    }
}

async fn every_request(store: &RetryingStore) -> sealift::Result<()> {
    let (name, options, attempts) = (key(), commit(IfExists::Replace), Attempts::default());
    store.put(&name, digits(), &options, &attempts).await?;
    let upload = store.start(&name, &options, &attempts).await?;
    // Together: all of them are refused with the same credentials.
    let parts = (1..=8).map(|number| upload.put_part(number, digits()));
    let parts = futures::future::try_join_all(parts).await?;
    upload.complete(&parts, digits().checksum(), &attempts).await?;
    store.head(&name).await?;
    store.start(&name, &options, &attempts).await?.abort().await
}

#[tokio::test]
async fn what_is_renewed_where_it_comes_from_goes_on_from_any_request() {
    for source in RENEWED {
        for moment in MOMENTS {
            let came = upload(source, moment, Then::Renewed, EXPIRED).await;
            assert!(came.said.contains("SEALED"), "{source:?} {moment:?}: {}", came.said);
            let refused = came.world.refused.load(Ordering::SeqCst);
            // The parts that were under way with the first; nothing a second time.
            let most = if moment == Call::Part { 8 } else { 1 };
            assert!((1..=most).contains(&refused), "{source:?} {moment:?}: {refused} were refused");
        }
        let came = upload(source, Call::Part, Then::Renewed, EXPIRED).await;
        let asked = came.world.asked.load(Ordering::SeqCst);
        let each = match source {
            // Nobody sees who reads a file.
            Source::Profile => 0,
            Source::Instance => 3,
            _ => 1,
        };
        assert_eq!(asked, 2 * each, "{source:?}: asked once for all parts that were refused together");
    }
}

#[tokio::test]
async fn keys_that_were_replaced_are_too() {
    for how in [
        (403, "InvalidAccessKeyId"),
        (400, "InvalidToken"),
        (400, "TokenRefreshRequired"),
        (403, "SignatureDoesNotMatch"),
    ] {
        for moment in [Call::Part, Call::Head] {
            let came = upload(Source::Profile, moment, Then::Renewed, how).await;
            assert!(came.said.contains("SEALED"), "{how:?} {moment:?}: {}", came.said);
        }
    }
}

#[tokio::test]
async fn what_is_not_renewed_is_said_at_once() {
    for (source, words) in [
        (Source::Profile, "the profile's files gives the same as before"),
        (Source::Process, "the profile's credential_process gives the same as before"),
        (Source::WebIdentity, "the web identity gives the same as before"),
        (Source::Container, "the container's endpoint gives the same as before"),
        (Source::Instance, "the instance's metadata service gives the same as before"),
        (Source::Environment, "they are of the environment, which stays as it is"),
    ] {
        for moment in [Call::Put, Call::Part, Call::Complete] {
            let came = upload(source, moment, Then::Stays, EXPIRED).await;
            let said = &came.said;
            assert!(said.contains("FAILED") && said.contains("ExpiredToken"), "{source:?} {moment:?}: {said}");
            assert!(said.contains("have expired and were not renewed") && said.contains(words), "{said}");
            assert!(!said.contains("s3cret"), "{said}");
            assert!(came.took < AT_ONCE, "{source:?} {moment:?}: {:?}", came.took);
            let refused = came.world.refused.load(Ordering::SeqCst);
            match (source, moment) {
                (Source::Environment, Call::Put | Call::Complete) => assert_eq!(refused, 1, "{said}"),
                (_, Call::Put | Call::Complete) => assert_eq!(refused, 2, "{source:?}: {said}"),
                _ => assert!((1..=16).contains(&refused), "{refused}"),
            }
        }
    }
}

#[tokio::test]
async fn a_source_that_gives_nothing_any_more_is_said_with_why_it_was_asked() {
    for source in [Source::Profile, Source::Process, Source::WebIdentity, Source::Container] {
        let came = upload(source, Call::Put, Then::Fails, EXPIRED).await;
        let said = &came.said;
        assert!(said.contains("no usable credentials") && said.contains("does not take those before"), "{said}");
        assert!(!said.contains("s3cret"), "{said}");
        assert_eq!(came.world.refused.load(Ordering::SeqCst), 1, "{said}");
        assert!(came.took < Duration::from_secs(10), "it was asked for as for an outage: {:?}", came.took);
    }
}
