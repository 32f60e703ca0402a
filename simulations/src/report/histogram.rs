//! Distributions as SVG text.

use crate::metrics::quantile;
use std::fmt::Write as _;

/// Wide, and for a phone: class, width, height, bars, labels below.
const SIZES: [(&str, f64, f64, usize, usize); 2] = [("wide", 960.0, 240.0, 48, 9), ("narrow", 420.0, 220.0, 28, 4)];
/// Share of the values beyond each end that count to its last bar: one stray value must not squeeze the others.
const BEYOND: f64 = 0.005;
const LEFT: f64 = 8.0;
const BELOW: f64 = 24.0;
const LETTERS: f64 = 12.0;

/// How often which values come, and lines at some of them in the colours of their places.
pub(super) struct Histogram<'a> {
    pub(super) values: &'a [f64],
    pub(super) lines: &'a [f64],
    pub(super) unit: &'a dyn Fn(f64) -> String,
}

impl Histogram<'_> {
    /// Both sizes, each in its class; nothing where there are no values.
    pub(super) fn svg(&self, alt: &str) -> String {
        let ends = [BEYOND, 1.0 - BEYOND].map(|share| quantile(self.values, share));
        let [Some(low), Some(high)] = ends else { return String::new() };
        // All that is marked is seen.
        let (low, high) = self.lines.iter().fold((low, high), |(low, high), line| (low.min(*line), high.max(*line)));
        let room = if high > low { 0.0 } else { low.abs().max(1.0) * 0.05 };
        SIZES.iter().map(|size| self.sized(alt, *size, low - room, high + room)).collect()
    }

    fn sized(&self, alt: &str, size: (&str, f64, f64, usize, usize), low: f64, high: f64) -> String {
        let (class, width, height, bars, labels) = size;
        let mut counts = vec![0u64; bars];
        for value in self.values {
            let place = ((value - low) / (high - low) * bars as f64).clamp(0.0, (bars - 1) as f64);
            counts[place as usize] += 1;
        }
        let most = counts.iter().copied().max().unwrap_or(0).max(1) as f64;
        let (inside, tall) = (width - 2.0 * LEFT, height - BELOW - 8.0);
        let x = |value: f64| LEFT + (value - low) / (high - low) * inside;
        let mut text = format!(
            "<svg class=\"{class}\" role=\"img\" aria-label=\"{}\" viewBox=\"0 0 {width:.0} {height:.0}\" \
             xmlns=\"http://www.w3.org/2000/svg\" font-family=\"sans-serif\" font-size=\"{LETTERS}\" fill=\"var(--ink)\">",
            super::html::escape(alt)
        );
        let step = inside / bars as f64;
        for (bar, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let up = (*count as f64 / most * tall).max(1.0);
            // A string takes what it is given.
            let _ = write!(
                text,
                "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{up:.1}\" fill=\"var(--s0)\" fill-opacity=\"0.55\"><title>{count}</title></rect>",
                LEFT + bar as f64 * step + 0.5,
                8.0 + tall - up,
                (step - 1.0).max(0.5)
            );
        }
        for (place, line) in self.lines.iter().enumerate() {
            let _ = write!(
                text,
                "<line x1=\"{0:.1}\" x2=\"{0:.1}\" y1=\"4\" y2=\"{1:.1}\" stroke=\"var(--s{2})\" stroke-width=\"2\"/>",
                x(*line),
                8.0 + tall,
                place + 1
            );
        }
        let _ = write!(
            text,
            "<line x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{1:.1}\" y2=\"{1:.1}\" stroke=\"var(--faint)\"/>",
            width - LEFT,
            8.0 + tall
        );
        for label in 0..labels {
            let share = (label as f64 + 0.5) / labels as f64;
            let value = low + share * (high - low);
            let told = super::html::escape(&(self.unit)(value));
            let _ = write!(
                text,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{told}</text>",
                x(value),
                height - 6.0
            );
        }
        text.push_str("</svg>");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_in_a_bar() {
        let values: Vec<f64> = (0..500).map(|at| f64::from(at % 37) * 0.1).chain([1e9]).collect();
        let svg = Histogram { values: &values, lines: &[1.0], unit: &|value| format!("{value:.1}") }.svg("what");
        let (wide, narrow) = svg.split_at(svg.find("<svg class=\"narrow").unwrap());
        for picture in [wide, narrow] {
            let counts =
                picture.split("<title>").skip(1).map(|rest| rest.split('<').next().unwrap().parse::<usize>().unwrap());
            assert_eq!(counts.sum::<usize>(), values.len());
        }
        assert_eq!(Histogram { values: &[], lines: &[], unit: &|_| String::new() }.svg("what"), "");
        assert!(!Histogram { values: &[2.0], lines: &[], unit: &|_| String::new() }.svg("what").contains("NaN"));
    }
}
