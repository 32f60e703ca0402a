use super::*;
use crate::fixture::{AAVE, ATOKENS, OPERATIONS, SAVINGS, SECOND_VENUE, SHARES, USDC, WETH, terms};
use alloy_primitives::B256;
use proptest::prelude::*;

const UNTIL: u64 = 1_584_057_600;

fn amounts() -> impl Strategy<Value = Amount> {
    prop_oneof![Just(0), Just(u128::MAX), any::<u128>()].prop_map(Amount)
}

fn actions() -> impl Strategy<Value = Action> {
    let asset = || (0u16..5).prop_map(AssetId);
    let venue = || (0u16..4).prop_map(VenueId);
    prop_oneof![
        (asset(), any::<[u8; 20]>(), amounts()).prop_map(|(asset, to, amount)| Action::Transfer {
            asset,
            to: to.into(),
            amount
        }),
        (asset(), venue(), amounts()).prop_map(|(asset, spender, amount)| Action::Approve { asset, spender, amount }),
        (venue(), asset(), asset(), 0u32..1 << 24, amounts(), amounts()).prop_map(
            |(venue, sell, buy, fee_pips, amount_in, amount_out_min)| Action::Swap {
                venue,
                sell,
                buy,
                fee_pips,
                amount_in,
                amount_out_min
            }
        ),
        (amounts(), amounts()).prop_map(|(amount, shares_min)| deposit(amount, shares_min)),
        (amounts(), amounts()).prop_map(|(amount, assets_min)| redeem(amount, assets_min)),
        (amounts(), amounts()).prop_map(|(amount, shares_min)| supply(amount, shares_min)),
        (amounts(), amounts()).prop_map(|(amount, assets_min)| withdraw(amount, assets_min)),
        (asset(), amounts()).prop_map(|(asset, amount)| Action::Wrap { asset, amount }),
        (asset(), any::<[u8; 20]>()).prop_map(|(asset, to)| Action::Delegate { asset, to: to.into() }),
    ]
}

fn deposit(amount: Amount, shares_min: Amount) -> Action {
    Action::Deposit { venue: SAVINGS, asset: USDC, shares: SHARES, amount, shares_min }
}

fn redeem(amount: Amount, assets_min: Amount) -> Action {
    Action::Redeem { venue: SAVINGS, shares: SHARES, asset: USDC, amount, assets_min }
}

fn supply(amount: Amount, shares_min: Amount) -> Action {
    Action::Deposit { venue: AAVE, asset: USDC, shares: ATOKENS, amount, shares_min }
}

fn withdraw(amount: Amount, assets_min: Amount) -> Action {
    Action::Redeem { venue: AAVE, shares: ATOKENS, asset: USDC, amount, assets_min }
}

fn called(actions: &[Action]) -> Vec<Action> {
    actions.iter().map(|action| action.as_called()).collect()
}

fn entries() -> impl Strategy<Value = Entry> {
    let hash = || any::<[u8; 32]>().prop_map(B256::from);
    let address = || any::<[u8; 20]>().prop_map(Address::from);
    let item = (hash(), hash(), address(), address(), amounts(), any::<u128>()).prop_map(
        |(once_key, line, asset, counterparty, amount, value)| EntryItem {
            once_key,
            line,
            asset,
            counterparty,
            amount,
            value: Value(value),
        },
    );
    (hash(), hash(), hash(), any::<u64>(), any::<u64>(), prop::collection::vec(item, 0..6)).prop_map(
        |(decision, policy, model, valid_until, pulls, items)| Entry {
            decision,
            policy,
            model,
            valid_until,
            pulls,
            items,
        },
    )
}

fn swap() -> Action {
    Action::Swap {
        venue: VenueId(0),
        sell: USDC,
        buy: WETH,
        fee_pips: 3_000,
        amount_in: Amount(12),
        amount_out_min: Amount(5),
    }
}

