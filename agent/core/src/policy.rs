//! The seam to the policy language: its terms, and its judgement.

use crate::{
    Account, AccountId, Asset, AssetId, Intent, Value, Venue, Verdict,
    pipeline::Context,
    snapshot::{History, Tally},
    strategy::StrategyParams,
    valuation::Twap,
};
use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

mod budget;
mod counterparty;
mod delegates;
mod part;
mod roles;
mod vault;

pub use budget::{BudgetLine, Every};
pub use counterparty::{Counterparty, Due};
pub use delegates::Delegates;
pub use part::{Group, GroupId, PARTS_MAX, Part, PartShare};
pub use roles::{Roles, SafeRoles};

/// When decisions are due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// At the first block whose timestamp reaches a tick of this cron line (six or seven fields, UTC).
    Cron(String),
    /// At every block whose number is a multiple of this.
    EveryBlocks(u64),
}

/// Where an asset's share of NAV should lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Band {
    /// The asset.
    pub asset: AssetId,
    /// Least share of NAV.
    pub min_bps: u64,
    /// Share of NAV to return to.
    pub target_bps: u64,
    /// Greatest share of NAV.
    pub max_bps: u64,
}

/// The numbers that the on-chain envelope holds. An unset cap is `u64::MAX`, an unset floor 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Largest proposal, bps of NAV (slot 0).
    pub proposal_bps_max: u64,
    /// Largest sum in an hour, a day, a week and thirty days, bps of NAV (slots 1 to 4).
    pub window_bps_max: [u64; 4],
    /// Largest shortfall of a swap's least output against the oracle, bps (slot 5).
    pub slippage_bps_max: u64,
    /// No price may be older, seconds (slot 6).
    pub price_age_secs_max: u64,
    /// A feed that differs more from the median is dropped, bps (slot 7).
    pub price_deviation_bps_max: u64,
    /// Most batches in a rolling day (slot 8).
    pub proposals_per_day_max: u64,
    /// Longest life of a proposal, seconds (slot 9).
    pub validity_secs_max: u64,
    /// Greatest share of the DAO's own token after a purchase of it, bps of NAV (slot 10).
    pub native_share_bps_max: u64,
    /// Least share of stable assets after any action, bps of NAV (slot 16).
    pub stable_share_bps_min: u64,
    /// Fewest usable feeds of an asset (slot 17).
    pub price_quorum_min: u64,
    /// Least time between two batches, seconds (slot 18).
    pub cooldown_secs_min: u64,
}

/// The envelope's 32 slots: 0 to 15 are narrowed by lowering, 16 to 31 by raising.
pub type Envelope = [u64; 32];

impl Default for Limits {
    fn default() -> Self {
        Self {
            proposal_bps_max: u64::MAX,
            window_bps_max: [u64::MAX; 4],
            slippage_bps_max: u64::MAX,
            price_age_secs_max: u64::MAX,
            price_deviation_bps_max: u64::MAX,
            proposals_per_day_max: u64::MAX,
            validity_secs_max: u64::MAX,
            native_share_bps_max: u64::MAX,
            stable_share_bps_min: 0,
            price_quorum_min: 0,
            cooldown_secs_min: 0,
        }
    }
}

impl Limits {
    /// What was spent or bound in each rolling window; nothing where no window has a cap, for then nobody asks.
    #[inline]
    pub fn windows_of(&self, history: &History, now: u64) -> [Value; 4] {
        let has_caps = self.window_bps_max.iter().any(|bps| *bps != u64::MAX);
        if has_caps { history.windows(now) } else { [Value::ZERO; 4] }
    }

    /// The numbers as `PolicyRegistry` anchors them. A slot's meaning is never reused.
    pub fn envelope(&self) -> Envelope {
        let mut slots = [u64::MAX; 32];
        slots[16..].fill(0);
        slots[0] = self.proposal_bps_max;
        slots[1..5].copy_from_slice(&self.window_bps_max);
        slots[5] = self.slippage_bps_max;
        slots[6] = self.price_age_secs_max;
        slots[7] = self.price_deviation_bps_max;
        slots[8] = self.proposals_per_day_max;
        slots[9] = self.validity_secs_max;
        slots[10] = self.native_share_bps_max;
        slots[16] = self.stable_share_bps_min;
        slots[17] = self.price_quorum_min;
        slots[18] = self.cooldown_secs_min;
        slots
    }
}

