//! The steps in which risk is learned together, and acted upon.

use super::{
    super::{
        charter,
        report::{Findings, shares, text_of},
        scene::*,
        stage::{self, DemoError, Stage, io_error},
    },
    Story,
};
use crate::{
    agent::{Plan, Record},
    devnet::{DevnetError, ReplayDay, demo_limits},
    risk::CARD_BYTES_MAX,
};
use alloy::primitives::U256;
use quaestor_contracts::explain::{share, wad};
use quaestor_core::{Action, AssetKind, Policy, Price, Terms};
use quaestor_risk::{
    card::Card,
    data::date as day_name,
    judge::{Metric, Row, Task, Way},
};
use serde_json::{Value, json};
use std::fs;

/// The made-up members' seed.
const SEED: &str = "2";
/// Who sends its sums turned and amplified.
const POISONER: &str = "uni-holder";
/// Standard deviation of the noise, in clips.
const NOISE_MULTIPLIER: &str = "5";
/// Far above this, noise hides little.
const EPSILON_MAX: f64 = 10.0;
/// Until then the market has calmed down.
const CALM: u64 = 1_623_974_400;
/// Most days that are waited for until the market falls.
const FALL_DAYS_MAX: u32 = 14;
/// The folder of the prices that are known when the members train.
pub(super) const KNOWN_PRICES: &str = "prices";
/// Daily prices from which the members learn.
const PRICES: [(&str, &str); 5] = [
    ("USDC", stage::USDC),
    ("ETH", stage::ETH),
    ("BTC", stage::BTC),
    ("UNI", include_str!("../../../../../simulations/data/daily/UNI.csv")),
    ("AAVE", include_str!("../../../../../simulations/data/daily/AAVE.csv")),
];

impl Story {
    pub(super) async fn learns(&mut self, stage: &mut Stage, found: &mut Findings) -> Result<(), DemoError> {
        let prices = stage.site.folder.join(KNOWN_PRICES);
        fs::create_dir_all(&prices).map_err(io_error(prices.display().to_string()))?;
        // Nobody knows the days that come.
        let now = stage.devnet.chain.now().await.map_err(DevnetError::from)?;
        let today = day_name(u32::try_from(now / 86_400).unwrap_or(u32::MAX));
        for (symbol, text) in PRICES {
            let (head, days) = text.split_once('\n').unwrap_or_default();
            let known = days.lines().take_while(|line| *line < today.as_str());
            let text = std::iter::once(head).chain(known).collect::<Vec<_>>().join("\n");
            fs::write(prices.join(format!("{symbol}.csv")), text + "\n").map_err(io_error("daily prices"))?;
        }
        let (prices, models) = (prices.display().to_string(), stage.config.files.models.display().to_string());
        let args = ["train", "--prices", &prices, "--synthetic", SEED, "--out", &models];
        let noisy = ["--noise-multiplier", NOISE_MULTIPLIER, "--poison", POISONER];
        let said = stage.says(&[&args[..], &noisy].concat()).await?;
        found.check("the member that poisons its sums is found out", said["excluded"] == json!([POISONER]));
        let out: Vec<&str> = said["excluded"].as_array().into_iter().flatten().map(text_of).collect();
        found.told("excluded", &out, format!("out for good: {}", out.join(", ")));
        let card = read_card(&said)?;
        found.told(
            "members",
            &card.data,
            format!("learned from *synthetic* members, made up from a seed on real prices: {}", members(&card)),
        );
        for verdict in &card.judgement.verdicts {
            let (scores, words) = scores(&card.judgement.rows, verdict.task, verdict.metric);
            let subject = verdict.subject();
            found.told(
                &subject,
                scores,
                format!("{subject} on later days ({}, lower is better): {words}", verdict.metric),
            );
        }
        let ways = [Way::Together, Way::Pooled, Way::Alone, Way::Naive];
        let scored = |way: &Way| card.judgement.rows.iter().any(|row| row.way == *way && !row.scores.is_empty());
        found.check("scored against pooled, alone and naive", ways.iter().all(scored));
        let pays: Vec<String> = card.judgement.verdicts.iter().filter(|it| it.pays()).map(|it| it.subject()).collect();
        found.check("for one forecast at least, nothing that a member has alone is better", !pays.is_empty());
        found.told("pays", &pays, format!("training together pays for: {}", pays.join(", ")));
        let spent = card.privacy.map(|it| (it.epsilon_record, it.epsilon_day, it.delta));
        let bounded = spent.is_some_and(|(record, ..)| record > 0.0 && record < EPSILON_MAX);
        found.check("a record of a member costs less than ten epsilon", bounded);
        if let Some((record, day, delta)) = spent {
            let words = format!("privacy spent: ε {record:.2} for a record, {day:.2} for a day, at δ {delta:e}");
            found.told("privacy", card.privacy, words);
        }
        found.note("model", card.hash);
        self.model = Some(card.hash);
        stage.next_decision().await?;
        let decision = last_decision(stage)?;
        found.check("the agent decides with that very file", decision.model == card.hash);
        Ok(())
    }

