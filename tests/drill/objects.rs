//! Of plain objects, on every storage.

use crate::ends::{End, Folder, data};
use crate::{damage, drill, entries, into, put};
use sealift_tests::cli::{self, run};
use sealift_tests::{azure, gcs, s3};
use std::collections::BTreeSet;

const LEN: usize = 3 << 20;

async fn good_then_damaged<E: End>(service_checksum: bool) {
    let (end, into) = (E::make().await, into());
    put(&end, "db/one", &data(LEN, 1)).await;
    let stored = end.load("db/one").await.expect("there").len();
    let told = run(drill(&end, into.path(), &["--codec=gzip", "--json"])).await.expect_code(0).json();
    let tried = &told["objects"][0];
    assert_eq!(
        (&told["operation"], &told["verdict"], &told["among"]),
        (&"drill".into(), &"restored".into(), &1.into())
    );
    assert_eq!((&tried["bytes_restored"], &tried["bytes_stored"]), (&LEN.into(), &stored.into()), "{told}");
    assert_eq!(tried["verified"]["content_checksums"], true, "{told}");
    assert_eq!(tried["verified"]["service_checksum"], service_checksum, "{told}");
    assert!(tried["name"].as_str().is_some_and(|name| name.ends_with("db/one")), "{told}");
    assert!(tried["seconds"].as_f64() > Some(0.0) && told["seed"].is_u64(), "{told}");
    let text = run(drill(&end, into.path(), &["--codec=gzip", "--seed=7"])).await.expect_code(0).text();
    for said in ["db/one: ", "3.0 MiB out", "verified by ", "the checksums in the stream", "--seed 7", "/s"] {
        assert!(text.contains(said), "{said}: {text}");
    }
    damage(&end, "db/one").await;
    let ended = run(drill(&end, into.path(), &["--codec=gzip", "--json"])).await.expect_code(7);
    let told = ended.json();
    assert!(ended.stderr.contains("db/one"), "{}", ended.stderr);
    assert_eq!((&told["verdict"], &told["objects"][0]["exit_code"]), (&"damaged".into(), &7.into()), "{told}");
    assert!(told["objects"][0]["error"].as_str().is_some_and(|error| error.contains("db/one")), "{told}");
    assert_eq!(told["objects"][0]["bytes_restored"], serde_json::Value::Null);
    assert!(entries(into.path()).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn on_s3() {
    good_then_damaged::<s3::TestBucket>(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_google() {
    good_then_damaged::<gcs::TestBucket>(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_azure() {
    good_then_damaged::<azure::TestContainer>(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_folder() {
    good_then_damaged::<Folder>(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_is_nothing_was_restored() {
    let (folder, bucket, into) = (Folder::make().await, s3::TestBucket::make().await, into());
    let said = run(drill(&folder, into.path(), &[])).await.expect_code(3).stderr;
    assert!(said.contains("there is no object"), "{said}");
    run(drill(&bucket, into.path(), &[])).await.expect_code(3);
    folder.store("only", data(10, 1)).await;
    run(drill(&folder, into.path(), &["--exclude=on*"])).await.expect_code(3);
    run(drill(&folder, into.path(), &["--include=o*"])).await.expect_code(0);
    // What `verify` keeps is no backup.
    let other = Folder::make().await;
    other.store("sealift-verify/record/x", data(10, 1)).await;
    run(drill(&other, into.path(), &[])).await.expect_code(3);
    run(cli::command(["drill", "file:///no/such/folder"])).await.expect_code(3);
    for (arguments, says) in [
        (&["drill", "file:///tmp", "--into=/no/such/folder"][..], "there is no such folder"),
        (&["drill", "file:///tmp", "--count=0"], "--count"),
        (&["drill", "file:///tmp", "--to-version=1"], "--aptos"),
        (&["drill", "file:///tmp", "--aptos", "--count=2"], "--count"),
        (&["drill", "--storage=command-adapter", "--command-adapter-config=none.yaml"], "cannot list objects"),
    ] {
        let said = run(cli::command(arguments)).await.expect_code(2).stderr;
        assert!(said.contains(says), "{says}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_keeps_a_checksum_that_is_said_and_can_be_refused() {
    let (folder, into) = (Folder::make().await, into());
    folder.store("plain", data(1000, 1)).await;
    let text = run(drill(&folder, into.path(), &[])).await.expect_code(0).text();
    assert!(text.contains("only its size was checked") && !text.contains("verified"), "{text}");
    let said = run(drill(&folder, into.path(), &["--require-checksum"])).await.expect_code(7).stderr;
    assert!(said.contains("nothing keeps a checksum"), "{said}");
    assert!(entries(into.path()).is_empty());
}

/// The names that a drill with this seed restores.
async fn chosen(folder: &Folder, seed: u64, arguments: &[&str]) -> Vec<String> {
    let (into, seed) = (into(), seed.to_string());
    let told = run(drill(folder, into.path(), &[&["--json", "--seed", &seed], arguments].concat())).await;
    let told = told.expect_code(0).json();
    assert_eq!(told["seed"].to_string(), seed);
    let objects = told["objects"].as_array().expect("objects");
    objects.iter().map(|object| object["name"].as_str().expect("a name").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seed_chooses_the_same_again_and_seeds_choose_others() {
    let folder = Folder::make().await;
    for number in 0..10 {
        folder.store(&format!("object-{number}"), data(10, number)).await;
    }
    let mut all = BTreeSet::new();
    for seed in 0..12 {
        let one = chosen(&folder, seed, &[]).await;
        assert_eq!((one.len(), &one), (1, &chosen(&folder, seed, &[]).await));
        all.extend(one);
    }
    // That twelve seeds all choose among the same three of ten is no accident.
    assert!(all.len() > 3, "{all:?}");
    let three: BTreeSet<String> = chosen(&folder, 1, &["--count=3"]).await.into_iter().collect();
    assert_eq!(three.len(), 3);
    assert_eq!(chosen(&folder, 1, &["--count=30"]).await.len(), 10);
    // Without one, the run tells its own.
    let into = into();
    let first = run(drill(&folder, into.path(), &["--json"])).await.expect_code(0).json();
    let again = chosen(&folder, first["seed"].as_u64().expect("a number"), &[]).await;
    assert_eq!(again, [first["objects"][0]["name"].as_str().expect("a name")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_damaged_does_not_keep_the_others_from_being_tried() {
    let (folder, into) = (Folder::make().await, into());
    for name in ["a", "b", "c"] {
        put(&folder, name, &data(LEN, 1)).await;
    }
    damage(&folder, "b").await;
    let ended = run(drill(&folder, into.path(), &["--codec=gzip", "--count=3", "--json"])).await.expect_code(7);
    let verdicts: Vec<String> = ended.json()["objects"]
        .as_array()
        .expect("objects")
        .iter()
        .map(|object| object["verdict"].to_string())
        .collect();
    assert_eq!(verdicts, ["\"restored\"", "\"damaged\"", "\"restored\""]);
    assert!(ended.stderr.contains("/b"), "{}", ended.stderr);
    assert!(entries(into.path()).is_empty());
}
