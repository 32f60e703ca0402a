//! What the treasury holds while a run goes on, what the pipeline sees of it, and what became of its value.

use super::{
    Events, Plan,
    execute::{self, Done, Reverted},
};
use crate::{
    assumptions::{Checked, Costs, Targets},
    market::{BAR_WHOLE, Market, Source, round_bars},
    run::Split,
};
use alloy_primitives::{Address, B256};
use quaestor_core::{
    AccountId, Action, Amount, AssetKind, BlockRef, BrakeReading, History, Intent, Policy, Price, Route, Snapshot,
    Terms, Value,
    amount::WAD,
    policy::Delegates,
    snapshot::{
        AccountReading, Anchor, AssetReading, CodeReading, Control, DelegateReading, EarlierRate, FeedReading,
        RateReading, Round,
    },
    valuation::TwapReading,
};

/// The treasury and what is known of it.
pub(super) struct Treasury<'a> {
    pub(super) snapshot: Snapshot,
    pub(super) history: History,
    pub(super) split: Split,
    terms: &'a Terms,
    market: &'a Market<'a>,
    assumed: &'a Checked,
    events: Option<&'a Events>,
    /// Whole tokens of each asset, over all accounts.
    held: Vec<f64>,
    /// Base units of a whole token of each asset.
    units: Vec<f64>,
    /// Value of the moment, dollars.
    value: f64,
    /// The bar of the moment, and how far it is through. The beginning of a bar is the end of the one before where no price
    /// moves between them.
    at: (usize, u64),
    /// The bar that is under way.
    bar: usize,
    /// Rises whenever a balance or a price of the moment changes.
    pub(super) version: u64,
    /// Prices of the moment, where they were asked for ([`Self::price_now`]).
    prices: Vec<Price>,
    /// The moment that they are of.
    priced_at: Option<(usize, u64)>,
    /// Assets with a column of the data, and which.
    columns: Vec<(usize, usize)>,
    /// Whole tokens of each column of the data.
    held_of: Vec<f64>,
    /// Assets at a constant price, and it in dollars.
    constants: Vec<(usize, f64)>,
    /// What these are worth, dollars.
    steady: f64,
    /// Shares of vaults.
    shares: Vec<usize>,
    has_vaults: bool,
    /// Rounds that feeds show, and how many bars lie between two of them.
    rounds: (usize, usize),
    /// Base units that each flow has moved, and those that it could not.
    flowed: Vec<(u128, u128)>,
    started_at: u64,
    /// Value that flowed in less what flowed out since the last mark, dollars.
    pub(super) inflow: f64,
}

