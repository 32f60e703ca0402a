//! What a difference can do, by the language alone: before anything is searched for.
//!
//! A direction that is ruled out here is ruled out for every treasury, whatever else the two policies say. What is
//! moved is judged at the same forecast under both, except where the keys that choose the forecast differ themselves.

use super::{
    changes::{Difference, Of},
    effects, masks,
};
use crate::voted::VotedPolicy;
use quaestor_core::{
    Asset, AssetId, Policy, Terms,
    policy::{
        FederationTerms, Limits, ModelFallback, ModelTerms, OnBreach, OnDisagreement, OnlyReduce, Part, RiskTerms,
    },
    strategy::ParamValue,
};
use std::collections::BTreeSet;

/// Whether something is possible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Can {
    /// Never.
    No,
    /// Never, because another rule of both policies refuses the same: its key.
    Masked(String),
    /// It may be: an intent is searched for.
    Maybe,
    /// It is, though no judge sees it: how is told in words.
    Procedural,
}

/// What a difference can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bearing {
    /// Whether the new policy may permit what the old one does not.
    pub(super) opens: Can,
    /// Whether the old policy may permit what the new one does not.
    pub(super) closes: Can,
    /// What it means beside what is judged.
    pub(super) effect: Option<String>,
}

impl Bearing {
    pub(super) fn of(opens: Can, closes: Can) -> Self {
        Self { opens, closes, effect: None }
    }

    pub(super) fn both() -> Self {
        Self::of(Can::Maybe, Can::Maybe)
    }

    pub(super) fn nothing(effect: impl Into<String>) -> Self {
        Self { effect: Some(effect.into()), ..Self::of(Can::No, Can::No) }
    }

    pub(super) fn procedural(opens: bool, closes: bool, effect: impl Into<String>) -> Self {
        let can = |it: bool| if it { Can::Procedural } else { Can::No };
        Self { effect: Some(effect.into()), ..Self::of(can(opens), can(closes)) }
    }

    /// Of a number that permits the more the greater it is.
    pub(super) fn cap(old: u64, new: u64) -> Self {
        let can = |it: bool| if it { Can::Maybe } else { Can::No };
        Self::of(can(new > old), can(new < old))
    }

    /// Of a number that permits the less the greater it is.
    pub(super) fn floor(old: u64, new: u64) -> Self {
        Self::cap(new, old)
    }

    pub(super) fn because(self, effect: impl Into<String>) -> Self {
        Self { effect: Some(effect.into()), ..self }
    }

    /// With what masks each direction.
    pub(super) fn masked(self, mask: impl Fn() -> Option<String>) -> Self {
        let found = |can: Can| match can {
            Can::Maybe => mask().map_or(Can::Maybe, Can::Masked),
            other => other,
        };
        Self { opens: found(self.opens), closes: found(self.closes), effect: self.effect }
    }
}

