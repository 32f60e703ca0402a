//! A treasury of two assets in a Safe and a timelock, with doubles of policy, strategy, model and codec that do as they
//! are told.

use crate::{
    Account, AccountId, Action, Amount, Asset, AssetId, AssetKind, BlockRef, BrakeReading, Call, Codec, CodecError,
    Decision, Entry, History, Inputs, Intent, Limits, Policy, Pool, Price, Purpose, Refusal, RiskModel, RiskReport,
    Route, Rule, Snapshot, Strategy, Terms, Value, Venue, VenueId, VenueKind, Verdict,
    pipeline::{self, Context},
    policy::{Counterparty, RiskTerms, Schedule, StrategyTerms},
    snapshot::{
        AccountReading, Anchor, AssetReading, CodeReading, Control, FeedReading, Outstanding, Round, Spend, Tally,
    },
    strategy::{StrategyHold, StrategyParams},
    valuation::Prices,
    verdict::Quantity,
};
use alloy_primitives::{Address, B256, Bytes};
use serde::{Serialize, de::DeserializeOwned};
use std::sync::Mutex;

pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const CHAIN_ID: u64 = 31_337;
pub(crate) const POLICY: B256 = B256::repeat_byte(0x10);
pub(crate) const MODEL: B256 = B256::repeat_byte(0x20);
pub(crate) const LINE: B256 = B256::repeat_byte(0x30);
pub(crate) const USDC: AssetId = AssetId(0);
pub(crate) const WETH: AssetId = AssetId(1);
pub(crate) const OPERATIONS: AccountId = AccountId(0);
pub(crate) const RESERVE: AccountId = AccountId(1);
pub(crate) const MEMBER: Address = Address::repeat_byte(0xee);
pub(crate) const OPERATOR: Address = Address::repeat_byte(0xa0);

pub(crate) fn terms() -> Terms {
    let asset = |symbol: &str, byte, decimals, kind| Asset {
        symbol: symbol.into(),
        address: Address::repeat_byte(byte),
        decimals,
        kind,
        feeds: vec![Address::repeat_byte(byte + 1)],
        staleness_secs_max: 3_600,
        code_hash: None,
    };
    let governor = Route::Governor { governor: Address::repeat_byte(0x54), proposer: OPERATOR };
    let account = |name: &str, byte, route| Account { name: name.into(), address: Address::repeat_byte(byte), route };
    Terms {
        name: "treasury".into(),
        chain_id: CHAIN_ID,
        registry: Address::repeat_byte(0x61),
        brake: Address::repeat_byte(0x62),
        gate: Address::repeat_byte(0x63),
        expires_at: NOW + 1_000_000,
        review_at: u64::MAX,
        roles: crate::policy::Roles::default(),
        delegates: vec![],
        wrapped_coin: None,
        on_disagreement: Default::default(),
        twaps: vec![],
        schedule: Schedule::EveryBlocks(10),
        validity_secs: 86_400,
        assets: vec![
            asset("USDC", 0x40, 6, AssetKind::Stable),
            Asset { code_hash: Some(B256::repeat_byte(0x72)), ..asset("WETH", 0x42, 18, AssetKind::Volatile) },
        ],
        accounts: vec![account("operations", 0x50, Route::Safe), account("reserve", 0x52, governor)],
        venues: vec![Venue {
            name: "uniswap".into(),
            kind: VenueKind::UniswapV3,
            address: Address::repeat_byte(0x70),
            code_hash: B256::repeat_byte(0x71),
            pools: vec![Pool { a: USDC, b: WETH, fee_pips: 3_000 }],
            share_bps_max: None,
            price_impact_bps_max: None,
        }],
        counterparties: vec![Counterparty::new("member", MEMBER)],
        bands: Vec::new(),
        groups: Vec::new(),
        limits: Limits { validity_secs_max: 172_800, ..Limits::default() },
        risk: RiskTerms::default(),
        payments: Vec::new(),
        strategies: vec![StrategyTerms {
            name: "as told".into(),
            line: LINE,
            kind: "as-told".into(),
            share_bps_max: None,
            schedule: None,
            params: StrategyParams::new(),
        }],
    }
}

pub(crate) fn block(number: u64) -> BlockRef {
    let hash = B256::left_padding_from(&number.to_be_bytes());
    BlockRef { number, hash, timestamp: NOW + number * 12 - 1_200 }
}

pub(crate) fn usd(whole: u128) -> Price {
    Price(whole * crate::amount::WAD)
}

