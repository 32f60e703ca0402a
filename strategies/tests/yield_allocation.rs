//! What `yield_allocation` wants, and what it never does.
#![allow(missing_docs, unreachable_pub, dead_code, reason = "a test, and a fixture of which it needs a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends where its fixture is wrong")]

mod ready;
mod world;

use proptest::prelude::*;
use quaestor_core::{
    Action, Amount, AssetId, Rule, Value, VenueId,
    amount::WAD,
    pipeline::Workspace,
    policy::{Band, StrategyTerms},
    strategy::{ParamValue, StrategyHold},
};
use ready::Ready;
use world::{CASH, Decided, OPERATIONS, USDC_ONE, World, address, named, text, usdc};

const LOW: AssetId = AssetId(1);
const HIGH: AssetId = AssetId(2);
/// Base units of cash for one share that earned nothing so far, and that gained 0.1 % in a week: 521 bps a year.
const PAR: u128 = USDC_ONE;
const GAINED: u128 = USDC_ONE + USDC_ONE / 1_000;

fn vault(venue: &str, max_bps: i64, risk_bps: i64) -> ParamValue {
    let fields = [
        ("venue", text(venue)),
        ("max_bps", ParamValue::Integer(max_bps)),
        ("risk_bps", ParamValue::Integer(risk_bps)),
    ];
    ParamValue::Table(fields.map(|(key, value)| (key.to_owned(), value)).into())
}

fn allocation(keep: &str, move_bps_min: i64, vaults: &[ParamValue]) -> StrategyTerms {
    let params = [("account", "operations"), ("asset", "USDC"), ("keep", keep), ("trade_min", "100 USD")];
    let mut strategy = named("yield", "yield_allocation", &params);
    strategy.params.insert("move_bps_min".into(), ParamValue::Integer(move_bps_min));
    strategy.params.insert("vaults".into(), ParamValue::List(vaults.to_vec()));
    strategy
}

/// 100,000 USDC liquid; `low` earns 521 bps a year and `high` twice that; 20,000 stay liquid.
fn idle() -> World {
    World::new(&[usdc(None, 100_000 * USDC_ONE, 0)])
        .with_vault("low", (Some(PAR), GAINED), [0, 0])
        .with_vault("high", (Some(PAR), 2 * GAINED - PAR), [0, 0])
        .with(allocation("20000 USDC", 50, &[vault("low", 9_000, 0), vault("high", 5_000, 0)]))
}

/// Given, taken, amount given and least taken of each deposit and redemption.
fn moves(decided: &Decided) -> Vec<(AssetId, AssetId, u128, u128)> {
    let actions = decided.intents.iter().flat_map(|intent| &intent.actions);
    actions.filter_map(Action::exchange).map(|it| (it.give, it.take, it.amount_in.0, it.amount_out_min.0)).collect()
}

fn whole(world: &World, asset: AssetId) -> u128 {
    world.valuation().value_of(asset).0 / WAD
}

#[test]
fn the_best_vault_is_filled_to_its_cap_and_the_next_takes_the_rest() {
    let world = idle();
    let decided = world.decide();
    assert_eq!(decided.refused(), Vec::<&quaestor_core::Refusal>::new());
    assert_eq!(decided.holds, []);
    let least = |amount: u128, rate: u128| amount * 9_950 / 10_000 * USDC_ONE / rate;
    let (high, low) = (50_000 * USDC_ONE, 30_000 * USDC_ONE);
    let rate = 2 * GAINED - PAR;
    assert_eq!(moves(&decided), [(CASH, HIGH, high, least(high, rate)), (CASH, LOW, low, least(low, GAINED))]);
    let after = world.after(&decided.intents);
    assert_eq!((whole(&after, CASH), whole(&after, LOW), whole(&after, HIGH)), (20_000, 29_999, 49_999));
    assert_eq!(after.decide().intents, []);
}

#[test]
fn what_the_policy_caps_in_a_venue_goes_to_the_next_one() {
    let mut world = idle();
    world.terms.venues[2].share_bps_max = Some(4_000);
    let moves = moves(&world.decide());
    let deposited: Vec<_> = moves.iter().map(|it| (it.1, it.2 / USDC_ONE)).collect();
    assert_eq!(deposited, [(HIGH, 40_000), (LOW, 40_000)]);
}

