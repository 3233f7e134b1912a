//! A state snapshot: the items in their order, in chunks, each with its proof.

use crate::items::Items;
use crate::mirror::Mirror;
use crate::order::Order;
use crate::output::Output;
use anyhow::{Context, Result};
use sealift::FileHandle;
use sealift_aptos::chain::{HashValue, SparseMerkleRangeProof, StateLeaf, state_key_length};
use sealift_aptos::manifest::StateSnapshotChunk;
use sealift_aptos::{ChunkRule, MAX_CHUNK_SIZE};
use sealift_bench_verify::{Counts, Part};

/// The chunks of a snapshot, and its root.
pub(crate) struct Snapshot {
    pub(crate) root: HashValue,
    pub(crate) chunks: Vec<StateSnapshotChunk>,
}

/// A chunk before it is written.
struct Planned {
    /// How many items come before its end.
    end: u64,
    proof: Vec<HashValue>,
}

/// Writes the chunks and proofs of a snapshot of `count` items as the backup `backup`.
pub(crate) async fn write(
    output: &Output,
    backup: &str,
    items: Items,
    count: u32,
    counts: &mut Counts,
) -> Result<Snapshot> {
    let mut order = Order::new(items, count)?;
    let mut planned = plan(&mut order, items)?;
    let root = prove(&mut order, items, &mut planned, u64::from(count), counts)?;
    let chunks = write_chunks(output, backup, &mut order, items, planned, counts).await?;
    Ok(Snapshot { root, chunks })
}

/// Where chunks end.
fn plan(order: &mut Order, items: Items) -> Result<Vec<Planned>> {
    let rule = ChunkRule::new(MAX_CHUNK_SIZE);
    let (mut planned, mut record) = (Vec::new(), Vec::new());
    let (mut chunk, mut at) = (0, 0);
    for bucket in 0..order.buckets() {
        for item in order.bucket(bucket)? {
            items.write(&mut record, item);
            if rule.ends_before(chunk, record.len() as u64) {
                planned.push(Planned { end: at, proof: Vec::new() });
                chunk = 0;
            }
            chunk += record.len() as u64 + 4;
            at += 1;
        }
    }
    planned.push(Planned { end: at, proof: Vec::new() });
    Ok(planned)
}

/// Completes each chunk with its proof, from the last item to the first, and gives the root.
fn prove(
    order: &mut Order,
    items: Items,
    planned: &mut [Planned],
    count: u64,
    counts: &mut Counts,
) -> Result<HashValue> {
    let (mut mirror, mut record) = (Mirror::default(), Vec::new());
    let mut chunks = planned.iter_mut().rev().peekable();
    // The chunk that the last pushed item ends.
    let mut ended: Option<&mut Planned> = None;
    let mut at = count;
    for bucket in (0..order.buckets()).rev() {
        for item in order.bucket(bucket)?.into_iter().rev() {
            items.write(&mut record, item);
            let leaf = StateLeaf::of(&record)?;
            if let Some(chunk) = ended.take() {
                chunk.proof = mirror.right_siblings(Some(leaf.key));
            }
            mirror.push(leaf.key, leaf.hash());
            count_item(&record, counts)?;
            ended = chunks.next_if(|chunk| chunk.end == at);
            at -= 1;
        }
    }
    if let Some(chunk) = ended {
        chunk.proof = mirror.right_siblings(None);
    }
    let root = mirror.root();
    counts.hashes(Part::State, 2 * HashValue::LENGTH, mirror.nodes);
    Ok(root)
}

/// Key, value and leaf.
fn count_item(record: &[u8], counts: &mut Counts) -> Result<()> {
    let key = state_key_length(record)?;
    // Of a table's key the length is not hashed, which is of one byte here.
    let hashed = if record.first() == Some(&1) { key - 1 } else { key };
    counts.hash(Part::State, hashed);
    counts.hash(Part::State, record.len() - key);
    counts.hash(Part::State, 2 * HashValue::LENGTH);
    counts.stored(Part::State, record.len() as u64 + 4);
    Ok(())
}

async fn write_chunks(
    output: &Output,
    backup: &str,
    order: &mut Order,
    items: Items,
    planned: Vec<Planned>,
    counts: &mut Counts,
) -> Result<Vec<StateSnapshotChunk>> {
    let (mut chunks, mut record) = (Vec::new(), Vec::new());
    let (mut bucket, mut waiting) = (0, Vec::new().into_iter());
    let mut first_idx = 0;
    for chunk in planned {
        let mut file = output.create(backup, &format!("{first_idx}-.chunk")).await?;
        let mut keys: Option<(HashValue, HashValue)> = None;
        for _ in first_idx..chunk.end {
            let item = loop {
                match waiting.next() {
                    Some(item) => break item,
                    None => waiting = order.bucket(bucket)?.into_iter(),
                }
                bucket += 1;
            };
            items.write(&mut record, item);
            let key = sealift_aptos::chain::state_key_hash(&record)?;
            keys = Some((keys.map_or(key, |(first, _)| first), key));
            file.put_record(&record).await?;
        }
        let blobs = file.end().await?;
        let last_idx = chunk.end - 1;
        let proof = bcs::to_bytes(&SparseMerkleRangeProof { right_siblings: chunk.proof })?;
        counts.stored(Part::State, proof.len() as u64);
        let proof: FileHandle = output.write(backup, &format!("{first_idx}-{last_idx}.proof"), &proof).await?;
        let (first_key, last_key) = keys.context("a chunk has no items")?;
        chunks.push(StateSnapshotChunk { first_idx, last_idx, first_key, last_key, blobs, proof });
        first_idx = chunk.end;
    }
    Ok(chunks)
}
