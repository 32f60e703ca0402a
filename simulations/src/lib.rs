//! Market data: daily prices, read exactly and never filled in silently.
//!
//! [`load_dir`] and [`load_str`] read CSV files such as those under `data/daily`, [`align`] takes the same days of several
//! series. Nothing here reads a clock: the time after which a row lies in the future is handed in.

mod align;
pub mod assumptions;
mod daily;
mod day;
mod decimal;
pub mod engine;
pub mod market;
pub mod metrics;
mod panel;
pub mod plain;
mod problem;
pub mod report;
pub mod run;

pub use align::{Absence, AlignError, Aligned, align};
pub use daily::{DailyBar, DailySeries, FILE_BYTES_MAX, HEADER, Rounded, load_dir, load_str};
pub use day::Day;
pub use panel::{Panel, PanelError};
pub use problem::{DataError, PROBLEMS_MAX, Problem, ProblemKind};
