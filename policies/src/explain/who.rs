//! Through whom: chain, accounts, and who decides about each.

use super::{Section, Told};
use quaestor_core::{Account, Route, Rule};

pub(super) fn section(told: &Told<'_>) -> Section {
    let mut section = Section::new("Who decides");
    let text = format!(
        "The treasury lies on the chain eip155:{}; what is read of another chain is refused.",
        told.terms.chain_id
    );
    section.say(text, &["policy.chain"], &[Rule::ChainId]);
    for account in &told.terms.accounts {
        say_account(&mut section, account);
    }
    let text =
        "Nothing is proposed for any other account, nor for one that is on the chain something else than it is here.";
    section.say(text, &["accounts"], &[Rule::AccountListed]);
    section.say(
        "The agent is run by operators, whom the brake lists. They can propose, and move nothing by themselves.",
        &[],
        &[],
    );
    section.say("What owners or members do by hand, without the agent, is not bound by this policy.", &[], &[]);
    section
}

fn say_account(section: &mut Section, account: &Account) {
    let Account { name, address, route } = account;
    let key = |key: &str| format!("accounts.{name}.{key}");
    let (kind, place) = (key("kind"), key("address"));
    match route {
        Route::Safe => section.say(
            format!(
                "{name} is the Safe at {address}. Its owners decide: each proposal needs as many of them as the Safe asks \
                 for. If operators alone were as many, nothing would be proposed."
            ),
            &[&kind, &place],
            &[Rule::OperatorsBelowThreshold],
        ),
        Route::Governor { governor, proposer } => section.say(
            format!(
                "{name} is the timelock at {address} of the Governor at {governor}. The members decide, by a vote on each \
                 proposal; of the operators only {proposer} proposes there. Trades, deposits and redemptions are refused, \
                 because a vote takes days and prices do not wait."
            ),
            &[&kind, &place, &key("governor"), &key("proposer")],
            &[Rule::GovernorSwapBound],
        ),
    }
}
