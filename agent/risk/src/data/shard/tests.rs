use super::*;
use crate::data::records::DayRecord;
use proptest::prelude::*;

const DAYS: u32 = 100;

/// ETH halves on day 80 and stays there; one USDC is one.
fn market() -> Market {
    let eth: Vec<_> = (0..DAYS).map(|day| (day, if day < 80 { 100.0 + f64::from(day % 3) } else { 50.0 })).collect();
    let usdc: Vec<_> = (0..DAYS).map(|day| (day, 1.0)).collect();
    Market::new(vec![Closes::new("ETH", false, &eth).unwrap(), Closes::new("USDC", true, &usdc).unwrap()]).unwrap()
}

fn records(days: Range<u32>, burn: f64) -> MemberRecords {
    let record = |day| DayRecord { day, holdings: vec![6.0, 400.0], burn, revenue: 1.0 };
    let symbols = vec!["ETH".into(), "USDC".into()];
    MemberRecords::new("a", Origin::Own, symbols, days.map(record).collect()).unwrap()
}

#[test]
fn a_record_needs_history_before_and_the_horizon_after() {
    let shard = Shard::new(&records(0..DAYS, 3.0), &market(), Target::default()).unwrap();
    assert_eq!(shard.window(), Window { first: 60, last: 85 });
    assert_eq!(shard.counts().records, 26);
    // Burn of thirty days is the latest that is complete.
    let late = Shard::new(&records(50..DAYS, 3.0), &market(), Target::default()).unwrap();
    assert_eq!(late.window(), Window { first: 79, last: 85 });
    let error = Shard::new(&records(0..70, 3.0), &market(), Target::default()).unwrap_err();
    let text = "`a` has 70 days of records and prices, of which none has 60 days before and 14 after; \
                give a longer history";
    assert_eq!(error.to_string(), text);
}

#[test]
fn a_loss_is_the_worst_close_less_net_burn() {
    let shard = Shard::new(&records(0..DAYS, 3.0), &market(), Target::default()).unwrap();
    let on = |day: u32| shard.days().iter().find(|record| record.day == day).unwrap().clone();
    // Day 79: ETH at 101, NAV 1006; then 50 for fourteen days while 2 leave a day.
    let before = on(79);
    assert!((before.loss - (1.0 - (700.0 - 28.0) / 1006.0)).abs() < 1e-12);
    assert!((before.next_return - (700.0 / 1006.0 - 1.0)).abs() < 1e-12);
    assert!((before.burn_month - 90.0 / 1006.0).abs() < 1e-12);
    assert!((before.weights[0] - 606.0 / 1006.0).abs() < 1e-12);
    // Day 80: nothing moves any more, only 28 is paid.
    assert!((on(80).loss - 28.0 / 700.0).abs() < 1e-12);
    let events: Vec<u32> =
        shard.drawdown().records().zip(shard.days()).filter(|((_, y), _)| *y == 1.0).map(|(_, day)| day.day).collect();
    assert_eq!(events, (66..80).collect::<Vec<_>>(), "the fall of day 80 is within fourteen days");
    assert_eq!(shard.counts().events, 14);
}

#[test]
fn features_are_those_of_the_view_on_that_day() {
    let shard = Shard::new(&records(0..DAYS, 3.0), &market(), Target::default()).unwrap();
    for (record, day) in shard.days().iter().enumerate() {
        let views = shard.views(day, 511);
        let found = features(&TreasuryView { assets: &views, burn_month: day.burn_month }).unwrap();
        assert_eq!(shard.drawdown().row(record), found);
        assert_eq!(shard.tail().row(record), found);
    }
}

#[test]
fn an_asset_without_prices_is_named() {
    let only = Market::new(vec![market().of("ETH").unwrap().clone()]).unwrap();
    let error = Shard::new(&records(0..DAYS, 3.0), &only, Target::default()).unwrap_err();
    assert_eq!(error, DataError::AssetUnknown { member: "a".into(), symbol: "USDC".into() });
}

proptest! {
    /// What comes after the horizon of a record changes neither its features nor its targets.
    #[test]
    fn nothing_of_a_record_looks_beyond_its_horizon(cut in 75u32..DAYS) {
        let whole = Shard::new(&records(0..DAYS, 3.0), &market(), Target::default()).unwrap();
        let cut_short = Shard::new(&records(0..cut, 3.0), &market(), Target::default()).unwrap();
        let kept = whole.within(0..cut - 14).unwrap();
        prop_assert_eq!(kept.days(), cut_short.days());
        prop_assert_eq!(kept.drawdown(), cut_short.drawdown());
        prop_assert_eq!(kept.tail(), cut_short.tail());
    }
}
