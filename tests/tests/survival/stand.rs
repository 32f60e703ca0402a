//! A DAO whose prices the story moves at will, and the agent's journal as it grows.

use alloy::{
    primitives::{Address, B256},
    rpc::types::TransactionRequest,
};
use quaestor::{
    agent::{Book, Path, Plan, Record},
    demo::{self, scene},
    devnet::{ReplayDay, demo_limits},
    journal::JournalReader,
};
use quaestor_contracts::{
    bindings::DevnetAsset,
    safe::{SafeTx, approve_hash, approved_signatures},
};
use quaestor_core::{
    Amount, Limits, Price,
    lifecycle::{Event, Outcome, State},
};
use quaestor_tests::Stage;
use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, Instant},
};

/// Longest wait for anything that the agent should do.
pub(crate) const WAIT: Duration = Duration::from_secs(30);
/// Time between two blocks that a story lets pass while it waits.
const BLOCK: Duration = Duration::from_millis(60);
/// Decisions that are waited for until a plan is made.
const DECISIONS_MAX: u32 = 4;
/// Rows read at a time.
const ROWS: usize = 1_000;

/// The limits of the stories' policy: those of the demo without the rolling caps, so that every swing of the price may be
/// answered.
pub(crate) fn limits() -> Limits {
    Limits { window_bps_max: [u64::MAX; 4], ..demo_limits() }
}

/// The DAO with its policy in force and the agent running under it. The agent waits two seconds for its node, not ten.
pub(crate) async fn stand() -> Stage {
    let mut stage = quaestor_tests::stage().await;
    adopt(&stage).await;
    edit(&stage.site.config, "[contracts]", "request_timeout_secs = 2\n\n[contracts]");
    stage.start().await;
    stage
}

/// Votes the stories' policy into force.
pub(crate) async fn adopt(stage: &Stage) {
    let title = "Adopt a policy that answers every swing";
    let (_, anchored) = scene::vote(stage, "survival.toml", limits(), title).await.unwrap();
    stage.devnet.warp_to(anchored.active_at).await.unwrap();
    stage.devnet.mine(3).await.unwrap();
}

/// Replaces a text of a file, which must have it.
pub(crate) fn edit(path: &std::path::Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "no `{from}` in {text}");
    std::fs::write(path, text.replace(from, to)).unwrap();
}

/// WETH at this share of 200 dollars, in per cent; everything else stays. A swing between 60 and 100 takes the treasury
/// out of its bands either way.
pub(crate) async fn price(stage: &Stage, percent: u128) {
    prices(stage, 2 * percent, 8_000).await;
}

/// WETH and WBTC at these dollars.
pub(crate) async fn prices(stage: &Stage, weth: u128, wbtc: u128) {
    let whole = |dollars: u128| Price(dollars * quaestor_core::amount::WAD);
    let prices = [("USDC", whole(1)), ("WETH", whole(weth)), ("WBTC", whole(wbtc))];
    let timestamp = stage.devnet.chain.now().await.unwrap() + 60;
    let day = ReplayDay { timestamp, prices: prices.map(|(symbol, price)| (symbol.to_owned(), price)).to_vec() };
    stage.devnet.replay(&[day]).await.unwrap();
}

/// The operations run low and the reserve gets as much: the shares stay, and a refill is due.
pub(crate) async fn drain(stage: &Stage) {
    let dao = &stage.devnet.dao;
    let cash = dao.assets[0].address;
    let held = stage.balance(cash, dao.safe.account).await.unwrap();
    let paid = held.saturating_sub(Amount(50_000_000_000));
    scene::pay_by_hand(stage, cash, paid).await.unwrap();
    let mint = DevnetAsset::mintCall { to: dao.governance.timelock, amount: paid.to_u256() };
    stage.send(dao.people.market.address(), cash, &mint).await;
}

/// The Safe's next plan, at this price of WETH.
pub(crate) async fn rebalance(stage: &mut Stage, percent: u128) -> Plan {
    let safe = stage.devnet.dao.safe.account;
    price(stage, percent).await;
    next_plan(stage, safe).await
}