/// What `difference` can do between `old` and `new`.
pub(super) fn bearing(difference: &Difference, old: &VotedPolicy, new: &VotedPolicy) -> Bearing {
    let parts: Vec<&str> = difference.parts.iter().map(String::as_str).collect();
    let (before, after) = (old.terms(), new.terms());
    let both = Both { before, after };
    if difference.of == Of::Order {
        return match parts.as_slice() {
            ["strategies"] => Bearing::nothing("strategies act in another order; the earlier one has its way"),
            ["payments"] => Bearing::nothing("budget lines are paid in another order, where money or caps are short"),
            _ => Bearing::nothing("the same entries in another order"),
        };
    }
    let found = match parts.as_slice() {
        ["policy", key] => both.policy(key, difference, old, new),
        ["roles", ..] | ["accounts", _, "owners" | "threshold"] => Bearing::nothing(effects::ROLES),
        ["accounts", _, key @ ("governor" | "proposer")] => {
            Bearing::procedural(true, true, format!("votes on the account go another way: another {key}"))
        }
        ["accounts", name] => both.account(name, difference),
        ["assets", _, "delegates" | "wrapped_coin"] => both.listed(difference),
        // What is pinned must be so, and nothing else asks for a token's code.
        ["assets", _, "code_hash"] => {
            let can = |said: &Option<ParamValue>| if said.is_some() { Can::Maybe } else { Can::No };
            Bearing::of(can(&difference.old), can(&difference.new))
        }
        ["assets", name, "staleness_max"] => both.ages(Some(name)),
        ["assets", name] => both.asset(name, difference),
        ["assets", _, "kind"] if !both.is_about_stable(difference) && !both.caps_native() => {
            Bearing::nothing("neither is stable, and caps tell others not apart; strategies may")
        }
        ["assets", name, "kind"] if !both.is_about_stable(difference) && both.is_only_native(name) => {
            let caps = |terms: &Terms| u64::from(terms.asset_named(name).is_some_and(|id| is_native(terms, id)));
            Bearing::floor(caps(before), caps(after))
        }
        ["allocation", symbol, rest @ ..] => both.band(symbol, rest),
        ["oracles", "on_disagreement"] => both.disagreement(),
        ["limits", key] => both.limit(key),
        ["risk", key] => both.risk(key),
        ["emergency", ..] => both.emergency(difference),
        ["federation", key] => both.federation(key, difference),
        ["venues", name, rest @ ..] => both.venue(name, rest, difference),
        ["groups", name, rest @ ..] => both.group(name, rest),
        ["counterparties", name, rest @ ..] => both.counterparty(name, rest, difference),
        ["payments", name, rest @ ..] => both.payment(name, rest, difference),
        ["strategies", name, rest @ ..] => both.strategy(name, rest, difference),
        _ => Bearing::both(),
    };
    found.masked(|| masks::closed(before).filter(|rule| masks::closed(after).as_ref() == Some(rule)))
}

/// Whether nothing is proposed while the model that the policy names cannot be used.
fn stops_without_model(risk: &RiskTerms) -> bool {
    risk.model != ModelTerms::Ewma && risk.fallback == ModelFallback::Hold
}

/// Two policies.
pub(super) struct Both<'t> {
    pub(super) before: &'t Terms,
    pub(super) after: &'t Terms,
}

