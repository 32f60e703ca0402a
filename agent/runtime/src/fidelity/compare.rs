//! What the chain and the fast engine differ by, and whether that is little enough.

use quaestor_core::{Action, AssetId, Intent, Terms, VenueId};
use serde::Serialize;

/// Net asset values at the end may differ by less than this, bps.
pub const NAV_BPS_MAX: f64 = 10.0;
/// Each amount of a proposal may differ by this, bps.
pub const AMOUNT_BPS_MAX: f64 = 10.0;
/// Basis points in one.
const BPS: f64 = 10_000.0;

/// One action of a proposal, by the names of the policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Deed {
    /// The strategy that wants it.
    pub strategy: String,
    /// `transfer`, `approve`, `swap`, `deposit` or `redeem`.
    pub action: &'static str,
    /// The asset that is given.
    pub give: String,
    /// The asset that is received; of a transfer the receiver, of an approval the venue.
    pub to: String,
    /// What is given, base units.
    pub amount: u128,
    /// What must be received at the least, base units; zero where the call has no such word.
    pub least: u128,
}

/// How a proposal ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "end", rename_all = "snake_case")]
pub enum End {
    /// It ran.
    Executed {
        /// When, Unix seconds.
        ran_at: u64,
    },
    /// It was withdrawn.
    Withdrawn,
    /// Its time passed.
    Expired,
    /// It still waits.
    Waiting,
}

impl End {
    /// When it ran, Unix seconds.
    pub fn ran_at(&self) -> Option<u64> {
        if let Self::Executed { ran_at } = self { Some(*ran_at) } else { None }
    }
}

/// A proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Proposal {
    /// Time of the block that was decided at, Unix seconds: the close of a bar.
    pub decided_at: u64,
    /// The account.
    pub account: String,
    /// What it does, in order.
    pub deeds: Vec<Deed>,
    /// How it ended.
    #[serde(flatten)]
    pub end: End,
}

/// What one of the two did.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Side {
    /// Net asset value at the end of each bar, dollars.
    pub nav: Vec<f64>,
    /// Proposals in the order in which they were made.
    pub proposals: Vec<Proposal>,
}

/// A pair of proposals of one account at one bar that are not the same.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Differing {
    /// On the chain.
    pub agent: Proposal,
    /// In the engine.
    pub engine: Proposal,
    /// In what.
    pub what: String,
}

/// A proposal that both made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Match {
    /// Time of the block that was decided at, Unix seconds.
    pub decided_at: u64,
    /// The account.
    pub account: String,
    /// The strategies and what they give for what, such as `rebalance swap WETH USDC`; approvals are left out.
    pub deeds: Vec<String>,
    /// The largest difference of an amount, bps.
    pub amount_bps: f64,
    /// How it ended on the chain.
    pub agent: End,
    /// How it ended in the engine.
    pub engine: End,
}

/// The differences.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Net asset value at the end on the chain, dollars.
    pub nav_agent: f64,
    /// In the engine.
    pub nav_engine: f64,
    /// By how much they differ, bps of the engine's.
    pub nav_end_bps: f64,
    /// The most at any bar, bps.
    pub nav_worst_bps: f64,
    /// At which bar, counted from the first of the run.
    pub nav_worst_bar: usize,
    /// Proposals that both made: same bar, account, actions, amounts, and both ran or neither did.
    pub matched: Vec<Match>,
    /// What the engine proposed and the agent did not.
    pub missing: Vec<Proposal>,
    /// What the agent proposed and the engine did not.
    pub extra: Vec<Proposal>,
    /// What both proposed at the same bar for the same account, with a difference.
    pub differing: Vec<Differing>,
    /// The largest difference of an amount among those that do the same, bps.
    pub amount_worst_bps: f64,
    /// The longest time between the moments at which the two executed the same, seconds.
    pub ran_apart_secs: u64,
    /// Whether it is little enough: see [`NAV_BPS_MAX`] and [`AMOUNT_BPS_MAX`].
    pub within: bool,
}

/// Intents as deeds, by the names of the policy.
pub fn deeds(terms: &Terms, intents: &[Intent]) -> Vec<Deed> {
    let strategy =
        |intent: &Intent| terms.strategy(intent.purpose.line()).map(|it| it.name.clone()).unwrap_or_default();
    let of = |intent: &Intent| {
        let strategy = strategy(intent);
        intent.actions.iter().map(move |action| deed(terms, strategy.clone(), action)).collect::<Vec<_>>()
    };
    intents.iter().flat_map(of).collect()
}

