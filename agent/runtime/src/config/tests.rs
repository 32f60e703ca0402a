//! Good files, and every way of being wrong that a person meets.

use super::*;

const GOOD: &str = r#"
[chain]
rpc_url = "http://127.0.0.1:8545"
chain_id = 31337

[contracts]
registry = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
brake = "eip155:31337:0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"
gate = "0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0"
multisend_call_only = "0xCf7Ed3AccA5a467e9e704C703E8D87F634fB0Fc9"
deployed_block = 0

[operator]
address = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
key = "env:QUAESTOR_KEY"
"#;

fn parse(text: &str) -> Result<Config, ConfigProblems> {
    Config::parse(text, Path::new("dao/agent.toml"))
}

/// The only problem of [`GOOD`] with `from` replaced by `to`.
fn problem(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    let problems = parse(&GOOD.replace(from, to)).unwrap_err();
    assert_eq!(problems.problems.len(), 1, "{problems}");
    problems.to_string()
}

#[test]
fn a_short_file_is_enough_on_a_known_chain() {
    let config = parse(GOOD).unwrap();
    assert_eq!((config.chain.confirmations, config.chain.finality), (2, Finality::Depth(2)));
    assert_eq!((config.chain.poll_interval_ms, config.chain.request_timeout_secs), (500, 10));
    assert_eq!(config.contracts.multicall3, MULTICALL3);
    assert_eq!(config.files.policies, [Path::new("dao/policy.toml")]);
    assert_eq!(config.files.journal, Path::new("dao/journal.db"));
    assert_eq!(config.files.models, Path::new("dao/models"));
    assert_eq!(config.log, LogConfig::default());
    assert_eq!(config.operator.key, KeySource::Env("QUAESTOR_KEY".into()));
    assert_eq!(config.training, None);
}

/// [`GOOD`] with a table `[training]` of these lines.
fn with_training(lines: &str) -> String {
    format!("{GOOD}[training]\n{lines}\n")
}

#[test]
fn what_the_agent_trains_from_has_defaults() {
    let config = parse(&with_training("prices = \"prices\"\nrecords = [\"own.csv\", \"/shared/friend.csv\"]")).unwrap();
    let expected = TrainingConfig {
        prices: "dao/prices".into(),
        records: vec!["dao/own.csv".into(), "/shared/friend.csv".into()],
        stable: vec!["USDC".into()],
        test_days: 90,
        aggregation: Rule::WeightedMean,
        drawdown_fit: Fit::Newton,
        trees: 100,
        noise_multiplier: None,
        delta: 1e-5,
        exact_scores: false,
    };
    assert_eq!(config.training, Some(expected));
    let all = "prices = \"p\"\nrecords = [\"own.csv\"]\nstable = [\"USDC\", \"DAI\"]\ntest_days = 180\n\
               aggregation = \"multi-krum\"\ndrawdown_fit = \"newton\"\ntrees = 8\nnoise_multiplier = 40\ndelta = 1e-6\n\
               exact_scores = true";
    let said = TrainingConfig {
        prices: "dao/p".into(),
        records: vec!["dao/own.csv".into()],
        stable: vec!["USDC".into(), "DAI".into()],
        test_days: 180,
        aggregation: Rule::MultiKrum,
        drawdown_fit: Fit::Newton,
        trees: 8,
        noise_multiplier: Some(40.0),
        delta: 1e-6,
        exact_scores: true,
    };
    assert_eq!(parse(&with_training(all)).unwrap().training, Some(said));
    let by_averages = "prices = \"p\"\nrecords = [\"own.csv\"]\ndrawdown_fit = \"fedavg\"";
    assert_eq!(parse(&with_training(by_averages)).unwrap().training.unwrap().drawdown_fit, Fit::FedAvg);
}

