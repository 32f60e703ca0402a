//! Looking for an intent that one policy allows and the other refuses, and proving each that is found by judging it.

use super::{
    Effort, Judged, PolicyText, Under, Witness,
    changes::Difference,
    plans::{self, Plan},
    random, situations,
    situations::Situation,
    told,
    treasury::Pair,
    world::{Deed, Seen, World},
};
use crate::{
    hearing::{Hearing, Stated},
    voted::VotedPolicy,
};
use alloy_primitives::Address;
use quaestor_core::{Intent, Policy, Refusal, Rule, Value, Verdict};
use std::{collections::BTreeMap, ops::ControlFlow};

/// Trials that are still made once a witness was found that holds for the one difference alone, for one that holds for the
/// policies as a whole.
const MORE_TRIALS: usize = 400;
/// Sizes of a plan where no size tells more than another.
const FEW: usize = 3;

/// How plans are gone through: first few plans, at sizes where the policies part; then all of them; then at other sizes.
const PASSES: [Pass; 3] = [
    Pass { from: 0, plans: 12, telling: true },
    Pass { from: 12, plans: usize::MAX, telling: true },
    Pass { from: 0, plans: 12, telling: false },
];

#[derive(Debug, Clone, Copy)]
struct Pass {
    from: usize,
    plans: usize,
    telling: bool,
}

/// The policies that a difference is judged under.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bench<'p> {
    pub(super) old: &'p VotedPolicy,
    pub(super) new: &'p VotedPolicy,
    /// The old one with this difference alone.
    pub(super) old_changed: Option<&'p VotedPolicy>,
    /// The new one without it.
    pub(super) new_unchanged: Option<&'p VotedPolicy>,
}

impl<'p> Bench<'p> {
    fn all(&self) -> [(Under, Option<&'p VotedPolicy>); 4] {
        [
            (Under::Old, Some(self.old)),
            (Under::New, Some(self.new)),
            (Under::OldChanged, self.old_changed),
            (Under::NewUnchanged, self.new_unchanged),
        ]
    }
}

/// What was found of one difference, or of all together.
#[derive(Debug, Default)]
pub(super) struct Finding {
    pub(super) opens: Option<Witness>,
    pub(super) closes: Option<Witness>,
    /// Rules by which both refused what should have told.
    pub(super) refused_by: BTreeMap<Rule, usize>,
    pub(super) trials: usize,
    /// The trial at which the first witness was found.
    first_at: Option<usize>,
}

/// Which witnesses are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) opens: bool,
    pub(super) closes: bool,
}

impl Finding {
    fn is_done(&self, wanted: Wanted) -> bool {
        let whole = |wanted: bool, found: &Option<Witness>| !wanted || found.as_ref().is_some_and(|it| it.whole);
        let any = |wanted: bool, found: &Option<Witness>| !wanted || found.is_some();
        let late = self.first_at.is_some_and(|first| self.trials > first + MORE_TRIALS);
        (whole(wanted.opens, &self.opens) && whole(wanted.closes, &self.closes))
            || (late && any(wanted.opens, &self.opens) && any(wanted.closes, &self.closes))
    }
}

/// Looks for witnesses of `difference`, first where they should be, then anywhere.
pub(super) fn witnesses(
    pair: &Pair<'_>,
    bench: &Bench<'_>,
    difference: &Difference,
    wanted: Wanted,
    effort: &Effort,
) -> Finding {
    let mut finding = Finding::default();
    let mut search = Search { pair, bench, wanted, finding: &mut finding, trials_max: effort.trials, telling: true };
    let situations = situations::of(pair, difference);
    for pass in PASSES {
        search.telling = pass.telling;
        for situation in &situations {
            if search.situation(situation, pass).is_break() {
                return finding;
            }
        }
    }
    anywhere(pair, bench, wanted, effort, &mut finding);
    finding
}

/// Looks for witnesses of the policies as a whole, anywhere.
pub(super) fn anywhere(pair: &Pair<'_>, bench: &Bench<'_>, wanted: Wanted, effort: &Effort, finding: &mut Finding) {
    if !wanted.opens && !wanted.closes {
        return;
    }
    let trials_max = finding.trials.saturating_add(effort.random.saturating_mul(random::TRIES));
    let mut search = Search { pair, bench, wanted, finding, trials_max, telling: false };
    for case in random::cases(pair).take(effort.random) {
        if search.random(&case).is_break() {
            return;
        }
    }
}

