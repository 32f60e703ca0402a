//! Heat maps as SVG text: a number for each pair of values, the stronger its colour the greater.

use super::html::escape;
use std::fmt::Write as _;

/// Wide, and for a phone: class, width, height of a row, size of letters.
const SIZES: [(&str, f64, f64, f64); 2] = [("wide", 960.0, 34.0, 12.0), ("narrow", 420.0, 30.0, 11.0)];
/// Faintest and strongest colour; what is written upon it stays readable in light and in dark.
const SHADES: (f64, f64) = (0.06, 0.6);
/// Width of a letter, as a share of its size.
const LETTER: f64 = 0.6;
/// Most letters of a label.
const LABEL_MAX: usize = 18;

/// What is known of a cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cell {
    /// Its number.
    pub(super) value: f64,
    /// Configurations in it.
    pub(super) count: u64,
}

/// A map. Cells are row by row, from the top.
pub(super) struct HeatMap<'a> {
    pub(super) columns: &'a [String],
    pub(super) rows: &'a [String],
    pub(super) cells: &'a [Option<Cell>],
    pub(super) unit: &'a dyn Fn(f64) -> String,
}

fn short(label: &str) -> String {
    match label.chars().count() > LABEL_MAX {
        true => label.chars().take(LABEL_MAX - 1).chain(['…']).collect(),
        false => label.to_owned(),
    }
}

impl HeatMap<'_> {
    /// Both sizes, each in its class.
    pub(super) fn svg(&self, alt: &str) -> String {
        SIZES.iter().map(|(class, width, row, letters)| self.sized(alt, class, *width, *row, *letters)).collect()
    }

    fn sized(&self, alt: &str, class: &str, width: f64, row_height: f64, letters: f64) -> String {
        let long =
            |labels: &[String]| labels.iter().map(|label| short(label).chars().count()).max().unwrap_or(0) as f64;
        let left = (long(self.rows) * letters * LETTER + 10.0).min(width * 0.4);
        let cell_width = (width - left - 4.0) / self.columns.len().max(1) as f64;
        let is_tilted = long(self.columns) * letters * LETTER > cell_width - 4.0;
        let below = if is_tilted { long(self.columns) * letters * LETTER * 0.7 + 16.0 } else { 20.0 };
        let bottom = row_height * self.rows.len() as f64;
        let height = bottom + below;
        let mut text = format!(
            "<svg class=\"{class}\" role=\"img\" aria-label=\"{}\" viewBox=\"0 0 {width:.0} {height:.0}\" \
             xmlns=\"http://www.w3.org/2000/svg\" font-family=\"sans-serif\" font-size=\"{letters}\" fill=\"var(--ink)\">",
            escape(alt)
        );
        let known = || self.cells.iter().flatten().map(|cell| cell.value);
        let (least, most) = known().fold((f64::MAX, f64::MIN), |(least, most), it| (least.min(it), most.max(it)));
        let longest = known().map(|value| (self.unit)(value).chars().count()).max().unwrap_or(0) as f64;
        let is_written = longest * letters * LETTER <= cell_width - 2.0;
        for (place, cell) in self.cells.iter().enumerate() {
            let (row, column) = (place / self.columns.len(), place % self.columns.len());
            let (x, y) = (left + column as f64 * cell_width, row as f64 * row_height);
            let Some(Cell { value, count }) = cell else { continue };
            let strength = if most > least { (value - least) / (most - least) } else { 0.5 };
            let shade = SHADES.0 + strength * (SHADES.1 - SHADES.0);
            let told = (self.unit)(*value);
            // A string takes what it is given.
            let _ = write!(
                text,
                "<g><title>{}, {}: {} ({count})</title><rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"3\" \
                 fill=\"var(--s0)\" fill-opacity=\"{shade:.3}\"/>",
                escape(&self.columns[column]),
                escape(&self.rows[row]),
                escape(&told),
                x + 1.0,
                y + 1.0,
                cell_width - 2.0,
                row_height - 2.0
            );
            if is_written {
                let (x, y) = (x + cell_width / 2.0, y + row_height / 2.0 + letters * 0.35);
                let _ = write!(text, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{}</text>", escape(&told));
            }
            text.push_str("</g>");
        }
        for (row, label) in self.rows.iter().enumerate() {
            let y = (row as f64 + 0.5) * row_height + letters * 0.35;
            let _ = write!(
                text,
                "<text x=\"{:.1}\" y=\"{y:.1}\" text-anchor=\"end\">{}</text>",
                left - 6.0,
                escape(&short(label))
            );
        }
        for (column, label) in self.columns.iter().enumerate() {
            let (x, y) = (left + (column as f64 + 0.5) * cell_width, bottom + letters + 4.0);
            let label = escape(&short(label));
            let _ = match is_tilted {
                true => write!(
                    text,
                    "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"end\" transform=\"rotate(-42 {x:.1} {y:.1})\">{label}</text>"
                ),
                false => write!(text, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{label}</text>"),
            };
        }
        text.push_str("</svg>");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_has_a_rectangle_for_each_known_cell() {
        let (columns, rows) = (["1", "2"].map(str::to_owned), ["<a>".to_owned()]);
        let cells = [Some(Cell { value: 1.5, count: 3 }), None];
        let map = HeatMap { columns: &columns, rows: &rows, cells: &cells, unit: &|value| format!("{value:.2}") };
        let svg = map.svg("what");
        assert_eq!((svg.matches("<svg").count(), svg.matches("<rect").count()), (2, 2));
        assert!(svg.contains("<title>1, &lt;a&gt;: 1.50 (3)</title>") && !svg.contains("NaN"));
    }
}
