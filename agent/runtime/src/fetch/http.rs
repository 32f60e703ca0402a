//! Requests over HTTP that keep to a pace, come back after a wait, and tell nobody a key.

use super::{
    FetchError, Settings, Tell,
    retry::{Pace, Retry, retry_after},
};
use crate::download::{host, is_here};
use reqwest::{
    RequestBuilder, StatusCode, Url,
    header::{HeaderName, HeaderValue, RETRY_AFTER},
    redirect::Policy,
};
use std::{
    error::Error,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Most bytes of an answer.
const BODY_BYTES_MAX: usize = 32 << 20;
/// Most characters of a server's own words that are repeated.
const SAID_CHARS_MAX: usize = 200;

/// The secret that a source is asked with.
pub struct ApiKey {
    header: HeaderName,
    value: HeaderValue,
}

impl ApiKey {
    /// `text` as the value of `header`; `None` if no header can hold it.
    pub fn new(header: HeaderName, text: &str) -> Option<Self> {
        let mut value = HeaderValue::from_str(text).ok()?;
        value.set_sensitive(true);
        (!text.is_empty()).then_some(Self { header, value })
    }
}

impl std::fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiKey").field("header", &self.header).finish_non_exhaustive()
    }
}

/// One server.
pub(super) struct Http {
    client: reqwest::Client,
    base: Url,
    host: String,
    key: Option<ApiKey>,
    retry: Retry,
    pace: Mutex<Pace>,
    tell: Tell,
}

/// How one attempt ended.
enum Attempt {
    Answer(Vec<u8>),
    Again { reason: String, asked: Option<Duration> },
    Never(FetchError),
}

impl Http {
    /// The server at `base`, asked `per_minute` times a minute at most.
    ///
    /// # Errors
    /// If there is no client, or the key would be sent in clear to another machine.
    pub(super) fn new(
        base: Url,
        per_minute: u32,
        settings: &Settings,
        key: Option<ApiKey>,
    ) -> Result<Self, FetchError> {
        let host = host(&base);
        if key.is_some() && base.scheme() != "https" && !is_here(&base) {
            return Err(FetchError::Clear { host });
        }
        // Another server must not get the key, so a redirection is an answer like any other that is no good.
        let client = reqwest::Client::builder()
            .user_agent(concat!("quaestor/", env!("CARGO_PKG_VERSION")))
            .timeout(settings.timeout)
            .connect_timeout(settings.timeout)
            .redirect(Policy::none())
            .build()
            .map_err(|error| FetchError::Client { reason: error.without_url().to_string() })?;
        let pace = Mutex::new(Pace::new(settings.per_minute.unwrap_or(per_minute)));
        Ok(Self { client, base, host, key, retry: settings.retry, pace, tell: settings.tell.clone() })
    }

    /// Host and port.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Scheme, host and port: what of the URL may be written down.
    pub(super) fn origin(&self) -> String {
        format!("{}://{}", self.base.scheme(), self.host)
    }

    /// The JSON at `path` below the base.
    ///
    /// # Errors
    /// If no attempt brings some.
    pub(super) async fn get(&self, path: &[&str], query: &[(&str, String)]) -> Result<Vec<u8>, FetchError> {
        let what = path.join("/");
        let mut url = self.base.clone();
        let Ok(mut segments) = url.path_segments_mut() else {
            return Err(FetchError::Client { reason: format!("the URL of {} has no path", self.host) });
        };
        segments.pop_if_empty().extend(path);
        drop(segments);
        url.query_pairs_mut().extend_pairs(query);
        let name = format!("{what} {query:?}");
        self.send(&what, &name, || self.client.get(url.clone()), is_cut_off).await
    }

    /// Posts JSON to the base; `is_busy` says why an answer is none yet.
    ///
    /// # Errors
    /// If no attempt brings an answer.
    pub(super) async fn post(
        &self,
        body: String,
        is_busy: impl Fn(&[u8]) -> Option<String>,
    ) -> Result<Vec<u8>, FetchError> {
        let request = || {
            let request = self.client.post(self.base.clone()).header("content-type", "application/json");
            request.body(body.clone())
        };
        self.send("a call", &body, request, |answer| is_cut_off(answer).or_else(|| is_busy(answer))).await
    }

