//! Rounds of a Chainlink feed, from the newest back to where they are needed.
//!
//! The address is that of a proxy. The ids of its rounds are a phase in the upper 16 of 80 bits and the aggregator's own
//! round below (<https://docs.chain.link/data-feeds/historical-data>). Rounds of a phase count from 1; before its first one
//! comes the last of the phase before, which that phase's aggregator names. A contract without phases is read as one.

use super::{
    FetchError, Tell,
    bars::{Bars, Sample},
    node::{Node, of_past},
    partial::Partial,
};
use crate::chain::Read;
use alloy::primitives::{Address, I256, U256, aliases::U80, utils::format_units};
use quaestor_contracts::bindings::{IAggregatorV3, IFeedPhases};
use quaestor_core::BlockRef;
use quaestor_simulations::data::Moment;
use serde::{Deserialize, Serialize};

/// Rounds of one request; together they take less gas than nodes allow a call.
const ROUNDS_A_PAGE: u64 = 250;
/// Bits of an id below the phase.
const PHASE_SHIFT: usize = 64;
/// What a feed counts as old, where nothing else is said: the slowest feeds speak once in 24 hours.
pub(super) const AGE_SECS_MAX: u64 = 25 * 3_600;

/// What is the same for every page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Settled {
    pub(super) bars: Bars,
    pub(super) chain_id: u64,
    /// Every round is read at this block.
    pub(super) block: BlockRef,
    pub(super) decimals: u8,
    pub(super) description: String,
}

/// Ids that follow each other downward, and where the next page begins.
#[derive(Debug, Serialize, Deserialize)]
struct Page {
    rounds: Vec<Round>,
    /// Rounds that the feed says nothing of.
    absent: u64,
    /// The newest id of the next page; absent where the feed has no earlier one.
    next: Option<String>,
}

/// A round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Round {
    id: String,
    at: u64,
    answer: String,
}

/// What is told of a feed's rounds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Rounds {
    /// Rounds that were read.
    pub rounds: u64,
    /// Ids of which the feed says nothing.
    pub absent_rounds: u64,
    /// Rounds whose answer is no price: zero or below. They are passed over.
    pub rounds_without_price: u64,
    /// Phases that they come from, the newest first.
    pub phases: Vec<u64>,
    /// Rounds of a phase that are not older than the first one of a later phase: two aggregators answered at that time. The
    /// later round of the two counts, and the chain does not say which one the proxy showed.
    pub overlapping_rounds: u64,
}

/// Reads what does not change from page to page.
pub(super) async fn settle(node: &Node, feed: Address, bars: Bars, block: BlockRef) -> Result<Settled, FetchError> {
    let wrong = |_| FetchError::NoContract { address: feed, what: "a price feed", block: block.number };
    let reads =
        vec![Read::new(feed, &IAggregatorV3::decimalsCall {}), Read::new(feed, &IAggregatorV3::descriptionCall {})];
    let found = node.chain.read_each_at(block.hash, reads).await?;
    let decimals = found.get(feed, &IAggregatorV3::decimalsCall {}).ok_or(()).map_err(wrong)?;
    let description = found.get(feed, &IAggregatorV3::descriptionCall {}).ok_or(()).map_err(wrong)?;
    Ok(Settled { bars, chain_id: node.chain_id().await?, block, decimals, description })
}

/// The rounds that make the bars: those that `partial` has, and the others from `node`.
///
/// # Errors
/// If the node does not answer or the feed is none.
pub(super) async fn samples(
    node: &Node,
    feed: Address,
    settled: &Settled,
    partial: &mut Partial,
    tell: &Tell,
) -> Result<(Vec<Sample>, Rounds), FetchError> {
    let block = settled.block;
    let begin = settled.bars.begin;
    let mut pages: Vec<Page> = partial.pages()?;
    loop {
        let oldest = pages.iter().flat_map(|page| &page.rounds).map(|round| round.at).min();
        let id = match pages.last() {
            None => {
                let latest = IAggregatorV3::latestRoundDataCall {};
                let found = node.chain.read_each_at(block.hash, vec![Read::new(feed, &latest)]).await;
                let found = found.map_err(|error| of_past(error, block.number))?.get(feed, &latest);
                let none = FetchError::NoContract { address: feed, what: "a price feed", block: block.number };
                found.ok_or(none)?.roundId
            }
            // A round before the first bar is old enough to stand at its beginning.
            Some(_) if oldest.is_some_and(|oldest| oldest < begin) => break,
            Some(page) => match &page.next {
                None => break,
                Some(next) => id_of(next, settled, feed)?,
            },
        };
        let page = page(node, feed, settled, id, oldest).await?;
        tell(&format!(
            "page {}: {} rounds from {}",
            pages.len() + 1,
            page.rounds.len(),
            page.rounds.last().map_or_else(|| "none".to_owned(), |round| Moment::at(round.at).to_string())
        ));
        partial.push(&page)?;
        pages.push(page);
    }
    told(pages, settled, feed)
}

