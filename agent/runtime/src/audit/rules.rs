//! Whether the rules of a policy allow calls at a block, whoever wanted them: where a decision cannot be recomputed, and of
//! what people did by hand.

use super::deed::{Deed, Moved};
use crate::risk::Model;
use alloy::primitives::{Address, B256, U256};
use quaestor_contracts::{PolicyCodec, explain::explain_refusal};
use quaestor_core::{
    AccountId, Action, Amount, Call, Codec, CodecError, EntryItem, History, Intent, Policy, Purpose, RiskModel,
    RiskReport, Snapshot, Terms, Value, Verdict,
    pipeline::{Context, judge_all},
    snapshot::Sums,
};
use quaestor_policies::{Hearing, Stated, VotedPolicy};

/// What the rules say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rules {
    /// Nothing forbids it.
    Allow,
    /// Something does: in words.
    Forbid(String),
    /// It cannot be told: why.
    Unknown(String),
}

/// What the rules look at.
pub(super) struct Scene<'a> {
    pub(super) policy: &'a VotedPolicy,
    pub(super) snapshot: &'a Snapshot,
    pub(super) history: &'a History,
    /// The model with which it was decided, if it is at hand.
    pub(super) model: Option<&'a Model>,
}

impl Scene<'_> {
    /// Whether the rules allow `calls`, which `deed` made. `items` are what was entered of them; without any, the calls are
    /// judged as if a strategy of the policy had wanted them, the one for which the rules say the best.
    pub(super) fn judge(&self, deed: &Deed, calls: &[Call], items: &[EntryItem], until: u64) -> Rules {
        let terms = self.policy.terms();
        let Some(account) = terms.account_at(deed.account.address) else {
            return Rules::Forbid(format!("the policy does not list the account {}", deed.account.address));
        };
        let unknown = Stated(RiskReport::default());
        let model: &dyn RiskModel = match self.model {
            Some(model) => model,
            None if terms.risk.has_ceilings() => {
                return Rules::Unknown("the risk model that it was decided with is not at hand".to_owned());
            }
            None => &unknown,
        };
        let hearing = match Hearing::new(self.policy, self.snapshot, self.history, model) {
            Ok(hearing) => hearing,
            Err(refusal) => return Rules::Forbid(explain_refusal(terms, &refusal)),
        };
        let actions = match decode(terms, account, until, calls) {
            Ok(actions) => filled(terms, actions, &deed.came),
            Err(error) => return Rules::Forbid(format!("no policy can allow it: {error}")),
        };
        let Some(intents) = intents(terms, account, &actions) else {
            return Rules::Forbid("an approval is not followed by the one call that uses it".to_owned());
        };
        if items.is_empty() {
            return self.at_best(&hearing, intents);
        }
        if let Some(words) = differs(terms, &intents, items) {
            return Rules::Forbid(words);
        }
        let lines = items.iter().map(|item| item.line).collect::<Vec<_>>();
        self.verdict(&hearing, intents, &lines)
    }

    fn at_best(&self, hearing: &Hearing<'_>, intents: Vec<Intent>) -> Rules {
        let strategies = &self.policy.terms().strategies;
        let mut worst = Rules::Forbid("the policy has no strategies, so nothing may be done".to_owned());
        for strategy in strategies {
            let lines = vec![strategy.line; intents.len()];
            match self.verdict(hearing, intents.clone(), &lines) {
                Rules::Allow => return Rules::Allow,
                found => worst = found,
            }
        }
        worst
    }

    fn verdict(&self, hearing: &Hearing<'_>, mut intents: Vec<Intent>, lines: &[B256]) -> Rules {
        for (leg, (intent, line)) in (0u16..).zip(intents.iter_mut().zip(lines)) {
            intent.purpose = Purpose::Strategy { line: *line, leg };
        }
        // Rules of pace were for the day on which it was proposed.
        let cx = Context { is_new: false, ..hearing.context() };
        let Some(intents) = intents.iter().map(|intent| cx.revalued(intent)).collect::<Option<Vec<_>>>() else {
            return Rules::Forbid("an asset that is given had no usable price".to_owned());
        };
        let mut verdicts = Vec::with_capacity(intents.len());
        judge_all(self.policy, &cx, &intents, &mut Sums::default(), &mut verdicts);
        let refused = verdicts.into_iter().find_map(|verdict| match verdict {
            Verdict::Allowed => None,
            Verdict::Refused(refusal) => Some(explain_refusal(cx.terms, &refusal)),
        });
        refused.map_or(Rules::Allow, Rules::Forbid)
    }
}

