#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

use super::super::{RoundsSettings, Told, fixture};
use super::*;
use quaestor_federation::{Exclusion, RoundReport};
use quaestor_risk::{
    data::Shard,
    models::forest::{self, Tree},
    train::{PlainRounds, Rounds},
};
use std::{cell::RefCell, rc::Rc};

const SETTINGS: ForestSettings = ForestSettings { trees: 25, depth_max: 4, leaf_records_min: 20, seed: 1 };

fn grown(shards: &[Shard]) -> Vec<GrownTrees> {
    let grow = |shard: &Shard| GrownTrees {
        member: shard.member().to_owned(),
        forest: forest::fit(shard.drawdown(), SETTINGS).unwrap(),
    };
    shards.iter().map(grow).collect()
}

/// Rounds and what they tell.
fn rounds() -> (Federated, Rc<RefCell<Vec<RoundReport>>>) {
    let told: Rc<RefCell<Vec<RoundReport>>> = Rc::default();
    let heard = Rc::clone(&told);
    let tell = move |told: &Told| {
        if let Told::Round(_, report) = told {
            heard.borrow_mut().push(report.clone());
        }
    };
    let settings = RoundsSettings {
        aggregation: Aggregation::Krum { liars_bps: 2_000 },
        quorum_bps: 5_000,
        noise: None,
        noise_key: [7; 32],
    };
    (Federated::new(settings, Box::new(tell)), told)
}

fn plain(grown: &[GrownTrees]) -> ForestParameters {
    PlainRounds.join(Part::Forest, grown, SETTINGS, None).unwrap()
}

fn public_brier(forest: &ForestParameters, public: &Examples) -> f64 {
    brier(
        &votes(forest, ForestSettings { trees: forest.trees.len() as u16, ..SETTINGS }, Some(public)).unwrap(),
        public.targets(),
    )
}

#[test]
fn honest_trees_are_joined_as_they_are_and_judged_by_public_records() {
    let (shards, holdout) = fixture::members();
    let (mut federated, told) = rounds();
    let grown = grown(shards);
    let joined = federated.join(Part::Forest, &grown, SETTINGS, Some(holdout.drawdown())).unwrap();
    assert_eq!(joined, plain(&grown));
    let told = told.borrow();
    // The votes that were judged are those of the forest.
    assert!((told[0].loss.unwrap() - public_brier(&joined, holdout.drawdown())).abs() < 1e-12);
    assert_eq!((told.len(), told[0].contributions.len(), told[0].outcome.clone()), (1, 4, Outcome::Accepted));
    // Without public records nothing is judged.
    assert_eq!(rounds().0.join(Part::Forest, &grown, SETTINGS, None).unwrap(), plain(&grown));
}

#[test]
fn who_turns_its_trees_is_out_and_its_trees_are_not_joined() {
    let (shards, holdout) = fixture::members();
    let grown = grown(shards);
    for (place, shard) in shards.iter().enumerate() {
        let (mut federated, _) = rounds();
        federated.poison(shard.member());
        let joined = federated.join(Part::Forest, &grown, SETTINGS, Some(holdout.drawdown())).unwrap();
        assert_eq!(federated.excluded().collect::<Vec<_>>(), [shard.member()]);
        let mut others = grown.clone();
        others.remove(place);
        assert_eq!(joined, plain(&others));
    }
}

#[test]
fn who_turns_a_few_trees_has_fewer_of_them_taken() {
    let (shards, holdout) = fixture::members();
    let mut grown = grown(shards);
    let (clean, honest) = (plain(&grown), grown[2].forest.clone());
    let all_turned = turned(&honest);
    // Of 25 trees, as many as do some harm and not too much: all but every third, and the last.
    let turned_ones = all_turned.trees.into_iter().enumerate().filter(|(place, _)| place % 3 != 0 || *place == 24);
    for (place, tree) in turned_ones {
        grown[2].forest.trees[place] = tree;
    }
    let (mut federated, told) = rounds();
    let joined = federated.join(Part::Forest, &grown, SETTINGS, Some(holdout.drawdown())).unwrap();
    assert_eq!(federated.excluded().count(), 0, "{told:?}");
    let score = federated.score_of(shards[2].member());
    assert!(score < 1.0 && score > 0.0, "{score} {told:?}");
    assert_eq!(joined.trees.len(), 75 + libm::round(25.0 * score) as usize);
    let of = |forest: &ForestParameters| public_brier(forest, holdout.drawdown());
    assert!(of(&clean) < of(&joined) && of(&joined) < of(&plain(&grown)));
}

#[test]
fn trees_that_nobody_asked_for_are_out_by_name() {
    let (shards, holdout) = fixture::members();
    let grown = grown(shards);
    let name = shards[1].member();
    let spoil = |spoil: &dyn Fn(&mut ForestParameters), why: &str| {
        let mut sent = grown.clone();
        spoil(&mut sent[1].forest);
        let (mut federated, told) = rounds();
        let joined = federated.join(Part::Forest, &sent, SETTINGS, Some(holdout.drawdown())).unwrap();
        assert_eq!((joined.trees.len(), federated.excluded().collect::<Vec<_>>()), (75, vec![name]), "{why}");
        let first = told.borrow()[0].excluded.clone();
        assert!(first.len() == 1 && first[0].member.as_str() == name, "{first:?}");
        assert!(matches!(&first[0].why, Exclusion::Failed { failure: Failure::Malformed { .. } }), "{first:?}");
        assert!(first[0].why.to_string().contains(why), "{first:?}");
    };
    let split = |forest: &mut ForestParameters, node: Node| {
        forest.trees[0].nodes = vec![node, Node::Leaf(true), Node::Leaf(false)];
    };
    spoil(&|forest| split(forest, Node::Split(0, f64::NAN, 1, 2)), "a threshold is not finite");
    spoil(&|forest| split(forest, Node::Split(99, 0.0, 1, 2)), "a feature that there is not");
    spoil(&|forest| split(forest, Node::Split(0, 0.0, 0, 2)), "does not stand behind its parent");
    spoil(&|forest| forest.trees.push(forest.trees[0].clone()), "trees");
    spoil(&|forest| forest.features.reverse(), "other features");
    let deep = |forest: &mut ForestParameters| {
        let down = (0..5u16).flat_map(|step| [Node::Split(0, 0.0, 2 * step + 1, 2 * step + 2), Node::Leaf(true)]);
        forest.trees[0] = Tree { nodes: down.chain([Node::Leaf(false)]).collect() };
    };
    spoil(&deep, "deeper than was asked for");
}

#[test]
fn a_forest_that_is_worse_than_the_constant_rate_is_none() {
    let (shards, holdout) = fixture::members();
    // Of two nobody can be told from the other.
    let mut two = grown(&shards[..2]);
    for one in &mut two {
        one.forest = turned(&one.forest);
    }
    let (mut federated, _) = rounds();
    let refused = federated.join(Part::Forest, &two, SETTINGS, Some(holdout.drawdown())).unwrap_err();
    assert!(refused.to_string().starts_with("rolled back: hold-out loss"), "{refused}");
    let names: Vec<String> = two.iter().map(|one| one.member.clone()).collect();
    federated.excluded.extend(names);
    let nobody = federated.join(Part::Forest, &two, SETTINGS, Some(holdout.drawdown())).unwrap_err();
    assert!(nobody.to_string().starts_with("0 members"), "{nobody}");
}
