//! What `payments` pays, and that no period is paid twice.
#![allow(missing_docs, unreachable_pub, dead_code, reason = "a test, and fixtures of which it needs a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends where its fixture is wrong")]

mod ready;
mod world;

use proptest::prelude::*;
use quaestor_core::{
    Action, Amount, Purpose, Value,
    amount::WAD,
    pipeline::Workspace,
    policy::Every,
    snapshot::{Outstanding, Spend},
    strategy::StrategyHold,
};
use ready::Ready;
use std::collections::BTreeMap;
use world::{CASH, Decided, NOW, OPERATIONS, USDC_ONE, World, address, named, usdc, volatile};

const DAY: u64 = 86_400;
const WEEK: u64 = 7 * DAY;
/// Of the payroll: so that [`NOW`] is its third week.
const BEGIN: u64 = NOW - 2 * WEEK - DAY;

/// So many dollars in the Safe; a payroll of 1,000 and rent of 300 a week.
fn treasury(cash: u128) -> World {
    World::new(&[usdc(None, cash * USDC_ONE, 0), volatile("WETH", 2_000, (0, 5_000, 10_000), 5 * WAD)])
        .paying("payroll", 1_000 * USDC_ONE, Every::Secs(WEEK), BEGIN)
        .paying("rent", 300 * USDC_ONE, Every::Secs(WEEK), BEGIN + 2 * WEEK)
        .with(named("pay", "payments", &[]))
}

/// Line, period and whole dollars of each payment.
fn paid(world: &World, decided: &Decided) -> Vec<(String, u64, u128)> {
    assert_eq!(decided.refused(), Vec::<&quaestor_core::Refusal>::new());
    let of = |intent: &quaestor_core::Intent| {
        let Purpose::Payment { line, period } = intent.purpose else { panic!("not a payment: {intent:?}") };
        (world.terms.budget_line(line).unwrap().name.clone(), period, intent.amount.0 / USDC_ONE)
    };
    decided.intents.iter().map(of).collect()
}

fn pays(world: &World) -> Vec<(String, u64, u128)> {
    paid(world, &world.decide())
}

fn line(name: &str, period: u64, usd: u128) -> (String, u64, u128) {
    (name.to_owned(), period, usd)
}

#[test]
fn each_line_is_paid_once_a_period() {
    let world = treasury(10_000);
    let decided = world.decide();
    assert_eq!(paid(&world, &decided), [line("payroll", 2, 1_000), line("rent", 0, 300)]);
    assert!(decided.holds.is_empty());
    let (to, amount) = (address("payroll"), Amount(1_000 * USDC_ONE));
    let intent = &decided.intents[0];
    assert_eq!((intent.account, intent.asset, intent.counterparty, intent.amount), (OPERATIONS, CASH, to, amount));
    assert_eq!(
        (intent.value, intent.actions[..].to_vec()),
        (Value(1_000 * WAD), vec![Action::Transfer { asset: CASH, to, amount }])
    );

    let done = world.done(&decided.intents);
    assert_eq!(pays(&done), []);
    assert_eq!(pays(&done.clone().at(BEGIN + 3 * WEEK - 1)), []);
    assert_eq!(pays(&done.clone().at(BEGIN + 3 * WEEK)), [line("payroll", 3, 1_000), line("rent", 1, 300)]);
    // Long after the events are forgotten what was paid is known.
    let mut forgotten = done;
    forgotten.history.spends.clear();
    assert_eq!(pays(&forgotten), []);
}

#[test]
fn nothing_is_paid_before_its_time_or_for_a_line_that_ended() {
    assert_eq!(pays(&treasury(10_000).at(BEGIN - 1)), []);
    assert_eq!(pays(&treasury(10_000).at(BEGIN)), [line("payroll", 0, 1_000)]);
    let mut ended = treasury(10_000);
    ended.terms.payments[0].end = BEGIN + 2 * WEEK;
    assert_eq!(pays(&ended), [line("rent", 0, 300)]);
}

