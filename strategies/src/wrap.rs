//! `wrap`: the chain's coin that an account was paid becomes an asset of the treasury.

use alloy_primitives::B256;
use quaestor_core::{
    AccountId, Action, Amount, AssetId, Intent, Purpose, Strategy, StrategySpec, Terms, Value,
    pipeline::Context,
    snapshot::Tally,
    strategy::{Params, StrategyHold},
    words,
};

/// The kind `wrap`.
pub const SPEC: StrategySpec = StrategySpec {
    kind: "wrap",
    summary: "When an account has more of the chain's coin than it should keep, wraps the rest into the asset that stands \
              for it.",
    build,
};

/// See [`SPEC`]. Nothing while a Governor proposal binds the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrap {
    line: B256,
    account: AccountId,
    asset: AssetId,
    keep: Amount,
    least: Amount,
}

fn build(params: &mut Params<'_>) -> Option<Box<dyn Strategy>> {
    let (account, asset) = (params.account("account"), params.asset("asset"));
    let (keep, least) = (params.amount("keep", asset), params.amount("wrap_min", asset));
    let (account, asset, keep, least) = (account?, asset?, keep?, least?);
    if params.terms().wrapped_coin != Some(asset) {
        let symbol = params.terms().symbol_of(asset).to_owned();
        params.problem(
            "asset",
            format!("is not the wrapped coin; write `wrapped_coin = \"one-for-one\"` in `assets.{symbol}`"),
        );
    }
    if least.is_zero() {
        params.problem("wrap_min", "is zero, so that it would wrap dust; write such as `0.1 WETH`");
    }
    Some(Box::new(Wrap { line: params.line(), account, asset, keep, least }))
}

impl Strategy for Wrap {
    fn pays_others(&self) -> bool {
        false
    }

    fn explain(&self, terms: &Terms) -> Vec<String> {
        let (account, asset) = (terms.name_of(self.account), terms.asset(self.asset));
        vec![format!(
            "What {account} has of the chain's coin is wrapped, but for as much as {} stands for; less than {} waits.",
            words::amount(self.keep, asset),
            words::amount(self.least, asset)
        )]
    }

    fn reads_past(&self) -> bool {
        false
    }

    fn propose(&self, cx: &Context<'_>, out: &mut Vec<Intent>) -> Result<(), StrategyHold> {
        let Some(reading) = cx.snapshot.coins.iter().find(|it| it.account == self.account) else { return Ok(()) };
        let held = reading.balance.ok_or(StrategyHold::NoBalance)?;
        let wrapped = Tally::before(self.account, out, &[]).wrapped(self.account);
        let amount = held.saturating_sub(wrapped).saturating_sub(self.keep);
        if amount < self.least || cx.history.is_bound(self.account) {
            return Ok(());
        }
        let counterparty = cx.terms.asset(self.asset).ok_or(StrategyHold::OutOfRange)?.address;
        out.push(Intent {
            account: self.account,
            purpose: Purpose::Strategy { line: self.line, leg: 0 },
            asset: self.asset,
            counterparty,
            amount: Amount::ZERO,
            value: Value::ZERO,
            actions: [Action::Wrap { asset: self.asset, amount }].into_iter().collect(),
        });
        Ok(())
    }
}
