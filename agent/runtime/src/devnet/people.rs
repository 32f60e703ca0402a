//! What the people of the local DAO do: members vote, guardians pull and veto, time passes.

use super::{Devnet, DevnetError};
use alloy::{
    primitives::{Address, B256, Bytes, LogData, U256},
    providers::Provider,
    rpc::types::{Filter, Log, TransactionReceipt, TransactionRequest},
    sol_types::{SolCall, SolEvent},
};
use quaestor_contracts::{
    bindings::{EmergencyBrake, IGovernor, PolicyRegistry},
    governor::{Proposal, ProposalState, proposer_suffix},
};
use quaestor_core::{Amount, Call, Envelope};

/// `VoteType.For` of `GovernorCountingSimple`.
const FOR: u8 = 1;
const VOTE_GAS: u64 = 500_000;

/// A vote that was carried out.
#[derive(Debug, Clone)]
pub struct Voted {
    /// What was voted.
    pub proposal: Proposal,
    /// The receipt of `execute`, with the events of everything that was voted.
    pub receipt: TransactionReceipt,
}

/// A policy that the vote anchored.
#[derive(Debug, Clone)]
pub struct Anchored {
    /// Number of its epoch.
    pub epoch: u64,
    /// First second in which it is active, Unix.
    pub active_at: u64,
    /// Whether it waits and a guardian may veto it.
    pub vetoable: bool,
    /// The vote.
    pub voted: Voted,
}

/// Time.
impl Devnet {
    /// Mines blocks, twelve seconds apart.
    ///
    /// # Errors
    /// If the chain does not answer.
    pub async fn mine(&self, count: u64) -> Result<(), DevnetError> {
        Ok(self.chain.mine(count).await?)
    }

    /// Mines a block at this time (Unix seconds), which must lie ahead.
    ///
    /// # Errors
    /// If it has passed or the chain does not answer.
    pub async fn warp_to(&self, timestamp: u64) -> Result<(), DevnetError> {
        Ok(self.chain.warp_to(timestamp).await?)
    }

    /// Mines a block this many seconds after the latest.
    ///
    /// # Errors
    /// If the chain does not answer.
    pub async fn warp_by(&self, secs: u64) -> Result<(), DevnetError> {
        let now = self.chain.now().await?;
        self.warp_to(now + secs).await
    }
}

/// Members.
impl Devnet {
    /// Puts calls to the vote in a member's name. The description gets the line that protects it from others
    /// (`#proposer=0x…`, its very end).
    ///
    /// # Errors
    /// If the Governor refuses, for example because the same was proposed before.
    pub async fn propose(&self, member: Address, calls: &[Call], description: &str) -> Result<Proposal, DevnetError> {
        let description = format!("{description}\n\n{}", proposer_suffix(member));
        let proposal = Proposal { calls: calls.to_vec(), description };
        self.chain.send("propose", member, &proposal.propose(self.dao.governance.governor)).await?;
        Ok(proposal)
    }

    /// All proposals of the Governor, oldest first.
    ///
    /// # Errors
    /// If the chain does not answer.
    pub async fn proposals(&self) -> Result<Vec<Proposal>, DevnetError> {
        let governor = self.dao.governance.governor;
        let signature = IGovernor::ProposalCreated::SIGNATURE_HASH;
        let filter = Filter::new().address(governor).event_signature(signature).from_block(0);
        let logs = self.chain.rpc("eth_getLogs", self.chain.provider().get_logs(&filter).await)?;
        let read = |log: &Log| Proposal::from_created(&IGovernor::ProposalCreated::decode_log(&log.inner).ok()?.data);
        let proposals = logs.iter().map(read).collect::<Option<_>>();
        proposals.ok_or(DevnetError::Missing { contract: governor, what: "readable ProposalCreated event" })
    }

    /// Where a proposal stands.
    ///
    /// # Errors
    /// If there is no such proposal.
    pub async fn proposal_state(&self, proposal: &Proposal) -> Result<ProposalState, DevnetError> {
        let governor = self.dao.governance.governor;
        let number = self.chain.read(governor, &IGovernor::stateCall { proposalId: id(proposal) }).await?;
        ProposalState::from_number(number).ok_or(DevnetError::Missing { contract: governor, what: "such a state" })
    }

