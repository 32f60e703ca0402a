//! From text to a checked [`Config`].

use super::{
    ChainConfig, Config, ConfigProblem, ContractsConfig, FilesConfig, Finality, LogConfig, LogFormat, MULTICALL3,
    OperatorConfig, POLICY_PATHS_MAX, RpcUrl, profile,
    section::{Reader, Section, Span},
    training::training,
};
use crate::keys::{KeySource, env_name};
use alloy::primitives::Address;
use quaestor_core::{Caip10, parse_address};
use std::path::{Path, PathBuf};
use tracing_subscriber::EnvFilter;

const CONFIRMATIONS: (u64, u64) = (0, 1_024);
const HEAD_AGE_SECS: (u64, u64) = (0, 86_400);
const POLL_INTERVAL_MS: (u64, u64) = (50, 600_000);
const LOGS_RANGE_BLOCKS: (u64, u64) = (1, 1_000_000);
const REQUEST_TIMEOUT_SECS: (u64, u64) = (1, 300);
const ANY: (u64, u64) = (0, 9_007_199_254_740_991); // 2^53 - 1: every JSON reader has these

pub(super) fn config(text: &str, path: &Path) -> Result<Config, Vec<ConfigProblem>> {
    let (mut reader, mut root) = Reader::new(text);
    let base = path.parent().unwrap_or(Path::new(""));
    let (chain_id, chain) = chain(&mut reader, &mut root);
    let contracts = contracts(&mut reader, &mut root, chain_id);
    let operator = operator(&mut reader, &mut root, chain_id, base);
    let files = files(&mut reader, &mut root, base);
    let training = training(&mut reader, &mut root, base);
    let log = log(&mut reader, &mut root);
    reader.close(root, &["[chain]", "[contracts]", "[operator]", "[files]", "[training]", "[log]"]);
    let problems = reader.finish();
    match (chain, contracts, operator, files, log) {
        (Some(chain), Some(contracts), Some(operator), Some(files), Some(log)) if problems.is_empty() => {
            Ok(Config { file: path.to_owned(), chain, contracts, operator, files, training, log })
        }
        _ => Err(problems),
    }
}

/// The chain id also when the rest is wrong: addresses are checked against it.
fn chain<'t>(reader: &mut Reader<'t>, root: &mut Section<'t>) -> (Option<u64>, Option<ChainConfig>) {
    let mut section = reader.section(root, "chain");
    let here = &mut section;
    let rpc_url = url(reader, here, "rpc_url", "the node's http:// or https:// URL, or \"env:NAME\"");
    let chain_id = reader.integer(here, "chain_id", (1, ANY.1), None);
    let known = chain_id.and_then(profile);
    // Without a chain id its defaults are unknown, and saying that they are missing would mislead.
    let assumed = known.or(if chain_id.is_none() { profile(1) } else { None });
    let confirmations = reader.integer(here, "confirmations", CONFIRMATIONS, assumed.map(|known| known.confirmations));
    let finality = finality(reader, here, assumed.map(|known| known.finality));
    let head_age =
        reader.integer(here, "head_age_secs_max", HEAD_AGE_SECS, assumed.map(|known| known.head_age_secs_max));
    let poll_default = assumed.map_or(2_000, |known| (known.block_time_ms / 2).clamp(500, 6_000));
    let poll_interval_ms = reader.integer(here, "poll_interval_ms", POLL_INTERVAL_MS, Some(poll_default));
    let logs_range_blocks = reader.integer(here, "logs_range_blocks", LOGS_RANGE_BLOCKS, Some(5_000));
    let request_timeout_secs = reader.integer(here, "request_timeout_secs", REQUEST_TIMEOUT_SECS, Some(10));
    let keys = [
        "rpc_url",
        "chain_id",
        "confirmations",
        "finality",
        "head_age_secs_max",
        "poll_interval_ms",
        "logs_range_blocks",
        "request_timeout_secs",
    ];
    reader.close(section, &keys);
    let whole = || {
        Some(ChainConfig {
            rpc_url: rpc_url?,
            chain_id: chain_id?,
            confirmations: confirmations?,
            finality: finality?,
            head_age_secs_max: head_age?,
            poll_interval_ms: poll_interval_ms?,
            logs_range_blocks: logs_range_blocks?,
            request_timeout_secs: request_timeout_secs?,
        })
    };
    (chain_id, whole())
}

