//! Charts as SVG text, in colours that the page's style sheet chooses, so that they are right in light and in dark.

use crate::Day;
use plotters::{
    coord::{Shift, types::RangedCoordf64},
    prelude::*,
};

/// Wide, and for a phone.
const SIZES: [(&str, (u32, u32)); 2] = [("wide", (960, 300)), ("narrow", (420, 260))];
/// Placeholders: each stands for a variable of the style sheet.
pub(super) const INK: RGBColor = RGBColor(1, 1, 1);
const FAINT: RGBColor = RGBColor(2, 2, 2);
const VARIABLES: [&str; 10] = ["--ink", "--faint", "--s0", "--s1", "--s2", "--s3", "--s4", "--s5", "--s6", "--s7"];
/// What the style sheet makes of them in the light, for a picture that stands alone.
const COLOURS: [&str; 10] =
    ["#1c2126", "#dde1e6", "#0072b2", "#d55e00", "#009e73", "#aa4499", "#e69f00", "#56b4e9", "#8c6d46", "#888"];
/// Lines or areas of one chart, at most; there are so many colours.
pub(super) const SERIES_MAX: usize = 8;
/// Points of a line, at most: more than there are pixels nobody sees.
const POINTS_MAX: usize = 1_500;

/// Colour of the series at `index`.
pub(super) fn series_colour(index: usize) -> RGBColor {
    let shade = 3 + (index % SERIES_MAX) as u8;
    RGBColor(shade, shade, shade)
}

/// One line or area.
pub(super) struct Series {
    pub(super) name: String,
    pub(super) values: Vec<f64>,
}

/// What is drawn at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Executed,
    Withdrawn,
    Expired,
    Refused,
}

/// A stretch of time that is shaded, Unix seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from: u64,
    pub(super) to: u64,
}

/// A chart over time.
pub(super) struct Chart {
    pub(super) series: Vec<Series>,
    /// Whether series stand on each other.
    pub(super) stacked: bool,
    /// Whether the axis begins at zero.
    pub(super) from_zero: bool,
    /// Moments, Unix seconds, and heights.
    pub(super) marks: Vec<(Mark, u64, f64)>,
    pub(super) unit: fn(f64) -> String,
}

type Context<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;
pub(super) type Failed = Box<dyn std::error::Error>;

/// Quantiles over time: the outer and the inner pair as bands, the middle one as a line.
pub(super) struct FanChart<'a> {
    /// From the lowest to the highest, at each time.
    pub(super) quantiles: &'a [[f64; 5]],
    /// A line that is drawn throughout, such as the value at first.
    pub(super) level: Option<f64>,
    /// Whether the axis begins or ends at zero.
    pub(super) from_zero: bool,
    pub(super) unit: fn(f64) -> String,
}

/// How much of a band's colour is seen; the inner band lies upon the outer one.
const BAND_SHADE: f64 = 0.22;

impl FanChart<'_> {
    /// As [`Chart::svg`].
    pub(super) fn svg(&self, times: &[u64], alt: &str) -> String {
        pictures(alt, |area, size| {
            let ends = self.quantiles.iter().flat_map(|row| [row[0], row[4]]).chain(self.level);
            let mut built = axes(area, times, size, (room_for(ends, self.from_zero), self.unit), &[])?;
            for (low, high) in [(0, 4), (1, 3)] {
                let points = times.iter().zip(self.quantiles);
                let mut edge: Vec<(f64, f64)> = points.clone().map(|(at, row)| (*at as f64, row[high])).collect();
                edge.extend(points.rev().map(|(at, row)| (*at as f64, row[low])));
                built.draw_series([Polygon::new(edge, series_colour(0).mix(BAND_SHADE).filled())])?;
            }
            let middle = times.iter().zip(self.quantiles).map(|(at, row)| (*at as f64, row[2]));
            built.draw_series(LineSeries::new(middle, series_colour(0).stroke_width(2)))?;
            if let (Some(level), Some(first), Some(last)) = (self.level, times.first(), times.last()) {
                let line = [(*first as f64, level), (*last as f64, level)];
                built.draw_series(LineSeries::new(line, series_colour(1).stroke_width(2)))?;
            }
            Ok(())
        })
    }
}

