//! URIs of every form, and what is kept of what comes.

use super::*;
use crate::{
    chain::ChainSettings,
    config::{Config, MULTICALL3},
    download::PATIENCE,
    fetch::Retry,
};
use alloy::primitives::keccak256;
use axum::{Router, response::Redirect, routing::get};
use std::{fs, path::Path, time::Duration};

const QUICK: Retry = Retry { first: Duration::from_millis(5), ..PATIENCE };
const GOOD: &[u8] = b"[policy]\nname = \"the file that was voted\"\n";

#[test]
fn every_form_is_read() {
    let tx = B256::repeat_byte(0xab);
    for (text, expected) in [
        ("https://dao.example/p.toml?x=1", PolicyUri::Web("https://dao.example/p.toml?x=1".parse().unwrap())),
        ("HTTPS://dao.example", PolicyUri::Web("https://dao.example".parse().unwrap())),
        ("http://127.0.0.1:8080/p", PolicyUri::Web("http://127.0.0.1:8080/p".parse().unwrap())),
        ("ipfs://bafyCid", PolicyUri::Ipfs { cid: "bafyCid".into(), path: vec![] }),
        ("ipfs:QmCid/p/x.toml", PolicyUri::Ipfs { cid: "QmCid".into(), path: vec!["p".into(), "x.toml".into()] }),
        ("ipfs://ipfs/QmCid", PolicyUri::Ipfs { cid: "QmCid".into(), path: vec![] }),
        ("file:policies/p.toml", PolicyUri::File("policies/p.toml".into())),
        ("file:///srv/my%20dao/p.toml", PolicyUri::File("/srv/my dao/p.toml".into())),
        ("file:/srv/p.toml", PolicyUri::File("/srv/p.toml".into())),
        (&format!("tx:{tx}"), PolicyUri::Transaction(tx)),
    ] {
        assert_eq!(PolicyUri::parse(text), Ok(expected), "{text}");
    }
}

#[test]
fn what_cannot_be_followed_says_why() {
    let long = format!("https://dao.example/{}", "x".repeat(URI_BYTES_MAX));
    for (text, words) in [
        ("epoch-1.toml", "is none of"),
        ("", "is none of"),
        ("ftp://dao.example/p.toml", "is none of"),
        ("data:text/plain,x", "is none of"),
        ("http://dao.example/p.toml", "in clear"),
        ("http://192.168.0.1/p.toml", "in clear"),
        ("https://", "no URL of a server"),
        ("ipfs://the-policy", "no content identifier"),
        ("ipfs://bafy/../../api/v0/pin", "no content identifier"),
        ("ipfs://bafy?x=1", "no content identifier"),
        ("file:", "no path"),
        ("file://other-host/p.toml", "no path"),
        ("tx:0x1234", "no hash of a transaction"),
        (&long, "more than 2048 bytes"),
    ] {
        let error = PolicyUri::parse(text).unwrap_err().to_string();
        assert!(error.contains(words), "{text}: {error}");
    }
    assert_eq!(
        shown("https://dao.example/a b\u{1b}[31m\u{202e}é"),
        "https://dao.example/a b\\u{1b}[31m\\u{202e}\\u{e9}"
    );
}

/// A configuration whose node is down, with this gateway.
fn config(folder: &Path, gateway: &str) -> Config {
    let address = |byte| Address::repeat_byte(byte);
    let text = format!(
        "[chain]\nrpc_url = \"http://127.0.0.1:9\"\nchain_id = 31337\n[contracts]\nregistry = \"{}\"\nbrake = \"{}\"\n\
         gate = \"{}\"\nmultisend_call_only = \"{}\"\ndeployed_block = 1\n[operator]\naddress = \"{}\"\nkey = \"env:NEVER\"\n\
         [files]\npolicies = [\"policy.toml\"]\n{gateway}\n",
        address(0x51),
        address(0x52),
        address(0x53),
        address(0x54),
        address(0x61)
    );
    Config::parse(&text, &folder.join("agent.toml")).unwrap_or_else(|problems| panic!("{problems}"))
}

fn nowhere() -> Chain {
    let (rpc_url, request_timeout) = ("http://127.0.0.1:9".parse().unwrap(), Duration::from_secs(1));
    let settings = ChainSettings { rpc_url, request_timeout, multicall: MULTICALL3, logs_range_blocks: 1 };
    Chain::new(&settings).unwrap()
}

fn epoch(uri: &str) -> Epoch {
    let (rest, envelope) = (B256::repeat_byte(2), [0; 32]);
    Epoch { policyHash: keccak256(GOOD), restHash: rest, envelope, uri: uri.into(), activeAt: 7, number: 3 }
}

