//! A whole federation in one process, on made-up data: honest members, liars, dropouts and stragglers.
//!
//! Everything follows from the plan and its seed. Data are logistic and *synthetic*: records of standard normal
//! features (shifted a little for each member when the plan says so) and labels drawn from one true model. A report
//! sets the trained model beside the fit on everybody's records and beside the same federation without trouble.

mod data;
mod members;
mod plan;
mod report;
mod score;
mod shard;

pub use members::{Conduct, ShardMember, Training};
pub use plan::{Method, NoisePlan, PlanError, ReputationPlan, SimulationPlan, Trouble};
pub use report::{PrivacyCost, Reputation, Scores, SimulationReport};
pub use score::auc;
pub use shard::Shard;

use crate::{
    Aggregate, Coordinator, MemberId, Refusal, RoundReport, Settings, Shape, State, Task, Ticks, linear,
    privacy::{self, FixedPoint, PrivacyError},
    round::{CoordinatorError, OpenError},
    task::{Average, Intercept, Newton, TaskError},
};
use data::World;

/// Newton steps of the pooled fit at most; it converges in about eight.
const POOLED_STEPS_MAX: usize = 50;
/// A pooled step shorter than this (largest change of a parameter) is the last.
const POOLED_STEP_LEAST: f64 = 1e-12;
/// Room for the trace of a record's Hessian above its mean of at most a quarter for each parameter.
const TRACE_PER_PARAMETER: f64 = 4.0;

/// Why a simulation gives no report.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SimulationError {
    /// The plan makes no sense.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Members, settings and task do not fit.
    #[error(transparent)]
    Coordinator(#[from] CoordinatorError),
    /// The task's numbers.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// A round could not be opened.
    #[error("round {round} was not opened: {source}")]
    Open {
        /// Which round, from 1.
        round: u64,
        /// Why.
        #[source]
        source: OpenError,
    },
    /// Even the fit on everybody's records fails, so there is nothing to compare with.
    #[error("the pooled fit fails: {0}; use more records or a larger ridge")]
    Pooled(Refusal),
    /// The noise has no ε that the accountant speaks of.
    #[error(transparent)]
    Privacy(#[from] PrivacyError),
}

/// Runs a plan. `each_round` hears of every round when it is closed.
///
/// # Errors
/// If the plan makes no sense, or the pooled fit fails.
pub fn simulate(
    plan: &SimulationPlan,
    each_round: &mut dyn FnMut(&RoundReport),
) -> Result<SimulationReport, SimulationError> {
    plan.check()?;
    let mut world = World::new(plan);
    let pooled = pooled(plan, world.shards())?;
    let clean = match plan.is_clean() {
        true => None,
        false => Some(run(&plan.clean(), &mut world, &mut |_| ())?.0.parameters),
    };
    let (State { parameters, standings, settings, .. }, rounds) = run(plan, &mut world, each_round)?;
    let judged = standings.iter().filter(|_| settings.reputation.is_some());
    let judge = |parameters: &[f64]| Scores {
        auc: auc(&world.test.scores(parameters), &world.test.labels),
        loss: world.test.mean_loss(parameters),
    };
    let trained = judge(&parameters);
    Ok(SimulationReport {
        synthetic: true,
        plan: *plan,
        liars: plan.liars(),
        breakdown: plan.aggregation.breakdown(plan.members),
        untrained: judge(&vec![0.0; parameters.len()]),
        pooled: judge(&pooled),
        clean: clean.as_deref().map_or(trained, judge),
        trained,
        distance_to_pooled: parameters.iter().zip(&pooled).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max),
        reputations: judged.map(|standing| Reputation::of(standing, &rounds)).collect(),
        concentration: rounds.last().map_or(0.0, |round| round.concentration),
        privacy: plan.settings().noise.map(|grid| cost(plan, grid, rounds.len())).transpose()?.flatten(),
        parameters,
        rounds,
    })
}

