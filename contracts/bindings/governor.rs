//! Governor proposals: what a batch becomes, its id, its operation on the timelock, and its text for voters.
//!
//! Sources: OpenZeppelin 5.7 `Governor.sol` (`hashProposal`, `_isValidDescriptionForProposer`),
//! `GovernorTimelockControl.sol` (`_timelockSalt`) and `TimelockController.sol` (`hashOperationBatch`).

mod description;

pub use description::{Text, describe};

use crate::bindings::IGovernor;
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::{SolCall, SolValue};
use quaestor_core::{Amount, Call};
use serde::{Deserialize, Serialize};

/// A proposal: its calls, in order, and its description.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// What it runs.
    pub calls: Vec<Call>,
    /// What voters read; part of the proposal's identity.
    pub description: String,
}

/// Where a proposal stands (`IGovernor.ProposalState`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProposalState {
    /// Voting has not begun; its proposer may cancel.
    Pending,
    /// Voting goes on.
    Active,
    /// Withdrawn.
    Canceled,
    /// Voted down, or without a quorum.
    Defeated,
    /// Voted; to be queued.
    Succeeded,
    /// Waits in the timelock.
    Queued,
    /// Was not executed in time.
    Expired,
    /// Done.
    Executed,
}

impl ProposalState {
    /// From the number that `state(uint256)` answers; `None` above 7.
    pub fn from_number(number: u8) -> Option<Self> {
        use ProposalState as S;
        let all = [S::Pending, S::Active, S::Canceled, S::Defeated, S::Succeeded, S::Queued, S::Expired, S::Executed];
        all.get(usize::from(number)).copied()
    }

    /// Whether it can still execute.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Active | Self::Succeeded | Self::Queued)
    }
}

type Lists = (Vec<Address>, Vec<U256>, Vec<Bytes>);

impl Proposal {
    /// The proposal of a `ProposalCreated` event; `None` if its lists differ in length, a call has a signature text
    /// apart from its calldata, or a value has more than 128 bits: the agent makes no such proposal.
    pub fn from_created(event: &IGovernor::ProposalCreated) -> Option<Self> {
        let count = event.targets.len();
        if event.values.len() != count
            || event.calldatas.len() != count
            || event.signatures.iter().any(|it| !it.is_empty())
        {
            return None;
        }
        let lists = event.targets.iter().zip(&event.values).zip(&event.calldatas);
        let call = |((to, value), data): ((&Address, &U256), &Bytes)| {
            Some(Call { to: *to, value: Amount::from_u256(*value)?, data: data.clone() })
        };
        Some(Self { calls: lists.map(call).collect::<Option<_>>()?, description: event.description.clone() })
    }

    /// keccak256 of the description.
    pub fn description_hash(&self) -> B256 {
        keccak256(&self.description)
    }

    /// The proposal id that `hashProposal` gives. A Governor with `GovernorSequentialProposalId` numbers otherwise: for
    /// one of those read the id from `ProposalCreated`.
    pub fn id(&self) -> B256 {
        let (targets, values, calldatas) = self.lists();
        keccak256((targets, values, calldatas, self.description_hash()).abi_encode_params())
    }

    /// The salt under which `governor` schedules it on its timelock.
    pub fn timelock_salt(&self, governor: Address) -> B256 {
        B256::right_padding_from(governor.as_slice()) ^ self.description_hash()
    }

    /// The id of its operation on the timelock of `governor`.
    pub fn timelock_operation(&self, governor: Address) -> B256 {
        let (targets, values, calldatas) = self.lists();
        let salt = self.timelock_salt(governor);
        keccak256((targets, values, calldatas, B256::ZERO, salt).abi_encode_params())
    }

    /// The call of `propose`, for the proposer that the description names.
    pub fn propose(&self, governor: Address) -> Call {
        let ((targets, values, calldatas), description) = (self.lists(), self.description.clone());
        call(governor, &IGovernor::proposeCall { targets, values, calldatas, description })
    }

    /// The call of `queue`, for anyone once it succeeded.
    pub fn queue(&self, governor: Address) -> Call {
        let ((targets, values, calldatas), hash) = (self.lists(), self.description_hash());
        call(governor, &IGovernor::queueCall { targets, values, calldatas, descriptionHash: hash })
    }

    /// The call of `execute`, for anyone once the timelock's delay is over.
    pub fn execute(&self, governor: Address) -> Call {
        let ((targets, values, calldatas), hash) = (self.lists(), self.description_hash());
        call(governor, &IGovernor::executeCall { targets, values, calldatas, descriptionHash: hash })
    }

    /// The call of `cancel`, for its proposer while it is pending.
    pub fn cancel(&self, governor: Address) -> Call {
        let ((targets, values, calldatas), hash) = (self.lists(), self.description_hash());
        call(governor, &IGovernor::cancelCall { targets, values, calldatas, descriptionHash: hash })
    }

    fn lists(&self) -> Lists {
        let targets = self.calls.iter().map(|call| call.to).collect();
        let values = self.calls.iter().map(|call| call.value.to_u256()).collect();
        let calldatas = self.calls.iter().map(|call| call.data.clone()).collect();
        (targets, values, calldatas)
    }
}

