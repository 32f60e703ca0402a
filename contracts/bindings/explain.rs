//! Calls and refusals in words, for the person who confirms or votes.
//!
//! The words say what the calldata does, whether or not the policy allows it: addresses are whole, amounts are exact,
//! names are the policy's where it has one, and a call that is not understood is shown in full. Names are printed with
//! nothing but letters, digits and a few marks of ASCII, so that none can imitate another or break out of Markdown.

mod number;
mod refusal;

pub use number::{percent, wad, whole_tokens};
pub use refusal::{
    explain_errand, explain_hold, explain_outcome, explain_reason, explain_refusal, rule_key, share, span,
};

use crate::{
    bindings::{IAavePool, IDecisionGate, IERC20, IERC4626, ISwapRouter},
    exact::Exact,
    utc::Utc,
};
use alloy_primitives::{Address, B256, U160, U256, U512, ruint::UintTryFrom};
use quaestor_core::{Asset, Call, Terms};
use std::fmt::Write;

/// Of the coin of every chain of Ethereum's kind.
const COIN_DECIMALS: u8 = 18;

/// The calls of a batch, numbered from 1, a call a line; what belongs to a call is indented under it.
pub fn explain_batch(terms: &Terms, calls: &[Call]) -> String {
    let lines: Vec<String> =
        calls.iter().enumerate().map(|(index, call)| format!("{}. {}", index + 1, explain_call(terms, call))).collect();
    lines.join("\n")
}

/// One call in words.
pub fn explain_call(terms: &Terms, call: &Call) -> String {
    let words = match Exact::read(&call.data) {
        Ok(Exact::Transfer(transfer)) => explain_transfer(terms, call.to, &transfer),
        Ok(Exact::Approve(approve)) => explain_approve(terms, call.to, &approve),
        Ok(Exact::Swap(swap)) => explain_swap(terms, call.to, &swap),
        Ok(Exact::Deposit(deposit)) => explain_deposit(terms, call.to, &deposit),
        Ok(Exact::Redeem(redeem)) => explain_redeem(terms, call.to, &redeem),
        Ok(Exact::Supply(supply)) => explain_supply(terms, call.to, &supply),
        Ok(Exact::Withdraw(withdraw)) => explain_withdraw(terms, call.to, &withdraw),
        Ok(Exact::Wrap) => {
            return format!(
                "wrap {} of the chain's coin, one for one, as {}",
                whole_tokens(call.value.to_u256(), COIN_DECIMALS),
                party(terms, call.to)
            );
        }
        Ok(Exact::Delegate(delegate)) => {
            format!("delegate the votes of {} to {}", party(terms, call.to), party(terms, delegate.delegatee))
        }
        Ok(Exact::Enter(entry)) => return explain_entry(terms, call, &entry),
        Err(_) => return explain_unknown(terms, call),
    };
    format!("{words}{}", wei(call))
}

/// A name and an address, such as `operations (0x…)`.
pub fn party(terms: &Terms, address: Address) -> String {
    let named = |name: &str| Some(plain(name));
    let account = || terms.accounts.iter().find(|it| it.address == address).and_then(|it| named(&it.name));
    let venue = || terms.venues.iter().find(|it| it.address == address).and_then(|it| named(&it.name));
    let asset =
        || terms.assets.iter().find(|it| it.address == address).map(|it| format!("the token {}", plain(&it.symbol)));
    let listed = |name: &str| format!("{}, a receiver that the policy lists", plain(name));
    let receiver = || terms.counterparty_at(address).map(|it| listed(&it.name));
    let own = || match address {
        it if it == terms.gate => Some("the decision gate".to_owned()),
        it if it == terms.brake => Some("the emergency brake".to_owned()),
        it if it == terms.registry => Some("the policy registry".to_owned()),
        _ => None,
    };
    let name = own().or_else(account).or_else(venue).or_else(asset).or_else(receiver);
    format!("{} ({address})", name.unwrap_or_else(|| "AN ADDRESS THAT THE POLICY DOES NOT LIST".to_owned()))
}

/// A name of the policy, safe to print anywhere: whatever is not an ASCII letter, digit, space or one of `._-/+` is
/// shown as its code.
pub fn plain(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for letter in name.chars() {
        if letter.is_ascii_alphanumeric() || " ._-/+".contains(letter) {
            out.push(letter);
        } else {
            out.extend(letter.escape_unicode());
        }
    }
    out
}

