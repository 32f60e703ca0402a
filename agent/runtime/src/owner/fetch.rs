//! Gets a bundle from a file or over HTTP, with a bound on size and time. What comes is not trusted.

use crate::{
    agent::BUNDLE_BYTES_MAX,
    config::read_bounded,
    download::{PATIENCE, download, host},
};
use reqwest::Url;
use std::{io, path::PathBuf};

/// Where a bundle is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// An http:// or https:// URL.
    Url(Url),
}

/// Why a bundle cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The file cannot be read.
    #[error("the bundle {path} cannot be read: {source}; check the path")]
    File {
        /// The file.
        path: String,
        /// The system's words.
        #[source]
        source: io::Error,
    },
    /// The server does not give it.
    #[error("the bundle cannot be had from {host}: {reason}; download it by other means and name the file")]
    Http {
        /// Its host; never the whole URL, which may hold a key.
        host: String,
        /// What went wrong.
        reason: String,
    },
}

impl Source {
    /// What `text` names: a URL if it begins with `http://` or `https://`, otherwise a file.
    pub fn of(text: &str) -> Self {
        let web = text.starts_with("http://") || text.starts_with("https://");
        match Url::parse(text).ok().filter(|url| web && url.has_host()) {
            Some(url) => Self::Url(url),
            None => Self::File(text.into()),
        }
    }

    /// Its bytes, at most [`BUNDLE_BYTES_MAX`].
    ///
    /// # Errors
    /// If it cannot be had, is too large or takes too long.
    pub async fn bytes(&self) -> Result<Vec<u8>, FetchError> {
        match self {
            Self::File(path) => {
                let failed = |source| FetchError::File { path: path.display().to_string(), source };
                read_bounded(path, BUNDLE_BYTES_MAX).map_err(failed)
            }
            Self::Url(url) => {
                let failed = |error: crate::download::DownloadError| FetchError::Http {
                    host: host(url),
                    reason: error.to_string(),
                };
                // Whoever is led elsewhere gets a bundle of which every part is checked.
                download(url, BUNDLE_BYTES_MAX, PATIENCE, |_| true).await.map_err(failed)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_told_from_a_file() {
        assert!(matches!(Source::of("https://dao.example/bundles/1.json"), Source::Url(_)));
        assert_eq!(Source::of("bundles/1.json"), Source::File("bundles/1.json".into()));
        assert_eq!(Source::of("file:///etc/passwd"), Source::File("file:///etc/passwd".into()));
        assert_eq!(Source::of("https://"), Source::File("https://".into()));
    }

    #[tokio::test]
    async fn what_is_too_large_or_missing_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large.json");
        std::fs::File::create(&path).unwrap().set_len(BUNDLE_BYTES_MAX + 1).unwrap();
        let error = Source::File(path.clone()).bytes().await.unwrap_err().to_string();
        assert!(error.contains("large.json") && error.contains("larger than"), "{error}");
        assert!(Source::of("no/such.json").bytes().await.is_err());
    }

    #[tokio::test]
    async fn a_server_that_sends_too_much_is_cut_off_and_an_error_hides_the_url() {
        let endless = axum::Router::new()
            .route(
                "/large",
                axum::routing::get(|| async { vec![b' '; usize::try_from(BUNDLE_BYTES_MAX + 1).unwrap()] }),
            )
            .route("/good", axum::routing::get(|| async { "{}" }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move { axum::serve(listener, endless).await });
        let get = async |path: &str| Source::of(&format!("http://{address}/{path}")).bytes().await;
        assert_eq!(get("good").await.unwrap(), b"{}");
        assert!(get("large").await.unwrap_err().to_string().contains("larger than"));
        let missing = get("none?key=secret").await.unwrap_err();
        assert!(missing.to_string().contains("404") && !format!("{missing:?}").contains("secret"), "{missing:?}");
        server.abort();
    }
}