#[test]
fn each_problem_of_training_says_where_and_what_to_write() {
    let two = "prices = \"p\"\nrecords = [\"own.csv\"]\n";
    for (lines, said) in [
        (
            "records = [\"own.csv\"]",
            ":16:2: `training.prices` is missing; write the path of a folder or file of daily prices",
        ),
        ("prices = \"p\"", ":16:2: `training.records` is missing; write paths of members' records"),
        ("prices = \"p\"\nrecords = []", ":18:11: `training.records` is empty; write paths"),
        ("prices = \"p\"\nrecords = [\"a/own.csv\", \"b/OWN.csv\"]", ":18:25: the member `own` comes twice"),
        (&format!("{two}stable = \"USDC\""), "`training.stable` is string; write symbols"),
        (&format!("{two}test_days = 13"), ":19:13: `training.test_days` is out of range; write a whole number from 14"),
        (
            &format!("{two}aggregation = \"mean\""),
            ":19:15: `mean` is no way to add members up; write one of \"weighted-m",
        ),
        (
            &format!("{two}drawdown_fit = \"average\""),
            ":19:16: `average` is no way to fit a drawdown; write \"newton\" or \"fedavg\"",
        ),
        (
            &format!("{two}noise_multiplier = 40\ndrawdown_fit = \"fedavg\""),
            ":20:16: `fedavg` averages parameters, in which no noise hides a record; write \"newton\", or leave `noise_",
        ),
        (&format!("{two}trees = 0"), "`training.trees` is out of range"),
        (
            &format!("{two}noise_multiplier = 0.0"),
            ":19:20: `training.noise_multiplier` is out of range; write a number",
        ),
        (&format!("{two}noise_multiplier = nan"), "`training.noise_multiplier` is out of range"),
        (&format!("{two}noise_multiplier = \"40\""), "`training.noise_multiplier` is string; write a number from 0.1"),
        (&format!("{two}noise_multiplier = 40\ndelta = 0.5"), "`training.delta` is out of range"),
        (&format!("{two}exact_scores = true"), ":16:2: `training.exact_scores` says nothing without noise"),
        (&format!("{two}noise_multiplier = 40\nexact_scores = 1"), "`training.exact_scores` is integer; write true or"),
        (&format!("{two}delta = 1e-5"), ":16:2: `training.delta` says nothing without noise"),
        (
            &format!("{two}epsilon_year_max = 8"),
            "unknown key `training.epsilon_year_max`; the keys here are: prices, rec",
        ),
    ] {
        let problems = parse(&with_training(lines)).unwrap_err();
        assert!(problems.problems.len() == 1 && problems.to_string().contains(said), "{lines}:\n{problems}");
    }
    let many: Vec<String> = (0..=TRAINING_RECORDS_MAX).map(|number| format!("\"{number}.csv\"")).collect();
    let problems = parse(&with_training(&format!("prices = \"p\"\nrecords = [{}]", many.join(",")))).unwrap_err();
    assert!(problems.to_string().contains("too many members; write at most 1000"), "{problems}");
}

#[test]
fn everything_can_be_said() {
    let text = GOOD
        .replace("chain_id = 31337", "chain_id = 31337\nconfirmations = 3\nfinality = \"finalized\"\nhead_age_secs_max = 60\npoll_interval_ms = 250\nlogs_range_blocks = 10\nrequest_timeout_secs = 5")
        .replace("http://127.0.0.1:8545", "env:RPC")
        .replace("\"env:QUAESTOR_KEY\"", "{ keystore = \"keys/operator.json\", password = \"env:QUAESTOR_PASSWORD\" }")
        + "[files]\npolicies = [\"policy.toml\", \"/policies\"]\njournal = \"state/j.db\"\nbundles = \"b/\"\nmodels = \"/var/models\"\nipfs_gateway = \"env:GATEWAY\"\n[log]\nformat = \"json\"\nfilter = \"warn,quaestor=debug\"\n";
    let config = parse(&text).unwrap();
    assert_eq!((config.chain.confirmations, config.chain.finality), (3, Finality::Tag));
    assert_eq!(config.chain.rpc_url, RpcUrl::Env("RPC".into()));
    assert_eq!(config.files.policies, [Path::new("dao/policy.toml"), Path::new("/policies")]);
    assert_eq!(config.files.models, Path::new("/var/models"));
    assert_eq!(config.files.ipfs_gateway, Some(RpcUrl::Env("GATEWAY".into())));
    let password = "QUAESTOR_PASSWORD".to_owned();
    assert_eq!(config.operator.key, KeySource::Keystore { path: "dao/keys/operator.json".into(), password });
    assert_eq!(config.log, LogConfig { format: LogFormat::Json, filter: "warn,quaestor=debug".into() });
}

