//! Writes a policy file that a DAO can start from, out of facts about it.

use crate::{
    print::{quoted, written},
    read::values::{duration_text, time_text},
};
use alloy_primitives::Address;
use quaestor_core::{
    Account, Asset, AssetId, AssetKind, Caip10, Limits, Route, Value, Venue, VenueKind,
    policy::{Band, ModelFallback, ModelTerms, OnBreach, RiskTerms, Schedule},
    strategy::ParamValue,
};

/// What a starting policy is written from. [`AssetId`]s of bands and pools are positions in `assets`, in any order.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Name of the policy.
    pub name: String,
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The `PolicyRegistry`.
    pub registry: Address,
    /// The `EmergencyBrake`.
    pub brake: Address,
    /// The `DecisionGate`.
    pub gate: Address,
    /// From this Unix time on it permits nothing; before the year 10000.
    pub expires_at: u64,
    /// When decisions are due.
    pub schedule: Schedule,
    /// How long a proposal lives, seconds; `None`: as long as `limits` allows.
    pub validity_secs: Option<u64>,
    /// The treasury's accounts.
    pub accounts: Vec<Account>,
    /// The assets.
    pub assets: Vec<Asset>,
    /// Bands.
    pub bands: Vec<Band>,
    /// The numbers of the envelope. `slippage_bps_max` and `validity_secs_max` must be set.
    pub limits: Limits,
    /// What it says of risk.
    pub risk: RiskTerms,
    /// Venues with their pools.
    pub venues: Vec<Venue>,
    /// Receivers beside the treasury's own accounts, by name.
    pub counterparties: Vec<(String, Address)>,
    /// Strategies, in the order in which they act.
    pub strategies: Vec<StrategyFacts>,
}

/// A strategy of a starting policy.
#[derive(Debug, Clone)]
pub struct StrategyFacts {
    /// Name in the policy.
    pub name: String,
    /// Its kind in the catalogue.
    pub kind: String,
    /// What it does, in a sentence; written as a comment above it.
    pub about: String,
    /// Its parameters, in the order in which they are written.
    pub params: Vec<(String, ParamValue)>,
}

/// A commented policy file. It parses to what `facts` say, provided that they go together; the caller checks that with
/// [`crate::parse`] before anyone votes on it.
pub fn starting_policy(facts: &Facts) -> String {
    let mut page = Page { facts, text: String::new() };
    page.head();
    page.accounts();
    page.assets();
    page.allocation();
    page.limits();
    page.risk();
    page.venues();
    page.counterparties();
    page.strategies();
    page.text
}

struct Page<'f> {
    facts: &'f Facts,
    text: String,
}

