//! What a bundle says of one Safe transaction, put together again from its calls. Nothing here asks the chain.
//!
//! Only the hash that the owner typed is taken as given. Everything else in the bundle must lead to that hash, or to
//! one another, or it is refused.

use crate::agent::{Bundle, BundleProposal, Path};
use alloy::primitives::{Address, B256};
use quaestor_contracts::{
    PolicyCodec,
    safe::{SafeError, SafeTx},
};
use quaestor_core::{Call, Catalog, Codec, CodecError, Entry, Policy, Route, Terms};
use quaestor_policies::{Problems, VotedPolicy};

/// What the owner knows from elsewhere than the bundle, and wants it to agree with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pins {
    /// The Safe.
    pub safe: Option<Address>,
    /// The DAO's `DecisionGate`; it names registry and brake.
    pub gate: Option<Address>,
}

/// Why a bundle does not stand for the transaction that the owner asked for.
#[derive(Debug, thiserror::Error)]
pub enum BundleRefused {
    /// No proposal of the bundle has this hash.
    #[error("the bundle has no Safe transaction {asked}{}; get the bundle of this very proposal", listed(found))]
    NotThere {
        /// As asked.
        asked: B256,
        /// Those that it has.
        found: Vec<B256>,
    },
    /// It is about another Safe or gate than the owner named.
    #[error(
        "the bundle is for the {what} {found}, you named {expected}; do not sign, and ask where the bundle is from"
    )]
    Pinned {
        /// Safe or gate.
        what: &'static str,
        /// As the owner named it.
        expected: Address,
        /// In the bundle.
        found: Address,
    },
    /// Its policy does not parse.
    #[error("the policy in the bundle has problems; do not sign:\n{0}")]
    Policy(#[source] Problems),
    /// Two of its parts say different things.
    #[error("the bundle contradicts itself: {what} is {found}, it should be {expected}; do not sign")]
    Contradiction {
        /// What.
        what: &'static str,
        /// As another part has it.
        expected: String,
        /// As found.
        found: String,
    },
    /// The policy has no such Safe.
    #[error("the Safe {safe} is no account of the policy in the bundle; do not sign")]
    NoAccount {
        /// The Safe.
        safe: Address,
    },
    /// The calls are no batch.
    #[error("the calls in the bundle are no Safe transaction of an agent: {0}; do not sign")]
    NoBatch(#[from] SafeError),
    /// The calls lead to another hash.
    #[error(
        "the calls in the bundle have the safeTxHash {recomputed}, not {asked}: they are not what the agent approved; \
         do not sign"
    )]
    HashDiffers {
        /// As asked.
        asked: B256,
        /// As recomputed.
        recomputed: B256,
    },
    /// A call is none that an agent makes.
    #[error("the transaction has a call that no agent makes: {0}; do not sign")]
    Calls(#[from] CodecError),
}

fn listed(found: &[B256]) -> String {
    if found.is_empty() {
        return " or any other".to_owned();
    }
    format!("; it has {}", found.iter().map(B256::to_string).collect::<Vec<_>>().join(", "))
}

/// A Safe transaction whose every part leads to the hash that the owner asked for.
#[derive(Debug)]
pub struct Proposed {
    /// The hash.
    pub hash: B256,
    /// The Safe.
    pub safe: Address,
    /// The transaction.
    pub tx: SafeTx,
    /// Its calls, `enter` first.
    pub calls: Vec<Call>,
    /// What it enters at the gate.
    pub entry: Entry,
    /// The policy it was decided under, by the bundle's text.
    pub policy: VotedPolicy,
    /// The epoch that the bundle says it had.
    pub epoch: u64,
    /// The bundle.
    pub bundle: Bundle,
}

impl Proposed {
    /// Finds the transaction `asked` in `bundle`, builds it anew from its calls, and checks each part against the
    /// others.
    ///
    /// # Errors
    /// The first disagreement.
    pub fn find(bundle: Bundle, asked: B256, pins: &Pins, catalog: &Catalog) -> Result<Self, BundleRefused> {
        let (listing, safe, nonce) = listing(&bundle, asked)?;
        let calls = listing.calls.clone();
        pinned("Safe", pins.safe, safe)?;
        pinned("gate", pins.gate, bundle.contracts.gate)?;
        let policy = quaestor_policies::parse(bundle.policy.as_bytes(), catalog).map_err(BundleRefused::Policy)?;
        let terms = policy.terms();
        let tx = SafeTx::for_batch(safe, bundle.contracts.multisend, &calls, nonce)?;
        let recomputed = tx.hash(terms.chain_id, safe);
        if recomputed != asked {
            return Err(BundleRefused::HashDiffers { asked, recomputed });
        }
        same_contracts(&bundle, terms)?;
        let entry = entered(&bundle, listing, terms, safe, nonce, &policy)?;
        let epoch = bundle.decision.epoch;
        Ok(Self { hash: asked, safe, tx, calls, entry, policy, epoch, bundle })
    }

