//! Clean archives: of several chains, stored in several ways, and what verification says of them.

use super::judge::{self, Extent, Judged};
use super::storage::Storage;
use super::store::Objects;
use sealift::verify::{Depth, Record, Recorded};
use sealift::{Archive, BackupStorage};
use sealift_aptos::chain::{RecordFormat, Waypoint};
use sealift_aptos::verify::Settings;
use sealift_aptos::{Backups, Client, ClientOptions, Options};
use sealift_node::{Chain, Node, Recipe};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Files by their handles, not compressed.
pub(crate) type Contents = BTreeMap<String, Vec<u8>>;

pub(crate) const DEPTHS: [Depth; 4] = [Depth::Exists, Depth::Stored, Depth::Content, Depth::Chain];

/// A clean archive, and what is needed to damage it well.
pub(crate) struct Scene {
    pub(crate) storage: Storage,
    pub(crate) settings: Settings,
    pub(crate) recipe: Recipe,
    pub(crate) chain: Chain,
    pub(crate) objects: Objects,
    pub(crate) contents: Contents,
    /// The same backups of another chain.
    pub(crate) others: Contents,
    /// What was verified of the clean archive, down to its content.
    pub(crate) record: Arc<Record>,
    /// What came of the clean archive at each depth.
    pub(crate) clean: BTreeMap<Depth, Judged>,
}

/// Who says which genesis is the network's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Genesis {
    Trusted,
    Unknown,
}

/// All scenes: both forms of transactions, all storages, with and without a waypoint from elsewhere.
pub(crate) async fn all() -> Vec<Scene> {
    vec![
        Scene::new(1, RecordFormat::V1, Storage::Folder, Genesis::Trusted).await,
        Scene::new(2, RecordFormat::V0, Storage::Folder, Genesis::Unknown).await,
        Scene::new(3, RecordFormat::V1, Storage::Cloud, Genesis::Unknown).await,
        Scene::new(4, RecordFormat::V0, Storage::Bare, Genesis::Trusted).await,
    ]
}

impl Scene {
    async fn new(seed: u64, format: RecordFormat, storage: Storage, genesis: Genesis) -> Self {
        let recipe = Recipe {
            seed,
            epochs: 5,
            transactions_per_epoch: 5,
            open_transactions: 3,
            state_items: 60,
            value_bytes: 40,
            validators: 4,
            format,
        };
        let other = Recipe { seed: seed + 100, ..recipe.clone() };
        let contents = archive_of(&recipe).await;
        let others = archive_of(&other).await;
        let mut objects = Objects::new();
        for (name, content) in &contents {
            objects.insert(name.clone(), storage.written(name, content).await);
        }
        let chain = Chain::generate(&recipe);
        let trust: Vec<Waypoint> = match genesis {
            Genesis::Trusted => vec![chain.epoch_ending(0).expect("genesis").waypoint().expect("a waypoint")],
            Genesis::Unknown => Vec::new(),
        };
        let settings = Settings { trust, ..Settings::default() };
        let (record, clean) = (Arc::default(), BTreeMap::new());
        let mut scene = Scene { storage, settings, recipe, chain, objects, contents, others, record, clean };
        for depth in [Depth::Content, Depth::Exists, Depth::Stored, Depth::Chain] {
            let judged = judge::verify(&scene, scene.objects.clone(), depth, Extent::Whole).await;
            if depth == Depth::Content {
                scene.record = Arc::new(record_of(&judged));
            }
            scene.clean.insert(depth, judged);
        }
        scene
    }
}

fn record_of(judged: &Judged) -> Record {
    let mut record = Record::default();
    for (piece, outcome) in &judged.report.pieces {
        record.add(Recorded {
            piece: piece.clone(),
            depth: judged.report.depth,
            at: 1,
            nanos: 0,
            tool: judged.report.tool.clone(),
            files: outcome.files.clone(),
            facts: outcome.facts.clone(),
        });
    }
    record
}

/// Two backups of epoch endings, three of transactions, three of the state, and what a compactor left: one file of lines, of
/// which some stand in files of their own too.
async fn archive_of(recipe: &Recipe) -> Contents {
    let chain = Chain::generate(recipe);
    let (epochs, transactions) = (chain.epoch(), chain.last_version() + 1);
    let node = Node::start(chain).await;
    let shelf = Storage::Folder.shelf(Objects::new());
    let bucket = Storage::Folder.bucket(&shelf);
    let archive: Arc<dyn BackupStorage> = Arc::new(Archive::new(bucket.clone(), "").expect("no prefix"));
    let backups = |max_chunk_size| {
        let client = Client::new(node.endpoint().parse().expect("an address"), ClientOptions::default());
        let options = Options { max_chunk_size, ..Options::default() };
        Backups::new(client.expect("a client"), Arc::clone(&archive), options).expect("valid")
    };
    for (start, end) in [(0, 3), (3, epochs)] {
        backups(1500).epoch_ending(start, end).await.expect("a backup");
    }
    for epoch in [0, 2, epochs - 1] {
        backups(2000).state_snapshot(epoch).await.expect("a backup");
    }
    let third = transactions / 3;
    for (start, count) in [(0, third), (third, third), (2 * third, transactions - 2 * third)] {
        backups(2500).transactions(start, count).await.expect("a backup");
    }
    node.shutdown().await;
    let _ = bucket.close().await;
    let stored = shelf.objects().clone();
    let mut contents: Contents = stored.into_iter().map(|(name, object)| (name, object.stored.to_vec())).collect();
    compact(&mut contents, third);
    contents
}

fn compact(contents: &mut Contents, third: u64) {
    let loose = |first: u64, last: u64| format!("metadata/transaction_{first}-{last}.meta");
    let (first, second) = (loose(0, third - 1), loose(third, 2 * third - 1));
    let lines = [contents[&first].clone(), contents[&second].clone()].concat();
    contents.remove(&second);
    contents.insert(format!("metadata/transaction_compacted_0-{}.meta", 2 * third - 1), lines);
    contents.insert("metadata/identity.meta".to_owned(), b"{\"Identity\":{\"id\":\"0abc\"}}\n".to_vec());
    let stamps = format!(
        "{{\"CompactionTimestamps\":{{\"file_compacted_at\":1700000000,\"compaction_timestamps\":{{\"{first}\":1700000000}}}}}}\n"
    );
    contents.insert("metadata/compaction_timestamps_1700000000.meta".to_owned(), stamps.into_bytes());
}