    pub(super) async fn derisks(&mut self, stage: &mut Stage, found: &mut Findings) -> Result<(), DemoError> {
        // The market calms down, and the members want it no riskier than on that day.
        stage.pass_until(CALM).await?;
        let Some(ceiling_bps) = value_at_risk(stage).await? else {
            found.check("the value at risk is known", false);
            return Ok(());
        };
        let text = charter::guarded(&stage.devnet.dao, demo_limits(), ceiling_bps, charter::MONTHS);
        self.ceiling_bps = ceiling_bps;
        let why = "The treasury should never be riskier than on this calm day.";
        let anchored = vote_text(stage, "epoch-4.toml", &text, why).await?;
        let policy = parse(&text)?;
        let terms = policy.terms();
        stage.pass_until(anchored.active_at).await?;
        let epoch = anchored.epoch;
        let swapped = move |it: &Record| matches!(it, Record::PolicyInForce { epoch: of, .. } if *of == epoch);
        stage.mine_until("swap to the policy with a ceiling", 0, swapped).await?;
        self.policy = Some(text);
        let before = stage.next_day().await?.as_ref().and_then(weth);
        stage.next_decision().await?;
        let calm = value_at_risk(stage).await?;
        let ceiling = share(ceiling_bps);
        found.check("at first the forecast is below the ceiling", calm.is_some_and(|it| it <= ceiling_bps));
        let words = |bps: Option<u64>| bps.map_or("unknown".to_owned(), share);
        found.told(
            "forecast before",
            calm,
            format!("value at risk of a day: {} of NAV, the ceiling {ceiling}", words(calm)),
        );
        let Some((plan, days, fell)) = fall(stage, terms, before).await? else {
            found.check("the market falls within the replayed days", false);
            return Ok(());
        };
        let breached = value_at_risk(stage).await?;
        found.told("days_replayed", days, format!("days replayed: {days}"));
        found.note("day", date(plan.decision.block.timestamp));
        if let [before, after] = fell.as_slice() {
            let usd = |price: &Price| wad(U256::from(price.0));
            found.told("weth_usd", &fell, format!("WETH: {} USD, a day later {} USD", usd(before), usd(after)));
        }
        found.check("the market fell", matches!(fell.as_slice(), [before, after] if after < before));
        found.check("the forecast breaches the ceiling", breached.is_some_and(|it| it > ceiling_bps));
        found.told("forecast after", breached, format!("value at risk of a day: {} of NAV", words(breached)));
        found.check("the model that the members trained forecasts it", self.model == Some(plan.decision.model));
        found.check("`derisk` sells volatile assets alone, and only for the stable one", only_reduces(&plan, terms));
        let before = &plan.decision.weights_bps;
        found.told("weights_bps_before", before, format!("shares before: {}", shares(terms, before)));
        carry(stage, &plan).await?;
        stage.next_decision().await?;
        let after = last_decision(stage)?.weights_bps;
        found.told("weights_bps_after", &after, format!("shares after: {}", shares(terms, &after)));
        found.check("less of the treasury is at risk", volatile(terms, &after) < volatile(terms, before));
        found.check("the decision names the policy with the ceiling", plan.decision.policy == policy.hash());
        Ok(())
    }
}

