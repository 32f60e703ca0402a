//! What a sweep came to, in lines.

use super::{Failure, Output};
use quaestor_simulations::{
    Day,
    report::{number, percent, usd},
    sweep::{About, Best, Forward, Joined, Judged, Verdict},
};

fn day(at: u64) -> String {
    Day::at(at).map_or_else(String::new, |day| day.to_string())
}

fn known(found: f64) -> Option<f64> {
    (!found.is_nan()).then_some(found)
}

/// Figures of the table, after what is varied.
const FIGURES: [&str; 7] = ["value USD", "CAGR", "volatility", "Sharpe", "Calmar", "max drawdown", "costs USD"];

pub(super) fn tell(about: &About, judged: &Judged, speed: Option<&str>, output: Output) -> Result<(), Failure> {
    let [_, from, to] = about.times;
    output.line(format_args!(
        "{}, {} to {}: {} configurations of {} bars",
        about.title,
        day(from),
        day(to),
        usd(judged.configurations as f64),
        about.bars
    ))?;
    if let Some(speed) = speed {
        output.line(speed)?;
    }
    output.line("")?;
    table(about, judged, output)?;
    output.line("")?;
    let verdict = match judged.verdict {
        Verdict::Holds => "holds",
        Verdict::Doubtful => "doubtful",
        Verdict::Overfitted => "overfitted",
        Verdict::Unknown => "unknown",
    };
    output.line(format_args!("verdict     {verdict}. {}", judged.said))?;
    if let Some(found) = &judged.walk_forward {
        forward(found, output)?;
    }
    output.line(format_args!("design      {}; by {}", about.design(), judged.by.title()))?;
    if let Some(why) = &judged.refused_first {
        output.line(format_args!("refused     {} are no policy and were not run; {why}", judged.refused))?;
    }
    for note in &about.assumed {
        output.line(format_args!("assumed     {note}"))?;
    }
    let varied = about.keys().join(", ");
    output.line(format_args!("varied      {varied}: their values hold instead of what is assumed above"))
}

/// The best, as wide as what is varied needs.
fn table(about: &About, judged: &Judged, output: Output) -> Result<(), Failure> {
    let keys = about.keys();
    let head = ["row".to_owned()].into_iter().chain(about.short_keys()).chain(FIGURES.map(str::to_owned)).collect();
    let cells = |best: &Best| {
        let outcome = &best.outcome;
        let values = keys.iter().map(|key| best.values.get(key).cloned().unwrap_or_default());
        let figures = [
            usd(outcome.final_value),
            percent(known(outcome.cagr)),
            percent(known(outcome.volatility)),
            number(known(outcome.sharpe)),
            number(known(outcome.calmar)),
            percent(known(outcome.max_drawdown)),
            usd(outcome.costs),
        ];
        [best.row.to_string()].into_iter().chain(values).chain(figures).collect::<Vec<_>>()
    };
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(judged.best.iter().map(cells)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..rows[0].len()).map(width).collect();
    for row in &rows {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:>width$}")).collect();
        output.line(cells.join("  "))?;
    }
    Ok(())
}

fn forward(found: &Forward, output: Output) -> Result<(), Failure> {
    let told = |joined: &Joined| {
        format!(
            "return {}, Sharpe {}, max drawdown {}",
            percent(Some(joined.total_return)),
            number(joined.sharpe),
            percent(Some(joined.max_drawdown))
        )
    };
    output.line(format_args!(
        "walked      {} times best on {} bars, held in the next {}: {}",
        found.picks.len(),
        found.lengths.train,
        found.lengths.test,
        told(&found.out_of_sample)
    ))?;
    match &found.in_sample {
        Some(joined) => output.line(format_args!("hindsight   the best of all over the same bars: {}", told(joined))),
        None => Ok(()),
    }
}