#[test]
fn all_problems_come_at_once_with_their_places() {
    let text = r#"
[chain]
rpc_url = "ftp://node"
chain_id = 5
confirmations = 5000
poll = 1

[contracts]
registry = "0x5fbdb2315678afecb367f032d93f642f64180aa3"
brake = "eip155:1:0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"
gate = "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"

[operator]
key = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"
[files]
policies = []
[log]
format = "xml"
filter = "=="
[extra]
"#;
    insta::assert_snapshot!(parse(text).unwrap_err());
}

#[test]
fn each_problem_says_what_to_write() {
    let checksum = problem("0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0", "0x9fe46736679d2d9a65f0992f2272de9f3c7fa6e0");
    assert!(
        checksum.contains("dao/agent.toml:9:8:") && checksum.contains("0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0")
    );
    assert!(
        problem("deployed_block = 0", "deployed_block = 0\ndeployed_block = 1").contains("agent.toml:12:1: duplicate")
    );
    assert!(problem("deployed_block = 0", "deployed_block = -1").contains("from 0 to"));
    assert!(problem("deployed_block = 0", "deployed_block = 1.5").contains("a whole number"));
    assert!(problem("deployed_block = 0", "").contains("`contracts.deployed_block` is missing"));
    assert!(problem("chain_id = 31337", "chain_id = 31337\nfinality = \"soon\"").contains("\"finalized\""));
    assert!(problem("env:QUAESTOR_KEY", "env:2KEY").contains("names no environment variable"));
    assert!(
        problem("[operator]", "# \u{202E}\n[operator]").contains("dao/agent.toml:13:3: the invisible character U+202E")
    );
}

#[test]
fn a_chain_that_is_not_known_needs_its_numbers() {
    let text = GOOD.replace("31337", "5");
    let problems = parse(&text).unwrap_err().to_string();
    for key in ["confirmations", "finality", "head_age_secs_max"] {
        assert!(problems.contains(&format!("`chain.{key}` is missing")), "{problems}");
    }
}

#[test]
fn broken_toml_has_a_place_and_no_panic() {
    for text in
        ["[chain", "a = ", "chain = 3", "\u{0}", "[[chain]]", &"[".repeat(5_000), &format!("a = {}", "[".repeat(5_000))]
    {
        let problems = parse(text).unwrap_err();
        assert!(!problems.problems.is_empty());
    }
    assert!(
        parse("chain = 3").unwrap_err().to_string().contains("dao/agent.toml:1:9: `chain` is integer; write a table")
    );
}

#[test]
fn a_secret_in_the_wrong_place_is_not_repeated() {
    let key = "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";
    let password = "correct horse";
    for wrong in [
        GOOD.replace("env:QUAESTOR_KEY", key),
        GOOD.replace("\"env:QUAESTOR_KEY\"", &format!("[\"{key}\"]")),
        GOOD.replace("\"env:QUAESTOR_KEY\"", &format!("{{ keystore = \"k\", password = \"{password}\" }}")),
        GOOD.replace("http://127.0.0.1:8545", &format!("wss://node/{key}")),
        format!("{GOOD}\n[files]\nipfs_gateway = \"ipfs://gateway/{key}\"\n"),
    ] {
        let problems = parse(&wrong).unwrap_err();
        for told in [problems.to_string(), format!("{problems:?}")] {
            assert!(!told.contains(key) && !told.contains(password), "{told}");
        }
    }
    let config = parse(&GOOD.replace("http://127.0.0.1:8545", &format!("https://user:pass@node/v2/{key}"))).unwrap();
    let shown = format!("{config:?}");
    assert!(!shown.contains(key) && !shown.contains("pass@") && shown.contains("https://node/…"), "{shown}");
}

