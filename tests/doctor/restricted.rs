//! Credentials that may not do everything, one call refused at a time, and the sets that careful people give: each missing
//! permission by the cloud's own name, what follows, and what is left where nothing may be removed.

use crate::doctor;
use crate::table::Table;
use sealift_tests::azure::TestContainer;
use sealift_tests::cli::{self, Ended};
use sealift_tests::cloud::{Cloud, Problem, Step};
use sealift_tests::proxy::FaultProxy;
use sealift_tests::{gcs, s3};

/// A call that is refused: what that makes missing, in which words, and whether the exit code says so.
struct Refused {
    step: Step,
    missing: &'static [&'static str],
    s3: &'static str,
    gcs: &'static str,
    azure: &'static str,
    code: i32,
    set_up: &'static str,
    no: &'static [&'static str],
}

const REFUSED: [Refused; 9] = [
    Refused {
        step: Step::Put,
        missing: &["put"],
        s3: "s3:PutObject",
        gcs: "storage.objects.create",
        azure: "blobs/write",
        code: 0,
        set_up: "read-only",
        no: &["put", "backup"],
    },
    Refused {
        step: Step::Look,
        missing: &["look"],
        s3: "s3:GetObject",
        gcs: "storage.objects.get",
        azure: "blobs/read",
        code: 4,
        set_up: "partial",
        no: &["get", "stat", "mv", "verify", "backup", "a lost answer"],
    },
    Refused {
        step: Step::Read,
        missing: &["read", "read a range"],
        s3: "s3:GetObject",
        gcs: "storage.objects.get",
        azure: "blobs/read",
        code: 4,
        set_up: "partial",
        no: &["get", "verify", "backup"],
    },
    Refused {
        step: Step::List,
        missing: &["list", "listed at once"],
        s3: "s3:ListBucket",
        gcs: "storage.objects.list",
        azure: "blobs/read",
        code: 4,
        set_up: "partial",
        no: &["ls", "verify", "backup"],
    },
    Refused {
        step: Step::Copy,
        missing: &["copy"],
        s3: "s3:GetObject, s3:PutObject",
        gcs: "storage.objects.get, storage.objects.create",
        azure: "blobs/read and …/write",
        code: 0,
        set_up: "full",
        no: &["mv"],
    },
    Refused {
        step: Step::Start,
        missing: &["start an upload"],
        s3: "s3:PutObject",
        gcs: "storage.objects.create",
        azure: "",
        code: 4,
        set_up: "partial",
        no: &["backup"],
    },
    Refused {
        step: Step::AnyPart,
        missing: &["put a part"],
        s3: "s3:PutObject",
        gcs: "storage.objects.create",
        azure: "blobs/write",
        code: 4,
        set_up: "partial",
        no: &["backup"],
    },
    Refused {
        step: Step::ListUploads,
        missing: &["list uploads"],
        s3: "s3:ListBucketMultipartUploads",
        gcs: "",
        azure: "",
        code: 0,
        set_up: "full",
        no: &["sweep"],
    },
    Refused {
        step: Step::ListParts,
        missing: &["list parts"],
        s3: "s3:ListMultipartUploadParts",
        gcs: "",
        azure: "",
        code: 0,
        set_up: "full",
        no: &["sweep"],
    },
];