    /// What the policy says.
    pub fn terms(&self) -> &Terms {
        self.policy.terms()
    }
}

fn listing(bundle: &Bundle, asked: B256) -> Result<(&BundleProposal, Address, u64), BundleRefused> {
    fn of_safe(listing: &BundleProposal) -> Option<(&BundleProposal, Address, u64, B256)> {
        match &listing.route {
            Path::Safe { safe, nonce, safe_tx_hash, .. } => Some((listing, *safe, *nonce, *safe_tx_hash)),
            Path::Governor { .. } => None,
        }
    }
    let all: Vec<_> = bundle.proposals.iter().filter_map(of_safe).collect();
    let found =
        all.iter().find(|(_, _, _, hash)| *hash == asked).map(|(listing, safe, nonce, _)| (*listing, *safe, *nonce));
    found.ok_or_else(|| BundleRefused::NotThere { asked, found: all.iter().map(|(_, _, _, hash)| *hash).collect() })
}

fn pinned(what: &'static str, expected: Option<Address>, found: Address) -> Result<(), BundleRefused> {
    match expected.filter(|expected| *expected != found) {
        Some(expected) => Err(BundleRefused::Pinned { what, expected, found }),
        None => Ok(()),
    }
}

fn same<T: PartialEq + ToString>(what: &'static str, expected: T, found: T) -> Result<(), BundleRefused> {
    if expected == found {
        return Ok(());
    }
    Err(BundleRefused::Contradiction { what, expected: expected.to_string(), found: found.to_string() })
}

fn same_contracts(bundle: &Bundle, terms: &Terms) -> Result<(), BundleRefused> {
    same("the registry", terms.registry, bundle.contracts.registry)?;
    same("the brake", terms.brake, bundle.contracts.brake)?;
    same("the gate", terms.gate, bundle.contracts.gate)?;
    same("the chain of the decision", terms.chain_id, bundle.decision.chain_id)
}

/// The entry at the gate, if it is the one that the decision in the bundle leads to.
fn entered(
    bundle: &Bundle,
    listing: &BundleProposal,
    terms: &Terms,
    safe: Address,
    nonce: u64,
    policy: &VotedPolicy,
) -> Result<Entry, BundleRefused> {
    let account = terms.account_at(safe).ok_or(BundleRefused::NoAccount { safe })?;
    if terms.account(account).is_none_or(|account| account.route != Route::Safe) {
        return Err(BundleRefused::NoAccount { safe });
    }
    let codec = PolicyCodec::new(terms);
    let (first, rest) = listing.calls.split_first().ok_or(SafeError::Empty)?;
    let entry = codec.decode_entry(first)?;
    codec.decode(account, entry.valid_until, rest)?;
    let decision = &bundle.decision;
    same("the policy of the transaction", policy.hash(), entry.policy)?;
    same("the policy of the decision", policy.hash(), decision.policy)?;
    same("the decision's hash in the list of proposals", entry.decision, listing.decision)?;
    let batch = decision.batches.iter().find(|batch| batch.address == safe);
    let nothing = || "a batch of this Safe".to_owned();
    let batch = batch.ok_or_else(|| BundleRefused::Contradiction {
        what: "the decision's list of batches",
        expected: nothing(),
        found: "without one".to_owned(),
    })?;
    let decided = batch.entry(decision, rest);
    same("the hash that the transaction enters at the gate", decided.decision, entry.decision)?;
    if decided != entry {
        return Err(BundleRefused::Contradiction {
            what: "what the transaction enters at the gate",
            expected: "what the decision says".to_owned(),
            found: "something else".to_owned(),
        });
    }
    same("the Safe nonce of the decision", nonce, batch.safe_nonce.unwrap_or(u64::MAX))?;
    Ok(entry)
}
