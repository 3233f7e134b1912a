//! The bucket's rule that ends incomplete uploads: looked at, and set on request beside all other rules.

use crate::client::Client;
use crate::errors::code;
use crate::limits::ANSWER;
use aws_sdk_s3::operation::get_bucket_lifecycle_configuration::GetBucketLifecycleConfigurationOutput;
use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, ExpirationStatus, LifecycleRule, LifecycleRuleFilter,
};
use sealift::doctor::{Capability, Finding, Verdict};
use sealift::{Error, ErrorKind, Result};

/// Longer than an upload of ours is under way, and as long as other clouds keep what is unfinished.
const DAYS: i32 = 7;
const RULE: &str = "sealift-incomplete-uploads";

/// What the rules do with incomplete uploads.
pub(crate) async fn finding(client: &Client, permission: &str) -> Finding {
    let capability = Capability::IncompleteUploads;
    match rules(client).await {
        Ok(told) => match ending(rules_of(&told)) {
            Ending::All(days) => Finding::new(
                capability,
                Verdict::Works,
                format!("a lifecycle rule ends them {days} days after their start"),
            ),
            Ending::Some(prefix) => {
                Finding::noted(capability, format!("a lifecycle rule ends those below {prefix:?}, and no others"))
            }
            Ending::None => {
                let evidence = "no lifecycle rule ends them: what a crash leaves is paid for until `sealift sweep` removes \
                                it; `sealift doctor --fix` sets one";
                Finding::noted(capability, evidence)
            }
        },
        Err(error) => {
            let finding = Finding::failed(capability, permission, &error);
            match finding.verdict {
                Verdict::Missing(_) => finding,
                _ => Finding { verdict: Verdict::Unknown, ..finding },
            }
        }
    }
}

/// Sets a rule that ends incomplete uploads, unless there is one for all.
pub(crate) async fn end_incomplete_uploads(client: &Client) -> Result<Option<String>> {
    let before = rules(client).await?;
    if let Ending::All(_) = ending(rules_of(&before)) {
        return Ok(None);
    }
    let kept: Vec<LifecycleRule> = rules_of(&before).iter().filter(|rule| rule.id() != Some(RULE)).cloned().collect();
    let unusable = |error: aws_sdk_s3::error::BuildError| {
        Error::new(ErrorKind::InvalidConfig, "set the lifecycle of", client.location(""), error.to_string())
    };
    let ours = LifecycleRule::builder()
        .id(RULE)
        .status(ExpirationStatus::Enabled)
        .filter(LifecycleRuleFilter::builder().prefix("").build())
        .abort_incomplete_multipart_upload(
            AbortIncompleteMultipartUpload::builder().days_after_initiation(DAYS).build(),
        )
        .build()
        .map_err(unusable)?;
    let wanted: Vec<LifecycleRule> = kept.iter().cloned().chain([ours]).collect();
    let configuration =
        BucketLifecycleConfiguration::builder().set_rules(Some(wanted.clone())).build().map_err(unusable)?;
    // The service replaces all rules by those that it is given, so all that it told is given back.
    let request = client.sdk.put_bucket_lifecycle_configuration().bucket(&client.bucket);
    let request = request
        .lifecycle_configuration(configuration)
        .set_transition_default_minimum_object_size(before.transition_default_minimum_object_size().cloned());
    let set = request.customize().config_override(client.within(ANSWER)).send().await;
    set.map_err(|error| {
        let error = client.failed("set the lifecycle of", "", error);
        match error.kind() {
            ErrorKind::Denied => error.with_hint("it needs s3:PutLifecycleConfiguration"),
            _ => error,
        }
    })?;
    let after = rules(client).await?;
    let missing = kept.iter().filter(|rule| !rules_of(&after).contains(rule)).count();
    match (ending(rules_of(&after)), missing) {
        (Ending::All(days), 0) => Ok(Some(format!(
            "the rule {RULE} ends incomplete uploads {days} days after their start; {} other rules are as they were",
            kept.len()
        ))),
        (ending, missing) => {
            let reason = format!(
                "the rules were set, and are not as they should be when they are read back: {missing} of {} others differ, \
                 and incomplete uploads are {}",
                kept.len(),
                if matches!(ending, Ending::All(_)) { "ended" } else { "not ended" }
            );
            Err(Error::new(ErrorKind::Service, "set the lifecycle of", client.location(""), reason)
                .with_hint("look at them: `aws s3api get-bucket-lifecycle-configuration`"))
        }
    }
}

async fn rules(client: &Client) -> Result<GetBucketLifecycleConfigurationOutput> {
    let request = client.sdk.get_bucket_lifecycle_configuration().bucket(&client.bucket);
    match request.customize().config_override(client.within(ANSWER)).send().await {
        Ok(told) => Ok(told),
        Err(error) if code(&error) == Some("NoSuchLifecycleConfiguration") => {
            Ok(GetBucketLifecycleConfigurationOutput::builder().build())
        }
        Err(error) => Err(client.failed("look at the lifecycle of", "", error)),
    }
}

fn rules_of(told: &GetBucketLifecycleConfigurationOutput) -> &[LifecycleRule] {
    told.rules()
}

/// Which incomplete uploads the rules end.
enum Ending {
    /// All, after so many days.
    All(i32),
    /// Those below a prefix.
    Some(String),
    None,
}

fn ending(rules: &[LifecycleRule]) -> Ending {
    let mut below = None;
    for rule in rules.iter().filter(|rule| *rule.status() == ExpirationStatus::Enabled) {
        let Some(days) = rule.abort_incomplete_multipart_upload().and_then(|abort| abort.days_after_initiation())
        else {
            continue;
        };
        #[allow(deprecated)]
        let prefix = rule.prefix().or_else(|| rule.filter().and_then(|filter| filter.prefix())).unwrap_or_default();
        // Such a rule takes no other filter than a prefix (AWS, "Lifecycle configuration elements").
        match prefix {
            "" => return Ending::All(days),
            prefix => below = Some(prefix.to_owned()),
        }
    }
    below.map_or(Ending::None, Ending::Some)
}
