//! Receipts in words: the policy's own key for the rule, what it allows, and what was found, with their units.

use super::{line_name, party, plain, wad, whole_tokens};
use crate::utc::Utc;
use alloy_primitives::B256;
use quaestor_core::{
    AccountId, Amount, AssetId, Refusal, Rule, Terms, Vault, VenueKind,
    lifecycle::{Errand, Outcome, Reason},
    policy::OnBreach,
    strategy::StrategyHold,
    verdict::{InputName, Quantity},
};

/// Why something was refused, in one sentence without its full stop, such as `limits.proposal_bps_max allows 15.00 % of
/// NAV, with this it is 21.30 %`. `terms` are those of the policy that the receipt names.
pub fn explain_refusal(terms: &Terms, refusal: &Refusal) -> String {
    Words { terms, refusal }.sentence()
}

/// A share in basis points, always with two decimals, such as `15.00 %`.
pub fn share(bps: u64) -> String {
    // What cannot be counted is saturated where it is measured.
    if bps == u64::MAX { "more than can be counted".to_owned() } else { format!("{}.{:02} %", bps / 100, bps % 100) }
}

/// A length of time by its two largest units, such as `2 d 3 h`, `90 min` as `1 h 30 min`, or `0 s`.
pub fn span(secs: u64) -> String {
    let units = [(secs / 86_400, "d"), (secs / 3_600 % 24, "h"), (secs / 60 % 60, "min"), (secs % 60, "s")];
    let first = units.iter().position(|(count, _)| *count > 0).unwrap_or(units.len() - 1);
    let shown = units.iter().skip(first).take(2).enumerate().filter(|(place, (count, _))| *place == 0 || *count > 0);
    shown.map(|(_, (count, unit))| format!("{count} {unit}")).collect::<Vec<_>>().join(" ")
}

/// Why a strategy holds.
pub fn explain_hold(hold: StrategyHold) -> &'static str {
    match hold {
        StrategyHold::NoPool => "no pool of the policy joins the assets",
        StrategyHold::BelowMinimum => "what it would move is below its least trade",
        StrategyHold::NoRoom => "the policy's caps leave no room now",
        StrategyHold::NoBalance => "the account lacks what it would move",
        StrategyHold::NoPrice => "an asset that it would buy has no usable price",
        StrategyHold::NoRate => "it is not known what a vault earns",
        StrategyHold::OutOfRange => "a number left its range",
        StrategyHold::Opposed => "an earlier strategy of this decision does the opposite",
        StrategyHold::PriceLimit => "the price is beyond the limit that the policy gives it",
        StrategyHold::Unconfirmed => "the feeds have not shown the price often enough",
        StrategyHold::NoDelegate => "the token does not say to whom its votes are delegated",
        StrategyHold::NoForecast => "the risk model makes no such forecast",
        StrategyHold::Waiting => "a proposal that waits binds the account that would give",
    }
}

/// Why a proposal is withdrawn. `policy` is hash and terms of the one in force; a receipt under another is named by its
/// rule alone.
pub fn explain_reason(policy: Option<(B256, &Terms)>, reason: &Reason) -> String {
    match reason {
        Reason::Unfit { receipt } => match policy {
            Some((hash, terms)) if hash == receipt.policy => explain_refusal(terms, receipt),
            _ => format!("it was judged again and refused by {}", rule_key(receipt.rule)),
        },
        Reason::BrakePulled => "the brake was pulled after it was prepared".to_owned(),
        Reason::Replaced => "another transaction took its Safe nonce".to_owned(),
    }
}

/// How a proposal ended; `policy` as for [`explain_reason`].
pub fn explain_outcome(policy: Option<(B256, &Terms)>, outcome: &Outcome) -> String {
    match outcome {
        Outcome::Executed { block } => format!("executed in block {}", block.number),
        Outcome::Expired => "its time passed".to_owned(),
        Outcome::Defeated => "members voted it down or cancelled it".to_owned(),
        Outcome::Abandoned { reason } => format!("given up before it left: {}", explain_reason(policy, reason)),
        Outcome::Withdrawn { reason } => format!("revoked at the gate: {}", explain_reason(policy, reason)),
        Outcome::Failed => "the transaction that proposes it reverted".to_owned(),
    }
}

