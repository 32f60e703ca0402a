//! `privacy epsilon` and `privacy noise`: what training with noise costs, and what noise a cost asks for.

use super::{
    Exit, Failure, Output,
    args::{EpsilonArgs, NoiseArgs, PrivacyCommand},
};
use quaestor_federation::{PrivacyError, privacy};
use serde_json::json;

pub(super) fn run(command: &PrivacyCommand, output: Output) -> Result<Exit, Failure> {
    match command {
        PrivacyCommand::Epsilon(args) => epsilon(args, output),
        PrivacyCommand::Noise(args) => noise(args, output),
    }
}

impl From<PrivacyError> for Failure {
    fn from(error: PrivacyError) -> Self {
        Self::new(Exit::Usage, error)
    }
}

fn epsilon(args: &EpsilonArgs, output: Output) -> Result<Exit, Failure> {
    let EpsilonArgs { noise_multiplier, rounds, delta, window, .. } = *args;
    let epsilon = privacy::epsilon(noise_multiplier, rounds, delta)?;
    let epsilon_day = privacy::epsilon_of_group(noise_multiplier, rounds, delta, window)?;
    output.line(format_args!("epsilon  {epsilon:.6} for one record, at delta {delta:e}"))?;
    if window > 1 {
        output.line(format_args!("         {epsilon_day:.6} for one day, which enters {window} records"))?;
    }
    output.line(format_args!(
        "method   {}: {rounds} Gaussian releases with everybody's records in each are one",
        privacy::METHOD
    ))?;
    output.document(&json!({
        "epsilon": epsilon, "epsilon_day": epsilon_day, "window": window, "method": privacy::METHOD,
        "noise_multiplier": noise_multiplier, "rounds": rounds, "delta": delta,
    }))?;
    Ok(Exit::Ok)
}

fn noise(args: &NoiseArgs, output: Output) -> Result<Exit, Failure> {
    let NoiseArgs { epsilon, rounds, delta, .. } = *args;
    let noise_multiplier = privacy::noise_multiplier(epsilon, rounds, delta)?;
    output.line(format_args!("noise multiplier  {noise_multiplier:.6}: at least this, for epsilon {epsilon}"))?;
    output.line(format_args!("method            {}", privacy::METHOD))?;
    output.document(&json!({
        "noise_multiplier": noise_multiplier, "method": privacy::METHOD,
        "epsilon": epsilon, "rounds": rounds, "delta": delta,
    }))?;
    Ok(Exit::Ok)
}
