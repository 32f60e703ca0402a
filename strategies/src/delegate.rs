//! `delegate`: the votes of an account's tokens are with whom the members want them.

use alloy_primitives::{Address, B256};
use quaestor_core::{
    AccountId, Action, Amount, AssetId, Caip10, Intent, Outlook, Purpose, Strategy, StrategySpec, Terms, Value,
    pipeline::Context,
    snapshot::Tally,
    strategy::{Params, StrategyHold},
};

/// The kind `delegate`.
pub const SPEC: StrategySpec = StrategySpec {
    kind: "delegate",
    summary: "When the votes of an account's tokens are not with the delegate that is named, delegates them to it.",
    build,
};

/// See [`SPEC`]. Nothing while the account holds none of the token, or a Governor proposal binds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delegate {
    line: B256,
    account: AccountId,
    asset: AssetId,
    to: Address,
}

fn build(params: &mut Params<'_>) -> Option<Box<dyn Strategy>> {
    let (account, asset, to) = (params.account("account"), params.asset("asset"), delegate(params));
    let (account, asset, to) = (account?, asset?, to?);
    if !params.terms().delegates_of(asset).contains(&to) {
        let symbol = params.terms().symbol_of(asset).to_owned();
        params.problem("to", format!("is not in `assets.{symbol}.delegates`; list it there, or write one that is"));
    }
    Some(Box::new(Delegate { line: params.line(), account, asset, to }))
}

fn delegate(params: &mut Params<'_>) -> Option<Address> {
    let chain_id = params.terms().chain_id;
    match params.text("to")?.parse::<Caip10>() {
        Ok(found) if found.chain_id == chain_id => Some(found.address),
        Ok(found) => {
            let message = format!("is on chain eip155:{}; the policy is for eip155:{chain_id}", found.chain_id);
            params.problem("to", message);
            None
        }
        Err(error) => {
            params.problem("to", error.to_string());
            None
        }
    }
}

impl Strategy for Delegate {
    fn pays_others(&self) -> bool {
        false
    }

    fn explain(&self, terms: &Terms) -> Vec<String> {
        let (account, asset, to) = (terms.name_of(self.account), terms.symbol_of(self.asset), self.to);
        vec![format!(
            "While {account} holds {asset} whose votes are not with {to}, it asks that they be delegated to {to}. The \
             tokens stay where they are."
        )]
    }

    fn reads_past(&self) -> bool {
        false
    }

    fn propose(&self, cx: &Context<'_>, out: &mut Vec<Intent>) -> Result<(), StrategyHold> {
        let tally = Tally::before(self.account, out, &[]);
        let holds_none = Outlook::new(cx, tally).spendable(self.account, self.asset).is_zero();
        if holds_none || cx.history.is_bound(self.account) {
            return Ok(());
        }
        let is_it =
            |it: &&quaestor_core::snapshot::DelegateReading| (it.account, it.asset) == (self.account, self.asset);
        let found = cx.snapshot.delegates.iter().find(is_it).and_then(|it| it.to).ok_or(StrategyHold::NoDelegate)?;
        if found == self.to {
            return Ok(());
        }
        let action = Action::Delegate { asset: self.asset, to: self.to };
        out.push(Intent {
            account: self.account,
            purpose: Purpose::Strategy { line: self.line, leg: 0 },
            asset: self.asset,
            counterparty: self.to,
            amount: Amount::ZERO,
            value: Value::ZERO,
            actions: [action].into_iter().collect(),
        });
        Ok(())
    }
}
