//! From `tracing` to OTLP: this file is for copying.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry::trace::TracerProvider;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{ExporterBuildError, LogExporter, SpanExporter, WithHttpConfig};
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;
use ureq::Agent;

/// A collector that takes longer is given up.
const LIMIT: Duration = Duration::from_secs(3);

/// What sends, until it is ended.
pub(crate) struct Export {
    traces: SdkTracerProvider,
    logs: SdkLoggerProvider,
}

impl Export {
    /// Sets the subscriber of the process. Two threads send: one the spans, one the logs.
    pub(crate) fn start() -> Result<Export, ExporterBuildError> {
        let spans = SpanExporter::builder().with_http();
        let spans = spans.with_http_client(Client::new("spans")).build()?;
        let traces = SdkTracerProvider::builder()
            .with_batch_exporter(spans)
            .build();
        let records = LogExporter::builder().with_http();
        let records = records.with_http_client(Client::new("logs")).build()?;
        let logs = SdkLoggerProvider::builder()
            .with_batch_exporter(records)
            .build();

        // Spans of tasks have the level TRACE. With them each task is a trace of its own, or, for tasks that
        // live long, leave the line with `io2::task` out: what the program itself opens is then the root. Polls and
        // operations have spans, too; they are for a subscriber on the spot, and too many for a collector.
        let spans = Targets::new()
            .with_default(Level::INFO)
            .with_target("io2::task", Level::TRACE);
        let tracer = traces.tracer("orders");
        tracing_subscriber::registry()
            .with(
                tracing_opentelemetry::layer()
                    .with_tracer(tracer)
                    .with_filter(spans),
            )
            .with(
                // An event without a span is in no trace, and that of a span which never ends comes never: as logs
                // they come all, and soon.
                OpenTelemetryTracingBridge::new(&logs)
                    .with_filter(Targets::new().with_default(Level::INFO)),
            )
            .init();
        Ok(Export { traces, logs })
    }

    /// Sends what is left. It blocks, for a few seconds at most, so no task should call it.
    pub(crate) fn end(self) {
        // What could not be sent the client has said.
        let _ = self.traces.shutdown();
        let _ = self.logs.shutdown();
    }
}

/// Sends by HTTP, and blocks: it is called on threads that do nothing else. With its feature `rustls`, ureq speaks
/// HTTPS as well.
#[derive(Debug)]
struct Client {
    agent: Agent,
    what: &'static str,
    failed: AtomicBool,
}

impl Client {
    fn new(what: &'static str) -> Client {
        let config = Agent::config_builder()
            .timeout_global(Some(LIMIT))
            // The exporter looks at the status, and knows which ones to try again after.
            .http_status_as_error(false);
        Client {
            agent: config.build().into(),
            what,
            failed: AtomicBool::new(false),
        }
    }

    fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, ureq::Error> {
        let request = request.map(Vec::from);
        let mut response = self.agent.run(request)?;
        let bytes = response.body_mut().read_to_vec()?;
        Ok(response.map(|_| bytes.into()))
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let to = request.uri().clone();
        let sent = self.send(request);
        let problem = match &sent {
            Ok(response) if response.status().is_success() => None,
            Ok(response) => Some(response.status().to_string()),
            Err(error) => Some(error.to_string()),
        };
        // Told once, since a collector that is away is asked again and again. Not by `tracing`: it would be sent.
        if let Some(problem) = problem
            && !self.failed.swap(true, Ordering::Relaxed)
        {
            eprintln!("the {} do not reach {to}: {problem}", self.what);
        }
        Ok(sent?)
    }
}
