//! All strategies under one policy, voted as text: they do not work against each other, whatever the treasury is.
#![allow(missing_docs, unreachable_pub, dead_code, reason = "a test, and fixtures of which it needs a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends where its fixture is wrong")]

mod ready;
mod world;

use alloy_primitives::B256;
use proptest::prelude::*;
use quaestor_core::{
    Action, Amount, AssetId, Intent, RiskReport, Rule, Value, Verdict,
    amount::WAD,
    pipeline::Workspace,
    policy::StrategyTerms,
    strategy::{ParamValue, StrategyHold},
};
use ready::Ready;
use std::collections::BTreeMap;
use world::{Holding, USDC_ONE, World, dai, named, number, pairs, strategy, text, usdc, volatile};

/// One of each kind that trades on its own, in an order in which they could quarrel.
fn all() -> Vec<StrategyTerms> {
    let runway = vec![
        ("account", text("operations")),
        ("cash", text("USDC")),
        ("months_min", number(6)),
        ("months_target", number(12)),
        ("sources", pairs(&[("reserve", "USDC"), ("operations", "UNI"), ("operations", "WETH")])),
    ];
    let derisk = vec![
        ("account", text("operations")),
        ("cash", text("USDC")),
        ("signal", text("value-at-risk")),
        ("start_bps", number(500)),
        ("full_bps", number(3_000)),
        ("risky_share_bps_max", number(8_000)),
        ("risky_share_bps_min", number(1_000)),
        ("step_bps_max", number(2_500)),
        ("move_bps_min", number(100)),
        ("trade_min", text("1 USD")),
    ];
    let exit = vec![
        ("account", text("operations")),
        ("asset", text("DAI")),
        ("into", text("USDC")),
        ("price_min", text("0.98 USD")),
        ("price_floor", text("0.5 USD")),
        ("rounds_min", number(2)),
        ("step_bps", number(5_000)),
        ("trade_min", text("1 USD")),
    ];
    let dca = |name, sell, buy, amount| {
        let limit = if sell == "USDC" { ("price_max", "3000 USD") } else { ("price_min", "1 USD") };
        let params =
            [("account", "operations"), ("sell", sell), ("buy", buy), ("amount", amount), ("every", "7d"), limit];
        named(name, "dca", &params)
    };
    let refill = [("from", "reserve"), ("to", "operations"), ("asset", "USDC"), ("low", "9000 USDC")];
    let refill: Vec<_> = refill.into_iter().chain([("target", "20000 USDC")]).collect();
    let vault = |venue: &str, max_bps| {
        let fields = [("venue", text(venue)), ("max_bps", number(max_bps)), ("risk_bps", number(50))];
        ParamValue::Table(fields.map(|(key, value)| (key.to_owned(), value)).into())
    };
    let lend = vec![
        ("account", text("operations")),
        ("asset", text("USDC")),
        ("keep", text("5000 USDC")),
        ("trade_min", text("1 USD")),
        ("move_bps_min", number(20)),
        ("vaults", ParamValue::List(vec![vault("old", 3_000), vault("new", 2_000)])),
    ];
    vec![
        strategy("runway", "runway", runway),
        strategy("exit", "depeg_exit", exit),
        strategy("derisk", "derisk", derisk),
        world::rebalance("1 USD"),
        dca("buy", "USDC", "WETH", "500 USDC"),
        dca("sell", "UNI", "USDC", "20 UNI"),
        named("supply", "refill", &refill),
        strategy("lend", "yield_allocation", lend),
    ]
}

/// Shuffled strategies over treasuries anywhere, with forecasts, caps, bands and a price of DAI.
fn any() -> impl Strategy<Value = World> {
    let held = prop::array::uniform5(0u128..60_000);
    let bands = (0u64..3_000, 0u64..4_000, 0u64..3_000, 0u64..4_000);
    let limits = (0u64..=10_000, 0u64..=10_000, 0u64..6_000);
    let risk = prop::option::of(0u64..5_000);
    let dai_micros = prop::collection::vec(450_000u128..1_020_000, 2..4);
    let shares = prop::collection::vec(prop::option::of(0u64..=10_000), 8);
    // Base units of cash for a share now, and shares held, of two vaults; a week ago it was one.
    let vaults = prop::array::uniform2((1_000_000u128..1_003_000, 0u128..20_000));
    let rest = (shares, vaults, 0u128..8_000, Just(all()).prop_shuffle());
    (held, bands, limits, risk, dai_micros, rest).prop_map(
        |(held, bands, limits, risk, micros, (shares, vaults, burn, strategies))| {
            let [cash, reserve, eth, uni, dai_held] = held;
            let band = |least: u64, width: u64| (least, least + width / 2, least + width);
            let holdings: [Holding; 4] = [
                usdc(None, cash * USDC_ONE, reserve * USDC_ONE),
                volatile("WETH", 2_000, band(bands.0, bands.1), eth * WAD / 2_000),
                volatile("UNI", 10, band(bands.2, bands.3), uni * WAD / 10),
                dai(dai_held, 0),
            ];
            let [old, new] = vaults.map(|(rate, held)| ((Some(USDC_ONE), rate), [held * USDC_ONE, 0]));
            let world = World::new(&holdings).answering(AssetId(3), &micros);
            let mut world = world.with_vault("old", old.0, old.1).with_vault("new", new.0, new.1);
            world.terms.limits.proposal_bps_max = limits.0;
            world.terms.limits.window_bps_max[1] = limits.1;
            world.terms.limits.stable_share_bps_min = limits.2;
            world.terms.risk.burn_monthly = Value(burn.max(1) * WAD);
            world.risk = RiskReport { value_at_risk_bps: risk, ..RiskReport::default() };
            world.terms.strategies = strategies;
            for (strategy, share) in world.terms.strategies.iter_mut().zip(shares) {
                strategy.share_bps_max = share;
            }
            world
        },
    )
}

