//! Faults by chance, the same for the same seed: which request is struck by what is told by the seed, by what the request is,
//! and by how many of its kind came before.

use super::matching::{Head, Match};
use super::{Fault, FaultHandle, Rule};
use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex};

/// What happens to requests by chance. Clones are the same weather.
#[derive(Clone)]
pub struct Weather(Arc<State>);

struct State {
    seed: u64,
    choose: Choose,
    met: Mutex<Met>,
}

/// What happens to a request, by a number that chance has chosen.
type Choose = Box<dyn Fn(&Head<'_>, u64) -> Option<Fault> + Send + Sync>;

#[derive(Default)]
struct Met {
    /// How many requests of each kind came so far.
    kinds: BTreeMap<String, u64>,
    struck: Vec<FaultHandle>,
}

impl Weather {
    /// The weather of `seed`: `choose` gets a request and a number, and says what is done to it.
    pub fn new(seed: u64, choose: impl Fn(&Head<'_>, u64) -> Option<Fault> + Send + Sync + 'static) -> Self {
        Weather(Arc::new(State { seed, choose: Box::new(choose), met: Mutex::default() }))
    }

    /// How many requests it has struck so far.
    pub fn struck(&self) -> usize {
        self.0.met.lock().expect("not poisoned").struck.len()
    }

    /// Lets everything go on that is held, and waits until the server has answered all that was kept for later.
    pub async fn apply_now(&self) {
        let struck = self.0.met.lock().expect("not poisoned").struck.clone();
        for handle in struck {
            handle.apply_now().await;
        }
    }

    pub(super) fn strike(&self, request: &Head<'_>) -> Option<FaultHandle> {
        let kind = format!("{} {:?}", request.method(), request.parameters());
        let mut met = self.0.met.lock().expect("not poisoned");
        let nth = met.kinds.entry(kind.clone()).or_default();
        *nth += 1;
        let mut chance = DefaultHasher::new();
        (self.0.seed, kind, *nth).hash(&mut chance);
        let fault = (self.0.choose)(request, chance.finish())?;
        let handle = FaultHandle(Arc::new(Rule::new(Match::any(), fault)));
        met.struck.push(handle.clone());
        Some(handle)
    }
}

impl fmt::Debug for Weather {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Weather").field("seed", &self.0.seed).finish_non_exhaustive()
    }
}
