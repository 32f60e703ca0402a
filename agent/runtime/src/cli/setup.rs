//! What a simulation is run with: policy, assumptions, prices and model, read as they are typed.

use super::{Exit, Failure, Output, args::SetupArgs, data as reading, policy, stated};
use crate::{
    config::read_bounded,
    learning::along::{Along, AlongError, Opening},
};
use alloy::primitives::{B256, keccak256};
use quaestor_contracts::utc::Utc;
use quaestor_core::{
    Catalog, Policy, RiskModel, Terms,
    policy::{ModelFallback, ModelTerms},
};
use quaestor_policies::VotedPolicy;
use quaestor_risk::{EwmaModel, data::Target, learned::LearnedModel, model_file::ModelFile};
use quaestor_simulations::{
    Panel,
    assumptions::{Assumptions, Checked, Costs, Delays, Fill, Targets, VALUE_USD},
    data::{self, DataSet, Kind, Selected, Window},
    engine::Plan,
    market::{ETHER, Market, history_bars, unwrapped},
    plain,
    report::Provenance,
    succession::Training,
};
use std::{collections::BTreeMap, path::Path};

/// Most bytes of a file of assumptions.
pub(super) const ASSUMPTIONS_BYTES_MAX: u64 = 1 << 20;
/// Most bytes of a model.
const MODEL_BYTES_MAX: u64 = 16 << 20;

/// Everything that a run is a function of.
pub(super) struct Setup {
    pub(super) policy: VotedPolicy,
    /// What is assumed, as it was told.
    pub(super) told: Assumptions,
    /// The same as it fits the policy.
    pub(super) assumed: Checked,
    pub(super) panel: Panel,
    /// The bar of the first decision.
    pub(super) start: usize,
    pub(super) model: Box<dyn RiskModel>,
    /// Trainings along the way.
    pub(super) trainings: Vec<Training>,
    seed: u64,
    /// How often the model says that its value at risk is exceeded, where it has one.
    pub(super) var_tail: Option<f64>,
    /// What is to be said of data and model.
    notes: Vec<String>,
}

/// Which bars of the data.
#[derive(Clone, Copy)]
pub(super) enum Stretch {
    /// Those of `--from` and `--to`.
    Typed,
    /// Those from a first to a last Unix second.
    Between(u64, u64),
    /// All up to `--to`, of which the last alone is decided on.
    Last,
}

fn path(args: &SetupArgs) -> Result<&Path, Failure> {
    args.world
        .data
        .as_deref()
        .ok_or_else(|| Failure::new(Exit::Usage, "--data is missing; name a file or a folder of prices"))
}

/// Reads the data that the arguments name.
pub(super) fn load(args: &SetupArgs) -> Result<DataSet, Failure> {
    data::load(path(args)?, &reading::options(&args.world.read))
        .map_err(|error| reading::failure(Exit::Configuration, &error))
}

impl Setup {
    /// Reads what the arguments name.
    pub(super) fn read(args: &SetupArgs, catalog: &Catalog, output: Output) -> Result<Self, Failure> {
        Self::on(args, catalog, &load(args)?, Stretch::Typed, output)
    }

    /// The same on data that was read already.
    pub(super) fn on(
        args: &SetupArgs,
        catalog: &Catalog,
        data: &DataSet,
        stretch: Stretch,
        output: Output,
    ) -> Result<Self, Failure> {
        let policy = match (&args.policy, &args.weights) {
            (Some(path), _) => policy::read(path, catalog)?,
            (None, weights) => plain_policy(weights.as_deref().unwrap_or_default(), args)?,
        };
        Self::of(policy, None, args, data, stretch, output)
    }

    /// The same of a policy that was read already. What is assumed of assets and venues that only the one `beside` it lists does
    /// not concern it.
    pub(super) fn of(
        policy: VotedPolicy,
        beside: Option<&Terms>,
        args: &SetupArgs,
        data: &DataSet,
        stretch: Stretch,
        output: Output,
    ) -> Result<Self, Failure> {
        let (told, assumed) = assumptions(args, &policy, beside)?;
        let (Selected { panel, mut start, mut notes }, past) = panel(args, &policy, &assumed, data, stretch)?;
        if matches!(stretch, Stretch::Last) {
            start = panel.len().saturating_sub(1);
        }
        let Chosen { model, var_tail, notes: said } = model(args, &policy, &panel, start)?;
        notes.extend(said);
        notes.extend(stated::too_little_past(policy.terms(), &panel));
        let seed = args.world.seed;
        let mut found =
            Self { policy, told, assumed, panel, start, model, var_tail, trainings: Vec::new(), seed, notes };
        if let Some((every_days, past)) = args.world.train_every.zip(past) {
            found.train_along(every_days, &past, output)?;
        }
        Ok(found)
    }

