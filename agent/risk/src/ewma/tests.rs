use super::*;
use crate::DAY_SECS;
use proptest::prelude::*;
use quaestor_core::{
    Asset, AssetKind, Price,
    amount::WAD,
    policy::{Limits, RiskTerms, Schedule},
    snapshot::{AssetReading, BlockRef, BrakeReading, FeedReading, Round},
};

const NOW: u64 = 1_000 * DAY_SECS;

/// Closes of BTC and ETH from 2020-02-13 to 2020-03-13 in US cents (`simulations/data/daily`), the crash among them.
const BTC: [u128; 30] = [
    1021438, 1031212, 988942, 993443, 969014, 1014200, 963339, 960848, 968644, 966318, 992452, 965017, 934171, 882052,
    878449, 867246, 859951, 856245, 886967, 878779, 875525, 907876, 912255, 890995, 810812, 792364, 790973, 791143,
    497079, 556371,
];
const ETH: [u128; 30] = [
    26810, 28422, 26473, 25989, 26636, 28194, 25976, 25795, 26560, 26233, 27375, 26522, 24782, 22568, 22675, 22676,
    21985, 21897, 23057, 22448, 22452, 22927, 24353, 23785, 20069, 20199, 20077, 19487, 11235, 13320,
];
const CENT: u128 = WAD / 100;

/// One feed an asset, one round a day, the last one `NOW`.
fn snapshot(series: &[Vec<u128>]) -> Snapshot {
    let block = BlockRef { number: 1, hash: B256::ZERO, timestamp: NOW };
    let reading = |prices: &Vec<u128>| {
        let days = (0..prices.len() as u64).rev();
        let round =
            |(price, back): (&u128, u64)| Round { price: Some(Price(*price)), updated_at: NOW - back * DAY_SECS };
        let rounds = prices.iter().zip(days).map(round).collect();
        let feeds = vec![FeedReading { feed: Default::default(), rounds }];
        AssetReading { address: Default::default(), decimals: Some(18), feeds, rate: None }
    };
    Snapshot {
        chain_id: 1,
        block,
        anchor: Default::default(),
        brake: BrakeReading::unreadable(block),
        operators: vec![],
        guardians: None,
        delegates: vec![],
        coins: vec![],
        assets: series.iter().map(reading).collect(),
        accounts: vec![],
        code: vec![],
        twaps: vec![],
    }
}

fn terms(assets: usize) -> Terms {
    let asset = Asset {
        symbol: "A".into(),
        address: Default::default(),
        decimals: 18,
        kind: AssetKind::Volatile,
        feeds: vec![],
        staleness_secs_max: 0,
        code_hash: None,
    };
    Terms {
        name: "test".into(),
        chain_id: 1,
        registry: Default::default(),
        brake: Default::default(),
        gate: Default::default(),
        expires_at: 0,
        review_at: u64::MAX,
        roles: quaestor_core::policy::Roles::default(),
        delegates: vec![],
        wrapped_coin: None,
        on_disagreement: Default::default(),
        twaps: vec![],
        schedule: Schedule::EveryBlocks(1),
        validity_secs: 0,
        assets: vec![asset; assets],
        accounts: vec![],
        venues: vec![],
        counterparties: vec![],
        bands: vec![],
        groups: vec![],
        payments: vec![],
        limits: Limits::default(),
        risk: RiskTerms::default(),
        strategies: vec![],
    }
}

fn assess(model: &EwmaModel, series: &[Vec<u128>], weights_bps: &[u64]) -> RiskReport {
    model.assess(&terms(series.len()), &snapshot(series), &Prices::default(), weights_bps)
}

fn in_cents(prices: &[u128]) -> Vec<u128> {
    prices.iter().map(|cents| cents * CENT).collect()
}

/// The expected figures come from Python's `math` alone, from the definition rather than the recursion:
/// `w = [0.94**(28-i) for i in range(29)]`, `moment = fsum(w*x*y)/fsum(w)` over the 29 log returns,
/// `vol = sqrt(365*moment)`, `rho = moment(b,e)/sqrt(moment(b,b)*moment(e,e))`.
#[test]
fn it_agrees_with_an_independent_calculation() {
    let report = assess(&EwmaModel::default(), &[in_cents(&BTC), in_cents(&ETH)], &[6_000, 4_000]);
    let near = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
    near(report.volatility[0].unwrap(), 2.4490042467372284);
    near(report.volatility[1].unwrap(), 3.0382102078086937);
    near(report.correlation[1], 0.9856493797409454);
    assert_eq!((report.correlation[0], report.correlation[3]), (1.0, 1.0));
    // 26751.24 bps.
    assert_eq!(report.treasury_volatility_bps, Some(26_752));
}