impl Page<'_> {
    fn line(&mut self, line: impl AsRef<str>) {
        self.text.push_str(line.as_ref());
        self.text.push('\n');
    }

    /// A comment, broken at the width of a page.
    fn comment(&mut self, words: &str) {
        let mut line = String::from("#");
        for word in words.split_whitespace() {
            if line.len() + 1 + word.len() > 96 {
                self.line(&line);
                line = String::from("#");
            }
            line.push(' ');
            line.push_str(word);
        }
        self.line(line);
    }

    fn section(&mut self, title: &str, words: &str) {
        self.line("");
        self.comment(words);
        if !title.is_empty() {
            self.line(format!("[{title}]"));
        }
    }

    fn account_id(&self, address: Address) -> String {
        quoted(&Caip10 { chain_id: self.facts.chain_id, address }.to_string())
    }

    fn symbol(&self, asset: AssetId) -> String {
        self.facts.assets.get(asset.index()).map(|asset| asset.symbol.clone()).unwrap_or_default()
    }

    /// The vault whose shares the asset at `position` is.
    fn vault_of(&self, position: usize) -> Option<&Venue> {
        let is_its = |venue: &&Venue| venue.kind.vault().is_some_and(|(_, shares)| shares.index() == position);
        self.facts.venues.iter().find(is_its)
    }

    fn head(&mut self) {
        let facts = self.facts;
        self.comment(
            "What the agent may propose for this treasury; whatever is not allowed here is refused. The members vote on \
             the exact bytes of this file. Shares are in basis points: 100 is one percent.",
        );
        self.line("");
        self.line("[policy]");
        self.line("version = 1");
        self.line(format!("name = {}", quoted(&facts.name)));
        self.line(format!("chain = \"eip155:{}\"", facts.chain_id));
        self.line(format!("registry = {}", self.account_id(facts.registry)));
        self.line(format!("brake = {}", self.account_id(facts.brake)));
        self.line(format!("gate = {}", self.account_id(facts.gate)));
        let expires = quoted(&time_text(facts.expires_at).unwrap_or_default());
        self.line(format!("expires = {expires} # from then on nothing is permitted"));
        match &facts.schedule {
            Schedule::Cron(line) => {
                self.line(format!("schedule = {} # second, minute, hour, day, month, day of week; UTC", quoted(line)));
            }
            Schedule::EveryBlocks(blocks) => self.line(format!("every_blocks = {blocks} # decides at each multiple")),
        }
        if let Some(secs) = facts.validity_secs {
            self.line(format!("validity = {} # how long a proposal may be executed", quoted(&duration_text(secs))));
        }
    }

    fn accounts(&mut self) {
        self.section("", "Where the treasury lies. A Safe is moved by its owners, a timelock by the members' vote.");
        for (position, account) in self.facts.accounts.iter().enumerate() {
            if position > 0 {
                self.line("");
            }
            self.line(format!("[accounts.{}]", account.name));
            match &account.route {
                Route::Safe => {
                    self.line("kind = \"safe\"");
                    self.line(format!("address = {}", self.account_id(account.address)));
                }
                Route::Governor { governor, proposer } => {
                    self.line("kind = \"governor\"");
                    self.line(format!("address = {} # the timelock", self.account_id(account.address)));
                    self.line(format!("governor = {}", self.account_id(*governor)));
                    self.line(format!(
                        "proposer = {} # the one operator who proposes here",
                        self.account_id(*proposer)
                    ));
                }
            }
        }
    }

    fn assets(&mut self) {
        self.section("", "What the treasury may hold. A price older than `staleness_max` is no price.");
        for (position, asset) in self.facts.assets.iter().enumerate() {
            if position > 0 {
                self.line("");
            }
            let kind = match asset.kind {
                AssetKind::Stable => "stable",
                AssetKind::Native => "native",
                AssetKind::Volatile => "volatile",
            };
            let feeds: Vec<String> = asset.feeds.iter().map(|feed| self.account_id(*feed)).collect();
            self.line(format!("[assets.{}]", asset.symbol));
            if let Some(vault) = self.vault_of(position) {
                let name = quoted(&vault.name);
                if let VenueKind::AaveV3 { .. } = vault.kind {
                    self.line(format!("vault = {name} # its aTokens, each worth one of the asset"));
                    self.line(format!("address = {}", self.account_id(asset.address)));
                } else {
                    self.line(format!("vault = {name} # its shares, worth what the vault says"));
                }
                self.line(format!("decimals = {}", asset.decimals));
                continue;
            }
            self.line(format!("kind = \"{kind}\""));
            self.line(format!("address = {}", self.account_id(asset.address)));
            if let Some(code_hash) = asset.code_hash {
                self.line(format!("code_hash = \"{code_hash}\""));
            }
            self.line(format!("decimals = {}", asset.decimals));
            self.line(format!("feeds = [{}]", feeds.join(", ")));
            self.line(format!("staleness_max = {}", quoted(&duration_text(asset.staleness_secs_max))));
        }
    }

    fn allocation(&mut self) {
        if self.facts.bands.is_empty() {
            return;
        }
        self.section("", "Shares of the whole treasury, in basis points: the band, and where to return to.");
        let symbols: Vec<String> = self.facts.bands.iter().map(|band| self.symbol(band.asset)).collect();
        self.line("[allocation]");
        for (band, symbol) in self.facts.bands.iter().zip(symbols) {
            let Band { min_bps, target_bps, max_bps, .. } = band;
            let inner = format!("min_bps = {min_bps}, target_bps = {target_bps}, max_bps = {max_bps}");
            self.line(format!("{symbol} = {{ {inner} }}"));
        }
    }

    fn limits(&mut self) {
        let limits = &self.facts.limits;
        let words = "The numbers that are anchored on chain. A vote that only narrows them is in force at once; any other \
                     change waits its delay.";
        self.section("limits", words);
        let [hour, day, week, month] = limits.window_bps_max;
        let caps = [
            ("proposal_bps_max", limits.proposal_bps_max, "of the treasury's value, in one proposal"),
            ("hour_bps_max", hour, "in any hour"),
            ("day_bps_max", day, "in any 24 hours"),
            ("week_bps_max", week, "in any seven days"),
            ("month_bps_max", month, "in any thirty days"),
            ("slippage_bps_max", limits.slippage_bps_max, "that a swap may bring less than the oracle says"),
        ];
        for (key, bps, about) in caps {
            if bps != u64::MAX {
                self.line(format!("{key} = {bps} # {about}"));
            }
        }
        if limits.price_age_secs_max != u64::MAX {
            self.line(format!("price_age_max = {}", quoted(&duration_text(limits.price_age_secs_max))));
        }
        if limits.price_deviation_bps_max != u64::MAX {
            let bps = limits.price_deviation_bps_max;
            self.line(format!("price_deviation_bps_max = {bps} # a feed further from the median is dropped"));
        }
        if limits.price_quorum_min != 0 {
            self.line(format!("price_quorum_min = {} # usable feeds that each asset needs", limits.price_quorum_min));
        }
        if limits.proposals_per_day_max != u64::MAX {
            self.line(format!("proposals_per_day_max = {}", limits.proposals_per_day_max));
        }
        if limits.cooldown_secs_min != 0 {
            let cooldown = quoted(&duration_text(limits.cooldown_secs_min));
            self.line(format!("cooldown_min = {cooldown} # between two proposals"));
        }
        if limits.validity_secs_max != u64::MAX {
            self.line(format!("validity_max = {}", quoted(&duration_text(limits.validity_secs_max))));
        }
        if limits.native_share_bps_max != u64::MAX {
            let bps = limits.native_share_bps_max;
            self.line(format!("native_share_bps_max = {bps} # of the treasury may be bought in the DAO's own token"));
        }
        if limits.stable_share_bps_min != 0 {
            let bps = limits.stable_share_bps_min;
            self.line(format!("stable_share_bps_min = {bps} # of the treasury stays in stable assets"));
        }
    }

    fn risk(&mut self) {
        let risk = self.facts.risk.clone();
        let words = match risk.on_breach {
            OnBreach::OnlyReduce => {
                "Above a ceiling only what reduces risk is allowed. The rounds are the price history."
            }
            OnBreach::Hold => "Above a ceiling nothing is allowed. The rounds are the price history.",
        };
        self.section("risk", words);
        let ceilings = [
            ("volatility_bps_max", risk.volatility_bps_max, "of the whole treasury, a year"),
            ("value_at_risk_bps_max", risk.value_at_risk_bps_max, "of the whole treasury, over the model's horizon"),
            ("expected_shortfall_bps_max", risk.expected_shortfall_bps_max, "the mean loss beyond that"),
            ("drawdown_probability_bps_max", risk.drawdown_probability_bps_max, "within the model's horizon"),
        ];
        for (key, ceiling, about) in ceilings {
            if let Some(bps) = ceiling {
                self.line(format!("{key} = {bps} # {about}"));
            }
        }
        if risk.on_breach == OnBreach::Hold {
            self.line("on_breach = \"hold\"");
        }
        if risk.fallback == ModelFallback::Hold {
            self.line("fallback = \"hold\" # without the model nothing is proposed");
        }
        if risk.burn_monthly > Value::ZERO {
            let burn = quoted(&format!("{} USD", risk.burn_monthly.display()));
            self.line(format!("burn_monthly = {burn} # what the DAO pays in thirty days"));
        }
        if let Some(permille) = risk.epsilon_permille_year_max {
            let epsilon = quoted(&format!("{}.{:03}", permille / 1_000, permille % 1_000));
            self.line(format!("epsilon_year_max = {epsilon} # privacy that training may spend on a record"));
        }
        self.line(format!("history_rounds = {}", risk.history_rounds));
        if risk.history_step_secs > 0 {
            let step = quoted(&duration_text(risk.history_step_secs));
            self.line(format!("history_step = {step} # how far apart these lie, where a feed posts more often"));
        }
        let has_vaults = self.facts.venues.iter().any(|venue| venue.kind.vault().is_some());
        if has_vaults && risk.rate_lookback_blocks != 0 {
            let blocks = risk.rate_lookback_blocks;
            self.line(format!("rate_lookback_blocks = {blocks} # over which a vault's rate is measured"));
        }
        match risk.model {
            ModelTerms::Ewma => {}
            ModelTerms::File { hash, age_secs_max } => {
                self.section("risk.model", "The model that forecasts: a file that anyone can check against its hash.");
                self.line("kind = \"file\"");
                self.line(format!("hash = \"{hash}\""));
                self.line(format!("age_max = {}", quoted(&duration_text(age_secs_max))));
            }
            ModelTerms::Trained { schedule, age_secs_max, auc_bps_min } => {
                self.section(
                    "risk.model",
                    "The model that forecasts: the newest trained here that scores well enough.",
                );
                self.line("kind = \"trained\"");
                self.line(format!("schedule = {}", quoted(&schedule)));
                self.line(format!("age_max = {}", quoted(&duration_text(age_secs_max))));
                self.line(format!("auc_bps_min = {auc_bps_min} # of its drawdown probabilities, on later data"));
            }
        }
    }

    fn venues(&mut self) {
        if self.facts.venues.is_empty() {
            return;
        }
        self.section("", "Where it may trade: these contracts with this very code, and these pools.");
        for (position, venue) in self.facts.venues.iter().enumerate() {
            if position > 0 {
                self.line("");
            }
            let kind = match venue.kind {
                VenueKind::UniswapV3 => "uniswap-v3",
                VenueKind::Erc4626 { .. } => "erc-4626",
                VenueKind::AaveV3 { .. } => "aave-v3",
            };
            self.line(format!("[venues.{}]", venue.name));
            self.line(format!("kind = \"{kind}\""));
            self.line(format!("address = {}", self.account_id(venue.address)));
            self.line(format!("code_hash = \"{}\"", venue.code_hash));
            if let Some((asset, _)) = venue.kind.vault() {
                self.line(format!("asset = {}", quoted(&self.symbol(asset))));
                if let Some(bps) = venue.share_bps_max {
                    self.line(format!("share_bps_max = {bps} # of the treasury may be deposited there"));
                }
                continue;
            }
            self.line("pools = [");
            for pool in &venue.pools {
                let (a, b) = (quoted(&self.symbol(pool.a)), quoted(&self.symbol(pool.b)));
                self.line(format!("  {{ pair = [{a}, {b}], fee_pips = {} }},", pool.fee_pips));
            }
            self.line("]");
        }
    }

    fn counterparties(&mut self) {
        if self.facts.counterparties.is_empty() {
            return;
        }
        self.section("counterparties", "Who may be paid, beside the treasury's own accounts.");
        for (name, address) in &self.facts.counterparties {
            self.line(format!("{name} = {}", self.account_id(*address)));
        }
    }

    fn strategies(&mut self) {
        for strategy in &self.facts.strategies {
            self.section("[strategies]", &strategy.about);
            self.line(format!("name = {}", quoted(&strategy.name)));
            self.line(format!("kind = {}", quoted(&strategy.kind)));
            for (key, value) in &strategy.params {
                self.line(format!("{key} = {}", written(value)));
            }
        }
    }
}
