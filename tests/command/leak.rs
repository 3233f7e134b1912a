//! The defect that this adapter exists for, shown on the control and looked for in ours.

use crate::scene::{GZIP_PIPELINE, Scene, data, shut_down_and_give_up};
use rustix::process::set_child_subreaper;
use sealift::{BackupStorage, Error, ErrorKind};
use sealift_tests::eventually::eventually;
use sealift_tests::leaks::in_turn;
use sealift_tests::process::children_of;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

/// How long a shutdown is waited for that does not end.
const GIVE_UP: Duration = Duration::from_millis(500);

/// Reads its input to the end, and does not end.
const OUTLIVES: &str = "cat >/dev/null; sleep 1000";

/// Fails, and leaves a process behind that goes on.
const LEAVES_ONE: &str = "sleep 1000 & cat >/dev/null; exit 1";

fn running() -> Vec<(u32, char, String)> {
    children_of(std::process::id())
}

/// Every process whose environment names this folder, so also those that have become the system's.
fn of_scene(scene: &Scene) -> Vec<u32> {
    let mark = format!("FOLDER={}", scene.folder.path().display());
    let processes = std::fs::read_dir("/proc").expect("/proc").filter_map(|entry| {
        let pid: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let environment = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
        environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes()).then_some(pid)
    });
    processes.collect()
}