#[test]
fn a_deposit_is_approved_exactly_and_a_redemption_needs_no_approval() {
    let decided = idle().decide();
    for intent in &decided.intents {
        let approve = Action::Approve { asset: CASH, spender: VenueId(intent.leg()), amount: intent.amount };
        assert_eq!(intent.actions[0], approve);
        assert!(matches!(intent.actions[1], Action::Deposit { amount, .. } if amount == intent.amount));
    }
    let mut world = idle();
    world.snapshot.accounts[0].balances = vec![Amount(0), Amount(90_000 * USDC_ONE), Amount(0)];
    let decided = world.decide();
    assert_eq!((decided.intents[0].asset, decided.intents[0].counterparty), (LOW, address("low")));
    assert!(matches!(decided.intents[0].actions.as_slice(), [Action::Redeem { .. }]));
}

trait Leg {
    fn leg(&self) -> u16;
}

impl Leg for quaestor_core::Intent {
    fn leg(&self) -> u16 {
        match self.purpose {
            quaestor_core::Purpose::Strategy { leg, .. } => leg,
            quaestor_core::Purpose::Payment { .. } => panic!("a strategy pays nobody"),
        }
    }
}

#[test]
fn the_floor_is_refilled_from_the_worst_vault_first() {
    let mut world = idle();
    world.snapshot.accounts[0].balances =
        vec![Amount(15_000 * USDC_ONE), Amount(40_000 * USDC_ONE), Amount(45_000 * USDC_ONE)];
    let decided = world.decide();
    let redeemed: Vec<_> = moves(&decided).iter().map(|it| it.0).collect();
    // 5,000 for the floor, and what `high` still takes.
    assert_eq!(redeemed[0], LOW);
    let after = world.after(&decided.intents);
    assert!(whole(&after, CASH) >= 19_999, "{}", whole(&after, CASH));
    assert!(whole(&after, HIGH) > whole(&world, HIGH));
}

#[test]
fn a_small_gain_moves_nothing_and_a_large_one_does() {
    let mut world = idle();
    world.snapshot.accounts[0].balances = vec![Amount(20_000 * USDC_ONE), Amount(80_000 * USDC_ONE), Amount(0)];
    let vaults = [vault("low", 9_000, 0), vault("high", 5_000, 0)];
    // `high` earns 521 bps more.
    world.terms.strategies[0] = allocation("20000 USDC", 522, &vaults);
    assert_eq!(world.decide().intents, []);
    world.terms.strategies[0] = allocation("20000 USDC", 521, &vaults);
    let moved: Vec<_> = moves(&world.decide()).iter().map(|it| (it.0, it.1)).collect();
    assert_eq!(moved, [(LOW, CASH), (CASH, HIGH)]);
}

#[test]
fn risk_is_taken_off_the_rate() {
    let mut world = idle();
    world.terms.strategies[0] = allocation("20000 USDC", 50, &[vault("low", 9_000, 0), vault("high", 5_000, 600)]);
    assert_eq!(moves(&world.decide()).iter().map(|it| it.1).collect::<Vec<_>>(), [LOW]);
    // Neither is worth its risk.
    world.terms.strategies[0] = allocation("20000 USDC", 50, &[vault("low", 9_000, 500), vault("high", 5_000, 1_000)]);
    assert_eq!(world.decide().intents, []);
}

#[test]
fn a_vault_that_loses_is_left() {
    let mut world = World::new(&[usdc(None, 50_000 * USDC_ONE, 0)])
        .with_vault("low", (Some(GAINED), PAR), [40_000 * USDC_ONE, 0])
        .with(allocation("20000 USDC", 50, &[vault("low", 9_000, 0)]));
    assert_eq!(moves(&world.decide()), [(LOW, CASH, 40_000 * USDC_ONE, 39_800 * USDC_ONE)]);
    // Not when only its haircut is above its rate by less than nothing: at zero it stays.
    world.snapshot.assets[1].rate.as_mut().unwrap().earlier.as_mut().unwrap().rate = Amount(PAR);
    assert_eq!(world.decide().intents, []);
}

