//! A treasury that every scenario finds something to do in.

use quaestor_core::Policy;
use quaestor_policies::VotedPolicy;
use quaestor_risk::EwmaModel;
use quaestor_simulations::{
    Day, Panel,
    assumptions::{Assumptions, Checked, Delays, FlowTerms},
    data::{self, Options, Window},
    engine::{self, Plan},
    market::Market,
    metrics::Summary,
    run::{Fate, Run},
    scenario::{Cannot, SHIPPED, Scenario, Stage, shipped},
};
use std::collections::BTreeMap;

/// A run of a scenario.
pub(crate) struct Played {
    pub(crate) stage: Stage,
    pub(crate) run: Run,
    pub(crate) summary: Summary,
}

pub(crate) const POLICY: &str = include_str!("guarded.toml");

pub(crate) fn policy() -> VotedPolicy {
    policy_of(POLICY)
}

pub(crate) fn policy_of(text: &str) -> VotedPolicy {
    quaestor_policies::parse(text.as_bytes(), &quaestor_strategies::catalog()).unwrap()
}

pub(crate) fn held(amounts: &[(&str, &str)]) -> BTreeMap<String, String> {
    amounts.iter().map(|(symbol, amount)| ((*symbol).to_owned(), (*amount).to_owned())).collect()
}

/// Signers take half a day.
pub(crate) fn assumptions() -> Assumptions {
    let flow = |name: &str, monthly: &str| FlowTerms {
        name: name.into(),
        account: "operations".into(),
        asset: "USDC".into(),
        monthly: Some(monthly.into()),
        ..FlowTerms::default()
    };
    let operations = [
        ("USDC", "2000000"),
        ("DAI", "500000"),
        ("sUSDC", "400000"),
        ("WETH", "900"),
        ("stETH", "100"),
        ("VOTE", "90000"),
    ];
    Assumptions {
        holdings: [("operations".to_owned(), held(&operations)), ("reserve".to_owned(), held(&[("USDC", "1000000")]))]
            .into(),
        flows: vec![flow("grants", "-60000"), flow("revenue", "20000")],
        delays: Delays { safe_secs: 43_200.into(), ..Delays::default() },
        prices: held(&[("VOTE", "2.5"), ("DAI", "1"), ("stETH", "2300")]),
        yields: [("savings".to_owned(), 400)].into(),
        ..Assumptions::default()
    }
}

/// Days of the shipped data of ether and USDC.
pub(crate) fn days(from: &str, to: &str) -> Panel {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/data/daily");
    let found = data::load(folder, &Options { now: u64::MAX, ..Options::default() }).unwrap();
    let day = |text: &str| Some(text.parse::<Day>().unwrap().open_timestamp());
    data::panel(&found, &["ETH", "USDC"], Window { from: day(from), to: day(to), past: 0 }).unwrap().panel
}

pub(crate) fn scenario(text: &str) -> Scenario {
    Scenario::parse("own.toml", text).unwrap()
}

pub(crate) fn named(name: &str) -> Scenario {
    assert!(SHIPPED.iter().any(|(known, _)| *known == name));
    shipped(name).unwrap().unwrap()
}

pub(crate) fn play(scenario: &Scenario) -> Played {
    try_play(scenario, &assumptions(), true).unwrap()
}

pub(crate) fn try_play(scenario: &Scenario, assumptions: &Assumptions, thorough: bool) -> Result<Played, Cannot> {
    play_under(&policy(), scenario, assumptions, thorough)
}

pub(crate) fn play_under(
    policy: &VotedPolicy,
    scenario: &Scenario,
    assumptions: &Assumptions,
    thorough: bool,
) -> Result<Played, Cannot> {
    let assumed = assumptions.check(policy.terms()).unwrap();
    // Enough days before a replay for the past that feeds show.
    let (panel, start) = match scenario.window() {
        None => (days("2021-03-01", "2021-07-06"), 0),
        Some((from, to)) => {
            let day = |at: u64| Day::at(at).unwrap().to_string();
            (days(&day(from - 64 * 86_400), &day(to)), 64)
        }
    };
    let market = Market::new(&panel, policy.terms(), &assumed).unwrap();
    let model = EwmaModel::default();
    let base =
        Plan { policy, model: &model, market: &market, assumed: &assumed, start, seed: 1, events: None, thorough };
    let stage = scenario.stage(&base)?;
    let market = Market::new(&stage.panel, policy.terms(), &stage.assumed)?;
    let run = engine::run(Plan {
        market: &market,
        assumed: &stage.assumed,
        start: stage.start,
        events: Some(&stage.events),
        ..base
    });
    let summary = Summary::of(&run, policy.terms(), &market);
    Ok(Played { stage, run, summary })
}

/// The run of a scenario that goes on from this panel.
pub(crate) fn on_panel(panel: &Panel, policy: &VotedPolicy, assumed: &Checked, scenario: &Scenario) -> Run {
    let (model, market) = (EwmaModel::default(), Market::new(panel, policy.terms(), assumed).unwrap());
    let base =
        Plan { policy, model: &model, market: &market, assumed, start: 0, seed: 1, events: None, thorough: true };
    let stage = scenario.stage(&base).unwrap();
    let market = Market::new(&stage.panel, policy.terms(), &stage.assumed).unwrap();
    let (events, start) = (Some(&stage.events), stage.start);
    engine::run(Plan { market: &market, assumed: &stage.assumed, start, events, ..base })
}

impl Played {
    /// What the treasury has of `symbol` at the end of a day of the scenario, dollars.
    pub(crate) fn held_at(&self, day: usize, symbol: &str) -> f64 {
        let place = policy().terms().assets.iter().position(|asset| asset.symbol == symbol).unwrap();
        self.run.holdings[day * self.run.width + place]
    }

    /// The price of `symbol` at the end of a day of the scenario, counted from 1.
    pub(crate) fn price(&self, day: usize, symbol: &str) -> u128 {
        let column = self.stage.panel.column(symbol).unwrap();
        self.stage.panel.close(self.stage.start + day - 1, column).0
    }

    /// Unix second at which so many days of the scenario are over.
    pub(crate) fn day(&self, day: u64) -> u64 {
        self.stage.panel.begins_at(self.stage.start) + day * 86_400
    }

    /// When proposals were made, days since the beginning.
    pub(crate) fn made(&self) -> Vec<u64> {
        self.run.proposals.iter().map(|it| (it.at - self.day(0)) / 86_400).collect()
    }

    /// When proposals were executed, days since the beginning.
    pub(crate) fn executed(&self) -> Vec<u64> {
        let at = |fate: &Fate| match fate {
            Fate::Executed { at } => Some((at - self.day(0)) / 86_400),
            _ => None,
        };
        self.run.proposals.iter().filter_map(|it| at(&it.fate)).collect()
    }
}