/// What a transaction of the operator is for.
pub fn explain_errand(errand: Errand) -> &'static str {
    match errand {
        Errand::Propose => "to propose it",
        Errand::Queue => "to queue it",
        Errand::Execute => "to execute it",
        Errand::Revoke => "to revoke it at the gate",
        Errand::Tidy => "to take its place at the Safe, or cancel it at the Governor",
    }
}

/// The policy's own key of a rule, or the rule in words.
pub fn rule_key(rule: Rule) -> &'static str {
    match rule {
        Rule::PolicyAnchored => "the policy's anchor",
        Rule::ModelInForce => "risk.model",
        Rule::PolicyExpiresAt => "policy.expires",
        Rule::BrakePulled => "the brake",
        Rule::LeaseLapsed => "the operators' lease",
        Rule::ChainId => "policy.chain",
        Rule::SnapshotComplete => "the completeness of what was read",
        Rule::AssetDecimals => "assets.*.decimals",
        Rule::PriceQuorumMin => "limits.price_quorum_min",
        Rule::AccountListed => "accounts",
        Rule::GuardiansNamed => "roles.guardians",
        Rule::OperatorsNamed => "roles.operators",
        Rule::OwnersNamed => "accounts.*.owners",
        Rule::OperatorsBelowThreshold => "the Safe's threshold",
        Rule::AssetListed => "assets",
        Rule::LineListed => "strategies",
        Rule::PaymentMatchesLine => "payments",
        Rule::PaymentPeriod => "payments.*.every",
        Rule::VenueListed => "venues.*.pools",
        Rule::VenueCodeHash => "venues.*.code_hash",
        Rule::AssetCodeHash => "assets.*.code_hash",
        Rule::VaultAsset => "venues.*.asset",
        Rule::CounterpartyListed => "counterparties",
        Rule::WrapListed => "assets.*.wrapped_coin",
        Rule::DelegateListed => "assets.*.delegates",
        Rule::IntentMatchesActions => "the match of intent and calls",
        Rule::ApprovalExact => "the exact approval",
        Rule::BalanceSufficient => "the account's balance",
        Rule::ProposalBpsMax => "limits.proposal_bps_max",
        Rule::HourBpsMax => "limits.hour_bps_max",
        Rule::DayBpsMax => "limits.day_bps_max",
        Rule::WeekBpsMax => "limits.week_bps_max",
        Rule::MonthBpsMax => "limits.month_bps_max",
        Rule::CounterpartyProposalBpsMax => "counterparties.*.proposal_bps_max",
        Rule::CounterpartyHourBpsMax => "counterparties.*.hour_bps_max",
        Rule::CounterpartyDayBpsMax => "counterparties.*.day_bps_max",
        Rule::CounterpartyWeekBpsMax => "counterparties.*.week_bps_max",
        Rule::CounterpartyMonthBpsMax => "counterparties.*.month_bps_max",
        Rule::SlippageBpsMax => "limits.slippage_bps_max",
        Rule::ProposalsPerDayMax => "limits.proposals_per_day_max",
        Rule::CooldownSecsMin => "limits.cooldown_min",
        Rule::ValiditySecsMax => "limits.validity_max",
        Rule::AllocationMax => "allocation.*.max_bps",
        Rule::AllocationMin => "allocation.*.min_bps",
        Rule::GroupMax => "groups.*.max_bps",
        Rule::GroupMin => "groups.*.min_bps",
        Rule::NativeShareBpsMax => "limits.native_share_bps_max",
        Rule::VenueShareBpsMax => "venues.*.share_bps_max",
        Rule::StableShareBpsMin => "limits.stable_share_bps_min",
        Rule::VolatilityBpsMax => "risk.volatility_bps_max",
        Rule::ValueAtRiskBpsMax => "risk.value_at_risk_bps_max",
        Rule::ExpectedShortfallBpsMax => "risk.expected_shortfall_bps_max",
        Rule::DrawdownProbabilityBpsMax => "risk.drawdown_probability_bps_max",
        Rule::ShareBpsMax => "strategies.*.share_bps_max",
        Rule::Opposed => "the order of the strategies",
        Rule::OnceKeyUnused => "the once-only key",
        Rule::IntentsMax => "the most intents of a decision",
        Rule::CalldataMatches => "the match of calldata and decision",
        Rule::DryRun => "the dry run",
        Rule::ClearanceFresh => "the age of the clearance",
        Rule::GovernorSwapBound => "the bound of trades through a Governor",
    }
}

