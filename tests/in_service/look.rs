//! Something to look at: a node that goes on, its backup, and a job, for a Prometheus that scrapes them.

use crate::scene::{chain, continuously, stop};
use sealift_node::{Endpoint, Match, Misbehaviour, Node};
use sealift_tests::cli::{self, run_with_input};
use std::time::{Duration, Instant};

/// `SEALIFT_SECONDS=120 SEALIFT_FOLDER=/tmp/look cargo test … --test in_service -- --ignored look`: figures of the backup are at
/// 127.0.0.1:9184, those of the job in the folder.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes as long as it is told to; for pictures"]
async fn look_at_figures() {
    let seconds = std::env::var("SEALIFT_SECONDS").map_or(60, |text| text.parse().expect("a number"));
    let folder = std::path::PathBuf::from(std::env::var("SEALIFT_FOLDER").expect("SEALIFT_FOLDER is a folder"));
    let (node, until) = (Node::start(chain(1)).await, Instant::now() + Duration::from_secs(seconds));
    let mut command = continuously(&node.endpoint(), &folder.join("mainnet"));
    command.args(["--metrics-listen=127.0.0.1:9184", "--metrics-job=mainnet"]);
    let child = command.spawn().expect("sealift starts");
    for round in 2.. {
        if Instant::now() > until {
            break;
        }
        node.set_chain(chain(round));
        if round % 5 == 0 {
            node.on(Match::endpoint(Endpoint::EpochEndings).times(2), Misbehaviour::Status(403));
        }
        let mut put = cli::command(["put", "dump", "--storage=local-fs", "--metrics-job=database", "--local-fs-dir"]);
        put.arg(folder.join("nightly")).arg("--metrics-file").arg(folder.join("database.prom"));
        let size = 1_000_000 * usize::try_from(round).expect("small");
        // Every seventh is empty, which is a failure.
        let input = vec![b'x'; if round % 7 == 0 { 0 } else { size }];
        run_with_input(put, &input).await;
        tokio::time::sleep(Duration::from_secs(6)).await;
    }
    stop(child).await.expect_code(0);
    node.shutdown().await;
}