/// What each line buys and sells of each asset, net, in the order of the lines.
fn directions(world: &World, intents: &[Intent]) -> Vec<BTreeMap<AssetId, i128>> {
    let line = |line: B256| world.terms.strategies.iter().position(|it| it.line == line).unwrap();
    let mut nets = vec![BTreeMap::new(); world.terms.strategies.len()];
    for intent in intents {
        let net = &mut nets[line(intent.purpose.line())];
        for exchange in intent.actions.iter().filter_map(Action::exchange) {
            let value = i128::try_from(intent.value.0).unwrap();
            *net.entry(exchange.take).or_default() += value;
            *net.entry(exchange.give).or_default() -= value;
        }
    }
    nets
}

fn decide(world: World) -> (Ready, Workspace) {
    let ready = Ready::new(world, &quaestor_strategies::catalog());
    let mut work = Workspace::new();
    ready.decide(&mut work);
    (ready, work)
}

fn allowed(work: &Workspace) -> Vec<Intent> {
    let each = work.intents.iter().zip(&work.verdicts);
    each.filter(|(_, verdict)| verdict.is_allowed()).map(|(intent, _)| intent.clone()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn no_strategy_works_against_one_before_it(world in any()) {
        prop_assume!(!world.valuation().nav.is_zero());
        let (ready, work) = decide(world);
        let intents = allowed(&work);
        let nets = directions(&ready.world, &intents);
        for asset in (0..6).map(AssetId) {
            let of = |net: &BTreeMap<AssetId, i128>| net.get(&asset).copied().unwrap_or(0);
            let (bought, sold) = (nets.iter().any(|net| of(net) > 0), nets.iter().any(|net| of(net) < 0));
            prop_assert!(!(bought && sold), "{asset:?}: {nets:?}");
            // But for what passes through the cash of one strategy no asset goes both ways at all.
            let swaps = || intents.iter().flat_map(|it| it.actions.iter().filter_map(Action::exchange));
            let both = swaps().any(|it| it.give == asset) && swaps().any(|it| it.take == asset);
            let symbol = &ready.world.terms.assets[asset.index()].symbol;
            prop_assert!(!both || symbol == "USDC", "{symbol} is bought and sold: {nets:?}");
        }
        // Strategies look before they ask, so that nothing is left for the judge to refuse.
        let opposed = |verdict: &&Verdict| matches!(verdict, Verdict::Refused(it) if it.rule == Rule::Opposed);
        prop_assert_eq!(work.verdicts.iter().filter(opposed).count(), 0);
    }

    #[test]
    fn together_they_keep_caps_shares_and_balances(world in any()) {
        prop_assume!(!world.valuation().nav.is_zero());
        let (ready, work) = decide(world);
        prop_assert!(work.verdicts.iter().all(Verdict::is_allowed), "{:?}", work.verdicts);
        let (world, intents) = (&ready.world, &work.intents);
        let (nav, limits) = (world.valuation().nav, &world.terms.limits);
        let cap = nav.share(limits.proposal_bps_max).unwrap();
        for account in 0..2 {
            let of = || intents.iter().filter(move |it| it.account.index() == account);
            prop_assert!(of().map(|it| it.value.0).sum::<u128>() <= cap.0);
            for strategy in &world.terms.strategies {
                let own: u128 = of().filter(|it| it.purpose.line() == strategy.line).map(|it| it.value.0).sum();
                prop_assert!(own <= cap.share(strategy.share_bps_max.unwrap_or(10_000)).unwrap().0);
            }
        }
        let total: u128 = intents.iter().map(|it| it.value.0).sum();
        prop_assert!(total <= nav.share(limits.window_bps_max[1]).unwrap().0);
        // `after` panics if more is given than is held. Each account's batch is judged by what it leaves behind.
        world.after(intents);
        for account in 0..2 {
            let own: Vec<Intent> = intents.iter().filter(|it| it.account.index() == account).cloned().collect();
            let left = world.after(&own);
            let verdict = ready.judge_outcome(&left, &[world.valuation(), left.valuation()], &own);
            prop_assert!(verdict.is_allowed(), "{verdict:?}");
        }
        let mut again = Workspace::new();
        ready.decide(&mut again);
        prop_assert_eq!(&again.intents, intents);
        prop_assert_eq!(&again.holds, &work.holds);
    }

    #[test]
    fn deciding_together_allocates_nothing(world in any()) {
        prop_assume!(!world.valuation().nav.is_zero());
        let (ready, mut work) = decide(world);
        let counted = allocation_counter::measure(|| ready.decide(&mut work));
        prop_assert_eq!(counted.count_total, 0);
    }
}

/// Cash at its target, too much WETH, and DAI off its peg: everybody wants something.
fn busy() -> World {
    let cash = usdc(None, 12_000 * USDC_ONE, 90_000 * USDC_ONE);
    let eth = volatile("WETH", 2_000, (1_000, 2_000, 3_000), 30 * WAD);
    let uni = volatile("UNI", 10, (0, 500, 9_000), 3_000 * WAD);
    let world = World::new(&[cash, eth, uni, dai(20_000, 0)]).answering(AssetId(3), &[950_000; 3]);
    let rates = |now| (Some(USDC_ONE), now);
    let mut world = world.with_vault("old", rates(1_000_100), [0, 0]).with_vault("new", rates(1_002_000), [0, 0]);
    world.terms.risk.burn_monthly = Value(8_000 * WAD);
    world.risk = RiskReport { value_at_risk_bps: Some(2_000), ..RiskReport::default() };
    world.terms.strategies = all();
    world
}

#[test]
fn the_earlier_strategy_has_its_way_and_the_later_one_says_so() {
    let (ready, work) = decide(busy());
    assert!(work.verdicts.iter().all(Verdict::is_allowed));
    let name = |position: usize| ready.world.terms.strategies[position].name.as_str();
    let holds: Vec<_> = work.holds.iter().map(|(position, reason)| (name(*position), *reason)).collect();
    // `runway` is refilled from the reserve, so only those after `derisk`, which sells WETH for cash, are held back.
    assert_eq!(holds, [("buy", StrategyHold::Opposed), ("lend", StrategyHold::Opposed)]);
    let acted = |strategy: &StrategyTerms| {
        let own = work.intents.iter().filter(|it| it.purpose.line() == strategy.line);
        (strategy.name.clone(), own.count())
    };
    let acted: BTreeMap<_, _> = ready.world.terms.strategies.iter().map(acted).collect();
    assert_eq!((acted["runway"], acted["exit"], acted["derisk"], acted["buy"]), (1, 1, 2, 0));

    // The other way round the purchase stands, and what sells WETH waits.
    let mut turned = busy();
    turned.terms.strategies.rotate_left(4);
    let (ready, work) = decide(turned);
    // Assets are in the order of their names now.
    let cash = ready.world.terms.asset_named("USDC").unwrap();
    let exchanges: Vec<_> = work.intents.iter().flat_map(|it| it.actions.iter().filter_map(Action::exchange)).collect();
    assert_eq!(ready.world.terms.strategies[0].name, "buy");
    assert_eq!(exchanges[0].give, cash);
    assert!(exchanges.iter().all(|exchange| exchange.take != cash), "{exchanges:?}");
    assert!(work.holds.iter().any(|(_, reason)| *reason == StrategyHold::Opposed));
}

/// A strategy that does not look at what stands before it.
#[derive(Debug)]
struct Stubborn;

impl quaestor_core::Strategy for Stubborn {
    fn propose(&self, cx: &quaestor_core::Context<'_>, out: &mut Vec<Intent>) -> Result<(), StrategyHold> {
        let mut back = out[0].clone();
        let Action::Swap { venue, sell, buy, fee_pips, amount_in, amount_out_min } = back.actions[1] else { panic!() };
        let (purpose, asset) = (quaestor_core::Purpose::Strategy { line: cx.terms.strategies[1].line, leg: 0 }, buy);
        let amount = Amount(amount_out_min.0 / 2);
        let swap = Action::Swap {
            venue,
            sell: buy,
            buy: sell,
            fee_pips,
            amount_in: amount,
            amount_out_min: Amount(amount_in.0 / 2),
        };
        back.actions = [Action::Approve { asset, spender: venue, amount }, swap].into_iter().collect();
        out.push(Intent { purpose, asset, amount, value: cx.value_of(asset, amount).unwrap(), ..back });
        Ok(())
    }
}

#[test]
fn one_that_does_not_look_is_refused() {
    let mut world = busy();
    world.terms.strategies = vec![all().remove(2), world::rebalance("1 USD")];
    let derisk = world.build(&quaestor_strategies::catalog()).unwrap().remove(0);
    let decided = world.decide_with(&[derisk, Box::new(Stubborn)]);
    let refused = decided.refused();
    assert_eq!(refused.len(), 1);
    assert_eq!((refused[0].rule, decided.verdicts.last().unwrap().is_allowed()), (Rule::Opposed, false));
}
