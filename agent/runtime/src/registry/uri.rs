//! Where a registry says that a policy's file is.
//!
//! | form | the file is |
//! |---|---|
//! | `https://HOST/PATH` | what that server gives; `http://` only from this machine |
//! | `ipfs://CID` or `ipfs://CID/PATH` | what the gateway of `files.ipfs_gateway` gives for it |
//! | `file:/PATH`, `file:///PATH`, `file:PATH` | there, or at that path relative to `agent.toml` |
//! | `tx:0xHASH` | the whole calldata of that transaction, on the chain of the registry |

use crate::download::is_here;
use alloy::primitives::B256;
use reqwest::Url;
use std::{fmt::Write, path::PathBuf};

/// Longest URI that is looked at, bytes.
pub const URI_BYTES_MAX: usize = 2_048;
/// Longest content identifier, characters; those in use have 46 to 62.
const CID_CHARS_MAX: usize = 128;

/// Where a policy's file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyUri {
    /// A file of this machine; a path that is not absolute is relative to `agent.toml`.
    File(PathBuf),
    /// A server.
    Web(Url),
    /// Content of IPFS, asked of a gateway.
    Ipfs {
        /// Its identifier.
        cid: String,
        /// Names below it.
        path: Vec<String>,
    },
    /// The calldata of a transaction.
    Transaction(B256),
}

/// Why a URI is none that can be followed. Each message says the rest of a sentence that begins with the URI.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// No form that is known.
    #[error("is none of `https://…`, `ipfs://…`, `file:…` and `tx:0x…`")]
    Scheme,
    /// Too long.
    #[error("has more than {URI_BYTES_MAX} bytes")]
    Long,
    /// `http:` to another machine.
    #[error("goes to another machine in clear, which only `https://` does well")]
    Clear,
    /// The rest of it is not what its form asks for.
    #[error("is no {0}")]
    Malformed(&'static str),
}

impl PolicyUri {
    /// Reads what the registry says.
    ///
    /// # Errors
    /// If it is of no form that can be followed.
    pub fn parse(text: &str) -> Result<Self, UriError> {
        if text.len() > URI_BYTES_MAX {
            return Err(UriError::Long);
        }
        let (scheme, rest) = text.split_once(':').ok_or(UriError::Scheme)?;
        match scheme.to_ascii_lowercase().as_str() {
            "https" | "http" => web(text),
            "ipfs" => ipfs(rest),
            "file" => file(text, rest),
            "tx" => rest.parse().map(Self::Transaction).map_err(|_| UriError::Malformed("hash of a transaction")),
            _ => Err(UriError::Scheme),
        }
    }
}

fn web(text: &str) -> Result<PolicyUri, UriError> {
    let malformed = UriError::Malformed("URL of a server");
    let url = Url::parse(text).ok().filter(Url::has_host).ok_or(malformed)?;
    if may_ask(&url) { Ok(PolicyUri::Web(url)) } else { Err(UriError::Clear) }
}

/// Whether a vote may send this program there: over TLS, or to this machine.
pub(super) fn may_ask(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && is_here(url))
}

fn ipfs(rest: &str) -> Result<PolicyUri, UriError> {
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    // As some write it.
    let rest = rest.strip_prefix("ipfs/").unwrap_or(rest);
    let mut parts = rest.split('/').map(str::to_owned);
    let cid = parts.next().unwrap_or_default();
    let path: Vec<String> = parts.collect();
    let is_cid = (1..=CID_CHARS_MAX).contains(&cid.len()) && cid.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let is_name =
        |name: &String| !name.is_empty() && name != "." && name != ".." && !name.contains(['?', '#', '%', '\\']);
    if is_cid && path.iter().all(is_name) {
        Ok(PolicyUri::Ipfs { cid, path })
    } else {
        Err(UriError::Malformed("content identifier with names below it"))
    }
}

fn file(text: &str, rest: &str) -> Result<PolicyUri, UriError> {
    let malformed = || UriError::Malformed("path of a file of this machine");
    if rest.is_empty() || rest.contains('\0') {
        return Err(malformed());
    }
    if !rest.starts_with('/') {
        return Ok(PolicyUri::File(rest.into()));
    }
    let path = Url::parse(text).ok().and_then(|url| url.to_file_path().ok());
    path.map(PolicyUri::File).ok_or_else(malformed)
}

/// A text from the chain for a terminal: what cannot be seen, or turns a line round, as its code; the end of a long one
/// is left out.
pub fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(URI_BYTES_MAX));
    for letter in text.chars().take(URI_BYTES_MAX) {
        if letter.is_ascii_graphic() || letter == ' ' {
            out.push(letter);
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "{}", letter.escape_unicode());
        }
    }
    if text.chars().count() > URI_BYTES_MAX {
        out.push_str("...");
    }
    out
}
