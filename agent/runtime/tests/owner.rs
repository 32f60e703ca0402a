//! Human owners on the local DAO: what they may confirm, what they are kept from, and that it executes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]
#![allow(unreachable_pub, reason = "shared with other tests")]

mod local;

use alloy::{
    primitives::{Address, B256, U256},
    providers::ext::AnvilApi,
    signers::local::PrivateKeySigner,
};
use local::{crashed, decide, of_safe};
use quaestor::{
    agent::{Bundle, Path},
    chain::Chain,
    devnet::{Devnet, demo_limits, people::call, policy_text},
    owner::{ChainRefused, Errand, Outcome, OwnerError, Pins, act, examine},
    sender::{Sender, WAIT_MAX},
    verify::connect,
};
use quaestor_contracts::bindings::{DecisionGate, ISafe};
use quaestor_core::Policy;
use std::process::{Command, Stdio};

struct Room {
    devnet: Devnet,
    chain: Chain,
    bundle: Bundle,
    hash: B256,
    safe: Address,
}

impl Room {
    async fn new() -> Self {
        let (devnet, text) = crashed().await;
        let chain = connect(devnet.chain.url().clone()).unwrap();
        let bundle = decide(&devnet, &chain, &text).await;
        let (hash, safe) = of_safe(&bundle);
        Self { devnet, chain, bundle, hash, safe }
    }

    async fn agent_approves(&self) {
        self.devnet.approve(self.devnet.dao.people.operator.address(), self.hash).await.unwrap();
    }

    async fn look(&self, signer: &PrivateKeySigner, errand: Errand) -> Result<quaestor::owner::Case, OwnerError> {
        let (catalog, pins) = (quaestor_strategies::catalog(), Pins::default());
        examine(&self.chain, &self.bundle.bytes(), self.hash, pins, signer.address(), errand, &catalog).await
    }

    async fn refusal(&self, signer: &PrivateKeySigner, errand: Errand) -> ChainRefused {
        match self.look(signer, errand).await {
            Err(OwnerError::ChainRefused(refused)) => refused,
            other => panic!("{other:?}"),
        }
    }

    fn sender(&self, signer: &PrivateKeySigner) -> Sender {
        Sender::new(self.chain.clone(), self.devnet.dao.chain_id, signer.clone(), WAIT_MAX)
    }
}

#[tokio::test]
async fn two_people_confirm_and_one_executes() {
    let room = Room::new().await;
    let people = &room.devnet.dao.people;
    let [first, second, third] = &people.owners;
    assert!(matches!(room.refusal(first, Errand::Confirm).await, ChainRefused::NotTheAgents));
    room.agent_approves().await;
    assert!(matches!(room.refusal(&people.stranger, Errand::Confirm).await, ChainRefused::NotOwner { .. }));

    let case = room.look(first, Errand::Confirm).await.unwrap();
    assert_eq!((case.doubts.len(), case.standing.threshold, case.standing.approved.len()), (0, 3, 1));
    assert_eq!(case.standing.multisend, "1.5.0");
    let text = case.text(Errand::Confirm);
    for address in [room.safe, room.devnet.dao.controls.gate, room.devnet.dao.uniswap.router, people.operator.address()]
    {
        assert!(text.contains(&address.to_checksum(None)), "{address} in {text}");
    }
    assert!(text.contains("swap ") && text.contains("(the agent)") && !text.contains("WARNING"), "{text}");

    assert!(matches!(act(&room.sender(first), &case, Errand::Confirm).await.unwrap(), Outcome::Confirmed(_)));
    assert!(matches!(act(&room.sender(first), &case, Errand::Confirm).await.unwrap(), Outcome::AlreadyConfirmed));
    let early = room.refusal(first, Errand::Execute).await;
    assert_eq!(early, ChainRefused::TooFew { have: 2, threshold: 3, missing: 1 });

    // The third need not confirm: who sends the execution counts.
    let case = room.look(third, Errand::Execute).await.unwrap();
    let done = act(&room.sender(third), &case, Errand::Execute).await.unwrap();
    assert!(matches!(done, Outcome::Executed(_)), "{done:?}");
    let nonce = room.devnet.chain.read(room.safe, &ISafe::nonceCall {}).await.unwrap();
    assert_eq!(nonce, U256::from(case.proposed.tx.nonce + 1));
    assert!(matches!(room.refusal(second, Errand::Confirm).await, ChainRefused::Done { .. }));
    // What was allowed when it was looked at is looked at again before anything is sent.
    let late = act(&room.sender(second), &case, Errand::Execute).await.unwrap_err();
    assert!(matches!(late, OwnerError::ChainRefused(ChainRefused::Done { .. })), "{late}");
}

