//! Which risk model forecasts, and what it says now.
//!
//! The policy in force names a model: the plain estimate of volatility, the file of a hash, or the newest that was
//! trained here and scores well enough. [`Models`] finds it in the folder of `files.models` at every decision point, so
//! that a model is swapped without a restart. A file is known by the hash of its bytes, as policies are. One that is
//! missing, damaged, too old or not good enough is not used, and the policy's fallback takes its place: a fallback may
//! tighten what the policy allows and never loosens it, since ceilings on what it does not forecast count as breached.

mod choice;
mod drivers;
mod forecast;
mod model;
mod now;
mod print;
mod read;
mod refused;
#[cfg(test)]
mod tests;

pub(crate) use choice::good_enough;
pub use choice::{CARD_BYTES_MAX, Choice, Models};
pub use drivers::{DriverNow, Explained, RegimeNow};
pub use forecast::{AssetRisk, Ceiling, Forecast, Permitted, Scene, Subject};
pub use model::{Admission, Model, ModelWordsError, admit};
pub use now::{MembersNow, ModelKind, ModelNow};
pub use read::{RiskError, Seen, read};
pub use refused::{ModelRefused, PassedOver, Unusable};
