//! What is varied: a key and its values, as an analyst types them.

use quaestor_core::strategy::ParamValue;
use serde::{Deserialize, Serialize};

/// Most values of an axis.
pub const VALUES_MAX: usize = 100_000;

/// A key of the policy or of the assumptions, and the values that it takes in turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Axis {
    /// Such as `limits.week_bps_max`, `strategies.weekly.amount` or `costs.fee_bps`.
    pub key: String,
    /// At least one, each once.
    pub values: Vec<ParamValue>,
}

/// Why a text is no axis.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AxisError {
    /// No key or no value.
    #[error(
        "`{found}` is no axis; write a key and its values, such as `limits.week_bps_max=500..2000:250` or `every=7,14,30`"
    )]
    Form {
        /// What was read.
        found: String,
    },
    /// Bounds that are no whole numbers, or not of the same unit.
    #[error(
        "`{found}` is no range; write whole numbers and one unit, such as `250..2000:250`, `1h..12h:1h` or `1000..5000:500 USD`"
    )]
    Range {
        /// What was read.
        found: String,
    },
    /// A range that ends before it begins, or does not go on.
    #[error("`{found}` holds no value; write the lower end first, and a step above zero")]
    Empty {
        /// What was read.
        found: String,
    },
    /// More values than anybody looks at.
    #[error("`{found}` has more than {VALUES_MAX} values; write a step, such as `0..1000000:1000`")]
    TooMany {
        /// What was read.
        found: String,
    },
    /// A value twice.
    #[error("`{found}` is there twice in `{key}`; leave one of the two out")]
    Twice {
        /// The key.
        key: String,
        /// The value.
        found: String,
    },
    /// A quote that does not end.
    #[error("a quote does not end in `{found}`; write `\"…\"` around the whole value")]
    Quote {
        /// What was read.
        found: String,
    },
}

impl Axis {
    /// Reads `KEY=LOW..HIGH[:STEP]` or `KEY=VALUE,VALUE…`; a value in quotes may have commas.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, AxisError> {
        let form = || AxisError::Form { found: text.to_owned() };
        let (key, values) = text.split_once('=').ok_or_else(form)?;
        let (key, values) = (key.trim().to_owned(), values.trim());
        if key.is_empty() || values.is_empty() {
            return Err(form());
        }
        let values = match values.split_once("..") {
            Some((low, rest)) if !values.starts_with('"') => range(values, low, rest)?,
            _ => list(values)?,
        };
        if values.is_empty() {
            return Err(form());
        }
        let mut seen = std::collections::BTreeSet::new();
        match values.iter().map(told).find(|value| !seen.insert(value.clone())) {
            Some(found) => Err(AxisError::Twice { key, found }),
            None => Ok(Self { key, values }),
        }
    }

    /// The value at this place, for people.
    pub fn told(&self, place: usize) -> String {
        self.values.get(place).map(told).unwrap_or_default()
    }
}

/// A value as people write it.
fn told(value: &ParamValue) -> String {
    match value {
        ParamValue::Bool(flag) => flag.to_string(),
        ParamValue::Integer(number) => number.to_string(),
        ParamValue::Text(text) => text.clone(),
        ParamValue::List(_) | ParamValue::Table(_) => serde_json::to_string(value).unwrap_or_default(),
    }
}

fn range(text: &str, low: &str, rest: &str) -> Result<Vec<ParamValue>, AxisError> {
    let wrong = || AxisError::Range { found: text.to_owned() };
    let (high, step) = rest.split_once(':').map_or((rest, None), |(high, step)| (high, Some(step)));
    let numbers = [Some(low), Some(high), step].into_iter().flatten().map(number).collect::<Option<Vec<_>>>();
    let numbers = numbers.ok_or_else(wrong)?;
    let mut units = numbers.iter().map(|(_, unit)| *unit).filter(|unit| !unit.is_empty());
    let unit = units.next().unwrap_or_default();
    let (Some((low, _)), Some((high, _)), true) = (numbers.first(), numbers.get(1), units.all(|other| other == unit))
    else {
        return Err(wrong());
    };
    let step = numbers.get(2).map_or(1, |(step, _)| *step);
    if step < 1 || low > high {
        return Err(AxisError::Empty { found: text.to_owned() });
    }
    if high.abs_diff(*low) / step.unsigned_abs() >= VALUES_MAX as u64 {
        return Err(AxisError::TooMany { found: text.to_owned() });
    }
    let values = std::iter::successors(Some(*low), |value| value.checked_add(step).filter(|next| next <= high));
    let of = |number: i64| {
        if unit.is_empty() { ParamValue::Integer(number) } else { ParamValue::Text(format!("{number}{unit}")) }
    };
    Ok(values.map(of).collect())
}