#[test]
fn a_missed_period_is_paid_later_only_where_the_line_says_so() {
    let mut world = treasury(10_000).at(BEGIN + 5 * WEEK);
    assert_eq!(pays(&world), [line("payroll", 5, 1_000), line("rent", 3, 300)]);
    world.terms.payments[0].catch_up = 2;
    let late = [line("payroll", 3, 1_000), line("payroll", 4, 1_000), line("payroll", 5, 1_000), line("rent", 3, 300)];
    assert_eq!(pays(&world), late, "the oldest first");
    let first = world.decide().intents[0].clone();
    assert_eq!(pays(&world.done(&[first])), late[1..]);
}

#[test]
fn a_period_is_paid_whole_or_not_at_all_and_the_next_line_gets_its_turn() {
    let short = |world: &World| {
        let decided = world.decide();
        (paid(world, &decided), decided.holds)
    };
    assert_eq!(short(&treasury(999)), (vec![line("rent", 0, 300)], vec![StrategyHold::NoBalance]));
    assert_eq!(short(&treasury(1_299)), (vec![line("payroll", 2, 1_000)], vec![StrategyHold::NoBalance]));
    let mut capped = treasury(10_000);
    // Of 20,000 USD.
    capped.terms.limits.proposal_bps_max = 600;
    assert_eq!(short(&capped), (vec![line("payroll", 2, 1_000)], vec![StrategyHold::NoRoom]));
    capped.terms.limits.proposal_bps_max = 650;
    assert_eq!(short(&capped).1, []);
    let mut receiver = treasury(10_000);
    receiver.terms.counterparties[0].window_bps_max[2] = 999;
    assert_eq!(short(&receiver).1, []);
    receiver.history.spends.push_back(Spend {
        timestamp: NOW - DAY,
        account: OPERATIONS,
        decision: Default::default(),
        once_key: Default::default(),
        line: Default::default(),
        asset: Some(CASH),
        counterparty: address("payroll"),
        value: Value(999 * WAD),
    });
    assert_eq!(short(&receiver), (vec![line("rent", 0, 300)], vec![StrategyHold::NoRoom]));
    let mut floor = treasury(10_000);
    // 9,000 of 19,000 USD after the payroll.
    floor.terms.limits.stable_share_bps_min = 4_737;
    assert_eq!(short(&floor), (vec![line("rent", 0, 300)], vec![StrategyHold::NoRoom]));
    floor.terms.limits.stable_share_bps_min = 4_736;
    assert_eq!(short(&floor), (vec![line("payroll", 2, 1_000)], vec![StrategyHold::NoRoom]));
    // What is not held needs no price, but a payment does.
    assert_eq!(short(&treasury(0).answering(CASH, &[0])), (vec![], vec![StrategyHold::NoPrice]));
}

#[test]
fn what_waits_for_a_vote_or_is_wanted_already_is_not_wanted_again() {
    let mut world = treasury(10_000);
    let key = world.decide().intents[0].purpose.once_key(address("operations"), Default::default());
    world.history.outstanding.push(Outstanding {
        account: OPERATIONS,
        proposal_id: Default::default(),
        decision: Default::default(),
        proposed_at: NOW - 60,
        valid_until: NOW + 60,
        once_keys: vec![key],
        value: Value::ZERO,
        dues: vec![],
    });
    assert_eq!(pays(&world), [line("rent", 0, 300)]);
    let twice = treasury(10_000).with(named("pay-again", "payments", &[]));
    assert_eq!(pays(&twice), [line("payroll", 2, 1_000), line("rent", 0, 300)]);
}