impl<'a> Treasury<'a> {
    /// Feeds show so many rounds as the policy says where `past` is read, and else the latest alone.
    pub(super) fn new(plan: &Plan<'a>, past: bool) -> Self {
        let (terms, market, assumed) = (plan.policy.terms(), plan.market, plan.assumed);
        let begin = market.panel.begins_at(plan.start);
        let block = BlockRef { timestamp: begin, ..BlockRef::default() };
        let anchor = Anchor { epoch: 1, policy_hash: plan.policy.hash() };
        let brake = BrakeReading { pulled: false, pulls: 0, lease_until: u64::MAX, block };
        let snapshot = Snapshot {
            chain_id: terms.chain_id,
            block,
            anchor,
            brake,
            operators: terms.roles.operators.clone(),
            guardians: Some(terms.roles.guardians.clone()),
            delegates: undelegated(terms),
            coins: vec![],
            assets: terms.assets.iter().enumerate().map(|(index, _)| reading(terms, index)).collect(),
            accounts: terms
                .accounts
                .iter()
                .zip(0..)
                .map(|(account, id)| account_reading(terms, account, AccountId(id)))
                .collect(),
            code: terms.pins().map(|(address, code_hash)| CodeReading { address, code_hash }).collect(),
            // The data has no pool's sums of ticks: feeds alone make prices.
            twaps: terms
                .twaps
                .iter()
                .map(|twap| TwapReading { pool: twap.pool, tokens: None, tick_cumulatives: None })
                .collect(),
        };
        let width = terms.assets.len();
        let column = |(asset, source): (usize, &Source)| match source {
            Source::Data(column) => Some((asset, *column)),
            _ => None,
        };
        let columns: Vec<(usize, usize)> = market.sources.iter().enumerate().filter_map(column).collect();
        let constant = |(asset, source): (usize, &Source)| match source {
            Source::Constant(price) => Some((asset, price.0 as f64 / WAD as f64)),
            _ => None,
        };
        let constants = market.sources.iter().enumerate().filter_map(constant).collect();
        let is_shares = |asset: &usize| matches!(market.sources[*asset], Source::Shares { .. });
        let shares = (0..width).filter(is_shares).collect();
        let mut treasury = Self {
            snapshot,
            history: History::default(),
            split: Split::default(),
            terms,
            market,
            assumed,
            events: plan.events,
            held: vec![0.0; width],
            units: terms.assets.iter().map(|asset| asset.unit() as f64).collect(),
            value: 0.0,
            at: (plan.start, 0),
            bar: plan.start,
            version: 0,
            prices: vec![Price::ZERO; width],
            priced_at: None,
            columns,
            held_of: vec![0.0; market.panel.symbols().len()],
            constants,
            steady: 0.0,
            shares,
            has_vaults: market.has_vaults(),
            rounds: match past {
                true => {
                    let apart = round_bars(&terms.risk, market.panel.step_secs());
                    (usize::from(terms.risk.history_rounds).max(1), apart)
                }
                false => (1, 1),
            },
            flowed: vec![(0, 0); assumed.flows.len()],
            started_at: begin,
            inflow: 0.0,
        };
        match &assumed.holdings {
            Some(holdings) => {
                for (account, held) in treasury.snapshot.accounts.iter_mut().zip(holdings) {
                    account.balances.clone_from(held);
                }
            }
            None => treasury.open_at_targets(plan.start),
        }
        treasury.count();
        treasury.price_now();
        treasury.value = treasury.value_at(plan.start, 0);
        treasury
    }

    /// The opening value by the bands' targets, the rest in the first stable asset, all on the first Safe.
    fn open_at_targets(&mut self, bar: usize) {
        let terms = self.terms;
        let whole = u128::from(self.assumed.value_usd).saturating_mul(WAD);
        let mut left = 10_000u64;
        let mut shares = vec![0u64; terms.assets.len()];
        for band in &terms.bands {
            shares[band.asset.index()] = band.target_bps;
            left = left.saturating_sub(band.target_bps);
        }
        let feeds = |asset: &quaestor_core::Asset| !asset.feeds.is_empty();
        if let Some(cash) = terms.assets.iter().position(|asset| asset.kind == AssetKind::Stable && feeds(asset)) {
            shares[cash] += left;
        }
        let account = terms.accounts.iter().position(|account| account.route == Route::Safe).unwrap_or(0);
        for (index, bps) in shares.into_iter().enumerate() {
            let value = Value(whole).share(bps);
            let price = self.market.price(bar, index, 0);
            let amount = value.zip(price).and_then(|(value, price)| value.amount_at(price, terms.assets[index].unit()));
            if let (Some(amount), Some(row)) = (amount, self.snapshot.accounts.get_mut(account)) {
                row.balances[index] = amount;
            }
        }
    }

    /// Value when `through` millionths of `bar` have passed, dollars. Within a bar prices must have been formed.
    #[inline]
    fn value_at(&self, bar: usize, through: u64) -> f64 {
        if through == BAR_WHOLE {
            let marks = self.market.panel.marks(bar);
            let data = worth(&self.held_of, marks);
            return self.shares.iter().fold(data + self.steady, |sum, asset| {
                sum + self.held[*asset] * self.market.dollars(bar, *asset, BAR_WHOLE)
            });
        }
        let places = self.columns.iter().map(|(asset, _)| asset).chain(&self.shares);
        places.fold(self.steady, |sum, asset| {
            let held = self.held[*asset];
            if held == 0.0 { sum } else { sum + held * (self.prices[*asset].0 as f64 / WAD as f64) }
        })
    }

