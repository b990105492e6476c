//! Who may ask, and for what.
//!
//! Whoever asks needs the token, for everything. Where the dashboard listens on a loopback address the
//! request must name such a host as well: a page of somebody else's, whose name has been made to lead
//! here, names its own.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::rc::Rc;
use std::time::Duration;

use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

use super::body::Reply;
use super::events::Hub;
use super::tasks::Tasks;
use super::token::Token;
use crate::observe::Recorder;
use crate::observe::metrics::render;
use crate::time::sleep;

const PAGE: &str = include_str!("page/index.html");
const STYLE: &str = include_str!("page/dashboard.css");
const SCRIPT: &str = include_str!("page/dashboard.js");
const ICON: &str = include_str!("page/icon.svg");

/// How long a recording is, in seconds: unless it is said, and when it is.
const TRACE_SECS: u64 = 5;
const TRACE_LIMITS: RangeInclusive<u64> = 1..=30;

/// Stands for the token in the page, whose links need it.
const TOKEN: &str = "%TOKEN%";

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What the page may do: nothing but to load its own files and to ask this server.
const POLICY: &str =
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What is served, and to whom.
pub(super) struct Site {
    token: Token,
    loopback: bool,
    page: Bytes,
}

impl Site {
    pub(super) fn new(token: Token, bound: SocketAddr) -> Site {
        // The token is made of characters that mean nothing in HTML.
        let page = PAGE.replace(TOKEN, token.as_str()).into();
        Site {
            loopback: bound.ip().is_loopback(),
            page,
            token,
        }
    }

    #[cfg(test)]
    pub(super) fn with_page(self, page: Bytes) -> Site {
        Site { page, ..self }
    }

    /// Whether the request has the token, and comes by a name that it may come by.
    fn admits(&self, query: Option<&str>, headers: &HeaderMap) -> Result<(), &'static str> {
        if self.loopback && !headers.get(header::HOST).is_some_and(is_local) {
            return Err("this dashboard is for this machine: ask for 127.0.0.1 or localhost\n");
        }
        let mut given = query.into_iter().flat_map(|query| query.split('&'));
        let in_query = given.find_map(|pair| pair.strip_prefix("token="));
        let bearer = |value: &HeaderValue| {
            let token = value.to_str().ok()?.strip_prefix("Bearer ")?;
            self.token.is(token).then_some(())
        };
        let in_header = headers.get(header::AUTHORIZATION).and_then(bearer);
        if in_header.is_some() || in_query.is_some_and(|token| self.token.is(token)) {
            return Ok(());
        }
        Err(
            "the token is missing or wrong: the right address is what `io2::observe::dashboard_url()` \
             and the event `dashboard` say, and it is a new one each time the program starts\n",
        )
    }
}

/// Whether a host is this machine itself.
fn is_local(host: &HeaderValue) -> bool {
    let Ok(host) = host.to_str() else {
        return false;
    };
    let name = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((name, _)) => name,
            None => return false,
        },
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    let address = name.parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// What connections share.
pub(super) struct State {
    site: Site,
    hub: Rc<Hub>,
    tasks: Tasks,
}

impl State {
    pub(super) fn new(site: Site) -> State {
        State {
            site,
            hub: Rc::default(),
            tasks: Tasks::default(),
        }
    }
}

