//! A forecast may only tighten: whatever a model says, or does not say, allows nothing that the same policy without
//! ceilings refuses, and above a ceiling nothing but what reduces risk.
//!
//! Each intent is judged for itself: where one of a decision is refused, room in the caps is left for the next.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod fixture;

use fixture::{DAI, DAO, LINK, OPERATIONS, RESERVE, STETH, USDC, WBTC, WETH, World, address};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use quaestor_core::{
    AssetId, Intent, Limits, Policy, RiskReport,
    policy::{Band, OnBreach, RiskTerms},
    snapshot::Tally,
};
use quaestor_policies::{Facts, VotedPolicy};
use std::cell::Cell;

/// Greatest amounts that are tried, whole dollars.
const USD_MAX: u128 = 900_000;

/// What is wanted.
#[derive(Debug, Clone, Copy)]
enum Wish {
    Swap { sell: AssetId, buy: AssetId },
    Refill,
    Payment,
}

impl Wish {
    /// Towards stable assets, or between the treasury's own accounts.
    fn reduces(self) -> bool {
        match self {
            Self::Swap { buy, .. } => [DAI, USDC].contains(&buy),
            Self::Refill => true,
            Self::Payment => false,
        }
    }
}

/// One number for each forecast: volatility, value at risk, expected shortfall, drawdown probability.
type Four = [Option<u64>; 4];

#[derive(Debug, Clone)]
struct Case {
    wish: Wish,
    usd: u128,
    slippage_bps: u64,
    /// Whole tokens that operations hold of each asset, in thousandths of the fixture's.
    held_permille: [u128; 7],
    ceilings: Four,
    forecasts: Four,
    hold: bool,
    loose: bool,
}

impl Case {
    fn breached(&self) -> bool {
        let above = |(ceiling, forecast): (&Option<u64>, &Option<u64>)| match (ceiling, forecast) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(ceiling), Some(forecast)) => forecast > ceiling,
        };
        self.ceilings.iter().zip(&self.forecasts).any(above)
    }

    /// The policy with its ceilings, or the same with none.
    fn policy(&self, with_ceilings: bool) -> VotedPolicy {
        let [volatility, value_at_risk, shortfall, drawdown] = if with_ceilings { self.ceilings } else { [None; 4] };
        let mut facts = fixture::facts();
        facts.risk = RiskTerms {
            volatility_bps_max: volatility,
            value_at_risk_bps_max: value_at_risk,
            expected_shortfall_bps_max: shortfall,
            drawdown_probability_bps_max: drawdown,
            on_breach: if self.hold { OnBreach::Hold } else { OnBreach::OnlyReduce },
            ..facts.risk
        };
        // Half of the time nearly everything else is allowed, so that it is risk that decides.
        let wide = |band: &Band| Band { min_bps: 0, max_bps: 10_000, ..*band };
        match self.loose {
            true => fixture::policy(&Facts {
                limits: Limits {
                    proposal_bps_max: 5_000,
                    window_bps_max: [5_000; 4],
                    stable_share_bps_min: 0,
                    ..facts.limits
                },
                bands: facts.bands.iter().map(wide).collect(),
                ..facts
            }),
            false => fixture::policy(&facts),
        }
    }

    fn world(&self, policy: &VotedPolicy, [volatility, value_at_risk, shortfall, drawdown]: Four) -> World {
        let mut world = World::new(policy);
        for (held, permille) in world.snapshot.accounts[0].balances.iter_mut().zip(self.held_permille) {
            held.0 = held.0 / 1_000 * permille;
        }
        world.revalue(policy);
        world.risk = RiskReport {
            treasury_volatility_bps: volatility,
            value_at_risk_bps: value_at_risk,
            expected_shortfall_bps: shortfall,
            drawdown_probability_bps: drawdown,
            ..RiskReport::default()
        };
        world
    }

    fn intent(&self, policy: &VotedPolicy, world: &World) -> Intent {
        match self.wish {
            Wish::Swap { sell, buy } => {
                let one = world.cx(policy).value_of(sell, world.tokens(sell, 1)).unwrap().0 / 10u128.pow(18);
                world.swap(policy, sell, buy, (self.usd / one).max(1), self.slippage_bps)
            }
            Wish::Refill => world.transfer(policy, RESERVE, USDC, self.usd, address("operations")),
            Wish::Payment => world.transfer(policy, OPERATIONS, USDC, self.usd, address("auditor")),
        }
    }

    /// Whether `policy` allows it when this is forecast.
    fn allowed(&self, policy: &VotedPolicy, forecasts: Four) -> bool {
        let world = self.world(policy, forecasts);
        let intent = self.intent(policy, &world);
        policy.judge(&world.cx(policy), &Tally::before(intent.account, &[], &[]), &intent).is_allowed()
    }
}

