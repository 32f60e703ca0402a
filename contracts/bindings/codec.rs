//! Actions of a policy as calldata, and back.

use crate::{
    bindings::{DecisionGate, IAavePool, IDecisionGate, IERC20, IERC4626, ISwapRouter, IVotes, IWETH9},
    exact::{Exact, Inexact},
    price_limit::Bounded,
};
use alloy_primitives::{Address, Bytes, U256, aliases::U24, aliases::U160};
use alloy_sol_types::SolCall;
use quaestor_core::{
    Account, AccountId, Action, Amount, Asset, AssetId, Call, Codec, CodecError, Entry, EntryItem, Terms, Value, Vault,
    Venue, VenueId, VenueKind,
};

/// The codec of one policy: it knows its assets, accounts, venues and gate, and nothing else.
#[derive(Debug, Clone, Copy)]
pub struct PolicyCodec<'a> {
    terms: &'a Terms,
}

impl<'a> PolicyCodec<'a> {
    /// The codec of `terms`.
    pub fn new(terms: &'a Terms) -> Self {
        Self { terms }
    }

    fn account(&self, id: AccountId) -> Result<&'a Account, CodecError> {
        self.terms.account(id).ok_or(CodecError::Unlisted { what: "account", index: id.index() })
    }

    fn asset(&self, id: AssetId) -> Result<&'a Asset, CodecError> {
        self.terms.asset(id).ok_or(CodecError::Unlisted { what: "asset", index: id.index() })
    }

    fn venue(&self, id: VenueId) -> Result<&'a Venue, CodecError> {
        self.terms.venue(id).ok_or(CodecError::Unlisted { what: "venue", index: id.index() })
    }

    /// The vault of an action, if asset and shares are its own.
    fn vault(&self, id: VenueId, asset: AssetId, shares: AssetId) -> Result<Vault, CodecError> {
        let listed = self.venue(id)?;
        let vault = self.terms.vault(id).ok_or_else(|| field(listed.address, "venue", "a vault", &listed.name))?;
        if (vault.asset, vault.shares) == (asset, shares) {
            return Ok(vault);
        }
        let pair = |asset: AssetId, shares: AssetId| format!("assets {} and {}", asset.0, shares.0);
        Err(field(vault.address, "asset and shares", pair(vault.asset, vault.shares), pair(asset, shares)))
    }

    /// The ERC-4626 vault that is called.
    fn vault_at(&self, call: &Call) -> Result<Vault, CodecError> {
        let vault = self.venue_at(call.to).and_then(|id| self.terms.vault(id));
        vault.filter(|it| matches!(it.kind, VenueKind::Erc4626 { .. })).ok_or_else(|| unknown(call))
    }

    /// The reserve of `asset` in the Aave Pool that is called.
    fn reserve_at(&self, call: &Call, asset: Address) -> Result<Vault, CodecError> {
        let is_reserve =
            |id: &VenueId| matches!(self.terms.venue(*id), Some(it) if matches!(it.kind, VenueKind::AaveV3 { .. }));
        let venue = match self.asset_at(asset) {
            Some(listed) => self.terms.venue_at(call.to, listed),
            None => self.venue_at(call.to),
        };
        let vault = venue.filter(is_reserve).and_then(|id| self.terms.vault(id)).ok_or_else(|| unknown(call))?;
        let expected = self.asset(vault.asset)?.address;
        if asset == expected { Ok(vault) } else { Err(field(call.to, "asset", expected, asset)) }
    }

    fn asset_at(&self, address: Address) -> Option<AssetId> {
        let position = self.terms.assets.iter().position(|asset| asset.address == address)?;
        u16::try_from(position).ok().map(AssetId)
    }

    fn venue_at(&self, address: Address) -> Option<VenueId> {
        let position = self.terms.venues.iter().position(|venue| venue.address == address)?;
        u16::try_from(position).ok().map(VenueId)
    }

    fn encode_one(&self, account: &Account, valid_until: u64, action: &Action) -> Result<Call, CodecError> {
        let (to, data) = match *action {
            Action::Transfer { asset, to, amount } => {
                (self.asset(asset)?.address, IERC20::transferCall { to, value: amount.to_u256() }.abi_encode())
            }
            Action::Approve { asset, spender, amount } => {
                let spender = self.venue(spender)?.address;
                (self.asset(asset)?.address, IERC20::approveCall { spender, value: amount.to_u256() }.abi_encode())
            }
            Action::Swap { venue, sell, buy, fee_pips, amount_in, amount_out_min } => {
                let listed = self.venue(venue)?;
                let tokens = (self.asset(sell)?.address, self.asset(buy)?.address);
                let to = listed.address;
                let fee = U24::try_from(fee_pips).map_err(|_| field(to, "fee", "below 2^24", fee_pips))?;
                let params = ISwapRouter::ExactInputSingleParams {
                    tokenIn: tokens.0,
                    tokenOut: tokens.1,
                    fee,
                    recipient: account.address,
                    deadline: U256::from(valid_until),
                    amountIn: amount_in.to_u256(),
                    amountOutMinimum: amount_out_min.to_u256(),
                    sqrtPriceLimitX96: self.price_limit(listed, tokens, (amount_in, amount_out_min)),
                };
                (to, ISwapRouter::exactInputSingleCall { params }.abi_encode())
            }
            Action::Deposit { venue, asset, shares, amount, .. } => {
                let Vault { address, kind, .. } = self.vault(venue, asset, shares)?;
                let (assets, receiver) = (amount.to_u256(), account.address);
                let data = if let VenueKind::AaveV3 { .. } = kind {
                    let asset = self.asset(asset)?.address;
                    IAavePool::supplyCall { asset, amount: assets, onBehalfOf: receiver, referralCode: 0 }.abi_encode()
                } else {
                    IERC4626::depositCall { assets, receiver }.abi_encode()
                };
                (address, data)
            }
            Action::Redeem { venue, shares, asset, amount, .. } => {
                let Vault { address, kind, .. } = self.vault(venue, asset, shares)?;
                let (shares, receiver, owner) = (amount.to_u256(), account.address, account.address);
                let data = if let VenueKind::AaveV3 { .. } = kind {
                    let asset = self.asset(asset)?.address;
                    IAavePool::withdrawCall { asset, amount: shares, to: receiver }.abi_encode()
                } else {
                    IERC4626::redeemCall { shares, receiver, owner }.abi_encode()
                };
                (address, data)
            }
            Action::Wrap { asset, amount } => {
                let data = IWETH9::depositCall {}.abi_encode().into();
                return Ok(Call { to: self.asset(asset)?.address, value: amount, data });
            }
            Action::Delegate { asset, to } => {
                (self.asset(asset)?.address, IVotes::delegateCall { delegatee: to }.abi_encode())
            }
        };
        Ok(Call { to, value: Amount::ZERO, data: data.into() })
    }

    fn decode_one(&self, account: &Account, valid_until: u64, call: &Call) -> Result<Action, CodecError> {
        match read(call)? {
            Exact::Transfer(transfer) => Ok(Action::Transfer {
                asset: self.asset_at(call.to).ok_or_else(|| unknown(call))?,
                to: transfer.to,
                amount: amount(call.to, "amount", transfer.value)?,
            }),
            Exact::Approve(approve) => {
                let asset = self.asset_at(call.to).ok_or_else(|| unknown(call))?;
                let spender = self.terms.venue_at(approve.spender, asset);
                let spender =
                    spender.ok_or_else(|| field(call.to, "spender", "a venue of the policy", approve.spender))?;
                Ok(Action::Approve { asset, spender, amount: amount(call.to, "amount", approve.value)? })
            }
            Exact::Swap(swap) => self.decode_swap(account, valid_until, call, &swap),
            Exact::Deposit(deposit) => {
                let Vault { venue, asset, shares, .. } = self.vault_at(call)?;
                own(account, call.to, "receiver", deposit.receiver)?;
                let amount = amount(call.to, "assets", deposit.assets)?;
                Ok(Action::Deposit { venue, asset, shares, amount, shares_min: Amount::ZERO })
            }
            Exact::Redeem(redeem) => {
                let Vault { venue, asset, shares, .. } = self.vault_at(call)?;
                own(account, call.to, "receiver", redeem.receiver)?;
                own(account, call.to, "owner", redeem.owner)?;
                let amount = amount(call.to, "shares", redeem.shares)?;
                Ok(Action::Redeem { venue, shares, asset, amount, assets_min: Amount::ZERO })
            }
            Exact::Supply(supply) => {
                let Vault { venue, asset, shares, .. } = self.reserve_at(call, supply.asset)?;
                own(account, call.to, "onBehalfOf", supply.onBehalfOf)?;
                if supply.referralCode != 0 {
                    return Err(field(call.to, "referralCode", 0, supply.referralCode));
                }
                let amount = amount(call.to, "amount", supply.amount)?;
                Ok(Action::Deposit { venue, asset, shares, amount, shares_min: Amount::ZERO })
            }
            Exact::Withdraw(withdraw) => {
                let Vault { venue, asset, shares, .. } = self.reserve_at(call, withdraw.asset)?;
                own(account, call.to, "to", withdraw.to)?;
                // All that there is, which Aave writes as 2^256 - 1, is no amount that was judged.
                let amount = amount(call.to, "amount", withdraw.amount)?;
                Ok(Action::Redeem { venue, shares, asset, amount, assets_min: Amount::ZERO })
            }
            Exact::Delegate(delegate) => Ok(Action::Delegate {
                asset: self.asset_at(call.to).ok_or_else(|| unknown(call))?,
                to: delegate.delegatee,
            }),
            Exact::Wrap => {
                Ok(Action::Wrap { asset: self.asset_at(call.to).ok_or_else(|| unknown(call))?, amount: call.value })
            }
            Exact::Enter(_) => Err(unknown(call)),
        }
    }

    fn decode_swap(
        &self,
        account: &Account,
        valid_until: u64,
        call: &Call,
        swap: &ISwapRouter::ExactInputSingleParams,
    ) -> Result<Action, CodecError> {
        let to = call.to;
        let venue = self.venue_at(to).ok_or_else(|| unknown(call))?;
        if swap.recipient != account.address {
            return Err(field(to, "recipient", account.address, swap.recipient));
        }
        if swap.deadline != U256::from(valid_until) {
            return Err(field(to, "deadline", valid_until, swap.deadline));
        }
        let token =
            |name, address| self.asset_at(address).ok_or_else(|| field(to, name, "an asset of the policy", address));
        let (sell, buy) = (token("tokenIn", swap.tokenIn)?, token("tokenOut", swap.tokenOut)?);
        let amount_in = amount(to, "amountIn", swap.amountIn)?;
        let amount_out_min = amount(to, "amountOutMinimum", swap.amountOutMinimum)?;
        let limit = self.price_limit(self.venue(venue)?, (swap.tokenIn, swap.tokenOut), (amount_in, amount_out_min));
        if swap.sqrtPriceLimitX96 != limit {
            return Err(field(to, "sqrtPriceLimitX96", limit, swap.sqrtPriceLimitX96));
        }
        Ok(Action::Swap { venue, sell, buy, fee_pips: swap.fee.to::<u32>(), amount_in, amount_out_min })
    }

    /// Where a swap stops; zero, which is nowhere, where the venue bounds no price impact.
    fn price_limit(&self, venue: &Venue, (sell, buy): (Address, Address), amounts: (Amount, Amount)) -> U160 {
        let Some(price_impact_bps_max) = venue.price_impact_bps_max else { return U160::ZERO };
        let (amount_in, amount_out_min) = amounts;
        let slippage_bps_max = self.terms.limits.slippage_bps_max;
        let bounded = Bounded { sell, buy, amount_in, amount_out_min, slippage_bps_max, price_impact_bps_max };
        bounded.sqrt_price_limit_x96()
    }
}