/// The same bits on every machine: a change of `libm`, of the order of sums or of the resampling shows here.
#[test]
fn its_bits_are_pinned() {
    let report = assess(&EwmaModel::default(), &[in_cents(&BTC), in_cents(&ETH)], &[6_000, 4_000]);
    let bits = [report.volatility[0].unwrap(), report.volatility[1].unwrap(), report.correlation[1]].map(f64::to_bits);
    assert_eq!(bits, [4612697086106534680, 4614023859979897642, 4607053159903914981]);
}

#[test]
fn the_shares_of_a_vault_move_as_its_asset_does() {
    let mut terms = terms(3);
    terms.venues.push(quaestor_core::Venue {
        name: "vault".into(),
        kind: quaestor_core::VenueKind::Erc4626 { asset: AssetId(0), shares: AssetId(2) },
        address: Default::default(),
        code_hash: B256::ZERO,
        pools: vec![],
        share_bps_max: None,
        price_impact_bps_max: None,
    });
    let mut snapshot = snapshot(&[in_cents(&BTC), in_cents(&ETH), vec![]]);
    snapshot.assets[2].feeds.clear();
    let model = EwmaModel::default();
    let with_shares = model.assess(&terms, &snapshot, &Prices::default(), &[1_000, 4_000, 5_000]);
    let without = assess(&model, &[in_cents(&BTC), in_cents(&ETH)], &[6_000, 4_000]);
    assert_eq!(with_shares.volatility, [without.volatility[0], without.volatility[1], without.volatility[0]]);
    assert_eq!(with_shares.treasury_volatility_bps, without.treasury_volatility_bps);
}

#[test]
fn too_short_a_history_is_no_forecast() {
    let model = EwmaModel::new(EwmaParams { min_returns: 29, ..EwmaParams::default() }).unwrap();
    let (btc, eth) = (in_cents(&BTC), in_cents(&ETH[1..]));
    let report = assess(&model, &[btc.clone(), eth.clone()], &[6_000, 4_000]);
    assert!(report.volatility[0].is_some());
    assert_eq!((report.volatility[1], report.treasury_volatility_bps), (None, None));
    assert_eq!(report.correlation, [1.0, 0.0, 0.0, 1.0]);
    let without = assess(&model, &[btc, eth.clone()], &[10_000, 0]);
    assert_eq!(without.treasury_volatility_bps, Some(24_491));
    let nothing = assess(&model, &[eth], &[10_000]);
    assert_eq!((nothing.volatility, nothing.correlation), (vec![None], vec![]));
}

#[test]
fn an_empty_treasury_and_a_price_that_never_moves_are_no_error() {
    let flat = vec![WAD; 30];
    let report = assess(&EwmaModel::default(), &[flat.clone(), in_cents(&ETH)], &[10_000, 0]);
    assert_eq!((report.volatility[0], report.treasury_volatility_bps), (Some(0.0), Some(0)));
    assert_eq!(report.correlation, [1.0, 0.0, 0.0, 1.0]);
    assert_eq!(assess(&EwmaModel::default(), &[flat], &[0]).treasury_volatility_bps, None);
}

#[test]
fn parameters_out_of_range_say_what_to_write() {
    let message = |params| EwmaModel::new(params).expect_err("out of range").to_string();
    let default = EwmaParams::default();
    for lambda_permille in [0, 1_000, u16::MAX] {
        let expected = format!("lambda_permille is {lambda_permille}; write a number from 1 to 999, such as 940");
        assert_eq!(message(EwmaParams { lambda_permille, ..default }), expected);
    }
    for min_returns in [0, 1, 512] {
        let expected = format!("min_returns is {min_returns}; write a number from 2 to 511, such as 28");
        assert_eq!(message(EwmaParams { min_returns, ..default }), expected);
    }
}

