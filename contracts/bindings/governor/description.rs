//! The text of a proposal: what it does, why, under which policy, and how anyone can recompute it.

use crate::{
    explain::{explain_batch, line_name, party, percent, plain, wad},
    governor::proposer_suffix,
    utc::Utc,
};
use alloy_primitives::Address;
use quaestor_core::{AssetId, Batch, Call, Decision, Intent, Terms, Value};
use std::fmt::Write;

/// What a description is made of. The same parts give the same text, and so the same proposal id, on every machine.
#[derive(Debug, Clone, Copy)]
pub struct Text<'a> {
    /// The policy in force.
    pub terms: &'a Terms,
    /// The decision.
    pub decision: &'a Decision,
    /// Its batch for the account of this proposal.
    pub batch: &'a Batch,
    /// The whole calldata of the batch, `enter` first.
    pub calls: &'a [Call],
    /// File name or URL of the bundle.
    pub bundle: &'a str,
    /// The operator that proposes.
    pub proposer: Address,
}

/// The description, in Markdown. It ends in `#proposer=0x…` with nothing after it.
pub fn describe(text: &Text<'_>) -> String {
    let sections = [title(text), what(text), why(text), policy(text), recompute(text), proposer_suffix(text.proposer)];
    sections.join("\n\n")
}

fn title(text: &Text<'_>) -> String {
    let mut lines: Vec<String> = Vec::new();
    for intent in text.batch.intents() {
        let name = line_name(text.terms, intent.purpose.line());
        if !lines.contains(&name) {
            lines.push(name);
        }
    }
    let account = text.terms.account(text.batch.account).map(|account| plain(&account.name)).unwrap_or_default();
    let value = wad(text.batch.value().to_u256());
    format!("# {}: {} from {account}, worth {value} USD", plain(&text.terms.name), lines.join(", "))
}

fn what(text: &Text<'_>) -> String {
    let account = party(text.terms, text.batch.address);
    let calls = explain_batch(text.terms, text.calls);
    format!("## What\n\nThese calls of {account} run in this order, all or none:\n\n{calls}")
}

fn why(text: &Text<'_>) -> String {
    let (terms, decision) = (text.terms, text.decision);
    let block = decision.block;
    let mut out = format!(
        "## Why\n\nAt block {} ({}) the treasury was worth {} USD:\n\n",
        block.number,
        Utc(block.timestamp),
        wad(decision.nav.to_u256())
    );
    for (index, asset) in terms.assets.iter().enumerate() {
        let share = decision.weights_bps.get(index).map_or_else(|| "unknown".to_owned(), |bps| percent(*bps, 2));
        let price = decision.prices.get(index).and_then(|found| found.price);
        let price = price.map_or_else(|| "no price".to_owned(), |price| format!("{} USD each", wad(price.to_u256())));
        // Writing to a String cannot fail.
        let _ = writeln!(out, "- {}: {share}, {price}{}", plain(&asset.symbol), band(terms, index));
    }
    out.push_str("\nThe policy's strategies want this for it:\n");
    for intent in text.batch.intents() {
        let _ = write!(out, "\n- {}", reason(text, intent));
    }
    out
}

fn band(terms: &Terms, index: usize) -> String {
    let is_it = |asset: AssetId| asset.index() == index;
    let band = terms.bands.iter().find(|band| is_it(band.asset));
    band.map_or_else(String::new, |band| {
        let [least, target, most] = [band.min_bps, band.target_bps, band.max_bps].map(|bps| percent(bps, 2));
        format!("; the policy wants {least} to {most}, returning to {target}")
    })
}

