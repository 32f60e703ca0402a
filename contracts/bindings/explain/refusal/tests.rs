use super::*;
use crate::fixture::{COUNTERPARTY, OPERATIONS, SAVINGS, USDC, WETH, terms};
use alloy_primitives::{Address, B256};
use quaestor_core::{Amount, BlockRef, Value, amount::WAD, policy::GroupId};

/// The aToken of the fixture.
const ATOKEN: Address = Address::repeat_byte(0x14);

fn refusal(rule: Rule, limit: Quantity, found: Quantity) -> Refusal {
    Refusal::new(rule, limit, found, BlockRef::default(), B256::ZERO)
}

fn words(refusal: &Refusal) -> String {
    explain_refusal(&terms(), refusal)
}

#[test]
fn a_receipt_reads_as_the_policy_is_written() {
    let usdc = |refusal: Refusal| refusal.with(InputName::Asset, Quantity::Asset(USDC));
    let line = |refusal: Refusal| refusal.with(InputName::Line, Quantity::Hash(terms().payments[0].line));
    let cases = [
        (
            refusal(Rule::ProposalBpsMax, Quantity::Bps(1_500), Quantity::Bps(2_130)),
            "limits.proposal_bps_max allows 15.00 % of NAV, with this it is 21.30 %",
        ),
        (
            usdc(refusal(Rule::AllocationMin, Quantity::Bps(3_300), Quantity::Bps(3_171))),
            "allocation.USDC.min_bps is 33.00 % of NAV, with this it is 31.71 %",
        ),
        (
            refusal(Rule::NativeShareBpsMax, Quantity::Bps(1_200), Quantity::Bps(1_201)),
            "limits.native_share_bps_max lets the DAO's own token be 12.00 % of NAV, with this it is 12.01 %",
        ),
        (
            refusal(Rule::VenueShareBpsMax, Quantity::Bps(3_000), Quantity::Bps(3_001))
                .with(InputName::Venue, Quantity::Venue(SAVINGS)),
            "venues.savings.share_bps_max is 30.00 % of NAV, with this it is 30.01 %",
        ),
        (
            refusal(Rule::CounterpartyDayBpsMax, Quantity::Bps(200), Quantity::Bps(201))
                .with(InputName::Counterparty, Quantity::Address(COUNTERPARTY)),
            "counterparties.auditor.day_bps_max lets it be paid 2.00 % of NAV, with this it is 2.01 %",
        ),
        (
            line(usdc(refusal(
                Rule::PaymentMatchesLine,
                Quantity::Amount(Amount(25_000_000_000)),
                Quantity::Amount(Amount(25_000_000_001)),
            ))),
            "the budget line payroll pays 25,000 USDC a period, this pays 25,000.000001 USDC",
        ),
        (
            line(refusal(Rule::PaymentMatchesLine, Quantity::Account(OPERATIONS), Quantity::Account(AccountId(1)))),
            "the budget line payroll is paid by operations, this by reserve",
        ),
        (
            line(refusal(Rule::PaymentPeriod, Quantity::Count(7), Quantity::Count(6))),
            "the budget line payroll pays period 7 now, and this is for period 6",
        ),
        (
            line(refusal(Rule::PaymentPeriod, Quantity::None, Quantity::Count(0))),
            "the budget line payroll can pay no period now, and this is for period 0",
        ),
        (
            refusal(Rule::GroupMax, Quantity::Bps(6_000), Quantity::Bps(6_001))
                .with(InputName::Group, Quantity::Group(GroupId(0))),
            "groups.liquid.max_bps is 60.00 % of NAV, with this it is 60.01 %",
        ),
        (
            usdc(refusal(Rule::PriceQuorumMin, Quantity::Count(2), Quantity::Count(0))),
            "limits.price_quorum_min asks for usable price feeds of USDC: 2 needed, 0 found",
        ),
        (
            refusal(Rule::CooldownSecsMin, Quantity::Secs(14_400), Quantity::Secs(5_460)),
            "limits.cooldown_min asks for 4 h between proposals, only 1 h 31 min have passed",
        ),
        (
            usdc(refusal(
                Rule::BalanceSufficient,
                Quantity::Amount(Amount(12_345_678_901)),
                Quantity::Amount(Amount(20_000_000_000)),
            )),
            "the account has 12,345.678901 USDC, the intent spends 20,000 USDC",
        ),
        (
            usdc(refusal(Rule::VenueListed, Quantity::None, Quantity::Asset(WETH))),
            "no pool or vault in [venues] gives WETH for USDC",
        ),
        (
            refusal(Rule::VaultAsset, Quantity::Address(ATOKEN), Quantity::None),
            "assets.*.address is the token aUSDC (0x1414141414141414141414141414141414141414), the Aave Pool says no aToken",
        ),
        (
            refusal(Rule::VaultAsset, Quantity::Address(ATOKEN), Quantity::Address(COUNTERPARTY)),
            "assets.*.address is the token aUSDC (0x1414141414141414141414141414141414141414), the Aave Pool says auditor, a receiver \
             that the policy lists (0x7171717171717171717171717171717171717171)",
        ),
        (
            refusal(Rule::SlippageBpsMax, Quantity::Bps(0), Quantity::Bps(3))
                .with(InputName::Counterparty, Quantity::Address(Address::repeat_byte(0x34))),
            "an Aave Pool gives one for one, but for what it rounds, and this may bring 0.03 % less",
        ),
        (
            refusal(
                Rule::SlippageBpsMax,
                Quantity::Value(Value(1_000 * WAD)),
                Quantity::Value(Value(2_500 * WAD + WAD / 2)),
            ),
            "limits.slippage_bps_max allows the treasury to lose 1,000.00 USD, the dry run loses 2,500.50 USD",
        ),
        (
            refusal(Rule::LeaseLapsed, Quantity::Secs(1_584_057_600), Quantity::Secs(1_584_061_200)),
            "the operators' lease ended 2020-03-13 00:00:00 UTC, it is 2020-03-13 01:00:00 UTC; the DAO must renew it",
        ),
        (
            refusal(Rule::BrakePulled, Quantity::Count(0), Quantity::Count(1)),
            "the brake was pulled after this was prepared: 0 pulls then, 1 now",
        ),
        (
            refusal(Rule::BrakePulled, Quantity::None, Quantity::Count(u64::MAX)),
            "the brake cannot be read, which counts as pulled",
        ),
        (
            refusal(Rule::VolatilityBpsMax, Quantity::Bps(8_000), Quantity::None),
            "risk.volatility_bps_max is 80.00 % a year, the forecast is unknown: only what reduces risk is allowed",
        ),
        (
            refusal(Rule::CounterpartyListed, Quantity::None, Quantity::Address(Address::repeat_byte(0x99)))
                .with(InputName::Account, Quantity::Account(OPERATIONS)),
            "0x9999999999999999999999999999999999999999 is neither an account of the treasury nor in [counterparties]",
        ),
        (refusal(Rule::CalldataMatches, Quantity::None, Quantity::None), "the calldata is not what was judged"),
        (
            refusal(Rule::ModelInForce, Quantity::Hash(B256::repeat_byte(2)), Quantity::Hash(B256::repeat_byte(1))),
            "it was decided with the risk model 0x0101010101010101010101010101010101010101010101010101010101010101, and \
             0x0202020202020202020202020202020202020202020202020202020202020202 forecasts now",
        ),
        (
            refusal(Rule::ModelInForce, Quantity::None, Quantity::Hash(B256::repeat_byte(1))),
            "it was decided with the risk model 0x0101010101010101010101010101010101010101010101010101010101010101, and no \
             model that risk.model allows can be used now",
        ),
        (
            usdc(refusal(Rule::IntentMatchesActions, Quantity::Asset(USDC), Quantity::Asset(WETH))),
            "the calls or their outcome are not what the intent says: USDC expected, WETH found",
        ),
    ];
    for (refusal, text) in cases {
        assert_eq!(words(&refusal), text);
    }
}

