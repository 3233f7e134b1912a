//! Each server of the suite: its table, held against what is known of it, and that nothing is left.

use crate::doctor;
use crate::table::Table;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{
    BehaviorVersion, Builder, Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation,
};
use sealift_tests::azure::{SAS, TestContainer};
use sealift_tests::cli::{self, Ended, SECRET};
use sealift_tests::cloud::Cloud;
use sealift_tests::{gcs, s3};

/// What is only told of every service without TLS, proxies and rules.
const PLAIN: [(&str, &str); 5] = [
    ("encryption", "noted"),
    ("proxy", "noted"),
    ("versions", "noted"),
    ("retention", "noted"),
    ("incomplete uploads", "noted"),
];

async fn examined<C: Cloud>(expected: &[(&str, &str)], features: &[(&str, &str)]) -> Table {
    let remote = C::new("doctor").await;
    let ended = cli::run(doctor(&remote, remote.endpoint(), &["--json"])).await.expect_code(0);
    let table = Table::of(&ended);
    println!("{}: {}", remote.url(), table.rows());
    assert_eq!(table.differences(&[&PLAIN, expected].concat()), Vec::<String>::new());
    for (name, answer) in &table.features {
        let wanted = features.iter().find(|(known, _)| known == name).map_or("yes", |(_, wanted)| wanted);
        assert_eq!(answer, wanted, "{name}");
    }
    assert_eq!((table.set_up.as_str(), table.left.as_slice()), ("full", &[] as &[String]));
    remote.assert_untouched().await;
    table
}

/// localstack/README.md, "Where it differs from S3": `If-Match` of DeleteObject answers 501.
#[tokio::test]
async fn localstack() {
    let table = examined::<s3::TestBucket>(&[("conditional delete", "fails"), ("rename", "absent")], &[]).await;
    assert!(table.evidence("list uploads").contains("told to be Sealift's"), "its marks are listed");
}

#[tokio::test]
async fn google() {
    let expected =
        [("rename", "absent"), ("list uploads", "absent"), ("list parts", "absent"), ("checksum of a part", "absent")];
    let table = examined::<gcs::TestBucket>(&expected, &[]).await;
    assert!(table.evidence("incomplete uploads").contains("after a week by itself"));
}

fn as_azurite_is(ended: &Ended, plain: &[&str]) {
    let table = Table::of(ended);
    println!("{}", table.rows());
    let plain = PLAIN.into_iter().filter(|(name, _)| plain.contains(name));
    let others = [
        ("rename", "absent"),
        // No checksum of the whole is compared; that of a block by MD5 cannot be made wrong.
        ("checksum of a part", "unknown"),
        ("checksum of the whole", "absent"),
    ];
    assert_eq!(table.differences(&plain.chain(others).collect::<Vec<_>>()), Vec::<String>::new());
    assert_eq!(table.set_up, "full");
}

#[tokio::test]
async fn azure() {
    let remote = TestContainer::new("doctor").await;
    let ended = cli::run(doctor(&remote, remote.endpoint(), &["--json"])).await.expect_code(0);
    as_azurite_is(&ended, &["encryption", "proxy", "retention", "incomplete uploads"]);
    remote.assert_untouched().await;
}

/// Azurite with TLS is another process than that without: the container is made, and looked at, over TLS.
#[tokio::test]
async fn azure_over_tls() {
    const ASK: &str = "import ssl, sys, urllib.request\n\
        method, url, authority = sys.argv[1:]\n\
        request = urllib.request.Request(url, method=method, headers={'x-ms-version': '2021-06-08'})\n\
        print(urllib.request.urlopen(request, context=ssl.create_default_context(cafile=authority)).read().decode())";
    let (Some(endpoint), Some(authority)) = (said("SEALIFT_TEST_AZURE_TLS_ENDPOINT"), said("SEALIFT_TEST_CA")) else {
        return;
    };
    let name = format!("doctor-{:016x}", rand::random::<u64>());
    let ask = async |method, query| {
        let url = format!("{endpoint}/{name}?restype=container{query}&{SAS}");
        let mut python = tokio::process::Command::new("python3");
        let asked = python.args(["-I", "-c", ASK, method, &url, &authority]).output().await.expect("python3 runs");
        assert!(asked.status.success(), "{asked:?}");
        String::from_utf8(asked.stdout).expect("UTF-8")
    };
    ask("PUT", "").await;
    let mut command = cli::command(["doctor", "--json", &format!("az://{name}")]);
    command.envs(TestContainer::variables(&endpoint)).env("SSL_CERT_FILE", &authority);
    let ended = cli::run(command).await.expect_code(0);
    as_azurite_is(&ended, &["proxy", "retention", "incomplete uploads"]);
    let listed = ask("GET", "&comp=list&include=uncommittedblobs").await;
    assert!(listed.contains("<Blobs") && !listed.contains("<Name>"), "{listed}");
}