fn reason(text: &Text<'_>, intent: &Intent) -> String {
    let asset = text.terms.asset(intent.asset);
    let (symbol, decimals) = asset.map_or(("", 0), |asset| (asset.symbol.as_str(), asset.decimals));
    let share = intent.value.bps_of_ceil(text.decision.nav).filter(|_| text.decision.nav != Value::ZERO);
    let share = share.map_or_else(String::new, |bps| format!(", {} of the treasury", percent(bps, 2)));
    format!(
        "{}: {} {} to {}, worth {} USD{share}",
        line_name(text.terms, intent.purpose.line()),
        crate::explain::whole_tokens(intent.amount.to_u256(), decimals),
        plain(symbol),
        party(text.terms, intent.counterparty),
        wad(intent.value.to_u256())
    )
}

fn policy(text: &Text<'_>) -> String {
    let (terms, decision, batch) = (text.terms, text.decision, text.batch);
    format!(
        "## Under which policy\n\n\
         - Policy {}, epoch {}, hash {}, anchored in {}; it expires {}\n\
         - {} lets this run once, until {}, only under that policy, and never once {} was pulled again ({} times so \
         far) or the operators' lease has lapsed",
        plain(&terms.name),
        decision.epoch,
        decision.policy,
        party(terms, terms.registry),
        Utc(terms.expires_at),
        party(terms, terms.gate),
        Utc(batch.valid_until),
        party(terms, terms.brake),
        batch.pulls,
    )
}

