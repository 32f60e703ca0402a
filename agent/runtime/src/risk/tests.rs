//! The choice among files, and what is said of it.

mod choosing;
#[path = "../../tests/local/model.rs"]
mod fixture;
mod telling;