    /// Forms the prices of the moment, once. Whoever trades needs them, and at the end of a bar few do.
    pub(super) fn price_now(&mut self) {
        if self.priced_at == Some(self.at) {
            return;
        }
        self.priced_at = Some(self.at);
        self.version += 1;
        let ((bar, through), market) = (self.at, self.market);
        if through == BAR_WHOLE {
            // Constants are as they were.
            for (asset, column) in &self.columns {
                self.prices[*asset] = market.panel.close(bar, *column);
            }
            for asset in &self.shares {
                self.prices[*asset] = market.price(bar, *asset, through).unwrap_or_default();
            }
            return;
        }
        for (asset, price) in self.prices.iter_mut().enumerate() {
            *price = market.price(bar, asset, through).unwrap_or_default();
        }
    }

    /// Value of stable assets at the end of the bar, without the shares of vaults, dollars.
    pub(super) fn stable(&self) -> f64 {
        let assets = self.terms.assets.iter().zip(&self.held).enumerate();
        let cash = assets.filter(|(_, (asset, _))| asset.kind == AssetKind::Stable && !asset.feeds.is_empty());
        cash.fold(0.0, |sum, (place, (_, held))| sum + held * self.market.mark(self.at.0, place))
    }

    fn count(&mut self) {
        let [first, others @ ..] = self.snapshot.accounts.as_slice() else { return };
        for (index, (held, (balance, unit))) in
            self.held.iter_mut().zip(first.balances.iter().zip(&self.units)).enumerate()
        {
            let total = others.iter().fold(balance.0, |sum, account| sum.saturating_add(account.balances[index].0));
            *held = float(total) / unit;
        }
        self.held_of.fill(0.0);
        for (asset, column) in &self.columns {
            self.held_of[*column] += self.held[*asset];
        }
        self.steady = self.constants.iter().fold(0.0, |sum, (asset, price)| sum + self.held[*asset] * price);
    }

    /// Value of the moment, dollars.
    pub(super) fn value(&self) -> f64 {
        self.value
    }

