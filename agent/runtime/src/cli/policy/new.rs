//! `policy new`: a commented policy to start from, out of the library or out of answers. Whatever is not known is an example
//! in it, which is marked and told.

use super::super::{
    Exit, Failure, Output,
    args::NewArgs,
    init::contracts_file,
    person::{self, maybe, needed},
};
use crate::{
    deploy::ContractsFile,
    init::{AnswerError, Answers, Holding, cautious::LIFE_SECS, parse_holding},
};
use alloy::primitives::Address;
use quaestor_core::{Caip10, Catalog, Policy, Route, Terms, parse_caip2, strategy::ParamValue};
use quaestor_policies::{LIBRARY, Problem, ProblemKind, Problems, VotedPolicy, mark_examples, parse, starting_policy};
use serde_json::json;
use std::{
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

/// The chain of the library's policies, and the one that is taken where none is said.
const LIBRARY_CHAIN: u64 = 1;
const DAY_SECS: u64 = 86_400;
/// Most assets that are asked for.
const HOLDINGS_MAX: usize = 64;

pub(super) fn run(args: &NewArgs, catalog: &Catalog, output: Output) -> Result<Exit, Failure> {
    if args.list {
        return list(output);
    }
    let asked = person::is_asked() && !args.json.json;
    let contracts = contracts(args, asked)?;
    let text = base(args, asked, contracts.as_ref())?;
    let policy = read(&text, args, catalog)?;
    let changes = changes(args, asked, contracts.as_ref(), policy.terms())?;
    let borrowed: Vec<(&str, ParamValue)> =
        changes.iter().map(|(path, value)| (path.as_str(), value.clone())).collect();
    let text = mark_examples(&policy.rewritten(&borrowed).map_err(|problems| refused(problems, &args.out))?);
    let policy = read(&text, args, catalog)?;
    write_new(&args.out, &text)?;
    tell(args, &policy, output)
}

fn list(output: Output) -> Result<Exit, Failure> {
    for shipped in LIBRARY {
        output.line(format_args!("{:<22}{}", shipped.name, shipped.about()))?;
    }
    let each = LIBRARY.iter().map(|shipped| json!({ "name": shipped.name, "about": shipped.about() }));
    output.document(&json!({ "ok": true, "library": each.collect::<Vec<_>>() }))?;
    Ok(Exit::Ok)
}

fn tell(args: &NewArgs, policy: &VotedPolicy, output: Output) -> Result<Exit, Failure> {
    let file = args.out.display();
    let (left, others): (Vec<Problem>, Vec<Problem>) =
        policy.warnings().into_iter().partition(|warning| warning.kind == ProblemKind::Example);
    output.line(format_args!("written: {file}, to be read, changed and voted on"))?;
    for warning in &left {
        output.line(format_args!("still to fill in: {file}:{warning}"))?;
    }
    for warning in &others {
        output.line(format_args!("warning: {file}:{warning}"))?;
    }
    output.line(format_args!("next: quaestor policy explain {file}, and quaestor policy check {file}"))?;
    output.document(&json!({
        "ok": true, "policy": args.out, "hash": policy.hash(), "to_fill_in": left, "warnings": others,
    }))?;
    Ok(Exit::Ok)
}

fn read(text: &str, args: &NewArgs, catalog: &Catalog) -> Result<VotedPolicy, Failure> {
    parse(text.as_bytes(), catalog).map_err(|problems| refused(problems, &args.out))
}

fn refused(problems: Problems, out: &Path) -> Failure {
    let problems = problems.in_file(out.display().to_string());
    let message = format!("what was said makes no policy, and nothing was written:\n{problems}");
    Failure::new(Exit::Usage, message).with_detail(json!(problems))
}

fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        let message =
            format!("{}: {error}; a file that exists is never replaced, name another with --out", path.display());
        Failure::new(Exit::Configuration, message)
    };
    let mut file = std::fs::File::create_new(path).map_err(failed)?;
    std::io::Write::write_all(&mut file, text.as_bytes()).map_err(failed)
}

fn contracts(args: &NewArgs, asked: bool) -> Result<Option<ContractsFile>, Failure> {
    match &args.contracts {
        Some(path) => contracts_file(path).map(Some),
        None if asked => maybe("The file that `quaestor contracts deploy` wrote (empty: fill in later):", |text| {
            contracts_file(Path::new(text)).map_err(|failure| failure.message)
        }),
        None => Ok(None),
    }
}

