//! What is to be deployed, and what of it the contracts would refuse.

use alloy::primitives::Address;
use quaestor_contracts::bindings::{EmergencyBrake, PolicyRegistry};
use quaestor_core::{Envelope, Limits};
use std::{collections::BTreeSet, fmt};

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;
/// Bounds of the contracts (`PolicyRegistry.sol`, `EmergencyBrake.sol`).
const DELAY_SECS_MAX: u64 = 365 * DAY;
const GUARDIANS_MAX: usize = 16;
const PULL_SECS_MIN: u64 = HOUR;
const PULL_SECS_MAX: u64 = 60 * DAY;
const LEASE_SECS_MAX: u64 = 366 * DAY;
const OPERATORS_MAX: usize = 32;

/// Keys of a policy's `[limits]` and their slots in the envelope; see [`quaestor_core::Limits`].
pub(crate) const SLOTS: [(&str, usize); 14] = [
    ("proposal_bps_max", 0),
    ("hour_bps_max", 1),
    ("day_bps_max", 2),
    ("week_bps_max", 3),
    ("month_bps_max", 4),
    ("slippage_bps_max", 5),
    ("price_age_secs_max", 6),
    ("price_deviation_bps_max", 7),
    ("proposals_per_day_max", 8),
    ("validity_secs_max", 9),
    ("native_share_bps_max", 10),
    ("stable_share_bps_min", 16),
    ("price_quorum_min", 17),
    ("cooldown_secs_min", 18),
];

/// What is to be deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The DAO's timelock; it owns the registry and the brake.
    pub timelock: Address,
    /// May veto a policy, and pull the brake once.
    pub guardians: Vec<Address>,
    /// Run agents.
    pub operators: Vec<Address>,
    /// How long a wider policy waits, seconds; at most 365 days.
    pub delay_secs: u64,
    /// How long a pull holds, seconds; an hour to 60 days.
    pub pull_secs: u64,
    /// End of the operators' first lease, Unix seconds; at most 366 days ahead.
    pub lease_until: u64,
    /// The constitution: no policy may be wider.
    pub ceilings: Envelope,
    /// Whether the deployer may be guardian or operator as well.
    pub deployer_may_act: bool,
}

/// What is wrong with a plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanProblem {
    /// A number of addresses that the contracts refuse.
    #[error("{found} {what}; name 1 to {most}")]
    Count {
        /// guardians or operators.
        what: &'static str,
        /// How many were named.
        found: usize,
        /// How many may be.
        most: usize,
    },
    /// The zero address, or the same one twice.
    #[error("{address} is named twice among the {what}, or is the zero address; name each once")]
    Listed {
        /// guardians or operators.
        what: &'static str,
        /// Which.
        address: Address,
    },
    /// A time out of bounds.
    #[error("{what} is {found} s; choose {least} to {most} s")]
    Secs {
        /// Which.
        what: &'static str,
        /// As asked.
        found: u64,
        /// Least.
        least: u64,
        /// Most.
        most: u64,
    },
    /// The deployer would keep a right.
    #[error(
        "the deployer {deployer} is named among the {what} and would keep a right; use another key, or say --deployer-may-act"
    )]
    Deployer {
        /// guardians or operators, or the timelock.
        what: &'static str,
        /// Who deploys.
        deployer: Address,
    },
    /// Guardian and operator at once: the brake would be in the hands of what it stops.
    #[error("{address} is guardian and operator; a guardian is there to stop the operators, name another")]
    Both {
        /// Who.
        address: Address,
    },
}

