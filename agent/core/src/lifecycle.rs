//! The life of a proposal: a pure state machine. The runtime journals each event, folds it in with [`step`], and
//! performs the effects; a restart folds the journal again and asks for [`Proposal::resume`].
//!
//! ```text
//!  Planned ── propose final ──▶ Live ── executed ──▶ Executed ── final ──▶ Ended(Executed)
//!     │                          │ ▲                     │
//!     │                          │ └───── reorg ─────────┘
//!     │                          ├── expired ─────────────────────────────▶ Ended(Expired)
//!     │                          ├── voted down, cancelled ───────────────▶ Ended(Defeated)
//!     │ unfit, brake, replaced   │ unfit, brake, replaced
//!     ▼                          ▼
//!  Ended(Abandoned)          Withdrawing ── revoke final ── tidy final ───▶ Ended(Withdrawn)
//!  if nothing was signed,        ▲
//!  else ─────────────────────────┘
//! ```
//!
//! Beside the state a proposal has at most one transaction of the operator under way (its [`Flight`]):
//! signed → sent → included → final. A reorg takes it from included back to sent and sends the same bytes again.

use crate::{Refusal, snapshot::BlockRef};
use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

/// Most times a transaction of one purpose is made anew after it reverted or was superseded.
pub const ATTEMPTS_MAX: u8 = 5;

/// What a transaction of the operator does for its proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Errand {
    /// `Safe.approveHash` or `Governor.propose`.
    Propose,
    /// `Governor.queue`.
    Queue,
    /// `Governor.execute`.
    Execute,
    /// `DecisionGate.revoke`.
    Revoke,
    /// A rejection at the Safe's nonce, or `Governor.cancel`.
    Tidy,
}

/// How far a transaction has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// Its bytes are in the journal.
    Signed,
    /// A node took it.
    Sent,
    /// It is in a block that is not final.
    Included(BlockRef),
}

/// The transaction under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flight {
    /// What it does.
    pub errand: Errand,
    /// Its hash.
    pub tx: B256,
    /// How far it has come.
    pub progress: Progress,
}

/// What the chain says of a live proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
pub enum Stage {
    /// A Safe transaction that collects confirmations.
    Confirming {
        /// Confirmations on chain, the agent's included.
        confirmations: u64,
        /// Confirmations needed.
        threshold: u64,
    },
    /// Voting has not begun.
    Pending,
    /// Members vote.
    Active,
    /// Members agreed; it can be queued.
    Succeeded,
    /// It waits in the timelock.
    Queued {
        /// From then on it can be executed, Unix seconds.
        ready_at: u64,
        /// Whether that time has come at the block of this reading.
        is_ready: bool,
    },
}

/// Why a proposal is withdrawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Reason {
    /// Judged and simulated again, it failed.
    Unfit {
        /// The receipt.
        receipt: Refusal,
    },
    /// The brake was pulled after it was prepared.
    BrakePulled,
    /// Another transaction took its Safe nonce.
    Replaced,
}

/// How a proposal ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// It ran, finally.
    Executed {
        /// In this block.
        block: BlockRef,
    },
    /// Its time passed; the gate refuses it.
    Expired,
    /// Members voted it down or cancelled it.
    Defeated,
    /// It never left: nothing was signed.
    Abandoned {
        /// Why.
        reason: Reason,
    },
    /// It was revoked at the gate.
    Withdrawn {
        /// Why.
        reason: Reason,
    },
    /// Proposing reverted, finally.
    Failed,
}

/// Where a proposal stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// Written down; not proposed, finally.
    Planned,
    /// Proposed; people confirm or vote.
    Live {
        /// What the chain said last; `None` before the first look.
        stage: Option<Stage>,
    },
    /// It ran in a block that is not final.
    Executed {
        /// That block.
        block: BlockRef,
        /// Why it was being withdrawn when it ran, if it was: a reorganisation goes on with that.
        withdrawing: Option<Reason>,
    },
    /// It is being revoked.
    Withdrawing {
        /// Why.
        reason: Reason,
        /// Whether the revocation is final.
        revoked: bool,
    },
    /// It is over.
    Ended(Outcome),
}