/// Everything as it should be at block `number`; USDC costs 1 and WETH 2000.
pub(crate) fn snapshot(number: u64) -> Snapshot {
    let (terms, block) = (terms(), block(number));
    let price = |price| Round { price: Some(price), updated_at: block.timestamp - 60 };
    let asset = |asset: &Asset, answer| AssetReading {
        address: asset.address,
        decimals: Some(asset.decimals),
        feeds: vec![FeedReading { feed: asset.feeds[0], rounds: vec![price(answer)] }],
        rate: None,
    };
    let owners = (0xa0..0xa4).map(Address::repeat_byte).collect();
    let balances = |usdc: u128, weth: u128| vec![Amount(usdc * 1_000_000), Amount(weth * crate::amount::WAD)];
    Snapshot {
        chain_id: CHAIN_ID,
        block,
        anchor: Anchor { epoch: 1, policy_hash: POLICY },
        brake: BrakeReading { pulled: false, pulls: 2, lease_until: NOW + 500_000, block },
        operators: vec![OPERATOR],
        guardians: None,
        delegates: vec![],
        coins: vec![],
        assets: vec![asset(&terms.assets[0], usd(1)), asset(&terms.assets[1], usd(2_000))],
        accounts: vec![
            AccountReading {
                address: terms.accounts[0].address,
                balances: balances(100_000, 50),
                control: Control::Safe { nonce: 7, threshold: 3, owners },
            },
            AccountReading {
                address: terms.accounts[1].address,
                balances: balances(300_000, 100),
                control: Control::Timelock { delay_secs: 86_400, governor_schedules: true },
            },
        ],
        code: terms.pins().map(|(address, code_hash)| CodeReading { address, code_hash }).collect(),
        twaps: vec![],
    }
}

/// A payment of whole USDC from `account` to a member, for `period`.
pub(crate) fn payment(account: AccountId, period: u64, whole: u128) -> Intent {
    let amount = Amount(whole * 1_000_000);
    let action = Action::Transfer { asset: USDC, to: MEMBER, amount };
    Intent {
        account,
        purpose: Purpose::Payment { line: LINE, period },
        asset: USDC,
        counterparty: MEMBER,
        amount,
        value: Value(usd(whole).0),
        actions: [action].into_iter().collect(),
    }
}

/// A sale of whole WETH by `account` at 2000, at most 1 % below.
pub(crate) fn sale(account: AccountId, leg: u16, whole: u128) -> Intent {
    let amount = Amount(usd(whole).0);
    let swap = Action::Swap {
        venue: VenueId(0),
        sell: WETH,
        buy: USDC,
        fee_pips: 3_000,
        amount_in: amount,
        amount_out_min: Amount(whole * 1_980 * 1_000_000),
    };
    let approve = Action::Approve { asset: WETH, spender: VenueId(0), amount };
    Intent {
        account,
        purpose: Purpose::Strategy { line: LINE, leg },
        asset: WETH,
        counterparty: Address::repeat_byte(0x70),
        amount,
        value: Value(usd(whole * 2_000).0),
        actions: [approve, swap].into_iter().collect(),
    }
}

/// A deposit of a payment's amount in a vault, for at least as much less one base unit.
pub(crate) fn deposit(account: AccountId, leg: u16, whole: u128) -> Intent {
    let mut intent = payment(account, 0, whole);
    let (venue, amount) = (VenueId(0), intent.amount);
    let shares_min = Amount(amount.0 - 1);
    intent.purpose = Purpose::Strategy { line: LINE, leg };
    intent.actions = [
        Action::Approve { asset: USDC, spender: venue, amount },
        Action::Deposit { venue, asset: USDC, shares: WETH, amount, shares_min },
    ]
    .into_iter()
    .collect();
    intent
}

pub(crate) fn spend(timestamp: u64, account: AccountId, decision: u8, once_key: B256, value: u128) -> Spend {
    let (decision, counterparty, value) = (B256::repeat_byte(decision), MEMBER, Value(value));
    Spend { timestamp, account, decision, once_key, line: LINE, asset: Some(USDC), counterparty, value }
}

pub(crate) fn outstanding(decision: B256, proposed_at: u64, valid_until: u64, value: u128) -> Outstanding {
    let (account, proposal_id, value) = (RESERVE, B256::repeat_byte(0x99), Value(value));
    Outstanding {
        account,
        proposal_id,
        decision,
        proposed_at,
        valid_until,
        once_keys: Vec::new(),
        value,
        dues: Vec::new(),
    }
}

/// What a judge was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) intent: Intent,
    pub(crate) is_new: bool,
    pub(crate) outstanding: usize,
    pub(crate) tally: Value,
    pub(crate) batch_tally: Value,
}

