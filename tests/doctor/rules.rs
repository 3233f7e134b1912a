//! `--fix`: a rule that ends incomplete uploads, beside all others.

use crate::doctor;
use crate::table::Table;
use sealift_tests::cli;
use sealift_tests::cloud::Cloud;
use sealift_tests::s3::{TestBucket, aws};
use serde_json::{Value, json};
use tokio::process::Command;

fn s3api(remote: &TestBucket, arguments: &[&str]) -> Command {
    let mut command = Command::new(aws());
    command.args(["--endpoint-url", remote.endpoint(), "s3api"]).args(arguments).args(["--bucket", remote.name()]);
    for (name, value) in TestBucket::variables(remote.endpoint()) {
        command.env(name, value);
    }
    command.env("AWS_DEFAULT_REGION", "us-east-1").env("AWS_PAGER", "").env_remove("AWS_CA_BUNDLE");
    command
}

async fn rules(remote: &TestBucket) -> Vec<Value> {
    let told = s3api(remote, &["get-bucket-lifecycle-configuration"]).output().await.expect("aws runs");
    match serde_json::from_slice::<Value>(&told.stdout) {
        Ok(told) => told["Rules"].as_array().expect("rules").clone(),
        Err(_) => Vec::new(),
    }
}

#[tokio::test]
async fn a_rule_is_set_once_and_the_others_stay() {
    let remote = TestBucket::new("doctor").await;
    let other = json!({
        "ID": "old", "Status": "Enabled", "Filter": { "Prefix": "logs/" }, "Expiration": { "Days": 30 }
    });
    let all = json!({ "Rules": [other] }).to_string();
    let set = ["put-bucket-lifecycle-configuration", "--lifecycle-configuration", &all];
    assert!(s3api(&remote, &set).status().await.expect("aws runs").success());
    let before = rules(&remote).await;
    assert_eq!(before.len(), 1);

    // Without a terminal nobody can be asked, and nothing is set.
    cli::run(doctor(&remote, remote.endpoint(), &["--fix"])).await.expect_code(2);
    assert_eq!(rules(&remote).await, before);

    let fixed = cli::run(doctor(&remote, remote.endpoint(), &["--fix", "--yes"])).await.expect_code(0);
    assert!(fixed.stderr.contains("1 other rules are as they were"), "{}", fixed.stderr);
    let after = rules(&remote).await;
    assert_eq!(after.len(), 2);
    assert!(after.contains(&before[0]), "{after:?}");
    assert!(after.iter().any(|rule| rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] == 7), "{after:?}");

    let told = Table::of(&cli::run(doctor(&remote, remote.endpoint(), &["--json"])).await.expect_code(0));
    assert_eq!(told.verdict("incomplete uploads"), "works");
    let again = cli::run(doctor(&remote, remote.endpoint(), &["--fix", "--yes"])).await.expect_code(0);
    assert!(again.stderr.contains("no rule has to be set"), "{}", again.stderr);
    assert_eq!(rules(&remote).await, after);
}
