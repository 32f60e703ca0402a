//! Intents and refusals in words, with the names that a policy has for things.

use crate::read::values::{duration_text, time_text};
use alloy_primitives::Address;
use quaestor_core::{
    Action, Amount, AssetId, Intent, Refusal, Rule, Terms, Value,
    verdict::{Input, InputName, Quantity},
};

/// Seconds from which a number of them is a moment and no length of time: durations of a policy are ten years at most.
const MOMENT_SECS_MIN: u64 = 1_000_000_000;

/// What a refusal says, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The key of the policy that refuses, or the rule's own name where there is none.
    pub rule: String,
    /// What the rule is for.
    pub about: &'static str,
    /// What it allows; empty where there is nothing to state.
    pub limit: String,
    /// What was found; empty where there is nothing to state.
    pub found: String,
    /// What it looked at: name and quantity.
    pub inputs: Vec<(&'static str, String)>,
}

impl Told {
    /// The refusal of a policy with these terms.
    pub fn of(terms: &Terms, refusal: &Refusal) -> Self {
        let input = |name: InputName| refusal.inputs.iter().find(|it| it.name == name).map(|it| it.quantity);
        let asset = match input(InputName::Asset) {
            Some(Quantity::Asset(asset)) => Some(asset),
            _ => None,
        };
        let say = |quantity: Quantity| quantity_text(terms, quantity, asset);
        let (key, about) = rule_words(refusal.rule);
        // Whose key it is.
        let owner = match key.split_once('.') {
            Some(("groups", _)) => input(InputName::Group),
            Some(("venues", _)) => input(InputName::Venue),
            Some(("counterparties", _)) => input(InputName::Counterparty),
            Some(("payments", _)) => input(InputName::Line),
            _ => input(InputName::Asset),
        };
        let rule = match owner {
            Some(owner) if key.contains('*') => key.replace('*', &say(owner)),
            _ => key.to_owned(),
        };
        let inputs = refusal.inputs.iter().map(|Input { name, quantity }| (input_words(*name), say(*quantity)));
        // A ceiling refuses what nobody could forecast too.
        let is_unknown = refusal.found == Quantity::None && is_ceiling(refusal.rule);
        let found = if is_unknown { "no forecast".to_owned() } else { say(refusal.found) };
        Self { rule, about, limit: say(refusal.limit), found, inputs: inputs.collect() }
    }

    /// Rule, limit and found in one breath: `limits.day_bps_max (limit 500 bps, found 620 bps)`.
    pub fn brief(&self) -> String {
        let part = |name: &str, value: &String| (!value.is_empty()).then(|| format!("{name} {value}"));
        let parts: Vec<String> =
            [part("limit", &self.limit), part("found", &self.found)].into_iter().flatten().collect();
        if parts.is_empty() { self.rule.clone() } else { format!("{} ({})", self.rule, parts.join(", ")) }
    }
}

fn is_ceiling(rule: Rule) -> bool {
    matches!(
        rule,
        Rule::VolatilityBpsMax
            | Rule::ValueAtRiskBpsMax
            | Rule::ExpectedShortfallBpsMax
            | Rule::DrawdownProbabilityBpsMax
    )
}

/// An intent as a person would say it: `a swap of 12,000 USDC for WETH by operations through uniswap`.
pub fn intent_text(terms: &Terms, intent: &Intent) -> String {
    let payer = match terms.account(intent.account) {
        Some(account) => account.name.clone(),
        None => format!("account {}, which the policy lacks,", intent.account.0),
    };
    let given = amount_text(terms, intent.amount, Some(intent.asset));
    let venue = |id: quaestor_core::VenueId| match terms.venue(id) {
        Some(venue) => venue.name.clone(),
        None => format!("venue {}, which the policy lacks", id.0),
    };
    match intent.actions.as_slice() {
        [Action::Transfer { to, .. }] => {
            let kind = if terms.account_at(*to).is_some() { "a transfer" } else { "a payment" };
            format!("{kind} of {given} from {payer} to {}", address_text(terms, *to))
        }
        [Action::Approve { .. }, Action::Swap { venue: at, buy, .. }] => {
            format!("a swap of {given} for {} by {payer} through {}", symbol(terms, *buy), venue(*at))
        }
        [Action::Approve { .. }, Action::Deposit { venue: at, .. }] => {
            format!("a deposit of {given} by {payer} into {}", venue(*at))
        }
        [Action::Wrap { asset, amount }] => {
            format!("a wrapping of the chain's coin into {} by {payer}", amount_text(terms, *amount, Some(*asset)))
        }
        [Action::Delegate { asset, to }] => {
            format!("a delegation of the votes of {} by {payer} to {}", symbol(terms, *asset), address_text(terms, *to))
        }
        [Action::Redeem { venue: at, .. }] => format!("a redemption of {given} by {payer} from {}", venue(*at)),
        others => format!("{} actions with {given} by {payer}", others.len()),
    }
}

