//! Rounds in which members send trees.
//!
//! What a forest says of a record is the mean of what its trees say, so the joined forest's votes on public records are the
//! mean of the members' votes there, each weighed by its trees. In these votes a round is held: they are judged by the Brier
//! score, against the constant rate of events. Whoever holds the trees forms the votes, so they are no claim of a member.

use super::{
    rounds::{Federated, Tolerances},
    tasks::Votes,
};
use quaestor_federation::{
    Aggregation, Answer, Coordinator, Failure, Member, MemberId, Opened, Outcome, Settings, Update,
};
use quaestor_risk::{
    Examples,
    data::FEATURE_NAMES,
    models::forest::{ForestParameters, ForestSettings, Node},
    train::{GrownTrees, Part, RoundsError},
};

/// How much worse than the constant rate a joined forest may be by the Brier score, times the number of members, for many
/// trees. Of four honest members with 25 trees each it is by 0.008 at most, of three with 33 by 0.015 (seeds 1 to 12, until
/// March and May 2021 and on all days).
const WORSE_SHARED: f64 = 0.06;
/// A member without whose trees it would be lower by more than this is out; times the number of members, for many trees. Of
/// four members with 25 trees each honest ones are worth −0.009 and more, one whose trees are turned −0.019 and less.
const SPOILS_SHARED: f64 = 0.05;
/// The same from where on it loses weight.
const HARMS_SHARED: f64 = 0.04;
/// Few trees vote by chance: of four honest members with one tree each one is worth −0.068, with four −0.016. Tolerances are
/// larger by a share of this over the trees of a member, so that below a dozen or so turned trees are borne.
const CHANCE_TREES: f64 = 7.0;

/// A member that sends trees, by what they say of public records.
struct Grower {
    id: MemberId,
    votes: Result<Vec<f64>, Failure>,
    trees: u64,
}

impl Member for Grower {
    fn id(&self) -> &MemberId {
        &self.id
    }

    fn answer(&mut self, _opened: &Opened, _now_tick: u64) -> Answer {
        match &self.votes {
            Ok(votes) => Answer::Update(Update { values: votes.clone(), records: self.trees }),
            Err(failure) => Answer::Failed(failure.clone()),
        }
    }
}

/// Trees that say the opposite, as those do that were grown on turned labels.
fn turned(forest: &ForestParameters) -> ForestParameters {
    let mut turned = forest.clone();
    for node in turned.trees.iter_mut().flat_map(|tree| &mut tree.nodes) {
        if let Node::Leaf(event) = node {
            *event = !*event;
        }
    }
    turned
}

/// What a member's trees say of public records, if they are what was asked for.
fn votes(forest: &ForestParameters, settings: ForestSettings, public: Option<&Examples>) -> Result<Vec<f64>, Failure> {
    let rows = public.into_iter().flat_map(Examples::rows);
    let checked = forest.check_grown(&FEATURE_NAMES.map(str::to_owned), settings);
    let votes = checked.and_then(|()| rows.map(|row| forest.probability(row)).collect());
    votes.map_err(|error| Failure::Malformed { reason: error.to_string() })
}

/// Mean squared distance of votes from what came.
fn brier(votes: &[f64], targets: &[f64]) -> f64 {
    let total: f64 = votes.iter().zip(targets).map(|(vote, target)| (vote - target) * (vote - target)).sum();
    total / targets.len().max(1) as f64
}

impl Federated {
    /// The forest of all who are not out.
    pub(super) fn joined(
        &mut self,
        part: Part,
        grown: &[GrownTrees],
        settings: ForestSettings,
        holdout: Option<&Examples>,
    ) -> Result<ForestParameters, RoundsError> {
        if self.settings.noise.is_some() {
            return Err("with noise no trees leave a member: they are no sum of bounded records".into());
        }
        let send = |one: &GrownTrees| match self.factor_of(&one.member) {
            1.0 => one.forest.clone(),
            _ => turned(&one.forest),
        };
        let sent: Vec<ForestParameters> = grown.iter().map(send).collect();
        // Trees are grown anew after a kill; how many of each member's are taken is what was found.
        let taken = self.recorded(part, |rounds, _| rounds.taken(part, grown, &sent, settings, holdout))?;
        if taken.len() != sent.len() {
            return Err(format!("trees of {} members were taken, and {} sent some", taken.len(), sent.len()).into());
        }
        let mut kept = Vec::with_capacity(sent.len());
        for (mut forest, taken) in sent.into_iter().zip(taken) {
            // At most as many as there are: exact.
            forest.trees.truncate(taken as usize);
            if !forest.trees.is_empty() {
                kept.push(forest);
            }
        }
        Ok(ForestParameters::joined(&kept.iter().collect::<Vec<_>>())?)
    }

    /// How many trees of each member are taken: all of them, fewer of who weighs less, none of who is out.
    fn taken(
        &mut self,
        part: Part,
        grown: &[GrownTrees],
        sent: &[ForestParameters],
        settings: ForestSettings,
        holdout: Option<&Examples>,
    ) -> Result<Vec<f64>, RoundsError> {
        let targets = holdout.map_or(&[][..], Examples::targets);
        let rate = targets.iter().sum::<f64>() / targets.len().max(1) as f64;
        let constant = vec![rate; targets.len()];
        let loss = |votes: &[f64]| brier(votes, targets);
        // Each time somebody is out for good.
        for _ in 0..=grown.len() {
            let mut members = Vec::with_capacity(grown.len());
            for (one, forest) in grown.iter().zip(sent).filter(|(one, _)| !self.excluded.contains(&one.member)) {
                let (id, trees) = (MemberId::new(one.member.clone())?, forest.trees.len() as u64);
                members.push(Grower { id, votes: votes(forest, settings, holdout), trees });
            }
            let before = self.excluded.len();
            let ids = members.iter().map(|member| member.id.clone()).collect();
            let each = 1.0 + CHANCE_TREES / f64::from(settings.trees.max(1));
            let share = each / members.len().max(1) as f64;
            let bad = SPOILS_SHARED * share;
            let tolerances = Tolerances { refused: bad, accepted: bad, weight_shared: HARMS_SHARED * each };
            // Trees have no median: whatever the rule, votes are their mean.
            let settings = Settings {
                aggregation: Aggregation::WeightedMean,
                ..self.settings_of(members.len(), WORSE_SHARED * share, None, tolerances)
            };
            let coordinator = Coordinator::new(Votes(targets.len()), settings, ids, constant.clone(), None)?;
            let mut coordinator = coordinator.with_scores(|member| self.score_of(member.as_str()));
            let report = self.round(part, &mut coordinator, &mut members, &loss, false)?;
            match report.outcome {
                _ if self.excluded.len() > before => {}
                Outcome::Refused { why } => return Err(why.to_string().into()),
                Outcome::Accepted => {
                    let share = |(one, forest): (&GrownTrees, &ForestParameters)| {
                        let in_it = members.iter().any(|member| member.id.as_str() == one.member);
                        let score = if in_it { self.score_of(&one.member) } else { 0.0 };
                        libm::round(score * forest.trees.len() as f64)
                    };
                    return Ok(grown.iter().zip(sent).map(share).collect());
                }
            }
        }
        Err("nobody is left to grow trees".into())
    }
}

#[cfg(test)]
mod tests;
