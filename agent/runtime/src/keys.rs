//! The operator's key: from an environment variable or an encrypted keystore, checked against the address that the
//! configuration names. No message here holds any part of a key or a password.

use crate::config::read_bounded;
use alloy::{
    primitives::Address,
    signers::{
        k256::elliptic_curve::rand_core::OsRng,
        local::{LocalSignerError, PrivateKeySigner},
    },
};
use serde::Deserialize;
use std::{
    fs, io,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// Largest keystore file, bytes; they have about 500.
const KEYSTORE_BYTES_MAX: u64 = 64 * 1024;
/// Greatest memory that opening a keystore may take, bytes (scrypt: 128 · n · r). Common ones take 8 or 256 MiB.
const SCRYPT_BYTES_MAX: u64 = 1 << 30;
/// Greatest scrypt parallelism; it multiplies the time.
const SCRYPT_P_MAX: u64 = 16;
/// Most PBKDF2 rounds; common keystores have 262,144.
const PBKDF2_ROUNDS_MAX: u64 = 10_000_000;

/// Where a key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// In this environment variable: 32 bytes in hexadecimal.
    Env(String),
    /// In an encrypted keystore (Web3 Secret Storage, version 3).
    Keystore {
        /// The file.
        path: PathBuf,
        /// The environment variable that holds its password.
        password: String,
    },
}

