//! `merge`: parts of a sweep or of a Monte-Carlo simulation become what it would have been whole.

use super::{
    Exit, Failure, Output,
    args::MergeArgs,
    montecarlo,
    parts::{Joined, kind},
    setup::configuration,
    sweep,
};
use quaestor_simulations::{montecarlo as futures, sweep as swept};

pub(super) fn run(args: &MergeArgs, output: Output) -> Result<Exit, Failure> {
    let Some(first) = args.parts.first() else { return Err(configuration("name the files that `--shard` wrote")) };
    match kind(first)?.as_str() {
        swept::PART_KIND => merge_sweep(args, output),
        futures::PART_KIND => merge_futures(args, output),
        other => Err(configuration(format!("{}: parts of `{other}` are not joined", first.display()))),
    }
}

fn merge_futures(args: &MergeArgs, output: Output) -> Result<Exit, Failure> {
    let joined = Joined::of(&args.parts, futures::PART_KIND)?;
    let about = futures::About::of(joined.head()).map_err(configuration)?;
    let mut outcomes = Vec::new();
    joined.each(|outcome| outcomes.push(outcome))?;
    montecarlo::finish(&about, &outcomes, &args.results, "", output)?;
    Ok(Exit::Ok)
}

fn merge_sweep(args: &MergeArgs, output: Output) -> Result<Exit, Failure> {
    let joined = Joined::of(&args.parts, swept::PART_KIND)?;
    let about = swept::About::of(joined.head()).map_err(configuration)?;
    let heat = sweep::heat(&about, args.heat.heat.as_deref())?;
    let mut results = swept::Results::new(about);
    joined.each(|row| results.push(row))?;
    sweep::Told::merged(&results, heat).finish(&args.results, output)?;
    Ok(Exit::Ok)
}