fn wishes() -> impl Strategy<Value = Wish> {
    let other = prop::sample::select(vec![DAI, DAO, LINK, STETH, WBTC, WETH]);
    prop_oneof![
        6 => (other, any::<bool>()).prop_map(|(other, sells)| match sells {
            true => Wish::Swap { sell: other, buy: USDC },
            false => Wish::Swap { sell: USDC, buy: other },
        }),
        1 => Just(Wish::Refill),
        2 => Just(Wish::Payment),
    ]
}

/// Near each other, so that forecasts lie at, below and above ceilings; some are missing.
fn four(given: f64) -> impl Strategy<Value = Four> {
    prop::array::uniform4(prop::option::weighted(given, prop_oneof![495u64..=505, 1u64..=9_000]))
}

fn cases() -> impl Strategy<Value = Case> {
    let portfolio = prop::array::uniform7(0u128..2_000);
    let risk = (four(0.5), four(0.9), any::<bool>());
    (wishes(), 1..USD_MAX, 0u64..60, portfolio, risk, prop::bool::weighted(0.7)).prop_map(
        |(wish, usd, slippage_bps, held_permille, (ceilings, forecasts, hold), loose)| Case {
            wish,
            usd,
            slippage_bps,
            held_permille,
            ceilings,
            forecasts,
            hold,
            loose,
        },
    )
}

#[test]
fn whatever_is_forecast_nothing_more_is_allowed_and_above_a_ceiling_only_what_reduces_risk() {
    let [same, refused, reduced, neither] = [const { Cell::new(0) }; 4];
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(256) });
    let found = runner.run(&cases(), |case| {
        let (ceilings, none) = (case.policy(true), case.policy(false));
        let (under_ceilings, without) = (case.allowed(&ceilings, case.forecasts), case.allowed(&none, case.forecasts));
        for forecasts in [[None; 4], [Some(0); 4], [Some(u64::MAX); 4]] {
            prop_assert_eq!(case.allowed(&none, forecasts), without, "without ceilings a forecast decided");
        }
        prop_assert!(!under_ceilings || without, "a forecast allowed what is refused without");
        let may = !case.breached() || (case.wish.reduces() && !case.hold);
        prop_assert!(!under_ceilings || may, "allowed although a ceiling is breached");
        // Tightening goes as far as the policy says, and no farther.
        prop_assert_eq!(under_ceilings, without && may);
        let count = match (without, case.breached(), under_ceilings) {
            (false, ..) => &neither,
            (true, false, _) => &same,
            (true, true, false) => &refused,
            (true, true, true) => &reduced,
        };
        count.set(count.get() + 1);
        Ok(())
    });
    found.unwrap_or_else(|failed| panic!("{failed}"));
    // A property of cases that never come says nothing.
    for (what, count) in [("unbreached", same), ("refused", refused), ("reduced", reduced), ("never", neither)] {
        assert!(count.get() >= 3, "{what}: {}", count.get());
    }
}