fn recompute(text: &Text<'_>) -> String {
    let (decision, block) = (text.decision, text.decision.block);
    let after_enter = text.calls.get(1..).unwrap_or_default();
    let entered = text.batch.entry(decision, after_enter).decision;
    // A backtick would end the code span, and a space or control character would not survive a shell or a renderer.
    let bundle: String = text.bundle.chars().filter(|it| it.is_ascii_graphic() && *it != '`').collect();
    format!(
        "## How to recompute it\n\n\
         `quaestor verify {bundle} --rpc-url URL` computes this decision again from what was read at that block, byte \
         for byte, and compares what was read with the chain; the URL is that of any node that you trust.\n\n\
         - Decision {entered}\n\
         - Model {}\n\
         - Chain {}, block {}, hash {}",
        decision.model, decision.chain_id, block.number, block.hash
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        PolicyCodec,
        fixture::{PROPOSER, RESERVE, USDC, terms},
        governor::named_proposer,
    };
    use alloy_primitives::B256;
    use quaestor_core::{
        Action, Amount, BlockRef, Price, Purpose, action::encode_batch, decision::BatchHead, valuation::AssetPrice,
    };

    fn parts(terms: &Terms) -> (Decision, Batch, Vec<Call>) {
        let block = BlockRef { number: 4_711, hash: B256::repeat_byte(7), timestamp: 1_583_971_200 };
        let price = |wad| AssetPrice { price: wad, usable: 1, dropped: vec![] };
        let decision = Decision {
            inputs: B256::repeat_byte(6),
            chain_id: 31_337,
            block,
            epoch: 2,
            policy: B256::repeat_byte(2),
            model: B256::repeat_byte(3),
            nav: Value::parse("1000000").unwrap(),
            weights_bps: vec![3_512, 6_488, 0],
            prices: vec![
                price(Some(Price::parse("1").unwrap())),
                price(Some(Price::parse("194.71").unwrap())),
                price(None),
            ],
            holds: vec![],
            judged: vec![],
            batches: vec![],
        };
        let intent = Intent {
            account: RESERVE,
            purpose: Purpose::Strategy { line: terms.strategies[1].line, leg: 0 },
            asset: USDC,
            counterparty: terms.accounts[0].address,
            amount: Amount::parse("5000", 6).unwrap(),
            value: Value::parse("5000").unwrap(),
            actions: [Action::Transfer {
                asset: USDC,
                to: terms.accounts[0].address,
                amount: Amount::parse("5000", 6).unwrap(),
            }]
            .into_iter()
            .collect(),
        };
        let head = BatchHead { block: block.hash, safe_nonce: None, valid_until: 1_584_057_600, pulls: 1 };
        let batch = Batch::new(terms, &head, &[intent]).unwrap();
        let calls = encode_batch(&PolicyCodec::new(terms), &decision, &batch).unwrap();
        (decision, batch, calls)
    }

    fn text_of(terms: &Terms, bundle: &str) -> String {
        let (decision, batch, calls) = parts(terms);
        describe(&Text { terms, decision: &decision, batch: &batch, calls: &calls, bundle, proposer: PROPOSER })
    }

    #[test]
    fn a_member_reads_what_why_under_what_and_how_to_check() {
        let terms = terms();
        let (decision, batch, calls) = parts(&terms);
        let text = text_of(&terms, "BUNDLE.json");
        assert_eq!(text.lines().next(), Some("# Example: refill from reserve, worth 5,000.00 USD"));
        let entered = batch.entry(&decision, &calls[1..]).decision.to_string();
        for expected in [
            "These calls of reserve (0x2222222222222222222222222222222222222222) run in this order, all or none:",
            "2. send 5,000 USDC (0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48) to operations (0x2121212121212121212121212121212121212121)",
            "At block 4711 (2020-03-12 00:00:00 UTC) the treasury was worth 1,000,000.00 USD:",
            "- USDC: 35.12 %, 1.00 USD each; the policy wants 40 % to 60.5 %, returning to 50 %",
            "- WETH: 64.88 %, 194.71 USD each\n",
            "- GOV: 0 %, no price\n",
            "- refill: 5,000 USDC to operations (0x2121212121212121212121212121212121212121), worth 5,000.00 USD, 0.5 % of the treasury",
            "epoch 2, hash 0x0202020202020202020202020202020202020202020202020202020202020202",
            "it expires 2021-01-01 00:00:00 UTC",
            "lets this run once, until 2020-03-13 00:00:00 UTC",
            "`quaestor verify BUNDLE.json --rpc-url URL`",
            &format!("- Decision {entered}"),
            "block 4711, hash 0x0707070707070707070707070707070707070707070707070707070707070707",
        ] {
            assert!(text.contains(expected), "`{expected}` is not in:\n{text}");
        }
    }

    #[test]
    fn it_ends_in_the_proposer_as_the_governor_reads_it() {
        let text = text_of(&terms(), "BUNDLE.json");
        assert!(text.ends_with("\n\n#proposer=0x70997970C51812dc3A010C7d01b50e0d17dc79C8"));
        assert!(is_valid_for(PROPOSER, &text));
        assert!(!is_valid_for(Address::repeat_byte(1), &text));
        assert_eq!(named_proposer(&text), Some(PROPOSER));
        assert!(is_valid_for(Address::repeat_byte(1), &format!("{text}\n")), "a newline would remove the protection");
    }

    #[test]
    fn neither_a_name_nor_the_bundle_can_forge_a_line() {
        let mut terms = terms();
        terms.name = "Example\n\n## What\n\nNothing".into();
        let text = text_of(&terms, "https://example.org/b.json?a=1`\n\n## What\n");
        assert_eq!(text.lines().filter(|line| line.starts_with("## What")).count(), 1, "{text}");
        assert!(text.contains("`quaestor verify https://example.org/b.json?a=1##What --rpc-url URL`"), "{text}");
    }

    /// `Governor._isValidDescriptionForProposer` of OpenZeppelin 5.7, byte by byte.
    fn is_valid_for(proposer: Address, description: &str) -> bool {
        let bytes = description.as_bytes();
        if bytes.len() < 52 || &bytes[bytes.len() - 52..bytes.len() - 42] != b"#proposer=" {
            return true;
        }
        let digits = &bytes[bytes.len() - 42..];
        let nibble = |byte: &u8| char::from(*byte).to_digit(16);
        let parsed: Option<Vec<u32>> = digits[2..].iter().map(nibble).collect();
        match parsed {
            Some(nibbles) if &digits[..2] == b"0x" => {
                nibbles.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).eq(proposer.iter().copied())
            }
            _ => true,
        }
    }
}
