//! A policy out of answers, without a chain to read: what is not known is an example, to be filled in.
//!
//! Tokens, feeds and pools that a policy of the library names are known by their symbols; of any other only its kind is asked.

use super::{cash, cautious};
use alloy::primitives::{Address, B256};
use quaestor_core::{
    Account, Asset, AssetId, AssetKind, Policy, Pool, Route, Terms, Venue, VenueKind,
    amount::BPS_FACTOR,
    policy::{RiskTerms, Schedule},
};
use quaestor_policies::{Facts, LIBRARY, StrategyFacts};

/// The chain of the library's policies.
const LIBRARY_CHAIN: u64 = 1;
/// Fee of a pool that the library does not know, hundredths of a basis point.
const FEE_PIPS: u32 = 3_000;
/// Digits of the examples: of contracts and accounts, of the router, of every unknown feed, and of unknown tokens.
const CONTRACTS: [u8; 3] = [1, 2, 3];
const SAFE: u8 = 4;
const RESERVE: [u8; 3] = [5, 6, 7];
const FEED: u8 = 9;
const ROUTER: u8 = 15;
const TOKENS: [u8; 6] = [8, 10, 11, 12, 13, 14];

/// What somebody says of a DAO. Every address of its own is an example, to be filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    /// Name of the policy.
    pub name: String,
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Whether there is a reserve that members vote on, beside the Safe for operations.
    pub has_reserve: bool,
    /// What the treasury should hold; the first stable asset is cash.
    pub holdings: Vec<Holding>,
    /// Whole tokens of cash below which operations are refilled from the reserve, and up to which.
    pub refill: Option<(u64, u64)>,
    /// From this Unix time on it permits nothing.
    pub expires_at: u64,
}

/// An asset and its share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// Symbol.
    pub symbol: String,
    /// Share of the treasury, bps.
    pub share_bps: u64,
    /// What it is to the treasury; needed where the library does not know it.
    pub kind: Option<AssetKind>,
}

/// Why there is no policy out of the answers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// The shares are no whole.
    #[error("the shares sum to {found_bps} bps; they must sum to {BPS_FACTOR}, which is 100 %")]
    Sum {
        /// Their sum.
        found_bps: u64,
    },
    /// An asset that nobody knows.
    #[error(
        "`{symbol}` is in no policy of the library; say what it is, such as {symbol}=20:volatile (or stable, native)"
    )]
    Unknown {
        /// Its symbol.
        symbol: String,
    },
    /// An asset twice.
    #[error("`{symbol}` is named twice; name it once")]
    Twice {
        /// Its symbol.
        symbol: String,
    },
    /// More unknown assets than there are examples.
    #[error("more than {most} assets are unknown; name {most} here, and write the others into the file by hand")]
    TooMany {
        /// Most of them.
        most: usize,
    },
    /// A refill of nothing, or from nowhere.
    #[error("a refill needs a reserve, and a stable asset to send; say --reserve, or leave --refill out")]
    Refill,
}

