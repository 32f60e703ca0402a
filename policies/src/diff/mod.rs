//! What a change of policy opens up and what it closes, with an example of each that anyone can judge again.
//!
//! Every difference is first weighed by the language: some directions are ruled out whatever else the
//! policies say. For the others an intent is searched for that one policy allows and the other refuses, in treasuries made
//! for the purpose and then at random, the same ones each time. To tell what one difference does by itself, it is also
//! judged under the old policy with this one difference, and under the new policy without it. That nothing was found is no
//! proof that there is nothing, and is said so.
//!
//! A treasury is one in which contracts are as the policies say they are: what stops under a policy because a contract of
//! it has other code, decimals or owners than it says, is no part of what the policy permits. Forecasts are the same under
//! both, unless the keys that choose them differ.

mod activation;
mod bearing;
mod changes;
mod effects;
mod holdings;
mod isolate;
mod listed;
mod masks;
mod parts;
mod plans;
mod prices;
mod random;
mod search;
mod situations;
mod told;
mod treasury;
mod world;

pub use activation::Activation;

use crate::{print::written, voted::VotedPolicy, words::rule_key};
use alloy_primitives::B256;
use bearing::{Bearing, Can, bearing};
use changes::Difference;
use masks::is_covered;
use quaestor_core::{History, Intent, Policy, RiskReport, Snapshot, Verdict};
use search::{Bench, Finding, Wanted};
use serde::Serialize;
use treasury::Pair;

/// Rules that are named where nothing was found.
const RULES_MAX: usize = 3;

/// How long is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// Most intents that are tried for one difference in treasuries made for it.
    pub trials: usize,
    /// Treasuries made at random, for each difference without a witness and for all together.
    pub random: usize,
}

impl Default for Effort {
    /// Some seconds at most, for dozens of differences.
    fn default() -> Self {
        Self { trials: 20_000, random: 400 }
    }
}

/// Differences that are all searched for at length; of more, each for a part of that.
const AT_LENGTH: usize = 20;

impl Effort {
    /// For each of `count` differences.
    fn shared(self, count: usize) -> Self {
        let share = |number: usize| {
            let all = number.saturating_mul(AT_LENGTH);
            all.checked_div(count).map_or(number, |each| each.min(number))
        };
        Self { trials: share(self.trials), random: share(self.random) }
    }
}

/// What a difference does to what is permitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// The new policy permits, or may permit, what the old one does not.
    Widens,
    /// The old policy permits, or may permit, what the new one does not, and nothing the other way round.
    Narrows,
    /// Both ways.
    WidensAndNarrows,
    /// Neither.
    Neutral,
}

/// What a whole change of policy does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Overall {
    /// The two say the same.
    Same,
    /// They permit the same.
    Neutral,
    /// The new policy permits nothing that the old one does not: that is proved.
    Narrows,
    /// It permits something more.
    Widens,
    /// It permits something more, and may permit something less.
    WidensAndNarrows,
    /// Nothing was found that it permits anew, and nothing rules it out.
    Unproven,
}

/// Why something is so of one direction.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "evidence", rename_all = "snake_case")]
pub enum Evidence {
    /// It is ruled out, whatever else the policies say.
    RuledOut,
    /// It is ruled out: another rule of both policies refuses the same.
    Masked {
        /// Its key.
        rule: String,
    },
    /// It is so, as this shows.
    Witness(Box<Witness>),
    /// It is so, though no judge sees it.
    Procedural,
    /// It may be so; nothing was found that shows it.
    NotFound {
        /// Decisions that were tried.
        trials: usize,
        /// Rules by which both policies refused most of what was tried.
        refused_by: Vec<String>,
    },
}

/// The policy that something was judged under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Under {
    /// The old one.
    Old,
    /// The new one.
    New,
    /// The old one with this one difference.
    OldChanged,
    /// The new one without this one difference.
    NewUnchanged,
}

/// A decision that one policy allows and another refuses.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Witness {
    /// It, in a sentence.
    pub sentence: String,
    /// Whether it is so of the old and the new policy as they are; else of one of them with this one difference alone.
    pub whole: bool,
    /// Who refuses, and what was judged.
    pub refused: Judged,
    /// Who allows, and what was judged.
    pub allowed: Judged,
}

