//! The scenarios that come with Quaestor.

use super::{Scenario, ScenarioProblems};

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        /// Name and text of each, in the order in which they are told.
        pub const SHIPPED: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../scenarios/", $name, ".toml")))),*];
    };
}

shipped![
    "broad-downturn",
    "march-2020",
    "may-2021",
    "stable-depeg",
    "staked-depeg",
    "oracle-stale",
    "oracle-frozen",
    "gas-spike",
    "venue-frozen",
    "governance-asleep",
    "brake-pulled",
];

/// The shipped scenario of this name; `None` if there is none.
pub fn shipped(name: &str) -> Option<Result<Scenario, ScenarioProblems>> {
    let (name, text) = SHIPPED.iter().find(|(known, _)| *known == name)?;
    Some(Scenario::parse(&format!("{name}.toml"), text))
}
