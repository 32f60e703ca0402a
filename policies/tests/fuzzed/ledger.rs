//! A reckoning of its own: plain sums of wide numbers, sharing nothing with the judge but what the policy says.

use alloy_primitives::U256;
use quaestor_core::{
    Action, Amount, AssetKind, Intent, Purpose, Route, Terms, VenueKind,
    pipeline::Context,
    policy::{BudgetLine, StrategyTerms},
    snapshot::WINDOW_SECS,
};
use std::collections::BTreeMap;

fn wide(number: u128) -> U256 {
    U256::from(number)
}

/// A sum of what came and one of what went, for what is never below nothing.
#[derive(Clone, Copy, Default)]
struct Sum {
    came: U256,
    went: U256,
}

impl Sum {
    fn now(self) -> U256 {
        self.came.saturating_sub(self.went)
    }
}

/// What is left of a treasury after the intents that were allowed.
pub struct Ledger<'a> {
    cx: &'a Context<'a>,
    /// By account and asset.
    balances: BTreeMap<(u16, u16), U256>,
    /// Value by asset, at the prices of the snapshot.
    held: BTreeMap<u16, Sum>,
    nav: Sum,
    stable: Sum,
    pub allowed: Vec<Intent>,
}

impl<'a> Ledger<'a> {
    pub fn new(cx: &'a Context<'a>) -> Self {
        let mut ledger = Self {
            cx,
            balances: BTreeMap::new(),
            held: BTreeMap::new(),
            nav: Sum::default(),
            stable: Sum::default(),
            allowed: Vec::new(),
        };
        for (asset, (listed, price)) in (0..).zip(cx.terms.assets.iter().zip(&cx.prices.0)) {
            let mut total = U256::ZERO;
            for (account, reading) in (0..).zip(&cx.snapshot.accounts) {
                let balance = wide(reading.balances[usize::from(asset)].0);
                ledger.balances.insert((account, asset), balance);
                total += balance;
            }
            let value = price
                .price
                .map_or(U256::ZERO, |price| total * wide(price.0) / wide(10).pow(U256::from(listed.decimals)));
            ledger.held.insert(asset, Sum { came: value, went: U256::ZERO });
            ledger.nav.came += value;
            if listed.kind == AssetKind::Stable {
                ledger.stable.came += value;
            }
        }
        assert_eq!(ledger.nav.now(), wide(cx.valuation.nav.0));
        ledger
    }

