//! Who may act on chain, where the file names them: `[roles]`, and the owners of Safes in `[accounts.NAME]`.

use super::values;
use crate::document::{Report, Section};
use alloy_primitives::Address;
use quaestor_core::{
    Account, AccountId, Route,
    policy::{Roles, SafeRoles},
};

pub(super) const ROLE_KEYS: [&str; 2] = ["guardians", "operators"];
/// Most people of a list.
const PEOPLE_MAX: usize = 64;

/// Everybody who is named. `accounts` are those of the file in its order of names.
pub(super) fn roles(root: &Section<'_>, report: &mut Report<'_>, chain_id: Option<u64>, accounts: &[Account]) -> Roles {
    let mut roles = Roles::default();
    if let Some(section) = root.may("roles").and_then(|field| field.section(report)) {
        section.only(report, &ROLE_KEYS);
        roles.guardians = people(&section, report, "guardians", chain_id);
        roles.operators = people(&section, report, "operators", chain_id);
    }
    let sections = root.named(report, "accounts");
    for (account, id) in accounts.iter().zip(0..).filter(|(account, _)| account.route == Route::Safe) {
        let Some((_, section)) = sections.iter().find(|(name, _)| *name == account.name) else { continue };
        let owners = people(section, report, "owners", chain_id);
        let most = if owners.is_empty() { PEOPLE_MAX } else { owners.len() };
        let most = u64::try_from(most).unwrap_or(u64::MAX);
        let threshold = section.may("threshold").and_then(|field| field.integer(report, 1, most));
        if !owners.is_empty() || threshold.is_some() {
            roles.safes.push(SafeRoles { account: AccountId(id), owners, threshold });
        }
    }
    roles
}

fn people(section: &Section<'_>, report: &mut Report<'_>, key: &str, chain_id: Option<u64>) -> Vec<Address> {
    let field = section.may(key);
    field.map(|field| values::accounts(report, &field, chain_id, PEOPLE_MAX)).unwrap_or_default()
}
