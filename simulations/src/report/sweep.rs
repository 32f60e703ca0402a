//! The report of a sweep.

use super::{
    Provenance, day,
    heat::{Cell, HeatMap},
    histogram::Histogram,
    html::{self, Page},
    number, percent, short_percent, short_usd, usd,
};
use crate::{
    metrics::quantile,
    sweep::{About, Judged, Metric, Point, Results, Verdict},
};

/// Most columns or rows of a map; where an axis has more values, neighbours are taken together.
const BINS_MAX: usize = 12;
/// Columns or rows of weights that are drawn.
const WEIGHT_BINS: usize = 10;

/// The whole file. `heat` are the places of two keys of the sweep; without them they are the first two.
pub fn sweep(results: &Results, judged: &Judged, heat: Option<[usize; 2]>) -> String {
    let about = results.about();
    let mut page = Page::new();
    heading(&mut page, about, judged);
    maps(&mut page, results, heat);
    distribution(&mut page, results, judged);
    best(&mut page, about, judged);
    forward(&mut page, judged);
    overfitting(&mut page, judged);
    grounds(&mut page, about);
    page.end(&format!("{}: sweep", about.title))
}

fn known(found: f64) -> Option<f64> {
    (!found.is_nan()).then_some(found)
}

fn short(by: Metric, value: f64) -> String {
    match by {
        Metric::Sharpe | Metric::Calmar => number(Some(value)),
        Metric::Cagr | Metric::MaxDrawdown => short_percent(value),
        Metric::FinalValue => short_usd(value),
    }
}

fn heading(page: &mut Page, about: &About, judged: &Judged) {
    let [_, from, to] = about.times;
    page.raw(&format!("<h1>{}</h1>", html::escape(&about.title)));
    let varied = if about.keys().is_empty() { String::new() } else { html::escape(&about.keys().join(", ")) };
    page.raw(&format!(
        "<p class=\"dim\">Sweep, {} to {}, {} bars, {} configurations: {}. Varied: {varied}. The pipeline that runs live decided \
         in each.</p>",
        day(from),
        day(to),
        about.bars,
        usd(judged.configurations as f64),
        html::escape(&about.design()),
    ));
    let first = judged.best.first().map(|best| &best.outcome);
    let mut tiles = vec![
        ("configurations", usd(judged.configurations as f64)),
        ("best Sharpe", number(first.and_then(|best| known(best.sharpe)))),
        ("its growth a year", percent(first.and_then(|best| known(best.cagr)))),
        ("its deepest fall", percent(first.map(|best| best.max_drawdown))),
        ("that it beats luck", percent(judged.deflated_sharpe.map(|found| found.probability))),
        ("probability of overfitting", percent(judged.overfitting.map(|found| found.probability))),
    ];
    if judged.by != Metric::Sharpe {
        tiles[1].0 = "Sharpe of the best";
    }
    if let Some(found) = &judged.walk_forward {
        tiles.push(("Sharpe, walked forward", number(found.out_of_sample.sharpe)));
        tiles.push(("deepest fall, walked forward", percent(Some(found.out_of_sample.max_drawdown))));
    }
    page.tiles(&tiles);
    let class = match judged.verdict {
        Verdict::Holds => " class=\"good\"",
        Verdict::Overfitted => " class=\"bad\"",
        Verdict::Doubtful | Verdict::Unknown => "",
    };
    let said = html::escape(&judged.said);
    let (first, rest) = said.split_once(". ").unwrap_or((&said, ""));
    let (first, colon) = (first.trim_end_matches('.'), if rest.is_empty() { "" } else { " " });
    page.raw(&format!("<p><b{class}>{first}.</b>{colon}{rest}</p>"));
    if let Some(why) = &judged.refused_first {
        page.paragraph(&format!("{} configurations are no policy and were not run; {why}", judged.refused));
    }
}

/// How the values of a key are put into columns.
struct Bins {
    labels: Vec<String>,
    of: Box<dyn Fn(&Point) -> usize>,
}

