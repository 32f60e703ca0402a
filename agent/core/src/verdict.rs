//! The judge's answer: allowed, or refused with a receipt.

use crate::{AccountId, Amount, AssetId, Value, VenueId, policy::GroupId, snapshot::BlockRef};
use alloy_primitives::{Address, B256};
use arrayvec::ArrayVec;
use serde::{Deserialize, Serialize};

/// A rule that can refuse. The name is the policy's own key where there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The policy in force is not the one anchored at the snapshot's block.
    PolicyAnchored,
    /// It was decided with another risk model than the one in force.
    ModelInForce,
    /// The policy has expired.
    PolicyExpiresAt,
    /// The brake is pulled or unreadable.
    BrakePulled,
    /// The operators' lease has lapsed.
    LeaseLapsed,
    /// The snapshot is of another chain.
    ChainId,
    /// The snapshot does not hold what the policy names.
    SnapshotComplete,
    /// A token's decimals differ from the policy.
    AssetDecimals,
    /// Fewer prices than `limits.price_quorum_min` are usable.
    PriceQuorumMin,
    /// The account is not in the policy, or its kind differs.
    AccountListed,
    /// `roles.guardians`: the registry lists others.
    GuardiansNamed,
    /// `roles.operators`: the brake lists others.
    OperatorsNamed,
    /// `accounts.*.owners` or `accounts.*.threshold`: the Safe has others.
    OwnersNamed,
    /// The listed operators' keys together reach the Safe's threshold.
    OperatorsBelowThreshold,
    /// The asset is not in the policy.
    AssetListed,
    /// The strategy or budget line is not in the policy.
    LineListed,
    /// What is paid for a budget line is not what the line says: its account, receiver, asset, or at most its amount.
    PaymentMatchesLine,
    /// The period of a budget line cannot be paid now.
    PaymentPeriod,
    /// The venue or pool is not in the policy.
    VenueListed,
    /// The code at a venue's address is not the pinned code.
    VenueCodeHash,
    /// `assets.*.code_hash`: the code at a token's address is not the pinned code.
    AssetCodeHash,
    /// A vault's asset on chain is not the one that the policy says.
    VaultAsset,
    /// The receiver is neither an account nor an allowed counterparty.
    CounterpartyListed,
    /// `assets.*.wrapped_coin`: the coin of the chain may not be wrapped into the asset.
    WrapListed,
    /// `assets.*.delegates`: votes of the asset may not be delegated to this account.
    DelegateListed,
    /// Asset, amount, counterparty or value of the intent disagree with its actions.
    IntentMatchesActions,
    /// An approval is not exact, not for a venue, or not followed by its use.
    ApprovalExact,
    /// The account holds less than the intent spends.
    BalanceSufficient,
    /// `limits.proposal_bps_max`.
    ProposalBpsMax,
    /// `limits.hour_bps_max`.
    HourBpsMax,
    /// `limits.day_bps_max`.
    DayBpsMax,
    /// `limits.week_bps_max`.
    WeekBpsMax,
    /// `limits.month_bps_max`.
    MonthBpsMax,
    /// `counterparties.*.proposal_bps_max`.
    CounterpartyProposalBpsMax,
    /// `counterparties.*.hour_bps_max`.
    CounterpartyHourBpsMax,
    /// `counterparties.*.day_bps_max`.
    CounterpartyDayBpsMax,
    /// `counterparties.*.week_bps_max`.
    CounterpartyWeekBpsMax,
    /// `counterparties.*.month_bps_max`.
    CounterpartyMonthBpsMax,
    /// `limits.slippage_bps_max`.
    SlippageBpsMax,
    /// `limits.proposals_per_day_max`.
    ProposalsPerDayMax,
    /// `limits.cooldown_min`.
    CooldownSecsMin,
    /// `limits.validity_max`.
    ValiditySecsMax,
    /// An asset would leave its band upward.
    AllocationMax,
    /// An asset would leave its band downward.
    AllocationMin,
    /// `groups.*.max_bps`: what is bought would bring its group above it.
    GroupMax,
    /// `groups.*.min_bps`: what is sold would bring its group below it.
    GroupMin,
    /// `limits.native_share_bps_max`.
    NativeShareBpsMax,
    /// `venues.*.share_bps_max`.
    VenueShareBpsMax,
    /// `limits.stable_share_bps_min`.
    StableShareBpsMin,
    /// `risk.volatility_bps_max`.
    VolatilityBpsMax,
    /// `risk.value_at_risk_bps_max`.
    ValueAtRiskBpsMax,
    /// `risk.expected_shortfall_bps_max`.
    ExpectedShortfallBpsMax,
    /// `risk.drawdown_probability_bps_max`.
    DrawdownProbabilityBpsMax,
    /// `strategies.*.share_bps_max`.
    ShareBpsMax,
    /// It undoes what an earlier strategy of the same decision does.
    Opposed,
    /// What it is for was done or is bound already.
    OnceKeyUnused,
    /// More intents than a decision may have.
    IntentsMax,
    /// The calldata, or the batch that it carries out, is not what was judged.
    CalldataMatches,
    /// The dry run failed, or ran at another block than the snapshot's.
    DryRun,
    /// A clearance is older than its life, or what was looked at last is older than what was looked at before.
    ClearanceFresh,
    /// A swap, deposit or redemption on a Governor route has no bound that is read at execution.
    GovernorSwapBound,
}

