//! A copy within the bucket, or from another of the same service, made by the service: with everything that belongs to the object, and only of what is meant.

use crate::attempt::attempt;
use crate::client::{Client, full_checksum};
use crate::clock::{ServiceClock, time};
use crate::copy_parts::{copy_in_parts, left_of_copy};
use crate::copy_source::Source;
use crate::limits::COMPLETE;
use crate::stop::{Answer, answer, stopped, unless_stopped};
use sealift::{Attempts, Committed, Key, LeftBehind, ObjectInfo, Result, Work};

/// What one CopyObject takes (AWS, "CopyObject": up to 5 GB in a single atomic action).
const AT_ONCE: u64 = 5_000_000_000;

/// Copies the object that `info` describes from `from` to `to`.
pub(crate) async fn copy(client: &Client, from: &Key, info: &ObjectInfo, to: &Key, work: &Work) -> Result<Committed> {
    between((client, from), info, (client, to), work).await
}

/// The same from another bucket.
pub(crate) async fn copy_from(
    client: &Client,
    bucket: &str,
    from: &Key,
    info: &ObjectInfo,
    to: &Key,
    work: &Work,
) -> Result<Committed> {
    let other = Client { bucket: bucket.to_owned(), ..client.clone() };
    between((&other, from), info, (client, to), work).await
}

async fn between(
    (client, from): (&Client, &Key),
    info: &ObjectInfo,
    (target, to): (&Client, &Key),
    work: &Work,
) -> Result<Committed> {
    let source = unless_stopped(work, work.retry(|| Source::look(client, target, from, info))).await?;
    match source.size() <= AT_ONCE {
        true => copy_at_once(&source, to, work).await,
        false => copy_in_parts(&source, to, work).await,
    }
}

async fn copy_at_once(source: &Source<'_>, to: &Key, work: &Work) -> Result<Committed> {
    let target = source.target.location(to);
    let attempts = Attempts::default();
    work.may_leave([LeftBehind::object(&target).perhaps().because("its copy was sent, and the answer is open")]);
    let error = match answer(work, work.retry(|| send(source, to, &attempts))).await {
        Answer::InTime(Ok(committed)) => return Ok(committed),
        Answer::InTime(Err(error)) => error,
        Answer::AfterStop(_) | Answer::Never => stopped(&source.client.location(source.key)),
    };
    Err(error.with_left_behind(left_of_copy(&target, attempts.effect())))
}

async fn send(source: &Source<'_>, to: &Key, attempts: &Attempts) -> Result<Committed> {
    let (client, head) = (source.target, &source.head);
    // The service keeps metadata, headers and tags by itself; these it does not.
    let request = client
        .sdk
        .copy_object()
        .bucket(&client.bucket)
        .key(to.as_ref())
        .copy_source(source.path())
        .set_copy_source_if_match(source.etag())
        .set_storage_class(head.storage_class.clone())
        .set_server_side_encryption(head.server_side_encryption.clone())
        .set_ssekms_key_id(head.ssekms_key_id.clone())
        .set_bucket_key_enabled(head.bucket_key_enabled)
        .set_website_redirect_location(head.website_redirect_location.clone())
        .set_object_lock_mode(head.object_lock_mode.clone())
        .set_object_lock_retain_until_date(head.object_lock_retain_until_date)
        .set_object_lock_legal_hold_status(head.object_lock_legal_hold_status.clone());
    let clock = ServiceClock::default();
    let copied = attempt(attempts, |sent| {
        let request = request.customize().config_override(client.within(COMPLETE)).interceptor(clock.clone());
        sent.all();
        request.send()
    });
    let copied = copied.await.map_err(|error| source.not_copied("copy", error))?;
    let result = copied.copy_object_result.as_ref();
    let mut committed = Committed::new(result.and_then(|result| result.e_tag.clone()));
    committed.version = copied.version_id.clone();
    committed.checksum =
        result.and_then(|result| full_checksum(result.checksum_crc64_nvme.clone(), result.checksum_type.clone()));
    committed.at = result.and_then(|result| result.last_modified).and_then(time).or_else(|| clock.answered_at());
    Ok(committed)
}
