//! Under a policy that was read from its text: what is wanted is allowed, and deciding allocates nothing.
#![allow(missing_docs, unreachable_pub, dead_code, reason = "a test, and fixtures of which it needs a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends where its fixture is wrong")]

mod ready;
mod treasuries;
mod world;

use proptest::prelude::*;
use quaestor_core::pipeline::Workspace;
use ready::Ready;

#[test]
fn deciding_and_judging_allocates_nothing() {
    for (world, intents) in
        [(treasuries::quiet(7), 0), (treasuries::strayed(7, 3), 3), (treasuries::strayed(50, 10), 10)]
    {
        let ready = Ready::new(world, &quaestor_strategies::catalog());
        let mut work = Workspace::new();
        ready.decide(&mut work); // grows the valuation once
        let counted = allocation_counter::measure(|| ready.decide(&mut work));
        assert_eq!(counted.count_total, 0);
        assert_eq!(work.intents.len(), intents);
        assert!(work.verdicts.iter().all(|verdict| verdict.is_allowed()), "{:?}", work.verdicts);
    }
    let counted = allocation_counter::measure(|| drop(std::hint::black_box(vec![1u8; 64])));
    assert_eq!(counted.count_total, 1, "the counter counts");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_rebalance_wants_is_allowed(
        mut world in treasuries::any(),
        cap in 0u64..=10_000,
        window in 0u64..=10_000,
        stable in 0u64..=10_000,
        cash_max in 0u64..=10_000,
        groups in prop::collection::btree_map(any::<u8>(), (0u64..=1_000, 0u64..=1_000), 0..3),
    ) {
        treasuries::bound(&mut world, cap, window, stable, cash_max);
        for (bits, (below, above)) in groups {
            world.group(bits, below, above);
        }
        prop_assume!(!world.valuation().nav.is_zero());
        let ready = Ready::new(world, &quaestor_strategies::catalog());
        let mut work = Workspace::new();
        ready.decide(&mut work);
        prop_assert!(work.verdicts.iter().all(|verdict| verdict.is_allowed()), "{:?}", work.verdicts);
        // And so is what the batch leaves behind at oracle prices.
        let after = ready.world.after(&work.intents);
        let valuations = [ready.world.valuation(), after.valuation()];
        let verdict = ready.judge_outcome(&after, &valuations, &work.intents);
        prop_assert!(verdict.is_allowed(), "{:?}", verdict);
    }
}