/// A quantity as a person reads it. `asset` is what base units are of.
fn quantity_text(terms: &Terms, quantity: Quantity, asset: Option<AssetId>) -> String {
    match quantity {
        Quantity::None => String::new(),
        Quantity::Bps(u64::MAX) => "more than can be said".to_owned(),
        Quantity::Bps(bps) => format!("{bps} bps"),
        Quantity::Value(value) => value_text(value),
        Quantity::Amount(amount) => amount_text(terms, amount, asset),
        Quantity::Secs(secs) => secs_text(secs),
        Quantity::Count(count) => grouped(&count.to_string()),
        Quantity::Address(address) => address_text(terms, address),
        Quantity::Hash(hash) => {
            let strategy = || terms.strategy(hash).map(|strategy| strategy.name.clone());
            let budget = terms.budget_line(hash).map(|line| line.name.clone());
            budget.or_else(strategy).unwrap_or_else(|| hash.to_string())
        }
        Quantity::Asset(asset) => symbol(terms, asset),
        Quantity::Account(id) => match terms.account(id) {
            Some(account) => account.name.clone(),
            None => format!("account {}, which the policy lacks", id.0),
        },
        Quantity::Group(id) => match terms.group(id) {
            Some(group) => group.name.clone(),
            None => format!("group {}, which the policy lacks", id.0),
        },
        Quantity::Venue(id) => match terms.venue(id) {
            Some(venue) => venue.name.clone(),
            None => format!("venue {}, which the policy lacks", id.0),
        },
    }
}

/// A moment or a length of time.
fn secs_text(secs: u64) -> String {
    match secs {
        0 => "0s".to_owned(),
        MOMENT_SECS_MIN.. => time_text(secs).unwrap_or_else(|| format!("{secs} s")),
        _ => duration_text(secs),
    }
}

/// Such as `12,000.5 USDC`: exact, without zeros at the end.
pub(crate) fn amount_text(terms: &Terms, amount: Amount, asset: Option<AssetId>) -> String {
    let Some(listed) = asset.and_then(|asset| terms.asset(asset)) else {
        return format!("{} base units", grouped(&amount.0.to_string()));
    };
    format!("{} {}", grouped(&amount.display(listed.decimals).to_string()), listed.symbol)
}

/// Such as `620,000 USD`, rounded down to cents.
pub(crate) fn value_text(value: Value) -> String {
    format!("{} USD", grouped(&value.display().to_string()))
}

/// Digits in threes, without zeros at the end of a fraction.
fn grouped(number: &str) -> String {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let mut text = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    match fraction.trim_end_matches('0') {
        "" => text,
        fraction => format!("{text}.{fraction}"),
    }
}

pub(crate) fn symbol(terms: &Terms, asset: AssetId) -> String {
    match terms.asset(asset) {
        Some(asset) => asset.symbol.clone(),
        None => format!("asset {}, which the policy lacks", asset.0),
    }
}

/// The name of an account, a venue or a receiver, or the address.
fn address_text(terms: &Terms, address: Address) -> String {
    if let Some(account) = terms.account_at(address).and_then(|id| terms.account(id)) {
        return account.name.clone();
    }
    let venue = terms.venues.iter().find(|venue| venue.address == address).map(|venue| &venue.name);
    let receiver = || terms.counterparty_at(address).map(|it| &it.name);
    venue.or_else(receiver).map_or_else(|| address.to_checksum(None), Clone::clone)
}