/// A strategy as the policy names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StrategyTerms {
    /// Name in the policy; its line is keccak256 of it.
    pub name: String,
    /// keccak256 of the name.
    pub line: B256,
    /// Which [`crate::StrategySpec`] it is.
    pub kind: String,
    /// Most that it may move in one proposal, bps of the proposal cap, or of NAV where there is no such cap; `None`: no
    /// share of its own.
    pub share_bps_max: Option<u64>,
    /// Cron line of its own (six or seven fields, UTC), after each tick of which it acts in one decision; `None`: in all.
    pub schedule: Option<String>,
    /// Its parameters, unchecked.
    pub params: StrategyParams,
}

/// What happens while a forecast breaches a ceiling, or is unknown where there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnBreach {
    /// Only what reduces risk is allowed: [`OnlyReduce`].
    #[default]
    OnlyReduce,
    /// Nothing is allowed.
    Hold,
}

/// What happens to the price of an asset whose sources lie further apart than the policy allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnDisagreement {
    /// Sources that deviate are left out; the others make the price.
    #[default]
    Drop,
    /// It has no price.
    Hold,
}

/// What goes on where only what reduces risk does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnlyReduce {
    /// Transfers between the treasury's own accounts.
    pub transfers: bool,
    /// Swaps into stable assets that are not the shares of a vault.
    pub swaps: bool,
    /// Redemptions of a vault's shares into such assets.
    pub redemptions: bool,
}

impl Default for OnlyReduce {
    /// All of it.
    fn default() -> Self {
        Self { transfers: true, swaps: true, redemptions: true }
    }
}

impl OnlyReduce {
    /// In words: `transfers between own accounts, and swaps into stable assets that are not the shares of a vault`.
    pub fn in_words(self) -> String {
        let Self { transfers, swaps, redemptions } = self;
        let into = match (swaps, redemptions) {
            (true, true) => "swaps and redemptions",
            (true, false) => "swaps",
            (false, true) => "redemptions",
            (false, false) => "",
        };
        let into = (!into.is_empty()).then(|| format!("{into} into stable assets that are not the shares of a vault"));
        let own = transfers.then(|| "transfers between own accounts".to_owned());
        let all: Vec<String> = own.into_iter().chain(into).collect();
        if all.is_empty() { "nothing".to_owned() } else { all.join(", and ") }
    }
}

/// What it says of models that several train together.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FederationTerms {
    /// Whose records a model may know; anybody's where it names nobody.
    pub members: Vec<String>,
    /// Of how many members a model must know records.
    pub present_min: u16,
    /// How what they send is made into one; `None`: as the agent's operators say.
    pub aggregation: Option<String>,
}

/// Which model forecasts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ModelTerms {
    /// Exponentially weighted volatility from the snapshot alone; it needs no training.
    #[default]
    Ewma,
    /// The model file of this hash, at most this old.
    File {
        /// keccak256 of the model file's bytes.
        hash: B256,
        /// From this age of its last training day on it is not used.
        age_secs_max: u64,
    },
    /// The newest model that was trained here, if its scores on later data are good enough.
    Trained {
        /// Cron line (six or seven fields, UTC) at which it is trained.
        schedule: String,
        /// From this age of its last training day on it is not used.
        age_secs_max: u64,
        /// Least area under the ROC curve of its drawdown probabilities, bps.
        auc_bps_min: u64,
    },
}

/// What the agent does when the model that the policy names cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelFallback {
    /// It forecasts with [`ModelTerms::Ewma`]; ceilings on what that cannot forecast count as breached.
    #[default]
    Ewma,
    /// It proposes nothing.
    Hold,
}

