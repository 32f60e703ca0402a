use super::*;
use crate::ExamplesError;
use proptest::prelude::*;

fn names() -> Vec<String> {
    ["volatility", "drawdown", "burn"].map(str::to_owned).to_vec()
}

/// Events where volatility is high and drawdown deep, with some that are not; no randomness.
fn shard(records: usize, shift: f64) -> Examples {
    let mut features = Vec::new();
    let mut targets = Vec::new();
    for record in 0..records {
        let t = record as f64 + shift;
        let row = [0.5 + 0.4 * libm::sin(t * 1.7), -0.5 + 0.5 * libm::cos(t * 0.9), libm::sin(t * 3.1)];
        let event = row[0] > 0.6 && row[1] < -0.4 || record % 17 == 0;
        targets.push(f64::from(u8::from(event)));
        features.extend(row);
    }
    Examples::new(names(), features, targets, (0..).take(records).collect()).unwrap()
}

const SETTINGS: ForestSettings = ForestSettings { trees: 25, depth_max: 6, leaf_records_min: 3, seed: 7 };

#[test]
fn copied_trees_say_what_smartcore_says() {
    let examples = shard(400, 0.0);
    let grown = grow(&examples, SETTINGS).unwrap();
    let copied = copied(&grown, examples.names()).unwrap();
    let later = shard(300, 5_000.5);
    let x = DenseMatrix::new(later.len(), later.width(), later.features().to_vec(), false).unwrap();
    let theirs = grown.predict(&x).unwrap();
    assert!(theirs.contains(&1) && theirs.contains(&0));
    for (row, theirs) in later.rows().zip(theirs) {
        // An odd number of trees has no tie.
        assert_eq!(copied.probability(row).unwrap() > 0.5, theirs == 1, "{row:?}");
    }
}

#[test]
fn trees_survive_a_file_to_the_last_bit() {
    let forest = fit(&shard(400, 0.0), SETTINGS).unwrap();
    assert!(forest.trees.iter().any(|tree| tree.nodes.len() > 3));
    let written = serde_json::to_string(&forest).unwrap();
    let read: ForestParameters = serde_json::from_str(&written).unwrap();
    assert_eq!(read, forest);
    assert_eq!(fit(&shard(400, 0.0), SETTINGS).unwrap(), forest, "a seed gives one forest");
    assert_ne!(fit(&shard(400, 0.0), ForestSettings { seed: 8, ..SETTINGS }).unwrap(), forest);
}

#[test]
fn a_joined_forest_is_the_mean_of_its_members() {
    let members = [fit(&shard(300, 0.0), SETTINGS).unwrap(), fit(&shard(300, 900.0), SETTINGS).unwrap()];
    let [first, second] = &members;
    let joined = ForestParameters::joined(&members.each_ref()).unwrap();
    assert_eq!(joined.trees.len(), 50);
    for row in shard(100, 77.0).rows() {
        let mean = 0.5 * (first.probability(row).unwrap() + second.probability(row).unwrap());
        assert!((joined.probability(row).unwrap() - mean).abs() < 1e-15);
    }
    let mut other = first.clone();
    other.features.reverse();
    let refused = ForestParameters::joined(&[first, &other]).unwrap_err();
    assert_eq!(refused, ModelError::Tree { tree: 25, reason: "it is over other features than the first" });
    assert!(ForestParameters::joined(&[]).is_err());
    assert!(ForestParameters::joined(&vec![first; 41]).is_err(), "1,025 trees");
}

#[test]
fn a_shard_of_one_class_grows_nothing() {
    let calm = shard(60, 0.0).with_targets(vec![0.0; 60]).unwrap();
    assert_eq!(fit(&calm, SETTINGS).unwrap_err(), ExamplesError::OneClass { records: 60, events: 0 }.into());
    for settings in [
        ForestSettings { trees: 0, ..SETTINGS },
        ForestSettings { trees: 1_025, ..SETTINGS },
        ForestSettings { depth_max: 0, ..SETTINGS },
        ForestSettings { depth_max: 13, ..SETTINGS },
        ForestSettings { leaf_records_min: 0, ..SETTINGS },
    ] {
        assert!(matches!(fit(&shard(60, 0.0), settings), Err(ModelError::Setting { .. })), "{settings:?}");
    }
}

#[test]
fn a_tree_that_cannot_be_walked_is_refused() {
    let forest = |nodes: Vec<Node>| ForestParameters { features: names(), trees: vec![Tree { nodes }] };
    let leaves = [Node::Leaf(false), Node::Leaf(true)];
    let split = |node: Node| forest([node].into_iter().chain(leaves).collect());
    let sound = split(Node::Split(1, 0.5, 1, 2));
    assert_eq!(sound.check(), Ok(()));
    assert_eq!(sound.probability(&[0.0, 0.5, 0.0]), Ok(0.0));
    assert_eq!(sound.probability(&[0.0, 0.6, 0.0]), Ok(1.0));
    for broken in [
        Node::Split(3, 0.5, 1, 2),
        Node::Split(0, f64::NAN, 1, 2),
        Node::Split(0, 0.5, 0, 2),
        Node::Split(0, 0.5, 1, 3),
    ] {
        assert!(matches!(split(broken).check(), Err(ModelError::Tree { tree: 0, .. })), "{broken:?}");
    }
    assert!(forest(vec![]).check().is_err());
    assert!(split(Node::Split(0, 0.5, 0, 0)).probability(&[0.0; 3]).is_err(), "a circle ends");
    assert!(sound.probability(&[0.0; 2]).is_err());
    assert!(sound.probability(&[0.0, f64::NAN, 0.0]).is_err());
}

proptest! {
    #[test]
    fn a_second_opinion_only_raises(logistic in 0.0..=1.0f64, forest in 0.0..=1.0f64) {
        let combined = second_opinion(logistic, forest);
        prop_assert!(combined >= logistic && combined >= forest);
        prop_assert!(combined == logistic || combined == forest);
    }
}

#[test]
fn trees_are_those_that_were_asked_for_or_say_what_is_wrong() {
    let grown = fit(&shard(400, 0.0), SETTINGS).unwrap();
    assert_eq!(grown.check_grown(&names(), SETTINGS), Ok(()));
    let deepest = grown.trees.iter().map(Tree::depth).max().unwrap();
    assert!((2..=SETTINGS.depth_max).contains(&deepest), "{deepest}");
    let shallow = ForestSettings { depth_max: deepest - 1, ..SETTINGS };
    let too_deep = grown.check_grown(&names(), shallow).unwrap_err();
    assert!(matches!(too_deep, ModelError::Tree { reason: "it is deeper than was asked for", .. }), "{too_deep}");
    let mut other = names();
    other.reverse();
    assert!(matches!(grown.check_grown(&other, SETTINGS), Err(ModelError::Tree { tree: 0, .. })));
    for trees in [SETTINGS.trees - 1, SETTINGS.trees + 1] {
        let counted = grown.check_grown(&names(), ForestSettings { trees, ..SETTINGS });
        assert!(matches!(counted, Err(ModelError::Length { what: "trees", .. })), "{counted:?}");
    }
}
