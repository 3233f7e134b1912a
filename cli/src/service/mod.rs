//! A command that runs as a service: where it stands (`course`), and what the service manager hears of it (`notify`).

mod course;
pub(crate) mod notify;

pub(crate) use course::{Course, Health, Now};

use sd_notify::NotifyState;
use std::convert::Infallible;
use std::time::Duration;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// How often it is looked whether something has moved.
const LOOK: Duration = Duration::from_secs(1);

/// Tells the service manager when the work has begun, how far it is, and that it is alive as long as it is. `moved` is a
/// number that grows while bytes move. Is to be polled by the work's own task: when that hangs, so does this, and nothing is
/// told any more. `look` sees where it stands at each look.
pub(crate) async fn tend(course: &Course, moved: impl Fn() -> u64, mut look: impl FnMut(&Now)) -> Infallible {
    let watchdog = sd_notify::watchdog_enabled().filter(|time| !time.is_zero());
    let mut looks = every(watchdog.map_or(LOOK, |watchdog| LOOK.min(watchdog / 4)));
    let mut pings = watchdog.map(|watchdog| every(watchdog / 2));
    let (mut ready, mut told) = (false, String::new());
    loop {
        tokio::select! {
            _ = looks.tick() => {
                course.look(moved());
                let now = course.now();
                look(&now);
                if !ready && now.node.is_some() {
                    ready = true;
                    notify::send(&[NotifyState::Ready]);
                }
                let status = now.to_string();
                if status != told {
                    notify::send(&[NotifyState::Status(&status)]);
                    told = status;
                }
            }
            () = next(&mut pings) => {
                if course.now().stalled.is_none() {
                    notify::send(&[NotifyState::Watchdog]);
                }
            }
        }
    }
}

fn every(time: Duration) -> Interval {
    let mut ticks = interval(time);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// The next tick; never of what does not tick.
async fn next(ticks: &mut Option<Interval>) {
    match ticks {
        Some(ticks) => drop(ticks.tick().await),
        None => std::future::pending().await,
    }
}
