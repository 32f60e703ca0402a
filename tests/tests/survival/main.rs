//! Whatever happens to the agent, its node or its chain: nothing is proposed twice, nothing jams, and what must not leave
//! does not. The real program on the real chain.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a story that cannot go on has failed, and says where")]

mod answers;
mod audit;
mod brake;
mod kills;
mod operators;
mod payments;
mod reorgs;
mod requests;
mod stand;
