//! Market data, read exactly and never filled in silently, and what a policy would have done with it.
//!
//! [`data`] reads histories of any step from a minute to a day, such as those under `data/`. Nothing here reads a clock: the
//! time after which a row lies in the future is handed in.

pub mod assumptions;
pub mod data;
mod day;
mod decimal;
pub mod delays;
pub mod depth;
mod draw;
pub mod engine;
pub mod flows;
pub mod market;
pub mod metrics;
pub mod montecarlo;
mod panel;
pub mod part;
pub mod paths;
pub mod plain;
mod problem;
pub mod report;
pub mod run;
pub mod scenario;
pub mod statistics;
pub mod succession;
pub mod sweep;
pub mod table;

pub use day::Day;
pub use panel::{Panel, PanelError};
pub use problem::{DataError, PROBLEMS_MAX, Problem, ProblemKind};