/// Intents as one policy judges them, with everything that it sees: assets and accounts are numbered as it numbers them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judged {
    /// Which policy.
    pub under: Under,
    /// keccak256 of its text.
    pub policy: B256,
    /// Its text: for the two whose files the reader does not have.
    #[serde(skip_serializing_if = "is_at_hand")]
    pub text: PolicyText,
    /// What is read of the chain, as if this policy were in force.
    pub snapshot: Snapshot,
    /// What the agent did before.
    pub history: History,
    /// The forecast.
    pub forecast: RiskReport,
    /// One decision.
    pub intents: Vec<Intent>,
    /// What the policy says of each.
    pub verdicts: Vec<Verdict>,
}

/// The text of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct PolicyText {
    /// The text.
    pub text: String,
    #[serde(skip)]
    is_file: bool,
}

fn is_at_hand(text: &PolicyText) -> bool {
    text.is_file
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// The key, such as `limits.day_bps_max`; strategies and entries of lists by name.
    pub path: String,
    /// What the old policy has there, as a file has it; nothing where it has nothing.
    pub old: Option<String>,
    /// What the new policy has there.
    pub new: Option<String>,
    /// What it does.
    pub mark: Mark,
    /// Whether the new policy permits what the old one does not, by this difference.
    pub opens: Evidence,
    /// Whether the old policy permits what the new one does not.
    pub closes: Evidence,
    /// What it means beside what is judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<String>,
}

/// A policy, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Version {
    /// Its name.
    pub name: String,
    /// keccak256 of its file.
    pub hash: B256,
    /// Its rest hash.
    pub rest_hash: B256,
}

/// Two policies, held against each other.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Diff {
    /// The old one.
    pub old: Version,
    /// The new one.
    pub new: Version,
    /// What the change does as a whole.
    pub verdict: Overall,
    /// Whether the new policy as a whole permits what the old one does not.
    pub opens: Evidence,
    /// Whether the old policy as a whole permits what the new one does not.
    pub closes: Evidence,
    /// When it would be in force.
    pub activation: Activation,
    /// Every difference, in the order of the language.
    pub changes: Vec<Change>,
}

impl Evidence {
    /// Whether it may be so.
    pub fn may_be(&self) -> bool {
        !matches!(self, Self::RuledOut | Self::Masked { .. })
    }

    /// The witness, if there is one.
    pub fn witness(&self) -> Option<&Witness> {
        match self {
            Self::Witness(witness) => Some(witness),
            _ => None,
        }
    }

    fn of(can: Can, witness: Option<Witness>, finding: &Finding) -> Self {
        match (can, witness) {
            (_, Some(witness)) => Self::Witness(Box::new(witness)),
            (Can::No, None) => Self::RuledOut,
            (Can::Masked(rule), None) => Self::Masked { rule },
            (Can::Procedural, None) => Self::Procedural,
            (Can::Maybe, None) => Self::not_found(finding),
        }
    }

    fn not_found(finding: &Finding) -> Self {
        let mut rules: Vec<_> = finding.refused_by.iter().collect();
        rules.sort_by_key(|(rule, times)| (std::cmp::Reverse(**times), **rule));
        let refused_by = rules.into_iter().take(RULES_MAX).map(|(rule, _)| rule_key(*rule).to_owned()).collect();
        Self::NotFound { trials: finding.trials, refused_by }
    }
}

impl Mark {
    fn of(opens: &Evidence, closes: &Evidence) -> Self {
        match (opens.may_be(), closes.may_be()) {
            (true, true) => Self::WidensAndNarrows,
            (true, false) => Self::Widens,
            (false, true) => Self::Narrows,
            (false, false) => Self::Neutral,
        }
    }
}

