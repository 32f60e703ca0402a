//! `quaestor data fetch` from nodes: what it reads of the local chain's feeds and pools is what was replayed into them, and
//! a feed of several phases is read to its beginning.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where its fixture is wrong")]
#![allow(unreachable_pub, dead_code, reason = "shared with other tests")]

mod fetching;
mod local;

use alloy::{
    primitives::{Address, B256, Bytes, I256, U256, address, aliases::U80},
    rpc::types::{Block, Header},
    sol_types::{SolCall, SolValue},
};
use fetching::{Reply, Seen, Server, good};
use local::{days, fresh};
use quaestor::{
    config::MULTICALL3,
    devnet::{Devnet, Proxy, ReplayDay, market::feed_answer},
    fetch::{ChainSource, FetchError, Fetched, PoolPrice, Request, Retry, Settings, Source, Span, run},
};
use quaestor_contracts::bindings::{IAggregatorV3, IFeedPhases, IMulticall3, IUniswapV3Pool};
use quaestor_core::Price;
use quaestor_simulations::{
    Day,
    data::{Fill, Kind, Series},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

const DAY: u64 = 86_400;
const HOUR: u64 = 3_600;
/// 2026-01-01: for bars to be over it is the chain's own time that counts.
const NOW: u64 = 1_767_225_600;
const WAD: f64 = 1e18;

fn day(text: &str) -> u64 {
    text.parse::<Day>().unwrap().open_timestamp()
}

fn settings() -> Settings {
    let retry = Retry { first: Duration::from_millis(5), ..Retry::default() };
    Settings { retry, per_minute: Some(600_000), timeout: Duration::from_secs(10), ..Settings::new(NOW) }
}

fn at(url: &str, address: Address) -> ChainSource {
    ChainSource { rpc_url: url.parse().unwrap(), address, multicall: MULTICALL3 }
}

fn request(source: Source, from: &str, to: &str, step: u64, out: PathBuf) -> Request {
    let span = Span { from: day(from), to: Some(day(to) + DAY - 1), step };
    Request { source, span, name: "WETH".to_owned(), age_secs_max: None, fill: Fill::Nothing, out }
}

fn closes(found: &Fetched) -> Vec<(u64, Price)> {
    let series = found.data.get(Kind::Price, "WETH").unwrap();
    let at = |(bar, close): (usize, &Price)| (series.time(bar), *close);
    series.prices().unwrap().close.iter().enumerate().map(at).collect()
}

fn sidecar(found: &Fetched) -> Value {
    serde_json::from_slice(&fs::read(&found.source_file).unwrap()).unwrap()
}

/// What was replayed into the feed of `symbol` on each day, by its beginning.
fn replayed(days: &[ReplayDay], symbol: &str) -> BTreeMap<u64, u128> {
    let answer = |day: &ReplayDay| feed_answer(day.prices.iter().find(|(name, _)| name == symbol).unwrap().1);
    days.iter().map(|day| (day.timestamp / DAY * DAY, answer(day))).collect()
}

/// The local DAO with the prices of its past and of March 2020, those that a pool has from its second day on.
async fn replay() -> (Devnet, Vec<ReplayDay>) {
    let devnet = fresh().await;
    let march = days("2020-03-01", "2020-03-20");
    devnet.replay(&march).await.unwrap();
    (devnet, days("2020-01-01", "2020-03-20"))
}

#[tokio::test]
async fn rounds_of_a_feed_are_those_that_were_replayed() {
    let (devnet, all) = replay().await;
    let folder = tempfile::tempdir().unwrap();
    let weth = devnet.dao.asset("WETH").unwrap();
    let out = folder.path().join("WETH.parquet");
    let feed = || Source::Chainlink(at(devnet.chain.url().as_str(), weth.feed));
    let found = run(request(feed(), "2020-01-05", "2020-03-15", DAY, out), &settings()).await.unwrap();
    let answers = replayed(&all, "WETH");
    let expected: Vec<(u64, Price)> = answers
        .range(day("2020-01-05")..=day("2020-03-15"))
        .map(|(at, answer)| (*at, Price(answer * 10_000_000_000)))
        .collect();
    assert_eq!(expected.len(), 71);
    assert_eq!(closes(&found), expected);
    let told = sidecar(&found);
    assert_eq!((told["details"]["chain_id"].as_u64(), told["details"]["decimals"].as_u64()), (Some(31_337), Some(8)));
    assert_eq!(told["details"]["rounds"]["rounds"], 80);
    assert_eq!(told["resampling"]["found"], json!({"carried_bars": 0, "oldest_secs": 0, "missing_bars": 0}));
    let block = devnet.chain.now().await.unwrap();
    assert_eq!(told["details"]["block"]["timestamp"], block);

    // Hours between two rounds take the one before, and it is told how many do; a limit makes them gaps.
    let out = folder.path().join("hours.parquet");
    let hours = |out: &Path| request(feed(), "2020-03-02", "2020-03-04", HOUR, out.to_owned());
    let found = run(hours(&out), &settings()).await.unwrap();
    let prices = closes(&found);
    assert_eq!(prices.len(), 72);
    let answer = |day_of: &str| Price(answers[&day(day_of)] * 10_000_000_000);
    assert_eq!(prices[22].1, answer("2020-03-01"), "until a second before midnight");
    assert_eq!(prices[23].1, answer("2020-03-02"));
    let resampled = &sidecar(&found)["resampling"]["found"];
    assert_eq!((resampled["carried_bars"].as_u64(), resampled["oldest_secs"].as_u64()), (Some(69), Some(23 * HOUR)));
    let strict = || Request { age_secs_max: Some(HOUR), ..hours(&folder.path().join("strict.parquet")) };
    let error = run(strict(), &settings()).await.unwrap_err().to_string();
    assert!(error.contains("missing between 2020-03-02 00:00 and 2020-03-02 23:00: 22"), "{error}");
    let filled = run(Request { fill: Fill::Previous, ..strict() }, &settings()).await.unwrap();
    assert_eq!(closes(&filled), prices);
    assert_eq!(sidecar(&filled)["resampling"]["filled_bars"], 22 * 3);

    // What is no feed, and what is before its first round.
    let out = |name: &str| folder.path().join(name);
    let no_feed = Source::Chainlink(at(devnet.chain.url().as_str(), weth.address));
    let error =
        run(request(no_feed, "2020-03-02", "2020-03-04", DAY, out("a.parquet")), &settings()).await.unwrap_err();
    assert!(matches!(error, FetchError::NoContract { .. }), "{error}");
    let early = request(feed(), "2019-12-30", "2020-01-10", DAY, out("b.parquet"));
    let error = run(early, &settings()).await.unwrap_err().to_string();
    assert!(error.contains("from 2020-01-01 00:00"), "{error}");
    let future = request(feed(), "2020-03-02", "2020-03-21", DAY, out("c.parquet"));
    let error = run(future, &settings()).await.unwrap_err().to_string();
    assert!(error.contains("is not over"), "{error}");
}

/// Ratio of `found` to `expected`, less one.
fn off(found: Price, expected: f64) -> f64 {
    (found.0 as f64 / WAD / expected - 1.0).abs()
}

#[tokio::test]
async fn prices_of_a_pool_are_those_that_were_replayed() {
    let (devnet, all) = replay().await;
    let folder = tempfile::tempdir().unwrap();
    let weth = devnet.dao.assets.iter().position(|asset| asset.symbol == "WETH").unwrap();
    let pool = devnet.dao.pools.iter().find(|pool| pool.base == weth).unwrap();
    let usdc = devnet.dao.asset("USDC").unwrap().address;
    let dollar = usize::from(usdc > devnet.dao.assets[weth].address);
    let source = |url: &str, price| Source::Uniswap { at: at(url, pool.address), dollar, price };
    let url = devnet.chain.url().as_str();
    let ask = async |url: &str, price, name: &str| {
        run(request(source(url, price), "2020-03-03", "2020-03-15", DAY, folder.path().join(name)), &settings()).await
    };

    // In dollars of the feeds: a pool's dollar is the other token.
    let (weths, usdcs) = (replayed(&all, "WETH"), replayed(&all, "USDC"));
    let price = |at: u64| weths[&at] as f64 / usdcs[&at] as f64;
    let last = ask(url, PoolPrice::Last, "last.parquet").await.unwrap();
    assert_eq!(closes(&last).len(), 13);
    for (at, found) in closes(&last) {
        assert!(off(found, price(at)) < 1e-9, "{at}: {found:?}");
    }
    // All of the day but its last second the pool stood at the close of the day before. Its oracle counts whole ticks, each
    // one basis point.
    let mean = ask(url, PoolPrice::TimeWeighted, "mean.parquet").await.unwrap();
    let mut moved = 0;
    for (at, found) in closes(&mean) {
        let (before, now) = (price(at - DAY).ln(), price(at).ln());
        let expected = ((before * 86_399.0 + now) / 86_400.0).exp();
        assert!(off(found, expected) < 1.01e-4, "{at}: {found:?}, {expected}");
        moved += usize::from(off(found, price(at)) > 1e-2);
    }
    assert!(moved > 5, "it is another price than the last: {moved}");

    let liquidity: &Series = mean.data.get(Kind::Liquidity, "WETH").unwrap();
    let stands = devnet.chain.read(pool.address, &IUniswapV3Pool::liquidityCall {}).await.unwrap();
    assert_eq!((liquidity.begin, liquidity.samples().unwrap()), (day("2020-03-03"), &[stands; 13][..]));
    let told = sidecar(&mean);
    assert_eq!(told["details"]["blocks"]["first"]["timestamp"], day("2020-03-03") - 1, "the last one before it");
    assert_eq!(
        (told["details"]["fee_pips"].as_u64(), told["details"]["price"].as_str()),
        (Some(500), Some("time-weighted"))
    );

    // A node that goes away in the middle, and one that is busy.
    let proxy = Proxy::start(url).await.unwrap();
    let through = proxy.url().to_string();
    let out = folder.path().join("again.parquet");
    let partial = folder.path().join("again.parquet.partial");
    let cut = tokio::spawn({
        let request = request(source(&through, PoolPrice::TimeWeighted), "2020-03-03", "2020-03-15", DAY, out.clone());
        async move { run(request, &settings()).await }
    });
    let lines = || fs::read_to_string(&partial).map_or(0, |text| text.lines().count());
    while lines() < 4 && !cut.is_finished() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    proxy.set_down(true);
    let error = cut.await.unwrap().unwrap_err();
    assert!(error.to_string().contains("gave no answer in 6 attempts"), "{error}");
    let kept = lines() - 1;
    proxy.set_down(false);
    proxy.reset_counts();
    proxy.fail("eth_call", -32_005, "too many requests");
    let healed = tokio::spawn({
        let request = request(source(&through, PoolPrice::TimeWeighted), "2020-03-03", "2020-03-15", DAY, out.clone());
        async move { run(request, &settings()).await }
    });
    while proxy.count("eth_call") < 6 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    proxy.restore("eth_call");
    healed.await.unwrap().unwrap();
    assert!((3..14).contains(&kept) && proxy.count("eth_call") <= 3 * (14 - kept as u64) + 3 * 6, "{kept}");
    assert_eq!(fs::read(out).unwrap(), fs::read(mean.out).unwrap());

    let too_early =
        request(source(url, PoolPrice::Last), "2020-02-01", "2020-03-15", DAY, folder.path().join("a.parquet"));
    let error = run(too_early, &settings()).await.unwrap_err();
    assert!(matches!(error, FetchError::BeforeChain { .. }), "{error}");
    let no_pool =
        request(source(url, PoolPrice::Last), "2020-03-01", "2020-03-15", DAY, folder.path().join("b.parquet"));
    let error = run(no_pool, &settings()).await.unwrap_err();
    assert!(matches!(error, FetchError::NoContract { .. }), "it was deployed on that day: {error}");
}

/// A feed whose proxy has had four aggregators, in a node of the test: hours from `START` on, each phase after the other.
/// Phase 2 never answered; of phase 4 round 77 is absent and round 78 says zero.
struct Phases {
    /// First hour and rounds of each phase, from 1 on.
    phases: [(u64, u64); 4],
    readable_from: u16,
}

/// 2021-01-01.
const START: u64 = 1_609_459_200;
const PROXY: Address = address!("5f4eC3Df9cbd43714FE2740f5E3616155c5b8419");

impl Phases {
    fn aggregator(phase: u16) -> Address {
        Address::with_last_byte(u8::try_from(phase).unwrap())
    }

    fn latest(&self) -> U80 {
        (U80::from(4) << 64_usize) | U80::from(self.phases[3].1)
    }

    /// Dollars of an hour.
    fn answer(hour: u64) -> i64 {
        (1_000 + i64::try_from(hour).unwrap()) * 100_000_000
    }

    fn round(&self, id: U80) -> Option<Vec<u8>> {
        let (phase, round) = (u64::try_from(id >> 64_usize).unwrap(), u64::try_from(id & U80::from(u64::MAX)).unwrap());
        let (first, rounds) = *self.phases.get(usize::try_from(phase).unwrap().checked_sub(1)?)?;
        if !(1..=rounds).contains(&round) || (phase, round) == (4, 77) {
            return None;
        }
        let hour = first + round - 1;
        let answer = if (phase, round) == (4, 78) { 0 } else { Self::answer(hour) };
        // A minute past the hour.
        let time = U256::from(START + hour * HOUR + 60);
        Some((id, I256::try_from(answer).unwrap(), time, time, id).abi_encode_params())
    }

    fn call(&self, to: Address, data: &[u8]) -> Option<Vec<u8>> {
        if to == MULTICALL3 {
            let calls = IMulticall3::aggregate3Call::abi_decode(data).unwrap().calls;
            let result = |call: &IMulticall3::Call3| {
                let found = self.call(call.target, &call.callData);
                IMulticall3::Result { success: found.is_some(), returnData: found.unwrap_or_default().into() }
            };
            return Some(IMulticall3::aggregate3Call::abi_encode_returns(&calls.iter().map(result).collect()));
        }
        if let Ok(call) = IAggregatorV3::getRoundDataCall::abi_decode(data) {
            return self.round(call.roundId);
        }
        if IAggregatorV3::latestRoundDataCall::abi_decode(data).is_ok() {
            return self.round(self.latest());
        }
        if let Ok(call) = IFeedPhases::phaseAggregatorsCall::abi_decode(data) {
            return (call.phaseId >= self.readable_from).then(|| Self::aggregator(call.phaseId).abi_encode());
        }
        if IFeedPhases::latestRoundCall::abi_decode(data).is_ok() {
            let phase = (1..=4).find(|phase| Self::aggregator(*phase) == to)?;
            return Some(U256::from(self.phases[usize::from(phase) - 1].1).abi_encode());
        }
        if IAggregatorV3::decimalsCall::abi_decode(data).is_ok() {
            return Some(U256::from(8).abi_encode());
        }
        IAggregatorV3::descriptionCall::abi_decode(data).ok().map(|_| "ETH / USD".to_owned().abi_encode())
    }

    fn one(&self, request: &Value) -> Value {
        let mut header: Header = Header { hash: B256::repeat_byte(7), ..Header::default() };
        (header.inner.number, header.inner.timestamp) = (9, START + 2_000 * HOUR);
        let block = Block::<B256> { header, ..Block::default() };
        let result = match request["method"].as_str().unwrap() {
            "eth_chainId" => json!("0x1"),
            "eth_getBlockByNumber" => serde_json::to_value(block).unwrap(),
            "eth_call" => {
                assert_eq!(request["params"][1]["blockHash"], json!(B256::repeat_byte(7)), "pinned to one block");
                let to: Address = request["params"][0]["to"].as_str().unwrap().parse().unwrap();
                let data: Bytes = request["params"][0]["input"].as_str().unwrap().parse().unwrap();
                match self.call(to, &data) {
                    Some(found) => json!(Bytes::from(found)),
                    None => {
                        let error = json!({"code": 3, "message": "execution reverted: No data present"});
                        return json!({"jsonrpc": "2.0", "id": request["id"], "error": error});
                    }
                }
            }
            other => panic!("{other} is not asked"),
        };
        json!({"jsonrpc": "2.0", "id": request["id"], "result": result})
    }

    fn serve(self, refused: Option<usize>) -> Server {
        Server::start(move |before, seen: &Seen| {
            if Some(before) == refused {
                return Reply::Whole(400, "x: y", String::new());
            }
            let request: Value = serde_json::from_str(&seen.body).unwrap();
            good(match request.as_array() {
                Some(many) => Value::from(many.iter().map(|one| self.one(one)).collect::<Vec<Value>>()).to_string(),
                None => self.one(&request).to_string(),
            })
        })
    }
}

fn phases() -> Phases {
    Phases { phases: [(0, 300), (300, 0), (300, 20), (320, 600)], readable_from: 1 }
}

#[tokio::test]
async fn a_feed_is_read_through_its_phases() {
    let folder = tempfile::tempdir().unwrap();
    let server = phases().serve(None);
    let feed = |server: &Server| Source::Chainlink(at(&server.url("/v3/secret-key"), PROXY));
    let wanted =
        |server: &Server, name: &str| request(feed(server), "2021-01-05", "2021-02-05", HOUR, folder.path().join(name));
    let found = run(wanted(&server, "WETH.parquet"), &settings()).await.unwrap();
    let expected: Vec<(u64, Price)> = (96..864)
        .map(|hour| {
            // Rounds 77 and 78 of phase 4 are hours 396 and 397: neither has a price.
            let spoke = if (396..=397).contains(&hour) { 395 } else { hour };
            (START + hour * HOUR, Price(u128::try_from(Phases::answer(spoke)).unwrap() * 10_000_000_000))
        })
        .collect();
    assert_eq!(closes(&found), expected);
    let told = sidecar(&found);
    assert_eq!(
        told["details"]["rounds"],
        json!({"rounds": 869, "absent_rounds": 1, "rounds_without_price": 1, "phases": [4, 3, 1], "overlapping_rounds": 0}),
        "600 less one of phase 4, 20, none, and the newest 250 of phase 1"
    );
    assert_eq!(told["details"]["description"], "ETH / USD");
    assert_eq!(
        told["resampling"]["found"],
        json!({"carried_bars": 2, "oldest_secs": 3 * HOUR - 61, "missing_bars": 0})
    );
    assert!(!told.to_string().contains("secret-key") && told["url"] == format!("http://{}", server.address));

    // Cut off at any request, it goes on to the same bytes.
    let count = server.seen().len();
    for refused in 0..count {
        let server = phases().serve(Some(refused));
        let name = format!("{refused}.parquet");
        let error = run(wanted(&server, &name), &settings()).await.unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(text.contains("HTTP status 400") && !text.contains("secret-key"), "{text}");
        let again = run(wanted(&server, &name), &settings()).await.unwrap();
        assert_eq!(fs::read(again.out).unwrap(), fs::read(&found.out).unwrap(), "{refused} of {count}");
    }

    // Phase 3 goes on for ten hours beside phase 4, whose rounds come later: phase 3 is not seen there.
    let beside = Phases { phases: [(0, 300), (300, 0), (300, 30), (320, 600)], readable_from: 1 };
    let other = run(wanted(&beside.serve(None), "beside.parquet"), &settings()).await.unwrap();
    assert_eq!(closes(&other), expected);
    assert_eq!(sidecar(&other)["details"]["rounds"]["overlapping_rounds"], 10);

    let server = Phases { readable_from: 3, ..phases() }.serve(None);
    let error = run(wanted(&server, "a.parquet"), &settings()).await.unwrap_err().to_string();
    assert!(error.contains("phase 2") && error.contains("begin at 2021-01-13 12:01"), "{error}");
}
