//! OpenTelemetry's protocol (OTLP over HTTP, as protobuf), by its own variables. The SDK makes the messages, says whose they
//! are and reads what goes with them from the environment. When they are sent, how long that takes and what is told of a
//! failure is decided in `sending`, as for the others.
//!
//! Nothing about it fails a command, also no wrong value: such variables are set for all programs of a machine.

use super::figures::Figures;
use super::sending::{LIMIT, client, unreachable, variable};
use super::text::families;
use async_trait::async_trait;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, Meter, MeterProvider};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{MetricExporter, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::reader::MetricReader;
use opentelemetry_sdk::metrics::{InstrumentKind, ManualReader, Pipeline, SdkMeterProvider, Temporality};
use prometheus::proto::{MetricFamily, MetricType};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

/// How often they are sent, unless OTEL_METRIC_EXPORT_INTERVAL says it.
const EVERY: Duration = Duration::from_secs(60);

/// A collector, and what was told to the SDK.
#[derive(Debug)]
pub(super) struct Otlp {
    exporter: MetricExporter,
    reader: Reader,
    meter: Meter,
    points: Arc<Mutex<Points>>,
    sender: Sender,
    pub(super) every: Duration,
    /// How long it may take: OTEL_EXPORTER_OTLP_TIMEOUT shortens ours.
    pub(super) limit: Duration,
    /// The variable that names it.
    pub(super) named_by: &'static str,
    /// The SDK collects as long as it lives.
    _provider: SdkMeterProvider,
}

/// What each figure says now, by its name. A name that is here is known to the SDK.
type Points = BTreeMap<String, Vec<(Vec<KeyValue>, f64)>>;

impl Otlp {
    /// Where the environment says, if it does.
    pub(super) fn from_environment() -> Option<Self> {
        let (named_by, endpoint) = first(["OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"])?;
        if is("OTEL_SDK_DISABLED", "true") || is("OTEL_METRICS_EXPORTER", "none") {
            return None;
        }
        let protocol = first(["OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"]);
        if let Some((name, said)) = protocol.filter(|(_, said)| said != "http/protobuf") {
            tracing::warn!("{name}: no figures are sent by {said:?}; http/protobuf is what there is");
            return None;
        }
        let Some(host) = endpoint.parse::<reqwest::Url>().ok().filter(|url| matches!(url.scheme(), "http" | "https"))
        else {
            tracing::warn!("{named_by}: no figures are sent: it is no http:// or https:// URL");
            return None;
        };
        let host = host.host_str().unwrap_or_default().to_owned();
        Self::begin(named_by, host).inspect_err(|why| tracing::warn!("{named_by}: no figures are sent: {why}")).ok()
    }

    fn begin(named_by: &'static str, host: String) -> Result<Self, String> {
        let http = client().map_err(|error| error.without_url().to_string())?;
        let sender = Sender { http, host, failed: Arc::default() };
        let exporter = MetricExporter::builder().with_http().with_http_client(sender.clone()).build();
        // What it says of an endpoint has the endpoint in it.
        let exporter = exporter.map_err(|_| "OpenTelemetry does not take its value".to_owned())?;
        let reader = ManualReader::builder().with_temporality(exporter.temporality()).build();
        let reader = Reader(Arc::new(reader));
        let provider = SdkMeterProvider::builder().with_reader(reader.clone()).with_resource(resource()).build();
        let every = milliseconds(["OTEL_METRIC_EXPORT_INTERVAL"]).unwrap_or(EVERY);
        let limit = milliseconds(["OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"]);
        let limit = limit.map_or(LIMIT, |limit| limit.min(LIMIT));
        let (meter, points) = (provider.meter("sealift"), Arc::default());
        Ok(Otlp { exporter, reader, meter, points, sender, every, limit, named_by, _provider: provider })
    }

    pub(super) fn host(&self) -> &str {
        &self.sender.host
    }

    /// Sends them once. Otherwise why they were not taken.
    pub(super) async fn send(&self, figures: &Figures) -> Result<(), String> {
        self.tell(families(figures, None));
        let mut collected = ResourceMetrics::default();
        self.reader.collect(&mut collected).map_err(|error| error.to_string())?;
        let sent = self.exporter.export(&collected).await;
        sent.map_err(|error| locked(&self.sender.failed).take().unwrap_or_else(|| error.to_string()))
    }

    /// Tells the SDK what there is.
    fn tell(&self, families: Vec<MetricFamily>) {
        let mut points = locked(&self.points);
        points.values_mut().for_each(Vec::clear);
        for family in &families {
            if !points.contains_key(family.name()) {
                self.make_known(family);
            }
            points.insert(family.name().to_owned(), points_of(family));
        }
    }

    /// The SDK asks for what a figure says when it collects, and by then it has been told.
    fn make_known(&self, family: &MetricFamily) {
        let (name, help) = (family.name().to_owned(), family.help().to_owned());
        let points = Arc::clone(&self.points);
        let observed = name.clone();
        let observe = move |instrument: &dyn AsyncInstrument<f64>| {
            for (labels, value) in locked(&points).get(&observed).into_iter().flatten() {
                instrument.observe(*value, labels);
            }
        };
        match family.get_field_type() {
            MetricType::COUNTER => {
                self.meter.f64_observable_counter(name).with_description(help).with_callback(observe).build();
            }
            _ => {
                self.meter.f64_observable_gauge(name).with_description(help).with_callback(observe).build();
            }
        }
    }
}

fn points_of(family: &MetricFamily) -> Vec<(Vec<KeyValue>, f64)> {
    let of = |metric: &prometheus::proto::Metric| {
        let labels = metric.get_label().iter();
        let labels = labels.map(|label| KeyValue::new(label.name().to_owned(), label.value().to_owned())).collect();
        let value = match family.get_field_type() {
            MetricType::COUNTER => metric.get_counter().get_value(),
            _ => metric.get_gauge().get_value(),
        };
        (labels, value)
    };
    family.get_metric().iter().map(of).collect()
}

/// Whose figures they are: `sealift`'s, unless OTEL_SERVICE_NAME or OTEL_RESOURCE_ATTRIBUTES says otherwise.
fn resource() -> Resource {
    let resource = Resource::builder().with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    let said = Resource::builder().build().get(&"service.name".into());
    match said.is_some_and(|name| !name.as_str().starts_with("unknown_service")) {
        true => resource.build(),
        false => resource.with_service_name("sealift").build(),
    }
}

/// The first of `names` that is set, and what it says.
fn first<const N: usize>(names: [&'static str; N]) -> Option<(&'static str, String)> {
    names.into_iter().find_map(|name| Some((name, variable(name)?)))
}

fn milliseconds<const N: usize>(names: [&'static str; N]) -> Option<Duration> {
    let said = first(names)?.1.parse().ok().filter(|said| *said > 0)?;
    Some(Duration::from_millis(said))
}

fn is(name: &str, value: &str) -> bool {
    variable(name).is_some_and(|said| said.eq_ignore_ascii_case(value))
}

fn locked<T>(held: &Mutex<T>) -> MutexGuard<'_, T> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sends what the exporter has made. The exporter does not tell why that fails, so it is noted here.
#[derive(Debug, Clone)]
struct Sender {
    http: reqwest::Client,
    host: String,
    failed: Arc<Mutex<Option<String>>>,
}

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let answer = self.http.send_bytes(request).await;
        let failed = match &answer {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("{} answers {}", self.host, answer.status())),
            Err(_) => None,
        };
        *locked(&self.failed) = failed;
        answer.map_err(|error| match error.downcast::<reqwest::Error>() {
            Ok(error) => {
                let why = unreachable(&self.host, *error);
                *locked(&self.failed) = Some(why.clone());
                why.into()
            }
            Err(other) => other,
        })
    }
}

/// One reader for two: the SDK, which registers with it, and us, who ask it.
#[derive(Debug, Clone)]
struct Reader(Arc<ManualReader>);

impl MetricReader for Reader {
    fn register_pipeline(&self, pipeline: Weak<Pipeline>) {
        self.0.register_pipeline(pipeline);
    }

    fn collect(&self, collected: &mut ResourceMetrics) -> OTelSdkResult {
        self.0.collect(collected)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        self.0.temporality(kind)
    }
}