    /// Waits for the vote to open, has every member vote for it, and waits for its end.
    ///
    /// # Errors
    /// If the proposal was cancelled or is past its vote.
    pub async fn vote(&self, proposal: &Proposal) -> Result<(), DevnetError> {
        self.cast(proposal).await?;
        self.close_vote(proposal).await?;
        self.expect_state(proposal, ProposalState::Succeeded).await
    }

    /// Waits for the vote to open, and has every member vote for it.
    ///
    /// # Errors
    /// If the proposal was cancelled or is past its vote.
    pub async fn cast(&self, proposal: &Proposal) -> Result<(), DevnetError> {
        let governor = self.dao.governance.governor;
        let snapshot = IGovernor::proposalSnapshotCall { proposalId: id(proposal) };
        self.mine_past(self.chain.read(governor, &snapshot).await?).await?;
        self.expect_state(proposal, ProposalState::Active).await?;
        let data = Bytes::from(IGovernor::castVoteCall { proposalId: id(proposal), support: FOR }.abi_encode());
        let votes = self.dao.people.members.iter().map(|member| {
            let tx = TransactionRequest::default().from(member.address()).to(governor).gas_limit(VOTE_GAS);
            tx.input(data.clone().into())
        });
        Ok(self.chain.one_block(None, "castVote", votes.collect()).await?)
    }

    /// Waits for the end of a vote.
    ///
    /// # Errors
    /// If the chain does not answer.
    pub async fn close_vote(&self, proposal: &Proposal) -> Result<(), DevnetError> {
        let deadline = IGovernor::proposalDeadlineCall { proposalId: id(proposal) };
        self.mine_past(self.chain.read(self.dao.governance.governor, &deadline).await?).await
    }

    /// Queues a proposal that won its vote.
    ///
    /// # Errors
    /// If it did not win.
    pub async fn queue(&self, proposal: &Proposal) -> Result<(), DevnetError> {
        self.chain.send("queue", self.first_member(), &proposal.queue(self.dao.governance.governor)).await?;
        self.expect_state(proposal, ProposalState::Queued).await
    }

    /// Waits for the timelock and executes a queued proposal; anyone may.
    ///
    /// # Errors
    /// If it is not queued, or one of its calls reverts.
    pub async fn execute_proposal(&self, proposal: &Proposal) -> Result<Voted, DevnetError> {
        let governor = self.dao.governance.governor;
        let eta = self.chain.read(governor, &IGovernor::proposalEtaCall { proposalId: id(proposal) }).await?;
        let eta = u64::try_from(eta).unwrap_or(u64::MAX);
        if self.chain.now().await? < eta {
            self.warp_to(eta).await?;
        }
        let receipt = self.chain.send("execute", self.first_member(), &proposal.execute(governor)).await?;
        Ok(Voted { proposal: proposal.clone(), receipt })
    }

    /// Carries a proposal, whoever made it, from its vote to its execution.
    ///
    /// # Errors
    /// If any step fails.
    pub async fn carry(&self, proposal: &Proposal) -> Result<Voted, DevnetError> {
        self.vote(proposal).await?;
        self.queue(proposal).await?;
        self.execute_proposal(proposal).await
    }

    /// Proposes calls and carries them.
    ///
    /// # Errors
    /// If any step fails; a call that reverts makes the last one fail, with its revert data.
    pub async fn vote_through(&self, calls: &[Call], description: &str) -> Result<Voted, DevnetError> {
        let proposal = self.propose(self.first_member(), calls, description).await?;
        self.carry(&proposal).await
    }

    /// Votes a policy into the registry. Epoch 1 and whatever widens then waits the registry's delay.
    ///
    /// # Errors
    /// If any step fails, for example because it is beyond the ceilings.
    pub async fn vote_policy(
        &self,
        policy_hash: B256,
        rest_hash: B256,
        envelope: Envelope,
        uri: &str,
        description: &str,
    ) -> Result<Anchored, DevnetError> {
        let submit =
            PolicyRegistry::submitCall { policyHash: policy_hash, restHash: rest_hash, envelope, uri: uri.to_owned() };
        let submission = call(self.dao.controls.registry, &submit);
        let proposal = self.propose(self.first_member(), &[submission], description).await?;
        self.carry_policy(&proposal).await
    }

