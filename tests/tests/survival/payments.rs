//! A budget line on the chain: paid once a period, whatever is forgotten, restarted or tried by hand.

use super::{audit::audit, stand};
use alloy::{hex, sol_types::SolError};
use quaestor::{
    agent::{Bundle, Plan, Record},
    demo::scene,
};
use quaestor_contracts::{bindings::DecisionGate, safe::SafeTx, utc::Utc};
use quaestor_core::{
    Amount, Context, Intent, Policy, Purpose, Rule, Verdict,
    snapshot::{Paid, Tally},
    valuation::{Prices, Valuation},
};
use quaestor_policies::VotedPolicy;
use quaestor_tests::Stage;

const DAY: u64 = 86_400;
/// Longer than what is remembered of the gate's events.
const PERIOD: u64 = 60 * DAY;
const LANDLORD: &str = "0x1212121212121212121212121212121212121212";
/// Base units of what a period pays.
const RENT: u128 = 25_000_500_000;

/// The local DAO's policy with a rent of every sixty days from `begin` on, and nothing else to do.
fn policy_text(stage: &Stage, begin: u64) -> String {
    let text = stage.policy_text(stand::limits());
    let (head, _) = text.split_once("[[strategies]]").unwrap();
    let (head, _) = head.rsplit_once("\n\n").unwrap();
    let begin = Utc(begin).to_string();
    let (day, time) = (&begin[..10], &begin[11..19]);
    format!(
        "{head}\n\n[counterparties.landlord]\naddress = \"eip155:{}:{LANDLORD}\"\nmonth_bps_max = 1000\n\n\
         [[payments]]\nname = \"rent\"\naccount = \"operations\"\nto = \"landlord\"\nasset = \"USDC\"\n\
         amount = \"25000.5 USDC\"\nevery = \"60d\"\nbegin = \"{day}T{time}Z\"\n\n\
         [[strategies]]\nname = \"pay\"\nkind = \"payments\"\n",
        stage.devnet.dao.chain_id
    )
}

/// The agent under that policy, and the policy.
async fn stand_with_rent(begin: u64, mut stage: Stage) -> (Stage, VotedPolicy) {
    let text = policy_text(&stage, begin);
    let anchored = scene::vote_text(&stage, "rent.toml", &text, "Pay the rent").await.unwrap();
    stage.devnet.warp_to(anchored.active_at).await.unwrap();
    stage.devnet.mine(3).await.unwrap();
    stand::edit(&stage.site.config, "[contracts]", "request_timeout_secs = 2\n\n[contracts]");
    stage.start().await;
    (stage, scene::parse(&text).unwrap())
}

/// The chain's time comes, with prices of now.
async fn come(stage: &Stage, timestamp: u64) {
    stage.devnet.warp_to(timestamp).await.unwrap();
    stand::price(stage, 100).await;
}

/// The next decision wants nothing; its bundle.
async fn rests(stage: &mut Stage) -> Bundle {
    let skip = stage.rows().unwrap().len();
    let record = stage.next_decision().await.unwrap();
    let Record::Decided { bundle, .. } = record else { panic!("{record:?} is no decision") };
    let bundle = stage.bundle(&bundle).unwrap();
    assert!(bundle.decision.judged.is_empty() && bundle.decision.holds.is_empty(), "{:?}", bundle.decision);
    assert!(stage.plans(skip).unwrap().is_empty());
    bundle
}

/// The next plan pays this period of the rent and nothing else; it is carried out.
async fn pays(stage: &mut Stage, policy: &VotedPolicy, period: u64) -> Plan {
    let safe = stage.devnet.dao.safe.account;
    let plan = stand::next_plan(stage, safe).await;
    let [item] = plan.batch.items.as_slice() else { panic!("{:?}", plan.batch) };
    let line = policy.terms().payments[0].line;
    assert_eq!((item.intent.purpose, item.intent.amount), (Purpose::Payment { line, period }, Amount(RENT)));
    stand::carry(stage, &plan).await;
    plan
}