/// What follows the exchange `action` when `before` it a venue was allowed to take what it gives: the venue may take nothing
/// more, whatever it took.
fn taken_back(before: Option<&Action>, action: &Action) -> Option<Action> {
    match (before, action) {
        (Some(Action::Approve { asset, spender, .. }), Action::Swap { .. } | Action::Deposit { .. }) => {
            Some(Action::Approve { asset: *asset, spender: *spender, amount: Amount::ZERO })
        }
        _ => None,
    }
}

/// Each action is a call, but that what a venue was allowed to take right before an exchange is taken back right after it.
/// Calldata in which it is not reads as the same actions, which are encoded otherwise.
impl Codec for PolicyCodec<'_> {
    fn encode(&self, account: AccountId, valid_until: u64, actions: &[Action]) -> Result<Vec<Call>, CodecError> {
        let account = self.account(account)?;
        let mut calls = Vec::with_capacity(actions.len() + 1);
        let mut before = None;
        for action in actions {
            calls.push(self.encode_one(account, valid_until, action)?);
            if let Some(back) = taken_back(before, action) {
                calls.push(self.encode_one(account, valid_until, &back)?);
            }
            before = Some(action);
        }
        Ok(calls)
    }

    fn decode(&self, account: AccountId, valid_until: u64, calls: &[Call]) -> Result<Vec<Action>, CodecError> {
        let account = self.account(account)?;
        let mut actions: Vec<Action> = Vec::with_capacity(calls.len());
        let mut back = None;
        for call in calls {
            let action = self.decode_one(account, valid_until, call)?;
            if back.take() == Some(action) {
                continue;
            }
            back = taken_back(actions.last(), &action);
            actions.push(action);
        }
        Ok(actions)
    }

    fn encode_entry(&self, entry: &Entry) -> Call {
        let item = |item: &EntryItem| IDecisionGate::Item {
            onceKey: item.once_key,
            line: item.line,
            asset: item.asset,
            counterparty: item.counterparty,
            amount: item.amount.to_u256(),
            value: item.value.to_u256(),
        };
        let entry = IDecisionGate::Entry {
            decision: entry.decision,
            policy: entry.policy,
            model: entry.model,
            validUntil: entry.valid_until,
            pulls: entry.pulls,
            items: entry.items.iter().map(item).collect(),
        };
        let data = DecisionGate::enterCall { entry }.abi_encode();
        Call { to: self.terms.gate, value: Amount::ZERO, data: data.into() }
    }

    fn decode_entry(&self, call: &Call) -> Result<Entry, CodecError> {
        let Exact::Enter(entry) = read(call)? else { return Err(unknown(call)) };
        if call.to != self.terms.gate {
            return Err(unknown(call));
        }
        let too_large = || field(call.to, "amount or value of an item", LARGEST, "larger");
        Ok(Entry {
            decision: entry.decision,
            policy: entry.policy,
            model: entry.model,
            valid_until: entry.validUntil,
            pulls: entry.pulls,
            items: entry.items.iter().map(entry_item).collect::<Option<_>>().ok_or_else(too_large)?,
        })
    }
}

