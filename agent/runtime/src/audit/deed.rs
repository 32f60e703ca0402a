//! What the treasury's accounts did, read from receipts: each execution of a Safe, a module or a timelock with the
//! events between its beginning and its end, and what left an account without any. Pure.

use super::treasury::{Account, Kind, Treasury};
use alloy::{
    primitives::{Address, B256, Bytes, Signature, U256},
    rpc::types::Log,
    sol_types::{SolCall, SolEvent},
};
use quaestor_contracts::{
    bindings::{DecisionGate, IERC20, ISafe, ITimelock},
    multisend::multisend_calls,
};
use quaestor_core::{Amount, BlockRef, Call};
use serde::Serialize;

/// Most signatures of a Safe transaction that are read.
const SIGNATURES_MAX: usize = 64;
/// Bytes of a signature.
const SIGNATURE_BYTES: usize = 65;

/// A transaction in a block, with its receipt.
#[derive(Debug, Clone)]
pub(super) struct Mined {
    pub(super) hash: B256,
    pub(super) block: BlockRef,
    pub(super) from: Address,
    pub(super) to: Option<Address>,
    pub(super) input: Bytes,
    pub(super) logs: Vec<Log>,
}

/// How an account came to act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Origin {
    /// Owners of a Safe.
    Owners {
        /// EIP-712 hash of the transaction.
        safe_tx_hash: B256,
        /// Who signed or approved it, as far as the calldata says.
        signers: Vec<Address>,
    },
    /// A module of a Safe.
    Module {
        /// The module.
        module: Address,
    },
    /// A timelock's operation.
    Vote {
        /// Its id on the timelock.
        operation: B256,
    },
    /// No execution of the account: somebody who was allowed to took it.
    Allowance,
}

/// The calls that an account made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Calls {
    /// As they ran.
    Known(Vec<Call>),
    /// The code of another contract ran in the account's place.
    Delegated { to: Address, data: Bytes },
    /// They stand nowhere.
    Unknown(&'static str),
}

/// A token that left an account or came to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// The token.
    pub token: Address,
    /// To whom it went, or from whom it came.
    pub with: Address,
    /// Base units.
    pub amount: U256,
}

/// Something that an account of the treasury did.
#[derive(Debug, Clone)]
pub(super) struct Deed {
    pub(super) account: Account,
    pub(super) tx: B256,
    pub(super) block: BlockRef,
    /// Place of its last event in the block.
    pub(super) log_index: u64,
    /// Who sent the transaction.
    pub(super) sender: Address,
    pub(super) origin: Origin,
    pub(super) calls: Calls,
    /// Entries of the account at the gate.
    pub(super) entered: Vec<DecisionGate::Entered>,
    /// Listed tokens that left it.
    pub(super) out: Vec<Moved>,
    /// Listed tokens that came to it.
    pub(super) came: Vec<Moved>,
}

/// Events since the last execution ended.
#[derive(Debug, Default)]
struct Span {
    entered: Vec<DecisionGate::Entered>,
    out: Vec<Moved>,
    came: Vec<Moved>,
    /// What SafeL2 tells of the execution that begins.
    told: Option<Told>,
    last: u64,
}

impl Span {
    fn absorb(&mut self, other: Self) {
        self.entered.extend(other.entered);
        self.out.extend(other.out);
        self.came.extend(other.came);
        self.last = other.last;
    }
}

/// A Safe transaction as calldata or an event has it.
#[derive(Debug, Clone)]
struct Told {
    to: Address,
    value: U256,
    data: Bytes,
    operation: u8,
    signatures: Bytes,
}

/// What every account of `treasury` did in `mined`.
pub(super) fn deeds(treasury: &Treasury, mined: &Mined) -> Vec<Deed> {
    let mut all: Vec<Deed> =
        treasury.accounts.iter().flat_map(|account| of_account(treasury, account, mined)).collect();
    all.sort_by_key(|deed| deed.log_index);
    all
}

fn of_account(treasury: &Treasury, account: &Account, mined: &Mined) -> Vec<Deed> {
    let reader = Reader { treasury, account, mined };
    match account.kind {
        Kind::Safe => reader.safe(),
        Kind::Timelock { .. } => reader.timelock(),
    }
}

