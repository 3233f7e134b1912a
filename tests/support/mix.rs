//! A bad night: of all requests 15 % fail, 20 % are told to slow down, 0.5 % of what is sent and read arrives
//! damaged.

use crate::cloud::{Cloud, Problem, Step};
use crate::proxy::{Client, Fault, Reply, Weather};
use std::time::Duration;

/// Of so many requests.
const OF: u64 = 10_000;
const FAILS: u64 = 1_500;
const IS_SLOWED_DOWN: u64 = 2_000;
const IS_DAMAGED: u64 = 50;

/// The weather of `seed`, the same every time.
pub fn weather<C: Cloud>(seed: u64) -> Weather {
    Weather::new(seed, |request, chance| {
        let (share, which) = (chance % OF, chance / OF);
        let is = |step| C::is(step, request);
        match share {
            _ if share < FAILS => Some(failure::<C>(which)),
            _ if share < FAILS + IS_SLOWED_DOWN => Some(slow_down::<C>(which)),
            _ if share < FAILS + IS_SLOWED_DOWN + IS_DAMAGED => match () {
                () if is(Step::Put) || is(Step::AnyPart) => {
                    Some(Fault::CorruptRequest { at: which as usize % 100_000 })
                }
                () if is(Step::Read) => Some(Fault::Corrupt { at: which as usize % 1000 }),
                () => None,
            },
            _ => None,
        }
    })
}

fn failure<C: Cloud>(which: u64) -> Fault {
    match which % 9 {
        0 => C::problem(Problem::Failed),
        1 => Fault::Reset,
        2 => Fault::ApplyThenCut,
        3 => Fault::ApplyThenReply(C::refusal(Problem::Failed)),
        4 => Fault::Reply(Reply::html(502)),
        5 => Fault::ApplyThenReply(Reply::html(504)),
        6 => Fault::ApplyLater(Client::IsCut),
        7 => Fault::CutRequest { after_bytes: 1 + which as usize % 1000 },
        _ => Fault::Reply(Reply::html(200)),
    }
}

fn slow_down<C: Cloud>(which: u64) -> Fault {
    let retry_after = Duration::from_secs(u64::from(which % 20 == 1));
    C::problem(if which.is_multiple_of(2) { Problem::TooMany } else { Problem::Busy { retry_after } })
}
