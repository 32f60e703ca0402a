//! `[[payments]]`: budget lines, the recurring payments that the members have voted.

use super::values;
use crate::{
    document::{Field, Report, Section, is_name},
    problem::nearest,
};
use alloy_primitives::{Address, keccak256};
use quaestor_core::{
    AccountId, Amount, AssetId, Terms,
    policy::{BudgetLine, Every},
};

/// Most budget lines.
const PAYMENTS_MAX: usize = 64;
/// Most periods for which a missed one can still be paid.
const CATCH_UP_MAX: u64 = 12;
/// Shortest period, seconds. What is paid more often is a stream, for which there are contracts.
const EVERY_SECS_MIN: u64 = 3_600;
pub(crate) const PAYMENT_KEYS: [&str; 9] =
    ["name", "account", "to", "asset", "amount", "every", "begin", "end", "catch_up"];
/// Periods of the calendar, in months.
const CALENDAR: [(&str, u64); 3] = [("month", 1), ("quarter", 3), ("year", 12)];

/// All budget lines, in the order of the file. Accounts, assets and counterparties are those of `terms`.
pub(super) fn payments(root: &Section<'_>, report: &mut Report<'_>, terms: &Terms) -> Vec<BudgetLine> {
    let Some(list) = root.may("payments") else { return Vec::new() };
    let sections = list.list(report, PAYMENTS_MAX).into_iter();
    let sections: Vec<Section<'_>> = sections.filter_map(|field| field.section(report)).collect();
    let mut lines: Vec<BudgetLine> = Vec::with_capacity(sections.len());
    for section in &sections {
        let line = line(section, report, terms);
        let path = section.path_of("name");
        if !line.name.is_empty() && lines.iter().any(|before| before.name == line.name) {
            report.conflict(&path, format!("another budget line is named `{}` too; give each its own name", line.name));
        } else if terms.strategies.iter().any(|strategy| strategy.name == line.name) {
            let message =
                format!("a strategy is named `{}` too, and both are lines; give each its own name", line.name);
            report.conflict(&path, message);
        }
        lines.push(line);
    }
    lines
}

fn line(section: &Section<'_>, report: &mut Report<'_>, terms: &Terms) -> BudgetLine {
    section.only(report, &PAYMENT_KEYS);
    let name = section.need(report, "name", "\"payroll\"").and_then(|field| {
        let name = field.text(report, "payroll")?;
        if !is_name(name) {
            let message = format!("`{name}` is not a name; begin with a letter, then letters, digits, `_` and `-`");
            report.value(&field.path, message);
        }
        Some(name.to_owned())
    });
    let name = name.unwrap_or_default();
    let account = section.need(report, "account", "\"operations\"").and_then(|field| account(report, &field, terms));
    let to = section.need(report, "to", "\"auditor\"").and_then(|field| receiver(report, &field, terms));
    let asset =
        section.need(report, "asset", "\"USDC\"").and_then(|field| values::asset(report, &field, &terms.assets));
    let amount =
        section.need(report, "amount", "\"25000 USDC\"").and_then(|field| amount(report, &field, terms, asset?));
    let every = section.need(report, "every", "\"month\"").and_then(|field| every(report, &field));
    let begin =
        section.need(report, "begin", "\"2027-01-01T00:00:00Z\"").and_then(|field| values::time(report, &field));
    let end = section.may("end").and_then(|field| values::time(report, &field));
    if let (Some(begin), Some(end)) = (begin, end)
        && end <= begin
    {
        report.conflict(
            &section.path_of("end"),
            "is not after `begin`, so that nothing would ever be paid; write a later time",
        );
    }
    // An expiry that could not be read is zero.
    if let Some(begin) = begin
        && terms.expires_at > 0
        && begin >= terms.expires_at
    {
        let message = "is not before `policy.expires`, so that nothing would ever be paid; write an earlier time";
        report.conflict(&section.path_of("begin"), message);
    }
    let catch_up = section.may("catch_up").and_then(|field| field.integer(report, 0, CATCH_UP_MAX));
    BudgetLine {
        line: keccak256(name.as_bytes()),
        name,
        account: account.unwrap_or(AccountId(0)),
        to: to.unwrap_or_default(),
        asset: asset.unwrap_or(AssetId(0)),
        amount: amount.unwrap_or_default(),
        every: every.unwrap_or(Every::Months(1)),
        begin: begin.unwrap_or_default(),
        end: end.unwrap_or(u64::MAX),
        catch_up: catch_up.unwrap_or_default(),
    }
}

fn account(report: &mut Report<'_>, field: &Field<'_>, terms: &Terms) -> Option<AccountId> {
    let name = field.text(report, "operations")?;
    let found = terms.account_named(name);
    if found.is_none() {
        let known: Vec<_> = terms.accounts.iter().map(|account| account.name.as_str()).collect();
        let message = format!("`{name}` is no account of this policy; write one of: {}", known.join(", "));
        report.conflict(&field.path, message);
    }
    found
}

fn receiver(report: &mut Report<'_>, field: &Field<'_>, terms: &Terms) -> Option<Address> {
    let name = field.text(report, "auditor")?;
    let found = terms.counterparties.iter().find(|it| it.name == name).map(|it| it.address);
    if found.is_none() {
        let known = terms.counterparties.iter().map(|it| it.name.as_str());
        let remedy = match nearest(name, known) {
            Some(meant) => format!("write `{meant}`, if that is meant"),
            None => format!("list it in [counterparties], such as `{name} = \"eip155:{}:0x…\"`", terms.chain_id),
        };
        report.conflict(&field.path, format!("`{name}` is no counterparty of this policy; {remedy}"));
    }
    found
}

/// Such as `25000 USDC`, in base units of `asset`; more than nothing.
fn amount(report: &mut Report<'_>, field: &Field<'_>, terms: &Terms, asset: AssetId) -> Option<Amount> {
    let asset = terms.asset(asset)?;
    let symbol = &asset.symbol;
    let text = field.text(report, &format!("25000 {symbol}"))?;
    let number = text.strip_suffix(symbol.as_str()).and_then(|number| number.strip_suffix(' '));
    let found = match number.map(|number| Amount::parse(number, asset.decimals)) {
        None => Err(format!("`{text}` has not the unit {symbol}; write such as `25000 {symbol}`")),
        Some(Err(error)) => Err(error.to_string()),
        Some(Ok(amount)) if amount.is_zero() => Err("is nothing; write what a period pays".to_owned()),
        Some(Ok(amount)) => Ok(amount),
    };
    found.map_err(|message| report.value(&field.path, message)).ok()
}

/// A period of the calendar, or a length of time.
fn every(report: &mut Report<'_>, field: &Field<'_>) -> Option<Every> {
    let text = field.text(report, "month")?;
    let months = CALENDAR.iter().find(|(word, _)| *word == text).map(|(_, months)| Every::Months(*months));
    let secs = || values::duration_secs(text).filter(|secs| *secs >= EVERY_SECS_MIN).map(Every::Secs);
    let found = months.or_else(secs);
    if found.is_none() {
        let message = "is no period; write `month`, `quarter`, `year`, or a duration of an hour or more, such as `14d`";
        report.value(&field.path, format!("`{text}` {message}"));
    }
    found
}
