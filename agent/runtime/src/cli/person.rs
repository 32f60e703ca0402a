//! What commands of people share: the node and the key that they name, addresses that they type, and their yes.

use super::{Exit, Failure, args::KeyArgs};
use crate::{
    chain::{Chain, ChainError},
    config::RpcUrl,
    keys::KeySource,
    sender::{Sender, WAIT_MAX},
    verify,
};
use alloy::{primitives::Address, providers::Provider, signers::local::PrivateKeySigner};
use quaestor_core::{Caip10, parse_address};
use std::io::{self, IsTerminal, Write};

/// How often one question is asked again.
const TRIES_MAX: usize = 5;
/// Longest answer that is read from a person, bytes.
const ANSWER_BYTES_MAX: u64 = 4_096;

/// A connection to the node that `text` names, a URL or `env:NAME`.
pub(super) fn connect(text: &str) -> Result<Chain, Failure> {
    let wrong = || Failure::new(Exit::Usage, "--rpc-url is no http(s):// URL and no env:NAME; write the node's URL");
    let url = RpcUrl::parse(text).ok_or_else(wrong)?.resolve()?;
    verify::connect(url).map_err(chain_failed)
}

/// The id of the chain that the node serves.
pub(super) async fn chain_id(chain: &Chain) -> Result<u64, Failure> {
    chain.provider().get_chain_id().await.map_err(chain.failed("eth_chainId")).map_err(chain_failed)
}

pub(super) fn chain_failed(error: ChainError) -> Failure {
    Failure::new(Exit::Chain, error)
}

/// The signer of the key that was named. Opening a keystore takes a noticeable part of a second.
pub(super) fn signer(key: &KeyArgs) -> Result<PrivateKeySigner, Failure> {
    Ok(source(key)?.open()?)
}

/// Where the key is that was named.
pub(super) fn source(key: &KeyArgs) -> Result<KeySource, Failure> {
    let none =
        || Failure::new(Exit::Usage, "no key is named; write --key-env NAME, or --keystore FILE --password-env NAME");
    key.source().ok_or_else(none)
}

/// Sends with the key of `signer`.
pub(super) fn sender(chain: Chain, chain_id: u64, signer: PrivateKeySigner) -> Sender {
    Sender::new(chain, chain_id, signer, WAIT_MAX)
}

/// An address with its checksum, alone or as a CAIP-10 account, for the command line.
pub(super) fn address(text: &str) -> Result<Address, String> {
    if text.starts_with("eip155:") {
        return text.parse::<Caip10>().map(|account| account.address).map_err(|error| error.to_string());
    }
    parse_address(text).map_err(|error| error.to_string())
}

/// Whether somebody can be asked: standard input is a terminal and what is asked would be seen.
pub(super) fn is_asked() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks on the terminal; what is typed, without the spaces around it. Empty at the end of the input.
pub(super) fn ask(question: &str) -> Result<String, Failure> {
    let failed = |error: io::Error| Failure::new(Exit::Usage, format!("the terminal cannot be read: {error}"));
    let mut stderr = io::stderr();
    write!(stderr, "{question} ").and_then(|()| stderr.flush()).map_err(failed)?;
    let mut line = String::new();
    let mut bounded = io::Read::take(io::stdin().lock(), ANSWER_BYTES_MAX);
    io::BufRead::read_line(&mut bounded, &mut line).map_err(failed)?;
    Ok(line.trim().to_owned())
}

/// Asks until the answer can be read.
pub(super) fn needed<T>(
    asked: bool,
    flag: &str,
    question: &str,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<T, Failure> {
    if !asked {
        return Err(Failure::new(Exit::Usage, format!("say {flag}; nobody can be asked here")));
    }
    for _ in 0..TRIES_MAX {
        match read(&ask(question)?) {
            Ok(found) => return Ok(found),
            Err(problem) => eprintln!("{problem}"),
        }
    }
    Err(Failure::new(Exit::Usage, format!("no answer after {TRIES_MAX} tries; say {flag}")))
}

/// As [`needed`], but an empty answer is none.
pub(super) fn maybe<T>(question: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<Option<T>, Failure> {
    needed(true, "it as a flag", question, |text| if text.is_empty() { Ok(None) } else { read(text).map(Some) })
}
