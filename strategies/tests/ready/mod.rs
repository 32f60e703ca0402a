//! The treasury of [`crate::world`] under a policy that is read from its text and judges as it does live.

use crate::world::World;
use quaestor_core::{
    Catalog, Context, Inputs, Intent, Policy, RiskReport, Verdict,
    pipeline::{Workspace, evaluate},
    policy::Group,
    strategy::ParamValue,
    valuation::{Prices, Valuation},
};
use quaestor_policies::{Facts, StrategyFacts, VotedPolicy, parse, starting_policy};

/// The groups of `world`, as a file has them.
fn groups(world: &World) -> String {
    let group = |group: &Group| {
        let symbols: Vec<_> = group.assets.iter().map(|asset| &world.terms.assets[asset.index()].symbol).collect();
        let Group { name, min_bps, max_bps, .. } = group;
        format!("[groups.{name}]\nassets = {symbols:?}\nmin_bps = {min_bps}\nmax_bps = {max_bps}\n")
    };
    world.terms.groups.iter().map(group).collect()
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
        let text = format!("{}\n{}", starting_policy(&facts), groups(&world));
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
