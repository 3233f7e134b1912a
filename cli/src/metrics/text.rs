//! Which figures there are, and Prometheus' text of them. Ours have the command's labels; those that aptos-db-tool has too
//! have its names and labels.

use super::figures::Figures;
use crate::service::Now;
use prometheus::core::Collector;
use prometheus::proto::MetricFamily;
use prometheus::{Counter, Encoder, Gauge, Opts, Registry, TextEncoder};
use sealift_aptos::Kind;
use std::collections::BTreeMap;
use std::time::SystemTime;

/// The name that a failed run looks for in the file of the run before.
pub(super) const LAST_SUCCESS: &str = "sealift_last_success_timestamp_seconds";

/// All figures as text. `last_success` is what a run before has told, in seconds since 1970.
pub(super) fn text(figures: &Figures, last_success: Option<f64>) -> String {
    let mut text = Vec::new();
    // Into memory, of valid names: it cannot fail.
    let _ = TextEncoder::new().encode(&families(figures, last_success), &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// All figures, by their names. The one list of them: whoever sends them in another form makes it of this.
pub(super) fn families(figures: &Figures, last_success: Option<f64>) -> Vec<MetricFamily> {
    let page = Page::new(figures);
    of_the_run(&page, figures, last_success);
    of_the_buckets(&page, figures);
    if let Some((course, client)) = figures.course() {
        let now = course.now();
        of_the_course(&page, &now);
        page.originals_of_backups(&now, &client.received());
    }
    if let Some(gaps) = figures.gaps() {
        page.gauge("sealift_archive_gaps", "Gaps between the backups of the archive.", gaps as f64);
    }
    if let Some(verified) = figures.verified() {
        page.gauge(
            "sealift_verify_findings",
            "What the last verification has found to be wrong, or could not tell.",
            verified.findings as f64,
        );
        page.gauge(
            "sealift_never_verified_objects",
            "Objects, or backups with their files, that as they are now were never verified.",
            verified.never as f64,
        );
        if let Some(oldest) = verified.oldest {
            page.gauge(
                "sealift_oldest_verification_timestamp_seconds",
                "When the object was verified that was verified longest ago; absent where one never was.",
                oldest as f64,
            );
        }
    }
    if figures.operation == "verify" {
        page.originals_of_verify(figures);
    }
    page.registry.gather()
}

fn of_the_run(page: &Page<'_>, figures: &Figures, last_success: Option<f64>) {
    page.gauge_of("sealift_build_info", "Which version this is.", &[("version", env!("CARGO_PKG_VERSION"))], 1.0);
    page.gauge("sealift_last_attempt_timestamp_seconds", "When the last run was started.", seconds(figures.started));
    page.gauge(
        "sealift_duration_seconds",
        "How long the last run took, or has taken so far.",
        figures.duration().as_secs_f64(),
    );
    let ended = figures.ended();
    let succeeded = ended.filter(|ended| ended.code == 0).map(|ended| seconds(ended.at));
    let made = figures.course().and_then(|(course, _)| course.now().success).map(seconds);
    // Being told to stop is how continuous backups end, and no success of theirs.
    let success = if figures.course().is_some() { made } else { succeeded };
    if let Some(success) = success.or(last_success) {
        page.gauge(
            LAST_SUCCESS,
            "When a run last ended with 0; of continuous backups, when one was last made, or nothing was due.",
            success,
        );
    }
    if let Some(ended) = ended {
        page.gauge("sealift_exit_code", "The exit code of the last run.", f64::from(ended.code));
        page.gauge("sealift_left_behind", "What the last run has left behind, or may have.", ended.left as f64);
    }
}

fn of_the_buckets(page: &Page<'_>, figures: &Figures) {
    let done = figures.activity();
    for (name, help, count) in [
        ("sealift_in_bytes_total", "Bytes taken to be stored, before compression.", done.bytes_in),
        ("sealift_stored_bytes_total", "Bytes whose storing the service has acknowledged.", done.bytes_stored),
        ("sealift_read_bytes_total", "Bytes that came from the service, as they are stored.", done.bytes_read),
        ("sealift_out_bytes_total", "Bytes handed on, after decompression.", done.bytes_out),
        ("sealift_sealed_objects_total", "Objects that were stored.", done.objects_sealed),
        ("sealift_slow_downs_total", "How often the service has asked to slow down.", done.slow_downs),
    ] {
        page.counter_of(name, help, &[], count);
    }
    for (cause, count) in done.retries.iter() {
        page.counter_of("sealift_retries_total", "What was tried again, by why.", &[("cause", cause.word())], count);
    }
}

fn of_the_course(page: &Page<'_>, now: &Now) {
    if let Some((epoch, version)) = now.node {
        page.gauge("sealift_node_epoch", "The epoch that is open on the node.", epoch as f64);
        page.gauge("sealift_node_version", "The last version that the node has committed.", version as f64);
    }
    for (name, help, value) in [
        ("sealift_archive_epoch_ending_epoch", "The last epoch whose ending is backed up.", now.epoch_ending),
        ("sealift_archive_state_snapshot_epoch", "The epoch of the last state snapshot.", now.snapshot_epoch),
        ("sealift_archive_transaction_version", "The last version that is backed up.", now.version),
    ] {
        if let Some(value) = value {
            page.gauge(name, help, value as f64);
        }
    }
    page.gauge("sealift_archive_gaps", "Gaps between the backups of the archive.", now.gaps as f64);
    page.gauge("sealift_caught_up", "1 when nothing is due.", f64::from(u8::from(now.has_caught_up())));
    page.gauge(
        "sealift_stalled",
        "1 when nothing moves although a backup is under way.",
        f64::from(u8::from(now.stalled.is_some())),
    );
    page.gauge(
        "sealift_heartbeat_timestamp_seconds",
        "When the work was last seen to be alive.",
        seconds(now.heartbeat),
    );
    for (kind, made) in &now.made {
        page.counter_of("sealift_backups_total", "Backups that were made.", &[("kind", word(*kind))], *made);
    }
    for (kind, failed) in &now.failed {
        page.counter_of(
            "sealift_backup_failures_total",
            "Backups that have failed, each time.",
            &[("kind", word(*kind))],
            *failed,
        );
    }
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::EpochEndings => "epoch_ending",
        Kind::StateSnapshots => "state_snapshot",
        Kind::Transactions => "transaction",
    }
}

fn seconds(time: SystemTime) -> f64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// What is put together. The names and labels are ours and valid, and each is said once, so nothing is ever refused.
struct Page<'a> {
    registry: Registry,
    figures: &'a Figures,
}