    /// Puts models that are trained every so many days, each on what is known then, in the place of the one that there is,
    /// which forecasts where none of them may. `past` has the same bars and those before them.
    fn train_along(&mut self, every_days: u32, past: &Selected, output: Output) -> Result<(), Failure> {
        let terms = self.policy.terms();
        let failed = |error: AlongError| Failure::new(Exit::Usage, format!("--train-every: {error}"));
        let opening = Opening::of(terms, &self.market()?, &self.assumed, self.start).map_err(failed)?;
        let along = Along::new(opening, terms, every_days, self.seed);
        let tell = |count: usize, of: usize, at: u64| {
            output.progress(format_args!("training {count} of {of}, on what was known by {}", Utc(at)));
        };
        let otherwise = Box::new(EwmaModel::default());
        let (models, trainings) = along.run(&past.panel, past.start, otherwise, tell).map_err(failed)?;
        let holds = !matches!(terms.risk.model, ModelTerms::Ewma) && terms.risk.fallback == ModelFallback::Hold;
        let uncovered = self.panel.ends()[self.start..].iter().find(|end| !models.covers(**end));
        if let (true, Some(at)) = (holds, uncovered) {
            let why = trainings.iter().rev().filter(|it| it.at < *at).find_map(|it| it.refused.as_deref());
            return Err(Failure::new(
                Exit::Usage,
                format!(
                    "--train-every: no model may forecast at {}{}; the policy holds without one: begin later (--from), or try \
                     the policy with `fallback = \"ewma\"`",
                    Utc(*at),
                    why.map_or_else(String::new, |why| format!(" ({why})"))
                ),
            ));
        }
        self.notes.extend(stated::trained_along(&along, terms));
        // What is trained along the way has the target that every training has.
        self.var_tail = Some(Target::default().tail());
        (self.model, self.trainings) = (Box::new(models), trainings);
        Ok(())
    }

    /// The same for a treasury that holds this at first: whole tokens by account and symbol.
    pub(super) fn hold(&mut self, holdings: BTreeMap<String, BTreeMap<String, String>>) -> Result<(), Failure> {
        self.told.holdings = holdings;
        self.assumed = self.told.check(self.policy.terms()).map_err(|problems| {
            configuration(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
        })?;
        Ok(())
    }

    /// Its prices as its policy sees them.
    pub(super) fn market(&self) -> Result<Market<'_>, Failure> {
        Market::new(&self.panel, self.policy.terms(), &self.assumed).map_err(configuration)
    }

    /// What is run on `market`; see [`Plan::thorough`].
    pub(super) fn plan<'a>(&'a self, market: &'a Market<'a>, thorough: bool) -> Plan<'a> {
        let Self { policy, assumed, start, model, seed, .. } = self;
        Plan { policy, model: model.as_ref(), market, assumed, start: *start, seed: *seed, events: None, thorough }
    }

    /// What the run depends on.
    pub(super) fn provenance(&self) -> Result<Provenance, Failure> {
        Ok(Provenance {
            data_hash: self.panel.hash(),
            policy_hash: self.policy.hash(),
            model_hash: self.model.hash(),
            assumptions_hash: hash_of(&self.told)?,
            seed: self.seed,
        })
    }

    /// What every report says was assumed.
    pub(super) fn stated(&self, market: &Market<'_>) -> Vec<String> {
        let beside = stated::beside_prices(&self.policy, market, (&self.told, &self.assumed), self.notes.clone());
        [stated::holdings_and_flows(&self.told), beside].concat()
    }
}

/// The policy that stands for plain weights.
fn plain_policy(weights: &str, args: &SetupArgs) -> Result<VotedPolicy, Failure> {
    let weights = plain::weights(weights).map_err(|error| Failure::new(Exit::Usage, format!("--weights: {error}")))?;
    let slippage_bps = args.world.slippage_bps.unwrap_or(Costs::default().slippage_bps);
    let fill = if args.world.fill.as_deref() == Some("same-bar") { Fill::SameBar } else { Fill::NextBar };
    let text = plain::policy(&weights, slippage_bps.saturating_add(args.world.fee_bps.unwrap_or_default()), fill);
    quaestor_policies::parse(text.as_bytes(), &plain::catalog())
        .map_err(|problems| Failure::new(Exit::Internal, problems.in_file("the policy of --weights".to_owned())))
}

