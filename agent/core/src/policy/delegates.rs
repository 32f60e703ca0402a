//! To whom an account may lend its votes.

use super::Terms;
use crate::AssetId;
use alloy_primitives::Address;
use serde::{Deserialize, Serialize};

/// A token that votes (ERC-5805), and those to whom the policy lets its votes be delegated. The tokens stay where they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delegates {
    /// The token.
    pub asset: AssetId,
    /// Who may have its votes.
    pub to: Vec<Address>,
}

impl Terms {
    /// Those to whom the votes of `asset` may be delegated.
    pub fn delegates_of(&self, asset: AssetId) -> &[Address] {
        self.delegates.iter().find(|it| it.asset == asset).map(|it| it.to.as_slice()).unwrap_or_default()
    }
}
