//! The local DAO under a voted policy, and what its agent would do there.
#![allow(dead_code, clippy::panic, reason = "a fixture of which each test needs a part; it ends where it is wrong")]

use super::{days, decide, fresh};
use alloy::primitives::Address;
use quaestor::{
    agent::{Bundle, BundleProposal},
    chain::Chain,
    devnet::{Devnet, ReplayDay, demo_limits, policy_text},
    verify::{connect, verify},
};
use quaestor_contracts::{bindings::IERC20, safe::SafeTx};
use quaestor_core::{Action, Policy, Snapshot, snapshot::RateReading};
use quaestor_policies::VotedPolicy;

/// The local DAO under its policy, after a few quiet days.
pub struct Stage {
    pub devnet: Devnet,
    pub chain: Chain,
    pub text: String,
    pub policy: VotedPolicy,
}

impl Stage {
    /// The policy of the demo with `more` at its end.
    pub async fn new(more: &str) -> Self {
        Self::on(fresh().await, more).await
    }

    /// Likewise on a chain to which something was added.
    pub async fn on(devnet: Devnet, more: &str) -> Self {
        Self::with(devnet, |text| format!("{text}{more}")).await
    }

    /// The policy of the demo, edited.
    pub async fn with(devnet: Devnet, edit: impl FnOnce(String) -> String) -> Self {
        let text = edit(policy_text(&devnet.dao, demo_limits()));
        let policy = quaestor_policies::parse(text.as_bytes(), &quaestor_strategies::catalog()).unwrap();
        let (hash, rest, envelope) = (policy.hash(), policy.rest_hash(), policy.envelope());
        let voted = devnet.vote_policy(hash, rest, envelope, "epoch-1.toml", "# A policy").await.unwrap();
        devnet.warp_to(voted.active_at).await.unwrap();
        let chain = connect(devnet.chain.url().clone()).unwrap();
        let stage = Self { devnet, chain, text, policy };
        stage.days_until("2020-03-04").await;
        stage
    }

    pub async fn days_until(&self, last: &str) {
        let now = self.devnet.chain.now().await.unwrap();
        let days: Vec<ReplayDay> = days("2020-03-01", last).into_iter().filter(|day| day.timestamp > now).collect();
        assert!(!days.is_empty(), "it is after {last} already");
        self.devnet.replay(&days).await.unwrap();
    }

    /// What an agent would publish, found right by `verify`.
    pub async fn bundle(&self) -> Bundle {
        let bundle = decide(&self.devnet, &self.chain, &self.text).await;
        let report = verify(&bundle, &quaestor_strategies::catalog(), Some(&self.chain)).await.unwrap();
        assert!(report.is_ok() && report.not_checked.is_empty(), "{report}");
        bundle
    }

    /// Two owners and the operator confirm the Safe's proposal, and it runs.
    pub async fn execute(&self, bundle: &Bundle) -> &Self {
        self.try_execute(bundle).await.unwrap();
        self
    }

    /// Likewise, or why it does not run.
    pub async fn try_execute(&self, bundle: &Bundle) -> Result<(), String> {
        let dao = &self.devnet.dao;
        let proposal = of_operations(bundle);
        let nonce = self.devnet.safe_nonce().await.unwrap();
        let tx = SafeTx::for_batch(dao.safe.account, dao.safe.multi_send, &proposal.calls, nonce).unwrap();
        let hash = self.devnet.safe_tx_hash(&tx);
        for owner in [&dao.people.operator, &dao.people.owners[0], &dao.people.owners[1]] {
            self.devnet.approve(owner.address(), hash).await.unwrap();
        }
        let done = self.devnet.execute(dao.people.stranger.address(), &tx).await;
        done.map(drop).map_err(|error| error.to_string())
    }

    /// What the Safe has of this asset of the policy.
    pub async fn held(&self, symbol: &str) -> u128 {
        let balance = IERC20::balanceOfCall { account: self.devnet.dao.safe.account };
        u128::try_from(self.devnet.chain.read(self.token(symbol), &balance).await.unwrap()).unwrap()
    }

    /// What of the Safe's the spender may still take.
    pub async fn allowed(&self, symbol: &str, spender: Address) -> u128 {
        let left = IERC20::allowanceCall { owner: self.devnet.dao.safe.account, spender };
        u128::try_from(self.devnet.chain.read(self.token(symbol), &left).await.unwrap()).unwrap()
    }

    fn token(&self, symbol: &str) -> Address {
        let terms = self.policy.terms();
        terms.asset(terms.asset_named(symbol).unwrap()).unwrap().address
    }
}

pub fn of_operations(bundle: &Bundle) -> &BundleProposal {
    let [proposal] = bundle.proposals.as_slice() else { panic!("{:?}", bundle.decision) };
    proposal
}

pub fn actions(bundle: &Bundle) -> Vec<Action> {
    bundle.decision.batches.iter().flat_map(|batch| batch.actions()).collect()
}

pub fn rate(snapshot: &Snapshot, policy: &VotedPolicy, symbol: &str) -> RateReading {
    snapshot.assets[policy.terms().asset_named(symbol).unwrap().index()].rate.unwrap()
}