/// Replays days until `derisk` proposes; its plan, how many days that took, and the last two prices of WETH.
async fn fall(
    stage: &mut Stage,
    terms: &Terms,
    before: Option<Price>,
) -> Result<Option<(Plan, u32, Vec<Price>)>, DemoError> {
    let line = terms.strategies.iter().find(|strategy| strategy.kind == "derisk").map(|strategy| strategy.line);
    let sells = |plan: &Plan| plan.batch.items.iter().any(|item| Some(item.entry.line) == line);
    let mut prices: Vec<Price> = Vec::from_iter(before);
    for days in 0..FALL_DAYS_MAX {
        let skip = stage.rows()?.len();
        stage.next_decision().await?;
        if let Some(plan) = stage.plans(skip)?.into_iter().find(sells) {
            return Ok(Some((plan, days, prices.split_off(prices.len().saturating_sub(2)))));
        }
        let Some(day) = stage.next_day().await? else { break };
        prices.extend(weth(&day));
    }
    Ok(None)
}

/// The day's close of WETH in US dollars.
fn weth(day: &ReplayDay) -> Option<Price> {
    let (_, price) = day.prices.iter().find(|(symbol, _)| symbol == "WETH")?;
    Some(*price)
}

/// What `risk show` forecasts of the treasury, bps of NAV.
async fn value_at_risk(stage: &Stage) -> Result<Option<u64>, DemoError> {
    let config = stage.site.config.display().to_string();
    let said = stage.says(&["risk", "show", "--config", &config]).await?;
    let of = |ceiling: &&Value| text_of(&ceiling["subject"]) == "value-at-risk";
    Ok(said["ceilings"].as_array().and_then(|all| all.iter().find(of)).and_then(|it| it["forecast_bps"].as_u64()))
}

fn only_reduces(plan: &Plan, terms: &Terms) -> bool {
    let is_stable = |asset| terms.asset(asset).is_some_and(|it| it.kind == AssetKind::Stable);
    let exchanges = plan.batch.items.iter().flat_map(|item| &item.intent.actions).filter_map(Action::exchange);
    let all: Vec<_> = exchanges.map(|exchange| !is_stable(exchange.give) && is_stable(exchange.take)).collect();
    !all.is_empty() && all.iter().all(|reduces| *reduces)
}

/// Share of the assets that are not stable, bps.
fn volatile(terms: &Terms, weights_bps: &[u64]) -> u64 {
    let risky = terms.assets.iter().zip(weights_bps).filter(|(asset, _)| asset.kind != AssetKind::Stable);
    risky.map(|(_, bps)| bps).sum()
}

fn read_card(said: &Value) -> Result<Card, DemoError> {
    let path = text_of(&said["card_json"]);
    let bytes = crate::config::read_bounded(path.as_ref(), CARD_BYTES_MAX).map_err(io_error(path))?;
    serde_json::from_slice(&bytes).map_err(|error| DemoError::Told { what: format!("{path} is no card: {error}") })
}

fn members(card: &Card) -> String {
    let each = card.data.iter().map(|it| format!("{} ({} records)", it.member, it.records));
    each.collect::<Vec<_>>().join(", ")
}

/// Scores of the family in use and of the naive forecast, by who trained it.
fn scores(rows: &[Row], task: Task, metric: Metric) -> (Value, String) {
    let is_shown = |row: &&Row| row.task == task && (row.family == task.used() || row.way == Way::Naive);
    let scored = |row: &Row| Some((row.way.to_string(), row.score(metric)?));
    let all: Vec<(String, f64)> = rows.iter().filter(is_shown).filter_map(scored).collect();
    let each: Vec<String> = all.iter().map(|(way, score)| format!("{way} {score:.4}")).collect();
    (all.into_iter().map(|(way, score)| (way, json!(score))).collect::<serde_json::Map<_, _>>().into(), each.join(", "))
}