struct Reader<'a> {
    treasury: &'a Treasury,
    account: &'a Account,
    mined: &'a Mined,
}

impl Reader<'_> {
    fn deed(&self, origin: Origin, calls: Calls, span: Span) -> Deed {
        Deed {
            account: self.account.clone(),
            tx: self.mined.hash,
            block: self.mined.block,
            log_index: span.last,
            sender: self.mined.from,
            origin,
            calls,
            entered: span.entered,
            out: span.out,
            came: span.came,
        }
    }

    /// What left without an execution.
    fn taken(&self, span: Span) -> Option<Deed> {
        let calls = Calls::Unknown("it is no call of the account");
        (!span.out.is_empty() || !span.entered.is_empty()).then(|| self.deed(Origin::Allowance, calls, span))
    }

    /// Counts an event of a token or of the gate.
    fn count(&self, log: &Log, span: &mut Span) {
        let address = self.account.address;
        span.last = log.log_index.unwrap_or_default();
        if log.address() == self.treasury.gate
            && let Ok(entered) = DecisionGate::Entered::decode_log_validate(&log.inner)
            && entered.account == address
        {
            span.entered.push(entered.data);
        }
        if self.treasury.tokens.contains(&log.address())
            && let Ok(transfer) = IERC20::Transfer::decode_log_validate(&log.inner)
        {
            let moved = |with| Moved { token: log.address(), with, amount: transfer.value };
            // What an account sends to itself moves nothing.
            match (transfer.from == address, transfer.to == address) {
                (true, false) => span.out.push(moved(transfer.to)),
                (false, true) => span.came.push(moved(transfer.from)),
                _ => {}
            }
        }
    }

    fn safe(&self) -> Vec<Deed> {
        let (mut found, mut span) = (Vec::new(), Span::default());
        let own = || self.mined.logs.iter().filter(|log| log.address() == self.account.address);
        let executions = own().filter(|log| is::<ISafe::ExecutionSuccess>(log) || is::<ISafe::ExecutionFailure>(log));
        // Of several executions in one transaction only what SafeL2 tells can be told apart.
        let typed = if executions.count() == 1 { self.typed() } else { None };
        for log in &self.mined.logs {
            self.count(log, &mut span);
            if log.address() != self.account.address {
                continue;
            }
            if let Ok(told) = ISafe::SafeMultiSigTransaction::decode_log_validate(&log.inner) {
                let ISafe::SafeMultiSigTransaction { to, value, data, operation, signatures, .. } = told.data;
                span.told = Some(Told { to, value, data, operation, signatures });
            }
            if let Ok(told) = ISafe::SafeModuleTransaction::decode_log_validate(&log.inner) {
                let ISafe::SafeModuleTransaction { to, value, data, operation, .. } = told.data;
                span.told = Some(Told { to, value, data, operation, signatures: Bytes::new() });
            }
            if let Some(safe_tx_hash) = executed(log) {
                let span = std::mem::take(&mut span);
                let told = span.told.clone().or_else(|| typed.clone());
                let signers = told.as_ref().map(|told| signers(safe_tx_hash, &told.signatures)).unwrap_or_default();
                let origin = Origin::Owners { safe_tx_hash, signers };
                found.push(self.deed(origin, self.calls(told), span));
            }
            if let Ok(done) = ISafe::ExecutionFromModuleSuccess::decode_log_validate(&log.inner) {
                let span = std::mem::take(&mut span);
                let calls = self.calls(span.told.clone());
                found.push(self.deed(Origin::Module { module: done.module }, calls, span));
            }
            // What failed inside left no events, and did nothing but use up its nonce.
            if is::<ISafe::ExecutionFailure>(log) || is::<ISafe::ExecutionFromModuleFailure>(log) {
                span.told = None;
            }
        }
        found.extend(self.taken(span));
        found
    }

    /// The Safe transaction in the calldata, if the transaction calls the Safe itself.
    fn typed(&self) -> Option<Told> {
        if self.mined.to != Some(self.account.address) {
            return None;
        }
        let call = ISafe::execTransactionCall::abi_decode_validate(&self.mined.input).ok()?;
        let ISafe::execTransactionCall { to, value, data, operation, signatures, .. } = call;
        Some(Told { to, value, data, operation, signatures })
    }

    fn calls(&self, told: Option<Told>) -> Calls {
        let Some(Told { to, value, data, operation, .. }) = told else {
            return Calls::Unknown("it was called by another contract, whose calls stand in no calldata");
        };
        if operation != 0 {
            let batch = (to == self.treasury.multisend).then(|| multisend_calls(&data).ok()).flatten();
            return batch.map_or(Calls::Delegated { to, data }, Calls::Known);
        }
        match Amount::from_u256(value) {
            Some(value) => Calls::Known(vec![Call { to, value, data }]),
            None => Calls::Unknown("it sends more wei than there are"),
        }
    }

    fn timelock(&self) -> Vec<Deed> {
        let (mut found, mut span) = (Vec::new(), Span::default());
        let mut open: Option<(B256, Option<Vec<Call>>, Span)> = None;
        for log in &self.mined.logs {
            self.count(log, &mut span);
            if log.address() != self.account.address {
                continue;
            }
            let Ok(executed) = ITimelock::CallExecuted::decode_log_validate(&log.inner) else { continue };
            let ITimelock::CallExecuted { id, target, value, data, .. } = executed.data;
            if open.as_ref().is_none_or(|(of, ..)| *of != id) {
                found.extend(open.take().map(|it| self.operation(it)));
                open = Some((id, Some(Vec::new()), Span::default()));
            }
            if let Some((_, calls, of)) = &mut open {
                let call = Amount::from_u256(value).map(|value| Call { to: target, value, data });
                *calls = calls.take().zip(call).map(|(mut calls, call)| {
                    calls.push(call);
                    calls
                });
                of.absorb(std::mem::take(&mut span));
            }
        }
        found.extend(open.take().map(|it| self.operation(it)));
        found.extend(self.taken(span));
        found
    }

    fn operation(&self, (operation, calls, span): (B256, Option<Vec<Call>>, Span)) -> Deed {
        let calls = calls.map_or(Calls::Unknown("it sends more wei than there are"), Calls::Known);
        self.deed(Origin::Vote { operation }, calls, span)
    }
}

