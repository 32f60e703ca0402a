//! A picture that stands alone: charts one below the other over the same time, for a page that is no report.

use super::{
    Report,
    chart::{Chart, Failed, INK, Mark, Series, alone, series_colour},
    day, marks, short_usd,
};
use plotters::{coord::Shift, prelude::*};

/// Width and height of a chart.
const SIZE: (u32, u32) = (960, 260);
/// Height of the title, and of what a chart's lines are.
const TITLE: u32 = 40;
const LEGEND: u32 = 24;

/// Why there is no picture.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the picture cannot be drawn: {reason}")]
pub struct PictureError {
    /// What was said.
    pub reason: String,
}

/// A chart with what it shows.
struct Part {
    about: String,
    /// Signs and names, each with the number of its colour.
    key: Vec<(char, String, usize)>,
    chart: Chart,
}

impl Report<'_> {
    /// Value with the proposals that moved it, shares, and the runway where the policy says what is paid, as an SVG file
    /// that needs nothing else.
    ///
    /// # Errors
    /// If there is nothing to draw.
    pub fn picture(&self) -> Result<String, PictureError> {
        let terms = self.policy.terms();
        let times = &self.market.panel.ends()[self.run.start..];
        let shares = self.shares(terms, times);
        let key = shares.series.iter().enumerate().map(|(index, one)| ('■', one.name.clone(), index)).collect();
        let mut parts = vec![self.worth(times), Part { about: "shares of the treasury".into(), key, chart: shares }];
        parts.extend(self.months(terms).map(|(chart, _)| Part {
            about: "months of spending in stable assets".into(),
            key: Vec::new(),
            chart,
        }));
        let (from, to) = (times.first().copied().unwrap_or_default(), times.last().copied().unwrap_or_default());
        let title = format!("{}: backtest, {} to {}", terms.name, day(from), day(to));
        let mut text = String::new();
        draw(&mut text, &title, times, &parts).map_err(|error| PictureError { reason: error.to_string() })?;
        Ok(alone(text))
    }

    /// Value beside that of the same treasury, managed by nobody; proposals stand where the value was.
    fn worth(&self, times: &[u64]) -> Part {
        let mut series = vec![Series { name: "this policy".into(), values: self.run.values.clone() }];
        let held = self.summary.rivals.iter().find(|rival| rival.name == "hold");
        series.extend(held.map(|rival| Series { name: rival.name.into(), values: rival.values.clone() }));
        let value = |at: u64| {
            let place = times.partition_point(|end| *end < at);
            self.run.values.get(place).copied().unwrap_or_default()
        };
        let marks: Vec<_> = marks(self.run).into_iter().map(|(mark, at, _)| (mark, at, value(at))).collect();
        let mut key: Vec<_> = series.iter().enumerate().map(|(index, one)| ('—', one.name.clone(), index)).collect();
        let signs = [
            (Mark::Executed, '●', "executed", 2),
            (Mark::Withdrawn, '✕', "withdrawn", 1),
            (Mark::Expired, '○', "expired", 3),
            (Mark::Refused, '▲', "refused", 4),
        ];
        let seen = signs.iter().filter(|(mark, ..)| marks.iter().any(|(made, ..)| made == mark));
        key.extend(seen.map(|(_, sign, name, colour)| (*sign, (*name).to_owned(), *colour)));
        let chart = Chart { series, stacked: false, from_zero: false, marks, unit: short_usd };
        Part { about: "value, USD".into(), key, chart }
    }
}

fn draw(text: &mut String, title: &str, times: &[u64], parts: &[Part]) -> Result<(), Failed> {
    let each = SIZE.1 + LEGEND;
    let height = TITLE + each * u32::try_from(parts.len())?;
    let area = SVGBackend::with_string(text, (SIZE.0, height)).into_drawing_area();
    area.fill(&WHITE)?;
    area.draw(&Text::new(title.to_owned(), (14, 12), ("sans-serif", 19).into_font().color(&INK)))?;
    let (_, mut below) = area.split_vertically(TITLE);
    for part in parts {
        let (own, rest) = below.split_vertically(each);
        let (key, chart) = own.split_vertically(LEGEND);
        legend(&key, part)?;
        part.chart.draw(&chart, SIZE, times, &[])?;
        below = rest;
    }
    area.present()?;
    Ok(())
}

fn legend(area: &DrawingArea<SVGBackend<'_>, Shift>, part: &Part) -> Result<(), Failed> {
    let mut left = 70;
    let mut say = |text: String, colour: RGBColor| -> Result<(), Failed> {
        // Letters of this size are about eight pixels wide.
        let width = 8 * i32::try_from(text.chars().count())? + 14;
        area.draw(&Text::new(text, (left, 6), ("sans-serif", 15).into_font().color(&colour)))?;
        left += width;
        Ok(())
    };
    say(part.about.clone(), INK)?;
    part.key.iter().try_for_each(|(sign, name, colour)| say(format!("{sign} {name}"), series_colour(*colour)))
}
