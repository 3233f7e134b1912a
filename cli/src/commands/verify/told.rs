//! What a verification says: for people as text, for programs as JSON. Both say the same whoever did the work.

use bytesize::ByteSize;
use sealift::verify::{Depth, Folder, How, Plan, Report, Verdict};
use serde_json::{Value, json};
use std::fmt::Write;

/// What a plan has.
pub(super) fn planned(name: &str, plan: &Plan, folder: &Folder) -> String {
    let mut text = format!(
        "planned {}: {} pieces, {} stored, to the depth {}",
        folder.url(),
        plan.pieces.len(),
        size(plan.bytes()),
        plan.depth
    );
    for finding in &plan.findings {
        let _ = write!(text, "\nfound: {finding}");
    }
    let _ = writeln!(
        text,
        "\nnow `sealift verify --plan {name} --shard K/N` for each K from 1 to N, and then `sealift verify merge --plan {name}`"
    );
    text
}

pub(super) fn planned_json(plan: &Plan) -> Value {
    json!({
        "operation": "verify plan",
        "plan": plan.id,
        "depth": plan.depth,
        "pieces": plan.pieces.len(),
        "bytes": plan.bytes(),
        "verified_before": plan.earlier.len(),
        "left_out": plan.left_out,
        "findings": plan.findings,
    })
}

/// What a shard has done.
pub(super) fn sealed(report: &Report, name: &str) -> String {
    let findings: usize = report.pieces.values().map(|outcome| outcome.findings.len()).sum();
    format!(
        "verified shard {} of {name}: {} pieces, {findings} findings; its report is sealed",
        report.shard,
        report.pieces.len()
    )
}

pub(super) fn sealed_json(report: &Report) -> Value {
    let findings: Vec<_> = report.pieces.values().flat_map(|outcome| &outcome.findings).collect();
    json!({
        "operation": "verify shard",
        "plan": report.plan,
        "shard": report.shard.to_string(),
        "pieces": report.pieces.len(),
        "findings": findings,
    })
}

pub(super) fn verdict_json(verdict: &Verdict) -> Value {
    let mut value = serde_json::to_value(verdict).unwrap_or_default();
    value["operation"] = "verify".into();
    value["settings"]["endings"] = Value::Null;
    value
}

/// What is known in the end.
pub(super) fn verdict(verdict: &Verdict) -> String {
    let mut text = String::new();
    let files: u64 = verdict.files.values().sum();
    let pieces: Vec<String> = verdict.pieces.iter().map(|(kind, count)| format!("{count} of {kind}")).collect();
    let pieces = if pieces.is_empty() { "nothing".to_owned() } else { pieces.join(", ") };
    let _ = writeln!(
        text,
        "verified {} to the depth {}: {pieces}; {files} files, {} stored",
        verdict.of,
        verdict.depth,
        size(verdict.bytes)
    );
    for (how, count) in &verdict.files {
        let _ = writeln!(text, "  {count} {}", said(*how, *count));
    }
    for said in
        verdict.trusts.iter().map(|trust| format!("taken for granted: {trust}")).chain(verdict.notes.iter().cloned())
    {
        let _ = writeln!(text, "note: {said}");
    }
    if verdict.verified_before > 0 {
        let _ = writeln!(text, "verified before, and the same since: {} pieces", verdict.verified_before);
    }
    if verdict.left_out.pieces > 0 {
        let left = &verdict.left_out;
        let first = left.first_never_verified.as_ref().map_or(String::new(), |first| format!(", the first {first}"));
        let _ = writeln!(
            text,
            "left for another time: {} pieces, {} stored; never verified: {}{first}",
            left.pieces,
            size(left.bytes),
            left.never_verified
        );
    }
    if let Some(oldest) = &verdict.longest_ago {
        let _ = writeln!(text, "verified longest ago: {}, at {}", oldest.piece, time(oldest.at));
    }
    for finding in &verdict.findings {
        let _ = writeln!(text, "found: {finding}");
    }
    let _ = match verdict.findings.len() {
        0 if verdict.depth == Depth::Exists => writeln!(text, "nothing is missing"),
        0 => writeln!(text, "nothing wrong was found"),
        count => writeln!(text, "{count} findings"),
    };
    text
}

/// By what so many files were verified.
fn said(how: How, count: u64) -> &'static str {
    let one = count == 1;
    match how {
        How::Listed if one => "is listed",
        How::Listed => "are listed",
        How::Opened => "could be opened",
        How::StoredAsVerified if one => "has the size and checksum with which it was read and verified before",
        How::StoredAsVerified => "have the size and checksum with which they were read and verified before",
        How::StoredWithChecksum if one => "has a checksum with the service, and there is none to hold it against",
        How::StoredWithChecksum => "have a checksum with the service, and there is none to hold it against",
        How::StoredSizeOnly if one => "has a size, and nothing keeps a checksum of it",
        How::StoredSizeOnly => "have a size, and nothing keeps a checksum of them",
        How::ServiceChecksum => "read, by the service's checksum",
        How::KeptChecksum => "read, by the checksum kept with them",
        How::StreamChecksums => "read, by the checksums in the stream",
        How::ReadWithoutChecksum => "read, and nothing keeps a checksum of them",
        How::ReadByCommand => "read by a command, and what that has checked is not known",
    }
}

fn size(bytes: u64) -> String {
    ByteSize::b(bytes).display().iec().to_string()
}

fn time(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    time.map_or_else(|| format!("{seconds} seconds after 1970"), |time| time.to_string())
}
