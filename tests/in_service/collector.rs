//! OpenTelemetry's collectors: one that takes figures, one that refuses them, one that is not there and one that is silent.

use crate::scene::{HANGS, continuously, node, stop};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{Metric, NumberDataPoint, metric, number_data_point};
use prost::Message;
use sealift_tests::cli::{self, SECRET, run_with_input};
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Instant;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// What a collector was sent.
#[derive(Debug)]
struct Taken {
    path: String,
    key: String,
    figures: ExportMetricsServiceRequest,
}

/// A collector that answers with `status`.
async fn collector(status: StatusCode) -> (SocketAddr, mpsc::UnboundedReceiver<Taken>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let address = listener.local_addr().expect("an address");
    let (taken, takes) = mpsc::unbounded_channel();
    // Ends with the test's runtime.
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let taken = taken.clone();
            let answer = service_fn(move |request: Request<Incoming>| {
                let taken = taken.clone();
                async move {
                    assert_eq!(request.headers()["content-type"], "application/x-protobuf");
                    let key = request.headers().get("api-key").map(|key| key.to_str().expect("text").to_owned());
                    let path = request.uri().path().to_owned();
                    let body = request.into_body().collect().await.expect("read").to_bytes();
                    let figures = ExportMetricsServiceRequest::decode(body).expect("OpenTelemetry's message");
                    let _ = taken.send(Taken { path, key: key.unwrap_or_default(), figures });
                    let mut response = Response::new(Full::new(Bytes::new()));
                    *response.status_mut() = status;
                    Ok::<_, Infallible>(response)
                }
            });
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
        }
    });
    (address, takes)
}

impl Taken {
    fn resource(&self, key: &str) -> Option<String> {
        let resource = self.figures.resource_metrics.first()?.resource.as_ref()?;
        text(&resource.attributes, key)
    }

    fn metrics(&self) -> impl Iterator<Item = &Metric> {
        self.figures.resource_metrics.iter().flat_map(|of| &of.scope_metrics).flat_map(|of| &of.metrics)
    }

    /// The point of the figure `name` that has the label.
    fn point(&self, name: &str, label: (&str, &str)) -> Option<&NumberDataPoint> {
        let metric = self.metrics().find(|metric| metric.name == name)?;
        let points = match metric.data.as_ref()? {
            metric::Data::Gauge(gauge) => &gauge.data_points,
            metric::Data::Sum(sum) => &sum.data_points,
            other => panic!("{name} is {other:?}"),
        };
        points.iter().find(|point| text(&point.attributes, label.0).as_deref() == Some(label.1))
    }

    fn value(&self, name: &str, label: (&str, &str)) -> Option<f64> {
        match self.point(name, label)?.value? {
            number_data_point::Value::AsDouble(value) => Some(value),
            number_data_point::Value::AsInt(value) => panic!("{name} is {value}, and no other is whole"),
        }
    }
}

fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    let it = attributes.iter().find(|attribute| attribute.key == key)?;
    match it.value.as_ref()?.value.as_ref()? {
        any_value::Value::StringValue(text) => Some(text.clone()),
        other => panic!("{key} is {other:?}"),
    }
}

fn put(folder: &Path) -> Command {
    let mut command = cli::command(["put", "name", "--storage=local-fs", "--metrics-job=nightly", "--local-fs-dir"]);
    command.arg(folder).arg("--metrics-file").arg(folder.join("told.prom"));
    command
}

