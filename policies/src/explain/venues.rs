//! Where it may trade, at which loss, and whom it may pay.

use super::{Section, Told};
use quaestor_core::{Pool, Rule, Venue, VenueKind, amount::BPS_FACTOR, policy::Counterparty, words};

pub(super) fn section(told: &Told<'_>) -> Section {
    let mut section = Section::new("Where it may trade, and whom it may pay");
    for venue in &told.terms.venues {
        say_venue(told, &mut section, venue);
    }
    let key = "limits.slippage_bps_max";
    let bps = told.terms.limits.slippage_bps_max;
    let text = format!(
        "A trade, deposit or redemption must bring at least {} of the worth of what is given: {} may be lost, fees \
         included. A batch that would lose more is not proposed.",
        words::share(BPS_FACTOR.saturating_sub(bps)),
        words::share(bps)
    );
    section.say(text, &[key], &[Rule::SlippageBpsMax]);
    if told.terms.vaults().next().is_some() {
        section.say(
            "Of a vault that is checked when a deposit or redemption is proposed and again while it waits, but nothing holds \
             the vault to it in the block in which the owners execute; and what a vault says of its own rate is believed.",
            &[key],
            &[],
        );
    }
    for receiver in &told.terms.counterparties {
        say_receiver(&mut section, receiver);
    }
    section
}

fn say_receiver(section: &mut Section, receiver: &Counterparty) {
    let Counterparty { name, address, proposal_bps_max, window_bps_max } = receiver;
    let key = format!("counterparties.{name}");
    let [hour, day, week, month] = *window_bps_max;
    let caps = [
        (*proposal_bps_max, "in one proposal", Rule::CounterpartyProposalBpsMax, "proposal_bps_max"),
        (hour, "in any hour", Rule::CounterpartyHourBpsMax, "hour_bps_max"),
        (day, "in any 24 hours", Rule::CounterpartyDayBpsMax, "day_bps_max"),
        (week, "in any seven days", Rule::CounterpartyWeekBpsMax, "week_bps_max"),
        (month, "in any thirty days", Rule::CounterpartyMonthBpsMax, "month_bps_max"),
    ];
    let set = || caps.iter().filter(|(bps, ..)| *bps != u64::MAX);
    let told: Vec<String> = set().map(|(bps, when, ..)| format!("{} {when}", words::share(*bps))).collect();
    let most = match told.is_empty() {
        true => " No caps but those of everything bound what it is paid.".to_owned(),
        false => {
            format!(" Of the treasury it is paid at most {}.", words::list(told.iter().map(String::as_str), "and"))
        }
    };
    let keys: Vec<String> =
        set().map(|(.., cap)| format!("{key}.{cap}")).chain([key.clone(), format!("{key}.address")]).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let rules: Vec<Rule> = caps.iter().map(|(_, _, rule, _)| *rule).chain([Rule::CounterpartyListed]).collect();
    section.say(format!("{name}, who may be paid, is {address}.{most}"), &keys, &rules);
}

fn say_venue(told: &Told<'_>, section: &mut Section, venue: &Venue) {
    let Venue { name, kind, address, code_hash, pools, share_bps_max, price_impact_bps_max } = venue;
    let key = |key: &str| format!("venues.{name}.{key}");
    let symbol = |asset| told.terms.symbol_of(asset);
    match kind {
        VenueKind::UniswapV3 => {
            let pool = |Pool { a, b, fee_pips }: &Pool| {
                format!("{} and {} at a fee of {}", symbol(*a), symbol(*b), words::fee(*fee_pips))
            };
            let text = format!(
                "{name} is the router of Uniswap v3 at {address}. It trades, in both directions, {}.",
                words::list(pools.iter().map(pool), "and")
            );
            section.say(text, &[&key("kind"), &key("address"), &key("pools")], &[Rule::VenueListed]);
            let impact = match price_impact_bps_max {
                None => format!("How far a trade pushes the price in a pool of {name} is bounded by its loss alone."),
                Some(bps) => format!(
                    "A trade in {name} stops where the pool's own price would be more than {} worse than that of the feeds; \
                     the pool holds it to that when it executes, and what was not traded stays.",
                    words::share(*bps)
                ),
            };
            section.say(impact, &[&key("price_impact_bps_max")], &[]);
        }
        VenueKind::Erc4626 { asset, shares } => {
            let text = format!(
                "{name} is the vault (ERC-4626) at {address}. It takes {asset} and gives {shares}; if it said that it takes \
                 another asset, nothing would be proposed.",
                asset = symbol(*asset),
                shares = symbol(*shares)
            );
            let rules = [Rule::VenueListed, Rule::VaultAsset];
            section.say(text, &[&key("kind"), &key("address"), &key("asset")], &rules);
        }
        VenueKind::AaveV3 { asset, shares } => {
            let text = format!(
                "{name} is the Pool of Aave v3 at {address}. {asset} may be supplied to it for {shares}, and withdrawn for \
                 them; if it said that {asset} has another aToken, nothing would be proposed. While it has frozen or paused \
                 {asset} what would be supplied or withdrawn fails in the dry run.",
                asset = symbol(*asset),
                shares = symbol(*shares)
            );
            let rules = [Rule::VenueListed, Rule::VaultAsset];
            section.say(text, &[&key("kind"), &key("address"), &key("asset")], &rules);
        }
    }
    if kind.vault().is_some() {
        let most = match share_bps_max {
            None => format!("Any share of the treasury may lie in {name}."),
            Some(bps) => {
                format!("A deposit may not bring what lies in {name} above {} of the treasury.", words::share(*bps))
            }
        };
        section.say(most, &[&key("share_bps_max")], &[Rule::VenueShareBpsMax]);
    }
    let proxy = match kind {
        VenueKind::AaveV3 { .. } => " That is the code of a proxy: Aave's governance may change what stands behind it.",
        VenueKind::UniswapV3 | VenueKind::Erc4626 { .. } => "",
    };
    let text = format!("If the code of {name} had another hash than {code_hash}, nothing would be proposed.{proxy}");
    section.say(text, &[&key("code_hash")], &[Rule::VenueCodeHash]);
}
