//! What the treasury may hold, and in which shares.

use super::{Section, Told};
use quaestor_core::{
    Asset, AssetId, AssetKind, Rule, VenueKind,
    policy::{Band, Delegates, Group},
    words,
};

pub(super) fn section(told: &Told<'_>) -> Section {
    let mut section = Section::new("What the treasury holds");
    let ids = (0..told.terms.assets.len()).filter_map(|place| u16::try_from(place).ok().map(AssetId));
    for (id, asset) in ids.clone().zip(&told.terms.assets) {
        say_asset(told, &mut section, id, asset);
    }
    let text = "It touches no other asset, and nothing at all if a token has other decimals than it has here.";
    section.say(text, &["assets"], &[Rule::AssetListed, Rule::AssetDecimals]);
    say_unpinned(told, &mut section);
    say_coin(told, &mut section);
    say_delegates(told, &mut section);
    for id in ids {
        say_band(told, &mut section, id);
    }
    if !told.terms.bands.is_empty() {
        section.say(
            "These shares bind trades, deposits and redemptions, before and after them. Prices and payments may still \
             take a share outside, and what leads back is allowed.",
            &["allocation"],
            &[Rule::AllocationMin, Rule::AllocationMax],
        );
    }
    for group in &told.terms.groups {
        say_group(told, &mut section, group);
    }
    say_native(told, &mut section);
    say_stable(told, &mut section);
    section
}

fn say_asset(told: &Told<'_>, section: &mut Section, id: AssetId, asset: &Asset) {
    let Asset { symbol, address, decimals, kind, feeds, staleness_secs_max, code_hash } = asset;
    let key = |key: &str| format!("assets.{symbol}.{key}");
    let what = match kind {
        AssetKind::Stable => "a stable asset, meant to keep the worth of a dollar",
        AssetKind::Native => "the DAO's own token",
        AssetKind::Volatile => "a volatile asset",
    };
    if let Some(vault) = told.terms.vault_of(id) {
        let name = told.terms.venue(vault.venue).map_or("", |venue| venue.name.as_str());
        let of = told.terms.symbol_of(vault.asset);
        if let VenueKind::AaveV3 { .. } = vault.kind {
            let text = format!(
                "{symbol} are the aTokens of {of} in the Pool {name}, at {address}, with {decimals} decimals: like {of} {what}. \
                 Each is worth one {of}; what they earn makes them more."
            );
            section.say(text, &[&key("vault"), &key("address"), &key("decimals")], &[]);
            return;
        }
        let text = format!(
            "{symbol} are the shares of the vault {name}, with {decimals} decimals: like {of} {what}. A share is worth \
             the {of} that the vault gives for it."
        );
        section.say(text, &[&key("vault"), &key("decimals")], &[]);
        return;
    }
    let feeds = words::list(feeds.iter().map(ToString::to_string), "and");
    let text = format!(
        "{symbol} is {what}, at {address}, with {decimals} decimals. Its price comes from {feeds}; one older than {} is no \
         price.",
        words::duration(*staleness_secs_max)
    );
    let keys = ["kind", "address", "decimals", "feeds", "staleness_max"].map(key);
    section.say(text, &keys.each_ref().map(String::as_str), &[]);
    if let Some(code_hash) = code_hash {
        let text = format!(
            "If the code of {symbol} had another hash than {code_hash}, nothing would be proposed. Where that is the code of a \
             proxy, whoever runs the token may change what stands behind it."
        );
        section.say(text, &[&key("code_hash")], &[Rule::AssetCodeHash]);
    }
    for (place, twap) in told.terms.twaps.iter().filter(|twap| twap.asset == id).enumerate() {
        let text = format!(
            "Its price is also read from the pool (Uniswap v3) at {}: the mean of {} up to the decision, against {}.",
            twap.pool,
            words::duration(u64::from(twap.window_secs)),
            told.terms.symbol_of(twap.quote)
        );
        let keys = ["pool", "quote", "window"].map(|part| format!("{}[{place}].{part}", key("twaps")));
        section.say(text, &keys.each_ref().map(String::as_str), &[]);
    }
}

/// Of which tokens any code is taken. The shares of a vault are its own, whose code the venue pins.
fn say_unpinned(told: &Told<'_>, section: &mut Section) {
    let is_any = |asset: &&Asset| asset.code_hash.is_none() && !asset.feeds.is_empty();
    let tokens: Vec<&str> = told.terms.assets.iter().filter(is_any).map(|asset| asset.symbol.as_str()).collect();
    let text = match tokens.as_slice() {
        [] => return,
        [_, ..] if tokens.len() == told.terms.assets.len() => {
            "It calls every token at its address, whatever code is there.".to_owned()
        }
        some => format!(
            "It calls {}, each at its address, whatever code is there.",
            words::list(some.iter().copied(), "and")
        ),
    };
    section.say(text, &["assets"], &[Rule::AssetCodeHash]);
}