#[test]
fn what_is_above_its_cap_leaves_even_at_an_unknown_rate() {
    let world = World::new(&[usdc(None, 40_000 * USDC_ONE, 0)])
        .with_vault("low", (None, PAR), [60_000 * USDC_ONE, 0])
        .with(allocation("0 USDC", 50, &[vault("low", 4_000, 0)]));
    let decided = world.decide();
    assert_eq!(moves(&decided), [(LOW, CASH, 20_000 * USDC_ONE, 19_900 * USDC_ONE)]);
    assert_eq!(decided.holds, [StrategyHold::NoRate]);
}

#[test]
fn without_rates_nothing_is_deposited_and_it_says_so() {
    let vaults = [vault("low", 9_000, 0), vault("high", 5_000, 0)];
    let world = World::new(&[usdc(None, 100_000 * USDC_ONE, 0)])
        .with_vault("low", (None, GAINED), [0, 0])
        .with_vault("high", (Some(PAR), 0), [0, 0])
        .with(allocation("20000 USDC", 50, &vaults));
    let decided = world.decide();
    assert_eq!((decided.intents.len(), decided.holds), (0, vec![StrategyHold::NoRate]));
}

#[test]
fn a_cap_counts_what_the_other_accounts_have() {
    let world = World::new(&[usdc(None, 50_000 * USDC_ONE, 0)])
        .with_vault("low", (Some(PAR), GAINED), [0, 50_000 * USDC_ONE])
        .with(allocation("0 USDC", 50, &[vault("low", 6_000, 0)]));
    let decided = world.decide();
    // 60 % of 100,050 less the reserve's 50,050.
    assert_eq!(moves(&decided).iter().map(|it| it.2).collect::<Vec<_>>(), [9_980 * USDC_ONE]);
}

#[test]
fn caps_and_bands_of_the_policy_bound_it() {
    let mut world = idle();
    world.terms.limits.proposal_bps_max = 2_500;
    let decided = world.decide();
    assert_eq!(moves(&decided).iter().map(|it| it.2).collect::<Vec<_>>(), [25_000 * USDC_ONE]);
    assert_eq!((decided.refused().len(), decided.holds), (0, vec![StrategyHold::NoRoom]));
    world.terms.limits.proposal_bps_max = u64::MAX;
    let band = |asset, min_bps, max_bps| Band { asset, min_bps, target_bps: min_bps, max_bps };
    world.terms.bands = vec![band(CASH, 6_000, 10_000), band(HIGH, 0, 3_000)];
    let decided = world.decide();
    let spent: u128 = moves(&decided).iter().map(|it| it.2).sum();
    assert_eq!((decided.refused().len(), decided.holds.as_slice()), (0, &[StrategyHold::NoRoom][..]));
    assert_eq!(spent, 40_000 * USDC_ONE - 1);
    assert_eq!(world.after(&decided.intents).outside(), [""; 0]);
}

#[test]
fn equal_rates_go_in_the_order_of_the_venues() {
    let world = |listed: &[ParamValue]| {
        World::new(&[usdc(None, 100_000 * USDC_ONE, 0)])
            .with_vault("a", (Some(PAR), GAINED), [0, 0])
            .with_vault("b", (Some(PAR), GAINED), [0, 0])
            .with(allocation("0 USDC", 50, listed))
    };
    let (a, b) = (vault("a", 6_000, 0), vault("b", 6_000, 0));
    let one_way = world(&[a.clone(), b.clone()]).decide().intents;
    assert_eq!(one_way, world(&[b, a]).decide().intents);
    assert_eq!(one_way.iter().map(|intent| intent.leg()).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn parameters_that_cannot_work_are_refused_with_what_to_write() {
    let problems = |change: &dyn Fn(&mut World)| -> Vec<(String, String)> {
        let mut world = idle();
        change(&mut world);
        let found = world.build(&quaestor_strategies::catalog()).map(|_| ()).unwrap_err();
        found.into_iter().map(|problem| (problem.key, problem.message)).collect()
    };
    let set = |key: &'static str, value: ParamValue| {
        move |world: &mut World| {
            world.terms.strategies[0].params.insert(key.into(), value.clone());
        }
    };
    let one = |change: &dyn Fn(&mut World)| {
        let found = problems(change);
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].clone()
    };
    assert!(one(&set("account", text("reserve"))).1.contains("Safe"));
    assert!(one(&set("trade_min", text("0 USD"))).1.contains("dust"));
    assert!(one(&set("vaults", ParamValue::List(vec![]))).1.contains("1 to 16"));
    let (key, message) = one(&set("vaults", ParamValue::List(vec![vault("uniswap", 1, 0)])));
    assert!(key == "vaults[0].venue" && message.contains("erc-4626"), "{key}: {message}");
    let twice = ParamValue::List(vec![vault("low", 1, 0), vault("low", 2, 0)]);
    assert_eq!(one(&set("vaults", twice)).0, "vaults[1].venue");
    assert_eq!(one(&set("vaults", ParamValue::List(vec![vault("low", 0, 0)]))).0, "vaults[0].max_bps");
    assert!(one(&set("more", text("x"))).1.contains("remove it"));
    let volatile = |world: &mut World| world.terms.assets[0].kind = quaestor_core::AssetKind::Volatile;
    assert_eq!(one(&volatile).0, "asset");
    let unbounded = |world: &mut World| world.terms.limits.slippage_bps_max = 10_000;
    assert!(one(&unbounded).1.contains("slippage_bps_max"));
}