async fn each_call_refused<C: Cloud>(name: fn(&Refused) -> &'static str) {
    let mut wrong = Vec::new();
    for refused in REFUSED.iter().filter(|refused| !name(refused).is_empty()) {
        let remote = C::new("doctor").await;
        // For a read-only set-up to have something to read.
        remote.put("there", "something".into()).await;
        let proxy = FaultProxy::start(remote.endpoint()).await;
        let fault = proxy.on(C::on(refused.step), C::problem(Problem::Denied));
        let ended = cli::run(doctor(&remote, &proxy.endpoint(), &["--json"])).await;
        assert!(fault.fired() > 0, "{:?} was refused", refused.step);
        proxy.shutdown().await;
        let table = Table::of(&ended);
        let mut say = |what: String| wrong.push(format!("{:?}: {what}\n    {}", refused.step, table.rows()));
        for missing in refused.missing {
            match (table.verdict(missing), table.permission(missing)) {
                ("missing", Some(permission)) if permission.contains(name(refused)) => {}
                other => say(format!("{missing}: {other:?}")),
            }
        }
        if ended.code != Some(refused.code) {
            say(format!("exit code {:?}: {}", ended.code, ended.stderr));
        }
        if table.set_up != refused.set_up {
            say(format!("a set-up that is {}", table.set_up));
        }
        for feature in refused.no {
            if table.answer(feature) != "no" {
                say(format!("{feature}: {}", table.answer(feature)));
            }
        }
        // What is there is what was there, or it is named; and nothing is said to be there, other than perhaps, that is not.
        let (objects, uploads) = (remote.objects().await, remote.unfinished().await);
        let there: Vec<_> = objects.into_iter().chain(uploads.into_iter().map(|(key, _)| key)).collect();
        let left: Vec<_> = there.iter().filter(|key| *key != "there").collect();
        let named = left.iter().all(|key| table.left.iter().any(|said| said.contains(key.as_str())));
        let surely = table.left.iter().filter(|said| !said.starts_with("perhaps ")).count();
        if !named || surely > left.len() || there.len() != left.len() + 1 {
            say(format!("{there:?} are there, and are said to be left {:?}", table.left));
        }
        remote.clear().await;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn each_call_refused_on_s3() {
    each_call_refused::<s3::TestBucket>(|refused| refused.s3).await;
}

#[tokio::test]
async fn each_call_refused_on_google() {
    each_call_refused::<gcs::TestBucket>(|refused| refused.gcs).await;
}

#[tokio::test]
async fn each_call_refused_on_azure() {
    each_call_refused::<TestContainer>(|refused| refused.azure).await;
}

/// Refuses these steps.
async fn with_refused<C: Cloud>(remote: &C, steps: &[Step]) -> Ended {
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let faults: Vec<_> = steps.iter().map(|step| proxy.on(C::on(*step), C::problem(Problem::Denied))).collect();
    let ended = cli::run(doctor(remote, &proxy.endpoint(), &["--json"])).await;
    assert!(faults.iter().any(|fault| fault.fired() > 0), "something was refused");
    proxy.shutdown().await;
    ended
}

/// Everything but removing: what is left is named, all of it, and nothing else.
async fn who_may_not_remove_leaves_what_is_named<C: Cloud>(permission: &str) {
    let remote = C::new("doctor").await;
    let ended = with_refused(&remote, &[Step::Delete]).await.expect_code(0);
    let table = Table::of(&ended);
    assert_eq!(table.set_up, "write-once");
    assert!(table.permission("delete").expect("missing").contains(permission));
    let there = remote.objects().await;
    assert!(!there.is_empty(), "something is left");
    for key in &there {
        assert!(table.left.iter().any(|left| left.contains(key)), "{key} is named: {:?}", table.left);
        assert!(ended.stderr.contains(key), "{key} is said: {}", ended.stderr);
    }
    assert_eq!(table.left.len(), there.len(), "{:?} {there:?}", table.left);
    assert!(table.left.iter().all(|left| left.contains("sealift rm") && left.contains(permission)), "{:?}", table.left);
    // The next one tells of what is left, and adds its own.
    let again = Table::of(&with_refused(&remote, &[Step::Delete]).await.expect_code(0));
    assert!(there.iter().all(|key| again.evidence("earlier examinations").contains(key)), "{there:?}");
    remote.clear().await;
}

#[tokio::test]
async fn who_may_not_remove_on_s3() {
    who_may_not_remove_leaves_what_is_named::<s3::TestBucket>("s3:DeleteObject").await;
}

#[tokio::test]
async fn who_may_not_remove_on_google() {
    who_may_not_remove_leaves_what_is_named::<gcs::TestBucket>("storage.objects.delete").await;
}

const ONLY_WRITE: [Step; 8] =
    [Step::Look, Step::Read, Step::List, Step::ListUploads, Step::ListParts, Step::Abort, Step::Copy, Step::Delete];

/// Storing alone: a set-up of its own, and no error. What is left is named.
async fn who_may_only_write<C: Cloud>() {
    let remote = C::new("doctor").await;
    let ended = with_refused(&remote, &ONLY_WRITE).await;
    let ended = ended.expect_code(0);
    let table = Table::of(&ended);
    assert_eq!(table.set_up, "write-only", "{}", table.rows());
    assert!(matches!(table.answer("put"), "yes" | "less"), "{}", table.rows());
    for feature in ["get", "stat", "ls", "rm", "mv", "verify", "backup", "a lost answer"] {
        assert_eq!(table.answer(feature), "no", "{feature}");
    }
    for key in remote.objects().await {
        assert!(table.left.iter().any(|left| left.contains(&key)), "{key} is named: {:?}", table.left);
    }
    for (key, id) in remote.unfinished().await {
        assert!(table.left.iter().any(|left| left.contains(&key)), "{key} {id} is named: {:?}", table.left);
    }
    remote.clear().await;
}

#[tokio::test]
async fn who_may_only_write_on_s3() {
    who_may_only_write::<s3::TestBucket>().await;
}

#[tokio::test]
async fn who_may_only_write_on_google() {
    who_may_only_write::<gcs::TestBucket>().await;
}

const ONLY_READ: [Step; 7] =
    [Step::Put, Step::Start, Step::AnyPart, Step::Complete, Step::Abort, Step::Copy, Step::Delete];

async fn who_may_only_read<C: Cloud>() {
    for there in [true, false] {
        let remote = C::new("doctor").await;
        if there {
            remote.put("there", "something".into()).await;
        }
        let ended = with_refused(&remote, &ONLY_READ).await.expect_code(0);
        let table = Table::of(&ended);
        assert_eq!((table.set_up.as_str(), table.left.len()), ("read-only", 0));
        let reads = if there { "yes" } else { "unknown" };
        assert_eq!((table.answer("ls"), table.answer("get"), table.answer("put")), ("yes", reads, "no"));
        assert_eq!(remote.objects().await, if there { vec!["there"] } else { Vec::new() });
        remote.clear().await;
    }
}

#[tokio::test]
async fn who_may_only_read_on_s3() {
    who_may_only_read::<s3::TestBucket>().await;
}

#[tokio::test]
async fn who_may_only_read_on_google() {
    who_may_only_read::<gcs::TestBucket>().await;
}

#[tokio::test]
async fn who_may_only_read_on_azure() {
    who_may_only_read::<TestContainer>().await;
}

async fn who_may_do_nothing<C: Cloud>() {
    let remote = C::new("doctor").await;
    let all = [&ONLY_WRITE[..], &ONLY_READ[..]].concat();
    let ended = with_refused(&remote, &all).await.expect_code(4);
    assert_eq!(Table::of(&ended).set_up, "nothing");
    remote.assert_untouched().await;
}

#[tokio::test]
async fn who_may_do_nothing_on_s3() {
    who_may_do_nothing::<s3::TestBucket>().await;
}

#[tokio::test]
async fn who_may_do_nothing_on_azure() {
    who_may_do_nothing::<TestContainer>().await;
}

/// A program in between that answers every request with a page: nothing is taken for an answer of the service's.
#[tokio::test]
async fn a_page_of_something_in_between_is_no_answer() {
    let remote = s3::TestBucket::new("doctor").await;
    let proxy = FaultProxy::start(remote.endpoint()).await;
    let reply = sealift_tests::proxy::Reply::html(200);
    let page = proxy.on(sealift_tests::proxy::Match::any(), sealift_tests::proxy::Fault::Reply(reply));
    let ended = cli::run(doctor(&remote, &proxy.endpoint(), &["--json", "--give-up-after=1s"])).await.expect_code(1);
    assert!(page.fired() > 0);
    let table = Table::of(&ended);
    assert!(table.findings.values().all(|verdict| verdict != "works"), "{}", table.rows());
    assert!(table.evidence("list").contains("cannot be used"), "{}", table.evidence("list"));
    proxy.shutdown().await;
}
