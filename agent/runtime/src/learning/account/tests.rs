use super::*;

const NOISE: NoiseSettings = NoiseSettings { noise_multiplier: 5.0, rounds: 6, clip: 4.0, delta: 1e-5, window: 44 };

/// What is left of two stages after these parts, with nobody out.
fn left(done: &[Part], held: u32) -> u32 {
    sums_left(&NOISE, 2, done.iter().map(|part| (*part, 0)), held)
}

const WHOLE: [Part; 6] = [Part::Volatility, Part::Scaling, Part::Drawdown, Part::Quantile, Part::Quantile, Part::Tail];

#[test]
fn a_training_costs_its_parts_in_every_stage_less_what_is_done() {
    assert_eq!((left(&[], 0), sums_left(&NOISE, 3, [], 0)), (32, 48));
    assert_eq!(left(&WHOLE[..2], 0), 30);
    // Inside of Newton's rounds; a sum is whole or not there.
    assert_eq!((left(&WHOLE[..2], 4), left(&WHOLE[..2], 99), left(&[], 1)), (26, 24, 31));
    assert_eq!(left(&WHOLE, 0), 16);
    assert_eq!(left(&[&WHOLE[..], &WHOLE[..5]].concat(), 0), 1);
    assert_eq!(left(&[WHOLE, WHOLE].concat(), 0), 0);
    // Noise hid the drawdowns of the first stage, and the second may have them.
    let hidden = [Part::Volatility, Part::Scaling, Part::Quantile, Part::Quantile, Part::Tail, Part::Volatility];
    assert_eq!(left(&hidden, 0), 15);
}

#[test]
fn where_somebody_was_found_out_everything_is_paid_again() {
    let after = |stages: usize, done: &[(&[Part], usize)]| {
        let parts = done.iter().flat_map(|(parts, out)| parts.iter().map(|part| (*part, *out)));
        sums_left(&NOISE, stages, parts, 0)
    };
    // While it is judged: what is left of that, and all of it without them.
    let (first, then) = ((&WHOLE[..1], 0), (&WHOLE[1..], 1));
    assert_eq!(after(2, &[first, (&WHOLE[1..5], 1)]), 1 + 32);
    assert_eq!((after(2, &[first, then]), after(2, &[first, then, (&WHOLE[..1], 1)])), (32, 31));
    assert_eq!(after(2, &[first, then, (&WHOLE, 1)]), 16);
    // While it is trained on all days: it is judged again first.
    let judged = (&WHOLE[..], 0);
    assert_eq!((after(2, &[judged, first]), after(2, &[judged, first, (&WHOLE[1..2], 1)])), (15, 14 + 32));
    assert_eq!((after(2, &[judged, first, then]), after(2, &[judged, first, then, (&WHOLE[..1], 1)])), (32, 31));
    assert_eq!(after(2, &[judged, first, then, (&WHOLE, 1), (&WHOLE[..1], 1)]), 15);
    // Judging in two folds is one.
    assert_eq!(after(3, &[first, then]), 16 + 48);
    assert_eq!((after(3, &[first, then, (&WHOLE, 1)]), after(3, &[first, then, (&WHOLE, 1), (&WHOLE, 1)])), (48, 32));
    // It failed, and begins anew before its end.
    assert_eq!(after(2, &[(&WHOLE[..1], 1), (&WHOLE[..1], 1)]), 31);
}

fn account(epsilon: Option<f64>, spent: u32) -> Account {
    let ledger = Budget::unlimited(1e-5, 1, 2027).unwrap().charged(2027, 5.0, spent).unwrap();
    let mut account = Account::default();
    account.charge(ledger.voted(epsilon, 1e-5).unwrap(), 2027);
    account
}

fn refusal(account: &Account, sums: u32) -> Option<String> {
    let price = account.price(&NOISE, sums).unwrap();
    account.expect_covered(&NOISE, &price).err().map(|error| error.to_string())
}

#[test]
fn a_price_beyond_the_budget_is_refused_with_the_numbers() {
    assert_eq!(refusal(&account(None, 400), 32), None, "without a budget nothing is refused");
    assert_eq!(refusal(&Account::default(), 32), None);
    let enough = privacy::epsilon(5.0, 42, 1e-5).unwrap() + 1e-6;
    assert_eq!(refusal(&account(Some(enough), 10), 32), None);
    let said = refusal(&account(Some(enough), 11), 32).unwrap();
    let [own, before, after] = [32, 11, 43].map(|sums| format!("{:.4}", privacy::epsilon(5.0, sums, 1e-5).unwrap()));
    for part in [
        "the privacy budget of 2027 does not cover this training: it would release 32 sums".to_owned(),
        format!("cost epsilon {own} for a record by themselves and make the year's {after} at delta 1e-5"),
        format!(
            "the year has epsilon {enough}, of which {before} is spent, and 31 more such sums are covered; nothing more was released"
        ),
        "wait for the next year, add noise".to_owned(),
        "vote a larger `risk.epsilon_year_max` (by hand: give a larger --epsilon-year-max)".to_owned(),
    ] {
        assert!(said.contains(&part), "{part}: {said}");
    }
    // The next year begins at nothing.
    let mut next = account(Some(enough), 11);
    next.ledger = next.ledger.map(|(ledger, _)| (ledger, 2028));
    assert_eq!(refusal(&next, 32), None);
    assert_eq!(next.price(&NOISE, 1).unwrap().year.map(|year| (year.year, year.epsilon_record)), Some((2028, 0.0)));
}

#[test]
fn the_price_is_told_with_the_year_before_it() {
    let own = privacy::epsilon(5.0, 32, 1e-5).unwrap();
    let before = privacy::epsilon(5.0, 11, 1e-5).unwrap();
    let said = |limit| account(limit, 11).price(&NOISE, 32).unwrap().to_string();
    let price =
        format!("up to 32 sums are released, epsilon {own:.4} for a record at delta 1e-5; before them 2027 has");
    assert_eq!(said(Some(40.0)), format!("{price} spent epsilon {before:.4} for a record of 40"));
    assert_eq!(said(None), format!("{price} spent epsilon {before:.4} for a record, without a budget"));
}