    /// Sends until an answer is good, for ever no good, or attempts are used up.
    async fn send(
        &self,
        what: &str,
        name: &str,
        request: impl Fn() -> RequestBuilder,
        is_none_yet: impl Fn(&[u8]) -> Option<String>,
    ) -> Result<Vec<u8>, FetchError> {
        let attempts = self.retry.attempts.max(1);
        let mut last = String::new();
        for attempt in 1..=attempts {
            let turn = self.pace.lock().unwrap_or_else(PoisonError::into_inner).turn(Instant::now());
            tokio::time::sleep(turn).await;
            let request = match &self.key {
                Some(ApiKey { header, value }) => request().header(header, value),
                None => request(),
            };
            let (reason, asked) = match self.once(what, request).await {
                Attempt::Never(error) => return Err(error),
                Attempt::Again { reason, asked } => (reason, asked),
                Attempt::Answer(bytes) => match is_none_yet(&bytes) {
                    None => return Ok(bytes),
                    Some(reason) => (reason, None),
                },
            };
            if attempt < attempts {
                let wait = self.wait(name, attempt, &reason, asked)?;
                (self.tell)(&format!("{}: {reason}; again in {:.1} s", self.host, wait.as_secs_f64()));
                tokio::time::sleep(wait).await;
            }
            last = reason;
        }
        Err(FetchError::Unreachable { host: self.host.clone(), attempts, reason: last })
    }

    /// The longer of what the server asks for and what comes from doubling.
    fn wait(&self, name: &str, attempt: u32, reason: &str, asked: Option<Duration>) -> Result<Duration, FetchError> {
        let own = self.retry.wait(name, attempt);
        match asked {
            Some(asked) if asked > self.retry.asked_longest => {
                let (host, secs, reason) = (self.host.clone(), asked.as_secs(), reason.to_owned());
                Err(FetchError::WaitTooLong { host, secs, reason })
            }
            Some(asked) => Ok(asked.max(own)),
            None => Ok(own),
        }
    }

    async fn once(&self, what: &str, request: RequestBuilder) -> Attempt {
        let again = |error: reqwest::Error| Attempt::Again { reason: words(error), asked: None };
        let mut answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => return again(error),
        };
        let status = answer.status();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let asked = answer.headers().get(RETRY_AFTER).and_then(|text| retry_after(text.to_str().ok()?, now));
        let mut bytes = Vec::new();
        loop {
            match answer.chunk().await {
                Ok(Some(chunk)) if bytes.len() + chunk.len() <= BODY_BYTES_MAX => bytes.extend_from_slice(&chunk),
                Ok(Some(_)) => {
                    let (host, what) = (self.host.clone(), what.to_owned());
                    let reason = format!("it has more than {BODY_BYTES_MAX} bytes");
                    return Attempt::Never(FetchError::Malformed { host, what, reason });
                }
                Ok(None) => break,
                // Of what is no good anyway the status says enough.
                Err(error) if status.is_success() => return again(error),
                Err(_) => break,
            }
        }
        if status.is_success() {
            return Attempt::Answer(bytes);
        }
        let (host, what, said) = (self.host.clone(), what.to_owned(), self.said(&bytes));
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Attempt::Never(FetchError::Rejected { host, status: status.as_u16(), said })
            }
            _ if may_pass(status) => Attempt::Again { reason: format!("HTTP status {status}"), asked },
            _ => Attempt::Never(FetchError::Refused { host, what, status: status.as_u16(), said }),
        }
    }

    /// What the server says went wrong, where its answer has a known form: short, without URLs, without the key.
    fn said(&self, body: &[u8]) -> String {
        let Ok(body) = serde_json::from_slice::<serde_json::Value>(body) else { return String::new() };
        let places = ["/error", "/message", "/error/message", "/status/error_message", "/error/status/error_message"];
        let Some(text) = places.iter().find_map(|place| body.pointer(place)?.as_str()) else { return String::new() };
        let secret = self.key.as_ref().and_then(|key| key.value.to_str().ok());
        let text = secret.map_or_else(|| text.to_owned(), |secret| text.replace(secret, "(key)"));
        let word = |word: &str| if word.contains("://") { "(url)".to_owned() } else { word.to_owned() };
        let text: Vec<String> = text.split_whitespace().map(word).collect();
        let text: String = text.join(" ").chars().filter(|it| !it.is_control()).take(SAID_CHARS_MAX).collect();
        format!(": {text}")
    }
}

/// Why an answer in JSON is only a part of one.
fn is_cut_off(answer: &[u8]) -> Option<String> {
    let error = serde_json::from_slice::<serde::de::IgnoredAny>(answer).err()?;
    error.is_eof().then(|| "the answer ends before its end".to_owned())
}

/// Whether a server that answers so may answer otherwise a little later.
pub(crate) fn may_pass(status: StatusCode) -> bool {
    let known = matches!(
        status,
        StatusCode::REQUEST_TIMEOUT
            | StatusCode::TOO_EARLY
            | StatusCode::TOO_MANY_REQUESTS
            | StatusCode::INTERNAL_SERVER_ERROR
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    );
    // Such as those of content delivery networks: 520 to 530.
    known || status.as_u16() >= 520
}

/// The error's own words and those of its causes, without the URL.
pub(crate) fn words(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    // Four causes say enough.
    for _ in 0..4 {
        let Some(next) = cause else { break };
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}
