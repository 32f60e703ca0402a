//! Bands that costs would always break, and a stable share that bands keep anyway.

use super::Eye;
use quaestor_core::{Asset, AssetId, AssetKind, amount::BPS_FACTOR, policy::Band, words};

/// A whole in bps, squared.
const SQUARED: u64 = BPS_FACTOR * BPS_FACTOR;

pub(super) fn look(eye: &mut Eye<'_, '_>) {
    let bands = &eye.terms.bands;
    bands.iter().for_each(|band| narrow(eye, band));
    floor(eye);
}

/// How far the price of an asset must move until its share leaves the band from the target, bps; `None` where it never does.
/// A share `w` moves by `w (1 - w)` times what the price moves by.
fn breaks_at_bps(band: &Band) -> Option<u64> {
    let steep = band.target_bps.saturating_mul(BPS_FACTOR.saturating_sub(band.target_bps));
    let below = (band.min_bps > 0).then(|| band.target_bps.saturating_sub(band.min_bps));
    let above = (band.max_bps < BPS_FACTOR).then(|| band.max_bps.saturating_sub(band.target_bps));
    let room = below.into_iter().chain(above).min()?;
    room.saturating_mul(SQUARED).checked_div(steep)
}

/// A band that is left by a move of the price that is no larger than what a trade back to the target may lose is left again
/// and again, and each way back costs more than it mends.
fn narrow(eye: &mut Eye<'_, '_>, band: &Band) {
    let slippage_bps = eye.terms.limits.slippage_bps_max;
    let Some(moved_bps) = breaks_at_bps(band).filter(|moved| *moved <= slippage_bps) else { return };
    let steep = band.target_bps.saturating_mul(BPS_FACTOR.saturating_sub(band.target_bps));
    let room_bps = slippage_bps.saturating_add(1).saturating_mul(steep).div_ceil(SQUARED);
    let message = format!(
        "is left when the price moves by {}, and the trade back may lose {} by `limits.slippage_bps_max`: it would be left \
         again and again; leave {room_bps} bps or more between the target and each edge",
        words::share(moved_bps),
        words::share(slippage_bps)
    );
    eye.blocked(&format!("allocation.{}", eye.terms.symbol_of(band.asset)), message);
}

/// The least stable share that trades leave by `bands`, bps: the least share of the only stable asset, or what the greatest
/// share of the only other one leaves. Of several, prices may have taken one outside of its band while another is traded; then
/// it is 0.
pub fn stable_share_left(assets: &[Asset], bands: &[Band]) -> u64 {
    let band = |is_stable: bool| {
        let mut of_kind = assets.iter().zip(0..).filter(|(asset, _)| (asset.kind == AssetKind::Stable) == is_stable);
        match (of_kind.next(), of_kind.next()) {
            (Some((_, only)), None) => bands.iter().find(|band| band.asset == AssetId(only)),
            _ => None,
        }
    };
    let least = band(true).map_or(0, |band| band.min_bps);
    let left = band(false).map_or(0, |band| BPS_FACTOR.saturating_sub(band.max_bps));
    least.max(left)
}

/// Trades keep to the bands before they come to the floor. Payments do not, so that it is no use only where nobody is paid.
fn floor(eye: &mut Eye<'_, '_>) {
    let floor = eye.terms.limits.stable_share_bps_min;
    let left = stable_share_left(&eye.terms.assets, &eye.terms.bands);
    if floor == 0 || left <= floor || eye.pays_others() {
        return;
    }
    let message = format!(
        "asks for {}, and trades leave {} by the bands in `[allocation]` anyway; write {left}, or leave it out",
        words::share(floor),
        words::share(left)
    );
    eye.idle("limits.stable_share_bps_min", message);
}