/// The name of a budget line or strategy, or its hash.
pub fn line_name(terms: &Terms, line: B256) -> String {
    let strategy = || terms.strategy(line).map(|strategy| plain(&strategy.name));
    let budget = terms.budget_line(line).map(|budget| plain(&budget.name));
    budget.or_else(strategy).unwrap_or_else(|| format!("line {line}"))
}

fn asset_at(terms: &Terms, address: Address) -> Option<&Asset> {
    terms.assets.iter().find(|asset| asset.address == address)
}

/// Such as `12,345.678901 USDC (0x…)`.
fn tokens(terms: &Terms, token: Address, amount: U256) -> String {
    match asset_at(terms, token) {
        Some(asset) => format!("{} {} ({token})", whole_tokens(amount, asset.decimals), plain(&asset.symbol)),
        None => format!("{} base units of A TOKEN THAT THE POLICY DOES NOT LIST ({token})", whole_tokens(amount, 0)),
    }
}

fn explain_transfer(terms: &Terms, token: Address, call: &IERC20::transferCall) -> String {
    format!("send {} to {}", tokens(terms, token, call.value), party(terms, call.to))
}

fn explain_approve(terms: &Terms, token: Address, call: &IERC20::approveCall) -> String {
    let spender = party(terms, call.spender);
    if call.value.is_zero() {
        let token = asset_at(terms, token).map_or_else(
            || format!("OF A TOKEN THAT THE POLICY DOES NOT LIST ({token})"),
            |asset| format!("{} ({token})", plain(&asset.symbol)),
        );
        return format!("let {spender} take no more {token}");
    }
    let amount = tokens(terms, token, call.value);
    let unlimited = if call.value == U256::MAX { ", WITHOUT ANY LIMIT" } else { "" };
    format!("allow {spender} to take up to {amount}{unlimited}")
}

fn explain_swap(terms: &Terms, venue: Address, swap: &ISwapRouter::ExactInputSingleParams) -> String {
    let until = u64::try_from(swap.deadline).map_or_else(|_| "for ever".to_owned(), |at| format!("until {}", Utc(at)));
    let limit = match swap.sqrtPriceLimitX96 {
        limit if limit.is_zero() => String::new(),
        limit => stops(terms, swap, limit),
    };
    format!(
        "swap {} for at least {} on {}, pool fee {}, to {}, {until}{limit}",
        tokens(terms, swap.tokenIn, swap.amountIn),
        tokens(terms, swap.tokenOut, swap.amountOutMinimum),
        party(terms, venue),
        percent(swap.fee.to::<u64>(), 4),
        party(terms, swap.recipient),
    )
}

/// Where a swap stops: what the pool would then say that one whole token given is worth.
fn stops(terms: &Terms, swap: &ISwapRouter::ExactInputSingleParams, limit: U160) -> String {
    let raw = format!(", stopping at the square-root price {limit} / 2^96");
    let (Some(sold), Some(bought)) = (asset_at(terms, swap.tokenIn), asset_at(terms, swap.tokenOut)) else {
        return raw;
    };
    let (root, one) = (U512::from(limit), U512::ONE << 192_usize);
    let unit = U512::from(sold.unit());
    let (square, falls) = (root * root, swap.tokenIn < swap.tokenOut);
    let brought =
        if falls { (unit * square) >> 192_usize } else { (unit * one).checked_div(square).unwrap_or_default() };
    let Ok(brought) = U256::uint_try_from(brought) else { return raw };
    format!(
        ", stopping where the pool's own price is {} {} for one {}",
        whole_tokens(brought, bought.decimals),
        plain(&bought.symbol),
        plain(&sold.symbol)
    )
}

fn explain_deposit(terms: &Terms, vault: Address, call: &IERC4626::depositCall) -> String {
    let given = match vault_at(terms, vault) {
        Some(it) => tokens(terms, it, call.assets),
        None => format!("{} base units of what it takes", whole_tokens(call.assets, 0)),
    };
    let (vault, receiver) = (party(terms, vault), party(terms, call.receiver));
    format!("deposit {given} in the vault {vault} at the vault's rate when it runs, shares to {receiver}")
}

fn explain_redeem(terms: &Terms, vault: Address, call: &IERC4626::redeemCall) -> String {
    let given = tokens(terms, vault, call.shares);
    let (owner, receiver) = (party(terms, call.owner), party(terms, call.receiver));
    format!(
        "redeem {given} of {owner} from the vault {} at the vault's rate when it runs, proceeds to {receiver}",
        party(terms, vault)
    )
}