struct Search<'s> {
    pair: &'s Pair<'s>,
    bench: &'s Bench<'s>,
    wanted: Wanted,
    finding: &'s mut Finding,
    trials_max: usize,
    /// Whether what is tried should tell the policies apart.
    telling: bool,
}

/// A policy, what it sees of the treasury at hand, and what it says before any judge is asked.
struct Court<'h> {
    under: Under,
    policy: &'h VotedPolicy,
    seen: &'h Seen,
    hearing: Result<Hearing<'h>, Box<Refusal>>,
}

impl<'h> Court<'h> {
    fn of(under: Under, policy: &'h VotedPolicy, seen: &'h Seen) -> Self {
        let model = Stated(seen.forecast.clone());
        let hearing = Hearing::new(policy, &seen.snapshot, &seen.history, &model).map_err(Box::new);
        Self { under, policy, seen, hearing }
    }

    fn intents(&self, deeds: &[Deed]) -> Vec<Intent> {
        let cx = self.hearing.as_ref().ok().map(Hearing::context);
        let legs = 0..u16::MAX;
        deeds.iter().zip(legs).map(|(deed, leg)| deed.intent(self.policy.terms(), cx.as_ref(), leg)).collect()
    }

    fn verdicts(&self, intents: &[Intent]) -> Vec<Verdict> {
        match &self.hearing {
            Ok(hearing) => hearing.verdicts(intents),
            Err(refusal) => vec![Verdict::Refused((**refusal).clone()); intents.len()],
        }
    }

    /// The first refusal; none where all of it is allowed.
    fn refusal(&self, deeds: &[Deed]) -> Option<Refusal> {
        let verdicts = self.verdicts(&self.intents(deeds));
        verdicts.into_iter().find_map(|verdict| match verdict {
            Verdict::Refused(refusal) => Some(refusal),
            Verdict::Allowed => None,
        })
    }
}