/// A measured or permitted quantity, with its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "unit", content = "value", rename_all = "snake_case")]
pub enum Quantity {
    /// Nothing to state.
    None,
    /// Basis points.
    Bps(u64),
    /// Quote currency, wad.
    Value(Value),
    /// Base units.
    Amount(Amount),
    /// Seconds, or a Unix time.
    Secs(u64),
    /// A count.
    Count(u64),
    /// An address.
    Address(Address),
    /// A hash.
    Hash(B256),
    /// An asset of the policy.
    Asset(AssetId),
    /// An account of the policy.
    Account(AccountId),
    /// A group of assets of the policy.
    Group(GroupId),
    /// A venue of the policy.
    Venue(VenueId),
}

/// An input that the rule looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// Which.
    pub name: InputName,
    /// How much.
    pub quantity: Quantity,
}

/// Names of a rule's inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InputName {
    /// Net asset value.
    Nav,
    /// Value of the intent.
    IntentValue,
    /// Value of the batch with the intent.
    BatchValue,
    /// Value of the window before the intent.
    WindowValue,
    /// The asset.
    Asset,
    /// The group of assets.
    Group,
    /// The venue.
    Venue,
    /// The account.
    Account,
    /// Where the money goes.
    Counterparty,
    /// The budget line.
    Line,
    /// The snapshot's time.
    Now,
}

/// Most inputs of a refusal.
pub const INPUTS_MAX: usize = 4;

/// The receipt of a refusal: anyone with the snapshot and the policy can check it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The rule that refused.
    pub rule: Rule,
    /// What the rule allows.
    pub limit: Quantity,
    /// What was found.
    pub found: Quantity,
    /// What the rule looked at.
    pub inputs: ArrayVec<Input, INPUTS_MAX>,
    /// The snapshot's block.
    pub block: BlockRef,
    /// keccak256 of the policy file.
    pub policy: B256,
}

impl Refusal {
    /// A refusal without inputs.
    pub fn new(rule: Rule, limit: Quantity, found: Quantity, block: BlockRef, policy: B256) -> Self {
        Self { rule, limit, found, inputs: ArrayVec::new(), block, policy }
    }

    /// With one more input; beyond [`INPUTS_MAX`] it is dropped.
    #[must_use]
    pub fn with(mut self, name: InputName, quantity: Quantity) -> Self {
        // A full list loses only detail of the receipt, never the refusal.
        let _ = self.inputs.try_push(Input { name, quantity });
        self
    }

    /// Whether it says nothing of what was judged, only that nothing may leave now: what waits is then held back, and goes
    /// on when the brake can be read or the lease is renewed. A pull of the brake is followed by itself, at the newest
    /// block.
    pub fn is_passing(&self) -> bool {
        matches!(self.rule, Rule::BrakePulled | Rule::LeaseLapsed | Rule::ClearanceFresh)
    }
}

/// The judge's answer on one intent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", content = "receipt", rename_all = "snake_case")]
pub enum Verdict {
    /// The policy allows it.
    Allowed,
    /// It does not, and this is why.
    Refused(Refusal),
}

impl Verdict {
    /// Whether it is allowed.
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed)
    }
}