fn call<C: SolCall>(to: Address, call: &C) -> Call {
    Call { to, value: Amount::ZERO, data: call.abi_encode().into() }
}

/// The end of a description that keeps others from proposing it first and cancelling it (CVE-2023-34234). Nothing may
/// come after it, not even a newline.
pub fn proposer_suffix(proposer: Address) -> String {
    format!("#proposer={proposer}")
}

/// The only address that may propose with this description; `None` if anyone may. As the Governor reads it: from the
/// last 52 bytes.
pub fn named_proposer(description: &str) -> Option<Address> {
    let last = description.len().checked_sub(52)?;
    let text = description.get(last..)?.strip_prefix("#proposer=0x")?;
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    //! The golden values were made once by hand on anvil 1.7.1: `hashProposal` of an OpenZeppelin 5.7 Governor and
    //! `hashOperationBatch` of its timelock, called through viem 2.57.20. Proposing from another address reverted there
    //! with `GovernorRestrictedProposer`; voted and queued, the operation had this id.

    use super::*;
    use crate::fixture::{GOVERNOR, PROPOSER};
    use alloy_primitives::{address, b256, bytes};

    fn proposal() -> Proposal {
        let calls = vec![
            Call { to: address!("0x00000000000000000000000000000000DeaDBeef"), value: Amount(5), data: Bytes::new() },
            Call {
                to: address!("0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"),
                value: Amount::ZERO,
                data: bytes!("53e5d935"),
            },
        ];
        Proposal { calls, description: "# Move\n\n#proposer=0x70997970c51812dc3a010c7d01b50e0d17dc79c8".into() }
    }

    #[test]
    fn ids_are_those_of_the_contracts() {
        let id = b256!("0xdd692fa55c6f91c7782f1b0dd81ea8cfa3cd149d0e11aeef46481962997d8b73");
        assert_eq!(proposal().id(), id);
        let salt = b256!("0xa5f351978d1ab740ab82ef623a4999c0a7773559bcb4942fcb7168a562e97005");
        assert_eq!(proposal().timelock_salt(GOVERNOR), salt);
        let operation = b256!("0xd75b5a62d552acd56114f6041a5f8b29029e693076fe4422a32a0cceba0c89de");
        assert_eq!(proposal().timelock_operation(GOVERNOR), operation);
    }

    #[test]
    fn calls_carry_the_selectors_of_the_governor() {
        let selector = |call: Call| call.data.slice(..4);
        assert_eq!(selector(proposal().propose(GOVERNOR)), bytes!("7d5e81e2"));
        assert_eq!(selector(proposal().queue(GOVERNOR)), bytes!("160cbed7"));
        assert_eq!(selector(proposal().execute(GOVERNOR)), bytes!("2656227d"));
        assert_eq!(selector(proposal().cancel(GOVERNOR)), bytes!("452115d6"));
    }

    #[test]
    fn a_proposal_is_read_back_from_its_event() {
        let made = proposal();
        let sent = IGovernor::proposeCall::abi_decode(&made.propose(GOVERNOR).data).unwrap();
        let event = IGovernor::ProposalCreated {
            proposalId: made.id().into(),
            proposer: PROPOSER,
            signatures: vec![String::new(); sent.targets.len()],
            targets: sent.targets,
            values: sent.values,
            calldatas: sent.calldatas,
            voteStart: U256::ZERO,
            voteEnd: U256::ZERO,
            description: sent.description,
        };
        assert_eq!(Proposal::from_created(&event), Some(made));
        let short = IGovernor::ProposalCreated { values: vec![], ..event.clone() };
        assert_eq!(Proposal::from_created(&short), None);
        let wide = IGovernor::ProposalCreated { values: vec![U256::MAX; 2], ..event.clone() };
        assert_eq!(Proposal::from_created(&wide), None);
        let signed = IGovernor::ProposalCreated { signatures: vec!["pay()".into()], ..event };
        assert_eq!(Proposal::from_created(&signed), None);
    }

    #[test]
    fn states_are_numbered_as_on_chain() {
        assert_eq!(ProposalState::from_number(0), Some(ProposalState::Pending));
        assert_eq!(ProposalState::from_number(5), Some(ProposalState::Queued));
        assert_eq!(ProposalState::from_number(7), Some(ProposalState::Executed));
        assert_eq!(ProposalState::from_number(8), None);
        let open = (0..8).filter_map(ProposalState::from_number).filter(|state| state.is_open()).count();
        assert_eq!(open, 4);
    }

    #[test]
    fn only_the_very_end_names_a_proposer() {
        assert_eq!(named_proposer(&proposer_suffix(PROPOSER)), Some(PROPOSER));
        assert_eq!(named_proposer(&proposal().description), Some(PROPOSER));
        assert_eq!(named_proposer(&format!("{}\n", proposal().description)), None);
        assert_eq!(named_proposer(&format!("{} ", proposal().description)), None);
        assert_eq!(named_proposer("#proposer=0x"), None);
        assert_eq!(named_proposer(&format!("é#proposer=0x{}", "g".repeat(40))), None);
        assert_eq!(named_proposer(&"é".repeat(60)), None);
    }
}