/// An S3 server of the referees, what of its table is not as on S3, and the exit code that follows.
struct Known {
    variable: &'static str,
    key: &'static str,
    secret: &'static str,
    table: &'static [(&'static str, &'static str)],
    features: &'static [(&'static str, &'static str)],
    code: i32,
    /// Whether something stays, by the server's fault.
    leaves: bool,
    /// Whether two puts at once both win now and then.
    races: bool,
    /// Where it is reached over TLS, and what names the authority that its certificate is signed by.
    over_tls: Option<(&'static str, &'static str)>,
}

/// What `variable` says, where the server is there to be tested.
fn said(variable: &str) -> Option<String> {
    let said = std::env::var(variable).ok();
    if said.is_none() {
        println!("NOT TESTED: {variable} is not set; `localstack/up` starts it");
    }
    said
}

async fn referee(known: &Known) {
    let Some(endpoint) = said(known.variable) else { return };
    let config = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(Credentials::new(known.key, known.secret, None, None, "tests"))
        .region(Region::from_static("us-east-1"))
        .endpoint_url(&endpoint)
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .force_path_style(true)
        .build();
    let client = Client::from_conf(config);
    let bucket = format!("doctor-{:016x}", rand::random::<u64>());
    client.create_bucket().bucket(&bucket).send().await.expect("a bucket");
    let mut command = cli::command(["doctor", "--json", &format!("s3://{bucket}")]);
    command
        .env("AWS_ENDPOINT_URL", &endpoint)
        .env("AWS_ACCESS_KEY_ID", known.key)
        .env("AWS_SECRET_ACCESS_KEY", known.secret);
    if let Some((endpoint, authority)) = known.over_tls {
        let (Some(endpoint), Some(authority)) = (said(endpoint), said(authority)) else { return };
        command.env("AWS_ENDPOINT_URL", endpoint).env("SSL_CERT_FILE", authority);
    }
    let ended = cli::run(command).await;
    let table = Table::of(&ended);
    if known.races && table.evidence("conditional put").contains("both won") {
        println!("{}: both of two puts at once won this time, and it says so", known.variable);
        assert_eq!((ended.code, table.answer("--if-absent"), table.answer("backup")), (Some(1), "no", "no"));
        return;
    }
    assert_eq!(ended.code, Some(known.code), "{}\n{}", ended.text(), ended.stderr);
    println!("{}: {}", known.variable, table.rows());
    assert_eq!(table.differences(known.table), Vec::<String>::new(), "{}", known.variable);
    for (name, answer) in known.features {
        assert_eq!(table.answer(name), *answer, "{name}");
    }
    assert_eq!(!table.left.is_empty(), known.leaves, "{:?}", table.left);
    let listed = client.list_objects_v2().bucket(&bucket).send().await.expect("listed");
    assert_eq!(listed.contents().len(), 0, "{:?}", listed.contents());
    if let Ok(uploads) = client.list_multipart_uploads().bucket(&bucket).send().await {
        assert_eq!(uploads.uploads().len(), 0, "{:?}", uploads.uploads());
    }
}

const SEAWEEDFS: Known = Known {
    variable: "SEALIFT_TEST_REFEREE_SEAWEEDFS",
    key: "test",
    secret: SECRET,
    table: &[
        ("encryption", "noted"),
        ("proxy", "noted"),
        ("versions", "noted"),
        ("retention", "noted"),
        ("incomplete uploads", "noted"),
        ("rename", "absent"),
    ],
    features: &[("put", "yes"), ("--if-absent", "yes"), ("sweep", "yes"), ("backup", "yes")],
    code: 0,
    leaves: false,
    races: false,
    over_tls: None,
};

#[tokio::test]
async fn seaweedfs() {
    referee(&SEAWEEDFS).await;
}

