//! From receipts to deeds, whatever shares a transaction.

use super::*;
use crate::audit::{
    bundles::Bundles,
    deed::{Calls, Deed, Mined, Origin, deeds},
    treasury::Treasury,
};
use crate::{config::Config, registry::Timeline};
use alloy::{
    primitives::{B256, Bytes, Log as Inner, LogData, U256, keccak256},
    rpc::types::Log,
    signers::{SignerSync, local::PrivateKeySigner},
    sol_types::{SolCall, SolEvent},
};
use quaestor_contracts::{
    bindings::{DecisionGate, IERC20, ISafe, ITimelock},
    multisend::multisend_data,
};
use quaestor_core::{Amount, BlockRef, Call};
use std::path::Path;

fn treasury() -> Treasury {
    let text = format!(
        "[chain]\nrpc_url = \"http://127.0.0.1:9\"\nchain_id = 31337\n[contracts]\nregistry = \"{STRANGER}\"\n\
         brake = \"{TIMELOCK}\"\ngate = \"{GATE}\"\nmultisend_call_only = \"{MULTISEND}\"\ndeployed_block = 1\n\
         [operator]\naddress = \"{STRANGER}\"\nkey = \"env:NEVER\"\n"
    );
    let config = Config::parse(&text, Path::new("agent.toml")).unwrap_or_else(|problems| panic!("{problems}"));
    let mut treasury = Treasury::of(&config, Timeline::default(), Vec::new());
    treasury.accounts = accounts();
    treasury.tokens = [TOKEN].into();
    treasury
}

/// A receipt as its events are added.
struct Receipt(Vec<Log>);

impl Receipt {
    fn log(mut self, address: Address, data: LogData) -> Self {
        let log_index = Some(u64::try_from(self.0.len()).unwrap());
        self.0.push(Log { inner: Inner { address, data }, log_index, ..Log::default() });
        self
    }

    fn transfer(self, from: Address, to: Address, amount: u64) -> Self {
        let event = IERC20::Transfer { from, to, value: U256::from(amount) };
        self.log(TOKEN, event.encode_log_data())
    }

    fn executed(self, hash: u8) -> Self {
        let event = ISafe::ExecutionSuccess { txHash: B256::repeat_byte(hash), payment: U256::ZERO };
        self.log(SAFE, event.encode_log_data())
    }

    fn entered(self, account: Address, decision: u8) -> Self {
        let event = DecisionGate::Entered {
            account,
            decision: B256::repeat_byte(decision),
            policy: B256::ZERO,
            model: B256::ZERO,
            epoch: 1,
            validUntil: 9,
            pulls: 0,
            items: vec![],
        };
        self.log(GATE, event.encode_log_data())
    }

    fn operation(self, id: u8, index: u64, target: Address) -> Self {
        let (id, index) = (B256::repeat_byte(id), U256::from(index));
        let event = ITimelock::CallExecuted { id, index, target, value: U256::ZERO, data: Bytes::from_static(&[1]) };
        self.log(TIMELOCK, event.encode_log_data())
    }

    fn of(self, to: Address, input: Vec<u8>) -> Vec<Deed> {
        let block = BlockRef { number: 7, hash: B256::repeat_byte(7), timestamp: 700 };
        let (hash, from, input) = (B256::repeat_byte(0xee), STRANGER, input.into());
        deeds(&treasury(), &Mined { hash, block, from, to: Some(to), input, logs: self.0 })
    }
}

fn receipt() -> Receipt {
    Receipt(Vec::new())
}

fn amounts(deed: &Deed) -> (Vec<u64>, Vec<u64>) {
    let of = |moved: &[crate::audit::Moved]| moved.iter().map(|it| it.amount.to::<u64>()).collect();
    (of(&deed.out), of(&deed.came))
}

fn execute(to: Address, operation: u8, data: Bytes, signatures: Vec<u8>) -> Vec<u8> {
    let call = ISafe::execTransactionCall {
        to,
        value: U256::ZERO,
        data,
        operation,
        safeTxGas: U256::ZERO,
        baseGas: U256::ZERO,
        gasPrice: U256::ZERO,
        gasToken: Address::ZERO,
        refundReceiver: Address::ZERO,
        signatures: signatures.into(),
    };
    call.abi_encode()
}

