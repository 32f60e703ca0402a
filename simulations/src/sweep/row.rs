//! A row of a sweep: what a configuration came to, with what selection needs of it.

use super::{
    forward::{self, Window},
    outcome::{self, Outcome},
};
use crate::part;

/// What became of one configuration.
#[derive(Debug, Clone, PartialEq)]
pub enum Row {
    /// It ran.
    Ran {
        /// What it came to.
        outcome: Outcome,
        /// Σr and Σr² of even blocks of time, where it is among those that overfitting is judged by.
        sums: Vec<[f64; 2]>,
        /// What it did in each window of a walk forward.
        windows: Vec<Window>,
    },
    /// The language refuses it, in these words.
    Refused(String),
}

const RAN: u8 = 1;
const REFUSED: u8 = 0;
/// Bytes of the sums of a block.
const SUM_BYTES: usize = 16;

impl part::Row for Row {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Refused(why) => {
                out.push(REFUSED);
                out.extend(why.as_bytes());
            }
            Self::Ran { outcome, sums, windows } => {
                out.push(RAN);
                // Blocks of time are few.
                out.push(u8::try_from(sums.len()).unwrap_or(u8::MAX));
                outcome.write(out);
                sums.as_flattened().iter().for_each(|found| out.extend(found.to_le_bytes()));
                windows.iter().for_each(|window| window.write(out));
            }
        }
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (tag, rest) = bytes.split_first()?;
        if *tag == REFUSED {
            return String::from_utf8(rest.to_vec()).ok().map(Self::Refused);
        }
        let (blocks, rest) = rest.split_first().filter(|_| *tag == RAN)?;
        let (figures, rest) = rest.split_first_chunk::<{ outcome::BYTES }>()?;
        let (sums, windows) = rest.split_at_checked(usize::from(*blocks) * SUM_BYTES)?;
        let (windows, left) = windows.as_chunks::<{ forward::BYTES }>();
        let number = |bytes: &[u8; 8]| f64::from_le_bytes(*bytes);
        let numbers: Vec<f64> = sums.as_chunks().0.iter().map(number).collect();
        left.is_empty().then(|| Self::Ran {
            outcome: Outcome::read(figures),
            sums: numbers.as_chunks().0.to_vec(),
            windows: windows.iter().map(Window::read).collect(),
        })
    }
}
