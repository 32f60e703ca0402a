//! Features and models of treasury risk.
//!
//! A forecast informs a decision: it may tighten what the policy allows and is never an amount. Everything here is a
//! pure function with the same bits on every machine: transcendental functions come from `libm`, sums have a fixed
//! order, and no value depends on the capacity of an input.

pub mod card;
pub mod data;
mod ewma;
pub mod examples;
#[cfg(test)]
mod fixture;
pub mod forecast;
pub mod judge;
pub mod learned;
pub mod linalg;
pub mod model_file;
pub mod models;
pub mod parameters;
mod returns;
#[cfg(test)]
mod same_bits;
pub mod train;

pub use ewma::{EwmaError, EwmaModel, EwmaParams, PERIODS_PER_YEAR};
pub use examples::{Classes, Examples, ExamplesError};
pub use returns::{CARRY_SECS_MAX, DAY_SECS, RETURNS_MAX, daily_log_returns};
