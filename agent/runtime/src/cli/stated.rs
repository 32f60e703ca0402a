//! What a run assumes, in words: for every report.

use super::{Failure, Output};
use crate::learning::along::Along;
use quaestor_contracts::explain::{share, span};
use quaestor_core::{AssetKind, Policy, Terms, policy::ModelTerms};
use quaestor_policies::VotedPolicy;
use quaestor_risk::EwmaParams;
use quaestor_simulations::{
    Panel,
    assumptions::{Assumptions, Checked, Fill, FlowTerms, Targets, VALUE_USD},
    market::{Earns, Market, Pool, Source, history_bars},
    report::Provenance,
};

/// What the treasury holds at first, and what flows.
pub(super) fn holdings_and_flows(told: &Assumptions) -> Vec<String> {
    let mut found = Vec::new();
    for (account, held) in &told.holdings {
        let held: Vec<String> = held.iter().map(|(symbol, amount)| format!("{amount} {symbol}")).collect();
        found.push(format!("{account} holds {} at first", held.join(", ")));
    }
    if told.holdings.is_empty() {
        let value = told.value_usd.unwrap_or(VALUE_USD);
        found.push(format!("the first Safe holds {value} USD at first, by the policy's targets"));
    }
    found.extend(told.flows.iter().map(FlowTerms::words));
    found
}

/// Where feeds show too little of the past for the plain estimate of volatility, which ceilings are held against.
pub(super) fn too_little_past(terms: &Terms, panel: &Panel) -> Option<String> {
    const DAY_SECS: f64 = 86_400.0;
    let least = f64::from(EwmaParams::default().min_returns);
    let rounds = terms.risk.history_rounds;
    let days = (history_bars(&terms.risk, panel.step_secs()) as u64 * panel.step_secs()) as f64 / DAY_SECS;
    (terms.risk.has_ceilings() && days < least).then(|| {
        format!(
            "feeds show {rounds} rounds, which are {days:.1} days of these bars: less than the {least} days that the plain estimate \
             of volatility asks for, so that without a trained model nothing is forecast and every ceiling counts as breached; \
             `risk.history_step` takes them further apart"
        )
    })
}

/// On what figures rest, and what the run can be made again from: the same of all of it gives the same bytes.
pub(super) fn tell_provenance(of: &Provenance, output: Output) -> Result<(), Failure> {
    let Provenance { data_hash, policy_hash, model_hash, assumptions_hash, seed } = of;
    output.line("figures     a year of 365 days; simple returns, without what flowed")?;
    let hashes =
        [("data", data_hash), ("policy", policy_hash), ("model", model_hash), ("assumptions", assumptions_hash)];
    for (what, hash) in hashes {
        output.line(format_args!("{what:<12}{hash}"))?;
    }
    output.line(format_args!("seed        {seed}"))
}

/// What the run assumes and the data does not say.
pub(super) fn beside_prices(
    policy: &VotedPolicy,
    market: &Market<'_>,
    (told, assumed): (&Assumptions, &Checked),
    notes: Vec<String>,
) -> Vec<String> {
    let terms = policy.terms();
    let mut found = notes;
    for (asset, source) in terms.assets.iter().zip(&market.sources) {
        let symbol = &asset.symbol;
        match source {
            Source::Data(column) if market.panel.symbols()[*column] != *symbol => {
                found.push(format!("{symbol} is priced as {}", market.panel.symbols()[*column]));
            }
            Source::Data(_) => {}
            Source::Constant(price) => found.push(format!("{symbol} is taken at {} USD throughout", price.display())),
            Source::Shares { earns: Earns::Yearly(bps), .. } => {
                found.push(format!("{symbol} earns {bps} bps a year throughout (synthetic)"));
            }
            Source::Shares { earns: Earns::Index(name), .. } => {
                found.push(format!(
                    "{symbol} earns what the index {name} of the data grew by, each bar's as of its end"
                ));
            }
        }
    }
    if !terms.twaps.is_empty() {
        found.push("time-weighted prices of pools are not in the data: feeds alone make prices".to_owned());
    }
    let costs = assumed.costs;
    let fee = costs.fee_bps.map_or_else(|| "the pool's fee".to_owned(), |bps| format!("a fee of {bps} bps"));
    let on_top = if costs.targets == Targets::BeforeCosts { ", on top of what is bought" } else { "" };
    let pays = format!("a swap pays {fee} and {} bps of slippage{on_top}", costs.slippage_bps);
    if market.has_depths() {
        found.push(pays);
        found.extend(pools(terms, market, told));
    } else {
        found.push(format!("{pays}; pools are deep enough"));
    }
    found.push(match (market.panel.gas_token(), market.gas_column()) {
        (_, None) => "gas costs nothing: the data has no price of what it is paid in".to_owned(),
        (Some(token), _) => format!("gas costs what the data says, in gwei of {token}, each bar its mean"),
        (None, _) => format!("gas costs {} gwei throughout", costs.gas_gwei),
    });
    if let Some(bars) = assumed.every_bars {
        found.push(format!("it decides every {bars} bars, and not at the policy's schedule"));
    }
    if assumed.fill == Fill::SameBar {
        found.push(
            "LOOK-AHEAD: what is proposed is executed at the very price that was decided on, which nobody can"
                .to_owned(),
        );
        return found;
    }
    found.extend(assumed.delays.words());
    found.push("within a bar prices go straight from open to close".to_owned());
    found
}

/// How far swaps move the price of each asset that is no stable one, or for which a depth is known.
fn pools(terms: &Terms, market: &Market<'_>, told: &Assumptions) -> Vec<String> {
    let mut found = Vec::new();
    let mut deep = Vec::new();
    for (asset, pool) in terms.assets.iter().zip(&market.pools) {
        let symbol = &asset.symbol;
        match pool {
            Pool::Data { column, .. } => {
                let decimals = market.panel.liquidity(0, *column).map(|(_, decimals)| decimals);
                let [zero, one] = decimals.unwrap_or_default();
                found.push(format!(
                    "swaps of {symbol} move its price by the liquidity of the data, as if that in range went on for ever; the \
                     pool's tokens have {zero} and {one} decimals, and others bring the price back"
                ));
            }
            Pool::Assumed(_) => {
                let dollars = told.depth_usd.get(symbol).map(String::as_str).unwrap_or_default();
                found.push(format!(
                    "{symbol} bought for {dollars} USD rises by 1 %, as in a pool of constant product, a sale lowers it \
                     likewise, and others bring the price back"
                ));
            }
            Pool::Deep if asset.kind == AssetKind::Stable || asset.feeds.is_empty() => {}
            Pool::Deep => deep.push(symbol.as_str()),
        }
    }
    if !deep.is_empty() {
        found.push(format!("pools of {} are deep enough", deep.join(", ")));
    }
    found
}

/// Of models that are trained along the way.
pub(super) fn trained_along(along: &Along, terms: &Terms) -> Vec<String> {
    let measure = match terms.risk.model {
        ModelTerms::Trained { .. } => "",
        _ => " (the policy names another model, and no measure)",
    };
    let age = match along.age_secs_max {
        u64::MAX => String::new(),
        secs => format!(" and an age below {}", span(secs)),
    };
    vec![
        format!(
            "every {} days a model is trained on what was known then; it forecasts with an area under the ROC curve of {} or \
             more{measure}{age}, and where none does, ewma forecasts",
            along.every_days,
            share(along.auc_bps_min)
        ),
        format!(
            "these models learn from a treasury that is made up (synthetic): {}, wandering, with the policy's burn \
             and as much revenue",
            along.opening.words()
        ),
    ]
}
