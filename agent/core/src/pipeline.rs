//! From a snapshot to a decision: a pure, synchronous function.

use crate::{
    AccountId, AssetId, Batch, Decision, Intent, Judged, Value, Vault,
    action::INTENTS_PER_DECISION_MAX,
    decision::{BatchHead, Hold, inputs_hash},
    netting,
    policy::{Policy, Terms},
    risk::{RiskModel, RiskReport},
    snapshot::{Control, History, Snapshot, Sums, Tally},
    strategy::Strategy,
    valuation::{Prices, Valuation},
    verdict::{InputName, Quantity, Refusal, Rule, Verdict},
};
use crate::{Amount, Route};
use alloy_primitives::{Address, B256};

/// What strategies and judges look at.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// What the policy says.
    pub terms: &'a Terms,
    /// keccak256 of the policy file.
    pub policy: alloy_primitives::B256,
    /// What was read.
    pub snapshot: &'a Snapshot,
    /// What the agent did before.
    pub history: &'a History,
    /// Value that it spent or bound in each rolling window ([`crate::Limits::windows_of`]).
    pub windows: [Value; 4],
    /// The prices that may be used.
    pub prices: &'a Prices,
    /// What the treasury is worth.
    pub valuation: &'a Valuation,
    /// The forecast.
    pub risk: &'a RiskReport,
    /// Whether the intents are new. Rules of pace (cooldown, proposals a day) do not concern those that are judged again
    /// while they wait.
    pub is_new: bool,
}

impl Context<'_> {
    /// What `amount` of `asset` is worth, rounded down.
    #[inline]
    pub fn value_of(&self, asset: AssetId, amount: Amount) -> Option<Value> {
        amount.value_at(self.prices.of(asset)?, self.terms.asset(asset)?.unit())
    }

    /// How much of `asset` has this value, rounded down.
    #[inline]
    pub fn amount_of(&self, asset: AssetId, value: Value) -> Option<Amount> {
        value.amount_at(self.prices.of(asset)?, self.terms.asset(asset)?.unit())
    }

    /// `intent` at the prices of this context; `None` when its asset has none.
    pub fn revalued(&self, intent: &Intent) -> Option<Intent> {
        Some(Intent { value: self.value_of(intent.asset, intent.amount)?, ..intent.clone() })
    }

    /// What `account` holds of `asset`.
    #[inline]
    pub fn balance(&self, account: AccountId, asset: AssetId) -> Amount {
        crate::valuation::balance(self.snapshot, account, asset)
    }

    /// Value that the caps leave for the next intents of a batch, after `tally`.
    pub fn room(&self, tally: &Tally<'_>) -> Value {
        let limits = &self.terms.limits;
        let mut room = self.cap(limits.proposal_bps_max).saturating_sub(tally.batch_value);
        for (bps, spent) in limits.window_bps_max.into_iter().zip(self.windows) {
            if bps != u64::MAX {
                room = room.min(self.cap(bps).saturating_sub(spent.saturating_add(tally.value)));
            }
        }
        room
    }

    /// Value that the caps of the counterparty at `to` leave for the next payment of `account` to it, after `tally`.
    pub fn room_to(&self, to: Address, account: AccountId, tally: &Tally<'_>) -> Value {
        let Some(capped) = self.terms.counterparty_at(to).filter(|it| it.is_capped()) else { return Value(u128::MAX) };
        let (own, all) = tally.paid_to(to, account);
        let mut room = self.cap(capped.proposal_bps_max).saturating_sub(own);
        if capped.has_windows() {
            let paid = self.history.paid_to(to, self.snapshot.block.timestamp);
            for (bps, paid) in capped.window_bps_max.into_iter().zip(paid).filter(|(bps, _)| *bps != u64::MAX) {
                room = room.min(self.cap(bps).saturating_sub(paid.saturating_add(all)));
            }
        }
        room
    }

    /// A cap of so many bps of NAV; one that cannot be formed lets nothing through.
    #[inline]
    fn cap(&self, bps: u64) -> Value {
        if bps == u64::MAX { Value(u128::MAX) } else { self.valuation.nav.share(bps).unwrap_or(Value::ZERO) }
    }

    /// [`Context::room`] for the strategy of `line` on `account`: no more than the share of a proposal that the policy
    /// leaves it.
    pub fn room_of(&self, line: B256, account: AccountId, tally: &Tally<'_>) -> Value {
        let room = self.room(tally);
        let own = self.share_cap(line).map(|cap| cap.saturating_sub(tally.line_value(account, line)));
        own.map_or(room, |own| own.min(room))
    }

    /// Most that the strategy of `line` may move in one proposal; `None` where the policy gives it no share of its own.
    #[inline]
    pub fn share_cap(&self, line: B256) -> Option<Value> {
        let share_bps = self.terms.strategy(line)?.share_bps_max?;
        let (nav, bps) = (self.valuation.nav, self.terms.limits.proposal_bps_max);
        let whole = if bps == u64::MAX { Some(nav) } else { nav.share(bps) };
        // A cap that cannot be formed lets nothing through.
        Some(whole.and_then(|whole| whole.share(share_bps)).unwrap_or(Value::ZERO))
    }
}