fn url<'t>(reader: &mut Reader<'t>, section: &mut Section<'t>, key: &str, wanted: &str) -> Option<RpcUrl> {
    let (text, span) = reader.text(section, key, wanted)?;
    // The text is not repeated: a URL may hold a secret.
    let found = RpcUrl::parse(&text);
    if found.is_none() {
        reader.problem(span, format!("`{}` is none; write {wanted}", section.full(key)));
    }
    found
}

fn finality<'t>(reader: &mut Reader<'t>, section: &mut Section<'t>, default: Option<Finality>) -> Option<Finality> {
    let wanted = "\"finalized\" for the node's own finalized block, or a number of blocks from 0 to 1024";
    if section.has_integer("finality") {
        return reader.integer(section, "finality", CONFIRMATIONS, None).map(Finality::Depth);
    }
    if !section.has("finality") && default.is_some() {
        return default;
    }
    let (text, span) = reader.text(section, "finality", wanted)?;
    if text == "finalized" {
        return Some(Finality::Tag);
    }
    reader.problem(span, format!("`{text}` is no finality; write {wanted}"));
    None
}

fn contracts<'t>(reader: &mut Reader<'t>, root: &mut Section<'t>, chain_id: Option<u64>) -> Option<ContractsConfig> {
    let mut section = reader.section(root, "contracts");
    let mut seen: Vec<(Address, &str)> = Vec::new();
    let mut one = |reader: &mut Reader<'t>, section: &mut Section<'t>, key: &'static str| {
        let (found, span) = address(reader, section, key, chain_id)?;
        if let Some((_, other)) = seen.iter().find(|(address, _)| *address == found) {
            reader.problem(span, format!("`contracts.{key}` is the address of `contracts.{other}`; write its own"));
        }
        seen.push((found, key));
        Some(found)
    };
    let registry = one(reader, &mut section, "registry");
    let brake = one(reader, &mut section, "brake");
    let gate = one(reader, &mut section, "gate");
    let multisend_call_only = one(reader, &mut section, "multisend_call_only");
    let multicall3 = if section.has("multicall3") { one(reader, &mut section, "multicall3") } else { Some(MULTICALL3) };
    let deployed_block = reader.integer(&mut section, "deployed_block", ANY, None);
    let keys = ["registry", "brake", "gate", "multisend_call_only", "multicall3", "deployed_block"];
    reader.close(section, &keys);
    Some(ContractsConfig {
        registry: registry?,
        brake: brake?,
        gate: gate?,
        multisend_call_only: multisend_call_only?,
        multicall3: multicall3?,
        deployed_block: deployed_block?,
    })
}

/// An address with its EIP-55 checksum, alone or as a CAIP-10 account of this chain.
fn address<'t>(
    reader: &mut Reader<'t>,
    section: &mut Section<'t>,
    key: &str,
    chain_id: Option<u64>,
) -> Option<(Address, Span)> {
    let (text, span) = reader.text(section, key, "an address such as `0x…` or `eip155:1:0x…`")?;
    if !text.starts_with("eip155:") {
        let found = parse_address(&text).map_err(|error| reader.problem(span.clone(), error)).ok()?;
        return Some((found, span));
    }
    let account: Caip10 = text.parse().map_err(|error| reader.problem(span.clone(), error)).ok()?;
    if chain_id.is_some_and(|chain_id| chain_id != account.chain_id) {
        let (found, wanted) = (account.chain_id, chain_id.unwrap_or_default());
        let message = format!("`{key}` is on chain {found}, the agent on {wanted}; write the address on {wanted}");
        reader.problem(span.clone(), message);
    }
    Some((account.address, span))
}

fn operator<'t>(
    reader: &mut Reader<'t>,
    root: &mut Section<'t>,
    chain_id: Option<u64>,
    base: &Path,
) -> Option<OperatorConfig> {
    let mut section = reader.section(root, "operator");
    let address = address(reader, &mut section, "address", chain_id);
    let key = key(reader, &mut section, base);
    reader.close(section, &["address", "key"]);
    Some(OperatorConfig { address: address?.0, key: key? })
}