    fn terms(&self) -> &'a Terms {
        self.cx.terms
    }

    /// Takes an intent that the judge allowed, and sees to it that nothing is beyond what the policy says.
    pub fn allow(&mut self, intent: &Intent) {
        let terms = self.terms();
        let account = &terms.accounts[intent.account.index()];
        if let [action @ (Action::Delegate { .. } | Action::Wrap { .. })] = intent.actions.as_slice() {
            return self.allow_free(intent, *action, account.address);
        }
        let asset = &terms.assets[intent.asset.index()];
        let price = wide(self.cx.prices.0[intent.asset.index()].price.expect("what is spent has a price").0);
        let (amount, value) = (wide(intent.amount.0), wide(intent.value.0));
        assert!(!amount.is_zero());
        assert_eq!(value, amount * price / wide(10).pow(U256::from(asset.decimals)), "the value is that of the amount");
        match terms.payments.iter().find(|line| line.line == intent.purpose.line()) {
            Some(line) => self.budgeted(line, intent),
            None => {
                let is_it = |strategy: &StrategyTerms| strategy.line == intent.purpose.line();
                assert!(terms.strategies.iter().any(is_it), "the line is listed");
            }
        }
        self.once(intent, account.address);
        let balance = self.balances.get_mut(&(intent.account.0, intent.asset.0)).unwrap();
        assert!(amount <= *balance, "more is spent than is held");
        *balance -= amount;

        // What was worth nothing before is not worth less than nothing now.
        let (nav, stable) = (self.nav.now(), self.stable.now());
        let (mut nav_left, mut stable_left, mut ratio_matters) = (nav, stable, true);
        let is_stable = |asset: usize| terms.assets[asset].kind == AssetKind::Stable;
        if is_stable(intent.asset.index()) {
            stable_left = stable_left.saturating_sub(value);
        }
        match intent.actions.as_slice() {
            [Action::Transfer { asset: given, to, amount: sent }] => {
                assert_eq!((*given, *sent, *to), (intent.asset, intent.amount, intent.counterparty));
                if terms.accounts.iter().any(|own| own.address == *to) {
                    ratio_matters = false;
                } else {
                    assert!(terms.counterparties.iter().any(|it| it.address == *to), "the receiver is listed");
                    self.spend(intent, value);
                    self.nav.went += value;
                    nav_left = nav.saturating_sub(value);
                }
            }
            [.., last] => {
                let it = last.exchange().expect("it ends with an exchange");
                let venue = &terms.venues[it.venue.index()];
                assert_eq!(account.route, Route::Safe, "no exchange by vote");
                assert_eq!((it.give, it.amount_in, venue.address), (intent.asset, intent.amount, intent.counterparty));
                match (last, venue.kind.vault()) {
                    (Action::Swap { sell, buy, fee_pips, .. }, None) => {
                        let listed = |pool: &quaestor_core::Pool| {
                            pool.fee_pips == *fee_pips && [(pool.a, pool.b), (pool.b, pool.a)].contains(&(*sell, *buy))
                        };
                        assert!(venue.pools.iter().any(listed), "the pool is listed");
                    }
                    (Action::Deposit { .. }, Some((asset, shares))) => {
                        assert_eq!((it.give, it.take), (asset, shares));
                    }
                    (Action::Redeem { .. }, Some((asset, shares))) => {
                        assert_eq!((it.give, it.take), (shares, asset));
                    }
                    other => panic!("{other:?} is none that a venue offers"),
                }
                let approved = Action::Approve { asset: it.give, spender: it.venue, amount: intent.amount };
                let alone = matches!(last, Action::Redeem { .. });
                assert_eq!(
                    &intent.actions[..intent.actions.len() - 1],
                    if alone { &[][..] } else { std::slice::from_ref(&approved) }
                );
                self.bound(venue.kind, it.take.index(), it.amount_out_min, value);
                *self.balances.get_mut(&(intent.account.0, it.take.0)).unwrap() += wide(it.amount_out_min.0);
                self.within_bands(intent.asset.0, it.take.0, value);
                self.within_parts(intent.asset.0, it.take.0, value);
                self.spend(intent, value);
                self.held.get_mut(&it.take.0).unwrap().came += value;
                if is_stable(it.take.index()) {
                    self.stable.came += value;
                    stable_left = stable;
                }
            }
            [] => panic!("nothing is done"),
        }
        // The stable share is above its floor, or did not fall.
        let floor = terms.limits.stable_share_bps_min;
        if ratio_matters && stable_left < stable {
            let above = stable_left * wide(10_000) >= U256::from(floor) * nav_left;
            assert!(above || stable_left * nav >= stable * nav_left, "the stable share fell below its floor");
        }
        self.allowed.push(intent.clone());
        self.within_caps(intent);
        self.within_risk(intent);
    }

    /// A delegation or a wrapping: it spends nothing, and is what the policy lists.
    fn allow_free(&mut self, intent: &Intent, action: Action, account: alloy_primitives::Address) {
        let terms = self.terms();
        assert!(intent.amount.is_zero() && intent.value.is_zero(), "nothing is spent");
        let line = intent.purpose.line();
        assert!(terms.strategies.iter().any(|strategy| strategy.line == line), "of a strategy");
        assert!(matches!(intent.purpose, Purpose::Strategy { .. }), "of no period");
        match action {
            Action::Delegate { asset, to } => {
                assert_eq!((asset, to), (intent.asset, intent.counterparty));
                assert!(
                    terms.delegates.iter().any(|it| it.asset == asset && it.to.contains(&to)),
                    "the delegate is listed"
                );
            }
            Action::Wrap { asset, amount } => {
                assert_eq!((asset, terms.assets[asset.index()].address), (intent.asset, intent.counterparty));
                assert_eq!(terms.wrapped_coin, Some(asset));
                let own = self.allowed.iter().filter(|before| before.account == intent.account);
                let before = own.flat_map(|before| &before.actions).fold(U256::ZERO, |sum, action| match action {
                    Action::Wrap { amount, .. } => sum + wide(amount.0),
                    _ => sum,
                });
                let coin = self.cx.snapshot.coins.iter().find(|it| it.account == intent.account);
                let coin = coin.and_then(|it| it.balance).expect("the coin was read");
                assert!(!amount.is_zero() && before + wide(amount.0) <= wide(coin.0), "more is wrapped than is there");
            }
            other => panic!("{other:?} spends"),
        }
        self.once(intent, account);
        self.allowed.push(intent.clone());
        self.within_caps(intent);
        self.within_risk(intent);
    }

    /// It is what the budget line says, for a period that has begun and is not over.
    fn budgeted(&self, line: &BudgetLine, intent: &Intent) {
        let Purpose::Payment { period, .. } = intent.purpose else { panic!("of no period") };
        let paid = (intent.account, intent.counterparty, intent.asset);
        assert_eq!(paid, (line.account, line.to, line.asset));
        assert!(intent.amount <= line.amount, "more than the line pays");
        let now = self.cx.snapshot.block.timestamp;
        let begins = line.begins(period).expect("a period that can be counted");
        let over = line.begins(period + line.catch_up + 1).expect("a period that can be counted");
        assert!(begins <= now && now < over && begins < line.end, "not in its time");
    }

    fn spend(&mut self, intent: &Intent, value: U256) {
        self.held.get_mut(&intent.asset.0).unwrap().went += value;
        if self.terms().assets[intent.asset.index()].kind == AssetKind::Stable {
            self.stable.went += value;
        }
    }

    /// It was neither done nor bound before, nor is it wanted twice.
    fn once(&self, intent: &Intent, account: alloy_primitives::Address) {
        let (history, block) = (self.cx.history, self.cx.snapshot.block);
        let key = intent.purpose.once_key(account, block.hash);
        let same = |before: &&Intent| before.account == intent.account && before.purpose == intent.purpose;
        assert!(!self.allowed.iter().any(|before| same(&before)), "wanted twice");
        // The hash of this block is in the key of a strategy's intent, so nothing older than the block can have it.
        let is_payment = matches!(intent.purpose, Purpose::Payment { .. });
        let now = block.timestamp;
        let spent = history.spends.iter().filter(|it| is_payment || it.timestamp >= now);
        let possible = is_payment || history.last_action_at() >= Some(now);
        assert!(!spent.into_iter().any(|it| it.account == intent.account && it.once_key == key), "spent before");
        let bound = history.outstanding.iter().filter(|it| it.account == intent.account && possible);
        assert!(!bound.into_iter().any(|it| it.once_keys.contains(&key)), "bound by a proposal");
    }

    /// What comes back is worth what is given, less the slippage that is allowed; of Aave, less two units.
    fn bound(&self, kind: VenueKind, take: usize, least: Amount, value: U256) {
        let terms = self.terms();
        let price = wide(self.cx.prices.0[take].price.expect("what is bought has a price").0);
        let (slippage, units) = match kind {
            VenueKind::AaveV3 { .. } => (0, 2),
            VenueKind::UniswapV3 | VenueKind::Erc4626 { .. } => (terms.limits.slippage_bps_max, 0),
        };
        let kept = value * U256::from(10_000 - slippage) / wide(10_000);
        // As many base units as that value buys, rounded down.
        let fair = kept * wide(10).pow(U256::from(terms.assets[take].decimals)) / price;
        assert!(!least.is_zero() && wide(least.0 + units) >= fair, "less comes back than the slippage allows");
    }

    /// What is sold stays above the floor of its band, what is bought below its ceiling.
    fn within_bands(&self, sold: u16, bought: u16, value: U256) {
        let nav = self.nav.now();
        for band in &self.terms().bands {
            let held = self.held[&band.asset.0].now();
            if band.asset.0 == sold {
                let share = held.saturating_sub(value) * wide(10_000);
                assert!(share >= U256::from(band.min_bps) * nav, "sold below its band");
            }
            if band.asset.0 == bought {
                let share = (held + value) * wide(10_000);
                assert!(share <= U256::from(band.max_bps) * nav, "bought above its band");
            }
        }
    }

    /// What is bounded as a whole: groups of assets, the own token, what lies in a vault. An exchange inside of one leaves it
    /// as it is.
    fn within_parts(&self, sold: u16, bought: u16, value: U256) {
        let terms = self.terms();
        let ids = || (0..).zip(&terms.assets);
        let groups = terms.groups.iter().map(|group| {
            let members: Vec<u16> = group.assets.iter().map(|asset| asset.0).collect();
            (members, group.min_bps, group.max_bps)
        });
        let natives = ids().filter(|(_, asset)| asset.kind == AssetKind::Native).map(|(id, _)| id).collect();
        let vaults = terms.venues.iter().filter_map(|venue| match (venue.kind.vault(), venue.share_bps_max) {
            (Some((_, shares)), Some(bps)) => Some((vec![shares.0], 0, bps)),
            _ => None,
        });
        let parts = groups.chain([(natives, 0, terms.limits.native_share_bps_max)]).chain(vaults);
        let nav = self.nav.now();
        for (members, min_bps, max_bps) in parts {
            let mut sum = Sum::default();
            for held in members.iter().map(|member| self.held[member]) {
                sum = Sum { came: sum.came + held.came, went: sum.went + held.went };
            }
            match (members.contains(&sold), members.contains(&bought)) {
                (true, false) => {
                    let share = sum.now().saturating_sub(value) * wide(10_000);
                    assert!(share >= U256::from(min_bps) * nav, "a group was sold below its least share");
                }
                // All of it is no bound.
                (false, true) if max_bps < 10_000 => {
                    let share = (sum.now() + value) * wide(10_000);
                    assert!(share <= U256::from(max_bps) * nav, "a part was bought above its greatest share");
                }
                _ => {}
            }
        }
    }

    /// Every cap on value and on number, with all that was allowed.
    fn within_caps(&self, intent: &Intent) {
        let (limits, cx) = (&self.terms().limits, self.cx);
        let (nav, now) = (wide(cx.valuation.nav.0), cx.snapshot.block.timestamp);
        // A sum beyond 128 bits is judged as the greatest that there is.
        let most = wide(u128::MAX);
        let sum = |of: &dyn Fn(&&Intent) -> bool| {
            self.allowed.iter().filter(of).fold(U256::ZERO, |sum, it| (sum + wide(it.value.0)).min(most))
        };
        let within = |total: U256, bps: u64| bps == u64::MAX || total * wide(10_000) <= nav * U256::from(bps);
        let batch = sum(&|it| it.account == intent.account);
        assert!(within(batch, limits.proposal_bps_max), "above the cap of a proposal");
        for (secs, bps) in WINDOW_SECS.into_iter().zip(limits.window_bps_max) {
            let since = now.saturating_sub(secs);
            let spent = cx.history.spends.iter().filter(|it| it.timestamp > since).map(|it| it.value.0);
            let bound = cx.history.outstanding.iter().filter(|it| it.valid_until >= now).map(|it| it.value.0);
            let before = spent.chain(bound).fold(U256::ZERO, |sum, value| (sum + wide(value)).min(most));
            assert!(within((before + sum(&|_| true)).min(most), bps), "above the cap of {secs} s");
        }
        if let Some(Action::Transfer { .. }) = intent.actions.last() {
            self.within_caps_of_receiver(intent);
        }
        let line = intent.purpose.line();
        if let Some(bps) = self.terms().strategy(line).and_then(|strategy| strategy.share_bps_max) {
            let whole =
                if limits.proposal_bps_max == u64::MAX { wide(10_000) } else { U256::from(limits.proposal_bps_max) };
            let own = sum(&|it| it.account == intent.account && it.purpose.line() == line);
            assert!(own * wide(100_000_000) <= nav * whole * U256::from(bps), "above the strategy's share");
        }
        if cx.is_new && limits.cooldown_secs_min > 0 {
            let last = cx.history.last_action_at();
            assert!(last.is_none_or(|last| now.saturating_sub(last) >= limits.cooldown_secs_min), "too soon");
        }
        if cx.is_new && limits.proposals_per_day_max != u64::MAX {
            let mut accounts: Vec<u16> = self.allowed.iter().map(|it| it.account.0).collect();
            accounts.sort_unstable();
            accounts.dedup();
            let before = cx.history.batches_within(now, 86_400);
            assert!(before + accounts.len() as u64 <= limits.proposals_per_day_max, "too many a day");
        }
    }

    /// What this counterparty may be paid, in a proposal and in the windows.
    fn within_caps_of_receiver(&self, intent: &Intent) {
        let cx = self.cx;
        let Some(capped) = self.terms().counterparties.iter().find(|it| it.address == intent.counterparty) else {
            return;
        };
        let (nav, now, most) = (wide(cx.valuation.nav.0), cx.snapshot.block.timestamp, wide(u128::MAX));
        let within = |total: U256, bps: u64| bps == u64::MAX || total.min(most) * wide(10_000) <= nav * U256::from(bps);
        let paid = |of: &dyn Fn(&&Intent) -> bool| {
            let here = self.allowed.iter().filter(|it| it.counterparty == capped.address);
            here.filter(of).fold(U256::ZERO, |sum, it| sum + wide(it.value.0))
        };
        assert!(
            within(paid(&|it| it.account == intent.account), capped.proposal_bps_max),
            "a receiver is paid too much"
        );
        for (secs, bps) in WINDOW_SECS.into_iter().zip(capped.window_bps_max) {
            let since = now.saturating_sub(secs);
            let spent = cx.history.spends.iter().filter(|it| it.counterparty == capped.address && it.timestamp > since);
            let bound = cx.history.outstanding.iter().filter(|it| it.valid_until >= now).flat_map(|it| &it.dues);
            let bound = bound.filter(|due| due.to == capped.address).map(|due| due.value.0);
            let before = spent.map(|it| it.value.0).chain(bound).fold(U256::ZERO, |sum, value| sum + wide(value));
            assert!(within(before + paid(&|_| true), bps), "a receiver is paid too much in {secs} s");
        }
    }

    /// Above a ceiling nothing goes but what reduces risk, if that.
    fn within_risk(&self, intent: &Intent) {
        let (risk, found) = (&self.terms().risk, self.cx.risk);
        let ceilings = [
            (risk.volatility_bps_max, found.treasury_volatility_bps),
            (risk.value_at_risk_bps_max, found.value_at_risk_bps),
            (risk.expected_shortfall_bps_max, found.expected_shortfall_bps),
            (risk.drawdown_probability_bps_max, found.drawdown_probability_bps),
        ];
        let breached =
            ceilings.iter().any(|(most, found)| most.is_some_and(|most| found.is_none_or(|found| found > most)));
        let last = intent.actions.last();
        let reduces = match (last, last.and_then(Action::exchange)) {
            (_, Some(it)) => {
                let is_stable = self.terms().assets[it.take.index()].kind == AssetKind::Stable;
                is_stable && self.terms().vault_of(it.take).is_none()
            }
            (Some(Action::Transfer { to, .. }), _) => self.terms().accounts.iter().any(|own| own.address == *to),
            _ => false,
        };
        let only_reduce = risk.on_breach == quaestor_core::policy::OnBreach::OnlyReduce;
        assert!(!breached || reduces && only_reduce, "above a ceiling of risk");
    }
}