/// Answers a request.
pub(super) async fn answer(request: &Request<Incoming>, state: &State) -> Response<Reply> {
    let query = request.uri().query();
    if let Err(why) = state.site.admits(query, request.headers()) {
        return respond(StatusCode::FORBIDDEN, TEXT, why);
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut response = respond(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET and HEAD\n");
        let allowed = HeaderValue::from_static("GET, HEAD");
        response.headers_mut().insert(header::ALLOW, allowed);
        return response;
    }
    match request.uri().path() {
        "/" => respond(
            StatusCode::OK,
            "text/html; charset=utf-8",
            state.site.page.clone(),
        ),
        "/dashboard.css" => respond(StatusCode::OK, "text/css; charset=utf-8", STYLE),
        "/dashboard.js" => respond(StatusCode::OK, "text/javascript; charset=utf-8", SCRIPT),
        "/icon.svg" => respond(StatusCode::OK, "image/svg+xml", ICON),
        "/tasks" => respond(StatusCode::OK, JSON, state.tasks.json().await),
        "/metrics" => {
            let open = wants_open_metrics(request.headers());
            let kind = if open { OPEN_METRICS } else { METRICS };
            respond(StatusCode::OK, kind, render(open, &state.tasks.recent()))
        }
        "/trace" => trace(query).await,
        "/events" => {
            let events = Reply::Events(state.hub.subscribe());
            reply(StatusCode::OK, "text/event-stream", events)
        }
        _ => respond(StatusCode::NOT_FOUND, TEXT, "nothing is here\n"),
    }
}

/// Records for a while, and gives what was recorded. A client that goes away ends it.
async fn trace(query: Option<&str>) -> Response<Reply> {
    let mut pairs = query.into_iter().flat_map(|query| query.split('&'));
    let secs = match pairs.find_map(|pair| pair.strip_prefix("secs=")) {
        None => Some(TRACE_SECS),
        Some(text) => text.parse().ok().filter(|secs| TRACE_LIMITS.contains(secs)),
    };
    let Some(secs) = secs else {
        let text = "secs must be a whole number from 1 to 30\n";
        return respond(StatusCode::BAD_REQUEST, TEXT, text);
    };
    let recorder = match Recorder::start() {
        Ok(recorder) => recorder,
        Err(error) => return respond(StatusCode::CONFLICT, TEXT, format!("{error}\n")),
    };
    sleep(Duration::from_secs(secs)).await;
    let recording = recorder.stop();
    // There may be a lot, and others are to be served meanwhile.
    let encode = move || {
        let mut bytes = Vec::new();
        recording.write_to(&mut bytes).map(|()| bytes)
    };
    match crate::spawn::spawn_blocking(encode).await {
        Ok(bytes) => {
            let mut response = respond(StatusCode::OK, "application/octet-stream", bytes);
            let name = HeaderValue::from_static("attachment; filename=\"io2.perfetto-trace\"");
            response
                .headers_mut()
                .insert(header::CONTENT_DISPOSITION, name);
            response
        }
        Err(error) => respond(
            StatusCode::INTERNAL_SERVER_ERROR,
            TEXT,
            format!("{error}\n"),
        ),
    }
}

/// Whether who asks can read OpenMetrics: what asks for nothing gets the format that everything reads.
fn wants_open_metrics(headers: &HeaderMap) -> bool {
    let mut accepted = headers.get_all(header::ACCEPT).iter();
    accepted.any(|value| {
        let value = value.to_str().unwrap_or_default().to_ascii_lowercase();
        value.contains("application/openmetrics-text")
    })
}

fn respond(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Response<Reply> {
    reply(status, kind, Reply::Whole(Some(body.into())))
}

fn reply(status: StatusCode, kind: &'static str, body: Reply) -> Response<Reply> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_local() {
        let local = |host: &str| is_local(&HeaderValue::from_str(host).unwrap());
        for right in [
            "localhost",
            "LOCALHOST:7070",
            "127.0.0.1:80",
            "127.8.9.1",
            "[::1]:7070",
            "[::1]",
        ] {
            assert!(local(right), "{right}");
        }
        for wrong in [
            "",
            "example.org",
            "localhost.example.org",
            "127.0.0.1.example.org",
            "10.0.0.1",
            "[::1",
            "[::2]:7070",
            "::1",
            "localhost@example.org",
            "127.1",
        ] {
            assert!(!local(wrong), "{wrong}");
        }
    }

    #[test]
    fn only_who_accepts_open_metrics_gets_it() {
        let wants = |accept: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in accept {
                headers.append(header::ACCEPT, HeaderValue::from_str(value).unwrap());
            }
            wants_open_metrics(&headers)
        };
        assert!(wants(&[
            "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4"
        ]));
        assert!(wants(&["text/plain", "Application/OpenMetrics-Text"]));
        assert!(!wants(&["text/html,*/*;q=0.8"]));
        assert!(!wants(&[]));
    }

    #[test]
    fn the_page_is_small_and_asks_nobody_else() {
        let files = [PAGE, STYLE, SCRIPT, ICON];
        let size: usize = files.iter().map(|file| file.len()).sum();
        assert!(size < 100_000, "{size} bytes");
        for file in files {
            let namespace = "http://www.w3.org/2000/svg";
            let file = file.replace(namespace, "");
            for outside in [
                "http:",
                "https:",
                "url(",
                "@import",
                "innerHTML",
                "outerHTML",
                "eval(",
            ] {
                assert!(!file.contains(outside), "{outside}");
            }
        }
        // The policy forbids scripts and handlers within the page, so there must be none.
        let scripts = PAGE.matches("<script").count();
        assert_eq!(scripts, PAGE.matches("<script src=").count());
        for attribute in PAGE.split_whitespace().filter(|word| word.contains('=')) {
            assert!(
                !attribute.starts_with("on") && !attribute.starts_with("style"),
                "{attribute}"
            );
        }
    }
}
