//! What is read of a reserve of Aave v3, and what it means.

use super::{Earlier, Readings};
use alloy::primitives::U256;
use quaestor_contracts::bindings::IAavePool::{
    ReserveData, getReserveDataCall as ReserveCall, getReserveNormalizedIncomeCall as IncomeCall,
};
use quaestor_core::{
    Amount, Terms, Vault,
    snapshot::{EarlierRate, RateReading},
};

/// Places of the flags in the map of a reserve (Aave's `ReserveConfiguration.sol`).
const ACTIVE: usize = 56;
const FROZEN: usize = 57;
const PAUSED: usize = 60;

/// The reserve: its aToken, and its state.
pub(super) fn reserve_call(terms: &Terms, vault: Vault) -> Option<ReserveCall> {
    terms.asset(vault.asset).map(|it| ReserveCall { asset: it.address })
}

/// The factor by which balances have grown since the reserve began, interest of the moment included; in rays.
pub(super) fn income_call(terms: &Terms, vault: Vault) -> Option<IncomeCall> {
    terms.asset(vault.asset).map(|it| IncomeCall { asset: it.address })
}

/// A whole aToken is a whole asset, and became one from what it was earlier. `None` when the reserve could not be read.
pub(super) fn rate_of(
    terms: &Terms,
    vault: Vault,
    readings: &Readings,
    earlier: Option<&Earlier>,
) -> Option<RateReading> {
    let reserve = readings.get(vault.address, &reserve_call(terms, vault)?)?;
    let unit = terms.asset(vault.asset)?.unit();
    let income = |readings: &Readings| readings.get(vault.address, &income_call(terms, vault)?);
    let earlier = earlier.filter(|_| is_open(&reserve)).and_then(|it| {
        let rate = before(unit, income(&it.readings)?, income(readings)?)?;
        Some(EarlierRate { block: it.block, rate })
    });
    Some(RateReading {
        asset: Some(reserve.aTokenAddress).filter(|token| !token.is_zero()),
        now: flag(&reserve, ACTIVE).then_some(Amount(unit)),
        earlier,
    })
}

/// What has become `unit` since, while the income rose from `early` to `late`; rounded up, so that growth is rounded down.
fn before(unit: u128, early: U256, late: U256) -> Option<Amount> {
    let product = U256::from(unit).checked_mul(early)?;
    let rate = product.checked_add(late)?.checked_sub(U256::ONE)?.checked_div(late)?;
    Amount::from_u256(rate).filter(|rate| !rate.is_zero())
}

/// Whether it takes deposits and gives them back.
fn is_open(reserve: &ReserveData) -> bool {
    flag(reserve, ACTIVE) && !flag(reserve, FROZEN) && !flag(reserve, PAUSED)
}

fn flag(reserve: &ReserveData, place: usize) -> bool {
    reserve.configuration.data.bit(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_a_whole_token_is_rounded_up() {
        let ray = |millionths: u64| U256::from(10u64).pow(U256::from(21)) * U256::from(millionths);
        assert_eq!(before(1_000_000, ray(1_000_000), ray(1_000_000)), Some(Amount(1_000_000)));
        // A tenth more: a token was ten elevenths of one.
        assert_eq!(before(1_000_000, ray(1_000_000), ray(1_100_000)), Some(Amount(909_091)));
        assert_eq!(before(1_000_000, ray(1_000_000), ray(1_000_001)), Some(Amount(1_000_000)), "too little to be seen");
        assert_eq!(before(1_000_000, ray(1_000_000), U256::ZERO), None);
        assert_eq!(before(1_000_000, U256::ZERO, ray(1)), None);
        assert_eq!(before(u128::MAX, U256::MAX, U256::ONE), None);
    }

    #[test]
    fn a_frozen_or_paused_reserve_is_not_open() {
        let of = |bits: &[usize]| {
            let mut reserve = ReserveData::default();
            for bit in bits {
                reserve.configuration.data.set_bit(*bit, true);
            }
            is_open(&reserve)
        };
        assert!(of(&[ACTIVE]) && of(&[ACTIVE, 58]));
        assert!(!of(&[]) && !of(&[ACTIVE, FROZEN]) && !of(&[ACTIVE, PAUSED]));
    }
}
