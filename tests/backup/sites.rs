//! Each of the nine places where a backup writes a file: its shutdown fails, and the backup fails with it. The storage is
//! shell commands, which is where failed shutdowns used to leave processes.

use crate::scene::{LAST_EPOCH, MAX_CHUNK, Storage, configuration, node};
use sealift_tests::cli::run;

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_shut_down_fails_the_backup_by_name() {
    let node = node().await;
    let (last, end) = (LAST_EPOCH.to_string(), (LAST_EPOCH + 1).to_string());
    let count = (node.chain().last_version() + 1).to_string();
    let epochs = vec!["epoch-ending", "--start-epoch", "0", "--end-epoch", &end];
    let transactions = vec!["transaction", "--start-version", "0", "--num_transactions", &count];
    let snapshot = vec!["state-snapshot", "--state-snapshot-epoch", &last];
    for (arguments, fail, named) in [
        (&epochs, "*.chunk", "epoch ending"),
        (&epochs, "epoch_ending.manifest", "manifest"),
        (&transactions, "*.proof", "proof"),
        (&transactions, "*.chunk", "transaction"),
        (&transactions, "transaction.manifest", "manifest"),
        (&snapshot, "*.chunk", "state item"),
        (&snapshot, "*-*.proof", "proof"),
        (&snapshot, "state.proof", "proof"),
        (&snapshot, "state.manifest", "manifest"),
    ] {
        let storage = Storage::commands();
        let Storage::Commands(folder) = &storage else { panic!("commands") };
        configuration(folder.path(), fail);
        let ended = run(storage.backup(&node, MAX_CHUNK, arguments)).await;
        assert!(!matches!(ended.code, None | Some(0 | 2)), "{fail}: {}", ended.stderr);
        let (site, said) = (fail.trim_start_matches(['*', '-']), &ended.stderr);
        assert!(said.contains("no room for") && said.contains(site), "{fail}: {said}");
        let message = said.lines().last().expect("a message");
        assert!(
            message.contains(named) && message.contains(arguments[0].split('-').next().expect("a word")),
            "{message}"
        );
        let files = storage.files().await;
        assert!(!files.keys().any(|handle| handle.starts_with("metadata/")), "{fail}: {:?}", files.keys());
        assert!(
            !files.keys().any(|handle| handle.ends_with(site) && (fail != "*-*.proof" || handle.contains('-'))),
            "{fail}: {:?}",
            files.keys()
        );
        assert_eq!(storage.unfinished().await, Vec::<String>::new(), "{fail}: nothing runs");

        configuration(folder.path(), "");
        storage.backed_up(&node, MAX_CHUNK, arguments).await;
        assert!(storage.files().await.keys().any(|handle| handle.starts_with("metadata/")));
    }
    node.shutdown().await;
}