/// The page that begins with round `id`.
async fn page(node: &Node, feed: Address, settled: &Settled, id: U80, oldest: Option<u64>) -> Result<Page, FetchError> {
    let block = settled.block;
    let (phase, newest) = parts(id);
    let count = newest.min(ROUNDS_A_PAGE);
    let ids: Vec<U80> = (0..count).map(|back| id - U80::from(back)).collect();
    let calls: Vec<_> = ids.iter().map(|id| IAggregatorV3::getRoundDataCall { roundId: *id }).collect();
    let reads = calls.iter().map(|call| Read::new(feed, call)).collect();
    let mut readings = crate::chain::Readings::default();
    readings.extend(node.chain.read_at(block.hash, reads).await.map_err(|error| of_past(error, block.number))?);
    let mut found = Page { rounds: Vec::new(), absent: 0, next: None };
    for call in &calls {
        // What never was answered reverts or has no time.
        let round = readings.get(feed, call).and_then(|it| Some((it.answer, u64::try_from(it.updatedAt).ok()?)));
        match round.filter(|(_, at)| *at > 0) {
            None => found.absent += 1,
            Some((answer, at)) => {
                found.rounds.push(Round { id: call.roundId.to_string(), at, answer: answer.to_string() });
            }
        }
    }
    if found.rounds.is_empty() {
        // A feed lacks single rounds, and never so many in a row.
        return Err(FetchError::NoContract { address: feed, what: "a price feed with rounds", block: block.number });
    }
    found.next = match newest > count {
        true => Some(id - U80::from(count)),
        false => {
            let oldest = found.rounds.iter().map(|round| round.at).chain(oldest).min().unwrap_or_default();
            before(node, feed, settled, phase, oldest).await?
        }
    }
    .map(|id| id.to_string());
    Ok(found)
}

/// The last round of the phase before `phase`, or of the one before that.
async fn before(
    node: &Node,
    feed: Address,
    settled: &Settled,
    phase: u16,
    oldest: u64,
) -> Result<Option<U80>, FetchError> {
    if oldest < settled.bars.begin {
        return Ok(None);
    }
    let hash = settled.block.hash;
    for phase in (1..phase).rev() {
        let unreadable = || FetchError::Phase { feed, phase, first: Moment::at(oldest) };
        let call = IFeedPhases::phaseAggregatorsCall { phaseId: phase };
        let aggregator = node.chain.read_each_at(hash, vec![Read::new(feed, &call)]).await?.get(feed, &call);
        let aggregator = aggregator.filter(|found| !found.is_zero()).ok_or_else(unreadable)?;
        let call = IFeedPhases::latestRoundCall {};
        let latest = node.chain.read_each_at(hash, vec![Read::new(aggregator, &call)]).await?.get(aggregator, &call);
        let latest = latest.and_then(|found| u64::try_from(found).ok()).ok_or_else(unreadable)?;
        if latest > 0 {
            return Ok(Some((U80::from(phase) << PHASE_SHIFT) | U80::from(latest)));
        }
    }
    Ok(None)
}

/// Phase and aggregator's round of an id.
fn parts(id: U80) -> (u16, u64) {
    let low = id & U80::from(u64::MAX);
    (u16::try_from(id >> PHASE_SHIFT).unwrap_or_default(), u64::try_from(low).unwrap_or_default())
}

fn id_of(text: &str, settled: &Settled, feed: Address) -> Result<U80, FetchError> {
    let wrong = |_| FetchError::NoContract { address: feed, what: "a price feed", block: settled.block.number };
    text.parse().map_err(wrong)
}

/// Prices in the order of time, and of ids where times are equal: a later phase goes before an earlier one.
fn told(pages: Vec<Page>, settled: &Settled, feed: Address) -> Result<(Vec<Sample>, Rounds), FetchError> {
    let mut rounds = Rounds { absent_rounds: pages.iter().map(|page| page.absent).sum(), ..Rounds::default() };
    let mut found = Vec::new();
    // The first time of this phase so far, and of those after it.
    let (mut first, mut first_later) = (u64::MAX, u64::MAX);
    for round in pages.into_iter().flat_map(|page| page.rounds) {
        let wrong = |_| FetchError::NoContract { address: feed, what: "a price feed", block: settled.block.number };
        let (id, answer) = (id_of(&round.id, settled, feed)?, round.answer.parse::<I256>().map_err(wrong)?);
        rounds.rounds += 1;
        let phase = u64::from(parts(id).0);
        if rounds.phases.last() != Some(&phase) {
            rounds.phases.push(phase);
            first_later = first;
        }
        first = first.min(round.at);
        rounds.overlapping_rounds += u64::from(round.at >= first_later);
        if answer <= I256::ZERO {
            rounds.rounds_without_price += 1;
            continue;
        }
        let price = format_units(U256::from_be_bytes(answer.to_be_bytes::<32>()), settled.decimals);
        found.push((round.at, id, price.unwrap_or_default()));
    }
    found.sort();
    Ok((found.into_iter().map(|(at, _, price)| Sample(at, price)).collect(), rounds))
}