impl Plan {
    /// Everything that is wrong with it, for `deployer` at the chain's time `now`.
    pub fn problems(&self, deployer: Address, now: u64) -> Vec<PlanProblem> {
        let mut problems = Vec::new();
        for (what, list, most) in
            [("guardians", &self.guardians, GUARDIANS_MAX), ("operators", &self.operators, OPERATORS_MAX)]
        {
            if list.is_empty() || list.len() > most {
                problems.push(PlanProblem::Count { what, found: list.len(), most });
            }
            let mut seen = BTreeSet::from([Address::ZERO]);
            problems.extend(
                list.iter().filter(|it| !seen.insert(**it)).map(|it| PlanProblem::Listed { what, address: *it }),
            );
            if list.contains(&deployer) && !self.deployer_may_act {
                problems.push(PlanProblem::Deployer { what, deployer });
            }
        }
        if self.timelock == deployer {
            problems.push(PlanProblem::Deployer { what: "owners", deployer });
        }
        let both = self.guardians.iter().filter(|guardian| self.operators.contains(guardian));
        problems.extend(both.map(|address| PlanProblem::Both { address: *address }));
        let lease_secs = self.lease_until.saturating_sub(now);
        for (what, found, least, most) in [
            ("the delay", self.delay_secs, 0, DELAY_SECS_MAX),
            ("the length of a pull", self.pull_secs, PULL_SECS_MIN, PULL_SECS_MAX),
            ("the lease, from the chain's time,", lease_secs, 1, LEASE_SECS_MAX),
        ] {
            if !(least..=most).contains(&found) {
                problems.push(PlanProblem::Secs { what, found, least, most });
            }
        }
        problems
    }

    /// Arguments of the registry.
    pub fn registry_arguments(&self) -> PolicyRegistry::constructorCall {
        PolicyRegistry::constructorCall {
            owner_: self.timelock,
            delaySecs_: self.delay_secs,
            guardians_: self.guardians.clone(),
            ceilings_: self.ceilings,
        }
    }

    /// Arguments of the brake; every guardian is armed.
    pub fn brake_arguments(&self, registry: Address) -> EmergencyBrake::constructorCall {
        EmergencyBrake::constructorCall {
            owner_: self.timelock,
            registry_: registry,
            pullSecs_: self.pull_secs,
            operators_: self.operators.clone(),
            leaseUntil_: self.lease_until,
            armedGuardians_: self.guardians.clone(),
        }
    }
}

/// Why a text is no ceiling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CeilingError {
    text: String,
}

impl fmt::Display for CeilingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<&str> = SLOTS.iter().map(|(key, _)| *key).collect();
        write!(f, "`{}` is no ceiling; write KEY=NUMBER with one of: {}", self.text, keys.join(", "))
    }
}

impl std::error::Error for CeilingError {}

/// A ceiling such as `proposal_bps_max=2000` or, by its slot, `0=2000`: slot and number.
///
/// # Errors
/// If there is no such slot, or no number. Reserved slots have no meaning yet and cannot be set.
pub fn parse_ceiling(text: &str) -> Result<(usize, u64), CeilingError> {
    let wrong = || CeilingError { text: text.to_owned() };
    let (key, number) = text.split_once('=').ok_or_else(wrong)?;
    let known = |(name, slot): &&(&str, usize)| *name == key || slot.to_string() == key;
    let (_, slot) = SLOTS.iter().find(known).ok_or_else(wrong)?;
    let plain = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let number = number.parse().ok().filter(|_| plain).ok_or_else(wrong)?;
    Ok((*slot, number))
}

/// The envelope of these ceilings; what is not named is unbounded.
pub fn ceilings(named: &[(usize, u64)]) -> Envelope {
    let mut envelope = Limits::default().envelope();
    for (slot, number) in named {
        if let Some(place) = envelope.get_mut(*slot) {
            *place = *number;
        }
    }
    envelope
}

/// Seconds of a duration such as `90s`, `30m`, `36h` or `14d`; `None` if it is none.
pub fn parse_duration(text: &str) -> Option<u64> {
    let number = text.trim_end_matches(['s', 'm', 'h', 'd']);
    let unit_secs = match text.get(number.len()..)? {
        "s" => 1,
        "m" => 60,
        "h" => HOUR,
        "d" => DAY,
        _ => return None,
    };
    let plain = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    if plain { number.parse::<u64>().ok()?.checked_mul(unit_secs) } else { None }
}

/// The end of a lease, Unix seconds: an RFC 3339 time, or a duration from the chain's time `now`.
pub fn parse_lease(text: &str, now: u64) -> Option<u64> {
    if let Some(secs) = parse_duration(text) {
        return now.checked_add(secs);
    }
    u64::try_from(chrono::DateTime::parse_from_rfc3339(text).ok()?.timestamp()).ok()
}