proptest! {
    #[test]
    fn what_is_encoded_decodes_to_itself(list in prop::collection::vec(actions(), 0..5), until: u64, account in 0u16..2) {
        let terms = terms();
        let codec = PolicyCodec::new(&terms);
        let calls = codec.encode(AccountId(account), until, &list).unwrap();
        prop_assert_eq!(codec.decode(AccountId(account), until, &calls), Ok(called(&list)));
    }

    #[test]
    fn an_entry_decodes_to_itself(entry in entries()) {
        let terms = terms();
        let codec = PolicyCodec::new(&terms);
        prop_assert_eq!(codec.decode_entry(&codec.encode_entry(&entry)), Ok(entry));
    }

    #[test]
    fn no_changed_byte_goes_unnoticed(action in actions(), at: prop::sample::Index, flip in 1u8..) {
        let terms = terms();
        let codec = PolicyCodec::new(&terms);
        let mut calls = codec.encode(OPERATIONS, UNTIL, &[action]).unwrap();
        let mut data = calls[0].data.to_vec();
        let at = at.index(data.len());
        data[at] ^= flip;
        calls[0].data = data.into();
        prop_assert_ne!(codec.decode(OPERATIONS, UNTIL, &calls), Ok(called(&[action])));
    }

    #[test]
    fn no_changed_byte_of_an_entry_goes_unnoticed(entry in entries(), at: prop::sample::Index, flip in 1u8..) {
        let terms = terms();
        let codec = PolicyCodec::new(&terms);
        let mut call = codec.encode_entry(&entry);
        let mut data = call.data.to_vec();
        let at = at.index(data.len());
        data[at] ^= flip;
        call.data = data.into();
        prop_assert_ne!(codec.decode_entry(&call), Ok(entry));
    }

    #[test]
    fn no_changed_length_goes_unnoticed(action in actions(), cut in 0usize..40, tail in prop::collection::vec(any::<u8>(), 1..40)) {
        let terms = terms();
        let codec = PolicyCodec::new(&terms);
        let call = codec.encode(OPERATIONS, UNTIL, &[action]).unwrap().remove(0);
        let longer = Call { data: [&call.data[..], &tail[..]].concat().into(), ..call.clone() };
        let shorter = Call { data: call.data.slice(..(call.data.len() - 1).saturating_sub(cut)), ..call };
        prop_assert!(codec.decode(OPERATIONS, UNTIL, &[longer]).is_err());
        prop_assert!(codec.decode(OPERATIONS, UNTIL, &[shorter]).is_err());
    }

    #[test]
    fn no_changed_target_goes_unnoticed(action in actions(), to: [u8; 20], listed in 0usize..9) {
        let terms = terms();
        let codec = PolicyCodec::new(&terms);
        let mut calls = codec.encode(OPERATIONS, UNTIL, &[action]).unwrap();
        let known = [terms.gate, terms.venues[0].address, terms.venues[2].address,
            terms.venues[3].address, terms.assets[0].address,
                        terms.assets[1].address, terms.assets[2].address, terms.accounts[0].address];
        let to = known.get(listed).copied().unwrap_or(to.into());
        prop_assume!(to != calls[0].to);
        calls[0].to = to;
        prop_assert_ne!(codec.decode(OPERATIONS, UNTIL, &calls), Ok(called(&[action])));
    }
}

#[test]
fn what_a_venue_may_take_for_an_exchange_is_taken_back_after_it() {
    let terms = terms();
    let codec = PolicyCodec::new(&terms);
    let approve = |amount| Action::Approve { asset: USDC, spender: VenueId(0), amount: Amount(amount) };
    let transfer = Action::Transfer { asset: USDC, to: Address::repeat_byte(7), amount: Amount(3) };
    let actions = [approve(12), swap(), transfer];
    let calls = codec.encode(OPERATIONS, UNTIL, &actions).unwrap();
    assert_eq!(calls.len(), 4);
    let back = IERC20::approveCall::abi_decode(&calls[2].data).unwrap();
    assert_eq!((calls[2].to, back.spender, back.value), (calls[0].to, terms.venues[0].address, U256::ZERO));
    assert_eq!(codec.decode(OPERATIONS, UNTIL, &calls), Ok(actions.to_vec()));
    // Where it is not, the actions are the same and the calls are not.
    let kept = [&calls[..2], &calls[3..]].concat();
    assert_eq!(codec.decode(OPERATIONS, UNTIL, &kept), Ok(actions.to_vec()));
    // What is allowed anew is no taking back, nor is what another one may take.
    for other in [approve(1), Action::Approve { asset: USDC, spender: VenueId(1), amount: Amount(0) }] {
        let mut changed = calls.clone();
        changed[2] = codec.encode(OPERATIONS, UNTIL, &[other]).unwrap().remove(0);
        assert_eq!(codec.decode(OPERATIONS, UNTIL, &changed), Ok(vec![approve(12), swap(), other, transfer]));
    }
    // Nothing was allowed, and nothing is taken back.
    assert_eq!(codec.encode(OPERATIONS, UNTIL, &[swap()]).unwrap().len(), 1);
    assert_eq!(codec.encode(OPERATIONS, UNTIL, &[approve(12)]).unwrap().len(), 1);
}

#[test]
fn a_swap_is_bound_to_its_account_its_deadline_and_no_value() {
    let terms = terms();
    let codec = PolicyCodec::new(&terms);
    let calls = codec.encode(OPERATIONS, UNTIL, &[swap()]).unwrap();
    let field_of = |found: Result<Vec<Action>, CodecError>| match found.unwrap_err() {
        CodecError::Field { field, .. } => field,
        other => panic!("{other}"),
    };
    assert_eq!(field_of(codec.decode(AccountId(1), UNTIL, &calls)), "recipient");
    assert_eq!(field_of(codec.decode(OPERATIONS, UNTIL + 1, &calls)), "deadline");
    let paid = Call { value: Amount(1), ..calls[0].clone() };
    assert_eq!(field_of(codec.decode(OPERATIONS, UNTIL, &[paid])), "value in wei");
}