const PUT: (&str, &str) = ("operation", "put");

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_takes_at_the_end_what_the_file_says_too() {
    let (address, mut taken) = collector(StatusCode::OK).await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = put(folder.path());
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{address}"));
    command.env("OTEL_EXPORTER_OTLP_HEADERS", format!("api-key={SECRET}"));
    command.env("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=trial");
    run_with_input(command, &[b'x'; 100_000]).await.expect_code(0);

    let mut last = None;
    while let Ok(it) = taken.try_recv() {
        assert_eq!((&*it.path, &*it.key), ("/v1/metrics", SECRET));
        last = Some(it);
    }
    let last = last.expect("it was sent");
    assert_eq!(last.resource("service.name").as_deref(), Some("sealift"));
    assert_eq!(last.resource("deployment.environment").as_deref(), Some("trial"));
    assert_eq!(last.value("sealift_exit_code", PUT), Some(0.0));
    assert_eq!(last.value("sealift_in_bytes_total", PUT), Some(100_000.0));
    assert_eq!(last.value("sealift_stored_bytes_total", ("job_name", "nightly")), Some(100_000.0));
    assert_eq!(last.value("sealift_retries_total", ("cause", "throttled")), Some(0.0));
    let counter = last.metrics().find(|metric| metric.name == "sealift_in_bytes_total").expect("there");
    match &counter.data {
        Some(metric::Data::Sum(sum)) => assert!(sum.is_monotonic && sum.aggregation_temporality == 2, "{sum:?}"),
        other => panic!("no counter: {other:?}"),
    }
    // The file has the same figures, each of them.
    let told = std::fs::read_to_string(folder.path().join("told.prom")).expect("written");
    let told: BTreeSet<_> = told.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let sent: BTreeSet<_> = last.metrics().map(|metric| metric.name.as_str()).collect();
    assert_eq!(sent, told);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_hears_of_continuous_backups_again_and_again() {
    let (address, mut taken) = collector(StatusCode::OK).await;
    let (node, folder) = (node().await, tempfile::tempdir().expect("a folder"));
    let mut command = continuously(&node.endpoint(), folder.path());
    // The endpoint of metrics is taken as it is, and is stronger.
    command.env("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", format!("http://{address}/of/metrics"));
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1");
    command.env("OTEL_METRIC_EXPORT_INTERVAL", "200").env("OTEL_SERVICE_NAME", "archive");
    let child = command.spawn().expect("sealift starts");
    let version = (node.chain().last_version() / 10 * 10) as f64;
    let backup = ("operation", "backup");
    let (mut first, mut made) = (None, 0.0);
    loop {
        let it = timeout(HANGS, taken.recv()).await.expect("it is sent").expect("the collector lives");
        assert_eq!((&*it.path, it.resource("service.name").as_deref()), ("/of/metrics", Some("archive")));
        assert_eq!(it.value("sealift_exit_code", backup), None);
        let point = it.point("sealift_in_bytes_total", backup).expect("there");
        // A count has one beginning, and never falls.
        assert_eq!(*first.get_or_insert(point.start_time_unix_nano), point.start_time_unix_nano);
        let now = it.value("sealift_in_bytes_total", backup).expect("there");
        assert!(made <= now, "{made} {now}");
        made = now;
        if it.value("sealift_archive_transaction_version", backup) == Some(version) {
            break;
        }
    }
    stop(child).await.expect_code(0);
    let mut at_the_end = None;
    while let Ok(it) = taken.try_recv() {
        at_the_end = it.value("sealift_exit_code", backup);
    }
    assert_eq!(at_the_end, Some(0.0));
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_takes_nothing_does_no_harm_and_is_told_once() {
    let (refusing, _taken) = collector(StatusCode::FORBIDDEN).await;
    // A port that nobody listens on any more, and one where connections are made and nothing is read.
    let dead = TcpListener::bind("127.0.0.1:0").await.expect("bound").local_addr().expect("an address");
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let an_hour = "3600000";
    for (address, why) in [
        (refusing, "127.0.0.1 answers 403"),
        (dead, "127.0.0.1 cannot be reached: Connection refused"),
        (silent.local_addr().expect("an address"), "127.0.0.1 does not answer in 10s"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = put(folder.path());
        command.env("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", format!("http://{address}/v1/metrics?key={SECRET}"));
        command.env("OTEL_EXPORTER_OTLP_TIMEOUT", an_hour);
        let begun = Instant::now();
        let ended = timeout(HANGS, run_with_input(command, b"x")).await.expect("it ends").expect_code(0);
        let warning =
            format!("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: figures are not taken, and will be sent again: {why}");
        assert_eq!(ended.stderr.matches(&warning).count(), 1, "after {:?}: {}", begun.elapsed(), ended.stderr);
        assert!(!ended.stderr.contains(SECRET), "{}", ended.stderr);
        assert!(folder.path().join("name").exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_of_opentelemetry_never_fail_a_command() {
    let (address, mut taken) = collector(StatusCode::OK).await;
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{address}"));
    for (settings, warning) in [
        (vec![("OTEL_EXPORTER_OTLP_ENDPOINT", SECRET.to_owned())], Some("it is no http:// or https:// URL")),
        (
            vec![endpoint.clone(), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc".to_owned())],
            Some("OTEL_EXPORTER_OTLP_PROTOCOL: no figures are sent by \"grpc\""),
        ),
        (vec![endpoint.clone(), ("OTEL_SDK_DISABLED", "true".to_owned())], None),
        (vec![endpoint.clone(), ("OTEL_METRICS_EXPORTER", "none".to_owned())], None),
        (vec![], None),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = put(folder.path());
        command.envs(settings);
        let ended = run_with_input(command, b"x").await.expect_code(0);
        match warning {
            Some(warning) => assert!(ended.stderr.contains(warning), "{}", ended.stderr),
            None => assert!(!ended.stderr.contains("OTEL_"), "{}", ended.stderr),
        }
        assert!(!ended.stderr.contains(SECRET), "{}", ended.stderr);
    }
    assert!(taken.try_recv().is_err(), "nothing was sent");
}
