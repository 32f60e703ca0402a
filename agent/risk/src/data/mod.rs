//! What a member learns from: its own records, turned into examples that it does not share.
//!
//! Public prices hide nothing. What a member keeps to itself is what it held, paid and earned on each day
//! ([`MemberRecords`]), and therefore which market it faced. [`Shard`] joins both into [`crate::Examples`]; a member
//! gives away sums over them, never the examples. Records that were made up ([`synthesise`]) say so in their
//! [`Origin`], and so does every shard and card made of them.
//!
//! A feature is a function of what a snapshot holds (daily closes from feed rounds, balances, the burn that the policy
//! states), so that one function serves training and inference: [`features`]. Numbers here inform a model and are
//! never amounts, hence floats.

mod calendar;
mod closes;
mod error;
mod features;
mod records;
mod shard;
mod split;
mod synthetic;
mod target;

pub use calendar::date;
pub use closes::{Closes, Market};
pub use error::DataError;
pub use features::{AssetView, FEATURE_NAMES, FEATURES, LOOKBACK_DAYS, RUNWAY_MONTHS_MAX, TreasuryView, features};
pub use records::{BURN_DAYS, DayRecord, MemberRecords, Origin};
pub(crate) use shard::HELD_MIN;
pub use shard::{Counts, RETURNS_MOST, Shard, TreasuryDay, VOLATILITY, Window};
pub use split::{FOLDS_MAX, Fold, SplitError, walk_forward};
pub use synthetic::{Profile, demo_profiles, synthesise};
pub use target::{HORIZON_DAYS_MAX, Target, TargetError};