#[test]
fn the_hash_names_parameters_and_version() {
    let canonical = r#"{"lambda_permille":940,"min_returns":28,"name":"ewma","version":1}"#;
    assert_eq!(EwmaModel::default().hash(), keccak256(canonical));
    let other = EwmaModel::new(EwmaParams { lambda_permille: 970, ..EwmaParams::default() }).unwrap();
    assert_ne!(other.hash(), EwmaModel::default().hash());
}

/// Prices from a dollar to a million, for 29 to 60 days.
fn any_series(assets: usize) -> impl Strategy<Value = Vec<Vec<u128>>> {
    let price = (100u128..100_000_000).prop_map(|cents| cents * CENT);
    proptest::collection::vec(proptest::collection::vec(price, 29..60), assets)
}

proptest! {
    #[test]
    fn correlations_are_positive_semidefinite(series in any_series(4), along in [-1.0f64..1.0, -1.0..1.0, -1.0..1.0, -1.0..1.0]) {
        let report = assess(&EwmaModel::default(), &series, &[2_500; 4]);
        let mut form = 0.0;
        for (row, x) in along.iter().enumerate() {
            for (column, y) in along.iter().enumerate() {
                let correlation = report.correlation[row * 4 + column];
                prop_assert!((-1.0..=1.0).contains(&correlation));
                prop_assert_eq!(correlation.to_bits(), report.correlation[column * 4 + row].to_bits());
                form += x * y * correlation;
            }
        }
        prop_assert!(form >= -1e-12, "{}", form);
        // A treasury is never riskier than its riskiest asset.
        let most = report.volatility.iter().flatten().copied().fold(0.0, f64::max);
        prop_assert!(report.treasury_volatility_bps.unwrap() as f64 <= (most * 10_000.0 * (1.0 + 1e-12)).ceil());
    }

    #[test]
    fn the_unit_of_the_price_does_not_matter(series in any_series(2), power in 1u32..=20, factor in 2u128..1_000) {
        let scaled = |by: u128| series.iter().map(|prices| prices.iter().map(|price| price * by).collect()).collect();
        let (doubled, multiplied): (Vec<Vec<u128>>, Vec<Vec<u128>>) = (scaled(1 << power), scaled(factor));
        let report = assess(&EwmaModel::default(), &series, &[5_000, 5_000]);
        // Doubling changes the exponents of the floats alone, so that not one bit differs.
        prop_assert_eq!(&assess(&EwmaModel::default(), &doubled, &[5_000, 5_000]), &report);
        let other = assess(&EwmaModel::default(), &multiplied, &[5_000, 5_000]);
        for (a, b) in report.volatility.iter().flatten().zip(other.volatility.iter().flatten()) {
            prop_assert!((a - b).abs() <= 1e-12 * a);
        }
    }

    #[test]
    fn the_same_inputs_give_the_same_bits_whatever_their_capacity(series in any_series(3), more in 1usize..1_000) {
        let roomy: Vec<Vec<u128>> = series
            .iter()
            .map(|prices| {
                let mut copy = Vec::with_capacity(prices.len() + more);
                copy.extend_from_slice(prices);
                copy
            })
            .collect();
        let (one, two) = (snapshot(&series), {
            let mut grown = snapshot(&roomy);
            grown.assets.iter_mut().for_each(|asset| asset.feeds[0].rounds.reserve(more));
            grown
        });
        let bytes = |snapshot: &Snapshot| {
            let weights = [1_000, 2_000, 7_000];
            let report = EwmaModel::default().assess(&terms(3), snapshot, &Prices::default(), &weights);
            serde_json::to_vec(&report).unwrap()
        };
        prop_assert_eq!(bytes(&one), bytes(&two));
    }

    #[test]
    fn a_round_within_a_day_changes_nothing(series in any_series(1), early in 1u128..1_000) {
        // A round that is no close of any day is not looked at.
        let mut with_noise = snapshot(&series);
        let rounds = &mut with_noise.assets[0].feeds[0].rounds;
        let second = rounds[1].updated_at;
        rounds.insert(1, Round { price: Some(Price(early)), updated_at: second - 1 });
        let model = EwmaModel::default();
        let report = model.assess(&terms(1), &with_noise, &Prices::default(), &[10_000]);
        prop_assert_eq!(report, assess(&model, &series, &[10_000]));
    }
}
