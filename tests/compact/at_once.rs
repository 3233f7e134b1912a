//! Several compactions of one archive at the same time, with the same factor and with others.

use crate::reader::read;
use crate::scene::{Site, due, loose, mixed};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn two_at_once_do_no_harm() {
    for (one, other) in [(3, 3), (2, 3)] {
        for site in [
            Site::folder().filled(&due()).await,
            Site::s3().await.filled(&due()).await,
            Site::commands().filled(&due()).await,
        ] {
            for round in 0..3 {
                // A second, so that what was stamped is due.
                tokio::time::sleep(Duration::from_millis(1100)).await;
                let after = ["--remove-compacted-file-after=0"];
                let (one, other) = tokio::join!(site.compact(one, &after), site.compact(other, &after));
                one.expect_code(0);
                other.expect_code(0);
                assert_eq!(read(&site.files().await), read(&due()), "round {round}");
            }
            tokio::time::sleep(Duration::from_millis(1100)).await;
            site.compact(3, &["--remove-compacted-file-after=0"]).await.expect_code(0);
            let files = site.files().await;
            assert_eq!(read(&files), read(&due()));
            assert!(!files.contains_key("metadata/transaction_0-9.meta"), "{:?}", files.keys());
        }
    }
}

/// Backups go on while an archive is compacted.
#[tokio::test(flavor = "multi_thread")]
async fn what_comes_meanwhile_is_kept() {
    let site = Site::folder().filled(&mixed()).await;
    let Site::Folder(folder) = &site else { panic!("a folder") };
    for at in 5..15 {
        let compact = ["--remove-compacted-file-after=0", "--concurrent-downloads=1"];
        let comes = async {
            tokio::time::sleep(Duration::from_millis(20 * at)).await;
            for (name, text) in loose(at..at + 1) {
                std::fs::write(folder.path().join(name), text).expect("written");
            }
        };
        let (ended, ()) = tokio::join!(site.compact(2, &compact), comes);
        ended.expect_code(0);
        let mut expected = mixed();
        expected.extend(loose(5..at + 1));
        assert_eq!(read(&site.files().await), read(&expected));
    }
}
