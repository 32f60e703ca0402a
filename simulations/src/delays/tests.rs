//! Draws and their words.

use super::*;

const DRAWS: u64 = 20_000;

fn of(text: &str) -> Delay {
    toml::from_str::<Delays>(&format!("safe_secs = {text}")).unwrap().safe_secs
}

fn draws(delay: &Delay) -> Vec<u64> {
    let at = |day: u64| Occasion { seed: 7, account: 1, at: 1_577_836_800 + day * 86_400 };
    let mut found: Vec<u64> = (0..DRAWS).map(|day| delay.draw(at(day), 0)).collect();
    found.sort_unstable();
    found
}

fn quantile(sorted: &[u64], percent: usize) -> f64 {
    sorted[sorted.len() * percent / 100] as f64
}

#[test]
fn a_delay_is_a_number_or_a_table() {
    assert_eq!(of("3600"), Delay::Fixed(3_600));
    assert_eq!(of("{ uniform = [60, 90] }"), Delay::Uniform { uniform: [60, 90] });
    let drawn = Delay::LogNormal { median_secs: 14_400, p90_secs: 172_800, most_secs: None };
    assert_eq!(of("{ median_secs = 14400, p90_secs = 172800 }"), drawn);
    assert_eq!(of("{ sample = [5, 6] }"), Delay::Sample { sample: vec![5, 6] });
    for wrong in
        ["-1", "\"an hour\"", "{ uniform = [60] }", "{ median_secs = 1 }", "{}", "{ uniform = [1, 2], sample = [1] }"]
    {
        let told = toml::from_str::<Delays>(&format!("safe_secs = {wrong}")).unwrap_err().to_string();
        assert!(told.contains("line 1"), "{wrong}: {told}");
    }
    assert!(toml::from_str::<Delays>("safe_secs = { mean = 5 }").unwrap_err().to_string().contains("`mean`"));
    // What was written before this is written the same still: so is its hash.
    let text = serde_json::to_string(&Delays::default()).unwrap();
    assert_eq!(
        text,
        "{\"safe_secs\":3600,\"voting_delay_secs\":86400,\"voting_period_secs\":604800,\"timelock_secs\":172800}"
    );
}

#[test]
fn what_cannot_be_drawn_is_named() {
    for (text, expected) in [
        ("{ uniform = [9, 8] }", "lesser number first"),
        ("{ median_secs = 0, p90_secs = 5 }", "is zero"),
        ("{ median_secs = 9, p90_secs = 5 }", "below `median_secs` 9"),
        ("{ median_secs = 1, p90_secs = 5, most_secs = 4 }", "below `p90_secs` 5"),
        ("{ median_secs = 1, p90_secs = 40000000 }", "400000000 s may be drawn"),
        ("{ sample = [] }", "has 0 delays"),
    ] {
        let found = of(text).problem().unwrap_or_default();
        assert!(found.contains(expected), "{text}: {found}");
    }
    assert_eq!(of("{ median_secs = 14400, p90_secs = 172800 }").problem(), None);
}

#[test]
fn draws_keep_their_bounds_and_are_spread_as_was_said() {
    let uniform = draws(&of("{ uniform = [3600, 7200] }"));
    assert!(uniform[0] >= 3_600 && uniform[uniform.len() - 1] <= 7_200);
    // A mean of 20,000 draws strays by 7 s; five times as much is allowed.
    let mean = uniform.iter().sum::<u64>() as f64 / DRAWS as f64;
    assert!((mean - 5_400.0).abs() < 37.0, "{mean}");
    let both = draws(&of("{ uniform = [5, 6] }"));
    assert_eq!((both[0], both[both.len() - 1]), (5, 6), "both ends are drawn");

    let skewed = draws(&of("{ median_secs = 14400, p90_secs = 172800 }"));
    // Standard errors of these quantiles are 1.7 % and 2.4 % of them; four times as much is allowed.
    assert!((quantile(&skewed, 50) / 14_400.0 - 1.0).abs() < 0.07, "{}", quantile(&skewed, 50));
    assert!((quantile(&skewed, 90) / 172_800.0 - 1.0).abs() < 0.10, "{}", quantile(&skewed, 90));
    assert!(skewed[skewed.len() - 1] <= 1_728_000, "ten times the 90th percentile at most");
    let bound = draws(&of("{ median_secs = 14400, p90_secs = 172800, most_secs = 200000 }"));
    assert_eq!(bound[bound.len() - 1], 200_000);
    assert_eq!(quantile(&bound, 50), quantile(&skewed, 50), "a bound above it leaves a quantile as it is");

    let mut seen = draws(&of("{ sample = [30, 10, 20] }"));
    let counts = [10, 20, 30].map(|secs| seen.iter().filter(|found| **found == secs).count());
    assert!(counts.iter().all(|count| count.abs_diff(6_667) < 270), "{counts:?}");
    seen.dedup();
    assert_eq!(seen, [10, 20, 30]);
}

/// These numbers are this code's own: the same on every machine and for ever.
#[test]
fn a_draw_depends_on_seed_account_time_and_what_is_delayed_and_on_nothing_else() {
    let delays = Delays {
        safe_secs: of("{ median_secs = 14400, p90_secs = 172800 }"),
        execution_secs: of("{ uniform = [0, 1000000] }"),
        ..Delays::default()
    };
    let occasion = Occasion { seed: 1, account: 0, at: 1_583_971_199 };
    let others = [
        Occasion { seed: 2, ..occasion },
        Occasion { account: 1, ..occasion },
        Occasion { at: occasion.at + 1, ..occasion },
    ];
    for other in others {
        assert_ne!(delays.of_safe(occasion), delays.of_safe(other), "{other:?}");
        assert_ne!(delays.of_vote(occasion), delays.of_vote(other), "{other:?}");
    }
    assert_eq!((delays.of_safe(occasion), delays.of_vote(occasion)), (2_060, 992_263));
}

#[test]
fn reports_say_what_is_drawn() {
    assert_eq!(Delays::default().words(), ["signers take 1 h, a vote 240 h"]);
    let delays = Delays {
        safe_secs: of("{ median_secs = 14400, p90_secs = 172800 }"),
        execution_secs: of("{ sample = [3600, 7200, 1800] }"),
        ..Delays::default()
    };
    assert_eq!(
        delays.words(),
        [
            "signers take log-normally 4 h in the median, 48 h at the 90th percentile, 480 h at most",
            "a vote takes 24 h until it opens; 168 h until it closes; 48 h in the timelock; one of 3 that were \
             observed, 0.5 h to 2 h until it is executed",
            "what people take is drawn anew for each proposal, by seed, account and time",
        ]
    );
}