#[tokio::test]
async fn what_can_not_or_should_not_execute_is_not_confirmed() {
    let room = Room::new().await;
    let people = &room.devnet.dao.people;
    let owner = &people.owners[0];
    room.agent_approves().await;
    let start = room.devnet.chain.provider().anvil_snapshot().await.unwrap();
    let back = async |to: U256| {
        assert!(room.devnet.chain.provider().anvil_revert(to).await.unwrap());
        room.devnet.chain.provider().anvil_snapshot().await.unwrap()
    };

    room.devnet.pull(people.guardians[0].address()).await.unwrap();
    assert!(matches!(room.refusal(owner, Errand::Confirm).await, ChainRefused::BrakePulled { .. }));

    room.devnet.vote_release(&[], "# Release").await.unwrap();
    let since = room.refusal(owner, Errand::Confirm).await;
    assert_eq!(since, ChainRefused::PulledSince { entered: 0, found: 1 });

    let start = back(start).await;
    let narrower = quaestor_core::Limits { proposal_bps_max: 2_000, ..demo_limits() };
    let narrower = policy_text(&room.devnet.dao, narrower);
    let narrower = quaestor_policies::parse(narrower.as_bytes(), &quaestor_strategies::catalog()).unwrap();
    let (hash, rest, envelope) = (narrower.hash(), narrower.rest_hash(), narrower.envelope());
    room.devnet.vote_policy(hash, rest, envelope, "epoch-2.toml", "# Narrower").await.unwrap();
    let other = room.refusal(owner, Errand::Confirm).await;
    assert!(matches!(other, ChainRefused::OtherPolicy { found, epoch: 2, .. } if found == hash), "{other}");

    let start = back(start).await;
    room.devnet.vote_lease(1, "# End the lease").await.unwrap();
    assert!(matches!(room.refusal(owner, Errand::Confirm).await, ChainRefused::LeaseLapsed { .. }));

    let start = back(start).await;
    let proposal = room.bundle.proposals.iter().find(|it| matches!(it.route, Path::Safe { .. })).unwrap();
    let revoke = DecisionGate::revokeCall { account: room.safe, decision: proposal.decision };
    let revoke = call(room.devnet.dao.controls.gate, &revoke);
    room.devnet.chain.send("revoke", people.operator.address(), &revoke).await.unwrap();
    assert!(matches!(room.refusal(owner, Errand::Confirm).await, ChainRefused::Revoked { .. }));

    let start = back(start).await;
    room.devnet.warp_by(4 * 86_400).await.unwrap();
    assert!(matches!(room.refusal(owner, Errand::Confirm).await, ChainRefused::Expired { .. }));

    // A bundle whose multisend is other code, with a hash that its own agent approved.
    back(start).await;
    let mut forged = room.bundle.clone();
    forged.contracts.multisend = room.devnet.dao.uniswap.router;
    let at = forged.proposals.iter().position(|it| matches!(it.route, Path::Safe { .. })).unwrap();
    let proposal = &mut forged.proposals[at];
    let Path::Safe { safe, nonce, safe_tx_hash, .. } = &mut proposal.route else { unreachable!() };
    let tx = quaestor_contracts::SafeTx::for_batch(*safe, forged.contracts.multisend, &proposal.calls, *nonce).unwrap();
    *safe_tx_hash = tx.hash(room.devnet.dao.chain_id, *safe);
    let hash = *safe_tx_hash;
    room.devnet.approve(people.operator.address(), hash).await.unwrap();
    let forged = Room { bundle: forged, hash, ..room };
    let refused = forged.refusal(&forged.devnet.dao.people.owners[0], Errand::Confirm).await;
    assert!(matches!(refused, ChainRefused::UnknownMultiSend { .. }), "{refused}");
}

/// The real program, as an owner types it.
#[tokio::test]
async fn the_command_prints_refuses_and_confirms() {
    let room = Room::new().await;
    room.agent_approves().await;
    let folder = tempfile::tempdir().unwrap();
    let name = room.bundle.publish(folder.path()).unwrap();
    room.devnet.write_keystores(folder.path(), "secret").unwrap();
    let run = |name: &str, more: &[&str]| {
        let (hash, rpc) = (room.hash.to_string(), room.devnet.chain.url().to_string());
        let args = ["safe", "confirm", &hash, "--bundle", name, "--rpc-url", &rpc, "--keystore", "owner-1.json"];
        let output = Command::new(env!("CARGO_BIN_EXE_quaestor"))
            .args(args)
            .args(["--password-env", "OWNER_PASSWORD"])
            .args(more)
            .current_dir(folder.path())
            .env("OWNER_PASSWORD", "secret")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    };
    let (code, _, error) = run(&name, &[]);
    assert_eq!(code, 2, "{error}");
    assert!(error.contains("--yes"), "{error}");

    let other = Address::repeat_byte(9).to_checksum(None);
    let (code, _, error) = run(&name, &["--yes", "--gate", &other]);
    assert_eq!(code, 1, "{error}");
    assert!(error.contains("you named"), "{error}");

    let (code, _, error) = run(&name, &["--yes"]);
    assert_eq!(code, 2, "{error}");
    assert!(error.contains("--gate"), "{error}");

    let gate = room.devnet.dao.controls.gate.to_checksum(None);
    let (code, _, error) = run("none.json", &["--yes", "--gate", &gate]);
    assert_eq!(code, 3, "{error}");

    let (code, output, error) = run(&name, &["--yes", "--gate", &gate, "--json"]);
    assert_eq!(code, 0, "{error}");
    let document: serde_json::Value = serde_json::from_str(&output).unwrap();
    assert_eq!((document["ok"].clone(), document["done"].clone()), (true.into(), "confirmed".into()));
    assert_eq!(document["transaction"]["recomputes"], true);
    let owner = room.devnet.dao.people.owners[0].address();
    let approved = ISafe::approvedHashesCall { owner, messageHash: room.hash };
    assert_eq!(room.devnet.chain.read(room.safe, &approved).await.unwrap(), U256::from(1));
}