/// Under a policy that is read from its text, without the router that has no pools.
fn voted(mut world: World) -> Ready {
    world.terms.venues.remove(0);
    Ready::new(world, &quaestor_strategies::catalog())
}

#[test]
fn a_voted_policy_allows_what_it_wants_and_refuses_deposits_above_a_risk_ceiling() {
    let mut world = idle();
    world.snapshot.accounts[0].balances = vec![Amount(20_000 * USDC_ONE), Amount(80_000 * USDC_ONE), Amount(0)];
    world.terms.risk.volatility_bps_max = Some(6_000);
    let mut ready = voted(world);
    let mut work = Workspace::new();
    ready.risk.treasury_volatility_bps = Some(10);
    ready.decide(&mut work);
    assert!(
        !work.intents.is_empty() && work.verdicts.iter().all(|verdict| verdict.is_allowed()),
        "{:?}",
        work.verdicts
    );
    let after = ready.world.after(&work.intents);
    let outcome = ready.judge_outcome(&after, &[ready.world.valuation(), after.valuation()], &work.intents);
    assert!(outcome.is_allowed(), "{outcome:?}");
    // Above the ceiling money may leave vaults, and not enter them.
    ready.risk.treasury_volatility_bps = Some(6_001);
    ready.decide(&mut work);
    let rules = work.verdicts.iter().map(|verdict| match verdict {
        quaestor_core::Verdict::Allowed => None,
        quaestor_core::Verdict::Refused(refusal) => Some(refusal.rule),
    });
    assert_eq!(rules.collect::<Vec<_>>(), [None, Some(Rule::VolatilityBpsMax)]);
}

/// A treasury of cash and up to five vaults in any state, and the strategy over all of them.
fn treasuries() -> impl Strategy<Value = World> {
    let vault_state = (prop::option::weighted(0.9, 900_000u128..1_100_000), 900_000u128..1_100_000);
    let vault_state = (vault_state, 0u128..1_000_000, 0u128..100_000, 1i64..10_000, 0i64..300);
    let limits = (prop_oneof![Just(u64::MAX), 100u64..5_000], 1u64..200, 0u64..3_000);
    (0u128..1_000_000, 0u128..300_000, prop::collection::vec(vault_state, 1..6), 0i64..200, limits).prop_map(
        |(cash, keep, vaults, move_bps_min, (proposal, slippage, floor))| {
            let mut world = World::new(&[usdc(None, cash * USDC_ONE, 1_000 * USDC_ONE)]);
            let mut listed = Vec::new();
            for (position, ((earlier, now), held, reserve, max_bps, risk_bps)) in vaults.into_iter().enumerate() {
                let name = format!("v{position}");
                world = world.with_vault(&name, (earlier, now), [held * USDC_ONE, reserve * USDC_ONE]);
                listed.push(vault(&name, max_bps, risk_bps));
            }
            world.terms.limits.proposal_bps_max = proposal;
            world.terms.limits.slippage_bps_max = slippage;
            world.terms.bands = vec![Band { asset: CASH, min_bps: floor, target_bps: floor, max_bps: 10_000 }];
            world.with(allocation(&format!("{keep} USDC"), move_bps_min, &listed))
        },
    )
}

fn max_bps(world: &World, position: usize) -> u64 {
    let ParamValue::List(vaults) = &world.terms.strategies[0].params["vaults"] else { panic!("a list") };
    let ParamValue::Table(fields) = &vaults[position] else { panic!("a table") };
    let ParamValue::Integer(bps) = fields["max_bps"] else { panic!("a number") };
    u64::try_from(bps).unwrap()
}

