//! A bundle leads to the hash that the owner typed, or is refused before anything is signed.

use super::*;
use crate::{
    agent::Path,
    verify::tests::{leaves, mutations, treasury},
};
use alloy::primitives::{Address, keccak256};
use quaestor_contracts::{SafeTx, safe::Operation};
use quaestor_core::Amount;
use serde_json::{Value, json};

fn catalog() -> Catalog {
    quaestor_strategies::catalog()
}

/// The bundle, and where in its list the Safe's proposal is.
fn original() -> (Bundle, usize, B256) {
    let bundle = treasury::bundle();
    let of_safe = bundle.proposals.iter().enumerate().find_map(|(at, proposal)| match proposal.route {
        Path::Safe { safe_tx_hash, .. } => Some((at, safe_tx_hash)),
        Path::Governor { .. } => None,
    });
    let (at, hash) = of_safe.unwrap();
    (bundle, at, hash)
}

fn find(value: &Value, asked: B256) -> Result<Proposed, String> {
    let bundle = Bundle::parse(&serde_json::to_vec(value).unwrap()).map_err(|error| error.to_string())?;
    Proposed::find(bundle, asked, &Pins::default(), &catalog()).map_err(|error| error.to_string())
}

fn refused(bundle: Bundle, asked: B256) -> BundleRefused {
    Proposed::find(bundle, asked, &Pins::default(), &catalog()).unwrap_err()
}

#[test]
fn an_honest_bundle_leads_to_its_hash() {
    let (bundle, at, hash) = original();
    let proposed = Proposed::find(bundle.clone(), hash, &Pins::default(), &catalog()).unwrap();
    assert_eq!(proposed.tx.hash(proposed.terms().chain_id, proposed.safe), hash);
    assert_eq!(proposed.calls, bundle.proposals[at].calls);
    assert_eq!(proposed.tx.operation, Operation::DelegateCall);
    let pins = Pins { safe: Some(proposed.safe), gate: Some(bundle.contracts.gate) };
    assert!(Proposed::find(bundle, hash, &pins, &catalog()).is_ok());
}

#[test]
fn whatever_value_is_changed_the_transaction_is_the_same_or_refused() {
    let (bundle, at, hash) = original();
    let honest = Proposed::find(bundle.clone(), hash, &Pins::default(), &catalog()).unwrap();
    let value = serde_json::to_value(&bundle).unwrap();
    let (mut refused, mut accepted) = (0, Vec::new());
    for pointer in leaves("", &value) {
        for changed in mutations(value.pointer(&pointer).unwrap()) {
            let mut value = value.clone();
            *value.pointer_mut(&pointer).unwrap() = changed;
            match find(&value, hash) {
                Err(_) => refused += 1,
                Ok(found) => {
                    assert_eq!(
                        (&found.tx, found.safe, &found.entry),
                        (&honest.tx, honest.safe, &honest.entry),
                        "{pointer}"
                    );
                    assert_eq!((found.terms(), &found.calls), (honest.terms(), &honest.calls), "{pointer}");
                    accepted.push(pointer.clone());
                }
            }
        }
    }
    assert!(refused > 100, "{refused}");
    // None of what makes the transaction is among what may differ.
    let own = format!("/proposals/{at}/");
    let binding = accepted.iter().filter(|pointer| {
        let listing =
            pointer.starts_with(&own) && !pointer.contains("/dry_run/") && !pointer.ends_with("/rejection_hash");
        listing || pointer.starts_with("/contracts/") || *pointer == "/policy"
    });
    assert_eq!(binding.collect::<Vec<_>>(), Vec::<&String>::new());
}

#[test]
fn each_lie_is_called_what_it_is() {
    let (bundle, at, hash) = original();
    let lie = |change: &dyn Fn(&mut Bundle)| {
        let mut bundle = bundle.clone();
        change(&mut bundle);
        refused(bundle, hash)
    };
    let target = lie(&|it| it.proposals[at].calls[1].to = Address::repeat_byte(9));
    assert!(matches!(target, BundleRefused::HashDiffers { asked, .. } if asked == hash), "{target}");
    let amount = lie(&|it| {
        let mut data = it.proposals[at].calls[1].data.to_vec();
        *data.last_mut().unwrap() ^= 1;
        it.proposals[at].calls[1].data = data.into();
    });
    assert!(matches!(amount, BundleRefused::HashDiffers { .. }), "{amount}");
    let wei = lie(&|it| it.proposals[at].calls[1].value = Amount(1));
    assert!(matches!(wei, BundleRefused::HashDiffers { .. }), "{wei}");
    let dropped = lie(&|it| drop(it.proposals[at].calls.pop()));
    assert!(matches!(dropped, BundleRefused::HashDiffers { .. }), "{dropped}");
    let multisend = lie(&|it| it.contracts.multisend = Address::repeat_byte(9));
    assert!(matches!(multisend, BundleRefused::HashDiffers { .. }), "{multisend}");
    let gate = lie(&|it| it.contracts.gate = Address::repeat_byte(9));
    assert!(matches!(gate, BundleRefused::Contradiction { what: "the gate", .. }), "{gate}");
    let nonce = lie(&|it| {
        if let Path::Safe { nonce, .. } = &mut it.proposals[at].route {
            *nonce += 1;
        }
    });
    assert!(matches!(nonce, BundleRefused::HashDiffers { .. }), "{nonce}");
    let listed = lie(&|it| {
        if let Path::Safe { safe_tx_hash, .. } = &mut it.proposals[at].route {
            *safe_tx_hash = B256::repeat_byte(9);
        }
    });
    assert!(listed.to_string().contains("get the bundle of this very proposal"), "{listed}");
    let policy = lie(&|it| it.policy.push_str("# more\n"));
    assert!(matches!(policy, BundleRefused::Contradiction { .. }), "{policy}");
    let until = lie(&|it| it.decision.batches.iter_mut().for_each(|batch| batch.valid_until += 1));
    assert!(matches!(until, BundleRefused::Contradiction { .. }), "{until}");
}