/// What the policy says of risk. A ceiling that is `None` is none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RiskTerms {
    /// Rounds of each feed that the snapshot holds, at most 512.
    pub history_rounds: u16,
    /// How far apart these lie in the mean, seconds: where a feed posts more often, rounds between them are left out. With zero
    /// none is.
    pub history_step_secs: u64,
    /// Blocks between the two readings of a vault's rate; with zero there is no earlier one.
    pub rate_lookback_blocks: u64,
    /// Greatest yearly volatility of the treasury, bps.
    pub volatility_bps_max: Option<u64>,
    /// Greatest value at risk of the treasury, bps of NAV.
    pub value_at_risk_bps_max: Option<u64>,
    /// Greatest expected shortfall of the treasury, bps of NAV.
    pub expected_shortfall_bps_max: Option<u64>,
    /// Greatest probability of a drawdown, bps.
    pub drawdown_probability_bps_max: Option<u64>,
    /// What a breach does.
    pub on_breach: OnBreach,
    /// What goes on where it leaves only what reduces risk.
    pub only_reduce: OnlyReduce,
    /// Which model forecasts.
    pub model: ModelTerms,
    /// What is done without it.
    pub fallback: ModelFallback,
    /// What the DAO pays in thirty days, quote currency; zero where it does not say.
    pub burn_monthly: Value,
    /// Greatest ε that training may spend on a record in a year, in thousandths; `None`: training adds no noise.
    pub epsilon_permille_year_max: Option<u64>,
    /// Who may have trained the model, and how.
    pub federation: FederationTerms,
}

/// Everything a policy says, parsed and checked. Amounts are exact; names are resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Name of the DAO's policy.
    pub name: String,
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The `PolicyRegistry` that anchors it.
    pub registry: Address,
    /// The `EmergencyBrake` that it obeys.
    pub brake: Address,
    /// The `DecisionGate` that every batch enters.
    pub gate: Address,
    /// From this Unix time on it permits nothing.
    pub expires_at: u64,
    /// By this Unix time the members mean to look at it again; `u64::MAX` where they do not say.
    pub review_at: u64,
    /// Whom it names that may act on chain.
    pub roles: Roles,
    /// To whom votes may be delegated, in the order of the assets.
    pub delegates: Vec<Delegates>,
    /// What the coin of the chain may be wrapped into, one for one (WETH9).
    pub wrapped_coin: Option<AssetId>,
    /// What happens when sources of a price disagree.
    pub on_disagreement: OnDisagreement,
    /// Pools whose time-weighted prices count beside the feeds, in the order of the assets.
    pub twaps: Vec<Twap>,
    /// When decisions are due.
    pub schedule: Schedule,
    /// How long a proposal lives, seconds.
    pub validity_secs: u64,
    /// Assets; [`AssetId`] is an index here.
    pub assets: Vec<Asset>,
    /// Accounts; [`AccountId`] is an index here.
    pub accounts: Vec<Account>,
    /// Venues; [`crate::VenueId`] is an index here.
    pub venues: Vec<Venue>,
    /// Receivers beside the treasury's own accounts.
    pub counterparties: Vec<Counterparty>,
    /// Bands; an asset without one has none.
    pub bands: Vec<Band>,
    /// Groups of assets that it bounds together; [`GroupId`] is an index here.
    pub groups: Vec<Group>,
    /// The numbers of the envelope.
    pub limits: Limits,
    /// What it says of risk.
    pub risk: RiskTerms,
    /// Budget lines, in the order of the policy.
    pub payments: Vec<BudgetLine>,
    /// Strategies, in the order in which they act.
    pub strategies: Vec<StrategyTerms>,
}

impl RiskTerms {
    /// Whether any forecast has a ceiling.
    #[inline]
    pub fn has_ceilings(&self) -> bool {
        self.volatility_bps_max.is_some()
            || self.value_at_risk_bps_max.is_some()
            || self.expected_shortfall_bps_max.is_some()
            || self.drawdown_probability_bps_max.is_some()
    }
}

impl Terms {
    /// The contracts whose code the policy pins, and the hash that it must have: first the venues, then those tokens of which
    /// the policy says one. In this order the snapshot has what they are.
    pub fn pins(&self) -> impl Iterator<Item = (Address, B256)> {
        let tokens = self.assets.iter().filter_map(|asset| Some((asset.address, asset.code_hash?)));
        self.venues.iter().map(|venue| (venue.address, venue.code_hash)).chain(tokens)
    }

    /// How long a proposal may live, seconds: what the policy says, never above the envelope.
    pub fn validity_secs_longest(&self) -> u64 {
        self.validity_secs.min(self.limits.validity_secs_max)
    }

    /// The asset at `id`.
    pub fn asset(&self, id: AssetId) -> Option<&Asset> {
        self.assets.get(id.index())
    }

    /// The account at `id`.
    pub fn account(&self, id: AccountId) -> Option<&Account> {
        self.accounts.get(id.index())
    }

