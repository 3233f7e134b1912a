//! `ls`: sorted, in human sizes, with a total.

use crate::in_folder;
use sealift_tests::cli::run;
use std::fs;
use std::time::{Duration, SystemTime};

#[tokio::test]
async fn listings_are_sorted_and_summed() {
    let folder = tempfile::tempdir().expect("a folder");
    let now = SystemTime::now();
    for (name, size, age) in [("a", 3_000_000, 20), ("b", 10, 30), ("c", 2048, 10)] {
        let path = folder.path().join(name);
        fs::write(&path, vec![0; size]).expect("written");
        fs::File::options()
            .write(true)
            .open(&path)
            .expect("opened")
            .set_modified(now - Duration::from_secs(age))
            .expect("set");
    }
    for (arguments, expected) in [
        (&[][..], "abc"),
        (&["--sort", "name"], "abc"),
        (&["--sort", "name", "-r"], "cba"),
        (&["--reverse"], "cba"),
        (&["--sort=size"], "acb"),
        (&["--sort=size", "-r"], "bca"),
        (&["--sort=time"], "cab"),
        (&["--sort=time", "-r"], "bac"),
    ] {
        let listed = run(in_folder(folder.path(), &[&["ls", "--names"], arguments].concat())).await.expect_code(0);
        assert_eq!(listed.text().replace('\n', ""), expected, "{arguments:?}");
    }
    let listed = run(in_folder(folder.path(), &["ls", "--human", "--total"])).await.expect_code(0).text();
    let sizes: Vec<_> = listed.lines().take(3).map(|line| line.split("  ").nth(1).unwrap_or_default().len()).collect();
    assert!(sizes.len() == 3 && listed.contains("   2.9 MiB  a\n") && listed.contains("   2.0 KiB  c\n"), "{listed}");
    assert!(listed.ends_with("total: 3 objects, 2.9 MiB\n"), "{listed}");
    let listed = run(in_folder(folder.path(), &["ls", "--total"])).await.expect_code(0).text();
    assert!(listed.contains("     3000000  a\n") && listed.ends_with("total: 3 objects, 3002058 bytes\n"), "{listed}");
    let listed = run(in_folder(folder.path(), &["ls", "--total", "--json"])).await.expect_code(0).text();
    let total: serde_json::Value = serde_json::from_str(listed.lines().last().expect("a line")).expect("JSON");
    assert_eq!((total["objects"].as_u64(), total["bytes_stored"].as_u64()), (Some(3), Some(3_002_058)));
}
