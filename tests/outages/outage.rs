//! An outage of the whole service, from the moment in which a call is made.

use crate::GIVE_UP_AFTER;
use crate::errands::{Call, Verdict, input, judge, prepare};
use crate::programs::Program;
use sealift_tests::cli::run_with_input;
use sealift_tests::cloud::{Cloud, Problem};
use sealift_tests::proxy::{Fault, FaultProxy, Reply, Weather};
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// What every request meets while it lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Nobody listens, and connections that there are are cut.
    Refused,
    /// 503.
    Busy,
    /// 500.
    Failing,
    /// A page of a proxy before it, 502.
    Gateway,
}

pub(crate) const KINDS: [Kind; 4] = [Kind::Refused, Kind::Busy, Kind::Failing, Kind::Gateway];

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Refused => "refused",
            Kind::Busy => "503",
            Kind::Failing => "500",
            Kind::Gateway => "502",
        })
    }
}

/// One command, and the outage that it meets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell {
    pub(crate) program: Program,
    pub(crate) call: Call,
    pub(crate) kind: Kind,
    pub(crate) lasts: Duration,
}

/// What came of it.
pub(crate) enum Came {
    /// The program does not make this call.
    NoSuchCall,
    Ended {
        verdict: Verdict,
        took: Duration,
        words: String,
    },
}

/// What a command may take in all: an outage to the end, one attempt more, and the end of all that.
const LIMIT: Duration = Duration::from_secs(1500);

pub(crate) async fn run<C: Cloud>(cell: Cell) -> Came {
    let cloud = C::new("outages").await;
    prepare(&cloud, cell.call.errand).await;
    let proxy = FaultProxy::start(cloud.endpoint()).await;
    let began = begin::<C>(&proxy, cell);
    let command = cell.program.command(&cloud, &proxy.endpoint(), cell.call.errand);
    let begun = Instant::now();
    let over = CancellationToken::new();
    let running = async {
        let ended = timeout(LIMIT, run_with_input(command, &input(cell.call.errand))).await;
        over.cancel();
        ended
    };
    let (ended, ()) = tokio::join!(running, listen_again(&proxy, &began, cell, &over));
    let took = begun.elapsed();
    proxy.shutdown().await;
    let came = match (began.get(), ended) {
        (None, _) => Came::NoSuchCall,
        (_, Err(_)) => panic!("{} at {} did not end in {} s", cell.program, cell.call, LIMIT.as_secs()),
        (_, Ok(ended)) => {
            let verdict = judge(&cloud, cell.call.errand, &ended).await;
            Came::Ended { verdict, took, words: format!("exit {:?}: {}", ended.code, ended.stderr.trim()) }
        }
    };
    cloud.clear().await;
    came
}

/// Has the outage begin with the first request of the call. The result is when it did.
fn begin<C: Cloud>(proxy: &FaultProxy, cell: Cell) -> Arc<OnceLock<Instant>> {
    let began = Arc::new(OnceLock::new());
    let when: Arc<OnceLock<Instant>> = Arc::clone(&began);
    proxy.set_weather(Weather::new(0, move |request, _| {
        if C::is(cell.call.step, request) {
            when.get_or_init(Instant::now);
        }
        let lasts = when.get().is_some_and(|began| began.elapsed() < cell.lasts);
        lasts.then(|| fault::<C>(cell.kind))
    }));
    began
}

fn fault<C: Cloud>(kind: Kind) -> Fault {
    match kind {
        Kind::Refused => Fault::Reset,
        Kind::Busy => C::problem(Problem::Busy { retry_after: Duration::from_secs(1) }),
        Kind::Failing => C::problem(Problem::Failed),
        Kind::Gateway => Fault::Reply(Reply::html(502)),
    }
}

/// Nobody listens while the outage lasts, where it is of that kind.
async fn listen_again(proxy: &FaultProxy, began: &OnceLock<Instant>, cell: Cell, over: &CancellationToken) {
    if cell.kind != Kind::Refused {
        return;
    }
    let passing = async {
        // Only what the proxy sees tells; it has no event for it.
        while began.get().is_none() {
            sleep(Duration::from_millis(20)).await;
        }
        proxy.down().await;
        let began = began.get().expect("seen");
        sleep(cell.lasts.saturating_sub(began.elapsed())).await;
    };
    over.run_until_cancelled(passing).await;
    proxy.up().await;
}

impl Cell {
    /// What is wrong with what came of it; of other programs nothing is expected.
    pub(crate) fn wrong(self, came: &Came) -> Option<String> {
        let survives = self.lasts < GIVE_UP_AFTER;
        match came {
            _ if self.program != Program::Sealift => None,
            Came::NoSuchCall => Some("the call was not made".to_owned()),
            Came::Ended { verdict: Verdict::Done, .. } if survives => None,
            // The empty blob by which Azure removes blocks may still appear, where the request for it was cut off.
            Came::Ended { verdict: Verdict::InDoubt, words, .. } if survives && words.contains("an empty blob") => None,
            Came::Ended { verdict: Verdict::Failed, words, .. } if !survives => {
                let says_how_often = words.contains("tried ") && words.contains(" times in ");
                (!says_how_often).then(|| format!("it does not say how often it was tried: {words}"))
            }
            Came::Ended { verdict, took, words } => {
                Some(format!("{verdict:?} after {:.1} s: {words}", took.as_secs_f64()))
            }
        }
    }
}