fn input_words(name: InputName) -> &'static str {
    match name {
        InputName::Nav => "nav",
        InputName::IntentValue => "value of the intent",
        InputName::BatchValue => "value of the batch with it",
        InputName::WindowValue => "spent in the window before",
        InputName::Asset => "asset",
        InputName::Group => "group",
        InputName::Venue => "venue",
        InputName::Account => "account",
        InputName::Counterparty => "counterparty",
        InputName::Line => "budget line",
        InputName::Now => "time",
    }
}

/// The key of the policy that a rule is written in, or its own name. `*` is the symbol of an asset.
pub(crate) fn rule_key(rule: Rule) -> &'static str {
    rule_words(rule).0
}

/// The key of the policy that a rule is written in, or its own name, and what it is for. `*` is the symbol of an asset.
fn rule_words(rule: Rule) -> (&'static str, &'static str) {
    match rule {
        Rule::PolicyAnchored => ("policy_anchored", "this file must be the one that the registry anchors at the block"),
        Rule::ModelInForce => ("model_in_force", "what was decided with one model stands with that one alone"),
        Rule::PolicyExpiresAt => ("policy.expires", "from then on the policy permits nothing"),
        Rule::BrakePulled => ("brake_pulled", "nothing is proposed while the brake is pulled or unreadable"),
        Rule::LeaseLapsed => ("lease_lapsed", "operators may act while their lease runs"),
        Rule::ChainId => ("policy.chain", "the snapshot must be of the policy's chain"),
        Rule::SnapshotComplete => ("snapshot_complete", "the snapshot must hold what the policy names, in its order"),
        Rule::AssetDecimals => ("asset_decimals", "tokens must have the decimals that the policy says"),
        Rule::PriceQuorumMin => {
            ("limits.price_quorum_min", "what is held or moved must have a price from no fewer feeds")
        }
        Rule::AccountListed => ("account_listed", "money comes from accounts of the policy alone"),
        Rule::GuardiansNamed => {
            ("roles.guardians", "the registry must list the guardians who are named, and no others")
        }
        Rule::OperatorsNamed => ("roles.operators", "the brake must list the operators who are named, and no others"),
        Rule::OwnersNamed => {
            ("accounts.*.owners", "a Safe must have the owners and the threshold that are named, and no others")
        }
        Rule::OperatorsBelowThreshold => {
            ("operators_below_threshold", "the operators' keys together must not move an account")
        }
        Rule::AssetListed => ("asset_listed", "only assets of the policy are moved"),
        Rule::LineListed => ("line_listed", "an intent must be of a strategy or a budget line of the policy"),
        Rule::PaymentMatchesLine => ("payments.*", "what is paid for a budget line must be what the line says"),
        Rule::PaymentPeriod => ("payments.*.every", "a budget line pays each period in its time"),
        Rule::VenueListed => ("venue_listed", "trades go through venues and pools of the policy alone"),
        Rule::VenueCodeHash => ("venue_code_hash", "a venue must have the code that the policy pins"),
        Rule::AssetCodeHash => ("assets.*.code_hash", "a token must have the code that the policy pins"),
        Rule::VaultAsset => {
            ("vault_asset", "a vault must take the asset, and an Aave Pool give the aToken, that the policy says")
        }
        Rule::CounterpartyListed => ("counterparty_listed", "payments go to accounts and counterparties of the policy"),
        Rule::WrapListed => {
            ("assets.*.wrapped_coin", "the chain's coin is wrapped into the asset that is said to be it")
        }
        Rule::DelegateListed => ("assets.*.delegates", "votes go to those alone who are listed for the token"),
        Rule::IntentMatchesActions => ("intent_matches_actions", "what an intent says must be what its calls do"),
        Rule::ApprovalExact => ("approval_exact", "an approval is exact, for a venue, and used at once"),
        Rule::BalanceSufficient => ("balance_sufficient", "an account spends no more than it holds"),
        Rule::CounterpartyProposalBpsMax => {
            ("counterparties.*.proposal_bps_max", "no more of the treasury may be paid to it in one proposal")
        }
        Rule::CounterpartyHourBpsMax => {
            ("counterparties.*.hour_bps_max", "no more of the treasury may be paid to it in any hour")
        }
        Rule::CounterpartyDayBpsMax => {
            ("counterparties.*.day_bps_max", "no more of the treasury may be paid to it in any 24 hours")
        }
        Rule::CounterpartyWeekBpsMax => {
            ("counterparties.*.week_bps_max", "no more of the treasury may be paid to it in any seven days")
        }
        Rule::CounterpartyMonthBpsMax => {
            ("counterparties.*.month_bps_max", "no more of the treasury may be paid to it in any thirty days")
        }
        Rule::ProposalBpsMax => ("limits.proposal_bps_max", "no more of the treasury may move in one proposal"),
        Rule::HourBpsMax => ("limits.hour_bps_max", "no more of the treasury may move in any hour"),
        Rule::DayBpsMax => ("limits.day_bps_max", "no more of the treasury may move in any 24 hours"),
        Rule::WeekBpsMax => ("limits.week_bps_max", "no more of the treasury may move in any seven days"),
        Rule::MonthBpsMax => ("limits.month_bps_max", "no more of the treasury may move in any thirty days"),
        Rule::SlippageBpsMax => ("limits.slippage_bps_max", "a trade may lose no more against the oracle's prices"),
        Rule::ProposalsPerDayMax => ("limits.proposals_per_day_max", "no more batches may be proposed in any 24 hours"),
        Rule::CooldownSecsMin => ("limits.cooldown_min", "no less time may lie between two proposals"),
        Rule::ValiditySecsMax => ("limits.validity_max", "a proposal lives no longer"),
        Rule::AllocationMax => ("allocation.*.max_bps", "purchases may not raise the asset's share above its band"),
        Rule::AllocationMin => ("allocation.*.min_bps", "sales may not lower the asset's share below its band"),
        Rule::GroupMax => ("groups.*.max_bps", "purchases may not raise the group's share above this"),
        Rule::GroupMin => ("groups.*.min_bps", "sales may not lower the group's share below this"),
        Rule::NativeShareBpsMax => {
            ("limits.native_share_bps_max", "purchases of the DAO's own token stop at this share")
        }
        Rule::VenueShareBpsMax => {
            ("venues.*.share_bps_max", "deposits stop at this share of the treasury in one venue")
        }
        Rule::StableShareBpsMin => ("limits.stable_share_bps_min", "no less of the treasury may stay in stable assets"),
        Rule::VolatilityBpsMax => {
            ("risk.volatility_bps_max", "above this forecast nothing goes on, or only what reduces risk")
        }
        Rule::ValueAtRiskBpsMax => {
            ("risk.value_at_risk_bps_max", "above this forecast nothing goes on, or only what reduces risk")
        }
        Rule::ExpectedShortfallBpsMax => {
            ("risk.expected_shortfall_bps_max", "above this forecast nothing goes on, or only what reduces risk")
        }
        Rule::DrawdownProbabilityBpsMax => {
            ("risk.drawdown_probability_bps_max", "above this forecast nothing goes on, or only what reduces risk")
        }
        Rule::ShareBpsMax => ("strategies.share_bps_max", "no more of a proposal is the strategy's own share"),
        Rule::Opposed => ("opposed", "a strategy does not undo what an earlier one of the same decision does"),
        Rule::OnceKeyUnused => ("once_key_unused", "the same thing is done once"),
        Rule::IntentsMax => ("intents_max", "a decision has no more intents"),
        Rule::CalldataMatches => ("calldata_matches", "the calls must be those that were judged"),
        Rule::DryRun => ("dry_run", "a batch must run in a dry run at the snapshot's block"),
        Rule::ClearanceFresh => ("clearance_fresh", "what was cleared goes stale"),
        Rule::GovernorSwapBound => {
            ("governor_swap_bound", "votes take days, and nothing binds the price of an exchange then")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_exact() {
        let cases =
            [("0", "0"), ("12000.000000", "12,000"), ("999.50", "999.5"), ("1234567.000001", "1,234,567.000001")];
        for (number, said) in cases {
            assert_eq!(grouped(number), said);
        }
        assert_eq!((secs_text(172_800), secs_text(1_798_761_600)), ("48h".into(), "2027-01-01T00:00:00Z".into()));
    }
}
