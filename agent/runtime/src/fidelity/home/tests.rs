use super::*;

fn delays(voting_delay_secs: u64, voting_period_secs: u64) -> People {
    People { safe_secs: 3_600, voting_delay_secs, voting_period_secs, timelock_secs: 3_600 }
}

#[test]
fn a_vote_has_whole_blocks_and_few_of_them() {
    // 525 of 48 s; 100 and 500 of 864 s; a week and a day as 600 of 1,152 s.
    for (delay, period, secs) in [(3_600, 21_600, 48), (86_400, 432_000, 864), (86_400, 604_800, 1_152)] {
        let found = vote_block_secs(&delays(delay, period)).unwrap();
        assert_eq!(found, secs);
        assert_eq!((delay % found, period % found, found % BLOCK_SECS), (0, 0, 0));
    }
    // Nothing divides these two but twelve.
    assert_eq!(vote_block_secs(&delays(1_212, 25_200)).unwrap(), 12);
    let error = vote_block_secs(&delays(86_412, 432_000)).unwrap_err().to_string();
    assert!(error.contains("86412 and 432000"), "{error}");
    assert!(vote_block_secs(&delays(3_601, 21_600)).is_err());
}

#[test]
fn a_schedule_keeps_its_days_and_moves_to_the_close() {
    let cron = |line: &str| schedule(&Schedule::Cron(line.to_owned()), 86_399);
    assert_eq!(cron("59 59 23 * * *"), ("59 59 23 * * *".to_owned(), None));
    let (line, note) = cron("0 0 8 * * Mon-Fri");
    assert_eq!(line, "59 59 23 * * Mon-Fri");
    assert!(note.unwrap().contains("in place of `0 0 8 * * Mon-Fri`"));
    assert_eq!(schedule(&Schedule::EveryBlocks(7_200), 86_399).0, "59 59 23 * * *");
}

#[test]
fn what_the_local_dao_cannot_be_is_refused_before_it_is_built() {
    let shipped = include_str!("../../../../../policies/library/balanced.toml");
    let catalog = quaestor_strategies::catalog();
    let terms = |text: &str| quaestor_policies::parse(text.as_bytes(), &catalog).unwrap().terms().clone();
    let notes = fits(&terms(shipped)).unwrap();
    assert!(notes.iter().any(|note| note.contains("26h")), "{notes:?}");
    let fee = shipped.replace("fee_pips = 500", "fee_pips = 100");
    assert!(fits(&terms(&fee)).unwrap_err().to_string().contains("one fee, 500, 3000 or 10000"));
    let safe =
        "[accounts.second]\nkind = \"safe\"\naddress = \"eip155:1:0xaAaAaAaaAaAaAaaAaAAAAAAAAaaaAaAaAaaAaaAa\"\n";
    assert!(fits(&terms(&format!("{shipped}\n{safe}"))).unwrap_err().to_string().contains("one of each"));
}
