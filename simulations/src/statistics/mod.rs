//! How far a figure can be trusted: confidence intervals by the stationary bootstrap, the Sharpe ratio that the best of many
//! trials would have by luck, the probability that what was picked was picked for its noise, and tests of forecasts.
//!
//! Pure functions; what is drawn is named by a seed.

mod bootstrap;
mod forecasts;
mod intervals;
mod normal;
mod overfitting;
mod sharpe;

pub use bootstrap::Blocks;
pub use forecasts::{ForecastTests, forecast_tests};
pub use intervals::{Interval, Intervals, LEVEL, RESAMPLES};
pub use normal::{normal_cdf, normal_quantile};
pub use overfitting::{BLOCKS_MAX, BlockSums, Overfitting, OverfittingError, overfitting};
pub use sharpe::{Shape, deflated_sharpe, expected_max_sharpe, probabilistic_sharpe};
