use super::*;
use proptest::prelude::*;

fn tx(byte: u8) -> B256 {
    B256::repeat_byte(byte)
}

fn block(number: u64) -> BlockRef {
    BlockRef { number, hash: B256::repeat_byte(number.to_le_bytes()[0]), timestamp: number * 12 }
}

fn fold(events: &[Event]) -> Proposal {
    events.iter().fold(Proposal::default(), |proposal, event| step(proposal, event).0)
}

fn errand() -> impl Strategy<Value = Errand> {
    prop_oneof![
        Just(Errand::Propose),
        Just(Errand::Queue),
        Just(Errand::Execute),
        Just(Errand::Revoke),
        Just(Errand::Tidy)
    ]
}

fn stage() -> impl Strategy<Value = Stage> {
    prop_oneof![
        (0u64..4).prop_map(|confirmations| Stage::Confirming { confirmations, threshold: 3 }),
        Just(Stage::Pending),
        Just(Stage::Active),
        Just(Stage::Succeeded),
        any::<bool>().prop_map(|is_ready| Stage::Queued { ready_at: 9, is_ready }),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let known = (0u8..3).prop_map(tx);
    prop_oneof![
        4 => (errand(), known.clone()).prop_map(|(errand, tx)| Event::Signed { errand, tx }),
        2 => known.clone().prop_map(|tx| Event::Sent { tx }),
        2 => (known.clone(), 1u64..9).prop_map(|(tx, number)| Event::Included { tx, block: block(number) }),
        1 => known.clone().prop_map(|tx| Event::Reorged { tx }),
        3 => known.clone().prop_map(|tx| Event::Finalised { tx }),
        1 => known.prop_map(|tx| Event::Failed { tx }),
        2 => stage().prop_map(|stage| Event::Observed { stage }),
        1 => (1u64..9).prop_map(|number| Event::Executed { block: block(number) }),
        1 => Just(Event::ExecutionReorged),
        1 => Just(Event::ExecutionFinalised),
        1 => Just(Event::Expired),
        1 => Just(Event::Defeated),
        1 => Just(Event::NothingToTidy),
        1 => Just(Event::Withdraw { reason: Reason::BrakePulled }),
    ]
}

#[test]
fn a_proposal_on_a_safe_runs_once_people_confirmed() {
    let mut events = vec![
        Event::Signed { errand: Errand::Propose, tx: tx(1) },
        Event::Sent { tx: tx(1) },
        Event::Included { tx: tx(1), block: block(5) },
        Event::Finalised { tx: tx(1) },
        Event::Observed { stage: Stage::Confirming { confirmations: 3, threshold: 3 } },
        Event::Executed { block: block(8) },
    ];
    assert_eq!(fold(&events).state, State::Executed { block: block(8), withdrawing: None });
    events.push(Event::ExecutionFinalised);
    assert_eq!(fold(&events).state, State::Ended(Outcome::Executed { block: block(8) }));
}

#[test]
fn a_reorg_sends_the_same_bytes_again() {
    let events = [
        Event::Signed { errand: Errand::Propose, tx: tx(1) },
        Event::Sent { tx: tx(1) },
        Event::Included { tx: tx(1), block: block(5) },
    ];
    let (proposal, effects) = step(fold(&events), &Event::Reorged { tx: tx(1) });
    assert_eq!(effects, [Effect::Send(tx(1))]);
    assert_eq!(proposal.flight.unwrap().progress, Progress::Sent);
}

#[test]
fn a_reorg_of_the_execution_takes_back_what_brought_it_there() {
    let proposed = [
        Event::Signed { errand: Errand::Propose, tx: tx(1) },
        Event::Included { tx: tx(1), block: block(5) },
        Event::Executed { block: block(6) },
    ];
    let (proposal, _) = step(fold(&proposed), &Event::Reorged { tx: tx(1) });
    let (proposal, _) = step(proposal, &Event::ExecutionReorged);
    assert_eq!(proposal.state, State::Planned);
    assert_eq!(proposal.flight.unwrap().progress, Progress::Sent);

    let executing = [
        Event::Signed { errand: Errand::Propose, tx: tx(1) },
        Event::Finalised { tx: tx(1) },
        Event::Observed { stage: Stage::Queued { ready_at: 9, is_ready: true } },
        Event::Signed { errand: Errand::Execute, tx: tx(2) },
        Event::Executed { block: block(8) },
        Event::ExecutionReorged,
    ];
    let proposal = fold(&executing);
    assert_eq!((&proposal.state, proposal.wants()), (&State::Live { stage: None }, None));
    assert_eq!(proposal.flight.unwrap().tx, tx(2));
}

#[test]
fn what_ran_binds_its_account_until_that_is_final() {
    let mut events = vec![
        Event::Signed { errand: Errand::Propose, tx: tx(1) },
        Event::Finalised { tx: tx(1) },
        Event::Executed { block: block(8) },
    ];
    assert!(fold(&events).may_run());
    events.push(Event::ExecutionFinalised);
    assert!(!fold(&events).may_run());
}

#[test]
fn a_brake_pulled_between_sign_and_send_revokes() {
    let signed = fold(&[Event::Signed { errand: Errand::Propose, tx: tx(1) }]);
    let (proposal, effects) = step(signed, &Event::Withdraw { reason: Reason::BrakePulled });
    assert!(effects.contains(&Effect::Sign(Errand::Revoke)));
    let (proposal, effects) = step(proposal, &Event::Signed { errand: Errand::Revoke, tx: tx(2) });
    assert_eq!(effects, [Effect::Send(tx(2))]);
    let (proposal, _) = step(proposal, &Event::Finalised { tx: tx(2) });
    assert_eq!(proposal.wants(), Some(Errand::Tidy));
}

#[test]
fn what_was_never_signed_is_only_abandoned() {
    let (proposal, _) = step(Proposal::default(), &Event::Withdraw { reason: Reason::BrakePulled });
    assert_eq!(proposal.state, State::Ended(Outcome::Abandoned { reason: Reason::BrakePulled }));
}

#[test]
fn a_vote_is_queued_when_won_and_executed_when_ready() {
    let live = fold(&[
        Event::Signed { errand: Errand::Propose, tx: tx(1) },
        Event::Finalised { tx: tx(1) },
        Event::Observed { stage: Stage::Active },
    ]);
    let (won, effects) = step(live, &Event::Observed { stage: Stage::Succeeded });
    assert_eq!(effects, [Effect::Sign(Errand::Queue)]);
    let (won, _) = step(won, &Event::Signed { errand: Errand::Queue, tx: tx(2) });
    let (won, _) = step(won, &Event::Finalised { tx: tx(2) });
    let (won, effects) = step(won, &Event::Observed { stage: Stage::Queued { ready_at: 9, is_ready: false } });
    assert!(effects.is_empty());
    let (_, effects) = step(won, &Event::Observed { stage: Stage::Queued { ready_at: 9, is_ready: true } });
    assert_eq!(effects, [Effect::Sign(Errand::Execute)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn only_what_was_signed_and_asked_for_is_ever_sent(events in prop::collection::vec(event(), 0..40)) {
        let mut proposal = Proposal::default();
        let mut signed = Vec::new();
        let mut withdrawn = false;
        for event in events {
            let wanted = proposal.wants();
            let (next, effects) = step(proposal.clone(), &event);
            if let Event::Signed { tx, .. } = event { signed.push(tx); }
            for effect in &effects {
                match effect {
                    Effect::Send(hash) => {
                        prop_assert!(signed.contains(hash));
                        let flight = next.flight.unwrap();
                        prop_assert_eq!(flight.tx, *hash);
                        prop_assert!(wanted == Some(flight.errand) || proposal.flight.is_some());
                    }
                    Effect::Sign(errand) if withdrawn => {
                        prop_assert!(matches!(errand, Errand::Revoke | Errand::Tidy));
                    }
                    _ => {}
                }
            }
            if proposal.is_ended() { prop_assert_eq!(&next, &proposal); }
            withdrawn = withdrawn && !matches!(next.state, State::Live { .. })
                || matches!(next.state, State::Withdrawing { .. });
            proposal = next;
        }
    }

    #[test]
    fn a_second_transaction_leaves_only_to_withdraw_or_to_pay_more(events in prop::collection::vec(event(), 0..40)) {
        let mut proposal = Proposal::default();
        for event in events {
            let (next, _) = step(proposal.clone(), &event);
            if let (Some(before), Some(after)) = (proposal.flight, next.flight)
                && before.tx != after.tx {
                let withdrawing = matches!(proposal.state, State::Withdrawing { .. });
                let withdraws = withdrawing && matches!(after.errand, Errand::Revoke | Errand::Tidy);
                // The same errand at the same nonce, with higher fees.
                let again = after.errand == before.errand && !matches!(before.progress, Progress::Included(_));
                prop_assert!(withdraws || again);
            }
            proposal = next;
        }
    }

    #[test]
    fn a_restart_forgets_nothing_and_asks_first(events in prop::collection::vec(event(), 0..40)) {
        let proposal = fold(&events);
        let stored = serde_json::to_string(&events).unwrap();
        let read: Vec<Event> = serde_json::from_str(&stored).unwrap();
        prop_assert_eq!(&fold(&read), &proposal);
        for effect in proposal.resume() {
            prop_assert!(!matches!(effect, Effect::Send(_)));
            if let Effect::AskChain(hash) = effect { prop_assert_eq!(proposal.flight.unwrap().tx, hash); }
        }
    }
}
