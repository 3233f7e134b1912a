//! Any arguments and any environment: whatever they are, the command ends by itself, with an exit code that is documented,
//! without a panic, and says no secret. Nothing leads beyond this machine, and nothing of it is touched but a folder.
//!
//! * `cargo test -p sealift-tests --test any_input` tries a few.
//! * `SEALIFT_SECONDS=600 cargo test -p sealift-tests --test any_input -- --nocapture` goes on for ten minutes each, from a
//!   seed that it prints; `SEALIFT_SEED` says another.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

mod made;

use made::{Input, SECRET};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sealift_tests::cli::sealift;
use sealift_tests::patience::HANGS;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};
use tokio::process::Command;
use tokio::time::timeout;

/// Those that the help lists.
const CODES: [i32; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 124, 129, 130, 143];
const AT_ONCE: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn any_arguments_end_in_a_documented_way() {
    endure("arguments", Input::of_arguments).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_environment_ends_in_a_documented_way() {
    endure("environments", Input::of_environment).await;
}

async fn endure(what: &str, make: fn(&mut StdRng, &str) -> Input) {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse().ok());
    let time = Duration::from_secs(number("SEALIFT_SECONDS").unwrap_or(5));
    let seed: u64 = number("SEALIFT_SEED").unwrap_or_else(rand::random);
    let program = sealift();
    let begun = Instant::now();
    let each = (0..AT_ONCE as u64).map(|line| {
        let (program, seed) = (program.clone(), seed.wrapping_add(line));
        tokio::spawn(async move {
            let mut random = StdRng::seed_from_u64(seed);
            let mut codes = std::collections::BTreeMap::new();
            while begun.elapsed() < time {
                let folder = tempfile::tempdir().expect("a folder");
                let input = make(&mut random, folder.path().to_str().expect("UTF-8"));
                let ended = run(&program, folder.path(), &input).await;
                *codes.entry(ended.status.code()).or_insert(0) += 1;
                assert_documented(&input, &ended, seed);
            }
            codes
        })
    });
    let mut all = std::collections::BTreeMap::new();
    for line in each.collect::<Vec<_>>() {
        for (code, count) in line.await.expect("no finding") {
            *all.entry(code).or_insert(0) += count;
        }
    }
    let runs: u32 = all.values().sum();
    println!("{runs} {what} from seed {seed}; exit codes: {all:?}");
    assert!(all.len() > 2, "they are not all the same: {all:?}");
}

/// As nobody, where this is root: names are of any kind.
async fn run(program: &std::path::Path, folder: &std::path::Path, input: &Input) -> Output {
    let mut command = match rustix::process::getuid().is_root() {
        true => {
            std::os::unix::fs::chown(folder, Some(NOBODY), Some(NOBODY)).expect("given away");
            let mut command = Command::new("setpriv");
            command.args([format!("--reuid={NOBODY}"), format!("--regid={NOBODY}"), "--clear-groups".into()]);
            command.arg(program);
            command
        }
        false => Command::new(program),
    };
    command.args(&input.arguments).env_clear().envs(input.environment.iter().cloned()).current_dir(folder);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    match timeout(HANGS, command.output()).await {
        Ok(ended) => ended.expect("it starts"),
        Err(_) => panic!("it does not end: {input:?}"),
    }
}

const NOBODY: u32 = 65_534;

fn assert_documented(input: &Input, ended: &Output, seed: u64) {
    let said = String::from_utf8_lossy(&ended.stderr);
    let told = || format!("{input:?} from seed {seed}: {:?}\n{said}", ended.status);
    assert!(ended.status.code().is_some_and(|code| CODES.contains(&code)), "{}", told());
    assert!(!said.contains("panicked"), "{}", told());
    assert!(!said.contains(SECRET), "{}", told());
}

/// One of these.
fn any<T: Clone>(random: &mut StdRng, of: &[T]) -> T {
    of[random.random_range(0..of.len())].clone()
}