async fn serve() -> String {
    let large = vec![b'#'; quaestor_policies::FILE_BYTES_MAX + 1];
    let routes = Router::new()
        .route("/policy.toml", get(|| async { GOOD }))
        .route("/crlf.toml", get(|| async { String::from_utf8_lossy(GOOD).replace('\n', "\r\n") }))
        .route("/large.toml", get(move || async move { large }))
        .route("/away", get(|| async { Redirect::temporary("http://192.0.2.1/policy.toml") }))
        .route("/ipfs/bafyCid/policy.toml", get(|| async { GOOD }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    format!("http://{address}")
}

#[tokio::test]
async fn the_file_comes_from_each_place_and_only_the_anchored_one() {
    let (folder, base, chain) = (tempfile::tempdir().unwrap(), serve().await, nowhere());
    fs::write(folder.path().join("here.toml"), GOOD).unwrap();
    fs::write(folder.path().join("other.toml"), b"# another file\n").unwrap();
    let sources = Sources::of(&config(folder.path(), &format!("ipfs_gateway = \"{base}\""))).with_retry(QUICK);
    let of = async |uri: String| sources.get(&chain, &epoch(&uri)).await;
    for uri in [
        format!("{base}/policy.toml"),
        "ipfs://bafyCid/policy.toml".into(),
        "file:here.toml".into(),
        format!("file:{}", folder.path().join("here.toml").display()),
    ] {
        assert_eq!(of(uri.clone()).await.unwrap(), GOOD, "{uri}");
    }
    // Even by its line ends alone.
    let expected = keccak256(GOOD).to_string();
    for (uri, found) in [
        (format!("{base}/crlf.toml"), keccak256(String::from_utf8_lossy(GOOD).replace('\n', "\r\n"))),
        ("file:other.toml".into(), keccak256("# another file\n")),
    ] {
        let error = of(uri).await.unwrap_err().to_string();
        assert!(
            error.contains(&expected) && error.contains(&found.to_string()) && error.contains("epoch 3"),
            "{error}"
        );
    }
    for (uri, words) in [
        (format!("{base}/large.toml"), "larger than 262144 bytes"),
        (format!("{base}/none.toml"), "HTTP status 404"),
        (format!("{base}/away"), "redirected to where none may be"),
        ("http://127.0.0.1:9/policy.toml".into(), "no answer in 3 attempts"),
        ("ipfs://bafyOther".into(), "HTTP status 404"),
        ("file:none.toml".into(), "none.toml"),
        ("file:/dev/zero".into(), "it is not a file"),
        ("policy.toml".into(), "is none of"),
        (format!("tx:{}", B256::repeat_byte(1)), "did not answer eth_getTransactionByHash"),
    ] {
        let error = of(uri.clone()).await.unwrap_err().to_string();
        assert!(error.contains(words), "{uri}: {error}");
    }
}

#[tokio::test]
async fn without_a_gateway_it_is_said_where_to_name_one() {
    let folder = tempfile::tempdir().unwrap();
    let get = async |gateway: &str| {
        let sources = Sources::of(&config(folder.path(), gateway)).with_retry(QUICK);
        sources.get(&nowhere(), &epoch("ipfs://bafyCid")).await.unwrap_err().to_string()
    };
    let none = get("").await;
    assert!(none.contains("`ipfs_gateway` in `[files]`") && none.contains("agent.toml"), "{none}");
    let unset = get("ipfs_gateway = \"env:QUAESTOR_TEST_NO_SUCH_GATEWAY\"").await;
    assert!(unset.contains("QUAESTOR_TEST_NO_SUCH_GATEWAY is not set"), "{unset}");
    let secret = get("ipfs_gateway = \"http://127.0.0.1:9/secret-key\"").await;
    assert!(secret.contains("127.0.0.1:9") && !secret.contains("secret-key"), "{secret}");
}

#[test]
fn a_file_is_kept_whole_and_never_in_the_place_of_another() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.toml");
    assert_eq!(keep(&path, GOOD).unwrap(), Kept::Written);
    assert_eq!(keep(&path, GOOD).unwrap(), Kept::WasThere);
    let error = keep(&path, b"# another").unwrap_err().to_string();
    assert!(error.contains(&keccak256(GOOD).to_string()) && error.contains("no file is replaced"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), GOOD);
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["policy.toml"], "nothing else is left");
    assert!(keep(folder.path(), GOOD).is_err() && keep(&folder.path().join("no/such/folder.toml"), GOOD).is_err());
}

#[test]
fn a_place_is_where_the_agent_looks() {
    let folder = tempfile::tempdir().unwrap();
    let (mut files, found) = (config(folder.path(), "").files, epoch("file:p"));
    assert_eq!(place_for(&files, &found), Some(folder.path().join("policy.toml")));
    let policies = folder.path().join("policies");
    fs::create_dir(&policies).unwrap();
    files.policies.push(policies.clone());
    assert_eq!(place_for(&files, &found), Some(policies.join("epoch-3.toml")));
}
