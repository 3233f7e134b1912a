//! Since when files are not needed any more. Of all timestamps files the newest counts; what it does not name counts from
//! the run that sees it.

use crate::known::Known;
use crate::metadata::Metadata;
use sealift::FileHandle;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The newest timestamps of an archive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Stamps {
    /// The file that has them, and when that was written.
    pub(super) newest: Option<(FileHandle, u64)>,
    times: BTreeMap<String, u64>,
}

impl Stamps {
    /// Those that count.
    pub(super) fn of(known: &Known) -> Self {
        let all = known.files().iter().flat_map(|(file, lines)| lines.iter().map(move |line| (file, line)));
        let stamps = all.filter_map(|(file, line)| match line {
            Metadata::CompactionTimestamps { file_compacted_at, compaction_timestamps } => {
                Some((*file_compacted_at, file, compaction_timestamps))
            }
            _ => None,
        });
        match stamps.max_by_key(|(at, file, _)| (*at, *file)) {
            None => Stamps::default(),
            Some((at, file, times)) => {
                let times = times.iter().filter_map(|(handle, time)| Some((handle.clone(), time.as_u64()?)));
                Stamps { newest: Some((file.clone(), at)), times: times.collect() }
            }
        }
    }

    /// Since when a file is not needed, where that is known.
    pub(super) fn time_of(&self, file: &FileHandle) -> Option<u64> {
        self.times.get(file.as_ref()).copied()
    }
}

/// The line of timestamps that were written at `at`.
pub(super) fn line(at: u64, times: &BTreeMap<FileHandle, u64>) -> Metadata {
    let times: Map<String, Value> = times.iter().map(|(file, time)| (file.to_string(), (*time).into())).collect();
    Metadata::CompactionTimestamps { file_compacted_at: at, compaction_timestamps: times }
}
