//! The report of a Monte-Carlo simulation.

use super::{chart::FanChart, day, html, html::Page, number, percent, short_percent, short_usd, usd};
use crate::{
    montecarlo::{About, Distribution, FAN_PATHS_MAX, Results},
    paths::Futures,
};

/// One row of quantiles.
fn row(name: &str, found: Option<&Distribution>, text: fn(f64) -> String) -> Vec<String> {
    let quantiles = found.map(Distribution::quantiles);
    let cells = (0..5).map(|place| quantiles.map_or_else(|| "–".to_owned(), |found| text(found[place])));
    let mean = found.map_or_else(|| "–".to_owned(), |found| text(found.mean));
    [name.to_owned()].into_iter().chain(cells).chain([mean]).collect()
}

fn share(value: f64) -> String {
    percent(Some(value))
}

fn plain(value: f64) -> String {
    number(Some(value))
}

/// What the columns of [`row`] are.
const QUANTILES_HEAD: [&str; 7] = ["", "5 %", "25 %", "median", "75 %", "95 %", "mean"];
/// Names of the bands, as the key of a chart has them.
const BANDS: [&str; 3] = ["median", "half of the paths", "nine of ten"];

/// The whole file.
pub fn montecarlo(about: &About, results: &Results) -> String {
    let mut page = Page::new();
    heading(&mut page, about, results);
    fans(&mut page, about, results);
    distributions(&mut page, about, results);
    grounds(&mut page, about);
    page.end(&format!("{}: made-up futures", about.title))
}

fn heading(page: &mut Page, about: &About, results: &Results) {
    page.raw(&format!("<h1>{}</h1>", html::escape(&about.title)));
    page.raw(&format!(
        "<p><b class=\"bad\">Synthetic.</b> {} made-up futures of {} bars each, {} to {}; none of them happened, and none will. \
         The pipeline that runs live decided on each.</p>",
        usd(results.paths as f64),
        about.bars,
        day(about.begin),
        day(about.end),
    ));
    let middle = |found: Option<Distribution>| found.map(|found| found.p50);
    let (fell, short) = (
        format!("paths that fell by {}", short_percent(about.drawdown)),
        format!("paths with a runway under {} months", about.runway_months),
    );
    let mut tiles = vec![
        ("median value at the end, USD", middle(results.policy.final_value).map_or_else(String::new, usd)),
        ("median growth a year", percent(middle(results.policy.cagr))),
        ("median deepest fall", percent(middle(results.policy.max_drawdown))),
        ("paths that lost", share(results.policy.loss_probability)),
        (&fell, share(results.policy.drawdown_probability)),
        ("paths in which something was refused", share(results.odds.refused_share)),
        ("proposals of a path, in the mean", plain(results.proposals_mean)),
    ];
    if let Some(found) = results.odds.runway_probability {
        tiles.insert(5, (&short, share(found)));
    }
    page.tiles(&tiles);
}

fn fans(page: &mut Page, about: &About, results: &Results) {
    let fan = &results.fan;
    let of = if fan.paths < results.paths && fan.paths as u64 == FAN_PATHS_MAX {
        format!(" Of the first {} paths.", usd(fan.paths as f64))
    } else {
        String::new()
    };
    let key = |level: &str| {
        let band = |opacity: f64, name: &str| {
            format!("<span><i style=\"background:var(--s0);opacity:{opacity}\"></i>{name}</span>")
        };
        let level = if level.is_empty() {
            String::new()
        } else {
            format!("<span><i style=\"background:var(--s1)\"></i>{level}</span>")
        };
        let bands = [band(1.0, BANDS[0]), band(0.4, BANDS[1]), band(0.22, BANDS[2])].concat();
        format!("<div class=\"key\">{bands}{level}</div>")
    };
    // All paths begin at one point.
    let times: Vec<u64> = [about.begin].into_iter().chain(fan.times.iter().copied()).collect();
    let from = |first: f64, quantiles: &[[f64; 5]]| [&[[first; 5]], quantiles].concat();
    let (values, falls) = (from(about.initial_value, &fan.value), from(0.0, &fan.drawdown));
    page.heading("Value");
    page.raw(&key("value at first"));
    let level = Some(about.initial_value);
    let chart = FanChart { quantiles: &values, level, from_zero: true, unit: short_usd };
    let caption = format!("Dollars, synthetic, quantiles at each time on their own: no path runs along a band.{of}");
    page.figure(&chart.svg(&times, "value over time, quantiles of made-up futures"), &[], &caption);
    page.heading("Fall from the highest value");
    page.raw(&key(""));
    let chart = FanChart { quantiles: &falls, level: None, from_zero: true, unit: short_percent };
    let caption = format!("Synthetic. What flowed in or out does not count.{of}");
    page.figure(&chart.svg(&times, "drawdown over time, quantiles of made-up futures"), &[], &caption);
}

