//! What can be refused before any gas is spent, and what is written.

use super::*;
use quaestor_core::Limits;

const NOW: u64 = 1_700_000_000;
const DEPLOYER: Address = Address::repeat_byte(0xdd);

fn plan() -> Plan {
    Plan {
        timelock: Address::repeat_byte(1),
        guardians: vec![Address::repeat_byte(2), Address::repeat_byte(3)],
        operators: vec![Address::repeat_byte(4)],
        delay_secs: 172_800,
        pull_secs: 1_209_600,
        lease_until: NOW + 86_400,
        ceilings: Limits::default().envelope(),
        deployer_may_act: false,
    }
}

#[test]
fn a_good_plan_has_no_problem() {
    assert_eq!(plan().problems(DEPLOYER, NOW), []);
}

#[test]
fn every_problem_is_told_at_once() {
    let bad = Plan {
        timelock: DEPLOYER,
        guardians: vec![Address::repeat_byte(4), Address::repeat_byte(4), DEPLOYER],
        operators: vec![Address::repeat_byte(4), Address::ZERO],
        delay_secs: 366 * 86_400,
        pull_secs: 60,
        lease_until: NOW,
        ..plan()
    };
    let problems = bad.problems(DEPLOYER, NOW);
    let texts = problems.iter().map(PlanProblem::to_string).collect::<Vec<_>>().join("\n");
    for part in [
        "named twice among the guardians",
        "zero address",
        "among the guardians and would keep a right",
        "among the owners and would keep a right",
        "guardian and operator",
        "the delay is",
        "the length of a pull is 60 s",
        "the lease",
    ] {
        assert!(texts.contains(part), "{part} in {texts}");
    }
    let none = Plan { guardians: vec![], operators: vec![], ..plan() };
    assert_eq!(none.problems(DEPLOYER, NOW).len(), 2);
    let asked = Plan { operators: vec![DEPLOYER], deployer_may_act: true, ..plan() };
    assert_eq!(asked.problems(DEPLOYER, NOW), []);
    assert_eq!(Plan { deployer_may_act: false, ..asked }.problems(DEPLOYER, NOW).len(), 1);
}

#[test]
fn durations_leases_and_ceilings_are_exact_or_refused() {
    assert_eq!((parse_duration("2d"), parse_duration("90s"), parse_duration("0d")), (Some(172_800), Some(90), Some(0)));
    for bad in ["", "d", "2", "-2d", "2.5d", "2 d", "2dd", "99999999999999999999d"] {
        assert_eq!(parse_duration(bad), None, "{bad}");
    }
    assert_eq!(parse_lease("1d", NOW), Some(NOW + 86_400));
    assert_eq!(parse_lease("2027-01-01T00:00:00Z", NOW), Some(1_798_761_600));
    assert_eq!(parse_lease("tomorrow", NOW), None);
    assert_eq!(parse_ceiling("proposal_bps_max=2000"), Ok((0, 2_000)));
    assert_eq!(parse_ceiling("16=1500"), Ok((16, 1_500)));
    for bad in ["", "proposal_bps_max", "nothing=1", "11=1", "32=1", "0=-1", "0=+1", "0="] {
        assert!(parse_ceiling(bad).unwrap_err().to_string().contains("proposal_bps_max"), "{bad}");
    }
    let envelope = ceilings(&[(0, 2_000), (16, 1_500)]);
    assert_eq!((envelope[0], envelope[1], envelope[16], envelope[17]), (2_000, u64::MAX, 1_500, 0));
}

/// The names of the slots are those of a policy's numbers.
#[test]
fn each_ceiling_bounds_the_number_of_its_name() {
    let limits = Limits {
        proposal_bps_max: 1,
        window_bps_max: [2, 3, 4, 5],
        slippage_bps_max: 6,
        price_age_secs_max: 7,
        price_deviation_bps_max: 8,
        proposals_per_day_max: 9,
        validity_secs_max: 10,
        native_share_bps_max: 11,
        stable_share_bps_min: 12,
        price_quorum_min: 13,
        cooldown_secs_min: 14,
    };
    let named = [
        "proposal_bps_max=1",
        "hour_bps_max=2",
        "day_bps_max=3",
        "week_bps_max=4",
        "month_bps_max=5",
        "slippage_bps_max=6",
        "price_age_secs_max=7",
        "price_deviation_bps_max=8",
        "proposals_per_day_max=9",
        "validity_secs_max=10",
        "native_share_bps_max=11",
        "stable_share_bps_min=12",
        "price_quorum_min=13",
        "cooldown_secs_min=14",
    ];
    let named: Vec<_> = named.iter().map(|text| parse_ceiling(text).unwrap()).collect();
    assert_eq!(ceilings(&named), limits.envelope());
}

#[test]
fn the_file_is_read_again_and_its_section_stands_in_a_configuration() {
    let mut file = ContractsFile::begin(31_337, &plan(), DEPLOYER);
    let record = |byte| ContractRecord {
        account: format!("eip155:31337:{}", Address::repeat_byte(byte)),
        code_hash: keccak256([byte]),
        block: 7,
        tx: keccak256([byte, byte]),
    };
    assert!(file.config_section().contains("# multisend_call_only"));
    (file.registry, file.brake, file.gate) = (Some(record(0x51)), Some(record(0x52)), Some(record(0x53)));
    (file.deployed_block, file.multisend_call_only) = (7, Some(Address::repeat_byte(0x54)));
    assert_eq!(serde_json::from_slice::<ContractsFile>(&file.bytes()).unwrap(), file);
    let rest = format!(
        "[chain]\nrpc_url = \"http://127.0.0.1:1\"\nchain_id = 31337\n{}\n[operator]\naddress = \"{}\"\nkey = \"env:KEY\"\n",
        file.config_section(),
        Address::repeat_byte(4),
    );
    let config = crate::config::Config::parse(&rest, std::path::Path::new("agent.toml")).unwrap();
    assert_eq!(config.contracts.gate, Address::repeat_byte(0x53));
    assert_eq!(config.contracts.multisend_call_only, Address::repeat_byte(0x54));
}