/// What the noise of a plan costs over its rounds.
fn cost(plan: &SimulationPlan, grid: FixedPoint, rounds: usize) -> Result<Option<PrivacyCost>, PrivacyError> {
    let Some(NoisePlan { noise_multiplier, delta, window, .. }) = plan.noise else { return Ok(None) };
    let rounds = u32::try_from(rounds).unwrap_or(u32::MAX);
    Ok(Some(PrivacyCost {
        method: privacy::METHOD,
        rounds,
        noise_multiplier,
        delta,
        epsilon_record: privacy::epsilon(noise_multiplier, rounds, delta)?,
        epsilon_record_single_updates: privacy::epsilon(grid.member_noise_multiplier(), rounds, delta)?,
        window,
        epsilon_day: privacy::epsilon_of_group(noise_multiplier, rounds, delta, window)?,
    }))
}

/// Ticks of a simulation: each wait is one.
struct Counter(u64);

impl Ticks for Counter {
    fn next(&mut self) -> u64 {
        self.0 += 1;
        self.0
    }
}

/// Either task of a plan.
enum Either {
    Newton(Newton),
    Average(Average),
}

impl Task for Either {
    fn shape(&self) -> Shape {
        match self {
            Self::Newton(task) => task.shape(),
            Self::Average(task) => task.shape(),
        }
    }

    fn advance(&self, parameters: &[f64], aggregate: &Aggregate) -> Result<Vec<f64>, Refusal> {
        match self {
            Self::Newton(task) => task.advance(parameters, aggregate),
            Self::Average(task) => task.advance(parameters, aggregate),
        }
    }
}

fn newton(plan: &SimulationPlan) -> Result<Newton, TaskError> {
    let parameters = plan.features + 1;
    Newton::new(parameters, plan.ridge, Intercept::LastUnpenalised, TRACE_PER_PARAMETER * parameters as f64)
}

fn run(
    plan: &SimulationPlan,
    world: &mut World,
    each_round: &mut dyn FnMut(&RoundReport),
) -> Result<(State, Vec<RoundReport>), SimulationError> {
    let task = match plan.method {
        Method::Newton => Either::Newton(newton(plan)?),
        Method::Averaging { .. } => Either::Average(Average::new(plan.features + 1)?),
    };
    let settings: Settings = plan.settings();
    let members: Vec<MemberId> = world.members.iter().map(|member| crate::Member::id(member).clone()).collect();
    let mut coordinator = Coordinator::new(task, settings, members, vec![0.0; plan.features + 1], None)?;
    world.assign(plan);
    let mut ticks = Counter(0);
    let mut reports = Vec::with_capacity(plan.rounds as usize);
    for round in 1..=u64::from(plan.rounds) {
        // All but too few may have been excluded by reputation: then training ends early, with the rounds so far.
        let mut open = match coordinator.open(ticks.0, 0) {
            Ok(open) => open,
            Err(OpenError::TooFewMembers { .. } | OpenError::Aggregation(_)) if round > 1 => break,
            Err(source) => return Err(SimulationError::Open { round, source }),
        };
        open.collect(&mut world.members, &mut ticks);
        let holdout = |parameters: &[f64]| world.holdout.mean_loss(parameters);
        let report = coordinator.close(open, &holdout);
        each_round(&report);
        reports.push(report);
    }
    Ok((coordinator.state().clone(), reports))
}

/// The fit on everybody's records, whatever some of them would send.
fn pooled<'a>(
    plan: &SimulationPlan,
    shards: impl Iterator<Item = &'a Shard> + Clone,
) -> Result<Vec<f64>, SimulationError> {
    let task = newton(plan)?;
    let mut parameters = vec![0.0; plan.features + 1];
    for _ in 0..POOLED_STEPS_MAX {
        let mut values = vec![0.0; task.shape().update];
        let mut records = 0;
        for shard in shards.clone() {
            linear::add_scaled(&mut values, 1.0, &shard.sums(&parameters, false));
            records += shard.records();
        }
        let aggregate = Aggregate { values, records, members: plan.members };
        let next = task.advance(&parameters, &aggregate).map_err(SimulationError::Pooled)?;
        let moved = next.iter().zip(&parameters).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        parameters = next;
        if moved < POOLED_STEP_LEAST {
            break;
        }
    }
    Ok(parameters)
}

#[cfg(test)]
mod tests;