/// Everything a decision is a function of.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    /// What was read.
    pub snapshot: &'a Snapshot,
    /// What the agent did before.
    pub history: &'a History,
    /// The policy in force.
    pub policy: &'a dyn Policy,
    /// The policy's strategies, built, in its order.
    pub strategies: &'a [Box<dyn Strategy>],
    /// The risk model.
    pub model: &'a dyn RiskModel,
}

impl std::fmt::Debug for Inputs<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inputs").field("block", &self.snapshot.block).finish_non_exhaustive()
    }
}

/// Room that is reused from one decision to the next, so that deciding does not allocate.
#[derive(Debug, Default)]
pub struct Workspace {
    /// What the treasury is worth.
    pub valuation: Valuation,
    /// What the strategies want.
    pub intents: Vec<Intent>,
    /// The verdicts on it, in the same order.
    pub verdicts: Vec<Verdict>,
    /// Why strategies want less.
    pub holds: Vec<(usize, crate::strategy::StrategyHold)>,
    /// What was allowed, by asset.
    sums: Sums,
}

impl Workspace {
    /// With room for the largest decision.
    pub fn new() -> Self {
        Self {
            valuation: Valuation::default(),
            intents: Vec::with_capacity(INTENTS_PER_DECISION_MAX * 2),
            verdicts: Vec::with_capacity(INTENTS_PER_DECISION_MAX * 2),
            holds: Vec::with_capacity(INTENTS_PER_DECISION_MAX),
            sums: Sums::default(),
        }
    }
}

/// Decides and judges: values the treasury, asks each strategy, judges each intent. Fills `work`; allocates nothing
/// once `work` has grown.
///
/// # Errors
/// The receipt of what forbids any proposal: a held asset has no price.
pub fn evaluate(inputs: &Inputs<'_>, prices: &Prices, risk: &RiskReport, work: &mut Workspace) -> Result<(), Refusal> {
    let Workspace { valuation, intents, verdicts, holds, sums } = work;
    intents.clear();
    verdicts.clear();
    holds.clear();
    let terms = inputs.policy.terms();
    let (block, policy) = (inputs.snapshot.block, inputs.policy.hash());
    if valuation.fill(terms, inputs.snapshot, prices).is_none() {
        return Err(unpriced(terms, prices, block, policy));
    }
    let (snapshot, history) = (inputs.snapshot, inputs.history);
    let windows = terms.limits.windows_of(history, block.timestamp);
    let cx = Context { terms, policy, snapshot, history, windows, prices, valuation, risk, is_new: true };
    for (position, strategy) in inputs.strategies.iter().enumerate() {
        if let Err(reason) = strategy.propose(&cx, intents) {
            holds.push((position, reason));
        }
    }
    judge_all(inputs.policy, &cx, intents, sums, verdicts);
    Ok(())
}

