//! What a path came to as bytes of a part: whole numbers and figures of eight bytes each, the least first, then its values
//! over time.

use super::{Figures, Outcome};
use crate::part;

/// Whole numbers of a row: its number, refusals, proposals, executed.
const COUNTS: usize = 4;
/// Figures of a row: five under the policy, five of holding, the runway.
const FIGURES: usize = 11;
/// Bytes of each.
const WIDTH: usize = 8;

/// A figure that is not known is no number; none that is known is.
fn told(found: Option<f64>) -> f64 {
    found.unwrap_or(f64::NAN)
}

fn known(found: f64) -> Option<f64> {
    (!found.is_nan()).then_some(found)
}

impl Figures {
    fn numbers(&self) -> [f64; 5] {
        [self.final_value, self.total_return, told(self.cagr), self.max_drawdown, told(self.sharpe)]
    }

    fn from_numbers([final_value, total_return, cagr, max_drawdown, sharpe]: [f64; 5]) -> Self {
        Self { final_value, total_return, cagr: known(cagr), max_drawdown, sharpe: known(sharpe) }
    }
}

impl part::Row for Outcome {
    fn write(&self, out: &mut Vec<u8>) {
        for count in [self.number, self.refusals, self.proposals, self.executed] {
            out.extend(count.to_le_bytes());
        }
        let (policy, hold) = (self.policy.numbers(), self.hold.numbers());
        for figure in policy.into_iter().chain(hold).chain([told(self.runway_months_min)]) {
            out.extend(figure.to_le_bytes());
        }
        self.fan.iter().for_each(|found| out.extend(found.to_le_bytes()));
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (counts, rest) = bytes.split_first_chunk::<{ COUNTS * WIDTH }>()?;
        let (figures, rest) = rest.split_first_chunk::<{ FIGURES * WIDTH }>()?;
        let (fan, left) = rest.as_chunks();
        let counts = counts.as_chunks().0.iter().map(|bytes| u64::from_le_bytes(*bytes));
        let &[number, refusals, proposals, executed] = counts.collect::<Vec<_>>().as_slice() else { return None };
        let figures: Vec<f64> = figures.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
        let (policy, rest) = figures.split_first_chunk()?;
        let (hold, rest) = rest.split_first_chunk()?;
        left.is_empty().then(|| Self {
            number,
            policy: Figures::from_numbers(*policy),
            hold: Figures::from_numbers(*hold),
            runway_months_min: rest.first().copied().and_then(known),
            refusals,
            proposals,
            executed,
            fan: fan.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use part::Row;

    #[test]
    fn a_path_is_read_back_bit_by_bit() {
        let policy = Figures {
            final_value: 1e7 / 3.0,
            total_return: -1.0 / 3.0,
            cagr: Some(5e-324),
            max_drawdown: -0.1,
            sharpe: None,
        };
        let hold = Figures { sharpe: Some(-0.0), cagr: None, ..policy };
        let fan = vec![1.0 / 3.0, 1e7, -0.1, f32::MIN_POSITIVE];
        for (runway_months_min, fan) in [(None, fan), (Some(0.1 + 0.2), Vec::new())] {
            let (number, refusals, proposals, executed) = (u64::MAX, 2, 30, 28);
            let own = Outcome { number, policy, hold, runway_months_min, refusals, proposals, executed, fan };
            let mut bytes = Vec::new();
            own.write(&mut bytes);
            let found = Outcome::read(&bytes).unwrap();
            assert_eq!(found, own);
            assert!(found.hold.sharpe.unwrap().is_sign_negative());
            assert_eq!(Outcome::read(&bytes[..bytes.len() - 1]), None, "a byte is missing");
            assert_eq!(Outcome::read(&[&bytes[..], &[0]].concat()), None, "a byte too many");
        }
    }
}
