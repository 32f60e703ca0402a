//! `federation simulate`: a whole federation in this process, on made-up data.

use super::{
    Exit, Failure, Output,
    args::{Attack, FederationCommand, SimulateArgs},
    memory,
};
use quaestor_federation::{
    Outcome, RoundReport,
    simulation::{
        Method, NoisePlan, Reputation, ReputationPlan, Scores, SimulationError, SimulationPlan, SimulationReport,
        Trouble, simulate,
    },
};
use serde_json::json;
use std::time::Instant;

/// Local steps and their length where parameters are averaged.
const AVERAGING: Method = Method::Averaging { steps: 20, rate: 0.5 };
/// Largest norm of a record's gradient and Hessian together, where noise is added.
const CLIP: f64 = 4.0;
/// Bits after the point of noisy sums.
const FRACTION_BITS: u8 = 20;
/// Share of a quorum that is guaranteed to be honest and to stay, bps.
const HONEST_BPS: u16 = 5_000;
/// Records that one day's price enters, as of a horizon of two weeks.
const WINDOW: u32 = 14;
/// What is borne of a member that makes the model worse. Of a dozen members with the usual records an honest one differs
/// by less.
const REPUTATION: ReputationPlan = ReputationPlan { tolerance: 5e-3, memory_permille: 500, bad_rounds_max: 3 };
/// Members told of, the lowest reputations first.
const TOLD_MAX: usize = 8;
/// Stragglers take this much longer than a round waits.
const LATE_TICKS: u64 = 1;

pub(super) fn run(command: &FederationCommand, output: Output) -> Result<Exit, Failure> {
    let FederationCommand::Simulate(args) = command;
    let plan = plan(args);
    output.line("All data are synthetic: standard normal features, labels drawn from one true model.")?;
    output.line("round  outcome      loss      members  left out")?;
    let started = Instant::now();
    // A line that cannot be written ends the command after the simulation.
    let mut told = Ok(());
    let report = simulate(&plan, &mut |round| {
        let line = output.line(round_line(round));
        told = std::mem::replace(&mut told, Ok(())).and(line);
    })
    .map_err(failure)?;
    told?;
    let elapsed_secs = started.elapsed().as_secs_f64();
    let peak_memory_bytes = memory::peak_bytes();
    tell(&report, elapsed_secs, peak_memory_bytes, output)?;
    let mut document = json!(report);
    if let Some(fields) = document.as_object_mut() {
        fields.insert("elapsed_secs".into(), json!(elapsed_secs));
        fields.insert("peak_memory_bytes".into(), json!(peak_memory_bytes));
    }
    output.document(&document)?;
    Ok(Exit::Ok)
}

fn failure(error: SimulationError) -> Failure {
    match error {
        SimulationError::Plan(_) | SimulationError::Privacy(_) => Failure::new(Exit::Usage, error),
        _ => Failure::new(Exit::Failed, error),
    }
}

fn plan(args: &SimulateArgs) -> SimulationPlan {
    let liars_bps = args.liars;
    let default = SimulationPlan::default();
    let mut trouble = Trouble {
        gone_bps: args.dropouts,
        stragglers_bps: args.stragglers,
        straggler_ticks: default.wait_ticks_max + LATE_TICKS,
        ..Trouble::default()
    };
    *match args.attack {
        Attack::SignFlip => &mut trouble.sign_flipped_bps,
        Attack::Scale => &mut trouble.scaled_bps,
        Attack::LabelFlip => &mut trouble.label_flipped_bps,
        Attack::Nan => &mut trouble.not_finite_bps,
    } = liars_bps;
    let plan = SimulationPlan {
        seed: args.seed,
        members: args.members,
        records_per_member: args.records,
        features: args.features,
        rounds: args.rounds,
        method: if args.averaging { AVERAGING } else { Method::Newton },
        aggregation: args.aggregation.aggregation(liars_bps),
        reputation: args.reputation.then_some(REPUTATION),
        noise: args.noise_multiplier.map(|noise_multiplier| NoisePlan {
            noise_multiplier,
            clip: CLIP,
            delta: args.delta,
            window: WINDOW,
            honest_bps: HONEST_BPS,
            fraction_bits: FRACTION_BITS,
        }),
        trouble,
        ..default
    };
    SimulationPlan { norm_max: plan.usual_norm_max(), ..plan }
}

