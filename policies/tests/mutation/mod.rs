//! Policies that differ from known ones in a few places, as people's drafts do.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::panic, reason = "each test uses its part")]

use alloy_primitives::{Address, keccak256};
use quaestor_core::{
    Caip10, Catalog, Intent, Strategy, StrategySpec,
    pipeline::Context,
    strategy::{Params, StrategyHold},
};
use quaestor_policies::{VotedPolicy, parse};
use toml::{Table, Value};

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
#[derive(Debug, Clone)]
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`, which is not zero.
    pub fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }

    pub fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    pub fn of<'a, T>(&mut self, among: &'a [T]) -> &'a T {
        &among[self.below(among.len() as u64) as usize]
    }
}

#[derive(Debug)]
struct Idle;

impl Strategy for Idle {
    fn propose(&self, _: &Context<'_>, _: &mut Vec<Intent>) -> Result<(), StrategyHold> {
        Ok(())
    }
}

/// Kinds of strategy that read their parameters and want nothing.
pub fn catalog() -> Catalog {
    let build: fn(&mut Params<'_>) -> Option<Box<dyn Strategy>> = |params| {
        let texts = ["account", "cash", "trade_min", "from", "to", "asset", "low", "target"];
        for key in texts {
            if params.has(key) {
                params.text(key);
            }
        }
        if params.has("count") {
            params.integer("count", 0, 1_000);
        }
        if params.has("list") {
            params.tables("list", 8, |entry| Some((entry.text("name")?, entry.integer("bps", 0, 10_000)?)));
        }
        if params.has("sources") {
            params.holdings("sources", 8);
        }
        Some(Box::new(Idle))
    };
    Catalog::new(["rebalance", "refill", "free"].map(|kind| StrategySpec { kind, summary: "Wants nothing", build }))
}

/// The texts that policies are mutated from: those of the library, and one with everything in it.
pub fn texts() -> [&'static str; 3] {
    [
        include_str!("../../library/balanced.toml"),
        include_str!("../../library/blue-chip-index.toml"),
        include_str!("rich.toml"),
    ]
}

pub fn read(text: &str) -> VotedPolicy {
    parse(text.as_bytes(), &catalog()).unwrap_or_else(|problems| panic!("{problems}\n{text}"))
}

/// `policy` with `edits` places changed, all of them in a way that the language allows; each is tried until one is.
pub fn mutated(dice: &mut Dice, text: &str, edits: u64) -> (VotedPolicy, String) {
    let mut found = (read(text), text.to_owned());
    let mut left = edits;
    for _ in 0..200 {
        if left == 0 {
            break;
        }
        let mut table: Table = found.1.parse().unwrap();
        edit(dice, &mut table);
        let next = toml::to_string(&table).unwrap();
        if next != found.1
            && let Ok(policy) = parse(next.as_bytes(), &catalog())
        {
            found = (policy, next);
            left -= 1;
        }
    }
    found
}

fn account(dice: &mut Dice) -> Value {
    let address = Address::from_word(keccak256(dice.below(12).to_be_bytes()));
    Value::String(Caip10 { chain_id: 1, address }.to_string())
}

fn section<'t>(table: &'t mut Table, name: &str) -> &'t mut Table {
    table.entry(name).or_insert_with(|| Value::Table(Table::new())).as_table_mut().unwrap()
}

/// The name of one entry of a section.
fn one(dice: &mut Dice, table: &Table, name: &str) -> Option<String> {
    let names: Vec<&String> = table.get(name)?.as_table()?.keys().collect();
    (!names.is_empty()).then(|| (*dice.of(&names)).clone())
}

/// A number near the one that is there, or another.
fn number(dice: &mut Dice, found: Option<i64>, most: i64) -> Value {
    let near = found.unwrap_or(most / 2);
    let next = match dice.below(4) {
        0 => near + 1 + dice.below(40) as i64,
        1 => near - 1 - dice.below(40) as i64,
        2 => dice.below(most as u64 + 1) as i64,
        _ => near * (5 + dice.below(11) as i64) / 10,
    };
    Value::Integer(next.clamp(0, most))
}

fn duration(dice: &mut Dice) -> Value {
    let unit = *dice.of(&["s", "m", "h", "d"]);
    Value::String(format!("{}{unit}", 1 + dice.below(90)))
}

fn edit(dice: &mut Dice, table: &mut Table) {
    match dice.below(30) {
        0..=6 => limit(dice, table),
        7..=9 => band(dice, table),
        10..=11 => ceiling(dice, table),
        12 => counterparty(dice, table),
        13 => pools(dice, table),
        14 => venue(dice, table),
        15..=16 => asset(dice, table),
        17 => accounts(dice, table),
        18..=20 => strategies(dice, table),
        21 => when(dice, table),
        22 => model(dice, table),
        23..=24 => group(dice, table),
        25 => cap(dice, table),
        26..=28 => payment(dice, table),
        _ => head(dice, table),
    }
}

const NUMBERS: [(&str, i64); 11] = [
    ("proposal_bps_max", 10_000),
    ("hour_bps_max", 1_000_000),
    ("day_bps_max", 1_000_000),
    ("week_bps_max", 1_000_000),
    ("month_bps_max", 1_000_000),
    ("slippage_bps_max", 9_999),
    ("price_deviation_bps_max", 10_000),
    ("proposals_per_day_max", 12),
    ("price_quorum_min", 3),
    ("stable_share_bps_min", 10_000),
    ("native_share_bps_max", 10_000),
];

fn limit(dice: &mut Dice, table: &mut Table) {
    if dice.one_in(16) {
        let choice = Value::String((*dice.of(&["drop", "hold"])).into());
        section(table, "oracles").insert("on_disagreement".into(), choice);
        return;
    }
    let limits = section(table, "limits");
    if dice.one_in(4) {
        let key = *dice.of(&["price_age_max", "cooldown_min", "validity_max"]);
        if key != "validity_max" && dice.one_in(4) {
            limits.remove(key);
        } else {
            limits.insert(key.into(), duration(dice));
        }
        return;
    }
    let (key, most) = *dice.of(&NUMBERS);
    let found = limits.get(key).and_then(Value::as_integer);
    if key != "slippage_bps_max" && dice.one_in(5) {
        limits.remove(key);
    } else {
        limits.insert(key.into(), number(dice, found, most));
    }
}

fn band(dice: &mut Dice, table: &mut Table) {
    let Some(symbol) = one(dice, table, "assets") else { return };
    let bands = section(table, "allocation");
    if dice.one_in(5) {
        if bands.remove(&symbol).is_none() {
            let shares = [("min_bps", 0), ("target_bps", dice.below(500) as i64), ("max_bps", 5_000)];
            let band = shares.into_iter().map(|(key, bps)| (key.to_owned(), Value::Integer(bps)));
            bands.insert(symbol, Value::Table(band.collect()));
        }
        return;
    }
    let Some(Value::Table(band)) = bands.get_mut(&symbol) else { return };
    let key = *dice.of(&["min_bps", "target_bps", "max_bps"]);
    let found = band.get(key).and_then(Value::as_integer);
    band.insert(key.into(), number(dice, found, 10_000));
}

fn ceiling(dice: &mut Dice, table: &mut Table) {
    let key = *dice.of(&[
        "volatility_bps_max",
        "value_at_risk_bps_max",
        "expected_shortfall_bps_max",
        "drawdown_probability_bps_max",
        "on_breach",
        "burn_monthly",
        "epsilon_year_max",
        "history_rounds",
        "only_reduce",
    ]);
    if key == "only_reduce" {
        let kinds = ["transfers", "swaps", "redemptions"].into_iter().filter(|_| !dice.one_in(3));
        let kinds = kinds.map(|kind| Value::String(kind.into())).collect();
        section(table, "emergency").insert(key.into(), Value::Array(kinds));
        return;
    }
    let risk = section(table, "risk");
    if dice.one_in(4) {
        risk.remove(key);
        return;
    }
    let value = match key {
        "on_breach" => Value::String((*dice.of(&["hold", "only-reduce"])).into()),
        "burn_monthly" => Value::String(format!("{} USD", dice.below(200_000))),
        "epsilon_year_max" => Value::String(format!("{}.{}", dice.below(9), dice.below(100))),
        "history_rounds" => number(dice, Some(128), 512),
        _ => number(dice, risk.get(key).and_then(Value::as_integer), 10_000),
    };
    risk.insert(key.into(), value);
}

fn counterparty(dice: &mut Dice, table: &mut Table) {
    let known = one(dice, table, "counterparties");
    let others = section(table, "counterparties");
    match known {
        Some(name) if dice.one_in(3) => drop(others.remove(&name)),
        Some(name) if dice.one_in(3) => drop(others.insert(name, account(dice))),
        _ => drop(others.insert(format!("payee{}", dice.below(4)), account(dice))),
    }
}

/// A group, or the most that may lie in a vault.
fn group(dice: &mut Dice, table: &mut Table) {
    if dice.one_in(3) {
        let Some(Value::Table(vault)) = table.get_mut("venues").and_then(|venues| venues.get_mut("savings")) else {
            return;
        };
        let found = vault.get("share_bps_max").and_then(Value::as_integer);
        if dice.one_in(4) {
            vault.remove("share_bps_max");
        } else {
            vault.insert("share_bps_max".into(), number(dice, found, 10_000));
        }
        return;
    }
    let asset = one(dice, table, "assets").map(Value::String);
    let known = one(dice, table, "groups");
    let groups = section(table, "groups");
    match (known, asset) {
        (Some(name), _) if dice.one_in(6) => drop(groups.remove(&name)),
        (Some(name), Some(asset)) if dice.one_in(4) => {
            let Some(Value::Array(assets)) = groups[&name].get_mut("assets") else { return };
            match assets.iter().position(|known| *known == asset) {
                Some(place) => drop(assets.remove(place)),
                None => assets.push(asset),
            }
        }
        (Some(name), _) if dice.one_in(2) => {
            let key = *dice.of(&["min_bps", "max_bps"]);
            let found = groups[&name].get(key).and_then(Value::as_integer);
            groups[&name].as_table_mut().unwrap().insert(key.into(), number(dice, found, 10_000));
        }
        (_, Some(asset)) => {
            let group = [("assets", Value::Array(vec![asset])), ("max_bps", number(dice, Some(5_000), 10_000))];
            let group = group.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
            groups.insert(format!("group{}", dice.below(3)), Value::Table(group));
        }
        _ => {}
    }
}

/// What a receiver is paid at most.
fn cap(dice: &mut Dice, table: &mut Table) {
    let Some(name) = one(dice, table, "counterparties") else { return };
    let receivers = section(table, "counterparties");
    if let Value::String(address) = &receivers[&name] {
        let opened = [("address".to_owned(), Value::String(address.clone()))].into_iter().collect();
        receivers.insert(name.clone(), Value::Table(opened));
    }
    let key = *dice.of(&["proposal_bps_max", "hour_bps_max", "day_bps_max", "week_bps_max", "month_bps_max"]);
    let receiver = receivers[&name].as_table_mut().unwrap();
    let found = receiver.get(key).and_then(Value::as_integer);
    if dice.one_in(4) {
        receiver.remove(key);
    } else {
        receiver.insert(key.into(), number(dice, found.or(Some(400)), 10_000));
    }
}

/// A budget line.
fn payment(dice: &mut Dice, table: &mut Table) {
    let (account, to) = (one(dice, table, "accounts"), one(dice, table, "counterparties"));
    let Some(Value::Array(list)) = table.get_mut("payments") else { return };
    if list.is_empty() {
        return;
    }
    let at = dice.below(list.len() as u64) as usize;
    if dice.one_in(8) {
        list.remove(at);
        return;
    }
    if dice.one_in(8) {
        list.swap(at, 0);
        return;
    }
    let mut line = list[at].as_table().unwrap().clone();
    let asset = line["asset"].as_str().unwrap().to_owned();
    let (key, value) = match dice.below(9) {
        0 | 1 => ("amount", format!("{} {asset}", 1 + dice.below(200_000))),
        2 => ("every", (*dice.of(&["month", "quarter", "7d", "14d", "30d"])).to_owned()),
        3 => ("begin", format!("2027-0{}-01T00:00:00Z", 1 + dice.below(9))),
        4 => ("end", format!("202{}-0{}-01T00:00:00Z", 7 + dice.below(2), 1 + dice.below(9))),
        5 => ("account", account.unwrap()),
        6 => ("to", to.unwrap_or_default()),
        7 => ("name", format!("line{}", dice.below(4))),
        _ => {
            line.insert("catch_up".into(), Value::Integer(dice.below(4) as i64));
            list[at] = Value::Table(line);
            return;
        }
    };
    line.insert(key.into(), Value::String(value));
    if key == "name" { list.push(Value::Table(line)) } else { list[at] = Value::Table(line) }
}

fn pools(dice: &mut Dice, table: &mut Table) {
    let sides = (one(dice, table, "assets"), one(dice, table, "assets"));
    let Some(Value::Table(venue)) = table.get_mut("venues").and_then(|venues| venues.get_mut("uniswap")) else {
        return;
    };
    let Some(Value::Array(pools)) = venue.get_mut("pools") else { return };
    if dice.one_in(3) {
        pools.remove(dice.below(pools.len() as u64) as usize);
    } else if let (Some(a), Some(b)) = sides {
        let pair = Value::Array(vec![Value::String(a), Value::String(b)]);
        let fee = Value::Integer(*dice.of(&[100, 500, 3_000]));
        pools.push(Value::Table([("pair".to_owned(), pair), ("fee_pips".to_owned(), fee)].into_iter().collect()));
    }
}

fn venue(dice: &mut Dice, table: &mut Table) {
    let Some(name) = one(dice, table, "venues") else { return };
    let venues = section(table, "venues");
    match dice.below(3) {
        0 => drop(venues.remove(&name)),
        1 => {
            let hash = keccak256(dice.below(5).to_be_bytes());
            venues[&name].as_table_mut().unwrap().insert("code_hash".into(), Value::String(hash.to_string()));
        }
        _ => {
            let mut venue = venues[&name].clone();
            venue.as_table_mut().unwrap().insert("address".into(), account(dice));
            venues.insert(format!("{name}2"), venue);
        }
    }
}

fn asset(dice: &mut Dice, table: &mut Table) {
    let Some(name) = one(dice, table, "assets") else { return };
    let feed = account(dice);
    let assets = section(table, "assets");
    let mut asset = assets[&name].as_table().unwrap().clone();
    match dice.below(12) {
        11 => {
            let hash = keccak256(dice.below(5).to_be_bytes());
            if asset.remove("code_hash").is_none() || dice.one_in(2) {
                asset.insert("code_hash".into(), Value::String(hash.to_string()));
            }
            assets.insert(name, Value::Table(asset));
        }
        10 => {
            if asset.remove("wrapped_coin").is_none() {
                asset.insert("wrapped_coin".into(), Value::String("one-for-one".into()));
            }
            assets.insert(name, Value::Table(asset));
        }
        8 | 9 => {
            match asset.get_mut("delegates") {
                Some(Value::Array(to)) if to.len() > 1 => drop(to.remove(0)),
                Some(Value::Array(to)) => to.push(feed),
                _ => drop(asset.insert("delegates".into(), Value::Array(vec![feed]))),
            }
            assets.insert(name, Value::Table(asset));
        }
        6 | 7 => {
            let pool =
                [("pool", feed), ("quote", Value::String("USDC".into())), ("window", Value::String("30m".into()))];
            let pool = Value::Table(pool.into_iter().map(|(key, value)| (key.to_owned(), value)).collect());
            match asset.get_mut("twaps") {
                Some(Value::Array(pools)) if pools.len() > 1 => drop(pools.remove(0)),
                Some(Value::Array(pools)) => pools.push(pool),
                _ => drop(asset.insert("twaps".into(), Value::Array(vec![pool]))),
            }
            assets.insert(name, Value::Table(asset));
        }
        0 => drop(assets.remove(&name)),
        1 => {
            asset.insert("address".into(), account(dice));
            asset.insert("feeds".into(), Value::Array(vec![feed]));
            assets.insert(format!("{name}2"), Value::Table(asset));
        }
        2 => {
            asset.insert("kind".into(), Value::String((*dice.of(&["stable", "native", "volatile"])).into()));
            assets.insert(name, Value::Table(asset));
        }
        3 => {
            if let Some(Value::Array(feeds)) = asset.get_mut("feeds") {
                if dice.one_in(2) { feeds.push(feed) } else { drop(feeds.remove(0)) }
            }
            assets.insert(name, Value::Table(asset));
        }
        4 => {
            asset.insert("staleness_max".into(), duration(dice));
            assets.insert(name, Value::Table(asset));
        }
        _ => {
            asset.insert("decimals".into(), Value::Integer(*dice.of(&[6, 8, 18])));
            assets.insert(name, Value::Table(asset));
        }
    }
}

fn accounts(dice: &mut Dice, table: &mut Table) {
    let Some(name) = one(dice, table, "accounts") else { return };
    let (address, other) = (account(dice), account(dice));
    let accounts = section(table, "accounts");
    match dice.below(4) {
        0 => drop(accounts.remove(&name)),
        1 => {
            let safe = [("kind", Value::String("safe".into())), ("address", address)];
            let safe = safe.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
            accounts.insert(format!("vault{}", dice.below(3)), Value::Table(safe));
        }
        2 => drop(accounts[&name].as_table_mut().unwrap().insert("address".into(), address)),
        _ => {
            let account = accounts[&name].as_table_mut().unwrap();
            if account.contains_key("governor") {
                account.insert((*dice.of(&["governor", "proposer"])).into(), other);
            }
        }
    }
}

fn strategies(dice: &mut Dice, table: &mut Table) {
    let Some(Value::Array(list)) = table.get_mut("strategies") else { return };
    if list.is_empty() {
        return;
    }
    let at = dice.below(list.len() as u64) as usize;
    match dice.below(6) {
        0 => drop(list.remove(at)),
        1 => list.swap(at, 0),
        2 => {
            let mut copy = list[at].clone();
            copy.as_table_mut().unwrap().insert("name".into(), Value::String(format!("also{}", dice.below(3))));
            list.push(copy);
        }
        3 => drop(list[at].as_table_mut().unwrap().remove("share_bps_max")),
        4 => {
            let found = list[at].get("share_bps_max").and_then(Value::as_integer);
            let share = number(dice, found, 10_000);
            list[at].as_table_mut().unwrap().insert("share_bps_max".into(), share);
        }
        _ => {
            let dollars = Value::String(format!("{} USD", dice.below(20_000)));
            list[at].as_table_mut().unwrap().insert("trade_min".into(), dollars);
        }
    }
}

fn when(dice: &mut Dice, table: &mut Table) {
    let policy = section(table, "policy");
    match dice.below(4) {
        0 => {
            policy.remove("every_blocks");
            let line = *dice.of(&["0 0 8 * * *", "0 0 8 * * Mon", "0 0 0,12 * * *", "0 30 6 1 * *"]);
            policy.insert("schedule".into(), Value::String(line.into()));
        }
        1 => {
            policy.remove("schedule");
            policy.insert("every_blocks".into(), Value::Integer(1 + dice.below(9_000) as i64));
        }
        2 => drop(policy.remove("validity")),
        _ => drop(policy.insert("validity".into(), duration(dice))),
    }
}

fn model(dice: &mut Dice, table: &mut Table) {
    let risk = section(table, "risk");
    let kinds = [
        "kind = \"ewma\"",
        "kind = \"trained\"\nschedule = \"0 0 3 * * Mon\"\nage_max = \"30d\"\nauc_bps_min = 5500",
        "kind = \"file\"\nhash = \"0x3333333333333333333333333333333333333333333333333333333333333333\"\nage_max = \"90d\"",
    ];
    risk.insert("model".into(), Value::Table(dice.of(&kinds).parse().unwrap()));
    risk.insert("fallback".into(), Value::String((*dice.of(&["ewma", "hold"])).into()));
}

fn head(dice: &mut Dice, table: &mut Table) {
    let policy = section(table, "policy");
    match dice.below(3) {
        0 => {
            let year = 2028 + dice.below(3);
            policy.insert("expires".into(), Value::String(format!("{year}-0{}-01T00:00:00Z", 1 + dice.below(9))));
        }
        1 => drop(policy.insert("name".into(), Value::String(format!("Treasury {}", dice.below(9))))),
        _ => {
            let key = *dice.of(&["registry", "brake", "gate"]);
            policy.insert(key.into(), account(dice));
        }
    }
}
