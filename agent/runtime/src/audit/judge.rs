//! Judges what the treasury did: by the agent's bundle if there is one, else by the chain at that block.

use super::{
    AuditError,
    bundles::{Bundles, Named},
    deed::{Calls, Deed, Origin},
    recompute::{Past, Recomputed, entry_of, left_beyond},
    report::{Hand, How, Verdict},
    rules::{Rules, Scene},
    treasury::{Held, Treasury},
};
use crate::{
    agent::Bundle,
    chain::Chain,
    risk::{Model, Models},
    verify::verify,
};
use alloy::primitives::{Address, B256, U256};
use quaestor_contracts::{
    PolicyCodec,
    bindings::DecisionGate,
    explain::{explain_call, plain, span, whole_tokens},
};
use quaestor_core::{Call, Catalog, Codec, Entry, EntryItem, Policy, RiskModel, Terms, policy::ModelTerms};
use quaestor_policies::VotedPolicy;

/// Everything that judging needs.
pub(super) struct Judge<'a> {
    pub(super) chain: &'a Chain,
    pub(super) catalog: &'a Catalog,
    pub(super) treasury: &'a Treasury,
    pub(super) past: Past<'a>,
    pub(super) bundles: Bundles,
    pub(super) models: Models,
}

/// A batch at the gate, and the policy under which it entered.
struct Batch<'a> {
    deed: &'a Deed,
    entered: &'a DecisionGate::Entered,
    entry: Entry,
    policy: &'a VotedPolicy,
    /// The calls after `enter`; `None` where they stand nowhere.
    executed: Option<&'a [Call]>,
}

/// Why a bundle proves nothing.
struct Doubt {
    words: String,
    /// It recomputes, but its block is no longer in the chain.
    is_orphaned: bool,
}