impl Both<'_> {
    /// Whether either of the two bounds the share of what is the DAO's own.
    fn caps_native(&self) -> bool {
        [self.before, self.after].iter().any(|terms| terms.limits.native_share_bps_max != u64::MAX)
    }

    /// Whether no other asset is the DAO's own token.
    fn is_only_native(&self, name: &str) -> bool {
        [self.before, self.after]
            .iter()
            .all(|terms| terms.assets_in(Part::Native).all(|id| terms.symbol_of(id) == name))
    }

    fn policy(&self, key: &str, difference: &Difference, old: &VotedPolicy, new: &VotedPolicy) -> Bearing {
        let (before, after) = (self.before, self.after);
        match key {
            "name" => Bearing::nothing("a name, which permits nothing"),
            "expires" => {
                let effect = effects::expiry(before.expires_at, after.expires_at);
                Bearing::cap(before.expires_at, after.expires_at).because(effect)
            }
            "review" => Bearing::nothing(effects::review(after.review_at)),
            "schedule" | "every_blocks" => {
                let (opens, closes, effect) = effects::schedule(old, new);
                Bearing::procedural(opens, closes, effect)
            }
            "validity" => self.validity(),
            "registry" | "brake" | "gate" => {
                Bearing::procedural(true, true, format!("another {key}: {}", effects::contract(key)))
            }
            "chain" => Bearing::both().because("another chain: nothing of the one is of the other"),
            _ if difference.old.is_none() && difference.new.is_none() => Bearing::of(Can::No, Can::No),
            _ => Bearing::both(),
        }
    }

    fn is_about_stable(&self, difference: &Difference) -> bool {
        let stable = Some(ParamValue::Text("stable".to_owned()));
        // What has its kind from elsewhere has no such key.
        difference.old == stable || difference.new == stable || difference.old.is_none() || difference.new.is_none()
    }

    /// How long a proposal lives.
    fn validity(&self) -> Bearing {
        let (old, new) = (self.before.validity_secs_longest(), self.after.validity_secs_longest());
        Bearing::procedural(new > old, new < old, effects::validity(old, new))
    }

    fn limit(&self, key: &str) -> Bearing {
        let (before, after) = (&self.before.limits, &self.after.limits);
        let number = |limits: &Limits| limit_of(limits, key);
        let (Some(old), Some(new)) = (number(before), number(after)) else { return Bearing::both() };
        let guarded = |rule: &dyn Fn(&Terms) -> Option<String>| self.guarded(rule);
        let native = |terms: &Terms| -> BTreeSet<AssetId> { terms.assets_in(Part::Native).collect() };
        match key {
            "native_share_bps_max" if native(self.before).is_empty() && native(self.after).is_empty() => {
                Bearing::nothing("no asset is the DAO's own token")
            }
            "native_share_bps_max" => {
                let rule = |terms: &Terms| masks::part(&native(terms), (0, old.min(new)), terms);
                Bearing::cap(old, new).masked(|| guarded(&rule))
            }
            "price_age_max" => self.ages(None),
            "price_deviation_bps_max" => self.deviation(),
            "price_quorum_min" if old.max(1) == new.max(1) => Bearing::nothing("at least one is needed anyway"),
            "price_quorum_min" => Bearing::floor(old, new),
            "stable_share_bps_min" | "cooldown_min" => {
                Bearing::floor(old, new).masked(|| guarded(&|terms| masks::limit(key, old.max(new), terms)))
            }
            "validity_max" => self.validity(),
            "slippage_bps_max" => Bearing::cap(old, new).masked(|| guarded(&|terms| masks::exchange(terms, None))),
            _ => Bearing::cap(old, new).masked(|| guarded(&|terms| masks::limit(key, old.min(new), terms))),
        }
    }

    /// The rule that both have for a mask, if it is the same.
    pub(super) fn guarded(&self, rule: &dyn Fn(&Terms) -> Option<String>) -> Option<String> {
        let first = rule(self.before)?;
        (rule(self.after).as_ref() == Some(&first)).then_some(first)
    }

    /// How old a price may be, of one asset or of all: the smaller of two numbers, of which this one changes.
    fn ages(&self, name: Option<&str>) -> Bearing {
        let mut bearing = Bearing::of(Can::No, Can::No);
        for (old, new) in self.pairs().filter(|(old, _)| name.is_none_or(|name| old.symbol == name)) {
            let (all_old, all_new) = (self.before.limits.price_age_secs_max, self.after.limits.price_age_secs_max);
            let (own_old, own_new) = (old.staleness_secs_max, new.staleness_secs_max);
            // Beside what the other number is in either policy.
            let contexts = match name {
                Some(_) => [all_old, all_new].map(|all| (own_old.min(all), own_new.min(all))),
                None => [own_old, own_new].map(|own| (all_old.min(own), all_new.min(own))),
            };
            for (before, after) in contexts.into_iter().filter(|(before, after)| before != after) {
                let next = if is_single(self.before, old) && is_single(self.after, new) {
                    Bearing::cap(before, after)
                } else {
                    Bearing::both()
                };
                bearing = Bearing::of(either(bearing.opens, next.opens), either(bearing.closes, next.closes));
            }
        }
        if (&bearing.opens, &bearing.closes) != (&Can::No, &Can::No) {
            return bearing;
        }
        let other = if name.is_some() { "limits.price_age_max" } else { "assets.*.staleness_max" };
        Bearing::of(Can::Masked(other.to_owned()), Can::Masked(other.to_owned()))
    }

    /// Whether sources that disagree leave a price.
    fn disagreement(&self) -> Bearing {
        let (old, new) = (self.before.on_disagreement, self.after.on_disagreement);
        // Of two that lie apart, both are left out, but for what is rounded.
        let may_be = |terms: &Terms| {
            let has_several = !terms.twaps.is_empty() || terms.assets.iter().any(|asset| asset.feeds.len() > 1);
            terms.limits.price_deviation_bps_max != u64::MAX && has_several
        };
        if !may_be(self.before) && !may_be(self.after) {
            return Bearing::nothing("no feed is left out for how far it lies from the others");
        }
        let found = Bearing::cap(u64::from(old == OnDisagreement::Drop), u64::from(new == OnDisagreement::Drop));
        if old == new { found.because("what holds anyway") } else { found }
    }

    fn deviation(&self) -> Bearing {
        let several = |terms: &Terms| !terms.twaps.is_empty() || terms.assets.iter().any(|asset| asset.feeds.len() > 1);
        if several(self.before) || several(self.after) {
            return Bearing::both();
        }
        Bearing::nothing("each asset has one feed, which deviates from nothing")
    }

    /// Assets with feeds that are the same token in both.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&Asset, &Asset)> {
        let with_feeds = self.before.assets.iter().filter(|old| !old.feeds.is_empty());
        with_feeds.filter_map(|old| {
            let new = self.after.assets.iter().find(|new| new.address == old.address && !new.feeds.is_empty());
            new.map(|new| (old, new))
        })
    }

    fn band(&self, symbol: &str, rest: &[&str]) -> Bearing {
        let named = |terms: &Terms| terms.asset(terms.asset_named(symbol)?).map(|asset| asset.address);
        let token = match (named(self.before), named(self.after)) {
            (Some(old), Some(new)) if old == new => old,
            (Some(only), None) | (None, Some(only)) => only,
            // One symbol for two tokens.
            _ => return Bearing::both(),
        };
        let id = |terms: &Terms| {
            let place = terms.assets.iter().position(|asset| asset.address == token)?;
            u16::try_from(place).ok().map(AssetId)
        };
        // A band that is not there holds nothing back; nor is there one of an asset that is not listed, whose coming and
        // going is weighed where it is listed.
        let of = |terms: &Terms| {
            let band = id(terms).and_then(|asset| terms.bands.iter().find(|band| band.asset == asset));
            band.map_or((0, 0, u64::MAX), |band| (band.min_bps, band.target_bps, band.max_bps))
        };
        let ((old_min, old_target, old_max), (new_min, new_target, new_max)) = (of(self.before), of(self.after));
        let least = Bearing::floor(old_min, new_min);
        let most = Bearing::cap(old_max, new_max);
        let found = match rest {
            ["min_bps"] => least,
            ["max_bps"] => most,
            ["target_bps"] => return Bearing::nothing(effects::target(symbol, old_target, new_target)),
            _ => Bearing::of(either(least.opens, most.opens), either(least.closes, most.closes)),
        };
        found.masked(|| {
            let rule = masks::exchange(self.before, id(self.before))?;
            (masks::exchange(self.after, id(self.after)).as_ref() == Some(&rule)).then_some(rule)
        })
    }

    fn risk(&self, key: &str) -> Bearing {
        let (before, after) = (&self.before.risk, &self.after.risk);
        let ceiling =
            |old: Option<u64>, new: Option<u64>| Bearing::cap(old.unwrap_or(u64::MAX), new.unwrap_or(u64::MAX));
        let ceilings = before.has_ceilings() || after.has_ceilings();
        match key {
            "volatility_bps_max" => ceiling(before.volatility_bps_max, after.volatility_bps_max),
            "value_at_risk_bps_max" => ceiling(before.value_at_risk_bps_max, after.value_at_risk_bps_max),
            "expected_shortfall_bps_max" => {
                ceiling(before.expected_shortfall_bps_max, after.expected_shortfall_bps_max)
            }
            "drawdown_probability_bps_max" => {
                ceiling(before.drawdown_probability_bps_max, after.drawdown_probability_bps_max)
            }
            "on_breach" if before.on_breach == after.on_breach => Bearing::nothing("what holds anyway"),
            "on_breach" if !ceilings => Bearing::nothing("no forecast has a ceiling that could be breached"),
            "on_breach" => {
                let reduces = |it: OnBreach| u64::from(it == OnBreach::OnlyReduce);
                Bearing::cap(reduces(before.on_breach), reduces(after.on_breach))
            }
            "model" | "fallback" | "history_rounds" | "history_step" if self.same_forecast(key) => {
                Bearing::nothing("what holds anyway")
            }
            "fallback" if before.model == ModelTerms::Ewma && after.model == ModelTerms::Ewma => {
                Bearing::nothing("the plain estimate of volatility needs no fallback")
            }
            // Without its model one of the two proposes nothing, and the other one goes on.
            "fallback" => {
                let holds = |risk: &RiskTerms| risk.fallback == ModelFallback::Hold;
                Bearing::procedural(holds(before), holds(after), effects::forecast(key, before, after, ceilings))
            }
            "model" | "history_rounds" | "history_step" => {
                let stops = key == "model" && (stops_without_model(before) || stops_without_model(after));
                let effect = effects::forecast(key, before, after, ceilings);
                Bearing::procedural(ceilings || stops, ceilings || stops, effect)
            }
            "epsilon_year_max" => {
                let budget = |it: Option<u64>| it.unwrap_or(u64::MAX);
                let (old, new) = (before.epsilon_permille_year_max, after.epsilon_permille_year_max);
                // What is not trained leaves an older model, or the fallback, and either may forecast less.
                let trains = |risk: &RiskTerms| matches!(risk.model, ModelTerms::Trained { .. });
                let other = ceilings && (trains(before) || trains(after));
                let effect = effects::other_model(effects::privacy(old, new), other);
                Bearing::procedural(other || budget(new) > budget(old), other || budget(new) < budget(old), effect)
            }
            "burn_monthly" => Bearing::nothing(effects::burn(before.burn_monthly, after.burn_monthly)),
            "rate_lookback_blocks" => Bearing::nothing(effects::lookback(before, after)),
            _ => Bearing::both(),
        }
    }

    /// What goes on where only what reduces risk does; one entry of it, or all.
    fn emergency(&self, difference: &Difference) -> Bearing {
        let (before, after) = (&self.before.risk, &self.after.risk);
        let is_heard = |risk: &RiskTerms| risk.has_ceilings() && risk.on_breach == OnBreach::OnlyReduce;
        if !is_heard(before) && !is_heard(after) {
            return Bearing::nothing("no forecast leaves only what reduces risk");
        }
        let entry = difference.old.as_ref().or(difference.new.as_ref()).filter(|_| difference.of == Of::Entry);
        let named = |name: &str| entry.is_none_or(|entry| *entry == ParamValue::Text(name.to_owned()));
        let kinds = |OnlyReduce { transfers, swaps, redemptions }: OnlyReduce| {
            [("transfers", transfers), ("swaps", swaps), ("redemptions", redemptions)]
        };
        let more = |of: OnlyReduce, than: OnlyReduce| {
            let mut pairs = kinds(of).into_iter().zip(kinds(than));
            pairs.any(|((name, is_there), (_, was_there))| named(name) && is_there && !was_there)
        };
        let can = |it: bool| if it { Can::Maybe } else { Can::No };
        let (old, new) = (before.only_reduce, after.only_reduce);
        let found = Bearing::of(can(more(new, old)), can(more(old, new)));
        if old == new { found.because("what holds anyway") } else { found }
    }

    /// Which models are accepted: that bears on nothing by itself, but on what is forecast.
    fn federation(&self, key: &str, difference: &Difference) -> Bearing {
        let (before, after) = (&self.before.risk, &self.after.risk);
        if before.model == ModelTerms::Ewma && after.model == ModelTerms::Ewma {
            return Bearing::nothing("the plain estimate of volatility is not trained");
        }
        let (old, new) = (&before.federation, &after.federation);
        // A model that may not forecast leaves its place to an older one or to the fallback, which may forecast less, or to
        // nothing.
        let is_this_or_none =
            |risk: &RiskTerms| matches!(risk.model, ModelTerms::File { .. }) && stops_without_model(risk);
        let ceilings = before.has_ceilings() || after.has_ceilings();
        let other = ceilings && !(is_this_or_none(before) && is_this_or_none(after));
        let stops = stops_without_model(before) || stops_without_model(after);
        let chooses = matches!(key, "members" | "present_min");
        let effect = effects::other_model(effects::federation(key, difference, new), other && chooses);
        if !other && !stops {
            return Bearing::nothing(effect);
        }
        match key {
            "members" => {
                let is_free = |of: &FederationTerms| of.members.is_empty();
                let more = |of: &FederationTerms, than: &FederationTerms| {
                    !is_free(than) && (is_free(of) || of.members.iter().any(|name| !than.members.contains(name)))
                };
                let (mut opens, mut closes) = (more(new, old), more(old, new));
                if difference.of == Of::Entry {
                    (opens, closes) = (difference.new.is_some(), difference.old.is_some());
                }
                Bearing::procedural(other || opens, other || closes, effect)
            }
            "present_min" => {
                let (opens, closes) = (new.present_min < old.present_min, new.present_min > old.present_min);
                Bearing::procedural(other || opens, other || closes, effect)
            }
            _ => Bearing::procedural(true, true, effect),
        }
    }

    fn same_forecast(&self, key: &str) -> bool {
        let (before, after) = (&self.before.risk, &self.after.risk);
        match key {
            "model" => before.model == after.model,
            "fallback" => before.fallback == after.fallback,
            "history_step" => before.history_step_secs == after.history_step_secs,
            _ => before.history_rounds == after.history_rounds,
        }
    }

    /// Something that is permitted by being listed.
    pub(super) fn listed(&self, difference: &Difference) -> Bearing {
        match (&difference.old, &difference.new) {
            (None, Some(_)) => Bearing::of(Can::Maybe, Can::No),
            (Some(_), None) => Bearing::of(Can::No, Can::Maybe),
            _ => Bearing::both(),
        }
    }

    fn strategy(&self, name: &str, rest: &[&str], difference: &Difference) -> Bearing {
        let share = |value: &Option<ParamValue>| match value {
            Some(ParamValue::Integer(bps)) => u64::try_from(*bps).unwrap_or(u64::MAX),
            _ => u64::MAX,
        };
        match rest {
            [] => self.listed(difference),
            ["share_bps_max"] => {
                let (old, new) = (share(&difference.old), share(&difference.new));
                let capped = |terms: &Terms| terms.limits.proposal_bps_max != u64::MAX;
                if old.min(new) >= 10_000 && capped(self.before) && capped(self.after) {
                    return Bearing::nothing("all of a proposal, as without it");
                }
                Bearing::cap(old, new)
            }
            ["schedule"] => Bearing::nothing(effects::own_schedule(name, difference.new.is_some())),
            [key] => Bearing::nothing(effects::parameter(name, key, difference)),
            _ => Bearing::both(),
        }
    }
}

