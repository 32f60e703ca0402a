//! The bytes behind a URI, with bounds on size, time and attempts.

use super::{Epoch, PolicyUri, UriError, shown, uri::may_ask};
use crate::{
    chain::{Chain, ChainError},
    config::{Config, RpcUrl, RpcUrlError, read_bounded},
    download::{DownloadError, PATIENCE, download, host},
    fetch::Retry,
};
use alloy::{
    consensus::Transaction,
    primitives::{B256, keccak256},
    providers::Provider,
};
use quaestor_policies::FILE_BYTES_MAX;
use reqwest::Url;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Why the file of an epoch cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum GetError {
    /// The registry names nothing that can be followed.
    #[error(
        "epoch {epoch} says that its file is at `{uri}`, which {source}; get it by other means and put it under `files.policies`"
    )]
    Uri {
        /// The epoch.
        epoch: u64,
        /// As the registry has it, safe to print.
        uri: String,
        /// What is wrong with it.
        source: UriError,
    },
    /// The file of this machine cannot be read.
    #[error("epoch {epoch} says that its file is {path}: {source}; copy it there from whoever wrote it")]
    File {
        /// The epoch.
        epoch: u64,
        /// The path.
        path: PathBuf,
        /// The system's words.
        #[source]
        source: io::Error,
    },
    /// The server or the gateway does not give it.
    #[error("the file of epoch {epoch} cannot be had from {host}: {reason}; try again, or get it by other means")]
    Server {
        /// The epoch.
        epoch: u64,
        /// Host and port; never the whole URL of a gateway, which may hold a key.
        host: String,
        /// What went wrong.
        reason: String,
    },
    /// No gateway is configured.
    #[error(
        "the file of epoch {epoch} is at `{uri}`; name the gateway that it is asked of as `ipfs_gateway` in `[files]` of {config}"
    )]
    NoGateway {
        /// The epoch.
        epoch: u64,
        /// As the registry has it, safe to print.
        uri: String,
        /// The configuration.
        config: PathBuf,
    },
    /// The gateway's URL is missing.
    #[error("the gateway of `files.ipfs_gateway`: {0}")]
    Gateway(#[from] RpcUrlError),
    /// The node does not know the transaction.
    #[error(
        "the file of epoch {epoch} is the calldata of transaction {hash}, which the node does not know; name an archive node"
    )]
    NoTransaction {
        /// The epoch.
        epoch: u64,
        /// The transaction.
        hash: B256,
    },
    /// The calldata is too large for a policy.
    #[error("the calldata of transaction {hash} has {bytes} bytes; a policy has at most {FILE_BYTES_MAX}")]
    LargeCalldata {
        /// The transaction.
        hash: B256,
        /// Its size.
        bytes: usize,
    },
    /// The node does not answer.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// What came is another file.
    #[error(
        "what `{uri}` gives is not the policy of epoch {epoch}: it hashes to {found}, anchored is {expected}; it was thrown away, \
         get the right file from whoever wrote it"
    )]
    Differs {
        /// The epoch.
        epoch: u64,
        /// As the registry has it, safe to print.
        uri: String,
        /// The anchored hash.
        expected: B256,
        /// The hash of what came.
        found: B256,
    },
}

/// From where files may be had, and how patiently.
#[derive(Debug, Clone)]
pub struct Sources {
    config: PathBuf,
    gateway: Option<RpcUrl>,
    retry: Retry,
}

impl Sources {
    /// As `config` says.
    pub fn of(config: &Config) -> Self {
        Self { config: config.file.clone(), gateway: config.files.ipfs_gateway.clone(), retry: PATIENCE }
    }

    /// The same with other waits.
    #[must_use]
    pub fn with_retry(self, retry: Retry) -> Self {
        Self { retry, ..self }
    }

