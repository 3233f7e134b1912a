//! However a drill ends, nothing of it stays; and after a SIGKILL, what stays is known by its name.

use crate::ends::{End, Folder, data};
use crate::{drill, entries, into, put, swept};
use rustix::process::{Pid, Signal, kill_process};
use sealift_tests::cli::{self, end, run};
use sealift_tests::cloud::{Cloud, Step};
use sealift_tests::proxy::{Fault, FaultProxy, Match};
use sealift_tests::s3;
use std::path::Path;
use tokio::process::Child;

/// Some ranges.
const LARGE: usize = 40 << 20;

/// A drill of a large object that has restored some of it, and waits for more.
async fn under_way(bucket: &s3::TestBucket, proxy: &FaultProxy, into: &Path) -> Child {
    let later = Match::new(|request| {
        s3::TestBucket::is(Step::Read, request)
            && request.header("range").is_some_and(|range| !range.starts_with("bytes=0-"))
    });
    let held = proxy.on(later, Fault::Stall);
    let mut command = drill(bucket, into, &[]);
    command.envs(s3::TestBucket::variables(&proxy.endpoint()));
    let child = command.spawn().expect("starts");
    held.wait_fired(1).await;
    child
}

fn signal(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(child.id().expect("running") as i32).expect("a pid");
    kill_process(pid, signal).expect("sent");
}

/// The only thing in `into`, which is a drill's folder, of which others see nothing.
fn throw_away(into: &Path) -> String {
    use std::os::unix::fs::PermissionsExt;
    let [name] = entries(into).try_into().expect("one folder");
    let folder = into.join(&name);
    assert!(name.starts_with(".sealift-drill-") && folder.is_dir(), "{name}");
    let mode = folder.metadata().expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    name
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_in_the_middle_leaves_nothing() {
    let (bucket, into) = (s3::TestBucket::make().await, into());
    put(&bucket, "large", &incompressible()).await;
    for (sent, code) in [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 129)] {
        let proxy = FaultProxy::start(bucket.endpoint()).await;
        let child = under_way(&bucket, &proxy, into.path()).await;
        throw_away(into.path());
        signal(&child, sent);
        let ended = end(child).await.expect_code(code);
        assert!(ended.text().is_empty(), "{}", ended.text());
        assert!(entries(into.path()).is_empty(), "{:?}", entries(into.path()));
        proxy.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_kill_leaves_is_no_object_and_is_swept_and_what_is_alive_is_not() {
    let (bucket, into) = (s3::TestBucket::make().await, into());
    put(&bucket, "large", &incompressible()).await;
    std::fs::write(into.path().join("kept"), "not ours").expect("written");
    let elsewhere = into.path().join("deep");
    std::fs::create_dir(&elsewhere).expect("made");
    let proxy = FaultProxy::start(bucket.endpoint()).await;
    let child = under_way(&bucket, &proxy, &elsewhere).await;
    let name = throw_away(&elsewhere);
    let alive = swept(into.path(), &["--older-than=0s", "--yes"]).await;
    assert!(alive.contains("alive, kept: ") && alive.contains(&name), "{alive}");
    assert_eq!(throw_away(&elsewhere), name);
    signal(&child, Signal::KILL);
    end(child).await;
    assert_eq!(throw_away(&elsewhere), name);
    let url = format!("file://{}", into.path().display());
    assert_eq!(run(cli::command(["ls", "--names", &url])).await.expect_code(0).text().lines().count(), 1);
    swept(into.path(), &["--yes"]).await;
    assert_eq!(throw_away(&elsewhere), name, "it is too young");
    let told = swept(into.path(), &["--older-than=0s"]).await;
    assert!(told.contains("found: ") && told.contains(&name), "{told}");
    let told = swept(into.path(), &["--older-than=0s", "--yes"]).await;
    assert!(told.contains("removed: ") && told.contains(&name), "{told}");
    assert!(entries(&elsewhere).is_empty());
    assert!(into.path().join("kept").is_file());
    proxy.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_room_is_refused_with_both_figures_before_anything_is_read() {
    let (folder, into) = (Folder::make().await, into());
    let found = rustix::fs::statvfs(into.path()).expect("a file system");
    let free = found.f_bavail * found.f_frsize;
    let file = std::fs::File::create(folder.path().join("sparse")).expect("created");
    // More than can become free meanwhile. It takes no room itself.
    let size = free + (1 << 40);
    file.set_len(size).expect("a sparse file");
    let ended = run(drill(&folder, into.path(), &["--json"])).await.expect_code(1);
    for said in [&format!("{size} bytes"), "free", "--into", "sparse", &into.path().display().to_string()] {
        assert!(ended.stderr.contains(said), "{said}: {}", ended.stderr);
    }
    assert_eq!(ended.json()["objects"][0]["exit_code"], 1);
    assert!(entries(into.path()).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_restores_into_the_folder_for_temporary_files_if_nothing_else_is_said() {
    let (bucket, temporary) = (s3::TestBucket::make().await, into());
    put(&bucket, "large", &incompressible()).await;
    let proxy = FaultProxy::start(bucket.endpoint()).await;
    let held = proxy.on(s3::TestBucket::on(Step::Read), Fault::Stall);
    let mut command = cli::command(["drill", &bucket.whole()]);
    command.envs(s3::TestBucket::variables(&proxy.endpoint())).env("TMPDIR", temporary.path());
    let child = command.spawn().expect("starts");
    held.wait_fired(1).await;
    throw_away(temporary.path());
    proxy.clear();
    held.release();
    end(child).await.expect_code(0);
    assert!(entries(temporary.path()).is_empty());
    proxy.shutdown().await;
}

/// Of which compression makes no less.
fn incompressible() -> Vec<u8> {
    data(LARGE, 1)
}