/// Refuses on command and remembers what it was shown.
pub(crate) struct Judge {
    pub(crate) terms: Terms,
    pub(crate) refuses: fn(&Intent) -> Option<Rule>,
    pub(crate) outcome: Option<Rule>,
    pub(crate) shown: Mutex<Vec<Shown>>,
    pub(crate) left: Mutex<Vec<Amount>>,
}

impl Default for Judge {
    fn default() -> Self {
        Self { terms: terms(), refuses: |_| None, outcome: None, shown: Mutex::default(), left: Mutex::default() }
    }
}

fn verdict(cx: &Context<'_>, rule: Option<Rule>) -> Verdict {
    let refusal = |rule| Refusal::new(rule, Quantity::None, Quantity::None, cx.snapshot.block, cx.policy);
    rule.map_or(Verdict::Allowed, |rule| Verdict::Refused(refusal(rule)))
}

impl Policy for Judge {
    fn hash(&self) -> B256 {
        POLICY
    }

    fn rest_hash(&self) -> B256 {
        B256::ZERO
    }

    fn terms(&self) -> &Terms {
        &self.terms
    }

    fn judge(&self, cx: &Context<'_>, tally: &Tally<'_>, intent: &Intent) -> Verdict {
        self.shown.lock().unwrap().push(Shown {
            intent: intent.clone(),
            is_new: cx.is_new,
            outstanding: cx.history.outstanding.len(),
            tally: tally.value,
            batch_tally: tally.batch_value,
        });
        verdict(cx, (self.refuses)(intent))
    }

    fn judge_outcome(&self, before: &Context<'_>, after: &Context<'_>, _: &[Intent]) -> Verdict {
        *self.left.lock().unwrap() = after.valuation.amounts.clone();
        verdict(before, self.outcome)
    }

    fn is_due(&self, _: u64, _: u64, number: u64) -> bool {
        number.is_multiple_of(10)
    }
}

/// Wants what it was given.
#[derive(Debug, Clone, Default)]
pub(crate) struct AsTold(pub(crate) Vec<Intent>, pub(crate) Option<StrategyHold>);

impl Strategy for AsTold {
    fn propose(&self, _: &Context<'_>, out: &mut Vec<Intent>) -> Result<(), StrategyHold> {
        out.extend(self.0.iter().cloned());
        self.1.map_or(Ok(()), Err)
    }
}

/// Forecasts nothing.
pub(crate) struct NoModel;

impl RiskModel for NoModel {
    fn hash(&self) -> B256 {
        MODEL
    }

    fn assess(&self, _: &Terms, _: &Snapshot, _: &Prices, _: &[u64]) -> RiskReport {
        RiskReport { model: MODEL, ..RiskReport::default() }
    }
}

/// The decision of `wants` under `judge`.
pub(crate) fn decide(judge: &Judge, snapshot: &Snapshot, history: &History, wants: &[Intent]) -> Decision {
    let strategies: Vec<Box<dyn Strategy>> = vec![Box::new(AsTold(wants.to_vec(), None))];
    pipeline::decide(&Inputs { snapshot, history, policy: judge, strategies: &strategies, model: &NoModel })
}

/// Writes calldata as JSON. Reading it back it is as lax as a decoder can be: it looks at neither target nor wei, and
/// overlooks what follows.
pub(crate) struct LaxCodec;

fn write(to: Address, what: &impl Serialize) -> Call {
    Call { to, value: Amount::ZERO, data: serde_json::to_vec(what).unwrap().into() }
}

fn read<T: DeserializeOwned>(call: &Call) -> Result<T, CodecError> {
    let first = serde_json::Deserializer::from_slice(&call.data).into_iter().next();
    let unknown = || CodecError::Unknown { to: call.to, selector: Bytes::new() };
    first.and_then(Result::ok).ok_or_else(unknown)
}

impl Codec for LaxCodec {
    fn encode(&self, account: AccountId, valid_until: u64, actions: &[Action]) -> Result<Vec<Call>, CodecError> {
        Ok(actions.iter().map(|action| write(MEMBER, &(account, valid_until, action.as_called()))).collect())
    }

    fn decode(&self, account: AccountId, valid_until: u64, calls: &[Call]) -> Result<Vec<Action>, CodecError> {
        let one = |call: &Call| match read::<(AccountId, u64, Action)>(call)? {
            (found, until, action) if found == account && until == valid_until => Ok(action),
            _ => Err(CodecError::Unlisted { what: "account", index: account.index() }),
        };
        calls.iter().map(one).collect()
    }

    fn encode_entry(&self, entry: &Entry) -> Call {
        write(terms().gate, entry)
    }

    fn decode_entry(&self, call: &Call) -> Result<Entry, CodecError> {
        read(call)
    }
}