#[test]
fn a_safe_transaction_has_its_calls_signers_and_what_it_moved() {
    let calls = vec![Call { to: TOKEN, value: Amount::ZERO, data: Bytes::from_static(&[1, 2, 3, 4]) }];
    let hash = B256::repeat_byte(5);
    // An approval on chain, a signature of the hash, and one of it as a message (eth_sign), in the Safe's order.
    let keys: Vec<PrivateKeySigner> =
        (1..=2).map(|byte| PrivateKeySigner::from_bytes(&B256::repeat_byte(byte)).unwrap()).collect();
    let mut signed = vec![(SAFE, [SAFE.into_word().to_vec(), vec![0; 32], vec![1]].concat())];
    signed.push((keys[0].address(), keys[0].sign_hash_sync(&hash).unwrap().as_bytes().to_vec()));
    let mut by_message = keys[1].sign_message_sync(hash.as_slice()).unwrap().as_bytes().to_vec();
    by_message[64] += 4;
    signed.push((keys[1].address(), by_message));
    signed.sort();
    let signatures = signed.iter().flat_map(|(_, bytes)| bytes.clone()).collect();
    let found = receipt()
        .entered(SAFE, 3)
        .entered(STRANGER, 4)
        .transfer(SAFE, STRANGER, 10)
        .transfer(STRANGER, SAFE, 20)
        .transfer(SAFE, SAFE, 30)
        .executed(5)
        .of(SAFE, execute(MULTISEND, 1, multisend_data(&calls), signatures));
    let [deed] = found.as_slice() else { panic!("{found:#?}") };
    let signers: Vec<Address> = signed.iter().map(|(owner, _)| *owner).collect();
    assert_eq!(deed.origin, Origin::Owners { safe_tx_hash: hash, signers });
    assert_eq!((deed.calls.clone(), amounts(deed)), (Calls::Known(calls), (vec![10], vec![20])));
    assert_eq!(deed.entered.iter().map(|it| it.decision).collect::<Vec<_>>(), [B256::repeat_byte(3)]);
    assert_eq!((deed.log_index, deed.account.name.as_str(), deed.sender), (5, "operations", STRANGER));
}

#[test]
fn an_event_of_an_older_safe_counts_too() {
    let data = LogData::new_unchecked(
        vec![ISafe::ExecutionSuccess::SIGNATURE_HASH],
        [B256::repeat_byte(9).to_vec(), vec![0; 32]].concat().into(),
    );
    let found = receipt().transfer(SAFE, STRANGER, 1).log(SAFE, data).of(STRANGER, vec![]);
    assert!(
        matches!(&found[..], [Deed { origin: Origin::Owners { safe_tx_hash, .. }, .. }] if *safe_tx_hash == B256::repeat_byte(9))
    );
}

#[test]
fn executions_that_share_a_transaction_are_told_apart() {
    let found = receipt()
        .transfer(SAFE, STRANGER, 1)
        .executed(1)
        .transfer(SAFE, STRANGER, 2)
        .entered(SAFE, 8)
        .executed(2)
        .transfer(SAFE, STRANGER, 3)
        .of(STRANGER, vec![]);
    assert_eq!(found.iter().map(amounts).map(|it| it.0).collect::<Vec<_>>(), [[1], [2], [3]]);
    assert_eq!(found.iter().map(|deed| deed.entered.len()).collect::<Vec<_>>(), [0, 1, 0]);
    assert!(found.iter().all(|deed| matches!(deed.calls, Calls::Unknown(_))), "{found:#?}");
    assert_eq!(found[2].origin, Origin::Allowance);
}

#[test]
fn what_safel2_tells_is_known_through_any_contract() {
    let told = ISafe::SafeMultiSigTransaction {
        to: TOKEN,
        value: U256::from(3),
        data: Bytes::from_static(&[9]),
        operation: 0,
        safeTxGas: U256::ZERO,
        baseGas: U256::ZERO,
        gasPrice: U256::ZERO,
        gasToken: Address::ZERO,
        refundReceiver: Address::ZERO,
        signatures: Bytes::new(),
        additionalInfo: Bytes::new(),
    };
    let by_module = ISafe::SafeModuleTransaction {
        module: STRANGER,
        to: TIMELOCK,
        value: U256::ZERO,
        data: Bytes::new(),
        operation: 1,
    };
    let done = ISafe::ExecutionFromModuleSuccess { module: STRANGER };
    let found = receipt()
        .log(SAFE, told.encode_log_data())
        .executed(1)
        .executed(2)
        .log(SAFE, by_module.encode_log_data())
        .log(SAFE, done.encode_log_data())
        .of(STRANGER, vec![]);
    let call = Call { to: TOKEN, value: Amount(3), data: Bytes::from_static(&[9]) };
    assert_eq!(found[0].calls, Calls::Known(vec![call]));
    assert!(matches!(found[1].calls, Calls::Unknown(_)), "what was told of one is not of the next");
    assert_eq!(found[2].origin, Origin::Module { module: STRANGER });
    assert_eq!(found[2].calls, Calls::Delegated { to: TIMELOCK, data: Bytes::new() });
}

