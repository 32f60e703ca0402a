//! What an analyst relies on of scenarios: each shipped one does what it says, and the policy's own rules answer it.
#![allow(clippy::unwrap_used, reason = "a test ends where its fixture is wrong")]

mod bad_files;
mod own;
mod shipped;
mod staged;
