//! Who may act on chain, where the policy names them: the chain decides, and a difference stops the agent.

use crate::{
    AccountId, Refusal, Rule, Snapshot,
    snapshot::Control,
    verdict::{InputName, Quantity},
};
use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

/// The people whom a policy names. An empty list names nobody: whom the chain lists is then the chain's matter alone.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Roles {
    /// Who may pull the brake and veto a policy, as the registry lists them.
    pub guardians: Vec<Address>,
    /// Who runs agents, as the brake lists them.
    pub operators: Vec<Address>,
    /// Owners of Safes, by account.
    pub safes: Vec<SafeRoles>,
}

/// What a policy says of the people of a Safe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SafeRoles {
    /// The Safe.
    pub account: AccountId,
    /// Its owners; empty: not named.
    pub owners: Vec<Address>,
    /// How many of them must confirm; `None`: not named.
    pub threshold: Option<u64>,
}

impl Roles {
    /// What is said of the people of a Safe.
    pub fn of(&self, account: AccountId) -> Option<&SafeRoles> {
        self.safes.iter().find(|safe| safe.account == account)
    }

    /// How a Safe stands that is as it is named, in a snapshot that nobody read. Of one that is not named there are no
    /// owners, and more must confirm than there are.
    pub fn safe_as_named(&self, account: AccountId) -> Control {
        let named = self.of(account);
        let owners = named.map(|safe| safe.owners.clone()).unwrap_or_default();
        let more = u64::try_from(owners.len()).unwrap_or(u64::MAX).saturating_add(1);
        Control::Safe { nonce: 0, threshold: named.and_then(|safe| safe.threshold).unwrap_or(more), owners }
    }

    /// The first that is on chain otherwise than it is named here.
    pub(crate) fn differs(&self, snapshot: &Snapshot, policy: B256) -> Option<Refusal> {
        let refusal = |rule, (limit, found)| Refusal::new(rule, limit, found, snapshot.block, policy);
        let none = Vec::new();
        let guardians = difference(&self.guardians, snapshot.guardians.as_ref().unwrap_or(&none));
        let guardians = guardians.map(|it| refusal(Rule::GuardiansNamed, it));
        let operators = || difference(&self.operators, &snapshot.operators).map(|it| refusal(Rule::OperatorsNamed, it));
        let of_safe = |safe: &SafeRoles| {
            let Control::Safe { threshold, owners, .. } = &snapshot.accounts.get(safe.account.index())?.control else {
                return None; // That it is none is another rule's matter.
            };
            let (named, found) = (safe.threshold, *threshold);
            let confirms = named.filter(|named| *named != found);
            let it = difference(&safe.owners, owners)
                .or_else(|| Some((Quantity::Count(confirms?), Quantity::Count(found))))?;
            Some(refusal(Rule::OwnersNamed, it).with(InputName::Account, Quantity::Account(safe.account)))
        };
        guardians.or_else(operators).or_else(|| self.safes.iter().find_map(of_safe))
    }
}

/// The first that is named and not found, or found and not named, if anybody is named.
fn difference(named: &[Address], found: &[Address]) -> Option<(Quantity, Quantity)> {
    if named.is_empty() {
        return None;
    }
    let missing = named.iter().find(|it| !found.contains(it)).map(|it| (Quantity::Address(*it), Quantity::None));
    let more = || found.iter().find(|it| !named.contains(it)).map(|it| (Quantity::None, Quantity::Address(*it)));
    missing.or_else(more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_missing_or_more_differs_in_whatever_order() {
        let [a, b, c] = [1, 2, 3].map(Address::repeat_byte);
        assert_eq!(difference(&[], &[a]), None);
        assert_eq!(difference(&[a, b], &[b, a]), None);
        assert_eq!(difference(&[a, c], &[a, b]), Some((Quantity::Address(c), Quantity::None)));
        assert_eq!(difference(&[a], &[a, b]), Some((Quantity::None, Quantity::Address(b))));
        assert_eq!(difference(&[a], &[]), Some((Quantity::Address(a), Quantity::None)));
    }
}