/// The next plan of this account.
pub(crate) async fn next_plan(stage: &mut Stage, account: Address) -> Plan {
    let skip = stage.rows().unwrap().len();
    for _ in 0..DECISIONS_MAX {
        stage.next_decision().await.unwrap();
        if let Some(plan) = stage.plans(skip).unwrap().into_iter().find(|plan| plan.batch.address == account) {
            return plan;
        }
    }
    panic!("no plan of {account} in {DECISIONS_MAX} decisions");
}

/// The Safe transaction of a plan.
pub(crate) fn safe_tx(stage: &Stage, plan: &Plan) -> (SafeTx, B256) {
    let Path::Safe { safe, nonce, safe_tx_hash, .. } = plan.route else { panic!("{:?} is not the Safe's", plan.id) };
    let tx = SafeTx::for_batch(safe, stage.devnet.dao.safe.multi_send, &plan.calls, nonce).unwrap();
    (tx, safe_tx_hash)
}

/// Whether the operator has confirmed the plan's transaction on chain.
pub(crate) async fn is_proposed(stage: &Stage, plan: &Plan) -> bool {
    let operator = stage.devnet.dao.people.operator.address();
    stage.devnet.approvers(safe_tx(stage, plan).1).await.unwrap().contains(&operator)
}

/// Two people confirm, unless they have, and one executes.
pub(crate) async fn people_execute(stage: &Stage, plan: &Plan) {
    let (tx, hash) = safe_tx(stage, plan);
    let owners = &stage.devnet.dao.people.owners;
    let confirmed = stage.devnet.approvers(hash).await.unwrap();
    for owner in owners.iter().take(2).filter(|owner| !confirmed.contains(&owner.address())) {
        stage.devnet.approve(owner.address(), hash).await.unwrap();
    }
    stage.devnet.execute(owners[0].address(), &tx).await.unwrap();
}

/// The same in one block, before the operator's own confirmation is final.
pub(crate) async fn people_execute_at_once(stage: &Stage, plan: &Plan) {
    let (tx, hash) = safe_tx(stage, plan);
    let people = &stage.devnet.dao.people;
    let [first, second, third] = people.owners.each_ref().map(|owner| owner.address());
    let approve = approve_hash(stage.devnet.dao.safe.account, hash);
    let signatures = approved_signatures(&[people.operator.address(), first, second]);
    let execute = tx.execute(stage.devnet.dao.safe.account, signatures);
    let calls = [(first, &approve), (second, &approve), (third, &execute)];
    let request = |(from, call): (Address, &quaestor_core::Call)| {
        let request = TransactionRequest::default().from(from).to(call.to).input(call.data.clone().into());
        request.gas_limit(5_000_000)
    };
    stage.devnet.chain.one_block(None, "three people at once", calls.map(request).to_vec()).await.unwrap();
}

/// Two people confirm and one executes; waits until the agent has seen it to the end.
pub(crate) async fn carry(stage: &mut Stage, plan: &Plan) {
    proposed(stage, plan).await;
    people_execute(stage, plan).await;
    let outcome = ended(stage, plan).await;
    assert!(matches!(outcome, Outcome::Executed { .. }), "{outcome:?}");
}

/// Lets blocks pass until the agent has seen its proposal collect confirmations or votes.
pub(crate) async fn proposed(stage: &mut Stage, plan: &Plan) {
    let id = plan.id;
    until(
        stage,
        "see its proposal on chain",
        |record| matches!(record, Record::Happened { decision, event: Event::Observed { .. } } if *decision == id),
    )
    .await;
}

/// Lets blocks pass until the journal has such a row; counted from its beginning.
pub(crate) async fn until(stage: &mut Stage, what: &'static str, wanted: impl Fn(&Record) -> bool) -> Record {
    stage.mine_until(what, 0, wanted).await.unwrap()
}

/// Waits, without a block, until the journal has such a row.
pub(crate) async fn written(stage: &mut Stage, what: &'static str, wanted: impl Fn(&Record) -> bool) -> Record {
    stage.wait_for(what, 0, wanted).await.unwrap()
}

