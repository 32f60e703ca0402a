//! Models of treasury risk.
//!
//! Each has four parts: sums over one member's records, or a fit on them; a pure function from summed sums to
//! parameters; the parameters as plain numbers; and inference from them. Sums are vectors that may be added up by
//! anyone, in any order (the order changes rounding only), so that training together equals training on the records of
//! all. Nothing here knows of rounds or members.
//!
//! Fits may use linfa and smartcore. Inference never does: it sums in a fixed order and takes transcendental functions
//! from `libm`, so that a model file means the same on every machine.

pub mod covariance;
pub mod drawdown;
mod error;
pub mod forest;
pub mod har;
mod moments;
pub mod newton;
pub mod quantile;
pub mod regime;
pub mod ridge;
mod scaling;
pub mod tail;

pub use error::ModelError;
pub use moments::Moments;
pub use scaling::Scaling;

#[cfg(test)]
mod tests;
