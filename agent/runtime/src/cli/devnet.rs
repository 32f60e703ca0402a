//! `quaestor devnet`.

use super::{Exit, Failure, Output, args::DevnetArgs};
use crate::devnet::{Devnet, DevnetError, Options, ReplayDay, Site, demo_limits, policy_text};
use quaestor_contracts::utc::Utc;
use quaestor_core::{Amount, Price, amount::WAD_DECIMALS};
use std::{iter::Peekable, path::Path, time::Duration};
use tokio::signal::unix::{SignalKind, signal};

/// Environment variable of the keystores' password.
const PASSWORD_VAR: &str = "QUAESTOR_PASSWORD";
/// The keys are anvil's, known to everybody; so is the password.
const PASSWORD: &str = "local";
/// Hours of a replayed day.
const HOURS: u32 = 24;
const HOUR: u64 = 3_600;

pub(super) async fn run(args: &DevnetArgs, output: Output) -> Result<Exit, Failure> {
    let days =
        crate::demo::real_days("2020-01-08", "2020-03-08").map_err(|error| Failure::new(Exit::Internal, error))?;
    let failed = |error: &dyn std::fmt::Display| Failure::new(Exit::Chain, error);
    output.progress("starting a chain and deploying the DAO");
    let devnet = Devnet::start(&Options::new(days)).await.map_err(|error| failed(&error))?;
    let rpc_url = devnet.chain.url().to_string();
    let first = policy_text(&devnet.dao, demo_limits());
    let site = Site::write(&args.dir, &devnet, &first, &rpc_url, PASSWORD_VAR, PASSWORD)
        .map_err(|error| Failure::new(Exit::Configuration, error))?;
    let text = read(&site.policy)?;
    let policy = quaestor_policies::parse(text.as_bytes(), &quaestor_strategies::catalog())
        .map_err(|problems| Failure::new(Exit::Internal, problems))?;
    let (hash, rest) = (quaestor_core::Policy::hash(&policy), quaestor_core::Policy::rest_hash(&policy));
    let voted = devnet.vote_policy(hash, rest, policy.envelope(), "file:policy.toml", "# Adopt the first policy");
    let anchored = voted.await.map_err(|error| failed(&error))?;
    devnet.warp_to(anchored.active_at).await.map_err(|error| failed(&error))?;
    devnet.mine(3).await.map_err(|error| failed(&error))?;
    describe(&devnet, &site, &rpc_url, output)?;
    let mut days = crate::demo::real_days("2020-03-11", "2021-07-05")
        .map_err(|error| Failure::new(Exit::Internal, error))?
        .into_iter()
        .peekable();
    let listen = |kind| signal(kind).map_err(|error| Failure::new(Exit::Internal, error));
    // Kept over the hours: a signal that comes while an hour passes must not be lost.
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    loop {
        tokio::select! {
            _ = interrupt.recv() => return Ok(Exit::Ok),
            _ = terminate.recv() => return Ok(Exit::Ok),
            () = tokio::time::sleep(Duration::from_secs(args.day_secs) / HOURS) => {}
        }
        if let Some(day) = next_hour(&devnet, &mut days).await.map_err(|error| failed(&error))? {
            output.line(prices(&day))?;
        }
    }
}

/// Lets an hour of chain time pass, the close of a day included if it lies in it.
async fn next_hour(
    devnet: &Devnet,
    days: &mut Peekable<impl Iterator<Item = ReplayDay>>,
) -> Result<Option<ReplayDay>, DevnetError> {
    let hour = (devnet.chain.now().await? / HOUR + 1) * HOUR;
    let closed = days.next_if(|day| day.timestamp < hour);
    if let Some(day) = &closed {
        devnet.replay(std::slice::from_ref(day)).await?;
    }
    devnet.warp_to(hour).await?;
    devnet.mine(3).await?;
    Ok(closed)
}

fn prices(day: &ReplayDay) -> String {
    let price = |(symbol, price): &(String, Price)| format!("{symbol} {:>10} USD", four_places(*price));
    let prices: Vec<String> = day.prices.iter().map(price).collect();
    format!("{}  {}", Utc(day.timestamp), prices.join("  "))
}

/// In US dollars with four decimal places, rounded down.
fn four_places(price: Price) -> impl std::fmt::Display {
    Amount(price.0 / 10u128.pow(u32::from(WAD_DECIMALS) - 4)).display(4)
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| Failure::new(Exit::Configuration, error))
}

fn describe(devnet: &Devnet, site: &Site, rpc_url: &str, output: Output) -> Result<(), Failure> {
    let dao = &devnet.dao;
    let config = site.config.display();
    output.line(format_args!("node      {rpc_url} (chain {})", dao.chain_id))?;
    output.line(format_args!("safe      {} (operations; 3 of 4 confirm)", dao.safe.account))?;
    output.line(format_args!("governor  {}", dao.governance.governor))?;
    output.line(format_args!("timelock  {} (reserve)", dao.governance.timelock))?;
    output.line(format_args!("registry  {}", dao.controls.registry))?;
    output.line(format_args!("brake     {}", dao.controls.brake))?;
    output.line(format_args!("gate      {}", dao.controls.gate))?;
    output.line(format_args!("operator  {}", dao.people.operator.address()))?;
    output.line(format_args!("policy    {} (epoch 1, in force)", site.policy.display()))?;
    output.line(format_args!("keys      {} (password `{PASSWORD}`)", site.folder.join("keys").display()))?;
    let (first, bundle) = (site.folder.join("keys/owner-1.json"), site.folder.join("bundles/FILE"));
    output.line("")?;
    output.line("In another terminal:")?;
    output.line(format_args!("  export {PASSWORD_VAR}={PASSWORD}"))?;
    output.line(format_args!("  quaestor run --config {config}"))?;
    output.line("And in a third, where `status` names HASH and FILE once something is proposed:")?;
    output.line(format_args!("  export {PASSWORD_VAR}={PASSWORD}"))?;
    output.line(format_args!("  quaestor status --config {config}"))?;
    output.line(format_args!("  quaestor safe confirm HASH --bundle {} --rpc-url {rpc_url} \\", bundle.display()))?;
    output.line(format_args!("    --keystore {} --password-env {PASSWORD_VAR}", first.display()))?;
    output.line("Two owners confirm, then one says `safe execute` with the same options.")?;
    output.line("")?;
    output.line("Prices follow, one line a day of the replay. Ctrl-C ends it.")
}