fn explain_supply(terms: &Terms, pool: Address, call: &IAavePool::supplyCall) -> String {
    let referral = match call.referralCode {
        0 => String::new(),
        code => format!(", referred by {code}"),
    };
    format!(
        "supply {} to the Aave Pool {}, aTokens to {}{referral}",
        tokens(terms, call.asset, call.amount),
        party(terms, pool),
        party(terms, call.onBehalfOf)
    )
}

fn explain_withdraw(terms: &Terms, pool: Address, call: &IAavePool::withdrawCall) -> String {
    let given = match call.amount {
        U256::MAX => format!("ALL THAT THE CALLER HAS of {}", party(terms, call.asset)),
        amount => tokens(terms, call.asset, amount),
    };
    format!("withdraw {given} from the Aave Pool {} to {}", party(terms, pool), party(terms, call.to))
}

/// The token that the policy's vault at this address takes.
fn vault_at(terms: &Terms, address: Address) -> Option<Address> {
    let vault = terms.vaults().find(|vault| vault.address == address)?;
    terms.asset(vault.asset).map(|asset| asset.address)
}

fn explain_entry(terms: &Terms, call: &Call, entry: &IDecisionGate::Entry) -> String {
    let mut text = format!(
        "enter {}, which lets what follows run once, until {}, under policy {}, if the brake's count \
         of pulls is {}; decision {}, model {}{}; it counts:",
        party(terms, call.to),
        Utc(entry.validUntil),
        entry.policy,
        entry.pulls,
        entry.decision,
        entry.model,
        wei(call),
    );
    for item in &entry.items {
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "\n   - {}: {} to {}, worth {} USD, once under key {}",
            line_name(terms, item.line),
            tokens(terms, item.asset, item.amount),
            party(terms, item.counterparty),
            wad(item.value),
            item.onceKey,
        );
    }
    if entry.items.is_empty() {
        text.push_str(" nothing");
    }
    text
}

fn explain_unknown(terms: &Terms, call: &Call) -> String {
    if call.data.is_empty() {
        return format!(
            "call {} with {} wei and no data",
            party(terms, call.to),
            whole_tokens(call.value.to_u256(), 0)
        );
    }
    let to = party(terms, call.to);
    format!(
        "A CALL THAT NO AGENT MAKES, to {to}, with {} wei and the data {}",
        whole_tokens(call.value.to_u256(), 0),
        call.data
    )
}