/// A proposal: its state, and the transaction under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// Where it stands.
    pub state: State,
    /// The transaction under way.
    pub flight: Option<Flight>,
    /// How often the errand at hand failed.
    pub failures: u8,
}

/// What happened to a proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The bytes of a transaction are in the journal.
    Signed {
        /// What it does.
        errand: Errand,
        /// Its hash.
        tx: B256,
    },
    /// A node took the transaction.
    Sent {
        /// Its hash.
        tx: B256,
    },
    /// The transaction is in a block.
    Included {
        /// Its hash.
        tx: B256,
        /// The block.
        block: BlockRef,
    },
    /// The transaction is in no block any more.
    Reorged {
        /// Its hash.
        tx: B256,
    },
    /// The block of the transaction is final, and it succeeded.
    Finalised {
        /// Its hash.
        tx: B256,
    },
    /// The block of the transaction is final, and it reverted; or another took its nonce, finally.
    Failed {
        /// Its hash.
        tx: B256,
    },
    /// Another transaction has the nonce of a revocation. It is made anew at once: revoking twice does no harm.
    Superseded {
        /// Its hash.
        tx: B256,
    },
    /// The chain was asked.
    Observed {
        /// What it said.
        #[serde(flatten)]
        stage: Stage,
    },
    /// The batch ran.
    Executed {
        /// In this block.
        block: BlockRef,
    },
    /// The block in which the batch ran is no longer in the chain.
    ExecutionReorged,
    /// The block in which the batch ran is final.
    ExecutionFinalised,
    /// Its time passed at a final block.
    Expired,
    /// Members voted it down or cancelled it, finally.
    Defeated,
    /// After the revocation nothing can be tidied: the Safe's nonce is taken, or voting has begun.
    NothingToTidy,
    /// It must not run.
    Withdraw {
        /// Why.
        #[serde(flatten)]
        reason: Reason,
    },
}

/// What the runtime must do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Clear it (anew), write down and sign the transaction of this errand. A [`Errand::Revoke`] or [`Errand::Tidy`]
    /// needs no clearance and takes the operator's next nonce, so that it replaces what may still be under way.
    Sign(Errand),
    /// Look at the brake once more, then send the journalled bytes of this transaction.
    Send(B256),
    /// Ask the chain what became of this transaction before anything else.
    AskChain(B256),
    /// Tell people.
    Alert(Alert),
}

/// What people are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Alert {
    /// A proposal waits for confirmations or votes.
    Proposed,
    /// It ran.
    Executed,
    /// It is being withdrawn.
    Withdrawing(Reason),
    /// It is over without having run.
    EndedUnexecuted(Outcome),
    /// An errand failed for the last time; a person must look.
    Stuck(Errand),
}

impl Default for Proposal {
    fn default() -> Self {
        Self { state: State::Planned, flight: None, failures: 0 }
    }
}

impl Proposal {
    /// Whether it is over.
    pub fn is_ended(&self) -> bool {
        matches!(self.state, State::Ended(_))
    }

    /// Whether it may still run on chain, as far as is known here. What ran in a block that is not final may run again:
    /// until then it binds its account.
    pub fn may_run(&self) -> bool {
        matches!(self.state, State::Planned | State::Live { .. } | State::Executed { .. })
            || matches!(self.state, State::Withdrawing { revoked: false, .. })
    }

    /// What a restart must do first. Signed bytes are never sent before the chain was asked.
    pub fn resume(&self) -> Vec<Effect> {
        match self.flight {
            Some(flight) => vec![Effect::AskChain(flight.tx)],
            None => self.wants().map(Effect::Sign).into_iter().collect(),
        }
    }

    /// The errand that the state calls for when nothing is under way.
    pub fn wants(&self) -> Option<Errand> {
        if self.flight.is_some() || self.failures >= ATTEMPTS_MAX {
            return None;
        }
        match &self.state {
            State::Planned => Some(Errand::Propose),
            State::Live { stage: Some(Stage::Succeeded) } => Some(Errand::Queue),
            State::Live { stage: Some(Stage::Queued { is_ready: true, .. }) } => Some(Errand::Execute),
            State::Withdrawing { revoked: false, .. } => Some(Errand::Revoke),
            State::Withdrawing { revoked: true, .. } => Some(Errand::Tidy),
            _ => None,
        }
    }
}