#[test]
fn a_vault_pays_the_account_from_the_account() {
    let terms = terms();
    let codec = PolicyCodec::new(&terms);
    let (account, stranger, vault) = (terms.accounts[0].address, Address::repeat_byte(9), terms.venues[2].address);
    let assets = U256::from(5);
    let deposit = |receiver| IERC4626::depositCall { assets, receiver }.abi_encode();
    let redeem = |receiver, owner| IERC4626::redeemCall { shares: assets, receiver, owner }.abi_encode();
    let decode =
        |to, data: Vec<u8>| codec.decode(OPERATIONS, UNTIL, &[Call { to, value: Amount::ZERO, data: data.into() }]);
    let field_of = |found: Result<Vec<Action>, CodecError>| match found.unwrap_err() {
        CodecError::Field { field, .. } => field,
        other => panic!("{other}"),
    };
    assert_eq!(decode(vault, deposit(account)), Ok(called(&[self::deposit(Amount(5), Amount(4))])));
    assert_eq!(decode(vault, redeem(account, account)), Ok(called(&[self::redeem(Amount(5), Amount(4))])));
    assert_eq!(field_of(decode(vault, deposit(stranger))), "receiver");
    assert_eq!(field_of(decode(vault, redeem(stranger, account))), "receiver");
    assert_eq!(field_of(decode(vault, redeem(account, stranger))), "owner");
    let router = decode(terms.venues[0].address, deposit(account));
    assert!(matches!(router, Err(CodecError::Unknown { .. })), "{router:?}");
}

#[test]
fn an_aave_pool_pays_the_account_a_number_of_its_own_reserve() {
    let terms = terms();
    let codec = PolicyCodec::new(&terms);
    let (account, stranger, pool) = (terms.accounts[0].address, Address::repeat_byte(9), terms.venues[3].address);
    let (asset, weth, amount) = (terms.assets[0].address, terms.assets[1].address, U256::from(5));
    let supplied = IAavePool::supplyCall { asset, amount, onBehalfOf: account, referralCode: 0 };
    let withdrawn = IAavePool::withdrawCall { asset, amount, to: account };
    let decode =
        |to, data: Vec<u8>| codec.decode(OPERATIONS, UNTIL, &[Call { to, value: Amount::ZERO, data: data.into() }]);
    let field_of = |data| match decode(pool, data).unwrap_err() {
        CodecError::Field { field, .. } => field,
        other => panic!("{other}"),
    };
    assert_eq!(decode(pool, supplied.abi_encode()), Ok(called(&[supply(Amount(5), Amount(4))])));
    assert_eq!(decode(pool, withdrawn.abi_encode()), Ok(called(&[withdraw(Amount(5), Amount(4))])));
    let supply = |change: fn(&mut IAavePool::supplyCall, Address), to| {
        let mut call = supplied.clone();
        change(&mut call, to);
        field_of(call.abi_encode())
    };
    assert_eq!(supply(|call, to| call.onBehalfOf = to, stranger), "onBehalfOf");
    assert_eq!(supply(|call, _| call.referralCode = 7, stranger), "referralCode");
    assert_eq!(supply(|call, token| call.asset = token, weth), "asset");
    let withdraw = |call: IAavePool::withdrawCall| field_of(call.abi_encode());
    assert_eq!(withdraw(IAavePool::withdrawCall { to: stranger, ..withdrawn.clone() }), "to");
    assert_eq!(withdraw(IAavePool::withdrawCall { asset: weth, ..withdrawn.clone() }), "asset");
    assert_eq!(withdraw(IAavePool::withdrawCall { amount: U256::MAX, ..withdrawn.clone() }), "amount");
    // Neither speaks the other's words.
    let deposit = IERC4626::depositCall { assets: amount, receiver: account }.abi_encode();
    for (to, data) in [(pool, deposit), (terms.venues[2].address, withdrawn.abi_encode())] {
        let found = decode(to, data);
        assert!(matches!(found, Err(CodecError::Unknown { .. })), "{found:?}");
    }
}

