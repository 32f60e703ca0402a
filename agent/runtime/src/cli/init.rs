//! `init`: takes flags, and asks on a terminal for what they leave open.

use super::{
    Exit, Failure, Output,
    args::InitArgs,
    person::{self, maybe, needed},
};
use crate::{
    config::read_bounded,
    deploy::ContractsFile,
    init::{AssetWish, ContractsWish, InitError, Wishes, parse_asset, prepare},
    keys::{KeySource, env_name},
};
use alloy::primitives::Address;
use quaestor_core::Catalog;
use serde_json::json;
use std::path::Path;

/// Largest file of contracts, bytes.
const CONTRACTS_BYTES_MAX: u64 = 64 * 1024;
/// Most assets that are asked for.
const ASSETS_MAX: usize = 64;

pub(super) async fn run(args: &InitArgs, catalog: &Catalog, output: Output) -> Result<Exit, Failure> {
    let wishes = wishes(args)?;
    let chain = person::connect(&wishes.rpc_url)?;
    output.progress("reading the DAO from the chain");
    let files = prepare(&chain, &wishes, catalog).await?;
    let [config, policy] = files.write(&args.dir)?;
    output.line(format_args!("written: {}", config.display()))?;
    output.line(format_args!("written: {}, to be read, changed and voted on", policy.display()))?;
    for note in &files.notes {
        output.line(format_args!("still to do: {note}"))?;
    }
    output.line(format_args!(
        "next: quaestor policy hash {}, and a vote that submits what it prints",
        policy.display()
    ))?;
    output.document(&json!({ "ok": true, "config": config, "policy": policy, "notes": files.notes }))?;
    Ok(Exit::Ok)
}

/// What the flags say, and the answers to what they do not.
fn wishes(args: &InitArgs) -> Result<Wishes, Failure> {
    let asked = person::is_asked() && !args.json.json;
    let rpc_url = match &args.rpc_url {
        Some(url) => url.clone(),
        None => needed(asked, "--rpc-url", "The node's URL, or env:NAME:", |text| {
            crate::config::RpcUrl::parse(text).map(|_| text.to_owned()).ok_or_else(|| "no URL".into())
        })?,
    };
    let contracts = contracts(args, asked)?;
    let optional = |given: Option<Address>, question: &str| match given {
        None if asked => maybe(question, person::address),
        given => Ok(given),
    };
    let safe = optional(args.safe, "The Safe that holds operating money (empty: none):")?;
    let governor = optional(args.governor, "The DAO's Governor (empty: none):")?;
    let assets = assets(args, asked)?;
    let router = optional(args.router, "Uniswap v3's SwapRouter (empty: none, then nothing is traded):")?;
    let key = key(args, asked)?;
    let operator = operator(args, &key, asked)?;
    let name = args.name.clone().unwrap_or_else(|| "Treasury".to_owned());
    let (multisend, pools) = (args.multisend, args.pools.clone());
    Ok(Wishes { rpc_url, contracts, multisend, safe, governor, assets, router, pools, operator, key, name })
}

fn contracts(args: &InitArgs, asked: bool) -> Result<ContractsWish, Failure> {
    if let Some(path) = &args.contracts {
        return contracts_file(path).map(|file| ContractsWish::File(Box::new(file)));
    }
    let gate = match args.gate {
        Some(gate) => gate,
        None => needed(asked, "--contracts FILE or --gate", "The DAO's DecisionGate:", person::address)?,
    };
    let deployed_block = match args.deployed_block {
        Some(block) => block,
        None => needed(asked, "--deployed-block", "The block in which it was deployed, or one before it:", |text| {
            text.parse().map_err(|_| "write a whole number".to_owned())
        })?,
    };
    Ok(ContractsWish::Gate { gate, deployed_block })
}

/// What `contracts deploy` wrote.
pub(super) fn contracts_file(path: &Path) -> Result<ContractsFile, Failure> {
    let wrong = |reason: String| {
        let message = format!("{}: {reason}; name the file that `quaestor contracts deploy` wrote", path.display());
        Failure::new(Exit::Configuration, message)
    };
    let bytes = read_bounded(path, CONTRACTS_BYTES_MAX).map_err(|error| wrong(error.to_string()))?;
    serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))
}

fn assets(args: &InitArgs, asked: bool) -> Result<Vec<AssetWish>, Failure> {
    let mut assets = args.assets.clone();
    if !assets.is_empty() {
        return Ok(assets);
    }
    assets.push(needed(
        asked,
        "--asset",
        "The first asset, as KIND:TOKEN:FEED (kind: stable, native, volatile):",
        parse_asset,
    )?);
    while assets.len() < ASSETS_MAX {
        match maybe("The next asset (empty: no more):", parse_asset)? {
            Some(asset) => assets.push(asset),
            None => break,
        }
    }
    Ok(assets)
}

fn key(args: &InitArgs, asked: bool) -> Result<KeySource, Failure> {
    match (&args.key_env, &args.keystore, &args.password_env) {
        (Some(name), _, _) => return Ok(KeySource::Env(name.clone())),
        (None, Some(path), Some(password)) => {
            return Ok(KeySource::Keystore { path: path.clone(), password: password.clone() });
        }
        _ => {}
    }
    let name = |text: &str| env_name(text).ok_or_else(|| "write the name of an environment variable".to_owned());
    let flags = "--key-env, or --keystore with --password-env";
    let path = |text: &str| if text.is_empty() { Err("write a path".to_owned()) } else { Ok(text.to_owned()) };
    let keystore = needed(asked, flags, "The operator's keystore, relative to agent.toml (or env:NAME):", path)?;
    if let Some(variable) = keystore.strip_prefix("env:") {
        return name(variable).map(KeySource::Env).map_err(|error| Failure::new(Exit::Usage, error));
    }
    let password = needed(asked, flags, "The environment variable with its password:", name)?;
    Ok(KeySource::Keystore { path: keystore.into(), password })
}

/// The operator: as said, or the address of its key if that can be opened here.
fn operator(args: &InitArgs, key: &KeySource, asked: bool) -> Result<Address, Failure> {
    if let Some(operator) = args.operator {
        return Ok(operator);
    }
    let here = match key {
        KeySource::Keystore { path, password } => {
            KeySource::Keystore { path: args.dir.join(path), password: password.clone() }
        }
        KeySource::Env(_) => key.clone(),
    };
    match here.open() {
        Ok(signer) => Ok(signer.address()),
        Err(error) if !asked => {
            Err(Failure::new(Exit::Usage, format!("say --operator ADDRESS: its key cannot be opened here ({error})")))
        }
        Err(_) => needed(asked, "--operator", "The operator's address:", person::address),
    }
}

impl From<InitError> for Failure {
    fn from(error: InitError) -> Self {
        let exit = match &error {
            InitError::NoAccount | InitError::NoAsset | InitError::PoolAsset { .. } => Exit::Usage,
            InitError::Incomplete | InitError::Config(_) | InitError::Policy(_) | InitError::File { .. } => {
                Exit::Configuration
            }
            _ => Exit::Chain,
        };
        Self::new(exit, error)
    }
}
