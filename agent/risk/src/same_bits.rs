//! Every bit of a forecast, of a committed model file and a snapshot: a machine that passes forecasts what all others do.

use crate::{EwmaModel, fixture, learned::LearnedModel};
use alloy_primitives::{B256, b256, keccak256};
use quaestor_core::RiskModel;
use serde::Serialize;
use serde_json::{Value, json};

/// As `ModelFile::to_bytes` wrote it.
const MODEL: &[u8] = include_bytes!("../testdata/model.json");
const MODEL_HASH: B256 = b256!("0x84e1713fddf4eda6d040c2ac152875dbf3c7df06b7ab30999808c2ef70ab9fd5");
/// Of the snapshot as JSON.
const SNAPSHOT_HASH: B256 = b256!("0xf68165ace196d676f7359b4353b9598ee7a26145ca3a0229c0094b92830595d1");

/// Floats as the hexadecimal digits of their bits.
fn bits(value: Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => format!("{:016x}", number.as_f64().unwrap().to_bits()).into(),
        Value::Array(list) => list.into_iter().map(bits).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, bits(value))).collect(),
        other => other,
    }
}

fn pinned(found: impl Serialize) -> Value {
    bits(serde_json::to_value(found).unwrap())
}

#[test]
fn a_forecast_has_the_same_bits_on_every_machine() {
    let (terms, snapshot, prices) = fixture::scene(&["ETH", "BTC", "USDC"], &[1, 1, 10_000], "2021-05-20", 1_000);
    assert_eq!(keccak256(serde_json::to_vec(&snapshot).unwrap()), SNAPSHOT_HASH, "this is another snapshot");
    let weights = [5_000, 4_000, 1_000];
    let learned = LearnedModel::parse(MODEL, MODEL_HASH).unwrap();
    let found = json!({
        "ewma": pinned(EwmaModel::default().assess(&terms, &snapshot, &prices, &weights)),
        "learned": pinned(learned.assess(&terms, &snapshot, &prices, &weights)),
        "why": pinned(learned.explain(&terms, &snapshot, &prices, &weights)),
    });
    insta::assert_snapshot!(serde_json::to_string_pretty(&found).unwrap());
}
