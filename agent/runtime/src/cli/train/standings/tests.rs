use super::*;
use quaestor_federation::{Excluded, MemberId, Outcome, reputation::Contribution};

fn report(round: u64, members: &[(&str, f64, bool)]) -> RoundReport {
    let id = |name: &str| MemberId::new(name).unwrap();
    let contribution = |(name, gain, excluded): &(&str, f64, bool)| Contribution {
        member: id(name),
        gain: Some(*gain),
        weight: 1.0 / members.len() as f64,
        score: 1.0,
        excluded: *excluded,
    };
    let why = Exclusion::TooLarge { found: Some(2e6), most: 100.0 };
    RoundReport {
        round,
        outcome: Outcome::Accepted,
        loss: Some(0.5),
        members: members.len(),
        records: 100,
        concentration: 1.0 / members.len() as f64,
        waited_ticks: 0,
        excluded: vec![Excluded { member: id("loud"), why }],
        contributions: members.iter().map(contribution).collect(),
    }
}

fn heard(reports: impl IntoIterator<Item = RoundReport>) -> Standings {
    let mut standings = Standings::default();
    for report in reports {
        standings.hear(&Progress::Rounds(&Told::Round(Part::Drawdown, report)));
    }
    standings
}

#[test]
fn a_person_reads_the_last_round_and_how_who_is_out_was_found() {
    let first = report(1, &[("btc-holder", 0.1, false), ("eth-holder", -0.231, true)]);
    let last = report(2, &[("aave-holder", 0.0125, false), ("btc-holder", -0.0285, false)]);
    let standings = heard([first, last]);
    insta::assert_snapshot!(standings.lines().join("\n"), @r"
    standing  drawdown, round 2: concentration 0.5000 (Herfindahl–Hirschman; 0.5000 if 2 weighed the same)
              loud                  left out: norm above 1e2: 2e6
              btc-holder            weight  50.0 %  score 1.000  contribution  -0.0285  in
              aave-holder           weight  50.0 %  score 1.000  contribution  +0.0125  in
    ");
    assert_eq!(
        standings.words_of("eth-holder"),
        "it makes the model worse on public records, by 0.2310 (round 1 of drawdown)"
    );
    assert_eq!(standings.words_of("loud"), "norm above 1e2: 2e6 (round 1 of drawdown)");
    assert_eq!(standings.words_of("aave-holder"), "found out before this run");
    let json = standings.document();
    assert_eq!(json["found_out"]["eth-holder"]["part"], "drawdown");
    assert_eq!(json["parts"][0]["concentration"], 0.5);
    assert_eq!(json["parts"][0]["members"][1]["contribution"], -0.0285);
}

#[test]
fn of_many_members_the_lowest_are_told_and_the_others_counted() {
    let names: Vec<String> = (0..30).map(|place| format!("member-{place:02}")).collect();
    let members: Vec<(&str, f64, bool)> =
        names.iter().zip(0..).map(|(name, place)| (name.as_str(), f64::from(place) / 100.0, place > 19)).collect();
    let lines = heard([report(1, &members)]).lines();
    assert_eq!(lines.len(), 1 + TOLD_MAX + 1);
    assert!(lines[1].contains("member-20") && lines[1].ends_with("excluded"), "{lines:?}");
    assert_eq!(lines.last().unwrap(), "          and 23 more, 2 of them excluded");
}
