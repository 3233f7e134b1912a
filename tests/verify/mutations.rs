//! Archives that were damaged in every way there is: each damage is found at the depth that should find it, and the clean
//! archives pass. `kind` says what a kind of mutation is, and where it is to be found; each other module has some kinds.
//!
//! * `cargo test -p sealift-tests --test verify mutations` tries a few of each.
//! * `cargo test -p sealift-tests --test verify -- --ignored mutations --nocapture` tries `SEALIFT_MUTATIONS` (20,000) from
//!   `SEALIFT_SEED`, and prints the table. `SEALIFT_MUTATION` is the number of one, to be tried alone.

mod attacks;
mod bytes;
mod draft;
mod endings;
mod judge;
mod kind;
mod lines;
mod manifests;
mod notes;
mod objects;
mod proofs;
mod ranges;
mod records;
mod scene;
mod several;
mod states;
mod storage;
mod store;
mod table;
mod transactions;
mod trust;

use draft::{Draft, Meaning};
use judge::{Extent, Sure};
use kind::{Bytes, Kind};
use rand::SeedableRng;
use rand::rngs::StdRng;
use scene::{DEPTHS, Scene};
use sealift::verify::Depth;
use std::collections::BTreeSet;
use std::sync::Arc;
use table::{Due, IsDue, Tried};
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

const SEED: u64 = 1;
/// So many mutations of each kind with every run of the tests.
const FEW: usize = 1;
const MANY: usize = 20_000;

/// What is damaged, and how.
struct Bench {
    scenes: Vec<Scene>,
    kinds: Vec<Kind>,
    seed: u64,
}

impl Bench {
    async fn new(seed: u64) -> Arc<Self> {
        Arc::new(Bench { scenes: scene::all().await, kinds: kind::all(), seed })
    }

    fn kind(&self, number: usize) -> &Kind {
        &self.kinds[number % self.kinds.len()]
    }

    /// The mutation of this number. `Ok(None)` where no archive has anything of its kind.
    async fn try_one(&self, number: usize) -> Result<Option<Tried>, String> {
        let (kind, turn) = (self.kind(number), number / self.kinds.len());
        for step in 0..self.scenes.len() {
            let scene = &self.scenes[(turn + step) % self.scenes.len()];
            let random = StdRng::seed_from_u64(self.seed ^ (number as u64) << 20 ^ (step as u64) << 60);
            let mut draft = Draft::new(scene, random);
            if kind.make(&mut draft).is_none() {
                continue;
            }
            // What changes nothing damages nothing.
            let Some((objects, meaning)) = draft.objects().await else {
                return Err(format!("{}: it changes nothing", kind.name));
            };
            let due = match (kind.bytes, meaning) {
                (Bytes::Any, Meaning::Same) => Due::SameInOtherBytes,
                _ => Due::Found(kind.found(scene)),
            };
            // Some of them as the command does it, and at all depths.
            let extent = if number.is_multiple_of(8) { Extent::Whole } else { Extent::Touched };
            return check(scene, kind, objects, due, extent).await.map(Some);
        }
        Ok(None)
    }
}

async fn check(scene: &Scene, kind: &Kind, objects: store::Objects, due: Due, extent: Extent) -> Result<Tried, String> {
    let (mut found, mut unsure) = (BTreeSet::new(), BTreeSet::new());
    for depth in DEPTHS {
        // A deeper one has all of these, which `several` and every eighth mutation hold it to. `stored` stands alone: what the
        // record remembers of a file is not in the file.
        if extent == Extent::Touched && (found.contains(&Depth::Exists) || found.contains(&Depth::Content)) {
            found.insert(depth);
            continue;
        }
        let judged = judge::verify(scene, objects.clone(), depth, extent).await;
        let failed = |what: &str| {
            let findings: Vec<String> = judged.verdict.findings.iter().map(ToString::to_string).collect();
            Err(format!("{} ({:?}, due {due:?}): {what} at {depth}: {findings:#?}", kind.name, scene.storage))
        };
        let (sure, is_due) = (judged.sure(), due.at(depth));
        match (is_due, sure) {
            (IsDue::No, Sure::Wrong | Sure::Unknown) => return failed("to be found not there, and found"),
            (IsDue::Yes, Sure::Nothing) => return failed("not found"),
            _ => {}
        }
        match sure {
            Sure::Wrong => drop(found.insert(depth)),
            Sure::Unknown => drop(unsure.insert(depth)),
            Sure::Nothing => {}
        }
    }
    Ok(Tried { kind: kind.name.clone(), due, why: kind.why, found, unsure })
}

/// Tries these, and tells what came of them and which were not found.
async fn try_all(bench: &Arc<Bench>, numbers: impl Iterator<Item = usize>) -> (Vec<Tried>, Vec<String>) {
    use futures::{StreamExt, stream};
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let runs = stream::iter(numbers).map(|number| {
        let bench = Arc::clone(bench);
        async move {
            let name = bench.kind(number).name.clone();
            let seed = bench.seed;
            let runtime = Handle::current();
            let tried = spawn_blocking(move || runtime.block_on(bench.try_one(number))).await;
            let tried = tried.unwrap_or_else(|error| Err(format!("{name}: {error}")));
            tried.map_err(|wrong| format!("SEALIFT_SEED={seed} SEALIFT_MUTATION={number}: {wrong}"))
        }
    });
    let (mut tried, mut wrong) = (Vec::new(), Vec::new());
    for result in runs.buffered(cores * 2).collect::<Vec<_>>().await {
        match result {
            Ok(one) => tried.extend(one),
            Err(one) => wrong.push(one),
        }
    }
    (tried, wrong)
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mutation_of_each_kind_is_found_and_the_clean_archives_pass() {
    let bench = Bench::new(number("SEALIFT_SEED").unwrap_or(SEED)).await;
    for scene in &bench.scenes {
        for (depth, judged) in &scene.clean {
            assert_eq!(judged.verdict.findings, [], "{:?} at {depth}", scene.storage);
            assert!(judged.verdict.pieces.len() == 3, "{:?}", judged.verdict.pieces);
        }
    }
    let all = 0..bench.kinds.len() * FEW;
    let (tried, wrong) = try_all(&bench, all.clone()).await;
    assert!(wrong.is_empty(), "{} of {} are wrong:\n{}", wrong.len(), all.len(), wrong.join("\n"));
    let missing = bench.kinds.iter().filter(|kind| !tried.iter().any(|tried| tried.kind == kind.name));
    assert_eq!(missing.map(|kind| &kind.name).collect::<Vec<_>>(), Vec::<&String>::new(), "no archive has any");
}

#[ignore = "it takes minutes"]
#[tokio::test(flavor = "multi_thread")]
async fn all_mutations_are_found() {
    let bench = Bench::new(number("SEALIFT_SEED").unwrap_or(SEED)).await;
    let numbers = match number("SEALIFT_MUTATION") {
        Some(one) => one as usize..one as usize + 1,
        None => 0..number("SEALIFT_MUTATIONS").map_or(MANY, |count| count as usize),
    };
    let (tried, wrong) = try_all(&bench, numbers.clone()).await;
    println!("{}", table::of(&tried));
    assert!(wrong.is_empty(), "{} of {} are wrong:\n{}", wrong.len(), numbers.len(), wrong.join("\n"));
}
