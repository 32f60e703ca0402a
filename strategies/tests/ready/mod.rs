//! The treasury of [`crate::world`] under a policy that is read from its text and judges as it does live.

use crate::world::World;
use quaestor_core::{
    Catalog, Context, Inputs, Intent, Policy, RiskReport, Verdict,
    pipeline::{Workspace, evaluate},
    policy::{BudgetLine, Counterparty, Every, Group},
    strategy::ParamValue,
    valuation::{Prices, Valuation},
};
use quaestor_policies::{Facts, StrategyFacts, VotedPolicy, parse, starting_policy};
use quaestor_simulations::Day;

/// The groups of `world`, as a file has them.
fn groups(world: &World) -> String {
    let group = |group: &Group| {
        let symbols: Vec<_> = group.assets.iter().map(|asset| &world.terms.assets[asset.index()].symbol).collect();
        let Group { name, min_bps, max_bps, .. } = group;
        format!("[groups.{name}]\nassets = {symbols:?}\nmin_bps = {min_bps}\nmax_bps = {max_bps}\n")
    };
    world.terms.groups.iter().map(group).collect()
}

/// The counterparties of `world`, as a file has them.
fn counterparties(world: &World) -> String {
    let counterparty = |it: &Counterparty| {
        let [hour, day, week, month] = it.window_bps_max;
        let caps = [("proposal", it.proposal_bps_max), ("hour", hour), ("day", day), ("week", week), ("month", month)];
        let caps = caps.iter().filter(|(_, bps)| *bps != u64::MAX);
        let caps: String = caps.map(|(key, bps)| format!("{key}_bps_max = {bps}\n")).collect();
        format!("[counterparties.{}]\naddress = \"eip155:{}:{}\"\n{caps}\n", it.name, world.terms.chain_id, it.address)
    };
    world.terms.counterparties.iter().map(counterparty).collect()
}

/// The budget lines of `world`, as a file has them.
fn payments(world: &World) -> String {
    let time = |at: u64| {
        let (day, secs) = (Day::at(at).unwrap(), at % 86_400);
        format!("{day}T{:02}:{:02}:{:02}Z", secs / 3_600, secs / 60 % 60, secs % 60)
    };
    let line = |it: &BudgetLine| {
        let asset = &world.terms.assets[it.asset.index()];
        let (account, to) =
            (&world.terms.accounts[it.account.index()].name, world.terms.counterparty_at(it.to).unwrap());
        let every = match it.every {
            Every::Secs(secs) => format!("{secs}s"),
            Every::Months(1) => "month".to_owned(),
            Every::Months(months) => panic!("no word for {months} months"),
        };
        let end = if it.end == u64::MAX { String::new() } else { format!("end = \"{}\"\n", time(it.end)) };
        format!(
            "[[payments]]\nname = \"{}\"\naccount = \"{account}\"\nto = \"{}\"\nasset = \"{symbol}\"\namount = \"{} {symbol}\"\n\
             every = \"{every}\"\nbegin = \"{}\"\n{end}catch_up = {}\n\n",
            it.name,
            to.name,
            it.amount.display(asset.decimals),
            time(it.begin),
            it.catch_up,
            symbol = asset.symbol,
        )
    };
    world.terms.payments.iter().map(line).collect()
}

/// A decision under the voted policy.
#[derive(Debug)]
pub struct Ready {
    pub world: World,
    pub policy: VotedPolicy,
    pub prices: Prices,
    pub risk: RiskReport,
}

impl Ready {
    pub fn new(mut world: World, catalog: &Catalog) -> Self {
        let terms = &world.terms;
        let strategy = |it: &quaestor_core::policy::StrategyTerms| {
            let share = it.share_bps_max.map(|bps| ParamValue::Integer(i64::try_from(bps).unwrap()));
            let share = share.map(|share| ("share_bps_max".to_owned(), share));
            StrategyFacts {
                name: it.name.clone(),
                kind: it.kind.clone(),
                about: "Under test.".into(),
                params: share.into_iter().chain(it.params.clone()).collect(),
            }
        };
        let facts = Facts {
            name: terms.name.clone(),
            chain_id: terms.chain_id,
            registry: terms.registry,
            brake: terms.brake,
            gate: terms.gate,
            expires_at: 2_000_000_000,
            schedule: terms.schedule.clone(),
            validity_secs: Some(terms.validity_secs),
            accounts: terms.accounts.clone(),
            assets: terms.assets.clone(),
            bands: terms.bands.clone(),
            limits: terms.limits,
            risk: terms.risk.clone(),
            venues: terms.venues.clone(),
            counterparties: vec![],
            strategies: terms.strategies.iter().map(strategy).collect(),
        };
        let text = [starting_policy(&facts), groups(&world), counterparties(&world), payments(&world)].join("\n");
        let policy = parse(text.as_bytes(), catalog).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
        world.rearrange(policy.terms());
        let prices = world.prices();
        let risk = world.risk.clone();
        Self { world, policy, prices, risk }
    }

    /// Decides and judges, reusing the room of `work`.
    pub fn decide(&self, work: &mut Workspace) {
        let inputs = Inputs {
            snapshot: &self.world.snapshot,
            history: &self.world.history,
            policy: &self.policy,
            strategies: self.policy.strategies(),
            model: &crate::world::Model,
        };
        evaluate(&inputs, &self.prices, &self.risk, work).expect("every asset is priced");
    }

    /// Judges what `intents` leave behind.
    pub fn judge_outcome(&self, after: &World, valuations: &[Valuation; 2], intents: &[Intent]) -> Verdict {
        let before = Context {
            terms: self.policy.terms(),
            policy: self.policy.hash(),
            snapshot: &self.world.snapshot,
            history: &self.world.history,
            windows: self.world.history.windows(self.world.snapshot.block.timestamp),
            prices: &self.prices,
            valuation: &valuations[0],
            risk: &self.risk,
            is_new: true,
        };
        let after = Context { snapshot: &after.snapshot, valuation: &valuations[1], ..before };
        self.policy.judge_outcome(&before, &after, intents)
    }
}