/// Ends what the control left, so that the next test begins clean.
async fn clear_away(scene: &Scene) {
    for pid in of_scene(scene) {
        let pid = rustix::process::Pid::from_raw(pid as i32).expect("a pid");
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
    eventually("they are gone", Duration::from_secs(10), async || match (of_scene(scene), running()) {
        (left, children) if left.is_empty() && children.is_empty() => Ok(()),
        left => Err(format!("{left:?}")),
    })
    .await;
}

#[test]
fn a_command_that_outlives_its_input_is_left_by_the_control_and_not_by_ours() {
    in_turn(async {
        let scene = Scene::new(OUTLIVES);
        let mut writer = scene.naive_writer("file").await;
        writer.write_all(b"data").await.expect("written");
        shut_down_and_give_up(writer, GIVE_UP).await;
        assert!(!of_scene(&scene).is_empty(), "the control leaves it running");
        clear_away(&scene).await;

        let mut writer = scene.writer("file").await;
        writer.write_all(b"data").await.expect("written");
        shut_down_and_give_up(writer, GIVE_UP).await;
        scene.storage.close().await;
        assert_eq!(of_scene(&scene), Vec::<u32>::new());
        scene.end().await;
    });
}

#[test]
fn a_failed_shutdown_leaves_a_process_by_the_control_and_not_by_ours() {
    in_turn(async {
        let scene = Scene::new(LEAVES_ONE);
        let mut writer = scene.naive_writer("file").await;
        writer.write_all(b"data").await.expect("written");
        writer.shutdown().await.expect_err("it exits with 1");
        drop(writer);
        // A process that is just becoming `sleep` shows no environment for a moment.
        eventually("the control leaves sleep", Duration::from_secs(10), async || match of_scene(&scene).len() {
            1 => Ok(()),
            left => Err(format!("{left} processes")),
        })
        .await;
        clear_away(&scene).await;

        let mut writer = scene.writer("file").await;
        writer.write_all(b"data").await.expect("written");
        let error = writer.shutdown().await.expect_err("it exits with 1");
        assert!(error.to_string().contains("status 1"), "{error}");
        // Before the error is returned, and without anything being closed or dropped.
        assert_eq!(of_scene(&scene), Vec::<u32>::new());
        drop(writer);
        scene.end().await;
    });
}

#[test]
fn a_dropped_writer_commits_a_truncated_file_by_the_control_and_not_by_ours() {
    in_turn(async {
        let scene = Scene::new(GZIP_PIPELINE);
        let mut writer = scene.naive_writer("by-control").await;
        writer.write_all(&data(1 << 20)).await.expect("written");
        drop(writer);
        eventually("the control commits what it has", Duration::from_secs(10), async || {
            match scene.visible().contains(&"by-control".to_owned()) {
                true => Ok(()),
                false => Err("not yet".into()),
            }
        })
        .await;

        let mut writer = scene.writer("by-ours").await;
        writer.write_all(&data(1 << 20)).await.expect("written");
        drop(writer);
        scene.storage.close().await;
        assert_eq!(scene.visible(), ["by-control"]);
        scene.end().await;
    });
}

#[test]
fn a_write_that_is_given_up_while_it_waits() {
    in_turn(async {
        let scene = Scene::new("sleep 1000");
        let mut writer = scene.writer("file").await;
        timeout(GIVE_UP, writer.write_all(&data(1 << 20))).await.expect_err("nobody reads");
        drop(writer);
        scene.storage.close().await;
        assert_eq!(of_scene(&scene), Vec::<u32>::new());
        scene.end().await;
    });
}

/// Processes that are born while the group is being killed.
#[test]
fn a_command_that_forks_without_end() {
    in_turn(async {
        let scene = Scene::new("while :; do sleep 1000 & (sleep 1000 & sleep 1000 & wait) & done");
        for _ in 0..5 {
            let writer = scene.writer("file").await;
            eventually("it has forked a lot", Duration::from_secs(10), async || match running().len() {
                many if many > 50 => Ok(()),
                few => Err(format!("{few}")),
            })
            .await;
            drop(writer);
            eventually("all are gone", Duration::from_secs(10), async || {
                match running().len() + of_scene(&scene).len() {
                    0 => Ok(()),
                    left => Err(format!("{left}")),
                }
            })
            .await;
        }
        scene.end().await;
    });
}

/// As the first process of a container has it: orphans become our children, and nobody else reaps them.
#[test]
fn orphans_that_become_ours_are_reaped() {
    in_turn(async {
        set_child_subreaper(Some(rustix::process::getpid())).expect("Linux");
        let scene = Scene::new("(sleep 1000 & sleep 1000 &) ; cat | cat | cat >/dev/null");
        for _ in 0..20 {
            let mut writer = scene.writer("file").await;
            writer.write_all(b"data").await.expect("written");
            drop(writer);
        }
        scene.storage.close().await;
        set_child_subreaper(None).expect("Linux");
        assert_eq!(running(), []);
        scene.end().await;
    });
}

#[test]
fn a_dropped_reader_leaves_nothing() {
    in_turn(async {
        let scene = Scene::new(GZIP_PIPELINE);
        let mut writer = scene.writer("file").await;
        writer.write_all(&data(4 << 20)).await.expect("written");
        writer.shutdown().await.expect("stored");
        drop(writer);
        let mut reader = scene.storage.open_for_read(&"backup/file".parse().expect("a handle")).await.expect("open");
        reader.read_exact(&mut [0; 1000]).await.expect("read");
        assert!(!of_scene(&scene).is_empty(), "it has more to say");
        drop(reader);
        scene.storage.close().await;
        assert_eq!(of_scene(&scene), Vec::<u32>::new());
        scene.end().await;
    });
}

#[test]
fn short_commands_that_are_given_up_leave_nothing() {
    in_turn(async {
        let scene = Scene::new(OUTLIVES);
        timeout(GIVE_UP, scene.storage.list_metadata_files()).await.expect_err("it does not end");
        let (name, line) = ("x.meta".parse().expect("a name"), "{}".parse().expect("a line"));
        timeout(GIVE_UP, scene.storage.save_metadata_line(&name, &line)).await.expect_err("it does not end");
        scene.storage.close().await;
        assert_eq!(of_scene(&scene), Vec::<u32>::new());
        scene.end().await;
    });
}

/// No runtime is left to wait for anything, and nobody closes the storage.
#[test]
fn a_runtime_that_ends_under_a_writer_leaves_nothing() {
    in_turn(async {
        let scene = Scene::new(OUTLIVES);
        let other = tokio::runtime::Runtime::new().expect("a runtime");
        let storage = scene.storage.clone();
        let (written, is_written) = tokio::sync::oneshot::channel();
        other.spawn(async move {
            let (backup, name) = ("backup".parse().expect("a handle"), "file".parse().expect("a name"));
            let (_, mut writer) = storage.create_for_write(&backup, &name).await.expect("started");
            writer.write_all(b"data").await.expect("written");
            let _ = written.send(());
            writer.shutdown().await.expect("it is killed");
        });
        is_written.await.expect("written");
        other.shutdown_background();
        eventually("nothing is left", Duration::from_secs(10), async || match of_scene(&scene) {
            left if left.is_empty() && running().is_empty() => Ok(()),
            left => Err(format!("{left:?}")),
        })
        .await;
        scene.end().await;
    });
}

/// A writer that outlives its runtime.
#[test]
fn a_writer_whose_runtime_is_gone_is_dropped_in_peace() {
    in_turn(async {
        let scene = Scene::new(OUTLIVES);
        let other = tokio::runtime::Runtime::new().expect("a runtime");
        let storage = scene.storage.clone();
        let writer = other.spawn(async move {
            let (backup, name) = ("backup".parse().expect("a handle"), "file".parse().expect("a name"));
            storage.create_for_write(&backup, &name).await.expect("started").1
        });
        let writer = writer.await.expect("no panic");
        other.shutdown_background();
        std::thread::spawn(move || drop(writer)).join().expect("no panic");
        scene.storage.close().await;
        assert_eq!(of_scene(&scene), Vec::<u32>::new());
        let (backup, name) = ("backup".parse().expect("a handle"), "file".parse().expect("a name"));
        let refused = scene.storage.create_for_write(&backup, &name).await.err().expect("closed");
        assert_eq!(refused.kind(), ErrorKind::Cancelled);
        scene.end().await;
    });
}

#[test]
fn closing_the_storage_fails_a_writer_that_is_held() {
    in_turn(async {
        let scene = Scene::new(GZIP_PIPELINE);
        let mut writer = scene.writer("file").await;
        writer.write_all(&data(1 << 20)).await.expect("written");
        scene.storage.close().await;
        assert_eq!(of_scene(&scene), Vec::<u32>::new());
        let error = writer.shutdown().await.expect_err("it was killed");
        assert_eq!(Error::from_io(&error).expect("ours").kind(), ErrorKind::Cancelled);
        assert_eq!(scene.visible(), Vec::<String>::new());
        drop(writer);
        scene.end().await;
    });
}