/// Why there is no key to sign with.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// An environment variable is not set.
    #[error("the environment variable {name} is not set; set it to {wanted}")]
    Unset {
        /// The variable.
        name: String,
        /// What it should hold.
        wanted: &'static str,
    },
    /// The variable holds no private key.
    #[error(
        "the environment variable {name} holds no private key; set it to 64 hexadecimal digits that are a valid key"
    )]
    Malformed {
        /// The variable.
        name: String,
    },
    /// The keystore cannot be read or written.
    #[error("the keystore {path}: {source}; check the path and its permissions")]
    File {
        /// The keystore.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// The file is no keystore that can be opened.
    #[error("{path} is no keystore that can be opened: {reason}; write one again with the tool that made it")]
    NoKeystore {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The password does not open the keystore.
    #[error("the password in {password} does not open the keystore {path}; set it to the right one")]
    WrongPassword {
        /// The keystore.
        path: PathBuf,
        /// The environment variable.
        password: String,
    },
    /// The key belongs to another address.
    #[error("the key is that of {found}, the configuration names {expected}; set `operator.address` or the key")]
    OtherAddress {
        /// The configured address.
        expected: Address,
        /// The key's address.
        found: Address,
    },
}

impl KeySource {
    /// The signer of this key.
    ///
    /// # Errors
    /// If it is not there, not a key, or does not open. A keystore that others may read is a warning in the log.
    pub fn open(&self) -> Result<PrivateKeySigner, KeyError> {
        match self {
            Self::Env(name) => {
                let text = secret(name, "the private key: 64 hexadecimal digits")?;
                // The parser's own error would tell which digit is wrong.
                text.trim().parse().map_err(|_| KeyError::Malformed { name: name.clone() })
            }
            Self::Keystore { path, password } => open_keystore(path, password),
        }
    }

    /// The signer of this key, if it is that of `expected`.
    ///
    /// # Errors
    /// As [`KeySource::open`], or if the key is that of another address.
    pub fn open_as(&self, expected: Address) -> Result<PrivateKeySigner, KeyError> {
        let signer = self.open()?;
        let found = signer.address();
        if found == expected { Ok(signer) } else { Err(KeyError::OtherAddress { expected, found }) }
    }
}

/// The name of an environment variable: letters, digits and `_`, at most 128, no digit first.
pub fn env_name(name: &str) -> Option<String> {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let begins = name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
    (plain && begins && name.len() <= 128).then(|| name.to_owned())
}

/// Writes `signer` to a new encrypted keystore at `path`, readable by its owner alone.
///
/// # Errors
/// If the file exists already or cannot be written.
pub fn write_keystore(path: &Path, signer: &PrivateKeySigner, password: &str) -> Result<(), KeyError> {
    let failed = |source| KeyError::File { path: path.to_owned(), source };
    let invalid = || failed(io::Error::new(io::ErrorKind::InvalidInput, "it has no file name"));
    let (Some(directory), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Err(invalid());
    };
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    drop(options.open(path).map_err(failed)?);
    let key = Zeroizing::new(signer.to_bytes().0);
    PrivateKeySigner::encrypt_keystore(directory, &mut OsRng, key.as_slice(), password, Some(name))
        .map_err(|error| failed(io::Error::other(error.to_string())))?;
    Ok(())
}

fn secret(name: &str, wanted: &'static str) -> Result<Zeroizing<String>, KeyError> {
    let found = std::env::var(name).map(Zeroizing::new);
    found.map_err(|_| KeyError::Unset { name: name.to_owned(), wanted })
}

fn open_keystore(path: &Path, password: &str) -> Result<PrivateKeySigner, KeyError> {
    let failed = |source| KeyError::File { path: path.to_owned(), source };
    let bytes = read_bounded(path, KEYSTORE_BYTES_MAX).map_err(failed)?;
    warn_if_shared(path).map_err(failed)?;
    check_keystore(&bytes).map_err(|reason| KeyError::NoKeystore { path: path.to_owned(), reason })?;
    let text = secret(password, "the keystore's password")?;
    PrivateKeySigner::decrypt_keystore(path, text.as_bytes()).map_err(|error| match error {
        // The only failure left: the parameters were checked, and a wrong password shows as a wrong checksum.
        LocalSignerError::EthKeystoreError(_) => {
            KeyError::WrongPassword { path: path.to_owned(), password: password.to_owned() }
        }
        _ => KeyError::NoKeystore { path: path.to_owned(), reason: "what it holds is no private key".to_owned() },
    })
}

/// Group or others may read it: the password alone protects the key then.
#[cfg(unix)]
fn is_shared(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(fs::metadata(path)?.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_shared(_path: &Path) -> io::Result<bool> {
    Ok(false)
}

fn warn_if_shared(path: &Path) -> io::Result<()> {
    if is_shared(path)? {
        tracing::warn!(path = %path.display(), "the keystore can be read by other users of this machine; `chmod 600` it");
    }
    Ok(())
}

/// The parts of a keystore that decide how it is opened.
#[derive(Deserialize)]
struct Keystore {
    version: u64,
    crypto: Crypto,
}

#[derive(Deserialize)]
struct Crypto {
    cipher: String,
    cipherparams: CipherParams,
    ciphertext: String,
    kdf: String,
    kdfparams: KdfParams,
    mac: String,
}

#[derive(Deserialize)]
struct CipherParams {
    iv: String,
}

#[derive(Deserialize)]
struct KdfParams {
    dklen: u64,
    n: Option<u64>,
    r: Option<u64>,
    p: Option<u64>,
    c: Option<u64>,
}

/// Refuses what the keystore library would panic on, or work on for hours: it trusts the file's numbers.
fn check_keystore(bytes: &[u8]) -> Result<(), String> {
    let parsed: Keystore = serde_json::from_slice(bytes).map_err(|error| {
        // Only the place: the message may quote the file.
        format!("it is not JSON of a keystore (line {}, column {})", error.line(), error.column())
    })?;
    let crypto = parsed.crypto;
    let is_hex =
        |text: &str, length: usize| text.len() == 2 * length && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let reason = if parsed.version != 3 {
        "its version is not 3"
    } else if crypto.cipher != "aes-128-ctr" {
        "its cipher is not aes-128-ctr"
    } else if !is_hex(&crypto.cipherparams.iv, 16) || !is_hex(&crypto.ciphertext, 32) || !is_hex(&crypto.mac, 32) {
        "its iv, ciphertext or mac has not its length"
    } else if crypto.kdfparams.dklen != 32 {
        "its dklen is not 32"
    } else if !kdf_is_bounded(&crypto.kdf, &crypto.kdfparams) {
        "its key derivation is none that is known, or asks for too much memory or time"
    } else {
        return Ok(());
    };
    Err(reason.to_owned())
}

fn kdf_is_bounded(kdf: &str, params: &KdfParams) -> bool {
    match (kdf, params.n, params.r, params.p, params.c) {
        ("scrypt", Some(n), Some(r), Some(p), None) => {
            let memory = n.checked_mul(r).and_then(|product| product.checked_mul(128));
            n.is_power_of_two()
                && n > 1
                && r > 0
                && (1..=SCRYPT_P_MAX).contains(&p)
                && memory.is_some_and(|bytes| bytes <= SCRYPT_BYTES_MAX)
        }
        ("pbkdf2", None, None, None, Some(rounds)) => (1..=PBKDF2_ROUNDS_MAX).contains(&rounds),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
