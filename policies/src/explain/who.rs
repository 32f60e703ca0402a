//! Through whom: chain, accounts, and who decides about each.

use super::{Section, Told};
use alloy_primitives::Address;
use quaestor_core::{
    Account, AccountId, Route, Rule,
    policy::{Roles, SafeRoles},
    words,
};

pub(super) fn section(told: &Told<'_>) -> Section {
    let mut section = Section::new("Who decides");
    let text = format!(
        "The treasury lies on the chain eip155:{}; what is read of another chain is refused.",
        told.terms.chain_id
    );
    section.say(text, &["policy.chain"], &[Rule::ChainId]);
    for (account, id) in told.terms.accounts.iter().zip(0..) {
        say_account(&mut section, account);
        if account.route == Route::Safe {
            say_owners(&mut section, &account.name, told.terms.roles.of(AccountId(id)));
        }
    }
    let text =
        "Nothing is proposed for any other account, nor for one that is on the chain something else than it is here.";
    section.say(text, &["accounts"], &[Rule::AccountListed]);
    section.say(
        "The agent is run by operators, whom the brake lists. They can propose, and move nothing by themselves.",
        &[],
        &[],
    );
    let Roles { guardians, operators, safes: _ } = &told.terms.roles;
    say_named(&mut section, ("guardians", "registry"), guardians, Rule::GuardiansNamed);
    say_named(&mut section, ("operators", "brake"), operators, Rule::OperatorsNamed);
    section.say("What owners or members do by hand, without the agent, is not bound by this policy.", &[], &[]);
    section
}

/// Who is named of those whom a contract lists.
fn say_named(section: &mut Section, (who, by): (&str, &str), named: &[Address], rule: Rule) {
    let text = if named.is_empty() {
        format!("Who the {who} are is what the {by} says; they are not named here.")
    } else {
        format!("If the {by} listed other {who} than {}, nothing would be proposed.", addresses(named))
    };
    section.say(text, &[&format!("roles.{who}")], &[rule]);
}

fn say_owners(section: &mut Section, name: &str, named: Option<&SafeRoles>) {
    let owners = named
        .filter(|safe| !safe.owners.is_empty())
        .map(|safe| format!("other owners than {}", addresses(&safe.owners)));
    let threshold = named.and_then(|safe| safe.threshold).map(|number| match number {
        1 => "asked for the confirmation of more than 1 of them".to_owned(),
        _ => format!("asked for the confirmation of more or fewer than {number} of them"),
    });
    let text = match (owners, threshold) {
        (None, None) => format!("Who the owners of {name} are is what the Safe says; they are not named here."),
        (Some(owners), None) => format!("If {name} had {owners}, nothing would be proposed."),
        (None, Some(threshold)) => format!("If {name} {threshold}, nothing would be proposed."),
        (Some(owners), Some(threshold)) => {
            format!("If {name} had {owners}, or {threshold}, nothing would be proposed.")
        }
    };
    let key = |key: &str| format!("accounts.{name}.{key}");
    section.say(text, &[&key("owners"), &key("threshold")], &[Rule::OwnersNamed]);
}

fn addresses(of: &[Address]) -> String {
    let texts: Vec<String> = of.iter().map(Address::to_string).collect();
    words::list(texts.iter().map(String::as_str), "and")
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