fn is_native(terms: &Terms, asset: AssetId) -> bool {
    terms.is_in(Part::Native, asset)
}

/// Whether one feed prices it, which has a price or has none; of several sources, one more or less gives another price.
pub(super) fn is_single(terms: &Terms, asset: &Asset) -> bool {
    let is_it = |id| terms.asset(id).is_some_and(|it| it.address == asset.address);
    // What a pool is quoted in makes the price of another.
    asset.feeds.len() == 1 && !terms.twaps.iter().any(|twap| is_it(twap.asset) || is_it(twap.quote))
}

/// Possible if either is.
pub(super) fn either(one: Can, other: Can) -> Can {
    match (one, other) {
        (Can::Maybe, _) | (_, Can::Maybe) => Can::Maybe,
        (Can::No, found) | (found, _) => found,
    }
}

/// A number of the envelope by its key.
pub(super) fn limit_of(limits: &Limits, key: &str) -> Option<u64> {
    let [hour, day, week, month] = limits.window_bps_max;
    Some(match key {
        "proposal_bps_max" => limits.proposal_bps_max,
        "hour_bps_max" => hour,
        "day_bps_max" => day,
        "week_bps_max" => week,
        "month_bps_max" => month,
        "slippage_bps_max" => limits.slippage_bps_max,
        "price_age_max" => limits.price_age_secs_max,
        "price_deviation_bps_max" => limits.price_deviation_bps_max,
        "proposals_per_day_max" => limits.proposals_per_day_max,
        "validity_max" => limits.validity_secs_max,
        "native_share_bps_max" => limits.native_share_bps_max,
        "stable_share_bps_min" => limits.stable_share_bps_min,
        "price_quorum_min" => limits.price_quorum_min,
        "cooldown_min" => limits.cooldown_secs_min,
        _ => return None,
    })
}