/// Folds `event` into `proposal` and says what must be done. Events of a transaction that is not under way, and any
/// event after the end, change nothing.
#[must_use]
pub fn step(mut proposal: Proposal, event: &Event) -> (Proposal, Vec<Effect>) {
    if proposal.is_ended() {
        return (proposal, Vec::new());
    }
    let effects = match event {
        Event::Signed { errand, tx } => signed(&mut proposal, *errand, *tx),
        Event::Sent { tx } => advance(&mut proposal, *tx, Progress::Sent),
        Event::Included { tx, block } => advance(&mut proposal, *tx, Progress::Included(*block)),
        Event::Reorged { tx } => reorged(&mut proposal, *tx),
        Event::Finalised { tx } => finalised(&mut proposal, *tx),
        Event::Failed { tx } => failed(&mut proposal, *tx),
        Event::Superseded { tx } => superseded(&mut proposal, *tx),
        Event::Observed { stage } => observed(&mut proposal, *stage),
        Event::Executed { block } => executed(&mut proposal, *block),
        Event::ExecutionReorged => execution_reorged(&mut proposal),
        Event::ExecutionFinalised => match proposal.state {
            State::Executed { block, .. } => end(&mut proposal, Outcome::Executed { block }),
            _ => Vec::new(),
        },
        Event::Expired => match proposal.state {
            State::Executed { .. } => Vec::new(),
            _ => end(&mut proposal, Outcome::Expired),
        },
        Event::Defeated => match proposal.state {
            State::Live { .. } => end(&mut proposal, Outcome::Defeated),
            _ => Vec::new(),
        },
        Event::NothingToTidy => match &proposal.state {
            State::Withdrawing { reason, revoked: true } if proposal.flight.is_none() => {
                let outcome = Outcome::Withdrawn { reason: reason.clone() };
                end(&mut proposal, outcome)
            }
            _ => Vec::new(),
        },
        Event::Withdraw { reason } => withdraw(&mut proposal, reason.clone()),
    };
    (proposal, effects)
}

fn signed(proposal: &mut Proposal, errand: Errand, tx: B256) -> Vec<Effect> {
    // A withdrawal takes the place of whatever is under way; nothing else does.
    let withdrawing = matches!(proposal.state, State::Withdrawing { .. });
    let wanted = match proposal.flight {
        Some(flight) if withdrawing && flight.errand != errand => matches!(errand, Errand::Revoke),
        // The same again, with fees that are enough now.
        Some(flight) if flight.errand == errand => !matches!(flight.progress, Progress::Included(_)),
        Some(flight) if withdrawing && !matches!(flight.progress, Progress::Included(_)) => errand == Errand::Tidy,
        _ => proposal.wants() == Some(errand),
    };
    if !wanted {
        return Vec::new();
    }
    proposal.flight = Some(Flight { errand, tx, progress: Progress::Signed });
    vec![Effect::Send(tx)]
}

fn advance(proposal: &mut Proposal, tx: B256, progress: Progress) -> Vec<Effect> {
    if let Some(flight) = proposal.flight.as_mut().filter(|flight| flight.tx == tx) {
        flight.progress = progress;
    }
    Vec::new()
}

fn reorged(proposal: &mut Proposal, tx: B256) -> Vec<Effect> {
    match proposal.flight.as_mut().filter(|flight| flight.tx == tx) {
        Some(flight) => {
            flight.progress = Progress::Sent;
            vec![Effect::Send(tx)]
        }
        None => Vec::new(),
    }
}

