//! What sorts of movement it may propose.

use super::{Section, Told};
use quaestor_core::{Rule, VenueKind, action::INTENTS_PER_DECISION_MAX, words};

pub(super) fn section(told: &Told<'_>) -> Section {
    let mut section = Section::new("What it may do");
    let names = told.terms.accounts.iter().map(|account| account.name.as_str());
    if told.terms.accounts.len() > 1 {
        let text = format!("It may move money between the treasury's own accounts: {}.", words::list(names, "and"));
        section.say(text, &["accounts"], &[]);
    } else {
        section.say("It moves no money within the treasury, which has one account.", &["accounts"], &[]);
    }
    trades(told, &mut section);
    if told.terms.counterparties.is_empty() {
        let text = "It may pay nobody outside of the treasury.";
        section.say(text, &["counterparties"], &[Rule::CounterpartyListed]);
    } else {
        let text = format!(
            "It may pay {}, and nobody else.",
            words::list(told.terms.counterparties.iter().map(|it| it.name.as_str()), "and")
        );
        section.say(text, &["counterparties"], &[Rule::CounterpartyListed]);
    }
    section.say(
        "It may do nothing else. Each movement is one of these, of one amount of one asset from one account, and the calls \
         that carry it out must say the same asset, amount and receiver.",
        &[],
        &[Rule::IntentMatchesActions],
    );
    section.say(
        "Before a trade or a deposit the venue is allowed to take exactly the amount of it, never more, and after it nothing.",
        &[],
        &[Rule::ApprovalExact],
    );
    section.say("It spends no more than an account holds.", &[], &[Rule::BalanceSufficient]);
    section.say(
        "Each movement has a key that the chain accepts once, so that none is done twice.",
        &[],
        &[Rule::OnceKeyUnused],
    );
    let text = format!("One decision has at most {INTENTS_PER_DECISION_MAX} movements.");
    section.say(text, &[], &[Rule::IntentsMax]);
    section
}

fn trades(told: &Told<'_>, section: &mut Section) {
    let terms = told.terms;
    let routers = terms.venues.iter().filter(|venue| venue.kind == VenueKind::UniswapV3);
    let routers: Vec<&str> = routers.map(|venue| venue.name.as_str()).collect();
    if routers.is_empty() {
        section.say("It may trade no asset for another: no exchange is listed.", &["venues"], &[]);
    } else {
        let text = format!("It may trade one asset for another at {}.", words::list(routers, "and"));
        section.say(text, &["venues"], &[]);
    }
    let vault = |vault: quaestor_core::Vault| {
        let name = terms.venue(vault.venue).map_or("", |venue| venue.name.as_str());
        format!("{} in {name}", terms.symbol_of(vault.asset))
    };
    let vaults: Vec<String> = terms.vaults().map(vault).collect();
    if vaults.is_empty() {
        section.say("It may deposit nothing: no vault is listed.", &["venues"], &[]);
    } else {
        let text = format!("It may deposit {}, and redeem the shares again.", words::list(vaults, "and"));
        section.say(text, &["venues"], &[]);
    }
}