/// Judges `intents` in order, each as the next after those allowed before it; `sums` is room.
pub fn judge_all(
    policy: &dyn Policy,
    cx: &Context<'_>,
    intents: &[Intent],
    sums: &mut Sums,
    verdicts: &mut Vec<Verdict>,
) {
    // The count grows with the verdicts; it is taken anew only where the next intent is of another account.
    let (mut count, mut account, mut first) = (Tally::default(), None, None);
    for (position, intent) in intents.iter().enumerate() {
        let verdict = if position >= INTENTS_PER_DECISION_MAX {
            let count = |number| Quantity::Count(u64::try_from(number).unwrap_or(u64::MAX));
            let (limit, found) = (count(INTENTS_PER_DECISION_MAX), count(intents.len()));
            Verdict::Refused(Refusal::new(Rule::IntentsMax, limit, found, cx.snapshot.block, cx.policy))
        } else {
            let before = intents.get(..position).unwrap_or_default();
            if account.replace(intent.account) != Some(intent.account) {
                sums.restart(cx.terms.assets.len(), intent.account);
                let tally = Tally::before(intent.account, before, verdicts);
                tally.allowed().for_each(|allowed| sums.add(cx, allowed));
                count = tally.over(None, (&[], &[]), None);
            }
            let tally = count.over(first, (before, verdicts), Some(sums));
            match policy.judge(cx, &tally, intent) {
                Verdict::Allowed => opposed(cx, &tally, intent),
                refused @ Verdict::Refused(_) => refused,
            }
        };
        match verdict {
            // Spares copying the room of a receipt.
            Verdict::Allowed => {
                count.add(intent.account, intent, first.get_or_insert(intent));
                sums.add(cx, intent);
                verdicts.push(Verdict::Allowed);
            }
            Verdict::Refused(receipt) => verdicts.push(Verdict::Refused(receipt)),
        }
    }
}

/// Refuses what would undo what strategies before it do ([`crate::netting`]).
fn opposed(cx: &Context<'_>, tally: &Tally<'_>, intent: &Intent) -> Verdict {
    match netting::opposed(cx, tally, intent) {
        None => Verdict::Allowed,
        Some(asset) => {
            let found = Quantity::Asset(asset);
            let refusal = Refusal::new(Rule::Opposed, Quantity::None, found, cx.snapshot.block, cx.policy);
            Verdict::Refused(refusal.with(InputName::Account, Quantity::Account(intent.account)))
        }
    }
}

/// What must hold before any strategy is asked; `None` when it does.
pub fn precondition(terms: &Terms, policy: alloy_primitives::B256, snapshot: &Snapshot) -> Option<Refusal> {
    let whole = || {
        let (rule, limit, found) = incomplete(terms, snapshot)?;
        Some(Refusal::new(rule, limit, found, snapshot.block, policy))
    };
    in_force(terms, policy, snapshot).or_else(whole).or_else(|| terms.roles.differs(snapshot, policy))
}

/// The part of [`precondition`] that time and people change: chain, anchor, expiry and brake. For who knows that a snapshot
/// holds what the policy names, because the one before did and only prices and balances have changed.
pub fn in_force(terms: &Terms, policy: alloy_primitives::B256, snapshot: &Snapshot) -> Option<Refusal> {
    let block = snapshot.block;
    let refuse = |rule, limit, found| Some(Refusal::new(rule, limit, found, block, policy));
    if snapshot.chain_id != terms.chain_id {
        return refuse(Rule::ChainId, Quantity::Count(terms.chain_id), Quantity::Count(snapshot.chain_id));
    }
    if snapshot.anchor.epoch == 0 || snapshot.anchor.policy_hash != policy {
        return refuse(Rule::PolicyAnchored, Quantity::Hash(snapshot.anchor.policy_hash), Quantity::Hash(policy));
    }
    if block.timestamp >= terms.expires_at {
        return refuse(Rule::PolicyExpiresAt, Quantity::Secs(terms.expires_at), Quantity::Secs(block.timestamp));
    }
    if snapshot.brake.pulled || snapshot.brake.block != block {
        return refuse(Rule::BrakePulled, Quantity::None, Quantity::Count(snapshot.brake.pulls));
    }
    if !snapshot.brake.is_released() {
        let lease = Quantity::Secs(snapshot.brake.lease_until);
        return refuse(Rule::LeaseLapsed, lease, Quantity::Secs(block.timestamp));
    }
    None
}