/// A holding such as `WETH=30` or `VOTE=12.5:native`: symbol, percent of the treasury, and the kind of an unknown asset.
///
/// # Errors
/// What to write instead.
pub fn parse_holding(text: &str) -> Result<Holding, String> {
    let form = || format!("`{text}` is no holding; write SYMBOL=PERCENT[:KIND], such as WETH=30 or VOTE=12.5:native");
    let (symbol, rest) = text.split_once('=').ok_or_else(form)?;
    let (percent, kind) = match rest.split_once(':') {
        Some((percent, kind)) => (percent, Some(super::wish::parse_kind(kind)?)),
        None => (rest, None),
    };
    let (whole, part) = percent.split_once('.').unwrap_or((percent, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if symbol.is_empty() || whole.is_empty() || !is_number(whole) || !is_number(part) || part.len() > 2 {
        return Err(form());
    }
    let share_bps = format!("{whole}{part:0<2}").parse().map_err(|_| form())?;
    if share_bps > BPS_FACTOR {
        return Err(form());
    }
    Ok(Holding { symbol: symbol.to_owned(), share_bps, kind })
}

/// An address of one repeated digit.
fn example(digit: u8) -> Address {
    Address::repeat_byte(digit << 4 | digit)
}

/// What the library's policies know of a chain.
#[derive(Default)]
struct Known {
    assets: Vec<Asset>,
    pools: Vec<(String, String, u32)>,
    router: Option<Address>,
}

impl Known {
    fn of(chain_id: u64) -> Self {
        let mut known = Self::default();
        if chain_id != LIBRARY_CHAIN {
            return known;
        }
        let catalog = quaestor_strategies::catalog();
        for shipped in LIBRARY {
            // They parse, as a test of theirs says.
            let Ok(policy) = quaestor_policies::parse(shipped.text.as_bytes(), &catalog) else { continue };
            known.add(policy.terms());
        }
        known
    }

    fn add(&mut self, terms: &Terms) {
        let is_example = |address: Address| (1..=15).any(|digit| example(digit) == address);
        for asset in terms.assets.iter().filter(|asset| !is_example(asset.address)) {
            if !asset.feeds.is_empty() && !self.assets.iter().any(|known| known.symbol == asset.symbol) {
                self.assets.push(asset.clone());
            }
        }
        for venue in terms.venues.iter().filter(|venue| venue.kind == VenueKind::UniswapV3) {
            self.router = self.router.or((!is_example(venue.address)).then_some(venue.address));
            let named =
                |pool: &Pool| (terms.symbol_of(pool.a).to_owned(), terms.symbol_of(pool.b).to_owned(), pool.fee_pips);
            self.pools.extend(venue.pools.iter().map(named));
        }
    }

    fn fee_pips(&self, a: &str, b: &str) -> u32 {
        let joins = |(one, other, _): &&(String, String, u32)| (one == a && other == b) || (one == b && other == a);
        self.pools.iter().find(joins).map_or(FEE_PIPS, |(_, _, fee)| *fee)
    }
}

impl Answers {
    /// What a starting policy is written from. It parses, unless a name is none.
    ///
    /// # Errors
    /// If the answers do not go together.
    pub fn facts(&self) -> Result<Facts, AnswerError> {
        let known = Known::of(self.chain_id);
        let assets = self.assets(&known)?;
        let share = |symbol: &str| self.holdings.iter().find(|it| it.symbol == symbol).map_or(0, |it| it.share_bps);
        let bands = cautious::bands(&assets, share);
        let widest = quaestor_core::Limits::default().envelope();
        let mut limits = cautious::limits(&widest, &assets, self.has_reserve);
        limits.stable_share_bps_min = cautious::stable_share(&assets, &bands);
        let [registry, brake, gate] = CONTRACTS.map(example);
        let (venues, strategies) = (self.venues(&known, &assets), self.strategies(&assets)?);
        Ok(Facts {
            name: self.name.clone(),
            chain_id: self.chain_id,
            registry,
            brake,
            gate,
            expires_at: self.expires_at,
            schedule: Schedule::Cron("0 0 8 * * *".into()),
            validity_secs: None,
            accounts: self.accounts(),
            assets,
            bands,
            limits,
            risk: RiskTerms { history_rounds: 128, ..Default::default() },
            venues,
            counterparties: Vec::new(),
            strategies,
        })
    }

    fn accounts(&self) -> Vec<Account> {
        let [address, governor, proposer] = RESERVE.map(example);
        let operations = Account { name: "operations".into(), address: example(SAFE), route: Route::Safe };
        let route = Route::Governor { governor, proposer };
        let reserve = self.has_reserve.then(|| Account { name: "reserve".into(), address, route });
        std::iter::once(operations).chain(reserve).collect()
    }

    fn assets(&self, known: &Known) -> Result<Vec<Asset>, AnswerError> {
        let found_bps = self.holdings.iter().map(|it| it.share_bps).sum();
        if found_bps != BPS_FACTOR {
            return Err(AnswerError::Sum { found_bps });
        }
        let (mut assets, mut examples): (Vec<Asset>, _) = (Vec::new(), TOKENS.iter());
        for Holding { symbol, kind, .. } in &self.holdings {
            if assets.iter().any(|asset| asset.symbol == *symbol) {
                return Err(AnswerError::Twice { symbol: symbol.clone() });
            }
            let asset = match (known.assets.iter().find(|asset| asset.symbol == *symbol), kind) {
                // Whoever says a kind knows better what it is to the treasury.
                (Some(asset), kind) => Asset { kind: kind.unwrap_or(asset.kind), ..asset.clone() },
                (None, None) => return Err(AnswerError::Unknown { symbol: symbol.clone() }),
                (None, Some(kind)) => Asset {
                    symbol: symbol.clone(),
                    address: example(*examples.next().ok_or(AnswerError::TooMany { most: TOKENS.len() })?),
                    decimals: 18,
                    kind: *kind,
                    feeds: vec![example(FEED)],
                    staleness_secs_max: 25 * cautious::HOUR,
                    code_hash: None,
                },
            };
            assets.push(asset);
        }
        Ok(assets)
    }

    /// Each asset in a pool with cash, but for the DAO's own token, which nothing here trades.
    fn venues(&self, known: &Known, assets: &[Asset]) -> Vec<Venue> {
        let Some(cash) = cash(assets) else { return Vec::new() };
        let symbol = |id: AssetId| assets.get(id.index()).map_or("", |asset| asset.symbol.as_str());
        let traded = assets.iter().zip(0..).filter(|(asset, _)| asset.kind != AssetKind::Native);
        let ids = traded.map(|(_, place)| AssetId(place)).filter(|id| *id != cash);
        let pool = |a: AssetId| Pool { a, b: cash, fee_pips: known.fee_pips(symbol(a), symbol(cash)) };
        let pools: Vec<Pool> = ids.map(pool).collect();
        if pools.is_empty() {
            return Vec::new();
        }
        vec![Venue {
            name: "uniswap".into(),
            kind: VenueKind::UniswapV3,
            address: known.router.unwrap_or(example(ROUTER)),
            code_hash: B256::repeat_byte(0x11),
            pools,
            share_bps_max: None,
            price_impact_bps_max: None,
        }]
    }

    fn strategies(&self, assets: &[Asset]) -> Result<Vec<StrategyFacts>, AnswerError> {
        let cash = cash(assets).and_then(|id| assets.get(id.index())).map(|asset| asset.symbol.as_str());
        let is_traded = assets.iter().filter(|asset| asset.kind != AssetKind::Native).count() > 1;
        let rebalance = cash.filter(|_| is_traded).map(cautious::rebalance);
        let refill = match (self.refill, self.has_reserve, cash) {
            (None, _, _) => None,
            (Some((low, target)), true, Some(cash)) => Some(cautious::refill(cash, low.into(), target.into())),
            (Some(_), _, _) => return Err(AnswerError::Refill),
        };
        Ok(rebalance.into_iter().chain(refill).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quaestor_policies::{ProblemKind, mark_examples, parse, starting_policy};

    fn answers(holdings: &[&str]) -> Answers {
        Answers {
            name: "Example DAO".into(),
            chain_id: 1,
            has_reserve: false,
            holdings: holdings.iter().map(|text| parse_holding(text).unwrap()).collect(),
            refill: None,
            expires_at: 1_830_297_600,
        }
    }

    fn written(answers: &Answers) -> quaestor_policies::VotedPolicy {
        let text = mark_examples(&starting_policy(&answers.facts().unwrap()));
        parse(text.as_bytes(), &quaestor_strategies::catalog()).unwrap_or_else(|problems| panic!("{problems}\n{text}"))
    }

    #[test]
    fn holdings_are_read_or_refused_with_their_form() {
        let holding = |symbol: &str, share_bps, kind| Ok(Holding { symbol: symbol.into(), share_bps, kind });
        assert_eq!(parse_holding("WETH=30"), holding("WETH", 3_000, None));
        assert_eq!(parse_holding("VOTE=12.5:native"), holding("VOTE", 1_250, Some(AssetKind::Native)));
        assert_eq!(parse_holding("X=0.05:stable"), holding("X", 5, Some(AssetKind::Stable)));
        for bad in ["", "WETH", "=30", "WETH=", "WETH=-1", "WETH=1.234", "WETH=101", "WETH=30:cash", "WETH=30%"] {
            assert!(parse_holding(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_the_library_knows_needs_no_address() {
        let policy = written(&answers(&["USDC=60", "WETH=30", "WBTC=10"]));
        let left: Vec<String> = policy.warnings().into_iter().map(|it| it.path).collect();
        assert_eq!(
            left,
            [
                "policy.registry",
                "policy.brake",
                "policy.gate",
                "accounts.operations.address",
                "venues.uniswap.code_hash"
            ]
        );
        assert_eq!(policy.terms().strategies.len(), 1);
    }

    #[test]
    fn what_it_does_not_know_is_to_be_filled_in() {
        let all = [
            "USDC=50",
            "VOTE=10:native",
            "A=10:volatile",
            "B=10:volatile",
            "C=10:volatile",
            "D=5:stable",
            "E=5:volatile",
        ];
        let policy = written(&Answers { has_reserve: true, refill: Some((50_000, 150_000)), ..answers(&all) });
        assert!(policy.warnings().iter().all(|it| it.kind == ProblemKind::Example));
        let terms = policy.terms();
        assert_eq!((terms.strategies.len(), terms.accounts.len(), terms.limits.validity_secs_max), (2, 2, 14 * 86_400));
        let elsewhere = written(&Answers { chain_id: 10, ..answers(&["USDC=60:stable", "WETH=40:volatile"]) });
        assert_eq!(elsewhere.terms().chain_id, 10);
    }

    #[test]
    fn answers_that_do_not_go_together_say_why() {
        let refused = |answers: Answers| answers.facts().unwrap_err();
        assert_eq!(refused(answers(&["USDC=60"])), AnswerError::Sum { found_bps: 6_000 });
        assert_eq!(refused(answers(&["USDC=60", "VOTE=40"])), AnswerError::Unknown { symbol: "VOTE".into() });
        assert_eq!(refused(answers(&["USDC=60", "USDC=40"])), AnswerError::Twice { symbol: "USDC".into() });
        let many: Vec<String> = (0..10).map(|number| format!("T{number}=10:volatile")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(refused(answers(&many)), AnswerError::TooMany { most: 6 });
        assert_eq!(refused(Answers { refill: Some((1, 2)), ..answers(&["USDC=100"]) }), AnswerError::Refill);
    }
}
