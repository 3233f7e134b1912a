//! Metadata lines: what is read is written as one line, which is read as the same, and has a name.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealift::FileHandle;
use sealift_aptos::metadata::Metadata;

fuzz_target!(|text: &str| {
    let file: FileHandle = "metadata/x".parse().expect("a handle");
    let Ok(lines) = Metadata::parse_lines(text, &file) else { return };
    assert!(lines.len() <= text.lines().count(), "more lines than there are");
    for metadata in &lines {
        metadata.file_name().expect("a name");
        let line = metadata.to_line().expect("a line");
        let again = Metadata::parse_lines(line.as_ref(), &file).expect("it was written");
        assert_eq!(again.as_slice(), std::slice::from_ref(metadata));
    }
});