/// The text that is begun with.
fn base(args: &NewArgs, asked: bool, contracts: Option<&ContractsFile>) -> Result<String, Failure> {
    let chain_id = args.chain.or(contracts.map(|file| file.chain_id));
    if args.holdings.is_empty() {
        let from = match &args.from {
            Some(name) => Some(name.clone()),
            None if asked => from(chain_id)?,
            None => {
                let names: Vec<&str> = LIBRARY.iter().map(|shipped| shipped.name).collect();
                let message = format!(
                    "say --from NAME for a policy of the library ({}), or --hold SYMBOL=PERCENT for each asset; nobody can \
                     be asked here",
                    names.join(", ")
                );
                return Err(Failure::new(Exit::Usage, message));
            }
        };
        if let Some(name) = from {
            return shipped(&name, chain_id);
        }
    }
    let answers = answers(args, asked, chain_id.unwrap_or(LIBRARY_CHAIN))?;
    let facts = answers.facts().map_err(|error: AnswerError| Failure::new(Exit::Usage, error))?;
    Ok(starting_policy(&facts))
}

/// Which policy of the library somebody wants.
fn from(chain_id: Option<u64>) -> Result<Option<String>, Failure> {
    if chain_id.is_some_and(|chain| chain != LIBRARY_CHAIN) {
        return Ok(None);
    }
    for shipped in LIBRARY {
        eprintln!("{:<22}{}", shipped.name, shipped.about());
    }
    maybe("Begin with which of these (empty: with none, but with questions):", |text| {
        let known = LIBRARY.iter().any(|shipped| shipped.name == text);
        known.then(|| text.to_owned()).ok_or_else(|| "write one of the names above".to_owned())
    })
}

fn shipped(name: &str, chain_id: Option<u64>) -> Result<String, Failure> {
    let found = LIBRARY.iter().find(|shipped| shipped.name == name);
    let unknown = || {
        let names: Vec<&str> = LIBRARY.iter().map(|shipped| shipped.name).collect();
        Failure::new(Exit::Usage, format!("the library has no `{name}`; it has: {}", names.join(", ")))
    };
    let found = found.ok_or_else(unknown)?;
    match chain_id {
        Some(chain) if chain != LIBRARY_CHAIN => {
            let message = format!(
                "the library's policies are for eip155:{LIBRARY_CHAIN}, and the chain is eip155:{chain}; say --hold \
                 SYMBOL=PERCENT:KIND for each asset instead of --from"
            );
            Err(Failure::new(Exit::Usage, message))
        }
        _ => Ok(found.text.to_owned()),
    }
}

fn answers(args: &NewArgs, asked: bool, chain_id: u64) -> Result<Answers, Failure> {
    let holdings = if args.holdings.is_empty() { holdings()? } else { args.holdings.clone() };
    let yes = |text: &str| match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("write yes or no".to_owned()),
    };
    let has_reserve = args.reserve
        || args.refill.is_some()
        || (asked
            && maybe("Does a timelock hold a reserve that members vote on? (yes; empty: no)", yes)? == Some(true));
    let refill = match args.refill {
        None if asked && has_reserve => {
            let question = "Refill operations from it below and up to how many whole tokens of cash, as LOW:TARGET (empty: never)?";
            maybe(question, parse_refill)?
        }
        given => given,
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    // At midnight; `--expires` says another time.
    let expires_at = now.saturating_add(LIFE_SECS) / DAY_SECS * DAY_SECS;
    Ok(Answers { name: "Treasury".into(), chain_id, has_reserve, holdings, refill, expires_at })
}

fn holdings() -> Result<Vec<Holding>, Failure> {
    let mut found: Vec<Holding> = Vec::new();
    let mut left_bps: u64 = 10_000;
    while left_bps > 0 && found.len() < HOLDINGS_MAX {
        let question = format!(
            "An asset and its percent of the treasury, such as USDC=60 or VOTE=10:native ({} % are left):",
            left_bps / 100
        );
        let holding = needed(true, "--hold", &question, parse_holding)?;
        left_bps = left_bps.saturating_sub(holding.share_bps);
        found.push(holding);
    }
    Ok(found)
}

/// `LOW:TARGET`, whole tokens.
pub(in crate::cli) fn parse_refill(text: &str) -> Result<(u64, u64), String> {
    let form = || format!("`{text}` is no refill; write LOW:TARGET in whole tokens, such as 100000:250000");
    let (low, target) = text.split_once(':').ok_or_else(form)?;
    match (low.parse(), target.parse()) {
        (Ok(low), Ok(target)) if 0 < low && low <= target => Ok((low, target)),
        _ => Err(form()),
    }
}