    /// The venue at `id`.
    pub fn venue(&self, id: crate::VenueId) -> Option<&Venue> {
        self.venues.get(id.index())
    }

    /// Symbol of the asset at `id`; empty where there is none.
    pub fn symbol_of(&self, id: AssetId) -> &str {
        self.asset(id).map_or("", |asset| asset.symbol.as_str())
    }

    /// Name of the account at `id`; empty where there is none.
    pub fn name_of(&self, id: AccountId) -> &str {
        self.account(id).map_or("", |account| account.name.as_str())
    }

    /// The venue of this name.
    pub fn venue_named(&self, name: &str) -> Option<crate::VenueId> {
        let position = self.venues.iter().position(|venue| venue.name == name)?;
        u16::try_from(position).ok().map(crate::VenueId)
    }

    /// The strategy of this line.
    pub fn strategy(&self, line: B256) -> Option<&StrategyTerms> {
        self.strategies.iter().find(|strategy| strategy.line == line)
    }

    /// The asset of this symbol.
    pub fn asset_named(&self, symbol: &str) -> Option<AssetId> {
        let position = self.assets.iter().position(|asset| asset.symbol == symbol)?;
        u16::try_from(position).ok().map(AssetId)
    }

    /// The account of this name.
    pub fn account_named(&self, name: &str) -> Option<AccountId> {
        let position = self.accounts.iter().position(|account| account.name == name)?;
        u16::try_from(position).ok().map(AccountId)
    }

    /// The account at this address.
    pub fn account_at(&self, address: Address) -> Option<AccountId> {
        let position = self.accounts.iter().position(|account| account.address == address)?;
        u16::try_from(position).ok().map(AccountId)
    }
}

/// A policy that was voted: its terms and its judgement.
pub trait Policy: Send + Sync {
    /// keccak256 of the file's bytes.
    fn hash(&self) -> B256;

    /// keccak256 of the canonical policy without the numbers of the envelope.
    fn rest_hash(&self) -> B256;

    /// What it says.
    fn terms(&self) -> &Terms;

    /// Judges one intent as the next of a decision in which `tally` was allowed before it. Balances, shares and NAV are
    /// those of [`crate::Outlook`], so that a sale pays a buy of the same batch and many small steps are no way around
    /// a band.
    fn judge(&self, cx: &Context<'_>, tally: &Tally<'_>, intent: &Intent) -> Verdict;

    /// Judges what a batch of `intents` would leave behind: `after` holds the balances after it.
    fn judge_outcome(&self, before: &Context<'_>, after: &Context<'_>, intents: &[Intent]) -> Verdict;

    /// Whether a decision is due at a block of time `now` and this number, the block before it being of time `before`
    /// (both Unix seconds).
    fn is_due(&self, before: u64, now: u64, number: u64) -> bool;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unset_is_widest() {
        let slots = Limits::default().envelope();
        assert!(slots[..16].iter().all(|slot| *slot == u64::MAX));
        assert!(slots[16..].iter().all(|slot| *slot == 0));
    }

    #[test]
    fn each_number_stands_in_its_slot_and_in_no_other() {
        type Set = fn(&mut Limits);
        let set: [(usize, Set); 14] = [
            (0, |limits| limits.proposal_bps_max = 7),
            (1, |limits| limits.window_bps_max[0] = 7),
            (2, |limits| limits.window_bps_max[1] = 7),
            (3, |limits| limits.window_bps_max[2] = 7),
            (4, |limits| limits.window_bps_max[3] = 7),
            (5, |limits| limits.slippage_bps_max = 7),
            (6, |limits| limits.price_age_secs_max = 7),
            (7, |limits| limits.price_deviation_bps_max = 7),
            (8, |limits| limits.proposals_per_day_max = 7),
            (9, |limits| limits.validity_secs_max = 7),
            (10, |limits| limits.native_share_bps_max = 7),
            (16, |limits| limits.stable_share_bps_min = 7),
            (17, |limits| limits.price_quorum_min = 7),
            (18, |limits| limits.cooldown_secs_min = 7),
        ];
        for (slot, set) in set {
            let mut limits = Limits::default();
            set(&mut limits);
            let mut expected = Limits::default().envelope();
            expected[slot] = 7;
            assert_eq!(limits.envelope(), expected, "slot {slot}");
        }
    }
}
