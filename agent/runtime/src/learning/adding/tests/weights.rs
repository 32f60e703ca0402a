//! Who does some harm weighs less, and is not out.

use super::{
    honest::{Alone, train_parts},
    *,
};
use quaestor_risk::train::{AVERAGING_ROUNDS, LOCAL_STEPS, shared_ridge};

const HARMFUL: &str = "eth-holder";
/// What it multiplies its parameters with.
const TIMES: f64 = 8.0;

/// Averages of which nobody takes weight.
struct Unweighed;

impl Rounds for Unweighed {
    fn sum(&mut self, part: Part, all: &[Contribution], _: Option<&Contribution>) -> Result<Vec<f64>, RoundsError> {
        train::PlainRounds.sum(part, all, None)
    }

    fn newton(
        &mut self,
        part: Part,
        shards: &[NewtonShard],
        _: Option<&NewtonShard>,
        ridge: f64,
    ) -> Result<Vec<f64>, RoundsError> {
        train::PlainRounds.newton(part, shards, None, ridge)
    }

    fn average(
        &mut self,
        _: Part,
        shards: &[NewtonShard],
        _: Option<&NewtonShard>,
        ridge: f64,
    ) -> Result<Vec<f64>, RoundsError> {
        let all: u64 = shards.iter().map(NewtonShard::records).sum();
        let mut theta = vec![0.0; shards[0].parameters()];
        for _ in 0..AVERAGING_ROUNDS {
            let mut next = vec![0.0; theta.len()];
            for shard in shards {
                let own = shard.local_steps(&theta, shared_ridge(ridge, shard.records(), all), LOCAL_STEPS).unwrap()?;
                let share = shard.records() as f64 / all as f64 * if shard.member() == HARMFUL { TIMES } else { 1.0 };
                next.iter_mut().zip(&own).for_each(|(sum, own)| *sum += share * own);
            }
            theta = next;
        }
        Ok(theta)
    }
}

/// Members in their last months, of whom each knows little by itself.
fn recent() -> Vec<Shard> {
    let from = day_number("2021-01-01").unwrap();
    members().0.iter().map(|one| one.within(from..u32::MAX).unwrap()).collect()
}

fn averaging() -> Settings {
    Settings { drawdown_fit: DrawdownFit::FedAvg, ..settings() }
}

fn theta(rounds: &mut dyn Rounds) -> Vec<f64> {
    let trained = train::train(&recent(), Some(&members().1), &averaging(), rounds).unwrap();
    trained.parameters.drawdown.unwrap().theta
}

fn apart(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(one, two)| (one - two).abs()).fold(0.0, f64::max)
}

#[test]
fn who_does_some_harm_weighs_less_from_then_on_and_regains_it() {
    let told: Rc<RefCell<Vec<(f64, f64, f64)>>> = Rc::default();
    let heard = Rc::clone(&told);
    let mut federated = rounds(None, move |told| {
        if let Told::Round(Part::Drawdown, report) = told {
            let one = report.contributions.iter().find(|one| one.member.as_str() == HARMFUL).unwrap();
            heard.borrow_mut().push((one.score, one.weight, report.concentration));
        }
    });
    federated.poison(HARMFUL);
    federated.poison_factor = TIMES;
    let mut alone = Alone(federated, &[Part::Drawdown]);
    let weighed = theta(&mut alone);
    let mut federated = alone.0;
    assert_eq!(federated.excluded().count(), 0);
    let score = federated.score_of(HARMFUL);
    assert!(score > 0.0 && score < 0.9, "{score} {told:?}");
    for shard in members().0.iter().filter(|shard| shard.member() != HARMFUL) {
        assert_eq!(federated.score_of(shard.member()), 1.0);
    }
    // Weights and their concentration are told.
    let (_, weight, concentration) = told.borrow()[0];
    assert!(weight < 0.25 && concentration > 0.25, "{told:?}");
    let clean = theta(&mut train::PlainRounds);
    let (with, without) = (apart(&weighed, &clean), apart(&theta(&mut Unweighed), &clean));
    assert!(with < 0.9 * without, "{with} with weights, {without} without");
    // In the next part it counts by its score, whatever that part is.
    let one =
        |(member, value): (&str, f64)| Contribution { member: member.to_owned(), records: 10, values: vec![value] };
    let sent = [("aave-holder", 1.0), ("btc-holder", 2.0), (HARMFUL, 5.0)].map(one);
    federated.poison_factor = 1.0;
    assert_eq!(federated.sum(Part::Tail, &sent, None).unwrap(), [3.0 + 5.0 * score]);
    // Without harm, its weight comes back in the rounds that are judged.
    let mut alone = Alone(federated, &[Part::Drawdown]);
    let back = theta(&mut alone);
    let regained = alone.0.score_of(HARMFUL);
    assert!(regained > 0.99, "{score} {regained}");
    assert!(apart(&back, &clean) < 0.1 * with);
}

/// On the same days, who turns and amplifies is out; the honest weigh what they have, whatever the fit.
#[test]
fn who_does_much_harm_is_out_and_honest_members_keep_their_weight() {
    let strong = train_parts(members(), rounds(None, |_| {}), &[Part::Drawdown], Some(HARMFUL));
    assert_eq!(strong.excluded().collect::<Vec<_>>(), [HARMFUL]);
    for seed in 1..=12 {
        for (fit, until) in [(DrawdownFit::Newton, "2021-03-01"), (DrawdownFit::FedAvg, "2021-07-01")] {
            let of = of_seed(seed, until);
            let mut alone = Alone(rounds(None, |_| {}), &[Part::Drawdown]);
            let settings = Settings { drawdown_fit: fit, ..settings() };
            train::train(&of.0, Some(&of.1), &settings, &mut alone).unwrap();
            let scores: Vec<f64> = of.0.iter().map(|shard| alone.0.score_of(shard.member())).collect();
            assert_eq!(scores, [1.0; 4], "seed {seed}, {fit:?}");
        }
    }
}