#[test]
fn foreign_code_in_the_place_of_a_safe_is_no_batch() {
    let calls = [Call { to: TOKEN, value: Amount::ZERO, data: Bytes::new() }];
    let found = receipt().executed(1).of(SAFE, execute(STRANGER, 1, multisend_data(&calls), vec![]));
    assert!(matches!(found[0].calls, Calls::Delegated { to: STRANGER, .. }), "{found:#?}");
    let found = receipt().executed(1).of(SAFE, execute(MULTISEND, 1, Bytes::from_static(&[1]), vec![]));
    assert!(matches!(found[0].calls, Calls::Delegated { to: MULTISEND, .. }), "{found:#?}");
}

#[test]
fn what_failed_inside_did_nothing() {
    let failed = ISafe::ExecutionFailure { txHash: B256::repeat_byte(1), payment: U256::ZERO };
    assert!(receipt().log(SAFE, failed.encode_log_data()).of(SAFE, execute(TOKEN, 0, Bytes::new(), vec![])).is_empty());
}

#[test]
fn operations_of_a_timelock_have_their_own_calls_and_money() {
    let found = receipt()
        .entered(TIMELOCK, 1)
        .operation(1, 0, GATE)
        .transfer(TIMELOCK, SAFE, 5)
        .operation(1, 1, TOKEN)
        .transfer(TIMELOCK, STRANGER, 6)
        .operation(2, 0, TOKEN)
        .transfer(TIMELOCK, STRANGER, 7)
        .of(GOVERNOR, vec![]);
    let of: Vec<_> = found.iter().filter(|deed| deed.account.address == TIMELOCK).collect();
    let targets = |deed: &Deed| match &deed.calls {
        Calls::Known(calls) => calls.iter().map(|call| call.to).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!((of[0].entered.len(), targets(of[0]), amounts(of[0]).0), (1, vec![GATE, TOKEN], vec![5]));
    assert_eq!((of[1].entered.len(), targets(of[1]), amounts(of[1]).0), (0, vec![TOKEN], vec![6]));
    assert_eq!((of[2].origin.clone(), amounts(of[2]).0), (Origin::Allowance, vec![7]));
    assert_eq!(of.len(), 3);
    assert_eq!(found.len(), 3, "what came to the Safe is no deed of it");
}

#[test]
fn a_bundle_is_found_by_the_batch_that_it_proposed() {
    let bundle = crate::verify::tests::treasury::bundle();
    let folder = tempfile::tempdir().unwrap();
    let name = bundle.publish(folder.path()).unwrap();
    let (block, at) = (bundle.decision.block.number, bundle.decision.block.timestamp);
    std::fs::write(folder.path().join(format!("{}-ab.json", block - 1)), "{}").unwrap();
    std::fs::write(folder.path().join("notes.txt"), "").unwrap();
    let mut bundles = Bundles::open(folder.path()).unwrap();
    let proposed = bundle.proposals[0].decision;
    let found = bundles.find(proposed, block, at).unwrap();
    assert_eq!((found.name, *found.bundle), (name, bundle));
    assert!(bundles.find(proposed, block, at + 1).is_none(), "it would be older than it can be");
    assert!(bundles.find(proposed, block - 1, 0).is_none(), "it ran before it was decided");
    assert!(bundles.find(keccak256("another"), block, 0).is_none());
    let unreadable = bundles.unreadable(block);
    assert!(matches!(&unreadable[..], [it] if it.bundle.contains("not a bundle")), "{unreadable:?}");
    assert!(Bundles::open(&folder.path().join("none")).unwrap().find(proposed, block, 0).is_none());
}
