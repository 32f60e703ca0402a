//! What the treasury will hold once the intents allowed so far have been carried out: strategies and judges look at the
//! next intent from here, since a batch is carried out whole or not at all.

use crate::{
    AccountId, Action, Amount, AssetId, AssetKind, Value, action::Exchange, pipeline::Context, policy::Part,
    snapshot::Tally, valuation::is_own,
};
use alloy_primitives::Address;

/// The treasury after the intents of a [`Tally`]. Exchanges move value from one asset to the other at the oracle's prices;
/// what leaves for others is gone. Without intents it is the treasury of the snapshot, and costs nothing.
#[derive(Debug, Clone, Copy)]
pub struct Outlook<'a> {
    cx: &'a Context<'a>,
    tally: Tally<'a>,
}

impl<'a> Outlook<'a> {
    /// After the intents of `tally`.
    #[inline]
    pub fn new(cx: &'a Context<'a>, tally: Tally<'a>) -> Self {
        Self { cx, tally }
    }

    /// What it looks at.
    pub(crate) fn context(&self) -> &'a Context<'a> {
        self.cx
    }

    /// The intents that it counts as done.
    pub(crate) fn tally(&self) -> &Tally<'a> {
        &self.tally
    }

    /// Value of `asset` in the whole treasury; `None` when a number leaves its range.
    #[inline]
    pub fn value_of(&self, asset: AssetId) -> Option<Value> {
        let held = self.cx.valuation.value_of(asset);
        match self.tally.sum(asset) {
            Some(sum) => sum.after(held),
            None if self.tally.is_empty() => Some(held),
            None => self.changed(held, |touched| touched == asset),
        }
    }

    /// Value of all stable assets; `None` when a number leaves its range.
    pub fn stable(&self) -> Option<Value> {
        let held = self.cx.valuation.stable;
        let is_stable = |asset| self.cx.terms.asset(asset).is_some_and(|it| it.kind == AssetKind::Stable);
        if self.tally.is_empty() { Some(held) } else { self.changed(held, is_stable) }
    }

    /// Value of a part of the treasury; `None` when a number leaves its range.
    pub fn value_in(&self, part: Part) -> Option<Value> {
        let terms = self.cx.terms;
        let mut assets = terms.assets_in(part);
        let held = assets.try_fold(Value::ZERO, |sum, asset| sum.checked_add(self.cx.valuation.value_of(asset)))?;
        match self.tally.sum_of(terms.assets_in(part)) {
            Some(sum) => sum.after(held),
            None if self.tally.is_empty() => Some(held),
            None => self.changed(held, |touched| terms.is_in(part, touched)),
        }
    }

    /// Net asset value; `None` when a number leaves its range.
    #[inline]
    pub fn nav(&self) -> Option<Value> {
        let held = self.cx.valuation.nav;
        // Exchanges move value from one asset to the other.
        if self.tally.has_transfers() { self.changed(held, |_| true) } else { Some(held) }
    }

    /// `held`, the value of the assets that are `among`, after the intents.
    fn changed(&self, held: Value, among: impl Fn(AssetId) -> bool) -> Option<Value> {
        let (mut gained, mut lost) = (held, Value::ZERO);
        for intent in self.tally.allowed() {
            for action in &intent.actions {
                let (gives, takes, asset, amount) = match (*action, action.exchange()) {
                    (_, Some(Exchange { give, take, amount_in, .. })) => (among(give), among(take), give, amount_in),
                    (Action::Transfer { asset, to, amount }, None) => {
                        (among(asset) && self.is_foreign(to), false, asset, amount)
                    }
                    _ => continue,
                };
                if gives != takes {
                    let sum = if gives { &mut lost } else { &mut gained };
                    *sum = sum.checked_add(intent.worth(self.cx, asset, amount)?)?;
                }
            }
        }
        Some(gained.saturating_sub(lost))
    }

    /// What `account` can spend of `asset` at least: its balance, less what the intents take, and with what their
    /// exchanges bring it at least.
    #[inline]
    pub fn spendable(&self, account: AccountId, asset: AssetId) -> Amount {
        let held = self.cx.balance(account, asset);
        if self.tally.is_empty() {
            return held;
        }
        let (received, spent) = self.tally.received_and_spent(account, asset);
        held.saturating_add(received).saturating_sub(spent)
    }

    fn is_foreign(&self, to: Address) -> bool {
        !is_own(&self.cx.terms.accounts, to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Account, Asset, Intent, Price, Purpose, Refusal, RiskReport, Route, Rule, Terms, VenueId, Verdict,
        amount::WAD,
        policy::{Limits, RiskTerms, Schedule},
        snapshot::{AccountReading, Anchor, BlockRef, BrakeReading, Control, History, Snapshot},
        valuation::{AssetPrice, Prices, Valuation},
        verdict::Quantity,
    };
    use alloy_primitives::B256;

    const OPERATIONS: AccountId = AccountId(0);
    const RESERVE: AccountId = AccountId(1);
    const USD: AssetId = AssetId(0);
    const ETH: AssetId = AssetId(1);

    fn terms() -> Terms {
        let asset = |symbol: &str, kind| Asset {
            symbol: symbol.into(),
            address: Address::repeat_byte(symbol.as_bytes()[0]),
            decimals: 18,
            kind,
            feeds: vec![],
            staleness_secs_max: 0,
            code_hash: None,
        };
        let account =
            |name: &str, byte| Account { name: name.into(), address: Address::repeat_byte(byte), route: Route::Safe };
        Terms {
            name: "test".into(),
            chain_id: 1,
            registry: Address::ZERO,
            brake: Address::ZERO,
            gate: Address::ZERO,
            expires_at: 0,
            review_at: u64::MAX,
            roles: crate::policy::Roles::default(),
            delegates: vec![],
            wrapped_coin: None,
            on_disagreement: Default::default(),
            twaps: vec![],
            schedule: Schedule::EveryBlocks(1),
            validity_secs: 0,
            assets: vec![asset("USD", AssetKind::Stable), asset("ETH", AssetKind::Volatile)],
            accounts: vec![account("operations", 1), account("reserve", 2)],
            venues: vec![],
            counterparties: vec![],
            bands: vec![],
            groups: vec![],
            limits: Limits::default(),
            risk: RiskTerms::default(),
            payments: vec![],
            strategies: vec![],
        }
    }

    /// 1,000 USD and one ETH of 2,000 USD in each of two accounts.
    fn snapshot() -> Snapshot {
        let block = BlockRef::default();
        let reading = |byte| AccountReading {
            address: Address::repeat_byte(byte),
            balances: vec![Amount(1_000 * WAD), Amount(WAD)],
            control: Control::Timelock { delay_secs: 0, governor_schedules: true },
        };
        Snapshot {
            chain_id: 1,
            block,
            anchor: Anchor::default(),
            brake: BrakeReading::unreadable(block),
            operators: vec![],
            guardians: None,
            delegates: vec![],
            coins: vec![],
            assets: vec![],
            accounts: vec![reading(1), reading(2)],
            code: vec![],
            twaps: vec![],
        }
    }

    fn intent(account: AccountId, action: Action) -> Intent {
        let (asset, amount, usd) = match action {
            Action::Swap { sell, amount_in, .. } => (sell, amount_in, 2_000),
            Action::Transfer { asset, amount, .. }
            | Action::Approve { asset, amount, .. }
            | Action::Deposit { asset, amount, .. }
            | Action::Redeem { shares: asset, amount, .. } => (asset, amount, 1),
            Action::Delegate { asset, .. } | Action::Wrap { asset, .. } => (asset, Amount::ZERO, 0),
        };
        Intent {
            account,
            purpose: Purpose::Strategy { line: B256::ZERO, leg: 0 },
            asset,
            counterparty: Address::ZERO,
            amount,
            value: Value(amount.0 * usd),
            actions: [action].into_iter().collect(),
        }
    }

    /// Half an ETH for at least 990 USD; 300 USD to the other account; 200 USD to a stranger.
    fn intents() -> [Intent; 3] {
        let swap = Action::Swap {
            venue: VenueId(0),
            sell: ETH,
            buy: USD,
            fee_pips: 500,
            amount_in: Amount(WAD / 2),
            amount_out_min: Amount(990 * WAD),
        };
        let transfer = |byte, amount| Action::Transfer {
            asset: USD,
            to: Address::repeat_byte(byte),
            amount: Amount(amount * WAD),
        };
        [intent(OPERATIONS, swap), intent(OPERATIONS, transfer(2, 300)), intent(RESERVE, transfer(9, 200))]
    }

    fn with_outlook(verdicts: &[Verdict], check: impl FnOnce(Outlook<'_>, Tally<'_>)) {
        let (terms, snapshot, intents) = (terms(), snapshot(), intents());
        let price = |usd| AssetPrice { price: Some(Price(usd * WAD)), usable: 1, dropped: vec![] };
        let prices = Prices(vec![price(1), price(2_000)]);
        let mut valuation = Valuation::default();
        valuation.fill(&terms, &snapshot, &prices).unwrap();
        let (history, risk) = (History::default(), RiskReport::default());
        let cx = Context {
            terms: &terms,
            policy: B256::ZERO,
            snapshot: &snapshot,
            history: &history,
            windows: history.windows(0),
            prices: &prices,
            valuation: &valuation,
            risk: &risk,
            is_new: true,
        };
        let tally = Tally::before(OPERATIONS, &intents, verdicts);
        check(Outlook::new(&cx, tally), tally);
    }

    #[test]
    fn swaps_move_value_and_only_what_leaves_the_treasury_is_gone() {
        with_outlook(&[], |outlook, tally| {
            let usd = |value: u128| Some(Value(value * WAD));
            assert_eq!((outlook.value_of(USD), outlook.value_of(ETH)), (usd(2_800), usd(3_000)));
            assert_eq!((outlook.nav(), outlook.stable()), (usd(5_800), usd(2_800)));
            assert_eq!(outlook.spendable(OPERATIONS, USD), Amount(1_690 * WAD));
            assert_eq!(outlook.spendable(OPERATIONS, ETH), Amount(WAD / 2));
            // What the other account sends may never arrive: it is another batch.
            assert_eq!(outlook.spendable(RESERVE, USD), Amount(800 * WAD));
            assert_eq!(tally.value, Value(1_500 * WAD));
            assert_eq!(tally.batch_value, Value(1_300 * WAD));
        });
    }

    #[test]
    fn what_was_refused_does_not_happen() {
        let block = BlockRef::default();
        let refused = Refusal::new(Rule::DayBpsMax, Quantity::None, Quantity::None, block, B256::ZERO);
        let verdicts = [Verdict::Refused(refused), Verdict::Allowed];
        with_outlook(&verdicts, |outlook, tally| {
            assert_eq!(outlook.value_of(ETH), Some(Value(4_000 * WAD)));
            assert_eq!(outlook.spendable(OPERATIONS, USD), Amount(700 * WAD));
            assert_eq!((tally.value, tally.batch_value), (Value(500 * WAD), Value(300 * WAD)));
        });
    }
}
