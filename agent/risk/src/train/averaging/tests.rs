use super::*;
use crate::{
    Examples,
    fixture::{day, shards},
    models::{Moments, Scaling, drawdown},
    train::{Loss, Part, PlainRounds, Rounds},
};

const RIDGE: f64 = 100.0;

/// Records of the demo's four members from September 2020 on, in one scale.
fn by_member() -> Vec<Examples> {
    let recent = |shard: &crate::data::Shard| shard.within(day("2020-09-01")..u32::MAX).unwrap().drawdown().clone();
    let members: Vec<Examples> = shards().iter().map(recent).collect();
    let pooled = Examples::joined(&members).unwrap();
    let scaling = Scaling::from_moments(&Moments::of_features(&pooled), pooled.names()).unwrap();
    members.iter().map(|member| scaling.apply(member).unwrap()).collect()
}

/// The same records dealt out one by one, so that every member has seen all of the market.
fn dealt(members: &[Examples], hands: usize) -> Vec<Examples> {
    let all: Vec<(&[f64], f64)> = members.iter().flat_map(Examples::records).collect();
    let hand = |first: usize| {
        let own: Vec<_> = all.iter().skip(first).step_by(hands).collect();
        let features = own.iter().flat_map(|(row, _)| row.iter().copied()).collect();
        let targets = own.iter().map(|(_, target)| *target).collect();
        Examples::new(members[0].names().to_vec(), features, targets, (0..own.len() as u32).collect()).unwrap()
    };
    (0..hands).map(hand).collect()
}

/// Largest difference of a parameter from the pooled fit, and the largest parameter of that.
fn off(members: &[Examples]) -> (f64, f64) {
    let shard = |(place, own): (usize, &Examples)| NewtonShard::new(place.to_string(), own.clone(), Loss::Logistic);
    let shards: Vec<NewtonShard> = members.iter().enumerate().map(shard).collect();
    let averaged = PlainRounds.average(Part::Drawdown, &shards, None, RIDGE).unwrap();
    let pooled = drawdown::fit(&Examples::joined(members).unwrap(), RIDGE).unwrap();
    let apart = averaged.iter().zip(&pooled).map(|(one, two)| (one - two).abs()).fold(0.0, f64::max);
    (apart, pooled.iter().map(|one| one.abs()).fold(0.0, f64::max))
}

/// How near: every parameter within 0.03 where members are alike and within 0.25 where each has its own market, the
/// greatest being 1.6.
#[test]
fn members_that_are_alike_come_near_the_pooled_fit_and_others_less_so() {
    let members = by_member();
    let (alike, largest) = off(&dealt(&members, 5));
    let (unlike, _) = off(&members);
    assert!(largest > 1.5, "{largest}");
    assert!(alike < 0.03, "{alike}");
    assert!(unlike < 0.25 && unlike > 3.0 * alike, "{unlike}");
}

#[test]
fn what_cannot_be_averaged_is_said() {
    let members = by_member();
    assert_eq!(plain(&[], RIDGE).unwrap_err().to_string(), "no member contributed");
    let quiet = members[0].with_targets(vec![0.0; members[0].len()]).unwrap();
    let records = quiet.len();
    let shard = NewtonShard::new("quiet".into(), quiet, Loss::Logistic);
    let why = plain(&[shard], RIDGE).unwrap_err().to_string();
    assert!(why.contains(&format!("0 of {records} records are events")), "{why}");
    let target = crate::models::quantile::QuantileTarget::for_records(9_500, 400, members[0].width()).unwrap();
    let pinball = NewtonShard::new("tail".into(), members[0].clone(), Loss::Pinball(target));
    assert_eq!(plain(&[pinball], RIDGE).unwrap_err().to_string(), "this loss has no steps to average");
}

#[test]
fn ridges_of_members_add_up_to_the_common_one() {
    let records = [120, 40, 7];
    let shares = records.map(|own| shared_ridge(RIDGE, own, 167));
    assert!((shares.iter().sum::<f64>() - RIDGE).abs() < 1e-12);
    assert_eq!(shared_ridge(RIDGE, 0, 0), 0.0);
}