fn key<'t>(reader: &mut Reader<'t>, section: &mut Section<'t>, base: &Path) -> Option<KeySource> {
    let wanted = "\"env:NAME\", or { keystore = \"keys/operator.json\", password = \"env:NAME\" }";
    match reader.text_or_section(section, "key", wanted)? {
        Ok((text, span)) => secret(reader, &text, span, "operator.key", wanted).map(KeySource::Env),
        Err(mut table) => {
            let path = reader.text(&mut table, "keystore", "the path of an encrypted keystore");
            let password = reader.text(&mut table, "password", "\"env:NAME\"");
            let password =
                password.and_then(|(text, span)| secret(reader, &text, span, "operator.key.password", "\"env:NAME\""));
            let path = path.and_then(|(text, span)| one_path(reader, base, &text, span));
            reader.close(table, &["keystore", "password"]);
            Some(KeySource::Keystore { path: path?, password: password? })
        }
    }
}

/// The name in `env:NAME`. Anything else is not repeated in the message: it may be the secret itself.
fn secret(reader: &mut Reader<'_>, text: &str, span: Span, key: &str, wanted: &str) -> Option<String> {
    let found = text.strip_prefix("env:").and_then(env_name);
    if found.is_none() {
        reader.problem(
            span,
            format!("`{key}` names no environment variable, and a secret never stands here; write {wanted}"),
        );
    }
    found
}

fn files<'t>(reader: &mut Reader<'t>, root: &mut Section<'t>, base: &Path) -> Option<FilesConfig> {
    let mut section = reader.section(root, "files");
    let given = section.has("policies");
    let wanted = "paths of policy files or directories, such as [\"policy.toml\"]";
    let policies = match reader.texts(&mut section, "policies", wanted) {
        None if !given => Some(vec![base.join("policy.toml")]),
        None => None,
        Some(texts) => {
            if let Some((_, span)) = texts.get(POLICY_PATHS_MAX) {
                reader
                    .problem(span.clone(), format!("too many paths; write at most {POLICY_PATHS_MAX}, or a directory"));
            }
            texts.into_iter().map(|(text, span)| one_path(reader, base, &text, span)).collect()
        }
    };
    let mut path_or = |reader: &mut Reader<'t>, key: &str, default: &str| {
        let (text, span) = reader.text_or(&mut section, key, default)?;
        one_path(reader, base, &text, span)
    };
    let journal = path_or(reader, "journal", "journal.db");
    let bundles = path_or(reader, "bundles", "bundles");
    let models = path_or(reader, "models", "models");
    let ipfs_gateway = if section.has("ipfs_gateway") {
        Some(url(
            reader,
            &mut section,
            "ipfs_gateway",
            "the http:// or https:// URL of an IPFS gateway, or \"env:NAME\"",
        )?)
    } else {
        None
    };
    reader.close(section, &["policies", "journal", "bundles", "models", "ipfs_gateway"]);
    Some(FilesConfig { policies: policies?, journal: journal?, bundles: bundles?, models: models?, ipfs_gateway })
}

pub(super) fn one_path(reader: &mut Reader<'_>, base: &Path, text: &str, span: Span) -> Option<PathBuf> {
    if text.is_empty() || text.contains('\0') {
        reader.problem(span, "an empty path; write a path relative to this file");
        return None;
    }
    Some(base.join(text))
}

fn log<'t>(reader: &mut Reader<'t>, root: &mut Section<'t>) -> Option<LogConfig> {
    let mut section = reader.section(root, "log");
    let (format, span) = reader.text_or(&mut section, "format", "text")?;
    let format = match format.as_str() {
        "text" => Some(LogFormat::Text),
        "json" => Some(LogFormat::Json),
        other => {
            reader.problem(span, format!("`{other}` is no log format; write \"text\" or \"json\""));
            None
        }
    };
    let (filter, span) = reader.text_or(&mut section, "filter", "info")?;
    if let Err(error) = EnvFilter::try_new(&filter) {
        reader.problem(span, format!("`{filter}` is no filter ({error}); write such as \"info,quaestor=debug\""));
    }
    reader.close(section, &["format", "filter"]);
    Some(LogConfig { format: format?, filter })
}