    /// Value of each asset of the moment, dollars.
    pub(super) fn values(&self) -> impl Iterator<Item = f64> + '_ {
        let (bar, through) = self.at;
        self.held.iter().enumerate().map(move |(asset, held)| held * self.market.dollars(bar, asset, through))
    }

    /// The beginning of a bar: vaults have earned. Yield comes first, at their assets' prices of before; what these prices do
    /// then is price.
    #[inline]
    pub(super) fn enter(&mut self, bar: usize) {
        self.bar = bar;
        if !self.has_vaults || self.at.0 == bar {
            return;
        }
        let before = bar.saturating_sub(1);
        // Where a share is worth nothing nothing is earned.
        let earning = |(_, rates): &(usize, &Vec<Amount>)| rates.get(before).is_some_and(|rate| !rate.is_zero());
        for (index, rates) in self.market.rates.iter().enumerate().filter(earning) {
            let worth = self.held[index] * self.market.mark(before, index);
            let earned = worth * (rates[bar].0 as f64 / rates[before].0 as f64 - 1.0);
            self.split.yield_usd += earned;
            self.value += earned;
        }
    }

    /// Prices move to where they are when `through` millionths of the bar have passed.
    #[inline]
    pub(super) fn move_to(&mut self, bar: usize, through: u64) {
        if through == 0 && self.at.0 + 1 == bar && !self.has_vaults && self.market.panel.opens_at_close(bar) {
            debug_assert_eq!(self.at.1, BAR_WHOLE, "bars come in order");
            return;
        }
        self.at = (bar, through);
        if through != BAR_WHOLE {
            self.price_now();
        }
        let next = self.value_at(bar, through);
        self.split.price_usd += next - self.value;
        self.value = next;
    }

    /// Whether its value moves with prices of the data alone: nothing flows and nothing earns.
    pub(super) fn moves_by_price_alone(&self) -> bool {
        self.flowed.is_empty() && self.shares.is_empty() && !self.held_of.is_empty()
    }

    /// [`Self::enter`] and [`Self::move_to`] the end of each of these bars, where it [moves by price
    /// alone](Self::moves_by_price_alone); its values go to `values`.
    pub(super) fn drift(&mut self, bars: std::ops::Range<usize>, values: &mut Vec<f64>) {
        let Some(last) = bars.clone().last() else { return };
        let (mut before, mut moved) = (self.value, self.split.price_usd);
        values.extend(self.market.panel.rows(bars).map(|marks| {
            let value = worth(&self.held_of, marks) + self.steady;
            moved += value - before;
            before = value;
            value
        }));
        (self.value, self.split.price_usd) = (before, moved);
        (self.bar, self.at) = (last, (last, BAR_WHOLE));
    }

    /// What flows until the end of `bar`: the whole so far, less what has moved already, so that nothing is lost by rounding.
    #[inline]
    pub(super) fn flow(&mut self, bar: usize) {
        if !self.flowed.is_empty() {
            self.flow_until(bar);
        }
    }

    fn flow_until(&mut self, bar: usize) {
        let end = self.market.panel.ends()[bar];
        let mut moved_any = false;
        for (place, (flow, (moved, missed))) in self.assumed.flows.iter().zip(&mut self.flowed).enumerate() {
            let elapsed = flow.secs(self.started_at, end);
            let elapsed = self.events.map_or(elapsed, |events| events.flow_secs(place, bar, elapsed));
            let Some(whole) = flow.in_secs(elapsed) else { continue };
            let due = whole.saturating_sub(*moved).saturating_sub(*missed);
            if due == 0 {
                continue;
            }
            let balance = &mut self.snapshot.accounts[flow.account].balances[flow.asset];
            let paid = if flow.leaves { due.min(balance.0) } else { due };
            balance.0 = if flow.leaves { balance.0 - paid } else { balance.0.saturating_add(paid) };
            *moved += paid;
            *missed += due - paid;
            let unit = self.units[flow.asset];
            let mark = self.market.mark(bar, flow.asset);
            let value = paid as f64 / unit * mark;
            self.inflow += if flow.leaves { -value } else { value };
            self.split.unpaid_usd += (due - paid) as f64 / unit * mark;
            moved_any = true;
        }
        if moved_any {
            self.version += 1;
            self.count();
            self.value = self.value_at(bar, BAR_WHOLE);
        }
    }

    /// What the chain says at the end of `bar`.
    pub(super) fn observe(&mut self, bar: usize, block: BlockRef) {
        (self.snapshot.block, self.snapshot.brake.block) = (block, block);
        self.price_now();
        let is_now = self.priced_at == Some((bar, BAR_WHOLE));
        let updated_at = self.market.panel.ends()[bar];
        for (index, reading) in self.snapshot.assets.iter_mut().enumerate() {
            // A single round of a single feed is written where the one before it stood.
            if let ([feed], (1, _), true) = (reading.feeds.as_mut_slice(), self.rounds, is_now)
                && let [last] = feed.rounds.as_mut_slice()
            {
                *last = Round { price: Some(self.prices[index]), updated_at };
                continue;
            }
            let Some((first, others)) = reading.feeds.split_first_mut() else {
                if let Some(rate) = &mut reading.rate {
                    rate.now = self.market.rates[index].get(bar).copied();
                    rate.earlier = earlier(self.market, self.terms, index, bar);
                }
                continue;
            };
            first.rounds.clear();
            let (rounds, apart) = self.rounds;
            let earliest = bar % apart;
            let from = earliest + (bar / apart + 1).saturating_sub(rounds) * apart;
            first.rounds.extend((from..=bar).step_by(apart).filter_map(|bar| self.market.round(bar, index)));
            for feed in others {
                feed.rounds.clone_from(&first.rounds);
            }
        }
        if let Some(events) = self.events {
            events.observe(bar, self.rounds, self.market, &mut self.snapshot);
        }
    }

    /// The snapshot without what no outcome is judged by: room for the balances after a batch.
    pub(super) fn balances_alone(&self) -> Snapshot {
        let Snapshot { chain_id, block, anchor, brake, ref accounts, .. } = self.snapshot;
        let (operators, assets, code) = (Vec::new(), Vec::new(), Vec::new());
        let (delegates, coins, twaps) = (Vec::new(), Vec::new(), Vec::new());
        Snapshot {
            chain_id,
            block,
            anchor,
            brake,
            operators,
            assets,
            guardians: None,
            delegates,
            coins,
            accounts: accounts.clone(),
            code,
            twaps,
        }
    }

    /// Votes are with whom an executed intent delegated them to.
    pub(super) fn delegated(&mut self, account: AccountId, intent: &Intent) {
        for action in &intent.actions {
            let Action::Delegate { asset, to } = *action else { continue };
            let is_it = |it: &&mut DelegateReading| (it.account, it.asset) == (account, asset);
            if let Some(reading) = self.snapshot.delegates.iter_mut().find(is_it) {
                reading.to = Some(to);
            }
        }
    }

    pub(super) fn took_nonce(&mut self, account: AccountId) {
        if let Some(Control::Safe { nonce, .. }) =
            self.snapshot.accounts.get_mut(account.index()).map(|account| &mut account.control)
        {
            *nonce += 1;
        }
    }

    fn venue(&self, targets: Targets, says_value: bool) -> execute::Venue<'_> {
        let costs = Costs { targets, ..self.assumed.costs };
        let (bar, through) = self.at;
        // Within a bar it is known what pools were at its beginning.
        let pools_of = if through == BAR_WHOLE { bar } else { bar.saturating_sub(1) };
        let Self { terms, market, prices, bar, .. } = self;
        execute::Venue { terms, market, costs, prices, bar: *bar, pools_of, says_value }
    }

    /// What every account would hold after `intents` of `account`, at the prices of the moment: into `left`. On chain costs
    /// come out of what is bought, and that is what the gate looks at. `is_new`: they were decided on at this moment.
    pub(super) fn rehearse(
        &self,
        account: AccountId,
        intents: &[Intent],
        is_new: bool,
        left: &mut Snapshot,
    ) -> Result<Done, Reverted> {
        // Feeds that fail say other prices than pools have.
        let venue = self.venue(Targets::AfterCosts, is_new && self.events.is_none());
        self.carry_out(&venue, account, intents, left)
    }

    fn carry_out(
        &self,
        venue: &execute::Venue<'_>,
        account: AccountId,
        intents: &[Intent],
        left: &mut Snapshot,
    ) -> Result<Done, Reverted> {
        left.block = self.snapshot.block;
        for (left, held) in left.accounts.iter_mut().zip(&self.snapshot.accounts) {
            left.balances.clone_from(&held.balances);
        }
        if self.events.is_some_and(|events| events.freezes(self.bar, intents)) {
            return Err(Reverted::Frozen);
        }
        venue.carry_out(account, intents, &mut left.accounts)
    }

    /// Carries `intents` of `account` out whole, or leaves everything as it is. `left` is room, or holds what is left already
    /// where the same was `rehearsed` at these very balances and prices.
    pub(super) fn execute(
        &mut self,
        account: AccountId,
        intents: &[Intent],
        left: &mut Snapshot,
        rehearsed: Option<Done>,
    ) -> Result<Done, Reverted> {
        let targets = self.assumed.costs.targets;
        // Between rehearsal and execution a venue may have stopped.
        let mut done = match rehearsed.filter(|_| targets == Targets::AfterCosts && self.events.is_none()) {
            Some(done) => done,
            None => self.carry_out(&self.venue(targets, false), account, intents, left)?,
        };
        self.version += 1;
        self.venue(targets, false).pay_gas(account, intents, &mut left.accounts, &mut done);
        for (held, left) in self.snapshot.accounts.iter_mut().zip(&left.accounts) {
            held.balances.clone_from(&left.balances);
        }
        let (bar, through) = self.at;
        let (before, paid) = (self.value, dollars(done.paid));
        self.count();
        self.value = self.value_at(bar, through);
        // What left is a flow; whatever else is missing is what it cost.
        self.inflow -= paid;
        self.split.costs_usd += before - paid - self.value;
        Ok(done)
    }
}