/// Into what the coin of the chain may be wrapped.
fn say_coin(told: &Told<'_>, section: &mut Section) {
    let Some(asset) = told.terms.wrapped_coin else {
        let text = "It does nothing with the coin of the chain, which counts for nothing here.";
        section.say(text, &["assets"], &[Rule::WrapListed]);
        return;
    };
    let symbol = told.terms.symbol_of(asset);
    let text = format!(
        "What an account has of the coin of the chain counts for nothing here until it is wrapped into {symbol}, one for one; \
         it may be wrapped into nothing else."
    );
    section.say(text, &[&format!("assets.{symbol}.wrapped_coin")], &[Rule::WrapListed]);
}

/// To whom votes may be delegated.
fn say_delegates(told: &Told<'_>, section: &mut Section) {
    for Delegates { asset, to } in &told.terms.delegates {
        let symbol = told.terms.symbol_of(*asset);
        let to: Vec<String> = to.iter().map(ToString::to_string).collect();
        let to = words::list(to.iter().map(String::as_str), "or");
        let text = format!("Votes of {symbol} may be delegated to {to}; the tokens stay where they are.");
        section.say(text, &[&format!("assets.{symbol}.delegates")], &[Rule::DelegateListed]);
    }
    let text = match told.terms.delegates.is_empty() {
        true => "It delegates no votes.",
        false => "It delegates votes to nobody else.",
    };
    section.say(text, &["assets"], &[Rule::DelegateListed]);
}

fn say_band(told: &Told<'_>, section: &mut Section, id: AssetId) {
    let symbol = told.terms.symbol_of(id);
    let Some(band) = told.terms.bands.iter().find(|band| band.asset == id) else {
        let text = format!("{symbol} may have any share of the treasury.");
        section.say(text, &[&format!("allocation.{symbol}")], &[]);
        return;
    };
    let Band { asset: _, min_bps, target_bps, max_bps } = *band;
    let floor = match min_bps {
        0 => "may sell all of it".to_owned(),
        bps => format!("may not take it below {}", words::share(bps)),
    };
    let text = format!(
        "{symbol} should be {} of the treasury. A sale {floor}, a purchase may not take it above {}.",
        words::share(target_bps),
        words::share(max_bps)
    );
    let keys = ["min_bps", "target_bps", "max_bps"].map(|key| format!("allocation.{symbol}.{key}"));
    section.say(text, &keys.each_ref().map(String::as_str), &[Rule::AllocationMin, Rule::AllocationMax]);
}

fn say_group(told: &Told<'_>, section: &mut Section, group: &Group) {
    let Group { name, assets, min_bps, max_bps } = group;
    let floor = match min_bps {
        0 => "may sell all of it".to_owned(),
        bps => format!("may not take it below {}", words::share(*bps)),
    };
    let text = format!(
        "{} together are the group {name}: a sale {floor}, a purchase may not take it above {} of the treasury.",
        words::list(assets.iter().map(|asset| told.terms.symbol_of(*asset)), "and"),
        words::share(*max_bps)
    );
    let keys = ["assets", "min_bps", "max_bps"].map(|key| format!("groups.{name}.{key}"));
    section.say(text, &keys.each_ref().map(String::as_str), &[Rule::GroupMin, Rule::GroupMax]);
}

fn say_native(told: &Told<'_>, section: &mut Section) {
    let key = "limits.native_share_bps_max";
    let text = match told.terms.limits.native_share_bps_max {
        u64::MAX => "The DAO's own token may have any share of the treasury.".to_owned(),
        bps => format!("No purchase may take the DAO's own token above {} of the treasury.", words::share(bps)),
    };
    section.say(text, &[key], &[Rule::NativeShareBpsMax]);
}

fn say_stable(told: &Told<'_>, section: &mut Section) {
    let key = "limits.stable_share_bps_min";
    let stable = told.terms.assets.iter().filter(|asset| asset.kind == AssetKind::Stable);
    match told.terms.limits.stable_share_bps_min {
        0 => section.say("No share of the treasury has to stay in stable assets.", &[key], &[]),
        bps => {
            let text = format!(
                "At least {} of the treasury stays in stable assets ({}): a payment or trade that would leave less is \
                 refused, unless it lowers that share no further.",
                words::share(bps),
                words::list(stable.map(|asset| asset.symbol.as_str()), "and")
            );
            section.say(text, &[key], &[Rule::StableShareBpsMin]);
        }
    }
}
