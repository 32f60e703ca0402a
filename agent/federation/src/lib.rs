//! Training together: rounds, aggregation, robustness, privacy.
//!
//! It knows vectors and sums. What they mean, where they come from and where a model goes is the business of others:
//! nothing here opens a socket, touches a disk or reads a clock. Time is a number of ticks that is handed in,
//! randomness a generator that is handed in, and the same inputs give the same bytes on every machine: sums have a
//! fixed order and transcendental functions come from `libm`.
//!
//! A round is open → update → aggregate → check → model, see [`round`]. What an update must look like and how an
//! aggregate becomes the next model is a [`Task`]; how updates become an aggregate is an [`Aggregation`]; who answers
//! is a [`Member`].

pub mod aggregation;
mod bits;
pub mod checkpoint;
pub mod linear;
mod member;
pub mod privacy;
mod refusal;
pub mod reputation;
pub mod round;
pub mod simulation;
pub mod task;
mod update;

pub use aggregation::{Aggregation, AggregationError};
pub use checkpoint::CheckpointError;
pub use member::{Answer, Failure, MEMBER_ID_BYTES_MAX, Member, MemberId, MemberIdError, Ticks};
pub use privacy::PrivacyError;
pub use refusal::Refusal;
pub use reputation::{ReputationRule, Standing};
pub use round::{Coordinator, Holdout, OpenRound, Opened, Outcome, RoundReport, Settings, State};
pub use task::{Kind, Shape, Task};
pub use update::{Aggregate, Excluded, Exclusion, Update};
