//! `policy fetch`.

use crate::{
    agent::connect,
    chain::{Chain, ChainError},
    cli::{Exit, Failure, Output, args::PolicyFetchArgs, person::chain_failed},
    config::Config,
    registry::{Epoch, GetError, KeepError, Kept, Sources, active_at, epoch_at, epoch_of, keep, place_for, shown},
};
use alloy::{primitives::B256, rpc::types::BlockNumberOrTag};
use quaestor_core::BlockRef;
use serde_json::json;
use std::path::PathBuf;

pub(super) async fn run(args: &PolicyFetchArgs, output: Output) -> Result<Exit, Failure> {
    let config = Config::load(&args.config.config)?;
    let chain = connect(&config)?;
    let block = final_block(&config, &chain).await.map_err(chain_failed)?;
    let epoch = wanted(&config, &chain, block, args.epoch).await?;
    let bytes = Sources::of(&config).get(&chain, &epoch).await?;
    let path = place(args, &config, &epoch)?;
    let kept = match keep(&path, &bytes) {
        Ok(kept) => kept,
        Err(error) => return Err(not_kept(&config, &chain, block, error).await),
    };
    let uri = shown(&epoch.uri);
    output.line(format_args!("epoch    {}", epoch.number))?;
    output.line(format_args!("from     {uri}"))?;
    output.line(format_args!("hash     {}, as anchored", epoch.policyHash))?;
    let became = match kept {
        Kept::Written => format!("{}, {} bytes written", path.display(), bytes.len()),
        Kept::WasThere => format!("{} had it already", path.display()),
    };
    output.line(format_args!("file     {became}"))?;
    if !listed(&config, epoch.policyHash) {
        let file = config.file.display();
        output.warn(format_args!(
            "the agent does not look there; add the file, or its folder, to `files.policies` of {file}"
        ));
    }
    output.document(&json!({
        "ok": true, "epoch": epoch.number, "uri": epoch.uri, "hash": epoch.policyHash, "file": path,
        "bytes": bytes.len(), "written": kept == Kept::Written, "block": block,
    }))?;
    Ok(Exit::Ok)
}

async fn final_block(config: &Config, chain: &Chain) -> Result<BlockRef, ChainError> {
    chain.check_chain_id(config.chain.chain_id).await?;
    let head = chain.block(BlockNumberOrTag::Latest).await?;
    chain.block(config.chain.finality.tag(head.number)).await
}

async fn wanted(config: &Config, chain: &Chain, block: BlockRef, number: Option<u64>) -> Result<Epoch, Failure> {
    let registry = config.contracts.registry;
    let found = match number {
        Some(number) => epoch_at(chain, registry, block.hash, number).await,
        None => active_at(chain, registry, block.hash).await,
    };
    let none = || match number {
        Some(number) => {
            format!("the registry {registry} has no epoch {number} yet, at the final block {}", block.number)
        }
        None => format!("the registry {registry} has no active policy (epoch 0 permits nothing); vote one"),
    };
    found.map_err(chain_failed)?.ok_or_else(|| Failure::new(Exit::Failed, none()))
}

fn place(args: &PolicyFetchArgs, config: &Config, epoch: &Epoch) -> Result<PathBuf, Failure> {
    let place = args.out.clone().or_else(|| place_for(&config.files, epoch));
    place.ok_or_else(|| Failure::new(Exit::Usage, "`files.policies` names no path; name one with --out"))
}

/// Whether the agent finds a file of this hash.
fn listed(config: &Config, hash: B256) -> bool {
    let candidates = config.files.policy_candidates().unwrap_or_default();
    crate::agent::find_policy(&candidates, hash).is_some()
}

/// Says of a file in the way which epoch's it is: it may be the only copy.
async fn not_kept(config: &Config, chain: &Chain, block: BlockRef, error: KeepError) -> Failure {
    let KeepError::Occupied { found, .. } = &error else {
        return Failure::new(Exit::Configuration, format!("{error}; name another path with --out"));
    };
    let what = match epoch_with(config, chain, block, *found).await {
        Some(number) => format!("it is the policy of epoch {number}, which audits ask for: keep it under another name"),
        None => "move it away".to_owned(),
    };
    Failure::new(Exit::Configuration, format!("{error}; {what}, or name another path with --out"))
}

/// The epoch that anchors the file of this hash; `None` too where the chain does not say.
async fn epoch_with(config: &Config, chain: &Chain, block: BlockRef, policy: B256) -> Option<u64> {
    let registry = config.contracts.registry;
    let newest = active_at(chain, registry, block.hash).await.ok()??.number;
    epoch_of(chain, registry, block.hash, newest, policy).await.ok()?
}

impl From<GetError> for Failure {
    fn from(error: GetError) -> Self {
        let exit = match &error {
            GetError::Differs { .. } | GetError::LargeCalldata { .. } => Exit::Failed,
            GetError::Uri { .. } | GetError::File { .. } | GetError::NoGateway { .. } | GetError::Gateway(_) => {
                Exit::Configuration
            }
            GetError::Server { .. } | GetError::NoTransaction { .. } | GetError::Chain(_) => Exit::Chain,
        };
        Self::new(exit, error)
    }
}