pub(super) fn configuration(error: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Configuration, error)
}

/// What is assumed, as it was told and as it fits the policy.
fn assumptions(
    args: &SetupArgs,
    policy: &VotedPolicy,
    beside: Option<&Terms>,
) -> Result<(Assumptions, Checked), Failure> {
    let mut found = match &args.world.assume {
        // A plain comparison knows neither gas nor people.
        None if args.weights.is_some() => Assumptions {
            costs: Costs { gas_gwei: 0, ..Costs::default() },
            delays: Delays { safe_secs: 0.into(), ..Delays::default() },
            ..Assumptions::default()
        },
        None => Assumptions::default(),
        Some(path) => {
            let file = path.display();
            let bytes =
                read_bounded(path, ASSUMPTIONS_BYTES_MAX).map_err(|error| configuration(format!("{file}: {error}")))?;
            toml::from_slice(&bytes).map_err(|error| configuration(format!("{file}: {error}")))?
        }
    };
    found.value_usd = args.world.value.or(found.value_usd);
    found.costs.slippage_bps = args.world.slippage_bps.unwrap_or(found.costs.slippage_bps);
    found.costs.fee_bps = args.world.fee_bps.or(found.costs.fee_bps);
    if let Some(hours) = args.world.signers_hours {
        found.delays.safe_secs = hours.saturating_mul(3_600).into();
    }
    found.every_bars = args.world.every.or(found.every_bars);
    match args.world.targets.as_deref() {
        Some("before-costs") => found.costs.targets = Targets::BeforeCosts,
        Some(_) => found.costs.targets = Targets::AfterCosts,
        None => {}
    }
    match args.world.fill.as_deref() {
        Some("same-bar") => found.fill = Fill::SameBar,
        Some(_) => found.fill = Fill::NextBar,
        None => {}
    }
    if args.weights.is_some() {
        // There is no pool whose fee it could be.
        found.costs.fee_bps.get_or_insert(0);
    }
    if args.weights.is_some() && found.holdings.is_empty() {
        // All cash at first.
        let value = found.value_usd.unwrap_or(VALUE_USD).to_string();
        let cash = [(plain::CASH.to_owned(), value)].into();
        found.holdings.insert(plain::ACCOUNT.to_owned(), cash);
    }
    if let Some(beside) = beside {
        keep_own(&mut found, policy.terms(), beside);
    }
    let file =
        args.world.assume.as_ref().map_or_else(|| "the assumptions".to_owned(), |path| path.display().to_string());
    let checked = found.check(policy.terms()).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(|problem| format!("{file}: {problem}")).collect();
        configuration(lines.join("\n"))
    })?;
    Ok((found, checked))
}

/// Leaves out what is assumed of assets and venues that `beside` lists and `terms` does not. Holdings and flows stay: money
/// that a policy does not know of is an error.
fn keep_own(found: &mut Assumptions, terms: &Terms, beside: &Terms) {
    let is_asset = |terms: &Terms, name: &str| terms.asset_named(name).is_some();
    let is_venue = |terms: &Terms, name: &str| terms.venue_named(name).is_some();
    let keeps = |is: fn(&Terms, &str) -> bool, name: &str| is(terms, name) || !is(beside, name);
    found.prices.retain(|name, _| keeps(is_asset, name));
    found.names.retain(|name, _| keeps(is_asset, name));
    found.depth_usd.retain(|name, _| keeps(is_asset, name));
    found.yields.retain(|name, _| keeps(is_venue, name));
}

/// keccak256 of the JSON of what is assumed.
fn hash_of(told: &Assumptions) -> Result<B256, Failure> {
    let bytes = serde_json::to_vec(told).map_err(|error| Failure::new(Exit::Internal, error))?;
    Ok(keccak256(bytes))
}

/// Unix seconds of a day or a time, and whether it is a day.
pub(super) fn moment(key: &str, text: &str) -> Result<(u64, bool), Failure> {
    data::parse_moment(text).ok_or_else(|| {
        let text = format!("{key} `{text}` is no day and no time; write such as `2020-03-12` or `2020-03-12 14:00`");
        Failure::new(Exit::Usage, text)
    })
}