fn is<E: SolEvent>(log: &Log) -> bool {
    log.topics().first() == Some(&E::SIGNATURE_HASH)
}

/// The hash of the transaction that a Safe says it executed. Since 1.4 it is indexed, before it is not.
fn executed(log: &Log) -> Option<B256> {
    let indexed = || log.topics().get(1).copied();
    let hash = || indexed().or_else(|| log.data().data.get(..32).map(B256::from_slice));
    is::<ISafe::ExecutionSuccess>(log).then(hash).flatten()
}

/// Who signed or approved a Safe transaction of this hash. The Safe takes signatures in the order of their owners'
/// addresses; where that order ends, the parts of contract signatures begin.
fn signers(hash: B256, signatures: &[u8]) -> Vec<Address> {
    let mut found: Vec<Address> = Vec::new();
    for signature in signatures.chunks_exact(SIGNATURE_BYTES).take(SIGNATURES_MAX) {
        let Some(owner) = signer(hash, signature) else { break };
        if found.last().is_some_and(|last| *last >= owner) {
            break;
        }
        found.push(owner);
    }
    found
}

fn signer(hash: B256, signature: &[u8]) -> Option<Address> {
    let (words, kind) = signature.split_at_checked(SIGNATURE_BYTES - 1)?;
    match *kind.first()? {
        // A contract's, or an approval on chain: the owner stands in the first word.
        0 | 1 => Some(Address::from_word(B256::from_slice(words.get(..32)?))),
        v @ 27..=28 => Signature::from_bytes_and_parity(words, v == 28).recover_address_from_prehash(&hash).ok(),
        v @ 31..=32 => Signature::from_bytes_and_parity(words, v == 32).recover_address_from_msg(hash).ok(),
        _ => None,
    }
}