#[test]
fn a_file_that_cannot_be_read_is_a_problem_with_a_remedy() {
    let directory = tempfile::tempdir().unwrap();
    let missing = Config::load(&directory.path().join("agent.toml")).unwrap_err().to_string();
    assert!(missing.contains("quaestor init"), "{missing}");
    let path = directory.path().join("large.toml");
    fs::write(&path, "#".repeat(70_000)).unwrap();
    assert!(Config::load(&path).unwrap_err().to_string().contains("larger than 65536 bytes"));
    fs::write(&path, [0xff, 0xfe]).unwrap();
    assert!(Config::load(&path).unwrap_err().to_string().contains("not UTF-8"));
    fs::write(&path, GOOD).unwrap();
    assert_eq!(Config::load(&path).unwrap().files.journal, directory.path().join("journal.db"));
}

#[test]
fn policy_candidates_are_the_named_files_and_those_of_directories() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::create_dir(at("policies")).unwrap();
    for name in ["policy.toml", "policies/b.toml", "policies/a.toml", "policies/notes.md"] {
        fs::write(at(name), "").unwrap();
    }
    let files =
        |policies| FilesConfig { policies, journal: at("j"), bundles: at("b"), models: at("m"), ipfs_gateway: None };
    let found = files(vec![at("policy.toml"), at("policies"), at("policies/a.toml")]).policy_candidates().unwrap();
    assert_eq!(found, [at("policies/a.toml"), at("policies/b.toml"), at("policy.toml")]);
    assert_eq!(files(vec![at("none.toml")]).policy_candidates().unwrap(), Vec::<PathBuf>::new());
    (0..=POLICY_FILES_MAX).for_each(|number| fs::write(at(&format!("policies/{number}.toml")), "").unwrap());
    assert!(files(vec![at("policies")]).policy_candidates().is_err());
}

#[test]
fn the_folder_of_models_is_optional_and_bounded() {
    let missing = problem("[operator]", "[files]\nmodels = 3\n[operator]");
    assert!(
        missing.contains("agent.toml:14:10: `files.models` is integer; write a text such as \"models\""),
        "{missing}"
    );
    let empty = problem("[operator]", "[files]\nmodels = \"\"\n[operator]");
    assert!(empty.contains("agent.toml:14:10: an empty path"), "{empty}");
    let unknown = problem("[operator]", "[files]\nmodel = \"models\"\n[operator]");
    assert!(
        unknown.contains(
            "agent.toml:14:1: unknown key `files.model`; the keys here are: policies, journal, bundles, models, ipfs_gateway"
        ),
        "{unknown}"
    );

    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let files =
        |models| FilesConfig { policies: vec![], journal: at("j"), bundles: at("b"), models, ipfs_gateway: None };
    assert_eq!(files(at("none")).model_candidates().unwrap(), Vec::<PathBuf>::new());
    fs::create_dir(at("models")).unwrap();
    for name in ["models/model-b.json", "models/card-a.json", "models/card-a.md"] {
        fs::write(at(name), "").unwrap();
    }
    let found = files(at("models")).model_candidates().unwrap();
    assert_eq!(found, [at("models/card-a.json"), at("models/model-b.json")]);
    assert!(files(at("models/card-a.md")).model_candidates().is_err());
    (0..MODEL_ENTRIES_MAX).for_each(|number| fs::write(at(&format!("models/{number}.md")), "").unwrap());
    let many = files(at("models")).model_candidates().unwrap_err().to_string();
    assert!(many.contains("more than 4096 entries"), "{many}");
}

#[test]
fn the_profiles_are_ordered_and_within_bounds() {
    assert!(CHAINS.is_sorted_by_key(|known| known.chain_id));
    for known in CHAINS {
        let text = GOOD.replace("31337", &known.chain_id.to_string());
        assert_eq!(parse(&text).unwrap().chain.confirmations, known.confirmations, "{}", known.name);
    }
}
