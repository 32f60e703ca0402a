//! `contracts deploy`.

use super::{
    Exit, Failure, Output,
    args::{ContractsCommand, DeployArgs},
    person,
};
use crate::deploy::{ContractsFile, DeployError, Plan, ceilings, deploy, parse_lease};
use alloy::rpc::types::BlockNumberOrTag;
use serde_json::json;
use std::{fs, io, path::Path};

pub(super) async fn run(command: &ContractsCommand, output: Output) -> Result<Exit, Failure> {
    let ContractsCommand::Deploy(args) = command;
    let chain = person::connect(&args.rpc_url)?;
    let chain_id = person::chain_id(&chain).await?;
    let now = chain.block(BlockNumberOrTag::Latest).await.map_err(person::chain_failed)?.timestamp;
    let plan = plan(args, now)?;
    let sender = person::sender(chain, chain_id, person::signer(&args.key)?);
    // Before any gas is spent: whether the result can be written at all.
    create(&args.out)?;
    let mut unwritten = None;
    let done = deploy(&sender, &plan, |file| {
        let stands = [&file.registry, &file.brake, &file.gate].into_iter().flatten().last();
        if let Some(record) = stands.filter(|_| !file.complete) {
            output.progress(format_args!("{} stands, in block {}", record.account, record.block));
        }
        unwritten = fs::write(&args.out, file.bytes()).err();
    });
    let file = done.await.map_err(|error| interrupted(error, &args.out))?;
    tell(&file, &args.out, output)?;
    match unwritten {
        Some(error) => {
            Err(Failure::new(Exit::Configuration, format!("{}: {error}; keep what is printed", args.out.display())))
        }
        None => Ok(Exit::Ok),
    }
}

fn plan(args: &DeployArgs, now: u64) -> Result<Plan, Failure> {
    let lease = || {
        let message = format!("`{}` is no end of a lease; write such as 90d or 2027-01-01T00:00:00Z", args.lease_until);
        Failure::new(Exit::Usage, message)
    };
    Ok(Plan {
        timelock: args.timelock,
        guardians: args.guardians.clone(),
        operators: args.operators.clone(),
        delay_secs: args.delay,
        pull_secs: args.pull,
        lease_until: parse_lease(&args.lease_until, now).ok_or_else(lease)?,
        ceilings: ceilings(&args.ceilings),
        deployer_may_act: args.deployer_may_act,
    })
}

fn create(path: &Path) -> Result<(), Failure> {
    let remedy = match path.exists() {
        true => {
            "it is never replaced; a run that was interrupted is not taken up again, deploy anew with another --out"
        }
        false => "name another file with --out",
    };
    let failed = |error: io::Error| Failure::new(Exit::Configuration, format!("{}: {error}; {remedy}", path.display()));
    fs::File::create_new(path).map(drop).map_err(failed)
}

fn interrupted(error: DeployError, out: &Path) -> Failure {
    let exit = if matches!(error, DeployError::Plan(_)) { Exit::Usage } else { Exit::Chain };
    let nothing = fs::metadata(out).is_ok_and(|found| found.len() == 0);
    if nothing && fs::remove_file(out).is_ok() {
        return Failure::new(exit, error);
    }
    let left = format!("{} says what stands; the next run deploys all of them anew", out.display());
    Failure::new(exit, format!("{error}\n{left}"))
}

fn tell(file: &ContractsFile, out: &Path, output: Output) -> Result<(), Failure> {
    for (what, record) in
        [("PolicyRegistry", &file.registry), ("EmergencyBrake", &file.brake), ("DecisionGate", &file.gate)]
    {
        if let Some(record) = record {
            output.line(format_args!("{what:<15} {}  code {}", record.account, record.code_hash))?;
        }
    }
    output.line(format_args!("owner           {}", file.owner))?;
    output.line(format_args!("written to      {}", out.display()))?;
    output.line("")?;
    output.line("# for agent.toml, or `quaestor init --contracts FILE`")?;
    output.line(file.config_section())?;
    output.document(&json!({ "ok": true, "file": out, "contracts": file }))
}
