//! Bytes from a URL, with a bound on size, time, redirections and attempts. What comes is not trusted, and no URL is
//! repeated in an error: it may hold a key.

use crate::fetch::{Retry, may_pass, retry_after, words};
use reqwest::{Url, redirect};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Longest time for one attempt, its redirections included.
const ATTEMPT_SECS_MAX: u64 = 30;
/// Most redirections that are followed.
const REDIRECTS_MAX: usize = 5;
/// Three times, after one and two seconds; as long as a person waits at a terminal.
pub(crate) const PATIENCE: Retry = Retry {
    attempts: 3,
    first: Duration::from_secs(1),
    longest: Duration::from_secs(2),
    asked_longest: Duration::from_secs(15),
};

/// Why a URL gives nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DownloadError {
    /// No HTTP client.
    #[error("no HTTP client could be made: {reason}")]
    Client {
        /// Why.
        reason: String,
    },
    /// The server will not give it.
    #[error("HTTP status {status}")]
    Refused {
        /// HTTP status.
        status: u16,
    },
    /// It is too large.
    #[error("it is larger than {bytes_max} bytes")]
    TooLarge {
        /// The bound.
        bytes_max: u64,
    },
    /// No good answer in all attempts.
    #[error("no answer in {attempts} attempts: {reason}")]
    Unreachable {
        /// How often it was asked.
        attempts: u32,
        /// The last reason.
        reason: String,
    },
}

/// How one attempt ended.
enum Attempt {
    Answer(Vec<u8>),
    Again { reason: String, asked: Option<Duration> },
    Never(DownloadError),
}

/// Host and port of `url`: what of it may be told.
pub(crate) fn host(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}{port}", url.host_str().unwrap_or_default())
}

/// Whether `url` leads to this machine, so that nobody else reads what is sent or changes what comes.
pub(crate) fn is_here(url: &Url) -> bool {
    let Some(name) = url.host_str() else { return false };
    let address = name.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    address.map_or(name == "localhost" || name.ends_with(".localhost"), |address| address.is_loopback())
}

/// The bytes of `url`, at most `bytes_max`. A redirection is followed where `may_follow` says so.
///
/// # Errors
/// If no attempt brings them.
pub(crate) async fn download(
    url: &Url,
    bytes_max: u64,
    retry: Retry,
    may_follow: impl Fn(&Url) -> bool + Send + Sync + 'static,
) -> Result<Vec<u8>, DownloadError> {
    let follow = redirect::Policy::custom(move |attempt| {
        if attempt.previous().len() > REDIRECTS_MAX {
            return attempt.error("it is redirected too often");
        }
        if may_follow(attempt.url()) {
            attempt.follow()
        } else {
            attempt.error("it is redirected to where none may be")
        }
    });
    let client = reqwest::Client::builder()
        .user_agent(concat!("quaestor/", env!("CARGO_PKG_VERSION")))
        .timeout(Duration::from_secs(ATTEMPT_SECS_MAX))
        .redirect(follow)
        .build()
        .map_err(|error| DownloadError::Client { reason: words(error) })?;
    let (attempts, mut last) = (retry.attempts.max(1), String::new());
    for attempt in 1..=attempts {
        let (reason, asked) = match once(&client, url, bytes_max).await {
            Attempt::Answer(bytes) => return Ok(bytes),
            Attempt::Never(error) => return Err(error),
            Attempt::Again { reason, asked } => (reason, asked.unwrap_or_default()),
        };
        if attempt < attempts {
            let own = retry.wait(url.as_str(), attempt);
            tokio::time::sleep(own.max(asked.min(retry.asked_longest))).await;
        }
        last = reason;
    }
    Err(DownloadError::Unreachable { attempts, reason: last })
}

