//! Two operators, each with an agent and a journal of its own.

use super::stand::{self, edit};
use quaestor::{
    agent::{Bundle, Path, Plan, Record},
    demo::stage::DemoError,
    devnet::people,
    journal::{JournalReader, Row},
};
use quaestor_contracts::bindings::EmergencyBrake;
use quaestor_tests::Stage;
use std::{path::PathBuf, process::Child};

/// The second operator's agent; it ends with the test.
struct Second {
    child: Child,
    folder: PathBuf,
}

impl Drop for Second {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Second {
    /// The members list the first owner as an operator; it runs its agent on the same policies.
    async fn start(stage: &Stage) -> Result<Self, DemoError> {
        let dao = &stage.devnet.dao;
        let (first, second) = (dao.people.operator.address(), dao.people.owners[0].address());
        let list = EmergencyBrake::setOperatorCall { operator: second, listed: true };
        let calls = [people::call(dao.controls.brake, &list)];
        stage.devnet.vote_through(&calls, "List the first owner as an operator").await.unwrap();
        let folder = stage.site.folder.join("second");
        std::fs::create_dir_all(&folder).unwrap();
        let config = folder.join("agent.toml");
        std::fs::copy(&stage.site.config, &config).unwrap();
        edit(&config, &first.to_string(), &second.to_string());
        edit(&config, "keys/operator.json", "../keys/owner-1.json");
        edit(&config, "policies/", "../policies/");
        edit(&config, "policy.toml", "../policy.toml");
        let child = stage.spawn_agent(&config, &folder.join("agent.log"))?;
        Ok(Self { child, folder })
    }

    fn records(&self) -> Vec<Record> {
        let rows = JournalReader::open(&self.folder.join("journal.db")).and_then(|reader| reader.rows(1, 1_000));
        rows.unwrap_or_default().iter().map(|row: &Row| row.decode().unwrap()).collect()
    }

    fn plan_like(&self, plan: &Plan) -> Option<Plan> {
        self.records().into_iter().find_map(|record| match record {
            Record::Planned(found) if found.id == plan.id => Some(*found),
            _ => None,
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_operators_reach_the_same_decision_byte_for_byte() {
    let mut stage = stand::stand().await;
    let second = Second::start(&stage).await.unwrap();
    let is_ready = |records: Vec<Record>| records.iter().any(|it| matches!(it, Record::PolicyInForce { .. }));
    stand::holds("the second agent has the policy", || is_ready(second.records())).await;
    stand::blocks(&stage, 3).await;

    let plan = stand::rebalance(&mut stage, 60).await;
    stand::holds("the second agent plans the same", || second.plan_like(&plan).is_some()).await;
    let theirs = second.plan_like(&plan).unwrap();
    assert_eq!(theirs, plan, "decision, calldata, Safe nonce and safeTxHash");
    let bundles = [stage.config.files.bundles.join(&plan.bundle), second.folder.join("bundles").join(&theirs.bundle)];
    let bytes = bundles.each_ref().map(|path| std::fs::read(path).unwrap());
    let parsed = bytes.each_ref().map(|bytes| Bundle::parse(bytes).unwrap());
    assert_eq!(parsed[0].decision.canonical_bytes(), parsed[1].decision.canonical_bytes());
    assert!(bytes[0] == bytes[1], "the bundles are the same, to the last byte");
    let rpc = stage.proxy.url();
    for path in &bundles {
        stage.types(&["verify", &path.display().to_string(), "--rpc-url", &rpc]).await.expect(0, &[]);
    }

    // Both confirm, a third person too: three of four.
    stand::proposed(&mut stage, &plan).await;
    let (tx, hash) = stand::safe_tx(&stage, &plan);
    let owners = stage.devnet.dao.people.owners.clone();
    let both = stage.devnet.approvers(hash).await.unwrap();
    assert!(both.contains(&stage.devnet.dao.people.operator.address()) && both.contains(&owners[0].address()));
    stage.devnet.approve(owners[1].address(), hash).await.unwrap();
    stage.devnet.execute(owners[2].address(), &tx).await.unwrap();
    stand::ended(&mut stage, &plan).await;

    // The reserve is proposed for only by the operator whom the policy names.
    let dao = stage.devnet.dao.clone();
    stand::drain(&stage).await;
    let refill = stand::next_plan(&mut stage, dao.governance.timelock).await;
    assert!(matches!(refill.route, Path::Governor { .. }));
    stand::proposed(&mut stage, &refill).await;
    let words = format!("the policy lets only operator {} propose", dao.people.operator.address());
    let withheld = |record: &Record| match record {
        Record::Withheld { account, reason, .. } => *account == dao.governance.timelock && reason.contains(&words),
        _ => false,
    };
    stand::holds("the second agent leaves it to the first", || second.records().iter().any(withheld)).await;
    assert!(second.plan_like(&refill).is_none());
    let own = stage.devnet.proposals().await.unwrap();
    let made =
        own.iter().filter(|it| matches!(refill.route, Path::Governor { proposal_id, .. } if it.id() == proposal_id));
    assert_eq!(made.count(), 1);
}
