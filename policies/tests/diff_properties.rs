//! What a diff says is so: of policies that differ at random, in states of a chain at random.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod chain;
mod mutation;

use chain::Chain;
use mutation::{Dice, mutated, read, texts};
use quaestor_core::{Intent, Policy, Verdict, snapshot::Tally};
use quaestor_policies::{
    Hearing, Stated, VotedPolicy,
    diff::{Change, Diff, Effort, Evidence, Judged, Mark, Overall, Under, Witness},
};

/// A pair of policies a few edits apart.
fn pair(seed: u64) -> (VotedPolicy, VotedPolicy) {
    let mut dice = Dice(seed);
    let text = texts()[seed as usize % texts().len()];
    let (old, text) = {
        let edits = dice.below(4);
        mutated(&mut dice, text, edits)
    };
    let edits = 1 + dice.below(3);
    let (new, _) = mutated(&mut dice, &text, edits);
    (old, new)
}

/// Without a search: what the language alone rules out.
const CLAIMS: Effort = Effort { trials: 0, random: 0 };
const QUICK: Effort = Effort { trials: 1_500, random: 10 };

#[derive(Debug, Default)]
struct Count {
    tried: u64,
    allowed: u64,
    /// Allowed under the old one and refused under the new one.
    closed: u64,
}

/// The first intent that `new` allows and `old` refuses, of `intents` in random states of the chain.
fn escape(dice: &mut Dice, old: &VotedPolicy, new: &VotedPolicy, intents: u64, count: &mut Count) -> Option<String> {
    let each = 250;
    for _ in 0..intents.div_ceil(each) {
        let chain = Chain::new(dice, old, new);
        let (seen_new, seen_old) = (chain.snapshot(new, new), chain.snapshot(old, new));
        let (past_new, past_old) = (chain.history(new.terms()), chain.history(old.terms()));
        let model = Stated(chain.forecast.clone());
        count.tried += each;
        let Ok(hearing) = Hearing::new(new, &seen_new, &past_new, &model) else { continue };
        let cx = hearing.context();
        let before = Hearing::new(old, &seen_old, &past_old, &model);
        for _ in 0..each {
            let Some(last) = chain::intent(dice, &cx, old.terms()) else { continue };
            let earlier: Vec<Intent> = (0..dice.below(3).saturating_sub(dice.below(2)))
                .filter_map(|_| chain::intent(dice, &cx, old.terms()))
                .collect();
            let there = |intent: &Intent| chain::renumbered(intent, new.terms(), old.terms());
            let by_new = new.judge(&cx, &Tally::before(last.account, &earlier, &[]), &last);
            let (same, earlier): (Intent, Vec<Intent>) = (there(&last), earlier.iter().map(there).collect());
            let by_old = match &before {
                Ok(hearing) => old.judge(&hearing.context(), &Tally::before(same.account, &earlier, &[]), &same),
                Err(refusal) => Verdict::Refused(refusal.clone()),
            };
            count.allowed += u64::from(by_new.is_allowed());
            count.closed += u64::from(!by_new.is_allowed() && by_old.is_allowed());
            if by_new.is_allowed() && !by_old.is_allowed() {
                return Some(format!("{last:?}\nold: {by_old:?}\n{:?}\n{:?}", seen_new, past_new));
            }
        }
    }
    None
}

