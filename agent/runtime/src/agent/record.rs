//! What the journal holds, and the book that a restart reads from it.

use crate::chain::{SignedTx, Unsigned};
use alloy::primitives::{Address, B256};
use quaestor_core::{
    Batch, BlockRef, Call, Decision,
    lifecycle::{self, Effect, Errand, Event, Proposal, State},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One row of the journal. The row's kind is the variant's name.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
#[allow(clippy::large_enum_variant, reason = "records are made one at a time and written down at once")]
pub enum Record {
    /// The agent started.
    Started {
        /// Version of the program.
        version: String,
        /// The operator.
        operator: Address,
        /// EIP-155 chain id.
        chain_id: u64,
    },
    /// The agent stopped in good order.
    Stopped,
    /// A policy came into force here.
    PolicyInForce {
        /// Its epoch; only rises.
        epoch: u64,
        /// keccak256 of its file.
        policy: B256,
        /// The block at which it was seen.
        block: BlockRef,
    },
    /// A decision was taken.
    Decided {
        /// Its block.
        block: BlockRef,
        /// keccak256 of its canonical bytes.
        hash: B256,
        /// The published bundle's file name.
        bundle: String,
        /// How many intents were allowed.
        allowed: usize,
        /// How many intents were refused.
        refused: usize,
        /// How many batches passed the gate; each is planned next.
        cleared: usize,
    },
    /// An allowed batch was kept back.
    Withheld {
        /// The account.
        account: Address,
        /// The decision's block.
        block: BlockRef,
        /// Why, for people.
        reason: String,
    },
    /// A batch will be proposed. Written before anything of it is signed.
    Planned(Box<Plan>),
    /// A transaction will be signed: calldata, nonce and fees as they will go out.
    Prepared {
        /// The batch's decision.
        decision: B256,
        /// What the transaction does.
        errand: Errand,
        /// The transaction.
        unsigned: Unsigned,
    },
    /// Signed bytes. Written before they are sent.
    Signed {
        /// The batch's decision.
        decision: B256,
        /// What the transaction does.
        errand: Errand,
        /// The bytes.
        tx: SignedTx,
    },
    /// Something else happened to a proposal.
    Happened {
        /// The batch's decision.
        decision: B256,
        /// What.
        event: Event,
    },
    /// A training that the policy's schedule asked for came to its end. One that was cut off has no such row, and is made
    /// up for.
    Trained {
        /// The moment of the schedule, Unix seconds; it is not trained for again.
        slot: u64,
        /// What came of it.
        end: TrainingEnd,
    },
    /// People must look.
    Alarm {
        /// What is wrong and what to do.
        message: String,
    },
}

impl Record {
    /// The row's kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::Stopped => "stopped",
            Self::PolicyInForce { .. } => "policy_in_force",
            Self::Decided { .. } => "decided",
            Self::Withheld { .. } => "withheld",
            Self::Planned(_) => "planned",
            Self::Prepared { .. } => "prepared",
            Self::Signed { .. } => "signed",
            Self::Happened { .. } => "happened",
            Self::Trained { .. } => "trained",
            Self::Alarm { .. } => "alarm",
        }
    }
}

/// What came of a training.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum TrainingEnd {
    /// A model, whether or not the policy then finds it good enough.
    Model {
        /// keccak256 of its file.
        hash: B256,
    },
    /// None.
    Failed {
        /// Why, for people.
        reason: String,
    },
}

/// Everything that is needed to propose a batch, to judge it again and to withdraw it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Hash under which the batch enters the gate.
    pub id: B256,
    /// The decision it belongs to.
    pub decision: Decision,
    /// The batch.
    pub batch: Batch,
    /// Its whole calldata, `enter` first.
    pub calls: Vec<Call>,
    /// How it goes on chain.
    pub route: Path,
    /// File name of the bundle.
    pub bundle: String,
}

/// How a batch goes on chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "path", rename_all = "snake_case")]
pub enum Path {
    /// A transaction of a Safe.
    Safe {
        /// The Safe.
        safe: Address,
        /// Its nonce.
        nonce: u64,
        /// EIP-712 hash of the transaction.
        safe_tx_hash: B256,
        /// Hash of the empty transaction at the same nonce.
        rejection_hash: B256,
    },
    /// A proposal to a Governor.
    Governor {
        /// The Governor.
        governor: Address,
        /// Its id, as 32 bytes.
        proposal_id: B256,
        /// What members read.
        description: String,
    },
}

/// A plan with its life so far.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The plan.
    pub plan: Plan,
    /// Where it stands.
    pub proposal: Proposal,
    /// Signed bytes by hash.
    pub signed: BTreeMap<B256, SignedTx>,
    /// The transaction prepared last.
    pub prepared: Option<Unsigned>,
}

/// All proposals that are not over, and what only rises.
#[derive(Debug, Clone, Default)]
pub struct Book {
    /// Proposals by id; those that are over are dropped.
    pub entries: BTreeMap<B256, Entry>,
    /// Highest epoch ever in force here, and its policy.
    pub epoch: Option<(u64, B256)>,
    /// Block of the last decision.
    pub decided: Option<BlockRef>,
    /// Newest moment of a schedule for which a training came to its end, Unix seconds.
    pub trained: Option<u64>,
}

impl Book {
    /// Folds one record in and returns what it asks for.
    pub fn apply(&mut self, record: &Record) -> Vec<(B256, Effect)> {
        match record {
            Record::PolicyInForce { epoch, policy, .. } => {
                self.epoch = Some((*epoch, *policy));
                Vec::new()
            }
            Record::Decided { block, .. } => {
                self.decided = Some(*block);
                Vec::new()
            }
            Record::Trained { slot, .. } => {
                self.trained = self.trained.max(Some(*slot));
                Vec::new()
            }
            Record::Planned(plan) => {
                let entry = Entry {
                    plan: (**plan).clone(),
                    proposal: Proposal::default(),
                    signed: BTreeMap::new(),
                    prepared: None,
                };
                self.entries.insert(plan.id, entry);
                Vec::new()
            }
            Record::Prepared { decision, unsigned, .. } => {
                if let Some(entry) = self.entries.get_mut(decision) {
                    entry.prepared = Some(unsigned.clone());
                }
                Vec::new()
            }
            Record::Signed { decision, errand, tx } => {
                if let Some(entry) = self.entries.get_mut(decision) {
                    entry.signed.insert(tx.hash, tx.clone());
                }
                self.happened(*decision, &Event::Signed { errand: *errand, tx: tx.hash })
            }
            Record::Happened { decision, event } => self.happened(*decision, event),
            Record::Started { .. } | Record::Stopped | Record::Withheld { .. } | Record::Alarm { .. } => Vec::new(),
        }
    }

    fn happened(&mut self, id: B256, event: &Event) -> Vec<(B256, Effect)> {
        let Some(entry) = self.entries.get_mut(&id) else { return Vec::new() };
        let (proposal, effects) = lifecycle::step(std::mem::take(&mut entry.proposal), event);
        entry.proposal = proposal;
        if entry.proposal.is_ended() {
            self.entries.remove(&id);
        }
        effects.into_iter().map(|effect| (id, effect)).collect()
    }

    /// The proposals that wait for people or for their turn.
    pub fn waiting(&self) -> Vec<B256> {
        let waits = |entry: &Entry| matches!(entry.proposal.state, State::Planned | State::Live { .. });
        self.entries.iter().filter(|(_, entry)| waits(entry)).map(|(id, _)| *id).collect()
    }
}