fn wei(call: &Call) -> String {
    match call.value {
        value if value.is_zero() => String::new(),
        value => format!(", AND SEND {} WEI WITH THE CALL", whole_tokens(value.to_u256(), 0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        PolicyCodec,
        fixture::{AAVE, ATOKENS, COUNTERPARTY, OPERATIONS, SAVINGS, SHARES, USDC, WETH, terms},
    };
    use alloy_primitives::{Bytes, bytes};
    use alloy_sol_types::SolCall;
    use quaestor_core::{Action, Amount, AssetId, Codec, Entry, EntryItem, Value, VenueId};

    const UNTIL: u64 = 1_584_057_600;

    fn words(action: Action) -> String {
        let terms = terms();
        explain_call(&terms, &PolicyCodec::new(&terms).encode(OPERATIONS, UNTIL, &[action]).unwrap()[0])
    }

    fn swap() -> Action {
        Action::Swap {
            venue: VenueId(0),
            sell: USDC,
            buy: WETH,
            fee_pips: 3_000,
            amount_in: Amount(12_345_678_901),
            amount_out_min: Amount(4_500_000_000_000_000_000),
        }
    }

    #[test]
    fn calls_read_as_a_member_would_say_them() {
        let transfer = Action::Transfer { asset: USDC, to: COUNTERPARTY, amount: Amount(1_000_000) };
        assert_eq!(
            words(transfer),
            "send 1 USDC (0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48) to auditor, a receiver that the policy lists \
             (0x7171717171717171717171717171717171717171)"
        );
        let approve = Action::Approve { asset: AssetId(2), spender: VenueId(1), amount: Amount(1_234_567) };
        assert_eq!(
            words(approve),
            "allow other (0x3232323232323232323232323232323232323232) to take up to 1,234,567 GOV \
             (0x1313131313131313131313131313131313131313)"
        );
        assert_eq!(
            words(swap()),
            "swap 12,345.678901 USDC (0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48) for at least 4.5 WETH \
             (0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2) on uniswap (0x3131313131313131313131313131313131313131), \
             pool fee 0.3 %, to operations (0x2121212121212121212121212121212121212121), until 2020-03-13 00:00:00 UTC"
        );
    }

    #[test]
    fn what_a_vault_is_asked_says_at_which_rate_and_for_whom() {
        let (venue, asset, shares) = (SAVINGS, USDC, SHARES);
        let deposit = Action::Deposit { venue, asset, shares, amount: Amount(1_500_000), shares_min: Amount(1) };
        assert_eq!(
            words(deposit),
            "deposit 1.5 USDC (0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48) in the vault savings \
             (0x3333333333333333333333333333333333333333) at the vault's rate when it runs, shares to operations \
             (0x2121212121212121212121212121212121212121)"
        );
        let redeem = Action::Redeem { venue, shares, asset, amount: Amount(2_000_000), assets_min: Amount(1) };
        assert_eq!(
            words(redeem),
            "redeem 2 sUSDC (0x3333333333333333333333333333333333333333) of operations \
             (0x2121212121212121212121212121212121212121) from the vault savings \
             (0x3333333333333333333333333333333333333333) at the vault's rate when it runs, proceeds to operations \
             (0x2121212121212121212121212121212121212121)"
        );
        let terms = terms();
        let stranger = Address::repeat_byte(0x99);
        let data = IERC4626::depositCall { assets: U256::from(7), receiver: stranger }.abi_encode().into();
        let text = explain_call(&terms, &Call { to: stranger, value: Amount::ZERO, data });
        assert!(text.starts_with("deposit 7 base units of what it takes in the vault AN ADDRESS THAT"), "{text}");
        assert!(text.contains("shares to AN ADDRESS THAT THE POLICY DOES NOT LIST (0x9999"), "{text}");
    }

    #[test]
    fn what_is_wrapped_is_the_value_of_the_call() {
        assert_eq!(
            words(Action::Wrap { asset: WETH, amount: quaestor_core::Amount(1_500_000_000_000_000_000) }),
            "wrap 1.5 of the chain's coin, one for one, as the token WETH (0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2)"
        );
    }

    #[test]
    fn votes_go_to_whom_is_named_or_to_a_stranger() {
        let words = words(Action::Delegate { asset: WETH, to: COUNTERPARTY });
        assert_eq!(
            words,
            "delegate the votes of the token WETH (0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2) to auditor, a receiver that \
             the policy lists (0x7171717171717171717171717171717171717171)"
        );
    }

    #[test]
    fn what_an_aave_pool_is_asked_names_the_asset_and_for_whom() {
        let (venue, asset, shares) = (AAVE, USDC, ATOKENS);
        let supply = Action::Deposit { venue, asset, shares, amount: Amount(1_500_000), shares_min: Amount(1) };
        assert_eq!(
            words(supply),
            "supply 1.5 USDC (0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48) to the Aave Pool aave \
             (0x3434343434343434343434343434343434343434), aTokens to operations \
             (0x2121212121212121212121212121212121212121)"
        );
        let withdraw = Action::Redeem { venue, shares, asset, amount: Amount(2_000_000), assets_min: Amount(1) };
        assert_eq!(
            words(withdraw),
            "withdraw 2 USDC (0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48) from the Aave Pool aave \
             (0x3434343434343434343434343434343434343434) to operations (0x2121212121212121212121212121212121212121)"
        );
        let terms = terms();
        let (pool, token) = (terms.venues[3].address, terms.assets[0].address);
        let said = |data: Vec<u8>| explain_call(&terms, &Call { to: pool, value: Amount::ZERO, data: data.into() });
        let all = IAavePool::withdrawCall { asset: token, amount: U256::MAX, to: Address::repeat_byte(0x99) };
        let text = said(all.abi_encode());
        assert!(text.starts_with("withdraw ALL THAT THE CALLER HAS of the token USDC (0xA0b8"), "{text}");
        assert!(text.contains("to AN ADDRESS THAT THE POLICY DOES NOT LIST (0x9999"), "{text}");
        let referred = IAavePool::supplyCall { asset: token, amount: U256::ONE, onBehalfOf: pool, referralCode: 7 };
        assert!(said(referred.abi_encode()).ends_with(", referred by 7"));
    }

    #[test]
    fn an_entry_shows_all_that_it_counts() {
        let terms = terms();
        let entry = Entry {
            decision: B256::repeat_byte(1),
            policy: B256::repeat_byte(2),
            model: B256::repeat_byte(3),
            valid_until: UNTIL,
            pulls: 1,
            items: vec![EntryItem {
                once_key: B256::repeat_byte(4),
                line: terms.strategies[0].line,
                asset: terms.assets[0].address,
                counterparty: terms.venues[0].address,
                amount: Amount(12_345_678_901),
                value: Value(12_345_678_901_999_999_999_999),
            }],
        };
        let call = PolicyCodec::new(&terms).encode_entry(&entry);
        assert_eq!(
            explain_batch(&terms, std::slice::from_ref(&call)),
            "1. enter the decision gate (0x5353535353535353535353535353535353535353), which lets what follows run once, \
             until 2020-03-13 00:00:00 UTC, under policy \
             0x0202020202020202020202020202020202020202020202020202020202020202, if the brake's count of pulls is 1; \
             decision 0x0101010101010101010101010101010101010101010101010101010101010101, model \
             0x0303030303030303030303030303030303030303030303030303030303030303; it counts:\n   \
             - rebalance: 12,345.678901 USDC (0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48) to uniswap \
             (0x3131313131313131313131313131313131313131), worth 12,345.67 USD, once under key \
             0x0404040404040404040404040404040404040404040404040404040404040404"
        );
        let elsewhere = Call { to: Address::repeat_byte(0x99), ..call };
        assert!(explain_call(&terms, &elsewhere).starts_with("enter AN ADDRESS THAT THE POLICY DOES NOT LIST"));
    }

    #[test]
    fn what_is_out_of_place_is_loud_and_whole() {
        let terms = terms();
        let stranger = Address::repeat_byte(0x99);
        let data = IERC20::approveCall { spender: stranger, value: U256::MAX }.abi_encode();
        let unlimited = Call { to: terms.assets[0].address, value: Amount(7), data: data.clone().into() };
        let text = explain_call(&terms, &unlimited);
        assert!(
            text.contains(
                "allow AN ADDRESS THAT THE POLICY DOES NOT LIST (0x9999999999999999999999999999999999999999)"
            )
        );
        assert!(text.ends_with(", WITHOUT ANY LIMIT, AND SEND 7 WEI WITH THE CALL"), "{text}");

        let other_token = explain_call(&terms, &Call { to: stranger, ..unlimited.clone() });
        assert!(other_token.contains("base units of A TOKEN THAT THE POLICY DOES NOT LIST (0x9999"), "{other_token}");

        let trailing = Call { data: [&data[..], &[0]].concat().into(), ..unlimited };
        let text = explain_call(&terms, &trailing);
        assert!(text.starts_with("A CALL THAT NO AGENT MAKES, to the token USDC (0xA0b8"), "{text}");
        assert!(text.ends_with(&trailing.data.to_string()), "the calldata is shown whole");

        let short = Call { to: stranger, value: Amount::ZERO, data: bytes!("abcd") };
        assert!(explain_call(&terms, &short).ends_with("the data 0xabcd"));
        let empty = Call { to: terms.accounts[0].address, value: Amount(1_000), data: Bytes::new() };
        let words = "call operations (0x2121212121212121212121212121212121212121) with 1,000 wei and no data";
        assert_eq!(explain_call(&terms, &empty), words);
    }

    #[test]
    fn a_name_can_neither_imitate_nor_break_out() {
        assert_eq!(plain("operations 2.0_a-b/c+d"), "operations 2.0_a-b/c+d");
        assert_eq!(plain("a\n# b`\u{202e}е"), "a\\u{a}\\u{23} b\\u{60}\\u{202e}\\u{435}");
    }

    #[test]
    fn every_address_of_a_call_is_shown_whole() {
        let terms = terms();
        let calls = PolicyCodec::new(&terms).encode(OPERATIONS, UNTIL, &[swap()]).unwrap();
        let text = explain_batch(&terms, &calls);
        for address in
            [terms.assets[0].address, terms.assets[1].address, terms.venues[0].address, terms.accounts[0].address]
        {
            assert!(text.contains(&address.to_checksum(None)), "{address} in {text}");
        }
    }
}
