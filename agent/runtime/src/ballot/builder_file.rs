//! A file for Safe's Transaction Builder (`version` 1.0, `github.com/safe-global/safe-react-apps`, `apps/tx-builder`), for a
//! DAO whose registry a Safe owns.

use alloy::primitives::Address;
use quaestor_core::Call;
use serde_json::{Value, json};

/// The call as a file that the Transaction Builder loads. `created_at` is Unix seconds; the file says milliseconds.
pub fn builder_file(chain_id: u64, safe: Address, name: &str, created_at: u64, call: &Call) -> Value {
    json!({
        "version": "1.0",
        "chainId": chain_id.to_string(),
        "createdAt": created_at.saturating_mul(1_000),
        "meta": {
            "name": name,
            "description": "PolicyRegistry.submit: puts a policy in force; its hash is in the call",
            "createdFromSafeAddress": safe.to_string(),
            "createdFromOwnerAddress": "",
        },
        "transactions": [{
            "to": call.to.to_string(),
            "value": call.value.0.to_string(),
            "data": call.data.to_string(),
            "contractMethod": null,
            "contractInputsValues": null,
        }],
    })
}