fn finalised(proposal: &mut Proposal, tx: B256) -> Vec<Effect> {
    let Some(flight) = proposal.flight.take_if(|flight| flight.tx == tx) else { return Vec::new() };
    proposal.failures = 0;
    match (flight.errand, &mut proposal.state) {
        (Errand::Propose, state @ State::Planned) => {
            *state = State::Live { stage: None };
            vec![Effect::Alert(Alert::Proposed)]
        }
        // Proposed while it was already being withdrawn: the revocation is still to come.
        (Errand::Propose | Errand::Queue | Errand::Execute, State::Withdrawing { .. }) => {
            vec![Effect::Sign(Errand::Revoke)]
        }
        (Errand::Revoke, State::Withdrawing { revoked, .. }) => {
            *revoked = true;
            vec![Effect::Sign(Errand::Tidy)]
        }
        (Errand::Tidy, State::Withdrawing { reason, .. }) => {
            let outcome = Outcome::Withdrawn { reason: reason.clone() };
            end(proposal, outcome)
        }
        _ => Vec::new(),
    }
}

fn failed(proposal: &mut Proposal, tx: B256) -> Vec<Effect> {
    let Some(flight) = proposal.flight.take_if(|flight| flight.tx == tx) else { return Vec::new() };
    proposal.failures = proposal.failures.saturating_add(1);
    match (flight.errand, &proposal.state) {
        (Errand::Propose, State::Planned) => end(proposal, Outcome::Failed),
        // Tidying is a courtesy: the revocation is what binds.
        (Errand::Tidy, State::Withdrawing { reason, .. }) => {
            let outcome = Outcome::Withdrawn { reason: reason.clone() };
            end(proposal, outcome)
        }
        _ if proposal.failures >= ATTEMPTS_MAX => vec![Effect::Alert(Alert::Stuck(flight.errand))],
        _ => proposal.wants().map(Effect::Sign).into_iter().collect(),
    }
}

fn superseded(proposal: &mut Proposal, tx: B256) -> Vec<Effect> {
    let is_revocation = |flight: &mut Flight| flight.tx == tx && flight.errand == Errand::Revoke;
    match proposal.flight.take_if(is_revocation) {
        Some(_) => proposal.wants().map(Effect::Sign).into_iter().collect(),
        None => Vec::new(),
    }
}

fn observed(proposal: &mut Proposal, found: Stage) -> Vec<Effect> {
    let State::Live { stage } = &mut proposal.state else { return Vec::new() };
    if *stage == Some(found) {
        return Vec::new();
    }
    *stage = Some(found);
    proposal.failures = 0;
    proposal.wants().map(Effect::Sign).into_iter().collect()
}

fn executed(proposal: &mut Proposal, block: BlockRef) -> Vec<Effect> {
    if matches!(proposal.state, State::Executed { .. }) {
        return Vec::new();
    }
    // It ran, and a revocation came too late. What is under way stays so: a reorg takes both back.
    let withdrawing = match &proposal.state {
        State::Withdrawing { reason, .. } => Some(reason.clone()),
        _ => None,
    };
    proposal.state = State::Executed { block, withdrawing };
    vec![Effect::Alert(Alert::Executed)]
}

fn execution_reorged(proposal: &mut Proposal) -> Vec<Effect> {
    if let State::Executed { withdrawing, .. } = &proposal.state {
        let is_proposing = proposal.flight.is_some_and(|flight| flight.errand == Errand::Propose);
        proposal.state = match withdrawing.clone() {
            Some(reason) => State::Withdrawing { reason, revoked: false },
            None if is_proposing => State::Planned,
            None => State::Live { stage: None },
        };
    }
    Vec::new()
}

fn withdraw(proposal: &mut Proposal, reason: Reason) -> Vec<Effect> {
    match proposal.state {
        State::Planned if proposal.flight.is_none() => end(proposal, Outcome::Abandoned { reason }),
        State::Planned | State::Live { .. } => {
            proposal.failures = 0;
            proposal.state = State::Withdrawing { reason: reason.clone(), revoked: false };
            vec![Effect::Alert(Alert::Withdrawing(reason)), Effect::Sign(Errand::Revoke)]
        }
        State::Executed { .. } | State::Withdrawing { .. } | State::Ended(_) => Vec::new(),
    }
}

fn end(proposal: &mut Proposal, outcome: Outcome) -> Vec<Effect> {
    let ran = matches!(outcome, Outcome::Executed { .. });
    proposal.state = State::Ended(outcome.clone());
    proposal.flight = None;
    if ran { Vec::new() } else { vec![Effect::Alert(Alert::EndedUnexecuted(outcome))] }
}

#[cfg(test)]
mod tests;