/// No checksums, no list of parts in S3's XML; of two conditional puts at once both win now and then (localstack/README.md),
/// so that a run in which that was seen says so.
#[tokio::test]
async fn moto() {
    let table = &[
        ("encryption", "noted"),
        ("proxy", "noted"),
        ("versions", "unknown"),
        ("retention", "noted"),
        ("incomplete uploads", "noted"),
        ("checksum kept", "absent"),
        ("checksum of a put", "ignored"),
        ("checksum of a part", "ignored"),
        ("checksum of the whole", "ignored"),
        ("list parts", "fails"),
        ("rename", "absent"),
    ];
    let features = &[("put", "less"), ("sweep", "no"), ("verify", "less")];
    referee(&Known { variable: "SEALIFT_TEST_REFEREE_MOTO", table, features, races: true, ..SEAWEEDFS }).await;
}

/// No conditions; the checksum that it tells is the one that it was told.
const RCLONE: Known = Known {
    variable: "SEALIFT_TEST_REFEREE_RCLONE",
    table: &[
        ("encryption", "noted"),
        ("proxy", "noted"),
        ("versions", "noted"),
        ("retention", "unknown"),
        ("incomplete uploads", "unknown"),
        ("conditional delete", "ignored"),
        ("conditional put", "ignored"),
        ("conditional complete", "ignored"),
        ("checksum kept", "ignored"),
        ("checksum of a put", "ignored"),
        ("checksum of a part", "ignored"),
        ("checksum of the whole", "ignored"),
        ("rename", "absent"),
    ],
    features: &[("put", "less"), ("--if-absent", "no"), ("verify", "less"), ("backup", "no")],
    code: 1,
    ..SEAWEEDFS
};

#[tokio::test]
async fn rclone() {
    referee(&RCLONE).await;
}

/// But for the encryption, TLS changes nothing.
#[tokio::test]
async fn rclone_over_tls() {
    let table: Vec<_> = RCLONE.table.iter().copied().filter(|(name, _)| *name != "encryption").collect();
    let over_tls = Some(("SEALIFT_TEST_REFEREE_RCLONE_TLS", "SEALIFT_TEST_REFEREE_RCLONE_CA"));
    referee(&Known { table: table.leak(), over_tls, ..RCLONE }).await;
}

/// No conditions, checksums, aborts, lists of uploads and of parts.
#[tokio::test]
async fn s3rver() {
    let table = &[
        ("encryption", "noted"),
        ("proxy", "noted"),
        ("versions", "unknown"),
        ("retention", "unknown"),
        ("incomplete uploads", "unknown"),
        ("conditional delete", "ignored"),
        ("conditional put", "ignored"),
        ("conditional complete", "ignored"),
        ("checksum kept", "absent"),
        ("checksum of a put", "ignored"),
        ("checksum of a part", "ignored"),
        ("checksum of the whole", "ignored"),
        ("list uploads", "fails"),
        ("list parts", "unknown"),
        ("abort", "fails"),
        ("rename", "absent"),
    ];
    let features = &[("put", "less"), ("--if-absent", "no"), ("sweep", "no"), ("backup", "no")];
    let known = Known { variable: "SEALIFT_TEST_REFEREE_S3RVER", table, features, code: 1, leaves: true, ..SEAWEEDFS };
    referee(&Known { key: "S3RVER", secret: "S3RVER", ..known }).await;
}

/// No metadata, checksums, lists of uploads and of parts.
#[tokio::test]
async fn localbucket() {
    let table = &[
        ("encryption", "noted"),
        ("proxy", "noted"),
        ("versions", "unknown"),
        ("retention", "unknown"),
        ("incomplete uploads", "unknown"),
        ("metadata", "ignored"),
        ("conditional delete", "ignored"),
        ("checksum kept", "absent"),
        ("checksum of a put", "ignored"),
        ("checksum of a part", "ignored"),
        ("checksum of the whole", "ignored"),
        ("list uploads", "fails"),
        ("list parts", "unknown"),
        ("rename", "absent"),
    ];
    let features = &[("put", "less"), ("--if-absent", "yes"), ("sweep", "no"), ("a lost answer", "no")];
    referee(&Known { variable: "SEALIFT_TEST_REFEREE_LOCALBUCKET", table, features, ..SEAWEEDFS }).await;
}