impl Judge<'_> {
    /// The verdict on `deed`.
    ///
    /// # Errors
    /// If the node does not answer. What it lacks is in the verdict.
    pub(super) async fn judge(&mut self, deed: &Deed) -> Result<Verdict, AuditError> {
        match deed.entered.as_slice() {
            [] => self.by_hand(deed).await,
            [entered] => self.entered(deed, entered).await,
            several => Ok(not_allowed(format!("it entered the gate {} times at once", several.len()))),
        }
    }

    async fn entered(&mut self, deed: &Deed, entered: &DecisionGate::Entered) -> Result<Verdict, AuditError> {
        let (treasury, number) = (self.treasury, entered.epoch);
        let held = treasury.held.iter().find(|held| held.epoch().number == number);
        let Some(held) = held.filter(|held| held.epoch().policyHash == entered.policy) else {
            let why = format!("the registry's events know no epoch {number} with the policy {}", entered.policy);
            return Ok(Verdict::Unjudged { why });
        };
        let policy = match &held.policy {
            Ok(policy) => policy,
            Err(why) => {
                return Ok(Verdict::Unjudged { why: format!("the file of epoch {number} cannot be had: {why}") });
            }
        };
        let batch = match Batch::new(deed, entered, policy) {
            Ok(batch) => batch,
            Err(why) => return Ok(not_allowed(why)),
        };
        self.batch(&batch).await
    }

    async fn batch(&mut self, batch: &Batch<'_>) -> Result<Verdict, AuditError> {
        let Batch { deed, entered, entry, policy, .. } = batch;
        let since = entry.valid_until.saturating_sub(policy.terms().validity_secs_longest());
        let found = self.bundles.find(entry.decision, deed.block.number, since);
        let (mut doubts, mut is_orphaned) = (Vec::new(), false);
        if let Some(named) = &found {
            match self.by_bundle(batch, named).await? {
                Ok(verdict) => return Ok(verdict),
                Err(doubt) => {
                    is_orphaned = doubt.is_orphaned;
                    doubts.push(doubt.words);
                }
            }
        } else {
            doubts.push("no bundle of it is at hand".to_owned());
            let unreadable = self.bundles.unreadable(deed.block.number);
            doubts.extend(unreadable.iter().map(|it| format!("{} cannot be read: {}", it.name, it.bundle)));
        }
        let model = found.and_then(|named| Model::from_words(&named.bundle.model).ok());
        let model = model.filter(|model| model.hash() == entered.model);
        let model = model.or_else(|| self.models.of_any_age(entered.model));
        let recomputed = self.past.recompute(policy, model.as_ref(), deed, entered).await?;
        let contradiction = match recomputed {
            Recomputed::Same { block, calls, entry } => {
                let how = How::Recomputed { block: block.number };
                return Ok(batch.carried_out(&calls, &entry, how, None));
            }
            Recomputed::Otherwise { block } => {
                let number = block.number;
                Some(format!("at block {number} its policy decided otherwise, as this version of quaestor decides"))
            }
            // Its block was there when it was decided; what waits is judged again, so it may still have been right.
            Recomputed::NoBlock if is_orphaned => None,
            Recomputed::NoBlock => Some("there is no block of which it could be a decision".to_owned()),
            Recomputed::Unknown(why) => {
                doubts.push(why);
                None
            }
        };
        let rules = self.rules(deed, policy, model.as_ref(), batch.executed, &entry.items, entry.valid_until).await?;
        Ok(match (rules, contradiction) {
            (Rules::Forbid(why), _) => {
                let before = deed.block.number.saturating_sub(1);
                not_allowed(format!("{why}, by the state of block {before}"))
            }
            (Rules::Allow | Rules::Unknown(_), Some(why)) => not_allowed(why),
            (Rules::Allow, None) => Verdict::Unjudged {
                why: format!(
                    "the rules of its policy allow it, but whether a strategy wanted it is not known: {}",
                    doubts.join("; ")
                ),
            },
            (Rules::Unknown(why), None) => Verdict::Unjudged { why: format!("{}; {why}", doubts.join("; ")) },
        })
    }

    /// By the bundle, recomputed and compared with the chain; the inner error says why it proves nothing.
    async fn by_bundle(
        &self,
        batch: &Batch<'_>,
        named: &Named<Box<Bundle>>,
    ) -> Result<Result<Verdict, Doubt>, AuditError> {
        let Named { name, bundle } = named;
        let report = verify(bundle, self.catalog, Some(self.chain)).await?;
        if let Some((what, difference)) = report.differences().next() {
            let is_orphaned = difference.at.starts_with("/snapshot/block");
            let words = match is_orphaned {
                true => format!("its bundle {name} is of a block that a reorganisation removed"),
                false => format!("its bundle {name} is not to be relied on: {what}, but not at {}", difference.at),
            };
            return Ok(Err(Doubt { words, is_orphaned }));
        }
        let (decision, account) = (&bundle.decision, batch.deed.account.address);
        let proposals = bundle.proposals.iter().filter(|proposal| proposal.decision == batch.entry.decision);
        let decided = proposals.filter_map(|proposal| {
            let calls = proposal.calls.get(1..)?;
            let batches = decision.batches.iter().filter(|batch| batch.address == account);
            batches
                .map(|batch| batch.entry(decision, calls))
                .find(|it| it.decision == proposal.decision)
                .zip(Some(calls))
        });
        let Some((entry, calls)) = decided.into_iter().next() else {
            let words = format!("its bundle {name} names it, but has no such batch");
            return Ok(Err(Doubt { words, is_orphaned: false }));
        };
        let unread = report.unread.map(|why| format!("what its bundle says of the chain could not be compared: {why}"));
        Ok(Ok(batch.carried_out(calls, &entry, How::Bundle { name: name.clone() }, unread)))
    }

    async fn by_hand(&mut self, deed: &Deed) -> Result<Verdict, AuditError> {
        let hand = match (&deed.origin, &deed.calls) {
            (Origin::Owners { .. }, Calls::Known(calls)) if is_rejection(deed, calls) => return Ok(Verdict::Rejection),
            (Origin::Vote { .. }, Calls::Known(calls)) if self.is_governance(deed, calls) => {
                return Ok(Verdict::Governance);
            }
            (Origin::Owners { .. }, _) => Hand::Owners,
            (Origin::Module { .. }, _) => Hand::Module,
            (Origin::Vote { .. }, _) => Hand::Vote,
            (Origin::Allowance, _) => Hand::Allowance,
        };
        let held = self.treasury.in_force(deed.block.timestamp, (deed.block.number, deed.log_index));
        Ok(Verdict::ByHand { hand, policy: self.would(deed, held).await? })
    }

    /// What the policy in force would have said.
    async fn would(&mut self, deed: &Deed, held: Option<&Held>) -> Result<String, AuditError> {
        let Some(held) = held else { return Ok("no policy was in force".to_owned()) };
        let number = held.epoch().number;
        let policy = match &held.policy {
            Ok(policy) => policy,
            Err(why) => return Ok(format!("what epoch {number} says of it is not known: {why}")),
        };
        let calls = match &deed.calls {
            Calls::Known(calls) => calls,
            Calls::Delegated { to, .. } => {
                return Ok(format!("epoch {number} would not have allowed it: the code of {to} ran in its place"));
            }
            Calls::Unknown(_) => return Ok(format!("epoch {number} allows nothing that does not pass the gate")),
        };
        let model = match policy.terms().risk.model {
            ModelTerms::Ewma => Some(Model::Ewma(Default::default())),
            ModelTerms::File { hash, .. } => self.models.of_any_age(hash),
            ModelTerms::Trained { .. } => None,
        };
        Ok(match self.rules(deed, policy, model.as_ref(), Some(calls), &[], 0).await? {
            Rules::Forbid(why) => format!("epoch {number} would not have allowed it: {why}"),
            Rules::Allow => format!("the rules of epoch {number} would have let it pass, but it did not pass the gate"),
            Rules::Unknown(why) => {
                format!("whether the rules of epoch {number} would have let it pass is not known: {why}")
            }
        })
    }

    /// What the rules say of the calls at the block before they ran.
    async fn rules(
        &self,
        deed: &Deed,
        policy: &VotedPolicy,
        model: Option<&Model>,
        calls: Option<&[Call]>,
        items: &[EntryItem],
        until: u64,
    ) -> Result<Rules, AuditError> {
        let Some(calls) = calls else { return Ok(Rules::Unknown("its calls stand in no calldata".to_owned())) };
        let before = self.past.before(deed.block).await?;
        let (snapshot, history) = match self.past.scene(policy.terms(), before).await? {
            Ok(scene) => scene,
            Err(why) => return Ok(Rules::Unknown(why)),
        };
        if snapshot.anchor.policy_hash != policy.hash() {
            return Ok(Rules::Unknown("its epoch began in the very block".to_owned()));
        }
        // What is judged waited at the Governor until it ran; it does not count against itself.
        let own = deed.entered.first().map_or(B256::ZERO, |entered| entered.decision);
        let history = history.without(own);
        Ok(Scene { policy, snapshot: &snapshot, history: &history, model }.judge(deed, calls, items, until))
    }

    /// A vote that moves nothing of the treasury and touches none of its tokens and venues.
    fn is_governance(&self, deed: &Deed, calls: &[Call]) -> bool {
        let Treasury { tokens, venues, .. } = self.treasury;
        let touches = |call: &Call| !call.value.is_zero() || tokens.contains(&call.to) || venues.contains(&call.to);
        deed.out.is_empty() && !calls.iter().any(touches)
    }
}

