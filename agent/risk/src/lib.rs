//! Features and models of treasury risk.
//!
//! A forecast informs a decision: it may tighten what the policy allows and is never an amount. Everything here is a
//! pure function with the same bits on every machine: transcendental functions come from `libm`, sums have a fixed
//! order, and no value depends on the capacity of an input.

mod ewma;
mod returns;

pub use ewma::{EwmaError, EwmaModel, EwmaParams, PERIODS_PER_YEAR};
pub use returns::{CARRY_SECS_MAX, DAY_SECS, RETURNS_MAX, daily_log_returns};
