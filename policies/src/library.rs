//! The policies that come with Quaestor, for a DAO to start from.

/// A policy of `policies/library`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shipped {
    /// Its name, by which it is chosen.
    pub name: &'static str,
    /// The whole file.
    pub text: &'static str,
}

impl Shipped {
    /// What it is for, in a sentence: the comment that its file begins with.
    pub fn about(&self) -> &'static str {
        self.text.lines().next().unwrap_or_default().trim_start_matches(['#', ' '])
    }
}

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        /// Each, in the order in which they are told.
        pub const LIBRARY: &[Shipped] =
            &[$(Shipped { name: $name, text: include_str!(concat!("../library/", $name, ".toml")) }),*];
    };
}

shipped![
    "balanced",
    "grants-runway",
    "own-token",
    "conservative-stables",
    "blue-chip-index",
    "yield-with-caps",
    "only-reduce",
];