    /// Carries a proposal that puts a policy in force, whoever made it.
    ///
    /// # Errors
    /// If any step fails, or the proposal submits no policy.
    pub async fn carry_policy(&self, proposal: &Proposal) -> Result<Anchored, DevnetError> {
        let registry = self.dao.controls.registry;
        let voted = self.carry(proposal).await?;
        let event: PolicyRegistry::EpochSubmitted = self.event(&voted.receipt, registry, "EpochSubmitted event")?;
        Ok(Anchored { epoch: event.number, active_at: event.activeAt, vetoable: event.vetoable, voted })
    }

    /// Votes the brake released and, so that they may pull again, these guardians armed.
    ///
    /// # Errors
    /// If any step fails, for example because it is not pulled.
    pub async fn vote_release(&self, arm: &[Address], description: &str) -> Result<Voted, DevnetError> {
        let brake = self.dao.controls.brake;
        let mut calls = vec![call(brake, &EmergencyBrake::releaseCall {})];
        calls.extend(arm.iter().map(|guardian| call(brake, &EmergencyBrake::armCall { guardian: *guardian })));
        self.vote_through(&calls, description).await
    }

    /// Votes the operators' lease to this end, Unix seconds.
    ///
    /// # Errors
    /// If any step fails.
    pub async fn vote_lease(&self, until: u64, description: &str) -> Result<Voted, DevnetError> {
        let renew = EmergencyBrake::renewLeaseCall { until };
        self.vote_through(&[call(self.dao.controls.brake, &renew)], description).await
    }

    fn first_member(&self) -> Address {
        let [member, ..] = &self.dao.people.members;
        member.address()
    }

    async fn expect_state(&self, proposal: &Proposal, expected: ProposalState) -> Result<(), DevnetError> {
        let found = self.proposal_state(proposal).await?;
        if found == expected { Ok(()) } else { Err(DevnetError::ProposalState { id: proposal.id(), expected, found }) }
    }

    /// Mines until the latest block is past this one.
    async fn mine_past(&self, block: U256) -> Result<(), DevnetError> {
        let latest = self.chain.rpc("eth_blockNumber", self.chain.provider().get_block_number().await)?;
        let missing = (U256::from(1) + block).saturating_sub(U256::from(latest));
        match u64::try_from(missing).unwrap_or(u64::MAX) {
            0 => Ok(()),
            count => self.mine(count).await,
        }
    }
}

/// Guardians.
impl Devnet {
    /// Pulls the brake.
    ///
    /// # Errors
    /// If the account is no armed guardian, or it is pulled already.
    pub async fn pull(&self, guardian: Address) -> Result<TransactionReceipt, DevnetError> {
        Ok(self.chain.send("pull", guardian, &call(self.dao.controls.brake, &EmergencyBrake::pullCall {})).await?)
    }

    /// Vetoes a policy that waits.
    ///
    /// # Errors
    /// If the account is no guardian, or no such epoch waits.
    pub async fn veto(&self, guardian: Address, epoch: u64) -> Result<TransactionReceipt, DevnetError> {
        let veto = PolicyRegistry::vetoCall { number: epoch };
        Ok(self.chain.send("veto", guardian, &call(self.dao.controls.registry, &veto)).await?)
    }
}

impl Devnet {
    /// The first event of this kind that a contract emitted in a transaction.
    fn event<E: SolEvent>(
        &self,
        receipt: &TransactionReceipt,
        contract: Address,
        what: &'static str,
    ) -> Result<E, DevnetError> {
        let data = receipt.logs().iter().filter(|log| log.address() == contract).map(|log| &log.inner.data);
        let decode = |data: &LogData| E::decode_log_data(data).ok();
        data.filter_map(decode).next().ok_or(DevnetError::Missing { contract, what })
    }
}

/// A call without ether.
pub fn call<C: SolCall>(to: Address, call: &C) -> Call {
    Call { to, value: Amount::ZERO, data: call.abi_encode().into() }
}

/// As the Governor numbers it.
fn id(proposal: &Proposal) -> U256 {
    U256::from_be_bytes(proposal.id().0)
}