/// Every balance after a batch is what it was, less what was spent of it, with what was to come at the least.
pub fn nothing_is_missing(before: &Context<'_>, after: &Context<'_>, intents: &[Intent]) {
    let mut due: BTreeMap<(u16, u16), (U256, U256)> = BTreeMap::new();
    for intent in intents {
        due.entry((intent.account.0, intent.asset.0)).or_default().1 += wide(intent.amount.0);
        for action in &intent.actions {
            let came = match (action, action.exchange()) {
                (_, Some(it)) => Some((intent.account.0, it.take.0, it.amount_out_min.0)),
                (Action::Transfer { to, asset, amount }, None) => {
                    let own = before.terms.accounts.iter().position(|account| account.address == *to);
                    own.map(|own| (own as u16, asset.0, amount.0))
                }
                (Action::Wrap { asset, amount }, None) => Some((intent.account.0, asset.0, amount.0)),
                _ => None,
            };
            if let Some((account, asset, amount)) = came {
                due.entry((account, asset)).or_default().0 += wide(amount);
            }
        }
    }
    let most = wide(u128::MAX);
    for (account, (was, is)) in (0..).zip(before.snapshot.accounts.iter().zip(&after.snapshot.accounts)) {
        for (asset, (was, is)) in (0..).zip(was.balances.iter().zip(&is.balances)) {
            let (came, went) = due.get(&(account, asset)).copied().unwrap_or_default();
            // A sum beyond 128 bits is judged as the greatest that there is.
            let least = (wide(was.0) + came).min(most).saturating_sub(went);
            assert!(wide(is.0) >= least, "account {account} lacks of asset {asset}");
        }
    }
}