#[test]
fn wrong_parameters_say_what_to_write() {
    let nothing = World::new(&[usdc(None, 0, 0)]).with(named("pay", "payments", &[]));
    assert_eq!(
        nothing.problems(),
        [": finds nothing to pay; write a budget line, `[[payments]]`, or remove the strategy"]
    );
    let shared = treasury(0).strategy(|it| it.share_bps_max = Some(5_000));
    let expected =
        "share_bps_max: does not bind what budget lines pay; remove it, and cap the receiver in [counterparties.NAME]";
    assert_eq!(shared.problems(), [expected]);
    let other = treasury(0).strategy(|it| drop(it.params.insert("account".into(), world::text("operations"))));
    assert_eq!(other.problems(), ["account: unknown key for `payments`; remove it"]);
}

/// A treasury with up to three lines, and caps that may be tight.
fn treasuries() -> impl Strategy<Value = World> {
    let line = (1u128..3_000, prop_oneof![Just(Every::Months(1)), (1u64..20).prop_map(|days| Every::Secs(days * DAY))]);
    let line = (line, 0u64..60, prop::option::of(1u64..120), 0u64..4, any::<bool>());
    let caps = (200u64..10_000, 500u64..20_000, 0u64..6_000, prop::option::of(100u64..3_000));
    (prop::collection::vec(line, 1..4), 0u128..20_000, caps).prop_map(
        |(lines, cash, (proposal, month, stable, receiver))| {
            let eth = volatile("WETH", 2_000, (0, 5_000, 10_000), 5 * WAD);
            let mut world = World::new(&[usdc(None, cash * USDC_ONE, 0), eth]).with(named("pay", "payments", &[]));
            for (position, ((usd, every), days, end, catch_up, ether)) in lines.into_iter().enumerate() {
                let begin = NOW - 30 * DAY + days * DAY;
                world = world.paying(&format!("line{position}"), usd * USDC_ONE, every, begin);
                let line = world.terms.payments.last_mut().unwrap();
                (line.end, line.catch_up) = (end.map_or(u64::MAX, |days| begin + days * DAY), catch_up);
                if ether {
                    (line.asset, line.amount) = (quaestor_core::AssetId(1), Amount(usd * WAD / 10_000));
                }
            }
            if let Some(bps) = receiver {
                world.terms.counterparties[0].window_bps_max[3] = bps;
            }
            world.terms.limits.proposal_bps_max = proposal;
            world.terms.limits.window_bps_max[3] = month;
            world.terms.limits.stable_share_bps_min = stable;
            world
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_voted_policy_allows_what_is_wanted_and_deciding_allocates_nothing(world in treasuries()) {
        prop_assume!(!world.valuation().nav.is_zero());
        let ready = Ready::new(world, &quaestor_strategies::catalog());
        let mut work = Workspace::new();
        ready.decide(&mut work); // grows the valuation once
        let counted = allocation_counter::measure(|| ready.decide(&mut work));
        prop_assert_eq!(counted.count_total, 0);
        prop_assert!(work.verdicts.iter().all(|verdict| verdict.is_allowed()), "{:?}", work.verdicts);
        let after = ready.world.after(&work.intents);
        let verdict = ready.judge_outcome(&after, &[ready.world.valuation(), after.valuation()], &work.intents);
        prop_assert!(verdict.is_allowed(), "{:?}", verdict);
    }

    #[test]
    fn whatever_is_forgotten_no_period_is_paid_twice_and_none_out_of_its_time(
        world in treasuries(), steps in prop::collection::vec((1u64..15, any::<bool>()), 1..20),
    ) {
        let (mut world, mut seen) = (world, BTreeMap::new());
        for (days, forgets) in steps {
            let now = world.snapshot.block.timestamp + days * DAY;
            world = world.at(now);
            if forgets {
                world.history.spends.clear();
            }
            let wanted = world.decide().intents;
            for intent in &wanted {
                let Purpose::Payment { line, period } = intent.purpose else { panic!("{intent:?}") };
                let budget = world.terms.budget_line(line).unwrap();
                prop_assert!(budget.is_payable(period, now));
                prop_assert_eq!(intent.amount, budget.amount);
                prop_assert_eq!(seen.insert((line, period), now), None);
            }
            world = world.done(&wanted);
        }
    }
}
