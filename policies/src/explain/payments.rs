//! Payments that come again and again: the budget lines.

use super::{Section, Told, stops};
use crate::read::values::up_to_cents;
use quaestor_core::{
    Rule, Terms,
    policy::{BudgetLine, Every},
    words,
};

pub(super) fn section(told: &Told<'_>) -> Section {
    let mut section = Section::new("Recurring payments");
    let lines = &told.terms.payments;
    if lines.is_empty() {
        section.say("No payment comes again and again: no budget line is listed.", &["payments"], &[]);
        return section;
    }
    section.say(
        "For each of these budget lines it may pay once in each of its periods, and nothing else under their names.",
        &["payments"],
        &[Rule::PaymentMatchesLine, Rule::OnceKeyUnused],
    );
    for (place, line) in lines.iter().enumerate() {
        let keys = ["name", "account", "to", "asset", "amount", "every", "begin", "end", "catch_up"];
        let keys = keys.map(|key| format!("payments[{place}].{key}"));
        let late = match line.catch_up {
            0 => "What is not paid in its period is not paid later.".to_owned(),
            more => format!("What is not paid in its period may still be paid in the next {}.", count(more)),
        };
        let text = format!("{}: {}. {late}", line.name, in_words(told.terms, line));
        section.say(text, &keys.each_ref().map(String::as_str), &[Rule::PaymentMatchesLine, Rule::PaymentPeriod]);
    }
    if let Some(sum) = told.terms.budget_monthly().filter(|sum| !sum.is_zero()) {
        let text = format!("Those in stable assets come to at most {} in thirty days.", words::sum(up_to_cents(sum)));
        section.say(text, &["payments"], &[]);
    }
    if !told.policy.strategies().iter().any(|strategy| strategy.pays_budget_lines()) {
        section.say("No strategy pays them, so that they are not paid.", &["payments", "strategies"], &[]);
    }
    section
}

/// What it pays to whom, how often and from when to when. Two lines that differ in any of these are never told alike.
pub(crate) fn in_words(terms: &Terms, line: &BudgetLine) -> String {
    let BudgetLine { account, to, asset, amount, every, begin, end, .. } = line;
    let payer = terms.account(*account).map_or("?", |account| account.name.as_str());
    let receiver = terms.counterparty_at(*to).map_or_else(|| to.to_string(), |it| it.name.clone());
    let period = match every {
        Every::Months(1) => "each month".to_owned(),
        Every::Months(3) => "each quarter".to_owned(),
        Every::Months(12) => "each year".to_owned(),
        Every::Months(months) => format!("every {months} months"),
        Every::Secs(secs) => format!("every {}", words::duration(*secs)),
    };
    let until = match *end {
        u64::MAX => "as long as the policy holds".to_owned(),
        end => format!("and none from {} on", stops::expiry(end)),
    };
    format!(
        "at most {} {period} from {payer} to {receiver}, the first time from {} on, {until}",
        words::amount(*amount, terms.asset(*asset)),
        stops::expiry(*begin)
    )
}

fn count(periods: u64) -> String {
    if periods == 1 { "one".to_owned() } else { words::count(periods) }
}