type Mismatch = (Rule, Quantity, Quantity);

fn incomplete(terms: &Terms, snapshot: &Snapshot) -> Option<Mismatch> {
    let same_len = terms.assets.len() == snapshot.assets.len()
        && terms.accounts.len() == snapshot.accounts.len()
        && terms.pins().count() == snapshot.code.len()
        && terms.twaps.iter().map(|twap| &twap.pool).eq(snapshot.twaps.iter().map(|reading| &reading.pool));
    if !same_len {
        return Some((Rule::SnapshotComplete, Quantity::None, Quantity::None));
    }
    let assets = terms.assets.iter().zip(&snapshot.assets).find_map(|(asset, reading)| {
        if asset.address != reading.address {
            return Some((
                Rule::SnapshotComplete,
                Quantity::Address(asset.address),
                Quantity::Address(reading.address),
            ));
        }
        if !asset.feeds.iter().eq(reading.feeds.iter().map(|feed| &feed.feed)) {
            return Some((Rule::SnapshotComplete, Quantity::Address(asset.address), Quantity::None));
        }
        let found = reading.decimals.map_or(Quantity::None, |decimals| Quantity::Count(u64::from(decimals)));
        let limit = Quantity::Count(u64::from(asset.decimals));
        (reading.decimals != Some(asset.decimals)).then_some((Rule::AssetDecimals, limit, found))
    });
    let accounts = terms.accounts.iter().zip(&snapshot.accounts).find_map(|(account, reading)| {
        let matched = match (&account.route, &reading.control) {
            (Route::Safe, Control::Safe { threshold, owners, .. }) => {
                let ours = owners.iter().filter(|owner| snapshot.operators.contains(owner)).count();
                let ours = u64::try_from(ours).unwrap_or(u64::MAX);
                if ours >= *threshold {
                    let (limit, found) = (Quantity::Count(*threshold), Quantity::Count(ours));
                    return Some((Rule::OperatorsBelowThreshold, limit, found));
                }
                true
            }
            (Route::Governor { governor, .. }, Control::Timelock { governor_schedules, .. }) => {
                if !governor_schedules {
                    return Some((Rule::AccountListed, Quantity::Address(*governor), Quantity::None));
                }
                true
            }
            _ => false,
        };
        let complete = matched && account.address == reading.address && reading.balances.len() == terms.assets.len();
        let (limit, found) = (Quantity::Address(account.address), Quantity::Address(reading.address));
        (!complete).then_some((Rule::AccountListed, limit, found))
    });
    let code = terms.pins().zip(&snapshot.code).zip(0..).find_map(|(((address, pinned), reading), place)| {
        let rule = if place < terms.venues.len() { Rule::VenueCodeHash } else { Rule::AssetCodeHash };
        let same = (address, pinned) == (reading.address, reading.code_hash);
        (!same).then_some((rule, Quantity::Hash(pinned), Quantity::Hash(reading.code_hash)))
    });
    assets.or(accounts).or(code).or_else(|| terms.vaults().find_map(|vault| mismatched(terms, snapshot, vault)))
}

/// A vault that says another asset, or a Pool that says another aToken, than the policy; one that could not be read is
/// none.
fn mismatched(terms: &Terms, snapshot: &Snapshot, vault: Vault) -> Option<Mismatch> {
    let found = snapshot.assets.get(vault.shares.index()).and_then(|reading| reading.rate?.asset);
    let expected = terms.vouched_by(vault);
    let address = |it: Option<alloy_primitives::Address>| it.map_or(Quantity::None, Quantity::Address);
    (found.is_none() || found != expected).then(|| (Rule::VaultAsset, address(expected), address(found)))
}