/// The actions of `calls`; where nothing says until when a swap may run, its own deadline does.
fn decode(terms: &Terms, account: AccountId, until: u64, calls: &[Call]) -> Result<Vec<Action>, CodecError> {
    let codec = PolicyCodec::new(terms);
    match codec.decode(account, until, calls) {
        Err(CodecError::Field { field: "deadline", found, .. }) if until == 0 => {
            codec.decode(account, found.parse().unwrap_or(u64::MAX), calls)
        }
        decoded => decoded,
    }
}

/// Calldata of vaults says no least output: what came of it stands in its place.
fn filled(terms: &Terms, actions: Vec<Action>, came: &[Moved]) -> Vec<Action> {
    let received = |asset| {
        let token = terms.asset(asset).map(|asset| asset.address);
        let sum = came.iter().filter(|moved| Some(moved.token) == token).map(|moved| moved.amount);
        Amount::from_u256(sum.fold(U256::ZERO, U256::saturating_add)).unwrap_or(Amount(u128::MAX))
    };
    let fill = |action| match action {
        Action::Deposit { venue, asset, shares, amount, .. } => {
            Action::Deposit { venue, asset, shares, amount, shares_min: received(shares) }
        }
        Action::Redeem { venue, shares, asset, amount, .. } => {
            Action::Redeem { venue, shares, asset, amount, assets_min: received(asset) }
        }
        bound => bound,
    };
    actions.into_iter().map(fill).collect()
}

/// One intent for each transfer and redemption, and for each approval with the call that uses it.
fn intents(terms: &Terms, account: AccountId, actions: &[Action]) -> Option<Vec<Intent>> {
    let (mut found, mut rest) = (Vec::new(), actions);
    while let Some((first, after)) = rest.split_first() {
        let (taken, spends) = match (first, after.first()) {
            (Action::Approve { .. }, Some(used @ (Action::Swap { .. } | Action::Deposit { .. }))) => (2, used),
            (Action::Transfer { .. } | Action::Redeem { .. } | Action::Delegate { .. } | Action::Wrap { .. }, _) => {
                (1, first)
            }
            _ => return None,
        };
        let (done, left) = rest.split_at_checked(taken)?;
        let (asset, amount, counterparty) = spent(terms, spends)?;
        let purpose = Purpose::Strategy { line: B256::ZERO, leg: 0 };
        let actions = done.iter().copied().collect();
        found.push(Intent { account, purpose, asset, counterparty, amount, value: Value::ZERO, actions });
        rest = left;
    }
    (!found.is_empty()).then_some(found)
}

fn spent(terms: &Terms, action: &Action) -> Option<(quaestor_core::AssetId, Amount, Address)> {
    match *action {
        Action::Transfer { asset, to, amount } => Some((asset, amount, to)),
        Action::Delegate { asset, to } => Some((asset, Amount::ZERO, to)),
        Action::Wrap { asset, .. } => Some((asset, Amount::ZERO, terms.asset(asset)?.address)),
        _ => {
            let exchange = action.exchange()?;
            Some((exchange.give, exchange.amount_in, terms.venue(exchange.venue)?.address))
        }
    }
}

/// Where the calls do something else than was entered at the gate.
fn differs(terms: &Terms, intents: &[Intent], items: &[EntryItem]) -> Option<String> {
    if intents.len() != items.len() {
        return Some(format!("{} things are done, entered at the gate were {}", intents.len(), items.len()));
    }
    let same = |(intent, item): (&Intent, &EntryItem)| {
        let asset = terms.asset(intent.asset).map(|asset| asset.address);
        (asset, intent.counterparty, intent.amount) == (Some(item.asset), item.counterparty, item.amount)
    };
    let first = intents.iter().zip(items).position(|pair| !same(pair))?;
    Some(format!("number {} of what is done is not what was entered at the gate", first + 1))
}