    /// The exact bytes of the file that `epoch` anchors, from the URI that it names.
    ///
    /// # Errors
    /// If they cannot be had, or are not those that are anchored.
    pub async fn get(&self, chain: &Chain, epoch: &Epoch) -> Result<Vec<u8>, GetError> {
        let (number, uri) = (epoch.number, shown(&epoch.uri));
        let parsed = PolicyUri::parse(&epoch.uri);
        let parsed = parsed.map_err(|source| GetError::Uri { epoch: number, uri: uri.clone(), source })?;
        let bytes = match parsed {
            PolicyUri::File(path) => self.file(number, &path)?,
            PolicyUri::Web(url) => self.web(number, &url, may_ask).await?,
            PolicyUri::Ipfs { cid, path } => self.ipfs(number, &uri, &cid, &path).await?,
            PolicyUri::Transaction(hash) => self.transaction(chain, number, hash).await?,
        };
        let (expected, found) = (epoch.policyHash, keccak256(&bytes));
        if found == expected { Ok(bytes) } else { Err(GetError::Differs { epoch: number, uri, expected, found }) }
    }

    fn file(&self, epoch: u64, path: &Path) -> Result<Vec<u8>, GetError> {
        let path = self.config.parent().unwrap_or(Path::new("")).join(path);
        // Opening a pipe would wait for whoever writes to it.
        let read = match fs::metadata(&path) {
            Ok(found) if !found.is_file() => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file")),
            Ok(_) => read_bounded(&path, bytes_max()),
            Err(error) => Err(error),
        };
        read.map_err(|source| GetError::File { epoch, path, source })
    }

    async fn web(
        &self,
        epoch: u64,
        url: &Url,
        may_follow: impl Fn(&Url) -> bool + Send + Sync + 'static,
    ) -> Result<Vec<u8>, GetError> {
        let failed = |error: DownloadError| GetError::Server { epoch, host: host(url), reason: error.to_string() };
        download(url, bytes_max(), self.retry, may_follow).await.map_err(failed)
    }

    async fn ipfs(&self, epoch: u64, uri: &str, cid: &str, path: &[String]) -> Result<Vec<u8>, GetError> {
        let Some(gateway) = &self.gateway else {
            return Err(GetError::NoGateway { epoch, uri: uri.to_owned(), config: self.config.clone() });
        };
        let base = gateway.resolve()?;
        let url = gateway_url(&base, cid, path);
        // The operator chose the gateway, so it may lead to itself in clear: some give each content a host of its own.
        let host = base.host_str().unwrap_or_default().to_owned();
        let is_its_own = move |url: &Url| {
            let found = url.host_str().unwrap_or_default();
            found == host || found.ends_with(&format!(".{host}"))
        };
        self.web(epoch, &url, move |url| may_ask(url) || is_its_own(url)).await
    }

    async fn transaction(&self, chain: &Chain, epoch: u64, hash: B256) -> Result<Vec<u8>, GetError> {
        let (attempts, method) = (self.retry.attempts.max(1), "eth_getTransactionByHash");
        let mut attempt = 1;
        let found = loop {
            match chain.provider().get_transaction_by_hash(hash).await.map_err(chain.failed(method)) {
                Err(ChainError::Unreachable { .. }) if attempt < attempts => {
                    tokio::time::sleep(self.retry.wait(method, attempt)).await;
                    attempt += 1;
                }
                answer => break answer?,
            }
        };
        let transaction = found.ok_or(GetError::NoTransaction { epoch, hash })?;
        match transaction.input() {
            data if data.len() > FILE_BYTES_MAX => Err(GetError::LargeCalldata { hash, bytes: data.len() }),
            data => Ok(data.to_vec()),
        }
    }
}

/// Where a gateway gives this content; a key in the gateway's query is kept.
fn gateway_url(base: &Url, cid: &str, path: &[String]) -> Url {
    let mut url = base.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().push("ipfs").push(cid).extend(path);
    }
    url
}

fn bytes_max() -> u64 {
    u64::try_from(FILE_BYTES_MAX).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_keeps_its_path_and_key() {
        let url = |base: &str, path: &[&str]| {
            let path: Vec<String> = path.iter().map(|name| (*name).to_owned()).collect();
            gateway_url(&base.parse().unwrap(), "bafy1", &path).to_string()
        };
        assert_eq!(url("http://127.0.0.1:8080", &[]), "http://127.0.0.1:8080/ipfs/bafy1");
        assert_eq!(
            url("https://gateway.example/", &["p", "a b.toml"]),
            "https://gateway.example/ipfs/bafy1/p/a%20b.toml"
        );
        assert_eq!(url("https://gateway.example/dao?key=k", &["p"]), "https://gateway.example/dao/ipfs/bafy1/p?key=k");
    }
}