impl Bins {
    /// Of the key at this place.
    fn of(about: &About, place: usize) -> Self {
        if let Some(axis) = about.spec.axes.get(place) {
            let values = axis.values.len();
            let bins = values.min(BINS_MAX);
            let of = move |value: usize| value * bins / values;
            let label = |bin: usize| {
                let mut inside = (0..values).filter(|value| of(*value) == bin);
                let first = inside.next().unwrap_or_default();
                match inside.next_back() {
                    Some(last) => format!("{}–{}", axis.told(first), axis.told(last)),
                    None => axis.told(first),
                }
            };
            return Self { labels: (0..bins).map(label).collect(), of: Box::new(move |point| of(point.places[place])) };
        }
        let share = place - about.spec.axes.len();
        let total = about.weights.as_ref().map_or(1, |weights| weights.total_bps.max(1));
        let end = |bin: usize| total * bin as u64 / WEIGHT_BINS as u64;
        let percents = |bps: u64| format!("{:.0}", bps as f64 / 100.0);
        Self {
            labels: (0..WEIGHT_BINS)
                .map(|bin| format!("{}–{} %", percents(end(bin)), percents(end(bin + 1))))
                .collect(),
            of: Box::new(move |point| {
                (point.weights[share] as usize * WEIGHT_BINS / total as usize).min(WEIGHT_BINS - 1)
            }),
        }
    }
}

fn maps(page: &mut Page, results: &Results, heat: Option<[usize; 2]>) {
    let (about, by) = (results.about(), results.about().spec.by);
    let keys = about.keys();
    let [across, down] = heat.unwrap_or([0, 1]);
    let (columns, rows) = (Bins::of(about, across), keys.get(down).map(|_| Bins::of(about, down)));
    let width = columns.labels.len();
    let labels = rows.as_ref().map_or_else(|| vec![String::new()], |rows| rows.labels.clone());
    // Sum, number and best of each cell.
    let mut found = vec![(0.0f64, 0u64, f64::NEG_INFINITY); width * labels.len()];
    let points = about.points();
    for (row, outcome) in (0..).zip(results.outcomes()) {
        let Some(value) = by.of(outcome) else { continue };
        let point = points.point(row);
        let at = rows.as_ref().map_or(0, |rows| (rows.of)(&point)) * width + (columns.of)(&point);
        let (sum, count, best) = found[at];
        found[at] = (sum + value, count + 1, best.max(value));
    }
    let title = match keys.get(down) {
        Some(down) => format!("{} by {} (across) and {down} (down)", by.title(), keys[across]),
        None => format!("{} by {}", by.title(), keys[across]),
    };
    page.heading(&format!("Where it is good: {title}"));
    let is_alone = found.iter().all(|(_, count, _)| *count <= 1);
    let unit = |value: f64| short(by, value);
    let mut map = |what: &str, of: &dyn Fn(&(f64, u64, f64)) -> f64| {
        let cell = |cell: &(f64, u64, f64)| (cell.1 > 0).then(|| Cell { value: of(cell), count: cell.1 });
        let cells: Vec<Option<Cell>> = found.iter().map(cell).collect();
        let map = HeatMap { columns: &columns.labels, rows: &labels, cells: &cells, unit: &unit };
        page.figure(&map.svg(&format!("{title}, {what}")), &[], what);
    };
    match is_alone {
        true => map(
            "Each cell is one configuration. A single good cell among bad ones is luck more often than skill.",
            &|cell| cell.0,
        ),
        false => {
            map("Mean of all configurations in a cell: where it is good whatever the rest is.", &|cell| {
                cell.0 / cell.1 as f64
            });
            map("Best of all configurations in a cell.", &|cell| cell.2);
        }
    }
}

fn distribution(page: &mut Page, results: &Results, judged: &Judged) {
    let by = judged.by;
    let values: Vec<f64> = results.outcomes().iter().filter_map(|outcome| by.of(outcome)).collect();
    let Some(median) = quantile(&values, 0.5) else { return };
    page.heading(&format!("All configurations: {}", by.title()));
    let best = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    page.raw(&format!(
        "<div class=\"key\"><span><i style=\"background:var(--s1)\"></i>median {}</span><span><i \
         style=\"background:var(--s2)\"></i>best {}</span></div>",
        by.told(Some(median)),
        by.told(Some(best))
    ));
    let unit = |value: f64| short(by, value);
    let chart = Histogram { values: &values, lines: &[median, best], unit: &unit };
    page.figure(
        &chart.svg("distribution over all configurations"),
        &[],
        "How many configurations came to what; what lies far out counts to the last bar.",
    );
}

