//! What receipts say that was done, what rules say of it, and what a person reads.

mod reading;
mod ruling;
mod telling;

use super::treasury::{Account, Kind};
use alloy::primitives::{Address, address};

pub(super) const SAFE: Address = address!("0x2279B7A0a67DB372996a5FaB50D91eAA73d2eBe6");
pub(super) const TIMELOCK: Address = address!("0x0B306BF915C4d645ff596e518fAf3F9669b97016");
pub(super) const GOVERNOR: Address = address!("0x959922bE3CAee4b8Cd9a407cc3ac1C251C2007B1");
pub(super) const GATE: Address = address!("0x3Aa5ebB10DC797CAC828524e59A333d0A371443c");
pub(super) const MULTISEND: Address = address!("0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0");
pub(super) const TOKEN: Address = address!("0x5FC8d32690cc91D4c39d9d3abcBD16989F875707");
pub(super) const STRANGER: Address = address!("0x71bE63f3384f5fb98995898A86B02Fb2426c5788");

pub(super) fn accounts() -> Vec<Account> {
    vec![
        Account { address: SAFE, name: "operations".into(), kind: Kind::Safe },
        Account { address: TIMELOCK, name: "reserve".into(), kind: Kind::Timelock { governor: GOVERNOR } },
    ]
}
