//! What an audit found.

use super::{
    deed::{Moved, Origin},
    treasury::Account,
};
use crate::cli::Exit;
use alloy::primitives::{Address, B256, Bytes, U256};
use quaestor_core::{Amount, BlockRef, Value};
use serde::{Serialize, Serializer, ser::SerializeStruct};

/// By what a batch was found allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum How {
    /// The agent's bundle recomputes it, and what it read is the chain's.
    Bundle {
        /// The bundle's file.
        name: String,
    },
    /// The decision was taken again from the chain alone.
    Recomputed {
        /// Number of its block.
        block: u64,
    },
}

/// Whose hand it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Hand {
    /// Owners of a Safe.
    Owners,
    /// A module of a Safe.
    Module,
    /// Members, by a vote that did not pass the gate.
    Vote,
    /// Somebody who had been allowed to take tokens.
    Allowance,
}

/// What is said of something that the treasury did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// The policy in force allowed it.
    Allowed {
        /// How that is known.
        #[serde(flatten)]
        how: How,
        /// What of it could not be checked.
        #[serde(skip_serializing_if = "Option::is_none")]
        caveat: Option<String>,
    },
    /// It passed the gate, and the policy in force did not allow it.
    NotAllowed {
        /// In words.
        why: String,
    },
    /// It did not pass the gate: no policy allowed it.
    ByHand {
        /// Whose.
        hand: Hand,
        /// What the policy in force would have said.
        policy: String,
    },
    /// Nobody can tell here.
    Unjudged {
        /// Why.
        why: String,
    },
    /// The empty transaction that takes a withdrawn proposal's place at a Safe.
    Rejection,
    /// A vote that moves nothing of the treasury.
    Governance,
}

/// A vote as members know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Vote {
    /// The Governor.
    pub governor: Address,
    /// The proposal's number there.
    pub proposal_id: U256,
    /// Who proposed.
    pub proposer: Address,
    /// First line of its description.
    pub title: String,
}

/// A call that ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CallTold {
    /// `call` or `delegatecall`.
    pub operation: &'static str,
    /// Target.
    pub to: Address,
    /// Wei.
    pub value: Amount,
    /// Calldata.
    pub data: Bytes,
    /// In words.
    pub words: String,
}

/// Something that the treasury did, with what is said of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Judged {
    /// What is said of it.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// The account.
    pub account: Account,
    /// Its block.
    pub block: BlockRef,
    /// The transaction.
    pub tx: B256,
    /// Place of its last event in the block.
    pub log_index: u64,
    /// Who sent the transaction.
    pub sender: Address,
    /// How the account came to act.
    pub origin: Origin,
    /// The vote, if it was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vote: Option<Vote>,
    /// The epoch in force.
    pub epoch: Option<u64>,
    /// Hash under which it entered the gate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<B256>,
    /// What it was worth, as it entered the gate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// The calls, without its entry; empty where they stand nowhere.
    pub calls: Vec<CallTold>,
    /// Listed tokens that left the account.
    pub out: Vec<Moved>,
    /// The same in words.
    pub out_words: Vec<String>,
}

/// An epoch that was in force in the time of the audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EpochTold {
    /// Its number.
    pub epoch: u64,
    /// keccak256 of its file.
    pub policy: B256,
    /// In force from this second on, Unix.
    pub from: u64,
    /// Until this second; `None` while it is.
    pub until: Option<u64>,
    /// Where its file was found.
    pub file: Option<String>,
    /// Why it cannot be used.
    pub missing: Option<String>,
}

/// What could not be checked, apart from single deeds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unchecked {
    /// What.
    pub what: String,
    /// Why.
    pub why: String,
}

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Name of the DAO's newest policy.
    pub name: String,
    /// First block.
    pub first: u64,
    /// Last block, final.
    pub last: BlockRef,
    /// Epochs in force meanwhile.
    pub epochs: Vec<EpochTold>,
    /// Accounts.
    pub accounts: Vec<Account>,
    /// What they did, in the order of the chain.
    pub judged: Vec<Judged>,
    /// Entries at the gate of accounts that no policy names: not the treasury's.
    pub strangers: usize,
    /// What could not be checked.
    pub unchecked: Vec<Unchecked>,
}

/// How many things came out how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Allowed by the policy of their time.
    pub allowed: usize,
    /// Passed the gate without being allowed.
    pub not_allowed: usize,
    /// By hand.
    pub by_hand: usize,
    /// Of which nobody can tell here.
    pub unjudged: usize,
    /// Empty transactions.
    pub rejections: usize,
    /// Votes that moved nothing.
    pub governance: usize,
}

impl Audit {
    /// How many things came out how.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for judged in &self.judged {
            let count = match judged.verdict {
                Verdict::Allowed { .. } => &mut counts.allowed,
                Verdict::NotAllowed { .. } => &mut counts.not_allowed,
                Verdict::ByHand { .. } => &mut counts.by_hand,
                Verdict::Unjudged { .. } => &mut counts.unjudged,
                Verdict::Rejection => &mut counts.rejections,
                Verdict::Governance => &mut counts.governance,
            };
            *count += 1;
        }
        counts
    }

    /// How many things no policy allowed.
    pub fn found(&self) -> usize {
        let counts = self.counts();
        counts.not_allowed + counts.by_hand
    }

    /// How many things could not be checked, or not wholly.
    pub fn unchecked(&self) -> usize {
        let caveats = |judged: &&Judged| matches!(judged.verdict, Verdict::Allowed { caveat: Some(_), .. });
        self.counts().unjudged + self.unchecked.len() + self.judged.iter().filter(caveats).count()
    }

    /// How the command ends: by what was found, else by what could not be checked.
    pub fn exit(&self) -> Exit {
        match (self.found(), self.unchecked()) {
            (0, 0) => Exit::Ok,
            (0, _) => Exit::Unchecked,
            _ => Exit::Failed,
        }
    }
}

impl Serialize for Audit {
    /// `{"ok":…,"found":…,"unchecked":…,"counts":…,"chain_id":…,"name":…,"first":…,"last":…,"epochs":[…],"accounts":[…],
    /// "deeds":[…],"strangers":…,"not_checked":[…]}`
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Audit", 13)?;
        out.serialize_field("ok", &(self.exit() == Exit::Ok))?;
        out.serialize_field("found", &self.found())?;
        out.serialize_field("unchecked", &self.unchecked())?;
        out.serialize_field("counts", &self.counts())?;
        out.serialize_field("chain_id", &self.chain_id)?;
        out.serialize_field("name", &self.name)?;
        out.serialize_field("first", &self.first)?;
        out.serialize_field("last", &self.last)?;
        out.serialize_field("epochs", &self.epochs)?;
        out.serialize_field("accounts", &self.accounts)?;
        out.serialize_field("deeds", &self.judged)?;
        out.serialize_field("strangers", &self.strangers)?;
        out.serialize_field("not_checked", &self.unchecked)?;
        out.end()
    }
}