impl<'a> Page<'a> {
    fn new(figures: &'a Figures) -> Self {
        Page { registry: Registry::new(), figures }
    }

    fn gauge(&self, name: &str, help: &str, value: f64) {
        self.gauge_of(name, help, &[], value);
    }

    fn gauge_of(&self, name: &str, help: &str, labels: &[(&str, &str)], value: f64) {
        self.gauge_with(self.labelled(name, help, labels), value);
    }

    fn gauge_with(&self, opts: Opts, value: f64) {
        if let Ok(gauge) = Gauge::with_opts(opts) {
            gauge.set(value);
            self.add(gauge);
        }
    }

    fn counter_of(&self, name: &str, help: &str, labels: &[(&str, &str)], value: u64) {
        self.counter_with(self.labelled(name, help, labels), value);
    }

    fn counter_with(&self, opts: Opts, value: u64) {
        if let Ok(counter) = Counter::with_opts(opts) {
            counter.inc_by(value as f64);
            self.add(counter);
        }
    }

    fn labelled(&self, name: &str, help: &str, labels: &[(&str, &str)]) -> Opts {
        let own = self.figures.labels.iter().map(|(name, value)| (*name, value.as_str()));
        own.chain(labels.iter().copied())
            .fold(Opts::new(name, help), |opts, (name, value)| opts.const_label(name, value))
    }

    fn add(&self, figure: impl Collector + 'static) {
        let _ = self.registry.register(Box::new(figure));
    }

    /// By the names of aptos-db-tool, without labels that it does not have.
    fn originals_of_backups(&self, now: &Now, received: &BTreeMap<String, u64>) {
        let gauge = |name: &str, value: f64| {
            let name = format!("aptos_db_backup_coordinator_{name}");
            self.gauge_with(Opts::new(name, "As aptos-db-tool has it."), value);
        };
        gauge("heartbeat_timestamp_s", seconds(now.heartbeat).floor());
        for (name, value) in [
            ("epoch_ending_epoch", now.epoch_ending),
            ("state_snapshot_epoch", now.snapshot_epoch),
            ("transaction_version", now.version),
        ] {
            if let Some(value) = value {
                gauge(name, value as f64);
            }
        }
        for (endpoint, bytes) in received {
            let opts =
                Opts::new("aptos_db_backup_received_bytes", "Bytes that the node has sent, by what was asked for.");
            self.counter_with(opts.const_label("endpoint", endpoint), *bytes);
        }
    }

    fn originals_of_verify(&self, figures: &Figures) {
        let gauge = |name: &str, time: SystemTime| {
            let name = format!("aptos_db_backup_verify_coordinator_{name}_timestamp_s");
            self.gauge_with(Opts::new(name, "As aptos-db-tool has it."), seconds(time).floor());
        };
        gauge("start", figures.started);
        match figures.ended() {
            Some(ended) if ended.code == 0 => gauge("succeed", ended.at),
            Some(ended) => gauge("fail", ended.at),
            None => {}
        }
    }
}