impl Search<'_> {
    fn situation(&mut self, situation: &Situation, pass: Pass) -> ControlFlow<()> {
        let Situation { world, main, focus, before } = situation;
        let plans = self.pair.plans(*main, focus);
        self.in_world(world, |search, courts| {
            let moved = before.map_or(Value::ZERO, |(_, value)| value);
            for plan in plans.iter().skip(pass.from).take(pass.plans) {
                for deed in deeds(courts, *main, plan, focus.lost_half_bps, pass.telling, moved) {
                    let first = before.map(|(deed, _)| deed);
                    let decision: Vec<Deed> = first.into_iter().chain([deed]).collect();
                    search.trial(world, courts, &decision)?;
                }
            }
            ControlFlow::Continue(())
        })
    }

    fn random(&mut self, case: &random::Case) -> ControlFlow<()> {
        self.in_world(&case.world, |search, courts| {
            for deeds in &case.decisions {
                search.trial(&case.world, courts, deeds)?;
            }
            ControlFlow::Continue(())
        })
    }

    fn in_world(
        &mut self,
        world: &World,
        visit: impl FnOnce(&mut Self, &[Court<'_>]) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let policies: Vec<(Under, &VotedPolicy)> =
            self.bench.all().into_iter().filter_map(|(under, policy)| Some((under, policy?))).collect();
        let seen: Vec<Seen> = policies.iter().map(|(_, policy)| world.seen_by(policy)).collect();
        let courts: Vec<Court<'_>> =
            policies.iter().zip(&seen).map(|((under, policy), seen)| Court::of(*under, policy, seen)).collect();
        visit(self, &courts)
    }

    fn trial(&mut self, world: &World, courts: &[Court<'_>], deeds: &[Deed]) -> ControlFlow<()> {
        self.finding.trials += 1;
        let verdicts: Vec<(&Court<'_>, Option<Refusal>)> =
            courts.iter().map(|court| (court, court.refusal(deeds))).collect();
        let of = |under: Under| verdicts.iter().find(|(court, _)| court.under == under);
        let refuses = |under: Under| of(under).map(|(_, refusal)| refusal.is_some());
        let (Some(old), Some(new)) = (refuses(Under::Old), refuses(Under::New)) else { return ControlFlow::Break(()) };
        let (changed, unchanged) = (refuses(Under::OldChanged), refuses(Under::NewUnchanged));
        let alone = changed.is_none() && unchanged.is_none();
        // By which rule two of them refuse, if it is the same.
        let alike = |one: Under, other: Under| {
            let rule = |under: Under| of(under).and_then(|(_, refusal)| refusal.as_ref()).map(|refusal| refusal.rule);
            rule(one).is_some() && rule(one) == rule(other)
        };
        let by_opening = alone || changed == Some(false) || alike(Under::Old, Under::NewUnchanged);
        let by_closing = alone || unchanged == Some(false) || alike(Under::New, Under::OldChanged);
        // Refused by the first, allowed by the second; whether that is so of the policies as a whole.
        let opens = [
            (old && !new && by_opening, Under::Old, Under::New, true),
            (old && changed == Some(false), Under::Old, Under::OldChanged, false),
            (unchanged == Some(true) && !new, Under::NewUnchanged, Under::New, false),
        ];
        let closes = [
            (new && !old && by_closing, Under::New, Under::Old, true),
            (new && unchanged == Some(false), Under::New, Under::NewUnchanged, false),
            (changed == Some(true) && !old, Under::OldChanged, Under::Old, false),
        ];
        for (wanted, found, cases) in [(self.wanted.opens, true, opens), (self.wanted.closes, false, closes)] {
            let Some((_, refused, allowed, whole)) = cases.into_iter().find(|(holds, ..)| *holds).filter(|_| wanted)
            else {
                continue;
            };
            let kept = if found { &mut self.finding.opens } else { &mut self.finding.closes };
            if kept.as_ref().is_none_or(|kept| whole && !kept.whole)
                && let (Some((refusing, _)), Some((allowing, _))) = (of(refused), of(allowed))
            {
                // Of the files, the one that the witness is not about.
                let aside =
                    [Under::Old, Under::New].into_iter().filter(|_| !whole).find(|it| ![refused, allowed].contains(it));
                let aside = aside.and_then(of).map(|(court, refusal)| (*court, refusal.as_ref()));
                *kept = Some(witness(self.pair, world, deeds, (refusing, allowing), aside));
                self.finding.first_at.get_or_insert(self.finding.trials);
            }
        }
        if old && new && self.telling {
            for (court, refusal) in &verdicts {
                if let (Under::New | Under::Old, Some(refusal)) = (court.under, refusal) {
                    *self.finding.refused_by.entry(refusal.rule).or_default() += 1;
                }
            }
        }
        if self.finding.is_done(self.wanted) || self.finding.trials >= self.trials_max {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}

/// The deeds of a plan at the sizes where the policies part, or where there are none at a few others; or else at all
/// others.
fn deeds(
    courts: &[Court<'_>],
    main: Address,
    plan: &Plan,
    lost_half_bps: u64,
    telling: bool,
    moved: Value,
) -> Vec<Deed> {
    let contexts: Vec<_> =
        courts.iter().filter_map(|court| court.hearing.as_ref().ok()).map(Hearing::context).collect();
    let turns: Vec<_> = contexts.iter().map(|cx| plans::turns(cx.terms, cx, main, plan, moved)).collect();
    let (apart, mut common) = plans::sizes(&turns);
    let sizes = match (telling, apart.is_empty()) {
        (true, false) => apart,
        (true, true) => {
            common.truncate(FEW);
            common
        }
        (false, _) => common,
    };
    let mut all: Vec<Deed> = Vec::new();
    for size in sizes {
        let mut of_size: Vec<Deed> =
            contexts.iter().filter_map(|cx| plans::deed(cx, main, plan, size, lost_half_bps)).collect();
        of_size.sort_by_key(|deed| (deed.amount, deed.least));
        for deed in of_size {
            if !all.contains(&deed) {
                all.push(deed);
            }
        }
    }
    all
}

fn witness(
    pair: &Pair<'_>,
    world: &World,
    deeds: &[Deed],
    (refusing, allowing): (&Court<'_>, &Court<'_>),
    aside: Option<(&Court<'_>, Option<&Refusal>)>,
) -> Witness {
    let judged = |court: &Court<'_>| {
        let intents = court.intents(deeds);
        let verdicts = court.verdicts(&intents);
        let Seen { snapshot, history, forecast } = court.seen.clone();
        let is_file = matches!(court.under, Under::Old | Under::New);
        let text = PolicyText { text: court.policy.text.to_string(), is_file };
        let (under, policy) = (court.under, court.policy.hash());
        Judged { under, policy, text, snapshot, history, forecast, intents, verdicts }
    };
    let (refused, allowed) = (judged(refusing), judged(allowing));
    let whole = aside.is_none();
    let aside = aside.map(|(court, refusal)| (court.under, refusal, court.policy.terms()));
    let mut sentence =
        told::witness(world, (&refused, refusing.policy.terms()), (&allowed, allowing.policy.terms()), aside);
    for (address, name) in &pair.names {
        sentence = sentence.replace(&address.to_checksum(None), name);
    }
    Witness { sentence, whole, refused, allowed }
}