/// The bars that all needed series have, and that of the first decision. Where models are trained, the same with all the past
/// that there is, to learn from; none is trained along days that are made up.
fn panel(
    args: &SetupArgs,
    policy: &VotedPolicy,
    assumed: &Checked,
    found: &DataSet,
    stretch: Stretch,
) -> Result<(Selected, Option<Selected>), Failure> {
    const DAY_LAST_SEC: u64 = 86_399;
    let from = args.world.from.as_deref().map(|text| moment("--from", text)).transpose()?;
    let to = args.world.to.as_deref().map(|text| moment("--to", text)).transpose()?;
    let (from, to) = (from.map(|(at, _)| at), to.map(|(at, is_day)| if is_day { at + DAY_LAST_SEC } else { at }));
    if let (Some(_), Some(_), true) = (from, to, from > to) {
        let [from, to] = [&args.world.from, &args.world.to].map(|text| text.as_deref().unwrap_or_default());
        return Err(Failure::new(Exit::Usage, format!("--from {from} lies after --to {to}")));
    }
    let (from, to) = match stretch {
        Stretch::Typed | Stretch::Last => (from, to),
        Stretch::Between(from, to) => (Some(from), Some(to)),
    };
    let wanted = wanted(found, policy, assumed);
    let steps = wanted.iter().filter_map(|name| found.get(Kind::Price, name)).map(|series| series.step);
    let past = history_bars(&policy.terms().risk, steps.max().unwrap_or(1));
    let window = Window { from, to, past };
    let path = path(args)?.display();
    let in_file = |error| configuration(format!("{path}: {error}"));
    let every_days = args.world.train_every.filter(|_| !matches!(stretch, Stretch::Last));
    let whole = every_days.map(|_| data::panel(found, &wanted, Window { past: usize::MAX, ..window }));
    Ok((data::panel(found, &wanted, window).map_err(in_file)?, whole.transpose().map_err(in_file)?))
}

/// Names of the series that assets of the policy have their prices from, and of what gas is paid in.
pub(super) fn wanted<'a>(found: &'a DataSet, policy: &'a VotedPolicy, assumed: &'a Checked) -> Vec<&'a str> {
    let is_there = |name: &&str| found.get(Kind::Price, name).is_some();
    let of = |(asset, name): (&'a quaestor_core::Asset, &'a Option<String>)| match name.as_deref() {
        Some(name) => name,
        None => {
            let symbol = asset.symbol.as_str();
            let unwrapped = unwrapped(symbol).filter(is_there);
            Some(symbol).filter(is_there).or(unwrapped).unwrap_or(symbol)
        }
    };
    let mut names: Vec<&str> = policy.terms().assets.iter().zip(&assumed.names).map(of).collect();
    names.extend(found.of(Kind::Gas).map(|gas| gas.name.as_str()));
    if assumed.costs.gas_gwei > 0 {
        names.extend(ETHER.into_iter().find(is_there));
    }
    names
}

/// A model, and what is to be said of it.
struct Chosen {
    model: Box<dyn RiskModel>,
    var_tail: Option<f64>,
    notes: Vec<String>,
}

/// The model that the policy names.
fn model(args: &SetupArgs, policy: &VotedPolicy, panel: &Panel, start: usize) -> Result<Chosen, Failure> {
    let terms = &policy.terms().risk;
    let ewma = |notes| Chosen { model: Box::new(EwmaModel::default()), var_tail: None, notes };
    if let Some(path) = &args.world.model {
        let file = path.display();
        let failed = |error: &dyn std::fmt::Display| configuration(format!("{file}: {error}"));
        let bytes = read_bounded(path, MODEL_BYTES_MAX).map_err(|error| failed(&error))?;
        let model =
            ModelFile::parse(&bytes, keccak256(&bytes)).and_then(LearnedModel::new).map_err(|error| failed(&error))?;
        let trained = u64::from(model.file().trained_at_day) * 86_400;
        let seen = (trained > panel.begins_at(start))
            .then(|| "the model was trained on days of this run: what it forecasts for them it has seen".to_owned());
        let tail = model.file().parameters.tail.is_some().then(|| model.file().target.tail());
        return Ok(Chosen { model: Box::new(model), var_tail: tail, notes: seen.into_iter().collect() });
    }
    match (&terms.model, terms.fallback) {
        _ if args.world.train_every.is_some() => Ok(ewma(Vec::new())),
        (ModelTerms::Ewma, _) => Ok(ewma(Vec::new())),
        (_, ModelFallback::Hold) => Err(Failure::new(
            Exit::Usage,
            "the policy names a trained model and holds without it; give one with --model",
        )),
        (_, ModelFallback::Ewma) => {
            let note = "the policy names a trained model and none was given (--model): its fallback, ewma, forecasts";
            Ok(ewma(vec![note.to_owned()]))
        }
    }
}