/// Policies that a diff says the one of narrows the other: the older first.
fn narrowings(from: u64) -> impl Iterator<Item = (u64, VotedPolicy, VotedPolicy)> {
    (from..).filter_map(|seed| {
        let (old, new) = pair(seed);
        let diff = Diff::between(&old, &new, &CLAIMS);
        let (opens, closes) = (diff.opens.may_be(), diff.closes.may_be());
        match (opens, closes) {
            (false, true) => Some((seed, old, new)),
            (true, false) => Some((seed, new, old)),
            _ => None,
        }
    })
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

fn narrows_means_so(from: u64, pairs: u64, intents: u64) -> Count {
    let mut count = Count::default();
    for (seed, old, new) in narrowings(from).take(pairs as usize) {
        if let Some(found) = escape(&mut Dice(seed ^ 0x5eed), &old, &new, intents, &mut count) {
            let diff = Diff::between(&old, &new, &CLAIMS);
            panic!(
                "seed {seed}: {}\nallowed under new alone: {found}\n{}\n{}",
                diff.text(),
                old.to_toml(),
                new.to_toml()
            );
        }
    }
    count
}

#[test]
fn what_is_said_to_narrow_allows_nothing_new() {
    let count = narrows_means_so(1_000, 100, 10_000);
    // That it could have been seen: many are allowed, and what is closed is met.
    assert!(count.allowed * 20 > count.tried && count.closed * 2_000 > count.tried, "{count:?}");
}

/// Where a rule is said to do nothing because another refuses the same, it does nothing.
#[test]
fn what_is_masked_does_nothing() {
    let mut count = Count::default();
    let masked = (20_000..).filter_map(|seed| {
        let (old, new) = pair(seed);
        let diff = Diff::between(&old, &new, &CLAIMS);
        let is_masked =
            |it: &Change| matches!(it.opens, Evidence::Masked { .. }) || matches!(it.closes, Evidence::Masked { .. });
        diff.changes.iter().any(is_masked).then_some((seed, old, new, diff))
    });
    for (seed, old, new, diff) in masked.take(30) {
        for (may_be, old, new) in [(diff.opens.may_be(), &old, &new), (diff.closes.may_be(), &new, &old)] {
            let found = if may_be { None } else { escape(&mut Dice(seed), old, new, 4_000, &mut count) };
            assert_eq!(found, None, "seed {seed}: {}", diff.text());
        }
    }
    assert!(count.allowed > 1_000, "{count:?}");
}

/// With `PAIRS` and `INTENTS` and from the seed `FROM`; a million intents for each of 2,000 pairs take hours.
#[test]
#[ignore = "hours; see policies/README.md"]
fn what_is_said_to_narrow_allows_nothing_new_at_length() {
    let count = narrows_means_so(number("FROM", 100_000), number("PAIRS", 2_000), number("INTENTS", 1_000_000));
    println!("{count:?}");
}

/// The same intents do meet what a change opens, so that not meeting anything says something.
#[test]
fn what_is_shown_to_widen_is_met_by_chance_too() {
    let (mut met, mut all) = (0, 0);
    for (seed, old, new) in narrowings(5_000).take(40) {
        let diff = Diff::between(&new, &old, &QUICK);
        if diff.opens.witness().is_some() {
            all += 1;
            met += u32::from(escape(&mut Dice(seed), &new, &old, 10_000, &mut Count::default()).is_some());
        }
    }
    assert!(all > 20 && met * 10 > all * 6, "{met} of {all}");
}

/// Judges what a witness says again.
fn confirm(witness: &Witness, old: &VotedPolicy, new: &VotedPolicy) {
    for (judged, is_allowed) in [(&witness.refused, false), (&witness.allowed, true)] {
        let isolated;
        let policy = match judged.under {
            Under::Old => old,
            Under::New => new,
            Under::OldChanged | Under::NewUnchanged => {
                // Where the one difference makes a file by itself; where it does not, nobody can write that file.
                let parsed = quaestor_policies::parse(judged.text.text.as_bytes(), &mutation::catalog());
                let Ok(parsed) = parsed else { continue };
                isolated = parsed;
                &isolated
            }
        };
        assert_eq!(judged.policy, policy.hash());
        let Judged { snapshot, history, forecast, intents, verdicts, .. } = judged;
        let found = match Hearing::new(policy, snapshot, history, &Stated(forecast.clone())) {
            Ok(hearing) => hearing.verdicts(intents),
            Err(refusal) => vec![Verdict::Refused(refusal); intents.len()],
        };
        assert_eq!(found, *verdicts);
        assert_eq!(found.iter().all(Verdict::is_allowed), is_allowed, "{}", witness.sentence);
    }
    let files = [witness.refused.under, witness.allowed.under];
    assert_eq!(witness.whole, files == [Under::Old, Under::New] || files == [Under::New, Under::Old]);
}

fn other(under: Under) -> Under {
    match under {
        Under::Old => Under::New,
        Under::New => Under::Old,
        Under::OldChanged => Under::NewUnchanged,
        Under::NewUnchanged => Under::OldChanged,
    }
}

/// The same evidence, seen from the other side.
fn mirrored(one: &Evidence, two: &Evidence) -> bool {
    let same = |one: &Judged, two: &Judged| {
        (other(one.under), &one.snapshot, &one.history, &one.intents, &one.verdicts)
            == (two.under, &two.snapshot, &two.history, &two.intents, &two.verdicts)
    };
    match (one, two) {
        (Evidence::Witness(one), Evidence::Witness(two)) => {
            one.whole == two.whole && same(&one.refused, &two.refused) && same(&one.allowed, &two.allowed)
        }
        (one, two) => one == two,
    }
}

#[test]
fn every_witness_is_confirmed_and_each_diff_is_the_mirror_of_its_reverse() {
    let (mut witnesses, mut looked_for) = (0, 0);
    for seed in 9_000..9_120 {
        let (old, new) = pair(seed);
        let (there, back) = (Diff::between(&old, &new, &QUICK), Diff::between(&new, &old, &QUICK));
        let changes = |diff: &Diff| diff.changes.clone();
        let sides = changes(&there).into_iter().flat_map(|change| [change.opens, change.closes]);
        for evidence in sides.chain([there.opens.clone(), there.closes.clone()]) {
            if let Some(witness) = evidence.witness() {
                confirm(witness, &old, &new);
                witnesses += 1;
            }
            looked_for += u32::from(matches!(evidence, Evidence::Witness(_) | Evidence::NotFound { .. }));
        }
        assert!(mirrored(&there.opens, &back.closes) && mirrored(&there.closes, &back.opens), "seed {seed}");
        let (mut one, mut two) = (changes(&there), changes(&back));
        // The order of a list may be named from either side.
        one.sort_by(|a, b| a.path.cmp(&b.path));
        two.sort_by(|a, b| a.path.cmp(&b.path));
        assert_eq!(one.len(), two.len());
        for (one, two) in one.iter().zip(&two) {
            let Change { path, old: before, new: after, mark, opens, closes, .. } = one;
            assert_eq!((path, before, after), (&two.path, &two.new, &two.old), "seed {seed}");
            let mirror = match mark {
                Mark::Widens => Mark::Narrows,
                Mark::Narrows => Mark::Widens,
                same => *same,
            };
            assert_eq!(mirror, two.mark, "seed {seed}: {path}");
            assert!(mirrored(opens, &two.closes) && mirrored(closes, &two.opens), "seed {seed}: {path}");
        }
    }
    assert!(witnesses > 200 && witnesses * 10 > looked_for * 9, "{witnesses} of {looked_for}");
}

#[test]
fn a_policy_differs_from_itself_in_nothing() {
    for seed in 0..30 {
        let (policy, text) = mutated(&mut Dice(seed), texts()[seed as usize % texts().len()], seed % 7);
        for same in [&policy, &read(&text), &read(&policy.to_toml())] {
            let diff = Diff::between(&policy, same, &QUICK);
            assert!(diff.changes.is_empty() && diff.verdict == Overall::Same, "{}", diff.text());
            assert_eq!((&diff.opens, &diff.closes), (&Evidence::RuledOut, &Evidence::RuledOut));
        }
    }
}