fn deed(terms: &Terms, strategy: String, action: &Action) -> Deed {
    let asset = |id: AssetId| terms.asset(id).map(|it| it.symbol.clone()).unwrap_or_default();
    let venue = |id: VenueId| terms.venue(id).map(|it| it.name.clone()).unwrap_or_default();
    // The minimum of a deposit or a redemption is no part of the call.
    match action.as_called() {
        Action::Transfer { asset: give, to, amount } => {
            let account = terms.account_at(to).and_then(|id| terms.account(id));
            let to = account.map_or_else(|| to.to_string(), |account| account.name.clone());
            Deed { strategy, action: "transfer", give: asset(give), to, amount: amount.0, least: 0 }
        }
        Action::Wrap { asset: take, amount } => Deed {
            strategy,
            action: "wrap",
            give: "coin".to_owned(),
            to: asset(take),
            amount: amount.0,
            least: amount.0,
        },
        Action::Delegate { asset: of, to } => {
            Deed { strategy, action: "delegate", give: asset(of), to: to.to_string(), amount: 0, least: 0 }
        }
        Action::Approve { asset: give, spender, amount } => {
            Deed { strategy, action: "approve", give: asset(give), to: venue(spender), amount: amount.0, least: 0 }
        }
        Action::Swap { sell, buy, amount_in, amount_out_min, .. } => Deed {
            strategy,
            action: "swap",
            give: asset(sell),
            to: asset(buy),
            amount: amount_in.0,
            least: amount_out_min.0,
        },
        Action::Deposit { asset: give, shares, amount, shares_min, .. } => Deed {
            strategy,
            action: "deposit",
            give: asset(give),
            to: asset(shares),
            amount: amount.0,
            least: shares_min.0,
        },
        Action::Redeem { shares, asset: take, amount, assets_min, .. } => Deed {
            strategy,
            action: "redeem",
            give: asset(shares),
            to: asset(take),
            amount: amount.0,
            least: assets_min.0,
        },
    }
}

/// Compares what the agent did on the chain with what the engine says it would do.
pub fn compare(agent: &Side, engine: &Side) -> Comparison {
    let mut left: Vec<&Proposal> = agent.proposals.iter().collect();
    let mut found = Comparison {
        nav_agent: agent.nav.last().copied().unwrap_or_default(),
        nav_engine: engine.nav.last().copied().unwrap_or_default(),
        nav_end_bps: apart(agent.nav.last().copied(), engine.nav.last().copied()),
        nav_worst_bps: 0.0,
        nav_worst_bar: 0,
        matched: Vec::new(),
        missing: Vec::new(),
        extra: Vec::new(),
        differing: Vec::new(),
        amount_worst_bps: 0.0,
        ran_apart_secs: 0,
        within: false,
    };
    for bar in 0..agent.nav.len().max(engine.nav.len()) {
        let bps = apart(agent.nav.get(bar).copied(), engine.nav.get(bar).copied());
        if bps > found.nav_worst_bps {
            (found.nav_worst_bps, found.nav_worst_bar) = (bps, bar);
        }
    }
    for wanted in &engine.proposals {
        let same = |it: &&Proposal| it.decided_at == wanted.decided_at && it.account == wanted.account;
        let Some(place) = left.iter().position(same) else {
            found.missing.push(wanted.clone());
            continue;
        };
        let made = left.remove(place);
        match difference(made, wanted) {
            Ok(bps) => {
                found.matched.push(Match {
                    decided_at: wanted.decided_at,
                    account: wanted.account.clone(),
                    deeds: wanted.deeds.iter().filter(|deed| deed.action != "approve").map(kind).collect(),
                    amount_bps: bps,
                    agent: made.end,
                    engine: wanted.end,
                });
                found.amount_worst_bps = found.amount_worst_bps.max(bps);
                let ran = made.end.ran_at().zip(wanted.end.ran_at());
                found.ran_apart_secs = found.ran_apart_secs.max(ran.map_or(0, |(made, wanted)| made.abs_diff(wanted)));
            }
            Err(what) => found.differing.push(Differing { agent: made.clone(), engine: wanted.clone(), what }),
        }
    }
    found.extra.extend(left.into_iter().cloned());
    let same = found.missing.is_empty() && found.extra.is_empty() && found.differing.is_empty();
    found.within = same && agent.nav.len() == engine.nav.len() && found.nav_end_bps < NAV_BPS_MAX;
    found
}

/// By how much two values differ, bps of the second; infinitely, if one of them is not there.
fn apart(found: Option<f64>, wanted: Option<f64>) -> f64 {
    match (found, wanted) {
        (Some(found), Some(wanted)) if wanted != 0.0 => (found - wanted).abs() / wanted.abs() * BPS,
        (Some(found), Some(wanted)) if found == wanted => 0.0,
        _ => f64::INFINITY,
    }
}

/// What a deed is, whatever its amounts.
fn kind(deed: &Deed) -> String {
    let Deed { strategy, action, give, to, .. } = deed;
    format!("{strategy} {action} {give} {to}")
}

/// The largest difference of an amount, bps, of two proposals that do the same; or in what they differ.
fn difference(made: &Proposal, wanted: &Proposal) -> Result<f64, String> {
    let kinds = |proposal: &Proposal| proposal.deeds.iter().map(kind).collect::<Vec<_>>();
    if kinds(made) != kinds(wanted) {
        return Err(format!("the agent does [{}], the engine [{}]", kinds(made).join("; "), kinds(wanted).join("; ")));
    }
    let amounts = |deed: &Deed| [deed.amount as f64, deed.least as f64];
    let mut worst = 0.0f64;
    for (made, wanted) in made.deeds.iter().zip(&wanted.deeds) {
        for (found, expected) in amounts(made).into_iter().zip(amounts(wanted)) {
            let bps = apart(Some(found), Some(expected));
            if bps > AMOUNT_BPS_MAX {
                return Err(format!("{}: {found} base units, the engine has {expected}: {bps:.2} bps", kind(wanted)));
            }
            worst = worst.max(bps);
        }
    }
    match (made.end.ran_at(), wanted.end.ran_at()) {
        (Some(_), Some(_)) | (None, None) => Ok(worst),
        (Some(_), None) => Err(format!("it ran on the chain; in the engine it did not: {:?}", wanted.end)),
        (None, Some(_)) => Err(format!("it ran in the engine; on the chain it did not: {:?}", made.end)),
    }
}

#[cfg(test)]
mod tests;