fn unpriced(
    terms: &Terms,
    prices: &Prices,
    block: crate::snapshot::BlockRef,
    policy: alloy_primitives::B256,
) -> Refusal {
    let missing = prices.0.iter().position(|found| found.price.is_none());
    let usable = missing.and_then(|position| prices.0.get(position)).map_or(0, |found| found.usable);
    let limit = Quantity::Count(terms.limits.price_quorum_min.max(1));
    let refusal = Refusal::new(Rule::PriceQuorumMin, limit, Quantity::Count(usable), block, policy);
    match missing.and_then(|position| u16::try_from(position).ok()) {
        Some(position) => refusal.with(InputName::Asset, Quantity::Asset(AssetId(position))),
        None => refusal,
    }
}

/// The decision at the snapshot's block.
pub fn decide(inputs: &Inputs<'_>) -> Decision {
    let hash = inputs_hash(inputs.snapshot, inputs.history);
    decide_as(inputs, hash, &mut Workspace::new())
}

/// [`decide`] with another name for its inputs, for who takes thousands of decisions and publishes none: hashing a
/// snapshot costs more than deciding on it. Two different inputs must have different names. `work` is reused.
pub fn decide_as(inputs: &Inputs<'_>, inputs_name: B256, work: &mut Workspace) -> Decision {
    let terms = inputs.policy.terms();
    let snapshot = inputs.snapshot;
    let prices = Prices::resolve(terms, snapshot);
    let mut decision = Decision {
        chain_id: snapshot.chain_id,
        block: snapshot.block,
        epoch: snapshot.anchor.epoch,
        policy: inputs.policy.hash(),
        model: inputs.model.hash(),
        inputs: inputs_name,
        nav: Value::ZERO,
        weights_bps: Vec::new(),
        prices: prices.0.clone(),
        holds: Vec::new(),
        judged: Vec::new(),
        batches: Vec::new(),
    };
    if work.valuation.fill(terms, snapshot, &prices).is_some() {
        decision.nav = work.valuation.nav;
        decision.weights_bps = work.valuation.weights_bps();
    }
    if let Some(receipt) = precondition(terms, inputs.policy.hash(), snapshot) {
        decision.holds.push(Hold::Rule { receipt });
        return decision;
    }
    let risk = inputs.model.assess(terms, snapshot, &prices, &decision.weights_bps);
    if let Err(receipt) = evaluate(inputs, &prices, &risk, work) {
        decision.holds.push(Hold::Rule { receipt });
        return decision;
    }
    for (position, reason) in &work.holds {
        let line = terms.strategies.get(*position).map(|strategy| strategy.line).unwrap_or_default();
        decision.holds.push(Hold::Strategy { line, reason: *reason });
    }
    let judged = work.intents.drain(..).zip(work.verdicts.drain(..));
    decision.judged = judged.map(|(intent, verdict)| Judged { intent, verdict }).collect();
    decision.batches = batches(terms, snapshot, &decision.judged);
    decision
}

fn batches(terms: &Terms, snapshot: &Snapshot, judged: &[Judged]) -> Vec<Batch> {
    let now = snapshot.block.timestamp;
    let valid_until = now.saturating_add(terms.validity_secs_longest()).min(terms.expires_at);
    let batch = |position: usize| {
        let account = AccountId(u16::try_from(position).ok()?);
        let allowed = judged.iter().filter(|it| it.verdict.is_allowed() && it.intent.account == account);
        let intents: Vec<Intent> = allowed.map(|it| it.intent.clone()).collect();
        let safe_nonce = match snapshot.accounts.get(position)?.control {
            Control::Safe { nonce, .. } => Some(nonce),
            Control::Timelock { .. } => None,
        };
        let head = BatchHead { block: snapshot.block.hash, safe_nonce, valid_until, pulls: snapshot.brake.pulls };
        Batch::new(terms, &head, &intents)
    };
    (0..terms.accounts.len()).filter_map(batch).collect()
}

#[cfg(test)]
mod tests;