/// Sum of products.
#[inline]
fn worth(held: &[f64], marks: &[f64]) -> f64 {
    held.iter().zip(marks).fold(0.0, |sum, (held, mark)| sum + held * mark)
}

/// Of a value, dollars.
pub(super) fn dollars(value: Value) -> f64 {
    float(value.0) / WAD as f64
}

/// The nearest float or the one beside it, in a third of the time.
#[inline]
fn float(number: u128) -> f64 {
    const HALF: f64 = (1u128 << 64) as f64;
    (number >> 64) as u64 as f64 * HALF + number as u64 as f64
}

fn reading(terms: &Terms, index: usize) -> AssetReading {
    let asset = &terms.assets[index];
    let feeds = asset.feeds.iter().map(|feed| FeedReading { feed: *feed, rounds: Vec::new() }).collect();
    let vault = u16::try_from(index).ok().and_then(|index| terms.vault_of(quaestor_core::AssetId(index)));
    let rate = vault.map(|vault| RateReading {
        asset: terms.asset(vault.asset).map(|asset| asset.address),
        now: None,
        earlier: None,
    });
    AssetReading { address: asset.address, decimals: Some(asset.decimals), feeds, rate }
}

/// At first nobody has the votes.
fn undelegated(terms: &Terms) -> Vec<DelegateReading> {
    let accounts = (0..terms.accounts.len()).filter_map(|index| u16::try_from(index).ok()).map(AccountId);
    let of = |account| {
        let reading = move |it: &Delegates| DelegateReading { account, asset: it.asset, to: Some(Address::ZERO) };
        terms.delegates.iter().map(reading)
    };
    accounts.flat_map(of).collect()
}

fn account_reading(terms: &Terms, account: &quaestor_core::Account, id: AccountId) -> AccountReading {
    let control = match account.route {
        Route::Safe => terms.roles.safe_as_named(id),
        Route::Governor { .. } => Control::Timelock { delay_secs: 0, governor_schedules: true },
    };
    AccountReading { address: account.address, balances: vec![Amount::ZERO; terms.assets.len()], control }
}

/// The rate of a vault as long ago as the policy looks back; at the first bar of the data at the earliest.
fn earlier(market: &Market<'_>, terms: &Terms, index: usize, bar: usize) -> Option<EarlierRate> {
    let lookback = terms.risk.rate_lookback_blocks.saturating_mul(crate::market::BLOCK_SECS);
    let ends = market.panel.ends();
    let since = ends[bar].saturating_sub(lookback);
    let found = ends[..bar].partition_point(|end| *end < since);
    let rate = *market.rates[index].get(found)?;
    (found < bar && !rate.is_zero() && lookback > 0).then(|| {
        let timestamp = ends[found];
        let number = timestamp / crate::market::BLOCK_SECS;
        EarlierRate { block: BlockRef { number, hash: B256::ZERO, timestamp }, rate }
    })
}