/// `KEY=VALUE`, the value as a file has it; what is no such value is a text.
pub(in crate::cli) fn parse_set(text: &str) -> Result<(String, ParamValue), String> {
    let (key, value) = text.split_once('=').ok_or_else(|| format!("`{text}` sets nothing; write KEY=VALUE"))?;
    let table = format!("value = {value}").parse::<toml::Table>().ok();
    let read = table.and_then(|mut table| table.remove("value")).and_then(|value| value.try_into().ok());
    Ok((key.trim().to_owned(), read.unwrap_or_else(|| ParamValue::Text(value.to_owned()))))
}

/// `eip155:N`.
pub(in crate::cli) fn parse_chain(text: &str) -> Result<u64, String> {
    parse_caip2(text).ok_or_else(|| format!("`{text}` is no CAIP-2 chain; write such as eip155:1"))
}

/// What is written in place of what the base has.
fn changes(
    args: &NewArgs,
    asked: bool,
    contracts: Option<&ContractsFile>,
    terms: &Terms,
) -> Result<Vec<(String, ParamValue)>, Failure> {
    let mut changes = Vec::new();
    let text = |path: &str, value: &str| (path.to_owned(), ParamValue::Text(value.to_owned()));
    let name = match &args.name {
        None if asked => maybe(&format!("Name of the policy (empty: {}):", terms.name), |text| Ok(text.to_owned()))?,
        given => given.clone(),
    };
    changes.extend(name.map(|name| text("policy.name", &name)));
    changes.extend(args.expires.as_ref().map(|expires| text("policy.expires", expires)));
    let files = contracts.map(|file| [("registry", &file.registry), ("brake", &file.brake), ("gate", &file.gate)]);
    for (key, record) in files.into_iter().flatten() {
        changes.extend(record.as_ref().map(|record| text(&format!("policy.{key}"), &record.account)));
    }
    let at = |address: Address| Caip10 { chain_id: terms.chain_id, address }.to_string();
    let safe = terms.accounts.iter().find(|account| account.route == Route::Safe);
    let governed = terms.accounts.iter().find(|account| account.route != Route::Safe);
    let given = [
        (safe, "address", args.safe, "--safe", "The Safe that holds operating money"),
        (governed, "address", args.timelock, "--timelock", "The timelock that holds the reserve"),
        (governed, "governor", args.governor, "--governor", "Its Governor"),
        (governed, "proposer", args.proposer, "--proposer", "The operator who proposes there"),
    ];
    for (account, key, given, flag, question) in given {
        let Some(account) = account else {
            if given.is_some() {
                let message =
                    format!("this policy has no account for {flag}; leave it out, or say --reserve with --hold");
                return Err(Failure::new(Exit::Usage, message));
            }
            continue;
        };
        let address = match given {
            None if asked => maybe(&format!("{question} (empty: fill in later):"), person::address)?,
            given => given,
        };
        changes.extend(address.map(|address| text(&format!("accounts.{}.{key}", account.name), &at(address))));
    }
    changes.extend(args.set.iter().cloned());
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_read_as_a_file_has_it() {
        let set = |text: &str| parse_set(text).unwrap();
        let text = |text: &str| ParamValue::Text(text.into());
        assert_eq!(set("limits.day_bps_max=500"), ("limits.day_bps_max".into(), ParamValue::Integer(500)));
        assert_eq!(set("policy.schedule=0 0 8 * * Mon"), ("policy.schedule".into(), text("0 0 8 * * Mon")));
        assert_eq!(set("policy.expires=2028-01-01T00:00:00Z").1, text("2028-01-01T00:00:00Z"));
        assert_eq!(set("policy.name=\"A = B\"").1, text("A = B"));
        assert_eq!(set("a.b=[\"c\", 1]").1, ParamValue::List(vec![text("c"), ParamValue::Integer(1)]));
        assert!(parse_set("limits").is_err());
        assert_eq!(parse_refill("100000:250000"), Ok((100_000, 250_000)));
        for bad in ["", "1", "2:1", "0:1", "1:x", "1:2:3"] {
            assert!(parse_refill(bad).is_err(), "{bad}");
        }
        assert!(parse_chain("eip155:10") == Ok(10) && parse_chain("mainnet").is_err());
    }
}
