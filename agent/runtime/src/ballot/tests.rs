use super::*;
use crate::registry::Epoch;
use alloy::primitives::{Address, B256, U256, address};
use quaestor_core::BlockRef;
use quaestor_policies::VotedPolicy;

const LIBRARY: &str = include_str!("../../../../policies/library/balanced.toml");
const PROPOSER: Address = address!("0x00000000000000000000000000000000000000A1");
const REGISTRY: Address = address!("0x00000000000000000000000000000000000000B2");

fn policy(text: &str) -> VotedPolicy {
    quaestor_policies::parse(text.as_bytes(), &quaestor_strategies::catalog()).unwrap()
}

fn epoch(of: &VotedPolicy, number: u64) -> Epoch {
    Epoch {
        policyHash: of.hash(),
        restHash: of.rest_hash(),
        envelope: of.envelope(),
        uri: "file:policy.toml".to_owned(),
        activeAt: 0,
        number,
    }
}

fn standing(active: Option<Epoch>) -> Standing {
    Standing {
        chain_id: 1,
        block: BlockRef { number: 100, hash: B256::repeat_byte(1), timestamp: 1_800_000_000 },
        registry: REGISTRY,
        owner: Owner::Governor {
            governor: Address::repeat_byte(3),
            timelock: Address::repeat_byte(4),
            voting_delay: 7_200,
            voting_period: 50_400,
            counts_seconds: false,
            delay_secs: 172_800,
        },
        active,
        pending: None,
        delay_secs: 259_200,
        proposer: Some(Proposer { address: PROPOSER, votes: U256::from(5), votes_min: U256::from(3) }),
        trial: Trial::Epoch(2),
    }
}

fn text(standing: &Standing, new: &VotedPolicy, proposer: Option<Address>) -> String {
    let findings = ["On this history the agent would have proposed 3 times instead of 5.".to_owned()];
    describe(&Parts {
        standing,
        new,
        uri: "ipfs://bafy/policy.toml",
        motivation: None,
        specification: "1. **narrows** `limits.proposal_bps_max`: `300` → `200`\n",
        impact: Some((&findings, B256::repeat_byte(9))),
        commands: &[
            "quaestor policy hash policy.toml".to_owned(),
            "quaestor policy diff old.toml policy.toml".to_owned(),
        ],
        assumed: Some(("year.toml", "[costs]\nslippage_bps = 10\n")),
        proposer,
    })
}

#[test]
fn members_read_what_they_know_from_other_votes() {
    let (old, new) = (policy(LIBRARY), policy(&LIBRARY.replace("proposal_bps_max = 300", "proposal_bps_max = 200")));
    let found = text(&standing(Some(epoch(&old, 1))), &new, Some(PROPOSER));
    insta::assert_snapshot!(found);
    assert!(found.ends_with(&format!("#proposer={PROPOSER}")), "nothing may stand after it");
}

#[test]
fn what_widens_waits_and_what_waits_already_is_dropped() {
    let (old, new) = (policy(LIBRARY), policy(&LIBRARY.replace("proposal_bps_max = 300", "proposal_bps_max = 301")));
    let standing = Standing { pending: Some(epoch(&old, 2)), ..standing(Some(epoch(&old, 1))) };
    let found = text(&standing, &new, None);
    assert!(
        found.contains("It is in force 3 days after it is executed, unless a guardian vetoes it before."),
        "{found}"
    );
    assert!(found.contains(&format!("Epoch 2, `{}`, which waits now, is dropped.", old.hash())), "{found}");
    assert!(!found.contains("#proposer"), "a Safe has no proposer");
}

#[test]
fn a_first_policy_says_that_there_was_none() {
    let new = policy(LIBRARY);
    let found = text(&standing(None), &new, Some(PROPOSER));
    assert!(found.starts_with("# [Executable] Balanced treasury: adopt the first policy"), "{found}");
    assert!(found.contains("so far there is none"), "{found}");
}

#[test]
fn text_of_a_policy_cannot_pretend_to_be_a_suffix() {
    let new = policy(&LIBRARY.replace("Balanced treasury", "x #proposer=0x00 `|"));
    let found = text(&standing(None), &new, Some(PROPOSER));
    assert_eq!(found.matches("#proposer=").count(), 1);
    assert!(found.starts_with("# [Executable] x proposer0x00 "), "{found}");
}

#[test]
fn the_builder_s_file_has_the_very_call() {
    let new = policy(LIBRARY);
    let call = submission(REGISTRY, &new, "file:policy.toml");
    let file = builder_file(1, Address::repeat_byte(5), "Balanced treasury", 1_800_000_000, &call);
    assert_eq!(file["version"], "1.0");
    assert_eq!(file["chainId"], "1");
    let [transaction] = file["transactions"].as_array().unwrap().as_slice() else { panic!("one transaction") };
    assert_eq!(transaction["to"], REGISTRY.to_string());
    assert_eq!(transaction["value"], "0");
    assert_eq!(transaction["data"], call.data.to_string());
    assert_eq!(transaction["contractMethod"], serde_json::Value::Null);
}