fn best(page: &mut Page, about: &About, judged: &Judged) {
    page.heading(&format!("The best by {}", judged.by.title()));
    let keys = about.keys();
    let short_keys = about.short_keys();
    let mut head = vec!["row"];
    head.extend(short_keys.iter().map(String::as_str));
    head.extend(["value USD", "CAGR", "volatility", "Sharpe", "Calmar", "max drawdown", "costs USD", "proposals"]);
    let row = |best: &crate::sweep::Best| {
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
            outcome.proposals.to_string(),
        ];
        [best.row.to_string()].into_iter().chain(values).chain(figures).collect::<Vec<_>>()
    };
    let rows: Vec<Vec<String>> = judged.best.iter().map(row).collect();
    page.table(&head, &rows, Some(0));
}

fn forward(page: &mut Page, judged: &Judged) {
    let Some(found) = &judged.walk_forward else { return };
    page.heading("Walked forward");
    page.paragraph(&format!(
        "What was best on {} bars is held in the {} after them, and so on, {} times. Changing from one pick to the next costs nothing \
         here, and each pick is taken over as it stood.",
        found.lengths.train,
        found.lengths.test,
        found.picks.len()
    ));
    let row = |name: &str, joined: &crate::sweep::Joined| {
        let percents = [percent(Some(joined.total_return)), percent(joined.cagr)];
        let rest = [number(joined.sharpe), percent(Some(joined.max_drawdown))];
        [name.to_owned()].into_iter().chain(percents).chain(rest).collect::<Vec<_>>()
    };
    let mut rows = vec![row("walked forward", &found.out_of_sample)];
    rows.extend(found.in_sample.iter().map(|joined| row("the best in hindsight", joined)));
    page.table(&["over the same bars", "return", "CAGR", "Sharpe", "max drawdown"], &rows, Some(0));
    let picks: Vec<String> = found.picks.iter().map(|pick| pick.row.to_string()).collect();
    page.paragraph(&format!("Rows that were picked: {}.", picks.join(", ")));
}

fn overfitting(page: &mut Page, judged: &Judged) {
    page.heading("How much of it is luck");
    let mut rows = Vec::new();
    let mut row = |what: String, told: String| rows.push(vec![what, told]);
    if let Some(found) = judged.deflated_sharpe {
        row("Sharpe of the best".into(), number(Some(found.sharpe)));
        row(format!("the luckiest of {}", usd(found.trials as f64)), number(Some(found.luck)));
        row("deflated Sharpe ratio".into(), percent(Some(found.probability)));
    }
    if let Some(found) = judged.overfitting {
        row("probability of overfitting".into(), percent(Some(found.probability)));
        row("probability that the pick loses".into(), percent(Some(found.loss_probability)));
        row("median rank of the pick, 1 is best".into(), number(Some(found.rank_median)));
        row("ways to halve the time".into(), usd(found.splits as f64));
        if (found.configurations as u64) < judged.configurations - judged.refused {
            row("judged by an even sample of".into(), usd(found.configurations as f64));
        }
    }
    match rows.is_empty() {
        true => page.paragraph("Too few configurations or bars to judge by."),
        false => page.table(&["", ""], &rows, None),
    }
    page.raw(
        "<p class=\"dim\">The luckiest: what the best of as many configurations without any skill would show. Deflated Sharpe ratio: the \
         probability that the best is truly above that (Bailey and López de Prado 2014); each configuration counts as a trial of \
         its own, which is strict where they are alike. Overfitting: how often what has the best Sharpe ratio in one half of the time ranks \
         below the middle in the other, over all ways to halve it; beside it how often it loses there, and its rank there (Bailey, Borwein, \
         López de Prado and Zhu 2017).</p>",
    );
}

fn grounds(page: &mut Page, about: &About) {
    page.heading("Assumed");
    page.list(&about.assumed);
    page.heading("To run it again");
    let Provenance { data_hash, policy_hash, model_hash, assumptions_hash, seed } = about.provenance;
    let spec = about.hash().map_or_else(|_| String::new(), |hash| hash.to_string());
    page.raw(&format!(
        "<p class=\"dim\">The same data, sweep and seed give the same bytes, on any number of threads and in any number of \
         parts.</p><ul><li>data <code>{data_hash}</code></li><li>sweep <code>{spec}</code></li><li>policy that is varied \
         <code>{policy_hash}</code></li><li>model <code>{model_hash}</code></li><li>assumptions <code>{assumptions_hash}</code></li>\
         <li>seed <code>{seed}</code></li></ul><p class=\"dim\">A year has 365 days; returns are simple and without flows.</p>"
    ));
}
