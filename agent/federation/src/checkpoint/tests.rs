use super::*;
use crate::{
    Aggregation, Coordinator, MemberId, ReputationRule, Settings,
    privacy::{Budget, FixedPoint},
    task::Average,
};
use proptest::prelude::*;

fn state(parameters: Vec<f64>) -> State {
    let settings = Settings {
        aggregation: Aggregation::TrimmedMean { trim_bps: 2_000 },
        quorum: 2,
        wait_ticks_max: 3,
        tolerance: 0.1,
        norm_max: f64::INFINITY,
        records_max: 10,
        reputation: Some(ReputationRule {
            tolerance: 1e-3,
            tolerance_accepted: 1e-3,
            tolerance_weight: 1e-4,
            memory_permille: 900,
            bad_rounds_max: 3,
        }),
        noise: Some(FixedPoint { fraction_bits: 30, clip: 1.5, noise_multiplier: 8.0, honest_min: 1 }),
    };
    let members = ["a", "b", "c"].map(|name| MemberId::new(name).unwrap()).into();
    let budget = Budget::new(3.0, 1e-5, 5, 2027).unwrap();
    let task = Average::new(parameters.len()).unwrap();
    Coordinator::new(task, settings, members, parameters, Some(budget)).unwrap().state().clone()
}

#[test]
fn every_flipped_bit_is_an_error() {
    let bytes = seal(&state(vec![0.1, -0.0])).unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(unseal(&damaged).is_err(), "bit {bit} went unnoticed");
    }
    let mut content = bytes.clone();
    let last = content.len() - 3;
    content[last] ^= 1;
    assert!(matches!(unseal(&content), Err(CheckpointError::Hash { .. })));
}

#[test]
fn what_is_cut_longer_or_foreign_is_an_error() {
    let bytes = seal(&state(vec![0.1])).unwrap();
    for length in 0..bytes.len() {
        assert!(unseal(&bytes[..length]).is_err(), "{length} bytes were enough");
    }
    assert!(unseal(&[bytes.as_slice(), b" "].concat()).is_err());
    assert!(matches!(unseal(b"{}\n"), Err(CheckpointError::Header)));
    assert!(matches!(unseal(&vec![b'x'; BYTES_MAX + 1]), Err(CheckpointError::TooLarge { .. })));
    let text = String::from_utf8(bytes).unwrap();
    let newer = text.replacen("checkpoint 2 ", "checkpoint 3 ", 1);
    assert!(matches!(unseal(newer.as_bytes()), Err(CheckpointError::Version { found: 3 })));
}

#[test]
fn a_whole_checkpoint_of_something_else_is_an_error() {
    let content = b"{\"round\":0}";
    let bytes = [format!("{MARK}{VERSION} {}\n", digest(VERSION, content)).as_bytes(), content].concat();
    assert!(matches!(unseal(&bytes), Err(CheckpointError::Content { .. })));
}

proptest! {
    /// What is read back is what was written, to the last bit of every number.
    #[test]
    fn bytes_and_state_are_the_same_thing(
        parameters in prop::collection::vec(prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO, 1..9),
    ) {
        let state = state(parameters);
        let bytes = seal(&state).unwrap();
        let read = unseal(&bytes).unwrap();
        let bits = |state: &State| state.parameters.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(bits(&read), bits(&state));
        prop_assert_eq!(seal(&read).unwrap(), bytes);
    }
}