async fn once(client: &reqwest::Client, url: &Url, bytes_max: u64) -> Attempt {
    let again = |error: reqwest::Error| match error.is_redirect() {
        true => Attempt::Never(DownloadError::Unreachable { attempts: 1, reason: words(error) }),
        false => Attempt::Again { reason: words(error), asked: None },
    };
    let mut answer = match client.get(url.clone()).send().await {
        Ok(answer) => answer,
        Err(error) => return again(error),
    };
    let status = answer.status();
    if !status.is_success() {
        if !may_pass(status) {
            return Attempt::Never(DownloadError::Refused { status: status.as_u16() });
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let asked = answer.headers().get(reqwest::header::RETRY_AFTER);
        let asked = asked.and_then(|text| retry_after(text.to_str().ok()?, now));
        return Attempt::Again { reason: format!("HTTP status {}", status.as_u16()), asked };
    }
    let mut bytes = Vec::new();
    loop {
        match answer.chunk().await {
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) => return Attempt::Answer(bytes),
            Err(error) => return again(error),
        }
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > bytes_max {
            return Attempt::Never(DownloadError::TooLarge { bytes_max });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{Router, http::StatusCode, response::Redirect, routing::get};
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };

    const QUICK: Retry = Retry { first: Duration::from_millis(5), ..PATIENCE };

    /// Where these routes answer.
    async fn serve(routes: Router) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        format!("http://{address}")
    }

    #[tokio::test]
    async fn what_may_pass_is_asked_again_and_nothing_else() {
        let asked = Arc::new(AtomicU32::new(0));
        let (flaky, busy, missing) = (asked.clone(), asked.clone(), asked.clone());
        let routes = Router::new()
            .route(
                "/flaky",
                get(move || async move {
                    let ready = flaky.fetch_add(1, Ordering::SeqCst) == 2;
                    if ready { (StatusCode::OK, "here") } else { (StatusCode::SERVICE_UNAVAILABLE, "") }
                }),
            )
            .route("/busy", get(move || async move { count(&busy, StatusCode::TOO_MANY_REQUESTS) }))
            .route("/none", get(move || async move { count(&missing, StatusCode::NOT_FOUND) }));
        let base = serve(routes).await;
        let of = async |path: &str| {
            asked.store(0, Ordering::SeqCst);
            let url: Url = format!("{base}/{path}").parse().unwrap();
            (download(&url, 100, QUICK, |_| true).await, asked.load(Ordering::SeqCst))
        };
        assert_eq!(of("flaky").await, (Ok(b"here".to_vec()), 3));
        let busy = DownloadError::Unreachable { attempts: 3, reason: "HTTP status 429".into() };
        assert_eq!(of("busy").await, (Err(busy), 3));
        assert_eq!(of("none").await, (Err(DownloadError::Refused { status: 404 }), 1));
    }

    fn count(asked: &AtomicU32, status: StatusCode) -> StatusCode {
        asked.fetch_add(1, Ordering::SeqCst);
        status
    }

    #[tokio::test]
    async fn a_redirection_leads_only_where_it_may_and_not_in_circles() {
        let routes = Router::new()
            .route("/from", get(|| async { Redirect::temporary("/to") }))
            .route("/to", get(|| async { "there" }))
            .route("/round", get(|| async { Redirect::temporary("/round") }));
        let base = serve(routes).await;
        let url = |path: &str| format!("{base}/{path}").parse::<Url>().unwrap();
        assert_eq!(download(&url("from"), 100, QUICK, |_| true).await, Ok(b"there".to_vec()));
        let kept = download(&url("from"), 100, QUICK, |_| false).await.unwrap_err().to_string();
        assert!(kept.contains("where none may be") && kept.contains("in 1 attempts"), "{kept}");
        let round = download(&url("round"), 100, QUICK, |_| true).await.unwrap_err().to_string();
        assert!(round.contains("too often"), "{round}");
    }

    #[test]
    fn this_machine_is_known_by_its_names() {
        for (url, expected) in [
            ("http://127.0.0.1:8080/ipfs", true),
            ("http://127.9.9.9", true),
            ("http://[::1]:1", true),
            ("http://localhost", true),
            ("http://cid.ipfs.localhost:8080", true),
            ("http://localhost.example", false),
            ("http://10.0.0.1", false),
            ("http://[fe80::1]", false),
        ] {
            assert_eq!(is_here(&url.parse().unwrap()), expected, "{url}");
        }
    }
}