impl<'a> Batch<'a> {
    /// What can be said of a batch before it is known why it was proposed; the error says why nothing allowed it.
    fn new(deed: &'a Deed, entered: &'a DecisionGate::Entered, policy: &'a VotedPolicy) -> Result<Self, String> {
        let terms = policy.terms();
        let entry = entry_of(entered).ok_or("it entered more than there is of any token")?;
        if terms.account_at(deed.account.address).is_none() {
            return Err(format!("its policy does not list the account {}", deed.account.address));
        }
        let longest = terms.validity_secs_longest();
        if entry.valid_until > deed.block.timestamp.saturating_add(longest) {
            return Err(format!("it was to be valid for longer than {}", span(longest)));
        }
        if let Some((token, beyond)) = left_beyond(deed, &entry) {
            return Err(format!(
                "{} left the account beyond what was entered at the gate",
                tokens(terms, token, beyond)
            ));
        }
        let executed = match &deed.calls {
            Calls::Known(calls) => {
                let first = calls.first().and_then(|call| PolicyCodec::new(terms).decode_entry(call).ok());
                if first.as_ref() != Some(&entry) {
                    return Err("its first call is not its entry at the gate".to_owned());
                }
                calls.get(1..)
            }
            Calls::Delegated { to, .. } => {
                return Err(format!("the code of {to} ran in its place, which is no MultiSendCallOnly of this DAO"));
            }
            Calls::Unknown(_) => None,
        };
        Ok(Self { deed, entered, entry, policy, executed })
    }

    /// Whether what ran is what was decided.
    fn carried_out(&self, decided: &[Call], entry: &Entry, how: How, unread: Option<String>) -> Verdict {
        if *entry != self.entry {
            return not_allowed("what it entered at the gate is not what was decided");
        }
        match self.executed {
            Some(executed) if executed != decided => {
                let terms = self.policy.terms();
                let differing = executed.iter().zip(decided).position(|(ran, decided)| ran != decided);
                let place = differing.unwrap_or(decided.len().min(executed.len()));
                let ran = executed.get(place).map(|call| explain_call(terms, call));
                let ran = ran.unwrap_or_else(|| "nothing".to_owned());
                not_allowed(format!("other calls ran than were decided: number {} is to {ran}", place + 1))
            }
            Some(_) => Verdict::Allowed { how, caveat: unread },
            None => {
                let blind = "the very calls that ran stand in no calldata; what left the account is what was entered";
                let both = unread.map_or_else(|| blind.to_owned(), |unread| format!("{unread}; {blind}"));
                Verdict::Allowed { how, caveat: Some(both) }
            }
        }
    }
}

fn not_allowed(why: impl Into<String>) -> Verdict {
    Verdict::NotAllowed { why: why.into() }
}

/// The empty transaction of a Safe to itself, which tidies up after a withdrawal.
fn is_rejection(deed: &Deed, calls: &[Call]) -> bool {
    matches!(calls, [call] if call.to == deed.account.address && call.value.is_zero() && call.data.is_empty())
}

fn tokens(terms: &Terms, token: Address, amount: U256) -> String {
    match terms.assets.iter().find(|asset| asset.address == token) {
        Some(asset) => format!("{} {}", whole_tokens(amount, asset.decimals), plain(&asset.symbol)),
        None => format!("{amount} base units of {token}"),
    }
}