#[test]
fn no_receipt_shows_how_the_program_names_things() {
    let quantities = [
        Quantity::None,
        Quantity::Bps(1),
        Quantity::Value(Value(WAD)),
        Quantity::Amount(Amount(1)),
        Quantity::Secs(1),
        Quantity::Count(1),
        Quantity::Address(Address::ZERO),
        Quantity::Hash(B256::ZERO),
        Quantity::Asset(AssetId(7)),
        Quantity::Account(AccountId(7)),
        Quantity::Group(GroupId(7)),
        Quantity::Venue(quaestor_core::VenueId(7)),
    ];
    for rule in [Rule::AccountListed, Rule::AssetListed, Rule::ApprovalExact, Rule::PolicyExpiresAt, Rule::DayBpsMax] {
        for limit in quantities {
            for found in quantities {
                let text = words(&refusal(rule, limit, found));
                assert!(!text.contains("Some(") && !text.contains("Quantity") && !text.contains("Id("), "{text}");
                assert!(!text.contains('\n') && !text.ends_with(['.', ' ']), "{text}");
            }
        }
    }
}

#[test]
fn shares_and_spans_have_their_units() {
    assert_eq!((share(0), share(5), share(10_000)), ("0.00 %".into(), "0.05 %".into(), "100.00 %".into()));
    assert_eq!(share(u64::MAX), "more than can be counted");
    for (secs, text) in [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3_599, "59 min 59 s"),
        (5_460, "1 h 31 min"),
        (86_400, "1 d"),
        (90_061, "1 d 1 h"),
        (86_460, "1 d"),
    ] {
        assert_eq!(span(secs), text);
    }
}

#[test]
fn the_end_of_a_proposal_is_told_with_its_reason() {
    let receipt = refusal(Rule::ProposalBpsMax, Quantity::Bps(150), Quantity::Bps(153));
    let outcome = Outcome::Withdrawn { reason: Reason::Unfit { receipt } };
    assert_eq!(
        explain_outcome(Some((B256::ZERO, &terms())), &outcome),
        "revoked at the gate: limits.proposal_bps_max allows 1.50 % of NAV, with this it is 1.53 %"
    );
    for other in [None, Some((B256::repeat_byte(1), &terms()))] {
        let text = "revoked at the gate: it was judged again and refused by limits.proposal_bps_max";
        assert_eq!(explain_outcome(other, &outcome), text);
    }
}