proptest! {
    #[test]
    fn nothing_is_refused_and_no_vault_is_filled_above_its_cap(world in treasuries()) {
        let (nav, decided) = (world.valuation().nav, world.decide());
        prop_assert_eq!(decided.refused(), Vec::<&quaestor_core::Refusal>::new());
        let after = world.after(&decided.intents);
        for position in 0..world.terms.assets.len() - 1 {
            let asset = AssetId(u16::try_from(position + 1).unwrap());
            let (now, cap) = (after.valuation().value_of(asset), nav.share(max_bps(&world, position)).unwrap());
            prop_assert!(now <= cap.max(world.valuation().value_of(asset)), "{now:?} above {cap:?}");
        }
    }

    #[test]
    fn value_is_conserved_and_the_floor_is_not_spent(world in treasuries()) {
        let decided = world.decide();
        let after = world.after(&decided.intents);
        let (before, left) = (world.valuation().nav, after.valuation().nav);
        // Each exchange rounds down by less than one base unit of cash or of shares.
        let rounding = Value(2 * WAD / USDC_ONE * decided.intents.len() as u128);
        prop_assert!(left <= before && before.saturating_sub(left) <= rounding, "{before:?} {left:?}");
        let liquid = |world: &World| world.snapshot.accounts[0].balances[0].0;
        let keep = world.terms.strategies[0].params["keep"].clone();
        let ParamValue::Text(keep) = keep else { panic!("a text") };
        let keep = keep.strip_suffix(" USDC").unwrap().parse::<u128>().unwrap() * USDC_ONE;
        prop_assert!(liquid(&after) >= keep.min(liquid(&world)));
    }

    #[test]
    fn no_vault_is_both_given_and_taken_from_and_redemptions_come_first(world in treasuries()) {
        let moves = moves(&world.decide());
        let vault = |it: &(AssetId, AssetId, u128, u128)| if it.0 == CASH { it.1 } else { it.0 };
        let mut touched: Vec<_> = moves.iter().map(vault).collect();
        touched.sort_unstable();
        touched.dedup();
        prop_assert_eq!(touched.len(), moves.len());
        prop_assert!(moves.iter().map(|it| it.0 == CASH).is_sorted());
    }

    #[test]
    fn what_it_wants_does_not_depend_on_the_order_of_its_list(world in treasuries(), by in 0usize..5) {
        let mut other = world.clone();
        let Some(ParamValue::List(vaults)) = other.terms.strategies[0].params.get_mut("vaults") else { panic!("a list") };
        let by = by % vaults.len();
        vaults.rotate_left(by);
        prop_assert_eq!(world.decide().intents, other.decide().intents);
    }

    #[test]
    fn it_comes_to_rest(world in treasuries()) {
        let mut world = world;
        world.terms.limits.proposal_bps_max = u64::MAX;
        // A move counts what it redeems at the least, so that a part of it follows in the next decision.
        for _ in 0..6 {
            let wanted = world.decide().intents;
            world = world.after(&wanted);
        }
        prop_assert_eq!(world.decide().intents, []);
        prop_assert_eq!(world.snapshot.accounts[OPERATIONS.index()].balances.len(), world.terms.assets.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_voted_policy_allows_it_and_what_it_leaves_behind_and_deciding_allocates_nothing(
        world in treasuries(), group in prop::option::of((1u8..16, 0u64..=6_000, 0u64..=6_000)),
    ) {
        let mut world = world;
        if let Some((bits, below, above)) = group {
            world.group(bits, below, above);
        }
        let ready = voted(world);
        let mut work = Workspace::new();
        ready.decide(&mut work); // grows the valuation once
        let counted = allocation_counter::measure(|| ready.decide(&mut work));
        prop_assert_eq!(counted.count_total, 0);
        prop_assert!(work.verdicts.iter().all(|verdict| verdict.is_allowed()), "{:?}", work.verdicts);
        let after = ready.world.after(&work.intents);
        let verdict = ready.judge_outcome(&after, &[ready.world.valuation(), after.valuation()], &work.intents);
        prop_assert!(verdict.is_allowed(), "{:?}", verdict);
    }
}