/// A whole number and what comes after it.
fn number(text: &str) -> Option<(i64, &str)> {
    let text = text.trim();
    let sign = usize::from(text.starts_with('-'));
    let digits = text[sign..].bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(sign + digits);
    Some((number.parse().ok()?, unit))
}

fn list(text: &str) -> Result<Vec<ParamValue>, AxisError> {
    let mut values = Vec::new();
    let mut rest = text.trim();
    loop {
        let (value, after) = match rest.strip_prefix('"') {
            Some(quoted) => {
                let (value, after) =
                    quoted.split_once('"').ok_or_else(|| AxisError::Quote { found: text.to_owned() })?;
                (ParamValue::Text(value.to_owned()), after.trim_start())
            }
            None => {
                let (value, after) = rest.split_at(rest.find(',').unwrap_or(rest.len()));
                (plain(value.trim()), after)
            }
        };
        let is_empty = matches!(&value, ParamValue::Text(text) if text.is_empty());
        if values.len() >= VALUES_MAX {
            return Err(AxisError::TooMany { found: text.to_owned() });
        }
        values.push(value);
        match after.strip_prefix(',') {
            Some(next) if !is_empty => rest = next.trim_start(),
            None if after.is_empty() && !is_empty => return Ok(values),
            _ => return Err(AxisError::Form { found: text.to_owned() }),
        }
    }
}

fn plain(text: &str) -> ParamValue {
    match text {
        "true" => ParamValue::Bool(true),
        "false" => ParamValue::Bool(false),
        _ => text.parse().map_or_else(|_| ParamValue::Text(text.to_owned()), ParamValue::Integer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told_all(text: &str) -> Vec<String> {
        let axis = Axis::parse(text).unwrap();
        (0..axis.values.len()).map(|place| axis.told(place)).collect()
    }

    #[test]
    fn axes_are_read_as_they_are_typed() {
        assert_eq!(told_all("limits.proposal_bps_max=250..1000:250"), ["250", "500", "750", "1000"]);
        assert_eq!(told_all("a=250..900:250"), ["250", "500", "750"]);
        assert_eq!(told_all("a=3..5"), ["3", "4", "5"]);
        assert_eq!(told_all("yields.savings=-100..100:100"), ["-100", "0", "100"]);
        assert_eq!(told_all("limits.cooldown_min=1h..3h:1h"), ["1h", "2h", "3h"]);
        assert_eq!(told_all("strategies.x.trade_min=1000..2000:500 USD"), ["1000 USD", "1500 USD", "2000 USD"]);
        assert_eq!(told_all("every = 7, 14,30"), ["7", "14", "30"]);
        assert_eq!(
            told_all("policy.schedule=\"0 0 8 * * Mon,Fri\",\"0 0 0 1..7 * *\""),
            ["0 0 8 * * Mon,Fri", "0 0 0 1..7 * *"]
        );
        assert_eq!(
            Axis::parse("a=true,2,x").unwrap().values,
            [ParamValue::Bool(true), ParamValue::Integer(2), ParamValue::Text("x".into())]
        );
    }

    #[test]
    fn what_is_no_axis_says_what_to_write() {
        for (text, expected) in [
            ("limits.week_bps_max", "is no axis"),
            ("=1,2", "is no axis"),
            ("a=", "is no axis"),
            ("a=1,,2", "is no axis"),
            ("a=1,2,", "is no axis"),
            ("a=\"x\"y", "is no axis"),
            ("a=1h..3d:1h", "one unit"),
            ("a=x..y", "whole numbers"),
            ("a=5..1", "the lower end first"),
            ("a=1..5:0", "a step above zero"),
            ("a=0..9999999", "write a step"),
            ("a=1,2,1", "`1` is there twice in `a`"),
            ("a=\"x", "a quote does not end"),
        ] {
            let found = Axis::parse(text).unwrap_err().to_string();
            assert!(found.contains(expected), "{text}: {found}");
        }
    }
}