async fn landlord_has(stage: &Stage, payments: u128) {
    let held = stage.balance(stage.devnet.dao.assets[0].address, LANDLORD.parse().unwrap()).await.unwrap();
    assert_eq!(held, Amount(payments * RENT));
}

/// What the policy says of this intent, at the block of the bundle.
fn judged(policy: &VotedPolicy, bundle: &Bundle, intent: &Intent) -> Verdict {
    let (terms, snapshot, history) = (policy.terms(), &bundle.snapshot, &bundle.history);
    let prices = Prices::resolve(terms, snapshot);
    let mut valuation = Valuation::default();
    valuation.fill(terms, snapshot, &prices).unwrap();
    let (windows, risk) = (terms.limits.windows_of(history, snapshot.block.timestamp), Default::default());
    let (prices, valuation, risk) = (&prices, &valuation, &risk);
    let cx =
        Context { terms, policy: policy.hash(), snapshot, history, windows, prices, valuation, risk, is_new: true };
    policy.judge(&cx, &Tally::default(), &cx.revalued(intent).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_budget_line_is_paid_once_a_period_whatever_restarts() {
    let stage = quaestor_tests::stage().await;
    let begin = stage.devnet.chain.now().await.unwrap();
    let (mut stage, policy) = stand_with_rent(begin, stage).await;
    stand::price(&stage, 100).await;
    let first = pays(&mut stage, &policy, 0).await;
    landlord_has(&stage, 1).await;

    // Owners who send the very batch once more, by hand and in time, are refused by the gate.
    let owners = &stage.devnet.dao.people.owners;
    let (safe, multi_send) = (stage.devnet.dao.safe.account, stage.devnet.dao.safe.multi_send);
    let nonce = stand::safe_tx(&stage, &first).0.nonce + 1;
    let again = SafeTx::for_batch(safe, multi_send, &first.calls, nonce).unwrap();
    for owner in owners {
        stage.devnet.approve(owner.address(), again.hash(stage.devnet.dao.chain_id, safe)).await.unwrap();
    }
    let refused = stage.devnet.execute(owners[0].address(), &again).await.unwrap_err().to_string();
    let key_used = DecisionGate::KeyUsed { account: safe, onceKey: first.batch.items[0].entry.once_key };
    let key_used = hex::encode(key_used.abi_encode());
    assert!(refused.contains(&key_used), "{refused} is not {key_used}");
    landlord_has(&stage, 1).await;

    // The agent wants nothing more in the same period: an hour later, after a restart, and when the event is forgotten.
    rests(&mut stage).await;
    stage.stop().await;
    stage.start().await;
    rests(&mut stage).await;
    let now = stage.devnet.chain.now().await.unwrap();
    assert!(now + 32 * DAY < begin + PERIOD, "the vote took too long for this story");
    come(&stage, now + 32 * DAY).await;
    let bundle = rests(&mut stage).await;
    let paid = Paid { account: first.batch.account, line: policy.terms().payments[0].line, period: 0 };
    assert_eq!((bundle.history.spends.len(), bundle.history.paid.as_slice()), (0, &[paid][..]));
    let Verdict::Refused(refusal) = judged(&policy, &bundle, &first.batch.items[0].intent) else {
        panic!("it was allowed")
    };
    assert_eq!(refusal.rule, Rule::OnceKeyUnused, "whoever wants it");

    // The next period is paid, and again once.
    come(&stage, begin + PERIOD).await;
    let second = pays(&mut stage, &policy, 1).await;
    landlord_has(&stage, 2).await;
    rests(&mut stage).await;
    landlord_has(&stage, 2).await;

    // Anybody recomputes the decision from what the chain says.
    let path = stage.config.files.bundles.join(&second.bundle);
    let rpc = stage.proxy.url();
    stage.types(&["verify", &path.display().to_string(), "--rpc-url", &rpc]).await.expect(0, &[]);
    audit(&stage, &[first.id, second.id].into()).await;
}
