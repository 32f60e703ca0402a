//! A picture of two charts, one below the other, over the same days.

use plotters::{
    coord::{Shift, types::RangedCoordf64},
    prelude::*,
};
use quaestor_simulations::Day;
use std::{ops::Range, path::Path};

const SIZE: (u32, u32) = (960, 560);
const TITLE: u32 = 44;
const INK: RGBColor = RGBColor(38, 38, 38);
const FAINT: RGBColor = RGBColor(226, 226, 226);
/// Okabe and Ito's colours, which colour-blind people can tell apart.
pub const BLUE_LINE: RGBColor = RGBColor(0, 114, 178);
pub const ORANGE: RGBColor = RGBColor(213, 94, 0);
pub const GREEN_MARK: RGBColor = RGBColor(0, 158, 115);
pub const PURPLE: RGBColor = RGBColor(170, 68, 153);
pub const GREY: RGBColor = RGBColor(120, 120, 120);

/// What is drawn at a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// A triangle that points up: something is bought, or comes in.
    In,
    /// A triangle that points down: something is sold.
    Out,
}

/// A chart: lines over days, levels across, marks at points.
pub struct Chart {
    pub about: String,
    pub lines: Vec<(String, RGBColor, Vec<f64>)>,
    pub levels: Vec<(String, f64)>,
    pub marks: Vec<(Mark, usize, f64)>,
    /// What the two marks mean; empty where there is none.
    pub mark_names: [&'static str; 2],
    pub unit: fn(f64) -> String,
    /// Least range of the axis.
    pub range: Option<Range<f64>>,
    /// Equal distances are equal ratios; only above zero.
    pub ratios: bool,
}

pub struct Picture {
    pub title: String,
    pub days: Vec<Day>,
    pub charts: [Chart; 2],
}

impl Picture {
    pub fn draw(&self, path: &Path) {
        let area = SVGBackend::new(path, SIZE).into_drawing_area();
        area.fill(&WHITE).expect("an SVG is text");
        let style = ("sans-serif", 19).into_font().color(&INK);
        area.draw(&Text::new(self.title.as_str(), (14, 14), style)).expect("an SVG is text");
        let (_, below) = area.split_vertically(TITLE);
        let (upper, lower) = below.split_vertically((SIZE.1 - TITLE) / 2);
        for (area, chart) in [upper, lower].iter().zip(&self.charts) {
            self.chart(area, chart);
        }
        area.present().expect("the file can be written");
    }

    fn chart(&self, area: &DrawingArea<SVGBackend<'_>, Shift>, chart: &Chart) {
        let days = 0.0..(self.days.len() - 1) as f64;
        let mut built = ChartBuilder::on(area)
            .margin_left(8)
            .margin_right(22)
            .margin_bottom(4)
            .x_label_area_size(26)
            .y_label_area_size(74)
            .build_cartesian_2d(days.clone(), chart.range())
            .expect("ranges are finite");
        let short = self.days.len() < 120;
        let label = |at: &f64| {
            let day = self.days.get(at.round() as usize).map_or_else(String::new, Day::to_string);
            day.get(if short { 5..10 } else { 0..7 }).unwrap_or_default().to_owned()
        };
        let unit = |value: &f64| (chart.unit)(if chart.ratios { 10f64.powf(*value) } else { *value });
        built
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(FAINT)
            .axis_style(GREY)
            .x_labels(9)
            .y_labels(5)
            .x_label_formatter(&label)
            .y_label_formatter(&unit)
            .label_style(("sans-serif", 13).into_font().color(&INK))
            .draw()
            .expect("an SVG is text");
        for (name, level) in &chart.levels {
            let level = chart.scaled(*level);
            let ends = [(days.start, level), (days.end, level)];
            built.draw_series(DashedLineSeries::new(ends, 5, 4, GREY.stroke_width(1))).expect("an SVG is text");
            let style = ("sans-serif", 12).into_font().color(&GREY);
            let text = Text::new(name.clone(), (days.end * 0.004, level + chart.height() * 0.055), style);
            built.draw_series([text]).expect("an SVG is text");
        }
        self.lines(&mut built, chart);
        let (above, below) = (5, 5);
        for (mark, at, value) in &chart.marks {
            let point = (*at as f64, chart.scaled(*value));
            let (colour, tip) = match mark {
                Mark::In => (GREEN_MARK, -above),
                Mark::Out => (ORANGE, below),
            };
            let triangle =
                EmptyElement::at(point) + Polygon::new([(0, tip), (-above, -tip), (above, -tip)], colour.filled());
            built.draw_series([triangle]).expect("an SVG is text");
        }
        self.legend(area, chart);
    }

    fn lines(
        &self,
        built: &mut ChartContext<'_, SVGBackend<'_>, Cartesian2d<RangedCoordf64, RangedCoordf64>>,
        chart: &Chart,
    ) {
        for (_, colour, values) in &chart.lines {
            let points = values.iter().enumerate().filter(|(_, value)| value.is_finite());
            let points: Vec<(f64, f64)> = points.map(|(at, value)| (at as f64, chart.scaled(*value))).collect();
            built.draw_series(LineSeries::new(points, colour.stroke_width(2))).expect("an SVG is text");
        }
    }

    /// What the chart shows and what its lines and marks are, in one row above it.
    fn legend(&self, area: &DrawingArea<SVGBackend<'_>, Shift>, chart: &Chart) {
        let mut left = 84;
        let mut say = |text: &str, colour: RGBColor| {
            let style = ("sans-serif", 13).into_font().color(&colour);
            area.draw(&Text::new(text.to_owned(), (left, 0), style)).expect("an SVG is text");
            // Letters of this size are about seven pixels wide.
            left += 7 * i32::try_from(text.chars().count()).unwrap() + 16;
        };
        say(&chart.about, INK);
        for (name, colour, _) in &chart.lines {
            if !name.is_empty() {
                say(&format!("— {name}"), *colour);
            }
        }
        for (name, colour, sign) in [(chart.mark_names[0], GREEN_MARK, '▲'), (chart.mark_names[1], ORANGE, '▼')] {
            if !name.is_empty() {
                say(&format!("{sign} {name}"), colour);
            }
        }
    }
}

impl Chart {
    fn range(&self) -> Range<f64> {
        let lines = self.lines.iter().flat_map(|(_, _, values)| values).filter(|value| value.is_finite());
        let levels = self.levels.iter().map(|(_, level)| level);
        let given = self.range.iter().flat_map(|range| [&range.start, &range.end]);
        let all: Vec<f64> = lines.chain(levels).chain(given).map(|value| self.scaled(*value)).collect();
        let (least, most) = all.iter().fold((f64::MAX, f64::MIN), |(least, most), it| (least.min(*it), most.max(*it)));
        let room = (most - least) * 0.08;
        let bottom = if least >= 0.0 { (least - room).max(0.0) } else { least - room };
        bottom..most + room * 1.6
    }

    /// Where a value stands on the axis.
    fn scaled(&self, value: f64) -> f64 {
        if self.ratios { value.log10() } else { value }
    }

    fn height(&self) -> f64 {
        let range = self.range();
        range.end - range.start
    }
}