/// Lets blocks pass until the proposal is over; how.
pub(crate) async fn ended(stage: &mut Stage, plan: &Plan) -> Outcome {
    let begun = Instant::now();
    while begun.elapsed() < WAIT {
        if let Some(outcome) = Lives::of(&demo_records(stage)).outcomes.remove(&plan.id) {
            return outcome;
        }
        stage.devnet.mine(1).await.unwrap();
        tokio::time::sleep(BLOCK).await;
    }
    panic!("{} is not over", plan.id);
}

/// Lets this many blocks pass, slowly enough that the agent sees each.
pub(crate) async fn blocks(stage: &Stage, count: u32) {
    for _ in 0..count {
        stage.devnet.mine(1).await.unwrap();
        tokio::time::sleep(BLOCK).await;
    }
}

/// Waits until this holds.
pub(crate) async fn holds(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < WAIT, "{what} does not come to pass");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// All records.
pub(crate) fn demo_records(stage: &demo::Stage) -> Vec<Record> {
    stage.records(0).unwrap()
}

/// The book of the journal so far, how what ended did end, and whether two proposals were ever alive that must not be.
#[derive(Debug, Default)]
pub(crate) struct Lives {
    /// What is not over.
    pub(crate) book: Book,
    /// How the rest ended.
    pub(crate) outcomes: BTreeMap<B256, Outcome>,
}

impl Lives {
    /// Folds all of them.
    pub(crate) fn of(records: &[Record]) -> Self {
        let mut lives = Self::default();
        records.iter().for_each(|record| lives.apply(record));
        lives
    }

    /// Folds one record in.
    ///
    /// # Panics
    /// If two proposals of an account, or for one `once_key`, may run at once.
    pub(crate) fn apply(&mut self, record: &Record) {
        if let Record::Happened { decision, event } = record
            && let Some(entry) = self.book.entries.get(decision)
            && let (after, _) = quaestor_core::lifecycle::step(entry.proposal.clone(), event)
            && let State::Ended(outcome) = after.state
        {
            self.outcomes.insert(*decision, outcome);
        }
        self.book.apply(record);
        let mut bound = BTreeMap::new();
        for (id, entry) in self.book.entries.iter().filter(|(_, entry)| entry.proposal.may_run()) {
            let batch = &entry.plan.batch;
            for key in batch.items.iter().map(|item| (batch.address, item.entry.once_key)) {
                if let Some(other) = bound.insert(key, *id) {
                    assert_eq!(other, *id, "two live proposals for {key:?}");
                }
            }
            let account = (batch.address, B256::ZERO);
            assert_eq!(bound.insert(account, *id), None, "two live proposals of {account:?}");
        }
    }
}

/// The journal as it grows.
#[derive(Debug)]
pub(crate) struct Watch {
    path: PathBuf,
    reader: Option<JournalReader>,
    next: u64,
}

impl Watch {
    /// From the first row on.
    pub(crate) fn new(stage: &Stage) -> Self {
        Self { path: stage.config.files.journal.clone(), reader: None, next: 1 }
    }

    /// The records since the last look.
    pub(crate) fn fresh(&mut self) -> Vec<Record> {
        if self.reader.is_none() {
            self.reader = JournalReader::open(&self.path).ok();
        }
        let Some(reader) = &self.reader else { return Vec::new() };
        let rows = reader.rows(self.next, ROWS).unwrap();
        self.next += u64::try_from(rows.len()).unwrap();
        rows.iter().map(|row| row.decode().unwrap()).collect()
    }
}

/// What a record is called in a report: its kind, and what it is about.
pub(crate) fn label(record: &Record) -> String {
    let word = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    match record {
        Record::Prepared { errand, .. } => format!("prepared {}", word(serde_json::to_value(errand).unwrap())),
        Record::Signed { errand, .. } => format!("signed {}", word(serde_json::to_value(errand).unwrap())),
        Record::Happened { event, .. } => word(serde_json::to_value(event).unwrap()["event"].take()),
        other => other.kind().to_owned(),
    }
}