struct Words<'a> {
    terms: &'a Terms,
    refusal: &'a Refusal,
}

impl Words<'_> {
    fn sentence(&self) -> String {
        let (limit, found) = (self.words(self.refusal.limit), self.words(self.refusal.found));
        let key = rule_key(self.refusal.rule);
        let asset = self.asset();
        match self.refusal.rule {
            Rule::PolicyAnchored => format!("the registry anchors policy {limit}, this is of policy {found}"),
            Rule::ModelInForce if self.refusal.limit == Quantity::None => {
                format!("it was decided with the risk model {found}, and no model that {key} allows can be used now")
            }
            Rule::ModelInForce => {
                format!("it was decided with the risk model {found}, and {limit} forecasts now")
            }
            Rule::PolicyExpiresAt => self.expired(),
            Rule::BrakePulled => self.brake(),
            Rule::LeaseLapsed => {
                format!("{key} ended {}, it is {}; the DAO must renew it", self.limit_time(), self.found_time())
            }
            Rule::ChainId => format!("{key} is eip155:{limit}, this is of eip155:{found}"),
            Rule::AssetDecimals => format!("the policy gives a token {limit} decimals, the token says {found}"),
            Rule::PriceQuorumMin if self.refusal.limit == Quantity::None => {
                "an asset that the treasury holds has no usable price".to_owned()
            }
            Rule::PriceQuorumMin => {
                format!("{key} asks for usable price feeds of {asset}: {limit} needed, {found} found")
            }
            Rule::GuardiansNamed | Rule::OperatorsNamed | Rule::OwnersNamed => self.named(),
            Rule::OperatorsBelowThreshold => {
                format!("{found} operators are owners of a Safe that needs {limit}: they could act without people")
            }
            Rule::LineListed => format!("no strategy and no budget line of the policy has the line {found}"),
            Rule::PaymentMatchesLine => self.payment(&limit, &found),
            Rule::PaymentPeriod if self.refusal.limit == Quantity::None => {
                format!("the budget line {} can pay no period now, and this is for period {found}", self.line())
            }
            Rule::PaymentPeriod => {
                format!("the budget line {} pays period {limit} now, and this is for period {found}", self.line())
            }
            Rule::VenueListed if matches!(self.refusal.found, Quantity::Count(_)) => {
                "it would trade at a venue that is not in [venues]".to_owned()
            }
            Rule::VenueListed => format!("no pool or vault in [venues] gives {found} for {asset}"),
            Rule::VaultAsset if self.is_reserve() => {
                let said = if self.refusal.found == Quantity::None { "no aToken" } else { found.as_str() };
                format!("assets.*.address is {limit}, the Aave Pool says {said}")
            }
            Rule::VaultAsset if self.refusal.found == Quantity::None => {
                format!("{key} is {limit}, and the vault does not say what its asset is")
            }
            Rule::VaultAsset => format!("{key} is {limit}, the vault says {found}"),
            Rule::VenueCodeHash | Rule::AssetCodeHash => format!("{key} is {limit}, the code on chain has {found}"),
            Rule::CounterpartyListed => {
                let to = match self.refusal.found {
                    Quantity::Address(to) => to.to_string(),
                    _ => found,
                };
                format!("{to} is neither an account of the treasury nor in [{key}]")
            }
            Rule::WrapListed => format!("assets.{found}.wrapped_coin does not say that it is the wrapped coin of the chain"),
            Rule::DelegateListed => format!("assets.{asset}.delegates does not list {found}"),
            Rule::BalanceSufficient => format!("the account has {limit}, the intent spends {found}"),
            Rule::ProposalBpsMax | Rule::HourBpsMax | Rule::DayBpsMax | Rule::WeekBpsMax | Rule::MonthBpsMax => {
                format!("{key} allows {limit} of NAV, with this it is {found}")
            }
            Rule::CounterpartyProposalBpsMax
            | Rule::CounterpartyHourBpsMax
            | Rule::CounterpartyDayBpsMax
            | Rule::CounterpartyWeekBpsMax
            | Rule::CounterpartyMonthBpsMax => {
                let key = key.replace('*', &self.receiver());
                format!("{key} lets it be paid {limit} of NAV, with this it is {found}")
            }
            Rule::SlippageBpsMax if matches!(self.refusal.limit, Quantity::Value(_)) => {
                format!("{key} allows the treasury to lose {limit}, the dry run loses {found}")
            }
            Rule::SlippageBpsMax if self.is_at_pool() => {
                format!("an Aave Pool gives one for one, but for what it rounds, and this may bring {found} less")
            }
            Rule::SlippageBpsMax => {
                format!("{key} lets a trade bring {limit} less than the oracle says, this may bring {found} less")
            }
            Rule::ProposalsPerDayMax => format!("{key} allows {limit} in any 24 hours, with this it is {found}"),
            Rule::CooldownSecsMin => format!("{key} asks for {limit} between proposals, only {found} have passed"),
            Rule::ValiditySecsMax => {
                format!("{key} lets it live until {}, it lives until {}", self.limit_time(), self.found_time())
            }
            Rule::AllocationMax => format!("allocation.{asset}.max_bps is {limit} of NAV, with this it is {found}"),
            Rule::AllocationMin => format!("allocation.{asset}.min_bps is {limit} of NAV, with this it is {found}"),
            Rule::GroupMax => format!("groups.{}.max_bps is {limit} of NAV, with this it is {found}", self.group()),
            Rule::GroupMin => format!("groups.{}.min_bps is {limit} of NAV, with this it is {found}", self.group()),
            Rule::NativeShareBpsMax => {
                format!("{key} lets the DAO's own token be {limit} of NAV, with this it is {found}")
            }
            Rule::VenueShareBpsMax => {
                format!("venues.{}.share_bps_max is {limit} of NAV, with this it is {found}", self.venue())
            }
            Rule::StableShareBpsMin => {
                format!("{key} keeps {limit} of NAV in stable assets, with this it is {found}")
            }
            Rule::VolatilityBpsMax => self.forecast(&limit, " a year", &found),
            Rule::ValueAtRiskBpsMax | Rule::ExpectedShortfallBpsMax => self.forecast(&limit, " of NAV", &found),
            Rule::DrawdownProbabilityBpsMax => self.forecast(&limit, "", &found),
            Rule::ShareBpsMax => {
                format!("{key} leaves this strategy {limit} of a proposal, with this it is {found}")
            }
            Rule::Opposed => format!("it undoes what an earlier strategy of this decision does with {found}"),
            Rule::OnceKeyUnused => format!("what it is for was done, or is proposed, already (key {found})"),
            Rule::IntentsMax => format!("a decision may have {limit} intents, this is number {found}"),
            Rule::DryRun => "the dry run of the very batch failed".to_owned(),
            Rule::GovernorSwapBound => {
                "a swap, deposit or redemption through a Governor has no bound that is read when it executes; only a Safe \
                 may trade"
                    .to_owned()
            }
            Rule::ClearanceFresh => "the chain was looked at too long ago; it is cleared anew".to_owned(),
            Rule::ApprovalExact => self.differs("an approval must be exactly what its swap uses"),
            Rule::IntentMatchesActions => self.differs("the calls or their outcome are not what the intent says"),
            Rule::CalldataMatches => self.differs("the calldata is not what was judged"),
            Rule::SnapshotComplete => self.differs("the chain did not say all that the policy asks for"),
            Rule::AccountListed => self.differs("an account is not what the policy says it is"),
            Rule::AssetListed => self.differs("an asset is not in the policy"),
        }
    }

    /// Who is on chain otherwise than the policy names them.
    fn named(&self) -> String {
        let account = || self.name_of(InputName::Account);
        let (key, chain) = match self.refusal.rule {
            Rule::GuardiansNamed => ("roles.guardians".to_owned(), "the registry".to_owned()),
            Rule::OperatorsNamed => ("roles.operators".to_owned(), "the brake".to_owned()),
            _ => (format!("accounts.{}.owners", account()), format!("the Safe {}", account())),
        };
        match (self.refusal.limit, self.refusal.found) {
            (Quantity::Count(named), Quantity::Count(found)) => {
                format!("accounts.{}.threshold is {named}, {chain} asks for {found}", account())
            }
            (Quantity::Address(named), _) => format!("{key} names {named}, whom {chain} does not list"),
            (_, Quantity::Address(found)) => format!("{chain} lists {found}, whom {key} does not name"),
            _ => self.differs(&format!("{key} is not what {chain} says")),
        }
    }

    fn expired(&self) -> String {
        let (limit, found) = (self.limit_time(), self.found_time());
        match (self.refusal.limit, self.refusal.found) {
            (Quantity::Secs(expires), Quantity::Secs(until)) if until < expires => {
                format!("it could run until {found}, and that time has passed")
            }
            _ => format!("policy.expires permits nothing from {limit} on, this reaches to {found}"),
        }
    }

    fn brake(&self) -> String {
        match (self.refusal.limit, self.refusal.found) {
            (Quantity::Count(then), Quantity::Count(now)) if then != now && now != u64::MAX => {
                format!("the brake was pulled after this was prepared: {then} pulls then, {now} now")
            }
            (_, Quantity::Count(u64::MAX)) => "the brake cannot be read, which counts as pulled".to_owned(),
            _ => "the brake is pulled".to_owned(),
        }
    }

    fn forecast(&self, limit: &str, unit: &str, found: &str) -> String {
        let forecast = match self.refusal.found {
            Quantity::None => "is unknown".to_owned(),
            _ => format!("is {found}"),
        };
        let allowed = match self.terms.risk.on_breach {
            OnBreach::OnlyReduce => "only what reduces risk is allowed",
            OnBreach::Hold => "nothing is allowed",
        };
        let key = rule_key(self.refusal.rule);
        format!("{key} is {limit}{unit}, the forecast {forecast}: {allowed}")
    }

    /// The sentence, with both quantities where the receipt has them.
    fn differs(&self, sentence: &str) -> String {
        let (limit, found) = (self.words(self.refusal.limit), self.words(self.refusal.found));
        match (self.refusal.limit, self.refusal.found) {
            (Quantity::None, Quantity::None) => sentence.to_owned(),
            (_, Quantity::None) => format!("{sentence}: {limit} expected"),
            (Quantity::None, _) => format!("{sentence}: {found}"),
            _ => format!("{sentence}: {limit} expected, {found} found"),
        }
    }

    fn input(&self, name: InputName) -> Option<Quantity> {
        self.refusal.inputs.iter().find(|input| input.name == name).map(|input| input.quantity)
    }

    /// The asset that the rule looked at.
    fn asset(&self) -> String {
        self.input(InputName::Asset).map_or_else(|| "an asset".to_owned(), |asset| self.words(asset))
    }

    /// The group of assets that the rule looked at.
    fn group(&self) -> String {
        self.name_of(InputName::Group)
    }

    /// The venue that the rule looked at.
    fn venue(&self) -> String {
        self.name_of(InputName::Venue)
    }

    /// What of a payment differs from its budget line.
    fn payment(&self, limit: &str, found: &str) -> String {
        let line = self.line();
        match self.refusal.limit {
            Quantity::Account(_) => format!("the budget line {line} is paid by {limit}, this by {found}"),
            Quantity::Address(_) => format!("the budget line {line} pays {limit}, this pays {found}"),
            Quantity::Asset(_) => format!("the budget line {line} is paid in {limit}, this in {found}"),
            Quantity::Amount(_) => format!("the budget line {line} pays {limit} a period, this pays {found}"),
            _ => format!("the budget line {line} is paid once a period, and this is for none"),
        }
    }

    /// Name of the budget line that the rule looked at.
    fn line(&self) -> String {
        match self.input(InputName::Line) {
            Some(Quantity::Hash(line)) => line_name(self.terms, line),
            _ => "*".to_owned(),
        }
    }

    /// Name of the counterparty that the rule looked at.
    fn receiver(&self) -> String {
        match self.input(InputName::Counterparty) {
            Some(Quantity::Address(to)) => {
                self.terms.counterparty_at(to).map_or_else(|| to.to_string(), |it| plain(&it.name))
            }
            _ => "*".to_owned(),
        }
    }

    fn name_of(&self, name: InputName) -> String {
        self.input(name).map_or_else(|| "*".to_owned(), |named| self.words(named))
    }

    fn reserves(&self) -> impl Iterator<Item = Vault> {
        self.terms.vaults().filter(|vault| matches!(vault.kind, VenueKind::AaveV3 { .. }))
    }

    /// Whether what the policy wants is the aToken of an Aave Pool.
    fn is_reserve(&self) -> bool {
        let mut tokens = self.reserves().filter_map(|vault| self.terms.asset(vault.shares));
        tokens.any(|token| self.refusal.limit == Quantity::Address(token.address))
    }

    /// Whether it is about an exchange at an Aave Pool.
    fn is_at_pool(&self) -> bool {
        let venue = self.input(InputName::Counterparty);
        self.reserves().any(|vault| venue == Some(Quantity::Address(vault.address)))
    }

    fn limit_time(&self) -> String {
        self.time(self.refusal.limit)
    }

    fn found_time(&self) -> String {
        self.time(self.refusal.found)
    }

    fn time(&self, quantity: Quantity) -> String {
        match quantity {
            Quantity::Secs(at) => Utc(at).to_string(),
            other => self.words(other),
        }
    }

    fn words(&self, quantity: Quantity) -> String {
        match quantity {
            Quantity::None => "nothing".to_owned(),
            Quantity::Bps(bps) => share(bps),
            Quantity::Value(value) => format!("{} USD", wad(value.to_u256())),
            Quantity::Amount(amount) => self.tokens(amount),
            Quantity::Secs(secs) => span(secs),
            Quantity::Count(count) => count.to_string(),
            Quantity::Address(address) => party(self.terms, address),
            Quantity::Hash(hash) => hash.to_string(),
            Quantity::Asset(id) => self.symbol(id),
            Quantity::Account(id) => self.account(id),
            Quantity::Group(id) => {
                let group = self.terms.group(id);
                group.map_or_else(|| format!("group {} of the policy", id.0), |group| plain(&group.name))
            }
            Quantity::Venue(id) => {
                let venue = self.terms.venue(id);
                venue.map_or_else(|| format!("venue {} of the policy", id.0), |venue| plain(&venue.name))
            }
        }
    }

    /// An amount of the asset that the rule looked at.
    fn tokens(&self, amount: Amount) -> String {
        let asset = match self.input(InputName::Asset) {
            Some(Quantity::Asset(id)) => self.terms.asset(id),
            _ => None,
        };
        match asset {
            Some(it) => format!("{} {}", whole_tokens(amount.to_u256(), it.decimals), plain(&it.symbol)),
            None => format!("{} base units", whole_tokens(amount.to_u256(), 0)),
        }
    }

    fn symbol(&self, id: AssetId) -> String {
        self.terms.asset(id).map_or_else(|| format!("asset {} of the policy", id.0), |asset| plain(&asset.symbol))
    }

    fn account(&self, id: AccountId) -> String {
        let account = self.terms.account(id);
        account.map_or_else(|| format!("account {} of the policy", id.0), |account| plain(&account.name))
    }
}

#[cfg(test)]
mod tests;