impl Diff {
    /// Holds `new` against `old`.
    pub fn between(old: &VotedPolicy, new: &VotedPolicy, effort: &Effort) -> Self {
        let (before, after) = (old.plain(), new.plain());
        let pair = Pair::new(old, new, [&before, &after]);
        let differences = changes::between(&before, &after);
        let each = effort.shared(differences.len());
        let weighed: Vec<Weighed> =
            differences.into_iter().map(|difference| weigh(&pair, &before, &after, difference, &each)).collect();
        let opens = whole(&pair, &weighed, effort, true);
        let closes = whole(&pair, &weighed, effort, false);
        let verdict = match (&opens, &closes) {
            _ if weighed.is_empty() => Overall::Same,
            (Evidence::NotFound { .. }, _) => Overall::Unproven,
            (opens, closes) => match Mark::of(opens, closes) {
                Mark::Widens => Overall::Widens,
                Mark::Narrows => Overall::Narrows,
                Mark::WidensAndNarrows => Overall::WidensAndNarrows,
                Mark::Neutral => Overall::Neutral,
            },
        };
        let version = |policy: &VotedPolicy| Version {
            name: policy.terms().name.clone(),
            hash: policy.hash(),
            rest_hash: policy.rest_hash(),
        };
        let changes = weighed.into_iter().map(|it| it.change).collect();
        let activation = Activation::of(old, new);
        Self { old: version(old), new: version(new), verdict, opens, closes, activation, changes }
    }
}

/// A difference with what was found of it.
struct Weighed {
    difference: Difference,
    change: Change,
}

fn weigh(
    pair: &Pair<'_>,
    before: &crate::print::Plain,
    after: &crate::print::Plain,
    difference: Difference,
    effort: &Effort,
) -> Weighed {
    let Bearing { opens, closes, effect } = bearing(&difference, pair.old, pair.new);
    let wanted = Wanted { opens: opens == Can::Maybe, closes: closes == Can::Maybe };
    let mut finding = Finding::default();
    if wanted.opens || wanted.closes {
        let old_changed = isolate::with(before, &difference, difference.new.as_ref());
        let new_unchanged = isolate::with(after, &difference, difference.old.as_ref());
        let bench = Bench {
            old: pair.old,
            new: pair.new,
            old_changed: old_changed.as_ref(),
            new_unchanged: new_unchanged.as_ref(),
        };
        finding = search::witnesses(pair, &bench, &difference, wanted, effort);
    }
    let (opened, closed) = (finding.opens.take(), finding.closes.take());
    let (opens, closes) = (Evidence::of(opens, opened, &finding), Evidence::of(closes, closed, &finding));
    let change = Change {
        path: difference.path.clone(),
        old: difference.old.as_ref().map(written),
        new: difference.new.as_ref().map(written),
        mark: Mark::of(&opens, &closes),
        opens,
        closes,
        effect,
    };
    Weighed { difference, change }
}

/// What is so of the two policies as they are, in one direction.
fn whole(pair: &Pair<'_>, weighed: &[Weighed], effort: &Effort, opens: bool) -> Evidence {
    let side = |it: &Weighed| if opens { it.change.opens.clone() } else { it.change.closes.clone() };
    let (guard, other) =
        if opens { (pair.new.terms(), pair.old.terms()) } else { (pair.old.terms(), pair.new.terms()) };
    let loose: Vec<Evidence> =
        weighed.iter().filter(|it| side(it).may_be() && !is_covered(&it.difference, guard, other)).map(side).collect();
    if loose.is_empty() {
        return Evidence::RuledOut;
    }
    if let Some(found) = loose.iter().find(|it| it.witness().is_some_and(|witness| witness.whole)) {
        return found.clone();
    }
    let mut finding = Finding::default();
    if loose.iter().any(|it| !matches!(it, Evidence::Procedural)) {
        let bench = Bench { old: pair.old, new: pair.new, old_changed: None, new_unchanged: None };
        search::anywhere(pair, &bench, Wanted { opens, closes: !opens }, effort, &mut finding);
    }
    let found = if opens { finding.opens.take() } else { finding.closes.take() };
    match found {
        Some(witness) => Evidence::Witness(Box::new(witness)),
        None if loose.contains(&Evidence::Procedural) => Evidence::Procedural,
        None => Evidence::not_found(&finding),
    }
}