/// An item of `DecisionGate`, of calldata or of an `Entered` event. `None` when its amount or value has more than
/// 128 bits, which no batch of an agent has.
pub fn entry_item(item: &IDecisionGate::Item) -> Option<EntryItem> {
    Some(EntryItem {
        once_key: item.onceKey,
        line: item.line,
        asset: item.asset,
        counterparty: item.counterparty,
        amount: Amount::from_u256(item.amount)?,
        value: Value::from_u256(item.value)?,
    })
}

const LARGEST: &str = "at most 2^128 - 1";

fn read(call: &Call) -> Result<Exact, CodecError> {
    let exact = Exact::read(&call.data).map_err(|inexact| match inexact {
        Inexact::Selector => unknown(call),
        Inexact::Encoding(reason) => CodecError::Malformed { to: call.to, reason },
    })?;
    // What is wrapped is the value itself.
    if call.value.is_zero() || matches!(exact, Exact::Wrap) {
        Ok(exact)
    } else {
        Err(field(call.to, "value in wei", 0, call.value.0))
    }
}

fn amount(to: Address, name: &'static str, wide: U256) -> Result<Amount, CodecError> {
    Amount::from_u256(wide).ok_or_else(|| field(to, name, LARGEST, wide))
}

/// What a vault gives goes to the account, and what it takes is the account's.
fn own(account: &Account, to: Address, name: &'static str, found: Address) -> Result<(), CodecError> {
    if found == account.address { Ok(()) } else { Err(field(to, name, account.address, found)) }
}

fn unknown(call: &Call) -> CodecError {
    let selector = Bytes::copy_from_slice(call.data.get(..4).unwrap_or(&call.data));
    CodecError::Unknown { to: call.to, selector }
}

fn field(to: Address, field: &'static str, expected: impl ToString, found: impl ToString) -> CodecError {
    CodecError::Field { to, field, expected: expected.to_string(), found: found.to_string() }
}

#[cfg(test)]
mod tests;
