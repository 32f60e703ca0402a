//! The steps in which something is refused: an intent, and a file.

use super::{
    super::{
        report::Findings,
        scene::*,
        stage::{DemoError, Stage, io_error},
    },
    Story,
};
use quaestor_contracts::explain::explain_refusal;
use quaestor_core::{
    Action, History, Intent, Policy, Purpose, RiskReport, Verdict,
    pipeline::{Context, judge_all},
    snapshot::Sums,
    valuation::{Prices, Valuation},
};

impl Story {
    pub(super) async fn refuses_intent(&mut self, stage: &mut Stage, found: &mut Findings) -> Result<(), DemoError> {
        let bundle = last_bundle(stage)?;
        let policy = parse(self.text())?;
        let terms = policy.terms();
        let prices = Prices::resolve(terms, &bundle.snapshot);
        let mut valuation = Valuation::default();
        if valuation.fill(terms, &bundle.snapshot, &prices).is_none() {
            found.check("the treasury can be valued", false);
            return Ok(());
        }
        let risk = RiskReport::default();
        let (policy_hash, history) = (policy.hash(), History::default());
        let cx = Context {
            terms,
            policy: policy_hash,
            snapshot: &bundle.snapshot,
            history: &history,
            windows: history.windows(bundle.snapshot.block.timestamp),
            prices: &prices,
            valuation: &valuation,
            risk: &risk,
            is_new: true,
        };
        let Some((asset, account)) = terms.asset_named("WETH").zip(terms.account_named("operations")) else {
            found.check("the policy has WETH and operations", false);
            return Ok(());
        };
        let (amount, to) = (cx.balance(account, asset), stage.devnet.dao.people.stranger.address());
        let intent = Intent {
            account,
            purpose: Purpose::Payment {
                line: terms.strategies.first().map(|it| it.line).unwrap_or_default(),
                period: 0,
            },
            asset,
            counterparty: to,
            amount,
            value: cx.value_of(asset, amount).unwrap_or_default(),
            actions: [Action::Transfer { asset, to, amount }].into_iter().collect(),
        };
        let mut verdicts = Vec::new();
        judge_all(&policy, &cx, &[intent], &mut Sums::default(), &mut verdicts);
        let receipt = verdicts.into_iter().find_map(|verdict| match verdict {
            Verdict::Refused(receipt) => Some(receipt),
            Verdict::Allowed => None,
        });
        found.check("all the Safe's WETH to a stranger is refused", receipt.is_some());
        if let Some(receipt) = receipt {
            found.check(
                "the receipt names policy and block",
                receipt.policy == policy.hash() && receipt.block == bundle.snapshot.block,
            );
            found.told("receipt", &receipt, format!("receipt: {}", explain_refusal(terms, &receipt)));
        }
        Ok(())
    }

    pub(super) async fn refuses_file(&mut self, stage: &mut Stage, found: &mut Findings) -> Result<(), DemoError> {
        let folder = stage.site.folder.join("tampered");
        let policies = folder.join("policies");
        std::fs::create_dir_all(&policies).map_err(io_error(policies.display().to_string()))?;
        // One digit of one cap.
        let changed = self.text().replacen("proposal_bps_max = 2500", "proposal_bps_max = 9500", 1);
        found.check("one byte differs", changed.len() == self.text().len() && changed != self.text());
        std::fs::write(folder.join("policy.toml"), &changed).map_err(io_error("the changed file"))?;
        let config = std::fs::read_to_string(&stage.site.config).map_err(io_error("agent.toml"))?;
        let config = config.replace("keys/operator.json", "../keys/operator.json");
        std::fs::write(folder.join("agent.toml"), config).map_err(io_error("a second agent.toml"))?;
        let mut second = stage.spawn_agent(&folder.join("agent.toml"), &folder.join("agent.log"))?;
        let journal = folder.join("journal.db");
        let alarm = wait_for_alarm(&journal).await;
        stage.devnet.mine(2).await?;
        let _ = second.kill();
        let _ = second.wait();
        found.check("an agent with that file raises an alarm", alarm.is_some());
        found.note("alarm", alarm);
        let planned = match crate::journal::JournalReader::open(&journal) {
            Ok(reader) => reader.rows(1, 1_000)?.iter().any(|row| row.kind == "planned" || row.kind == "decided"),
            Err(_) => true,
        };
        found.check("it decides and proposes nothing", !planned);
        Ok(())
    }
}