fn round_line(round: &RoundReport) -> String {
    let outcome = match &round.outcome {
        Outcome::Accepted => "accepted".to_owned(),
        Outcome::Refused { .. } => "rolled back".to_owned(),
    };
    let loss = round.loss.map_or_else(|| "-".to_owned(), |loss| format!("{loss:.6}"));
    let mut line =
        format!("{:>5}  {outcome:<11}  {loss:<8}  {:>7}  {:>8}", round.round, round.members, round.excluded.len());
    if let Outcome::Refused { why } = &round.outcome {
        line.push_str(&format!("  {why}"));
    } else if let Some(first) = round.excluded.first() {
        line.push_str(&format!("  {}: {}", first.member, first.why));
        if round.excluded.len() > 1 {
            line.push_str(", …");
        }
    }
    line
}

fn tell(
    report: &SimulationReport,
    elapsed_secs: f64,
    peak_memory_bytes: Option<u64>,
    output: Output,
) -> Result<(), Failure> {
    let scores = [
        ("trained together", report.trained),
        ("without trouble", report.clean),
        ("pooled records", report.pooled),
        ("untrained", report.untrained),
    ];
    output.line("")?;
    output.line("model             AUC       loss")?;
    for (name, Scores { auc, loss }) in scores {
        output.line(format_args!("{name:<16}  {auc:.6}  {loss:.6}"))?;
    }
    output.line("")?;
    output.line(format_args!("{:.1e} from the pooled parameters at most", report.distance_to_pooled))?;
    let (liars, breakdown) = (report.liars, report.breakdown);
    let tolerated = if liars > breakdown { "more than" } else { "within" };
    output.line(format_args!("{liars} liars, {tolerated} the {breakdown} that the rule tolerates"))?;
    if let Some(cost) = &report.privacy {
        output.line(format_args!(
            "epsilon {:.6} for a record and {:.6} for a day ({} records), at delta {:e}",
            cost.epsilon_record, cost.epsilon_day, cost.window, cost.delta
        ))?;
    }
    reputations(report, output)?;
    let memory = peak_memory_bytes.map(|bytes| format!(", at most {:.0} MB of memory", bytes as f64 / 1e6));
    let memory = memory.unwrap_or_default();
    output.line(format_args!("{} rounds in {elapsed_secs:.2} s{memory}", report.rounds.len()))
}

/// Who helps and who is out, and how far few members decide.
fn reputations(report: &SimulationReport, output: Output) -> Result<(), Failure> {
    let members = report.rounds.last().map_or(0, |round| round.members);
    let equal = 1.0 / members.max(1) as f64;
    output.line(format_args!(
        "concentration of weights in the last round {:.4} (Herfindahl–Hirschman; {equal:.4} if all {members} weighed the \
         same)",
        report.concentration
    ))?;
    if report.reputations.is_empty() {
        return Ok(());
    }
    let mut lowest: Vec<&Reputation> = report.reputations.iter().collect();
    let gain = |one: &Reputation| one.contribution.unwrap_or(f64::NEG_INFINITY);
    lowest.sort_by(|one, other| {
        let by_score = other.excluded.cmp(&one.excluded).then(one.score.total_cmp(&other.score));
        by_score.then(gain(one).total_cmp(&gain(other))).then_with(|| one.member.cmp(&other.member))
    });
    let excluded = lowest.iter().filter(|one| one.excluded).count();
    output.line(format_args!("{excluded} of {} members excluded by reputation", lowest.len()))?;
    output.line("")?;
    output.line("member            score  contribution")?;
    for one in lowest.iter().take(TOLD_MAX) {
        let gain = one.contribution.map_or_else(|| "-".to_owned(), |gain| format!("{gain:+.6}"));
        let out = if one.excluded { "  excluded" } else { "" };
        output.line(format_args!("{:<16}  {:>5.3}  {gain:>12}{out}", one.member.to_string(), one.score))?;
    }
    match lowest.len().checked_sub(TOLD_MAX).filter(|more| *more > 0) {
        Some(more) => output.line(format_args!("and {more} with a better one")),
        None => Ok(()),
    }
}