fn distributions(page: &mut Page, about: &About, results: &Results) {
    page.heading("Over all paths");
    let Results { policy, hold, .. } = results;
    let mut rows = vec![
        row("value at the end, USD", policy.final_value.as_ref(), usd),
        row("growth a year", policy.cagr.as_ref(), share),
        row("deepest fall", policy.max_drawdown.as_ref(), share),
        row("Sharpe", policy.sharpe.as_ref(), plain),
    ];
    if results.runway_months_min.is_some() {
        rows.push(row("least runway, months", results.runway_months_min.as_ref(), plain));
    }
    page.table(&QUANTILES_HEAD, &rows, None);
    page.heading("Keeping what is held at first");
    page.table(
        &QUANTILES_HEAD,
        &[
            row("value at the end, USD", hold.final_value.as_ref(), usd),
            row("growth a year", hold.cagr.as_ref(), share),
            row("deepest fall", hold.max_drawdown.as_ref(), share),
            row("Sharpe", hold.sharpe.as_ref(), plain),
        ],
        None,
    );
    page.raw("<p class=\"dim\">On the same paths with the same flows, without costs.</p>");
    page.heading("How often");
    let both = |what: String, own: f64, other: f64| vec![what, share(own), share(other)];
    let mut rows = vec![
        both("it lost, what flowed aside".into(), policy.loss_probability, hold.loss_probability),
        both(
            format!("it fell by more than {}", short_percent(about.drawdown)),
            policy.drawdown_probability,
            hold.drawdown_probability,
        ),
    ];
    if let Some(found) = results.odds.runway_probability {
        let what = format!("the runway fell under {} months", about.runway_months);
        rows.push(vec![what, share(found), "–".to_owned()]);
    }
    rows.push(vec!["something was refused".to_owned(), share(results.odds.refused_share), "–".to_owned()]);
    page.table(&["share of paths in which", "this policy", "hold"], &rows, None);
    page.paragraph(&format!(
        "{} proposals of a path in the mean, of which {} were executed.",
        plain(results.proposals_mean),
        plain(results.executed_mean)
    ));
}

fn grounds(page: &mut Page, about: &About) {
    page.heading("Assumed");
    page.list(&about.assumed);
    page.heading("To run it again");
    let super::Provenance { data_hash, policy_hash, model_hash, assumptions_hash, seed } = about.provenance;
    let how = match about.futures {
        Futures::Bootstrap => format!("bootstrap, blocks of {} bars in the mean", about.block),
        Futures::Gbm => "gbm".to_owned(),
        Futures::Jump => "jump".to_owned(),
        Futures::Regimes => "regimes".to_owned(),
    };
    page.raw(&format!(
        "<p class=\"dim\">The same data, policy, model, assumptions, way to make up futures, seed and number of paths give the \
         same bytes.</p><ul><li>data <code>{data_hash}</code></li><li>policy <code>{policy_hash}</code></li><li>model \
         <code>{model_hash}</code></li><li>assumptions <code>{assumptions_hash}</code></li><li>futures <code>{how}</code></li>\
         <li>seed <code>{seed}</code></li></ul><p class=\"dim\">A year has 365 days; returns are simple and without flows; growth \
         a year is on 365 days; volatility divides by n − 1. A quantile is over the paths that have the figure.</p>"
    ));
}