#[test]
fn of_the_reserves_of_one_pool_each_call_is_of_that_of_its_asset() {
    let mut terms = terms();
    let shares = AssetId(terms.assets.len().try_into().unwrap());
    terms.assets.push(Asset { address: Address::repeat_byte(0x15), ..terms.assets[WETH.index()].clone() });
    let venue = VenueId(terms.venues.len().try_into().unwrap());
    let second = Venue { kind: VenueKind::AaveV3 { asset: WETH, shares }, ..terms.venues[AAVE.index()].clone() };
    terms.venues.push(second);
    let codec = PolicyCodec::new(&terms);
    let (amount, none) = (Amount(7), Amount::ZERO);
    let of_weth = [
        Action::Approve { asset: WETH, spender: venue, amount },
        Action::Deposit { venue, asset: WETH, shares, amount, shares_min: none },
        Action::Redeem { venue, shares, asset: WETH, amount, assets_min: none },
    ];
    let of_usdc =
        [Action::Approve { asset: USDC, spender: AAVE, amount }, supply(amount, none), withdraw(amount, none)];
    for actions in [of_weth, of_usdc] {
        let calls = codec.encode(OPERATIONS, UNTIL, &actions).unwrap();
        assert_eq!(codec.decode(OPERATIONS, UNTIL, &calls), Ok(actions.to_vec()));
    }
}

#[test]
fn a_vault_takes_its_own_asset_and_shares_alone() {
    let terms = terms();
    let codec = PolicyCodec::new(&terms);
    let encode = |venue, asset, shares| {
        let (amount, shares_min) = (Amount(5), Amount(4));
        codec.encode(OPERATIONS, UNTIL, &[Action::Deposit { venue, asset, shares, amount, shares_min }])
    };
    assert!(encode(SAVINGS, USDC, SHARES).is_ok());
    for (venue, asset, shares) in [(SAVINGS, WETH, SHARES), (SAVINGS, USDC, WETH), (SECOND_VENUE, USDC, SHARES)] {
        let refused = encode(venue, asset, shares);
        assert!(matches!(refused, Err(CodecError::Field { .. })), "{refused:?}");
    }
    assert_eq!(encode(VenueId(7), USDC, SHARES), Err(CodecError::Unlisted { what: "venue", index: 7 }));
}

#[test]
fn what_the_policy_lacks_is_refused_by_name() {
    let terms = terms();
    let codec = PolicyCodec::new(&terms);
    let transfer = Action::Transfer { asset: AssetId(9), to: Address::ZERO, amount: Amount(1) };
    let refused = codec.encode(OPERATIONS, UNTIL, &[transfer]);
    assert_eq!(refused, Err(CodecError::Unlisted { what: "asset", index: 9 }));
    assert!(codec.encode(AccountId(7), UNTIL, &[]).is_err());
    assert!(codec.decode(AccountId(7), UNTIL, &[]).is_err());

    let stranger = IERC20::approveCall { spender: Address::repeat_byte(9), value: U256::from(1) };
    let call = Call { to: terms.assets[0].address, value: Amount::ZERO, data: stranger.abi_encode().into() };
    let refused = codec.decode(OPERATIONS, UNTIL, &[call]).unwrap_err();
    assert!(matches!(refused, CodecError::Field { field: "spender", .. }), "{refused}");
}

#[test]
fn what_quaestor_never_sends_is_refused() {
    let terms = terms();
    let codec = PolicyCodec::new(&terms);
    let wide = IERC20::transferCall { to: Address::repeat_byte(9), value: U256::MAX }.abi_encode();
    let limited = ISwapRouter::exactInputSingleCall {
        params: ISwapRouter::ExactInputSingleParams {
            tokenIn: terms.assets[0].address,
            tokenOut: terms.assets[1].address,
            recipient: terms.accounts[0].address,
            deadline: U256::from(UNTIL),
            sqrtPriceLimitX96: U160::from(1),
            ..Default::default()
        },
    };
    let entry = codec.encode_entry(&Entry {
        decision: B256::ZERO,
        policy: B256::ZERO,
        model: B256::ZERO,
        valid_until: 0,
        pulls: 0,
        items: vec![],
    });
    let to = terms.assets[0].address;
    for (to, data) in [
        (to, wide.into()),
        (to, Bytes::from_static(b"\x23\xb8\x72\xdd")),
        (to, Bytes::new()),
        (terms.venues[0].address, limited.abi_encode().into()),
        (entry.to, entry.data.clone()),
    ] {
        let call = Call { to, value: Amount::ZERO, data };
        assert!(codec.decode(OPERATIONS, UNTIL, std::slice::from_ref(&call)).is_err(), "{call:?}");
    }
    let elsewhere = Call { to: terms.venues[usize::from(SECOND_VENUE.0)].address, ..entry };
    assert!(matches!(codec.decode_entry(&elsewhere), Err(CodecError::Unknown { .. })));
    let too_fine = Action::Swap {
        venue: VenueId(0),
        sell: USDC,
        buy: WETH,
        fee_pips: 1 << 24,
        amount_in: Amount(1),
        amount_out_min: Amount(1),
    };
    assert!(matches!(codec.encode(OPERATIONS, UNTIL, &[too_fine]), Err(CodecError::Field { field: "fee", .. })));
}
