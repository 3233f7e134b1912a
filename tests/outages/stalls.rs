//! How long each call is waited for when the service stands still: measured, beside what docs/LIMITS.md states.

use crate::errands::{Errand, input, prepare};
use crate::programs::sealift_arguments;
use sealift_tests::cli::{command_of, run_with_input, sealift};
use sealift_tests::cloud::{Cloud, Step};
use sealift_tests::proxy::{Fault, FaultProxy};
use std::fmt::Write;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How a service stands still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Manner {
    /// It has all of the request, and does not answer.
    Silent,
    /// It does not take the body.
    TakesNothing,
    /// Its answer's body stops.
    GivesNothing,
}

use Manner::{GivesNothing, Silent, TakesNothing};

/// A call, how the service stands still in it, and the stated limits of an attempt in seconds: on S3, Azure and Google.
const STATED: [(Errand, Step, Manner, [Option<u64>; 3]); 16] = [
    (Errand::Put, Step::Put, Silent, [Some(60), Some(75), Some(60)]),
    (Errand::Upload, Step::Start, Silent, [Some(60), None, Some(60)]),
    (Errand::Upload, Step::Part(1), Silent, [Some(60), Some(75), Some(60)]),
    (Errand::Upload, Step::Part(1), TakesNothing, [Some(60), Some(30), Some(30)]),
    (Errand::Upload, Step::Complete, Silent, [Some(600), Some(75), Some(60)]),
    (Errand::Read, Step::Look, Silent, [Some(60), Some(75), Some(60)]),
    (Errand::Read, Step::Read, Silent, [Some(60), Some(75), Some(60)]),
    (Errand::Read, Step::Read, GivesNothing, [Some(60), Some(75), Some(60)]),
    (Errand::List, Step::List, Silent, [Some(60), Some(75), Some(60)]),
    (Errand::List, Step::List, GivesNothing, [Some(60), Some(75), Some(60)]),
    (Errand::Stat, Step::Look, Silent, [Some(60), Some(75), Some(60)]),
    (Errand::Move, Step::Copy, Silent, [Some(600), Some(75), Some(60)]),
    (Errand::Move, Step::Delete, Silent, [Some(60), Some(75), Some(60)]),
    (Errand::Remove, Step::Delete, Silent, [Some(60), Some(75), Some(60)]),
    (Errand::Sweep, Step::ListUploads, Silent, [Some(60), Some(75), None]),
    (Errand::Sweep, Step::Abort, Silent, [Some(60), Some(75), None]),
];

/// What may come after the attempt, as docs/LIMITS.md states of ends, and what a machine is late that does many at once: what
/// was sent is looked for, and taken back.
const AFTER: Duration = Duration::from_secs(40);

/// How patient the command is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Patience {
    /// One attempt.
    One,
    /// As by default.
    Default,
}

struct Measured {
    row: usize,
    cloud: usize,
    patience: Patience,
    waited: Duration,
    fired: usize,
    code: Option<i32>,
    words: String,
}

/// The table of all, and what is not as stated.
pub(crate) async fn measure() -> (String, Vec<String>) {
    let mut measuring = JoinSet::new();
    for row in 0..STATED.len() {
        for patience in [Patience::One, Patience::Default] {
            measuring.spawn(one::<sealift_tests::s3::TestBucket>(row, 0, patience));
            measuring.spawn(one::<sealift_tests::azure::TestContainer>(row, 1, patience));
            measuring.spawn(one::<sealift_tests::gcs::TestBucket>(row, 2, patience));
        }
    }
    let mut all = Vec::new();
    while let Some(measured) = measuring.join_next().await {
        all.extend(measured.expect("no panic"));
    }
    let wrong = all.iter().filter_map(Measured::wrong).collect();
    (text(&all), wrong)
}

async fn one<C: Cloud>(row: usize, cloud_index: usize, patience: Patience) -> Option<Measured> {
    let (errand, step, manner, stated) = STATED[row];
    stated[cloud_index]?;
    let cloud = C::new("stalls").await;
    prepare(&cloud, errand).await;
    let proxy = FaultProxy::start(cloud.endpoint()).await;
    let fault = match manner {
        Silent => Fault::Stall,
        TakesNothing => Fault::StandStill { after_bytes: 1 << 16 },
        GivesNothing => Fault::Drip { bytes: 1, pause: Duration::from_secs(3600) },
    };
    let held = proxy.on(C::on(step), fault);
    let mut command = command_of(sealift());
    command.envs(C::variables(&proxy.endpoint())).args(sealift_arguments(errand, &cloud.url()));
    if patience == Patience::One {
        command.arg("--give-up-after=0s");
    }
    let begun = async {
        held.wait_fired(1).await;
        Instant::now()
    };
    let input = input(errand);
    let ended = async {
        let ended = run_with_input(command, &input).await;
        (Instant::now(), ended)
    };
    let (begun, (at, ended)) = tokio::join!(begun, ended);
    proxy.shutdown().await;
    cloud.clear().await;
    Some(Measured {
        row,
        cloud: cloud_index,
        patience,
        waited: at - begun,
        fired: held.fired(),
        code: ended.code,
        words: ended.stderr.trim().replace('\n', " / "),
    })
}

impl Measured {
    fn stated(&self) -> Duration {
        let (.., stated) = STATED[self.row];
        Duration::from_secs(stated[self.cloud].expect("measured because of it"))
    }

    /// What the whole may take.
    fn limits(&self) -> (Duration, Duration) {
        let attempt = self.stated();
        match self.patience {
            Patience::One => (attempt, attempt + AFTER),
            Patience::Default => {
                (crate::GIVE_UP_AFTER.max(attempt), crate::GIVE_UP_AFTER.max(attempt) + attempt + AFTER)
            }
        }
    }

    fn wrong(&self) -> Option<String> {
        let (least, most) = self.limits();
        // The moment in which the fault was done is before the last byte was sent.
        let least = least.saturating_sub(Duration::from_secs(1));
        let (errand, step, manner, _) = STATED[self.row];
        let as_stated = (least..most).contains(&self.waited) && self.code != Some(0);
        (!as_stated).then(|| {
            format!(
                "{errand:?} {step:?} {manner:?} cloud {} {:?}: {:.1} s instead of {} to {} s, {} attempts, exit {:?}: {}",
                self.cloud,
                self.patience,
                self.waited.as_secs_f64(),
                least.as_secs(),
                most.as_secs(),
                self.fired,
                self.code,
                self.words
            )
        })
    }
}

/// One line a call: what one attempt took, and the whole, on each cloud.
fn text(all: &[Measured]) -> String {
    let mut text = String::from("| call | stands still | S3 | Azure | Google |\n|---|---|--:|--:|--:|\n");
    for (row, (errand, step, manner, _)) in STATED.iter().enumerate() {
        let _ = write!(text, "| {errand:?}, {step:?} | {manner:?} |");
        for cloud in 0..3 {
            let of = |patience| {
                all.iter().find(|found| found.row == row && found.cloud == cloud && found.patience == patience)
            };
            let _ = match (of(Patience::One), of(Patience::Default)) {
                (Some(one), Some(whole)) => {
                    write!(
                        text,
                        " {:.1}; {:.0} ({}) |",
                        one.waited.as_secs_f64(),
                        whole.waited.as_secs_f64(),
                        whole.fired
                    )
                }
                _ => write!(text, " |"),
            };
        }
        text.push('\n');
    }
    text
}
