//! `quaestor data fetch` from price services, which are servers of the test: pages, waits, faults, and what a kill leaves.
#![allow(clippy::unwrap_used, reason = "a test ends where its fixture is wrong")]
#![allow(unreachable_pub, reason = "shared with other tests")]

mod fetching;

use fetching::{Reply, Seen, Server, good};
use quaestor::fetch::{
    ApiKey, FetchError, Fetched, Points, Request, Retry, Service, Settings, Source, Span, WebSource, run,
};
use quaestor_core::Price;
use quaestor_simulations::data::{self, Fill, Kind, Options, Series};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::{Duration, Instant},
};

const DAY: u64 = 86_400;
const HOUR: u64 = 3_600;
/// 2024-01-01.
const START: u64 = 1_704_067_200;
/// 2025-07-01, when all that is asked for is over.
const NOW: u64 = 1_751_328_000;
const WAD: u128 = 1_000_000_000_000_000_000;

/// A made-up price of an hour: a quarter above a thousand and the hours since the start.
fn price(at: u64) -> String {
    format!("{}.25", 1_000 + at.saturating_sub(START) / HOUR)
}

fn number(query: &Seen, key: &str) -> u64 {
    query.query[key].parse().unwrap()
}

/// As CoinGecko answers: milliseconds, some of them past the whole; and at the end always the present price.
fn coingecko(seen: &Seen) -> String {
    let step = if seen.query["interval"] == "daily" { DAY } else { HOUR };
    let (from, to) = (number(seen, "from"), number(seen, "to"));
    let times = (from.div_ceil(step) * step..=to).step_by(usize::try_from(step).unwrap());
    let mut rows: Vec<String> = times.map(|at| format!("[{}713,{}]", at, price(at))).collect();
    rows.push(format!("[{NOW}001,77777.5]"));
    format!(r#"{{"prices":[{}],"market_caps":[],"total_volumes":[]}}"#, rows.join(","))
}

fn source(server: &Server, points: Points, key: Option<ApiKey>) -> Source {
    Source::Web(WebSource {
        service: Service::CoinGecko,
        base: server.url("/api/v3").parse().unwrap(),
        id: "ethereum".to_owned(),
        points,
        key,
        per_minute: 600_000,
    })
}

fn days(server: &Server, count: u64, out: &Path) -> Request {
    Request {
        source: source(server, Points::Daily, None),
        span: Span { from: START, to: Some(START + count * DAY - 1), step: DAY },
        name: "ETH".to_owned(),
        age_secs_max: None,
        fill: Fill::Nothing,
        out: out.to_owned(),
    }
}

/// The usual settings, with waits that a test can take.
fn settings() -> Settings {
    let retry = Retry { first: Duration::from_millis(10), ..Retry::default() };
    Settings { retry, timeout: Duration::from_secs(5), ..Settings::new(NOW) }
}

fn series(path: &Path, kind: Kind) -> Series {
    let options = Options { now: NOW, ..Options::default() };
    data::load(path, &options).unwrap().get(kind, "ETH").unwrap().clone()
}

fn sidecar(found: &Fetched) -> Value {
    serde_json::from_slice(&fs::read(&found.source_file).unwrap()).unwrap()
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<String> = entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

#[tokio::test]
async fn prices_come_in_pages_and_are_told_where_from() {
    let server = Server::start(|_, seen| good(coingecko(seen)));
    let folder = Folder::new();
    let found = run(days(&server, 400, &folder.file("ETH.parquet")), &settings()).await.unwrap();
    assert_eq!(folder.names(), ["ETH.parquet", "ETH.parquet.source.json"]);

    let seen = server.seen();
    let asked: Vec<(u64, u64)> = seen.iter().map(|seen| (number(seen, "from"), number(seen, "to"))).collect();
    let second = START - DAY + 365 * DAY;
    assert_eq!(asked, [(START - DAY, second - 1), (second, START + 400 * DAY - 1)], "a day before, for the first bar");
    assert!(seen.iter().all(|seen| seen.path == "/api/v3/coins/ethereum/market_chart/range"));
    assert!(
        seen.iter().all(|seen| seen.query["vs_currency"] == "usd" && !seen.headers.contains_key("x-cg-demo-api-key"))
    );

    let eth = series(&found.out, Kind::Price);
    assert_eq!((eth.begin, eth.step, eth.len()), (START, DAY, 400));
    let closes = &eth.prices().unwrap().close;
    assert_eq!(
        closes[0],
        Price(1_000 * WAD + WAD / 4),
        "the price of its midnight closes the day: never known too early"
    );
    assert_eq!(closes[399], Price((1_000 + 24 * 399) * WAD + WAD / 4));

    let told = sidecar(&found);
    assert_eq!(told["source"], "coingecko");
    assert_eq!(told["url"], format!("http://{}", server.address));
    assert_eq!(told["details"]["asset"], "ethereum");
    assert_eq!((told["from"].as_u64(), told["to"].as_u64()), (Some(START), Some(START + 400 * DAY - 1)));
    assert_eq!((told["fetched_at"].as_u64(), told["bars"].as_u64()), (Some(NOW), Some(400)));
    assert_eq!(told["hash"], serde_json::to_value(found.data.hash()).unwrap());
    assert_eq!(told["resampling"]["found"]["oldest_secs"], 86_399);
    assert_eq!(told["resampling"]["found"]["carried_bars"], 0);
}

#[tokio::test]
async fn days_of_hourly_prices_close_at_their_last_hour() {
    let server = Server::start(|_, seen| good(coingecko(seen)));
    let folder = Folder::new();
    let request =
        Request { source: source(&server, Points::Hourly, None), ..days(&server, 200, &folder.file("ETH.csv.gz")) };
    let found = run(request, &settings()).await.unwrap();
    assert_eq!(server.seen().len(), 3, "ninety days a request");
    let closes = series(&found.out, Kind::Price).prices().unwrap().close.clone();
    assert_eq!(closes[1], Price((1_000 + 47) * WAD + WAD / 4));
    assert_eq!(sidecar(&found)["resampling"]["found"]["oldest_secs"], 3_599);
}

#[tokio::test]
async fn a_busy_or_faulty_server_is_asked_again() {
    let server = Server::start(|before, seen| match before {
        0 => Reply::Whole(429, "retry-after: 1", String::new()),
        1 => Reply::Whole(500, "x: y", "<html>".to_owned()),
        2 => Reply::Whole(503, "x: y", String::new()),
        3 => Reply::Half(coingecko(seen)),
        // The length is that of the half: only the JSON itself is cut off.
        4 => good(&coingecko(seen)[..200]),
        _ => good(coingecko(seen)),
    });
    let folder = Folder::new();
    let began = Instant::now();
    run(days(&server, 10, &folder.file("ETH.parquet")), &settings()).await.unwrap();
    assert_eq!(server.seen().len(), 6);
    assert!(began.elapsed() >= Duration::from_secs(1), "it asked to wait a second: {:?}", began.elapsed());
}

#[tokio::test]
async fn patience_ends() {
    let server = Server::start(|_, _| Reply::Whole(502, "x: y", String::new()));
    let folder = Folder::new();
    let error = run(days(&server, 10, &folder.file("ETH.parquet")), &settings()).await.unwrap_err();
    assert!(matches!(error, FetchError::Unreachable { attempts: 6, .. }), "{error}");
    assert_eq!(server.seen().len(), 6);

    let server = Server::start(|_, _| Reply::Whole(429, "retry-after: 3600", String::new()));
    let error = run(days(&server, 10, &folder.file("B.parquet")), &settings()).await.unwrap_err();
    assert!(matches!(error, FetchError::WaitTooLong { secs: 3_600, .. }), "{error}");
    assert_eq!(server.seen().len(), 1);

    let server = Server::start(|_, _| Reply::Silence);
    let settings = Settings {
        retry: Retry { attempts: 2, first: Duration::from_millis(1), ..Retry::default() },
        timeout: Duration::from_millis(200),
        ..settings()
    };
    let error = run(days(&server, 10, &folder.file("C.parquet")), &settings).await.unwrap_err();
    assert!(matches!(error, FetchError::Unreachable { attempts: 2, .. }), "{error}");
}

#[tokio::test]
async fn another_answer_than_prices_is_told_at_once() {
    for (body, says) in [
        ("<html>Welcome</html>", "something else than prices"),
        (r#"{"prices": 1}"#, "invalid type"),
        (r#"{"prices": [["yesterday", 1]]}"#, "is no time in milliseconds"),
        (r#"{"price": []}"#, "missing field `prices`"),
    ] {
        let server = Server::start(move |_, _| good(body));
        let folder = Folder::new();
        let error = run(days(&server, 10, &folder.file("ETH.parquet")), &settings()).await.unwrap_err();
        assert!(matches!(error, FetchError::Malformed { .. }) && error.to_string().contains(says), "{error}");
        assert_eq!(server.seen().len(), 1);
    }
    // What is no price reaches the checks of market data.
    let server = Server::start(|_, seen| good(coingecko(seen).replace("1024.25", "null").replace("1048.25", "-3")));
    let folder = Folder::new();
    let error = run(days(&server, 10, &folder.file("ETH.parquet")), &settings()).await.unwrap_err().to_string();
    assert!(error.contains("close `null` is no number") && error.contains("close `-3` is not above zero"), "{error}");
    assert!(!folder.file("ETH.parquet").exists());
}

#[tokio::test]
async fn what_is_asked_for_wrongly_is_not_asked_again() {
    let body = r#"{"error": "coin not found"}"#;
    let server = Server::start(move |_, _| Reply::Whole(404, "x: y", body.to_owned()));
    let folder = Folder::new();
    let error = run(days(&server, 10, &folder.file("ETH.parquet")), &settings()).await.unwrap_err();
    assert!(error.to_string().contains("HTTP status 404: coin not found"), "{error}");
    assert_eq!(server.seen().len(), 1);
    let elsewhere = Server::start(|_, _| Reply::Whole(302, "location: http://127.0.0.1:9/", String::new()));
    let error = run(days(&elsewhere, 10, &folder.file("B.parquet")), &settings()).await.unwrap_err();
    assert!(matches!(error, FetchError::Refused { status: 302, .. }), "a key follows nobody elsewhere: {error}");
}

#[tokio::test]
async fn a_key_is_sent_and_never_told() {
    let secret = "CG-very-secret";
    let key = || ApiKey::new("x-cg-demo-api-key".parse().unwrap(), secret);
    let server = Server::start(move |before, seen| match before {
        0 => {
            let body = format!(
                r#"{{"status":{{"error_code":10010,"error_message":"Key {secret} of https://a/{secret} is wrong"}}}}"#
            );
            Reply::Whole(401, "x: y", body)
        }
        _ => good(coingecko(seen)),
    });
    let folder = Folder::new();
    let request =
        || Request { source: source(&server, Points::Daily, key()), ..days(&server, 10, &folder.file("ETH.csv.gz")) };
    let error = run(request(), &settings()).await.unwrap_err();
    assert!(matches!(error, FetchError::Rejected { status: 401, .. }), "{error}");
    let told = format!("{error} {error:?} {:?}", request());
    assert!(told.contains("Key (key) of (url) is wrong") && !told.contains(secret), "{told}");
    let found = run(request(), &settings()).await.unwrap();
    assert!(server.seen().iter().all(|seen| seen.headers["x-cg-demo-api-key"] == secret));
    assert!(!fs::read_to_string(found.source_file).unwrap().contains(secret));

    let mut clear = days(&server, 10, &folder.file("B.csv.gz"));
    let Source::Web(web) = &mut clear.source else { unreachable!() };
    (web.key, web.base) = (key(), "http://prices.example/".parse().unwrap());
    let error = run(clear, &settings()).await.unwrap_err();
    assert!(matches!(error, FetchError::Clear { .. }), "{error}");
}

#[tokio::test]
async fn a_run_that_ended_early_goes_on_to_the_same_bytes() {
    let whole = Server::start(|_, seen| good(coingecko(seen)));
    let folder = Folder::new();
    let later = NOW + 1_200 * DAY;
    let at = |now| Settings { now, ..settings() };
    let one = run(days(&whole, 1_000, &folder.file("one.parquet")), &at(later)).await.unwrap();
    let one = fs::read(one.out).unwrap();

    let server = Server::start(|before, seen| match before {
        2 => Reply::Whole(400, "x: y", String::new()),
        _ => good(coingecko(seen)),
    });
    let out = folder.file("two.parquet");
    run(days(&server, 1_000, &out), &at(later)).await.unwrap_err();
    assert!(!out.exists() && folder.file("two.parquet.partial").exists());
    let other = run(days(&server, 999, &out), &at(later)).await.unwrap_err();
    assert!(matches!(other, FetchError::OtherRequest { .. }), "{other}");
    let found = run(days(&server, 1_000, &out), &at(later + 7)).await.unwrap();
    assert_eq!(server.seen().len(), 4, "three pages, and the one that was refused");
    assert_eq!(fs::read(&out).unwrap(), one);
    assert_eq!(sidecar(&found)["fetched_at"], later, "as of when it began");
    assert!(!folder.file("two.parquet.partial").exists());
    let again = run(days(&server, 1_000, &out), &at(later)).await.unwrap_err();
    assert!(matches!(again, FetchError::Exists { .. }), "{again}");
}

#[tokio::test]
async fn what_is_missing_is_named_and_filled_only_when_told() {
    // A day of the middle, and then the first ones.
    let server =
        Server::start(|_, seen| good(coingecko(seen).replace(&format!("[{}713,1120.25],", START + 5 * DAY), "")));
    let folder = Folder::new();
    let out = folder.file("ETH.csv.gz");
    let error = run(days(&server, 10, &out), &settings()).await.unwrap_err().to_string();
    assert!(error.contains("missing between 2024-01-05 00:00 and 2024-01-07 00:00: 1"), "{error}");
    assert!(!out.exists());
    let request = Request { fill: Fill::Previous, ..days(&server, 10, &out) };
    let found = run(request, &settings()).await.unwrap();
    assert_eq!(server.seen().len(), 1, "the page was there");
    assert_eq!(series(&out, Kind::Price).len(), 10);
    let told = sidecar(&found);
    assert_eq!(told["resampling"]["filled_bars"], 1);
    assert_eq!(told["resampling"]["found"]["missing_bars"], 1);

    let young = Server::start(|_, seen| {
        let rows = coingecko(seen);
        let later = rows.find(&format!("[{}713", START + 3 * DAY)).unwrap();
        good(format!(r#"{{"prices":[{}"#, &rows[later..]))
    });
    let error = run(days(&young, 10, &folder.file("B.csv.gz")), &settings()).await.unwrap_err().to_string();
    assert!(error.contains("from 2024-01-04 00:00 to 2024-01-10 23:59:59 only"), "{error}");
    let none = Server::start(|_, _| good(r#"{"prices":[]}"#));
    let error = run(days(&none, 10, &folder.file("C.csv.gz")), &settings()).await.unwrap_err();
    assert!(matches!(error, FetchError::NoPrices { .. }), "{error}");
}

#[tokio::test]
async fn requests_keep_to_the_pace() {
    let server = Server::start(|_, seen| good(coingecko(seen)));
    let folder = Folder::new();
    let settings = Settings { per_minute: Some(120), ..settings() };
    let began = Instant::now();
    run(days(&server, 500, &folder.file("ETH.csv.gz")), &settings).await.unwrap();
    assert_eq!(server.seen().len(), 2);
    assert!(began.elapsed() >= Duration::from_millis(500), "{:?}", began.elapsed());
}

/// Prices some minutes beside the times that were asked for, on both sides, as DefiLlama has them.
#[tokio::test]
async fn defillama_gives_prices_beside_the_hours() {
    let server = Server::start(|_, seen| {
        let (start, span) = (number(seen, "start"), number(seen, "span"));
        assert!(span <= 500 && seen.query["period"] == "1h", "{seen:?}");
        let time = |at: u64| if (at / HOUR).is_multiple_of(2) { at + 95 } else { at - 95 };
        let point = |hour: u64| {
            let at = start + hour * HOUR;
            format!(r#"{{"timestamp":{},"price":{}}}"#, time(at), price(at))
        };
        let points: Vec<String> = (0..span).map(point).collect();
        let prices = points.join(",");
        good(format!(
            r#"{{"coins":{{"coingecko:ethereum":{{"symbol":"ETH","confidence":0.99,"prices":[{prices}]}}}}}}"#
        ))
    });
    let folder = Folder::new();
    let request = Request {
        source: Source::Web(WebSource {
            service: Service::DefiLlama,
            base: server.url("").parse().unwrap(),
            id: "coingecko:ethereum".to_owned(),
            points: Points::Hourly,
            key: None,
            per_minute: 600_000,
        }),
        span: Span { from: START, to: Some(START + 1_000 * HOUR - 1), step: HOUR },
        ..days(&server, 1, &folder.file("ETH.parquet"))
    };
    let found = run(request, &settings()).await.unwrap();
    let seen = server.seen();
    assert_eq!(seen.len(), 3, "400 prices a request");
    assert!(seen.iter().all(|seen| seen.path == "/chart/coingecko:ethereum"), "{seen:?}");
    let closes = series(&found.out, Kind::Price).prices().unwrap().close.clone();
    assert_eq!(closes.len(), 1_000);
    // Even hours have their price at 95 s past; that of the odd hour after comes 95 s before its own, in the even hour.
    let close = |hour: u128| Price((1_000 + hour) * WAD + WAD / 4);
    assert_eq!((closes[0], closes[1], closes[2]), (close(1), close(1), close(3)));
    assert_eq!(closes[998], close(999));
    let told = sidecar(&found);
    assert_eq!(told["resampling"]["found"]["carried_bars"], 500);
    assert_eq!(told["resampling"]["found"]["oldest_secs"], 3_599 + 95);
}

fn quaestor(args: &[&str], folder: &Folder) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quaestor"));
    command.current_dir(folder.0.path()).args(args).env_remove("CG_KEY");
    command
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_killed_run_leaves_nothing_that_looks_whole() {
    let silent = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let held = silent.clone();
    let server = Server::start(move |before, seen| match before {
        2 if held.load(std::sync::atomic::Ordering::SeqCst) => Reply::Silence,
        _ => good(coingecko(seen)),
    });
    let folder = Folder::new();
    let base = server.url("");
    let args = |out: &'static str| {
        let (from, to) = ("2022-01-01", "2024-12-31");
        let mut args =
            vec!["data", "fetch", "coingecko", "ethereum", "--from", from, "--to", to, "--json", "--out", out];
        args.extend(["--requests-per-minute", "60000", "--base-url", &base]);
        args.into_iter().map(str::to_owned).collect::<Vec<String>>()
    };
    let borrowed = |args: &Vec<String>| quaestor(&args.iter().map(String::as_str).collect::<Vec<_>>(), &folder);
    let first = args("ETH.parquet");
    let mut child = borrowed(&first).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while server.seen().len() < 3 {
        assert!(Instant::now() < deadline, "it asks for its third page");
        std::thread::sleep(Duration::from_millis(20));
    }
    let busy = borrowed(&first).output().unwrap();
    assert_eq!(busy.status.code(), Some(1));
    assert!(text(&busy).contains("another run is fetching"), "{}", text(&busy));
    child.kill().unwrap(); // SIGKILL
    child.wait().unwrap();
    assert_eq!(folder.names(), ["ETH.parquet.partial"]);

    silent.store(false, std::sync::atomic::Ordering::SeqCst);
    let output = borrowed(&first).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(server.seen().len(), 5, "of four pages two were there, and the third was asked for twice");
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((told["ok"].as_bool(), told["series"][0]["bars"].as_u64()), (Some(true), Some(1_096)));
    assert_eq!(told["source"]["source"], "coingecko");
    let whole = borrowed(&args("whole.parquet")).arg("--name").arg("ETH").output().unwrap();
    assert!(whole.status.success(), "{}", text(&whole));
    assert_eq!(fs::read(folder.file("ETH.parquet")).unwrap(), fs::read(folder.file("whole.parquet")).unwrap());
}

#[test]
fn the_command_line_tells_what_is_wrong_with_it() {
    let folder = Folder::new();
    let fetch = |more: &[&str]| {
        let args = ["data", "fetch", "coingecko", "ethereum", "--base-url", "http://127.0.0.1:9"];
        let output = quaestor(&[&args[..], more].concat(), &folder).output().unwrap();
        (output.status.code().unwrap(), text(&output))
    };
    let from = ["--from", "2024-01-01", "--to", "2024-01-31"];
    let with = |more: &[&str]| fetch(&[&from[..], &["--out", "ETH.parquet"], more].concat());
    for ((code, said), expected, says) in [
        (fetch(&[&from[..], &["--out", "ETH.xlsx"]].concat()), 2, "ends neither"),
        (fetch(&["--from", "2024-01-01", "--to", "2999-01-01", "--out", "ETH.parquet"]), 2, "is not over"),
        (fetch(&["--from", "01.01.2024", "--out", "ETH.parquet"]), 2, "is no day and no time"),
        (with(&["--step", "7h"]), 2, "is no step"),
        (with(&["--api-key", "CG-very-secret"]), 2, "write env:NAME"),
        (with(&["--api-key", "env:CG_KEY"]), 3, "CG_KEY is not set"),
        (with(&["--name", "a,b"]), 2, "is no name"),
    ] {
        assert!(code == expected && said.contains(says), "{code} {said}");
        assert!(!said.contains("CG-very-secret"), "{said}");
    }
    assert!(folder.names().is_empty(), "nothing was begun: {:?}", folder.names());
    let server = Server::start(|_, _| Reply::Whole(403, "x: y", String::new()));
    let args = ["data", "fetch", "coingecko", "ethereum", "--out", "E.parquet", "--base-url", &server.url("")];
    let output = quaestor(&[&args[..], &from].concat(), &folder).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
}

#[test]
fn help_shows_how_it_is_typed() {
    let folder = Folder::new();
    let help = |source: &[&str]| {
        let output = quaestor(&[&["data", "fetch"], source, &["--help"]].concat(), &folder).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    insta::assert_snapshot!("fetch_help", help(&[]));
    insta::assert_snapshot!("fetch_coingecko_help", help(&["coingecko"]));
    insta::assert_snapshot!("fetch_uniswap_help", help(&["uniswap"]));
}