/// A hash that is right for its calls is not enough: only what an agent would make is confirmed.
#[test]
fn a_transaction_of_another_kind_is_refused_although_its_hash_is_right() {
    let (bundle, at, _) = original();
    let Path::Safe { safe, nonce, .. } = bundle.proposals[at].route else { unreachable!() };
    let chain_id = bundle.decision.chain_id;
    let with = |change: &dyn Fn(&mut Vec<quaestor_core::Call>)| {
        let mut bundle = bundle.clone();
        change(&mut bundle.proposals[at].calls);
        let tx = SafeTx::for_batch(safe, bundle.contracts.multisend, &bundle.proposals[at].calls, nonce);
        let hash = tx.map_or(B256::ZERO, |tx| tx.hash(chain_id, safe));
        if let Path::Safe { safe_tx_hash, .. } = &mut bundle.proposals[at].route {
            *safe_tx_hash = hash;
        }
        refused(bundle, hash)
    };
    let without_entry = with(&|calls| drop(calls.remove(0)));
    assert!(matches!(without_entry, BundleRefused::Calls(_)), "{without_entry}");
    let more = with(&|calls| {
        let extra =
            quaestor_core::Call { to: Address::repeat_byte(9), value: Amount::ZERO, data: vec![1, 2, 3, 4].into() };
        calls.push(extra);
    });
    assert!(matches!(more, BundleRefused::Calls(_)), "{more}");
    let twice = with(&|calls| calls.push(calls[1].clone()));
    assert!(matches!(twice, BundleRefused::Contradiction { .. }), "{twice}");
    let of_the_safe = with(&|calls| calls[1].to = safe);
    assert!(matches!(of_the_safe, BundleRefused::NoBatch(_)), "{of_the_safe}");
}

/// Calls have no operation in a bundle; one that is smuggled in changes nothing, and a transaction that is a plain call
/// has another hash.
#[test]
fn an_operation_cannot_be_smuggled_in() {
    let (bundle, at, hash) = original();
    let mut value = serde_json::to_value(&bundle).unwrap();
    value["proposals"][at]["calls"][1]["operation"] = json!(1);
    if let Ok(found) = find(&value, hash) {
        assert_eq!(found.tx.hash(bundle.decision.chain_id, found.safe), hash);
    }
    let honest = Proposed::find(bundle.clone(), hash, &Pins::default(), &catalog()).unwrap();
    let plain = SafeTx { operation: Operation::Call, ..honest.tx };
    let mut bundle = bundle;
    let plain_hash = plain.hash(bundle.decision.chain_id, honest.safe);
    if let Path::Safe { safe_tx_hash, .. } = &mut bundle.proposals[at].route {
        *safe_tx_hash = plain_hash;
    }
    assert!(matches!(refused(bundle, plain_hash), BundleRefused::HashDiffers { recomputed, .. } if recomputed == hash));
}

#[test]
fn what_the_owner_names_goes_before_the_bundle() {
    let (bundle, _, hash) = original();
    let other = Some(Address::repeat_byte(9));
    for pins in [Pins { safe: other, gate: None }, Pins { safe: None, gate: other }] {
        let refused = Proposed::find(bundle.clone(), hash, &pins, &catalog()).unwrap_err();
        assert!(matches!(refused, BundleRefused::Pinned { .. }), "{refused}");
    }
}

#[test]
fn other_code_is_no_multisend() {
    assert_eq!(multisend::known_multisend(&[]), None);
    assert_eq!(multisend::known_multisend(&[0x60, 0x80]), None);
    let mut hashes: Vec<B256> = multisend::MULTI_SENDS.iter().map(|known| known.code_hash).collect();
    hashes.dedup();
    assert_eq!(hashes.len(), multisend::MULTI_SENDS.len());
    assert!(!hashes.contains(&keccak256([])), "an address without code is none");
}