/// Both sizes of a picture, each in its class. What cannot be drawn says so in its place.
fn pictures(alt: &str, draw: impl Fn(&DrawingArea<SVGBackend<'_>, Shift>, (u32, u32)) -> Result<(), Failed>) -> String {
    let sized = |(class, size): &(&str, (u32, u32))| {
        let mut text = String::new();
        let drawn = {
            let area = SVGBackend::with_string(&mut text, *size).into_drawing_area();
            draw(&area, *size).and_then(|()| Ok(area.present()?))
        };
        match drawn {
            Ok(()) => coloured(text, alt, class, *size),
            Err(error) => {
                let error = super::html::escape(&error.to_string());
                format!("<p class=\"{class}\">this chart cannot be drawn: {error}</p>")
            }
        }
    };
    SIZES.iter().map(sized).collect()
}

/// The placeholders of `text` as `to` has them.
fn replaced(mut text: String, to: [String; 10]) -> String {
    for (index, colour) in to.iter().enumerate() {
        let shade = format!("#{0:02X}{0:02X}{0:02X}", index + 1);
        text = text.replace(&format!("\"{shade}\""), &format!("\"{colour}\""));
    }
    text
}

/// With colours of its own, for a picture that stands alone.
pub(super) fn alone(text: String) -> String {
    replaced(text, COLOURS.map(str::to_owned))
}

/// With colours by the style sheet, and as wide as the page says.
fn coloured(text: String, alt: &str, class: &str, size: (u32, u32)) -> String {
    let text = replaced(text, VARIABLES.map(|variable| format!("var({variable})")));
    let head = format!("<svg class=\"{class}\" role=\"img\" aria-label=\"{}\" ", super::html::escape(alt));
    // The picture keeps its proportions.
    let (width, height) = size;
    let fixed = format!("width=\"{width}\" height=\"{height}\" ");
    text.replacen("<svg ", &head, 1).replacen(&fixed, "", 1)
}

/// Below everything else; where two spans meet it is darker.
fn shade(
    built: &mut Context<'_, '_>,
    spans: &[Span],
    time: std::ops::Range<f64>,
    heights: std::ops::Range<f64>,
) -> Result<(), Failed> {
    for Span { from, to } in spans {
        let (from, to) = ((*from as f64).max(time.start), (*to as f64).min(time.end));
        if from < to {
            let corners = [(from, heights.start), (to, heights.end)];
            built.draw_series([Rectangle::new(corners, series_colour(4).mix(0.16).filled())])?;
        }
    }
    Ok(())
}

/// Axes of time and of a value in its unit, with `spans` of time shaded.
fn axes<'a, 'b>(
    area: &'a DrawingArea<SVGBackend<'b>, Shift>,
    times: &[u64],
    size: (u32, u32),
    (heights, unit): (std::ops::Range<f64>, fn(f64) -> String),
    spans: &[Span],
) -> Result<Context<'a, 'b>, Failed> {
    let (Some(first), Some(last)) = (times.first(), times.last()) else {
        return Err("there is nothing to draw".into());
    };
    let (first, last) = (*first as f64, (*last as f64).max(*first as f64 + 1.0));
    let narrow = size.0 < 600;
    let mut built = ChartBuilder::on(area)
        .margin_top(8)
        .margin_right(14)
        .x_label_area_size(24)
        .y_label_area_size(if narrow { 58 } else { 68 })
        .build_cartesian_2d(first..last, heights.clone())?;
    shade(&mut built, spans, first..last, heights)?;
    let days = (last - first) / 86_400.0;
    let label = |at: &f64| {
        let day = Day::at(*at as u64).map_or_else(String::new, |day| day.to_string());
        day.get(if days < 100.0 { 5..10 } else { 0..7 }).unwrap_or_default().to_owned()
    };
    built
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(FAINT)
        .axis_style(FAINT)
        .x_labels(if narrow { 4 } else { 9 })
        .y_labels(5)
        .x_label_formatter(&label)
        .y_label_formatter(&|value: &f64| unit(*value))
        .label_style(("sans-serif", 15).into_font().color(&INK))
        .draw()?;
    Ok(built)
}

/// From the least to the greatest of some heights, with a little room.
fn room_for(heights: impl Iterator<Item = f64>, from_zero: bool) -> std::ops::Range<f64> {
    let mut all: Vec<f64> = heights.filter(|height| height.is_finite()).collect();
    if from_zero || all.is_empty() {
        all.push(0.0);
    }
    let (least, most) = all.iter().fold((f64::MAX, f64::MIN), |(least, most), it| (least.min(*it), most.max(*it)));
    let room = if most > least { (most - least) * 0.05 } else { most.abs().max(1.0) * 0.05 };
    let bottom = if from_zero && least >= 0.0 { 0.0 } else { least - room };
    bottom..if from_zero && most <= 0.0 && least < 0.0 { 0.0 } else { most + room }
}

impl Chart {
    /// Both sizes, each in a `div` of its class. What cannot be drawn says so in its place.
    pub(super) fn svg(&self, times: &[u64], alt: &str) -> String {
        self.svg_with(times, alt, &[])
    }

    /// The same with `spans` shaded.
    pub(super) fn svg_with(&self, times: &[u64], alt: &str, spans: &[Span]) -> String {
        pictures(alt, |area, size| self.draw(area, size, times, spans))
    }

    /// Draws it into `area`, which has this size.
    pub(super) fn draw(
        &self,
        area: &DrawingArea<SVGBackend<'_>, Shift>,
        size: (u32, u32),
        times: &[u64],
        spans: &[Span],
    ) -> Result<(), Failed> {
        let mut built = axes(area, times, size, (self.range(), self.unit), spans)?;
        if self.stacked {
            self.areas(&mut built, times)?
        } else {
            self.lines(&mut built, times)?
        }
        self.draw_marks(&mut built)
    }

    fn range(&self) -> std::ops::Range<f64> {
        let marks = self.marks.iter().map(|(_, _, height)| *height);
        if self.stacked {
            let length = self.series.first().map_or(0, |one| one.values.len());
            let stacked = (0..length).map(|at| self.series.iter().map(|one| one.values[at]).sum());
            return room_for(stacked.chain(marks), self.from_zero);
        }
        room_for(self.series.iter().flat_map(|one| one.values.iter().copied()).chain(marks), self.from_zero)
    }

    /// At most so many points that a chart shows them all: of each bucket the least and the greatest, in their order, so that
    /// no fall is lost.
    fn thinned(times: &[u64], values: &[f64]) -> Vec<(f64, f64)> {
        let point = |at: usize| (times[at] as f64, values[at]);
        if values.len() <= POINTS_MAX {
            return (0..values.len()).map(point).collect();
        }
        let size = values.len().div_ceil(POINTS_MAX / 2);
        let mut kept = Vec::with_capacity(POINTS_MAX + 2);
        for from in (0..values.len()).step_by(size) {
            let bucket = from..(from + size).min(values.len());
            let by_value = |a: &usize, b: &usize| values[*a].total_cmp(&values[*b]);
            let ends = [bucket.clone().min_by(by_value), bucket.max_by(by_value)];
            let [Some(least), Some(most)] = ends else { continue };
            kept.push(point(least.min(most)));
            if least != most {
                kept.push(point(least.max(most)));
            }
        }
        kept
    }

    fn lines(&self, built: &mut Context<'_, '_>, times: &[u64]) -> Result<(), Failed> {
        for (index, one) in self.series.iter().enumerate().rev() {
            // A value that does not exist leaves a gap.
            let points = Self::thinned(times, &one.values);
            for piece in points.split(|(_, value)| !value.is_finite()).filter(|piece| !piece.is_empty()) {
                let width = if index == 0 { 2 } else { 1 };
                built.draw_series(LineSeries::new(piece.iter().copied(), series_colour(index).stroke_width(width)))?;
            }
        }
        Ok(())
    }

    fn areas(&self, built: &mut Context<'_, '_>, times: &[u64]) -> Result<(), Failed> {
        let mut below = vec![0.0; times.len()];
        for (index, one) in self.series.iter().enumerate() {
            let above: Vec<f64> = below.iter().zip(&one.values).map(|(below, value)| below + value).collect();
            let mut edge = Self::thinned(times, &above);
            edge.extend(Self::thinned(times, &below).into_iter().rev());
            built.draw_series([Polygon::new(edge, series_colour(index).filled())])?;
            below = above;
        }
        Ok(())
    }

    fn draw_marks(&self, built: &mut Context<'_, '_>) -> Result<(), Failed> {
        for (mark, at, height) in &self.marks {
            let point = (*at as f64, *height);
            match mark {
                Mark::Executed => built.draw_series([Circle::new(point, 3, series_colour(2).filled())])?,
                Mark::Withdrawn => built.draw_series([Cross::new(point, 3, series_colour(1))])?,
                Mark::Expired => built.draw_series([Circle::new(point, 3, series_colour(3))])?,
                Mark::Refused => built.draw_series([TriangleMarker::new(point, 4, series_colour(4).filled())])?,
            };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_that_stands_alone_has_the_colours_of_the_page_in_the_light() {
        for (variable, colour) in VARIABLES.iter().zip(COLOURS) {
            let light = super::super::html::STYLE.split("@media").next().unwrap();
            assert!(light.contains(&format!("{variable}:{colour}")), "{variable}: {colour}");
        }
    }
}
