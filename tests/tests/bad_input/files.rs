//! Configuration and keystore: told before anything else is done, with exit code 3.

use super::CONFIGURATION;
use quaestor::demo::stage::PASSWORD_VAR;
use quaestor_tests::{Stage, governed};

const SECRET: &str = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";

/// A DAO whose agent has worked and was stopped.
async fn rested() -> Stage {
    let mut stage = governed().await;
    stage.decides().await;
    stage.stop().await;
    stage.journal_is_whole().await;
    stage
}

/// Then everything is as before, and the agent works on.
async fn works_on(mut stage: Stage) {
    let rows = stage.rows().unwrap().len();
    stage.journal_is_whole().await;
    assert_eq!(stage.rows().unwrap().len(), rows);
    stage.start().await;
    stage.decides().await;
    stage.journal_is_whole().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_configuration_is_refused_with_its_place_and_what_to_write() {
    let stage = rested().await;
    let rows = stage.rows().unwrap().len();
    let registry = stage.devnet.dao.controls.registry.to_string();
    let wrong: [(&str, String, &[&str]); 6] = [
        (
            "poll_interval_ms = 50",
            "poll_interval = 50".into(),
            &[":7:1: unknown key `chain.poll_interval`; the keys here are: rpc_url, chain_id, "],
        ),
        ("chain_id = 31337", "chain_id = \"31337\"".into(), &[":6:12: ", "`chain.chain_id`", "write a whole number"]),
        ("[operator]", "[operators]".into(), &["[operator]", "unknown key `operators`", "the keys here are: [chain]"]),
        (&registry, registry.to_lowercase(), &["has not the EIP-55 checksum", &registry]),
        (
            "key = { keystore = \"keys/operator.json\", password = \"env:QUAESTOR_DEMO_PASSWORD\" }",
            format!("key = \"{SECRET}\""),
            &["`operator.key` names no environment variable, and a secret never stands here; write \"env:NAME\""],
        ),
        (
            "password = \"env:QUAESTOR_DEMO_PASSWORD\"",
            format!("password = \"{SECRET}\""),
            &["`operator.key.password` names no environment variable, and a secret never stands here"],
        ),
    ];
    let mut all = std::fs::read_to_string(&stage.site.config).unwrap();
    for (right, wrong, words) in &wrong {
        let config = stage.config_as("wrong.toml", |text| text.replacen(right, wrong, 1));
        let ended = stage.run(&config).await;
        ended.expect(CONFIGURATION, words);
        assert!(ended.stderr.contains("wrong.toml:") && !ended.stderr.contains(SECRET), "{}", ended.stderr);
        all = all.replacen(right, wrong, 1);
    }
    let config = stage.config_as("wrong.toml", |_| all);
    let ended = stage.run(&config).await;
    let at_once = ended.stderr.lines().filter(|line| line.contains("wrong.toml:")).count();
    assert!(at_once >= 4, "not all problems at once:\n{}", ended.stderr);
    let config = stage.config_as("wrong.toml", |text| text.replace("[files]", "[files"));
    stage.run(&config).await.expect(CONFIGURATION, &["wrong.toml:22:"]);
    let missing = stage.site.folder.join("none.toml");
    stage.run(&missing).await.expect(CONFIGURATION, &["none.toml", "--config", "quaestor init"]);
    assert_eq!(stage.rows().unwrap().len(), rows);
    works_on(stage).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_not_the_operators_is_refused() {
    let stage = rested().await;
    let config = stage.site.config.clone();
    let ended = stage.run_with(&config, PASSWORD_VAR, Some("not-the-password")).await;
    ended
        .expect(CONFIGURATION, &["the password in QUAESTOR_DEMO_PASSWORD does not open the keystore", "operator.json"]);
    assert!(!ended.stderr.contains("not-the-password"), "{}", ended.stderr);
    let ended = stage.run_with(&config, PASSWORD_VAR, None).await;
    ended.expect(CONFIGURATION, &["the environment variable QUAESTOR_DEMO_PASSWORD is not set", "keystore's password"]);
    let keystore = "keys/operator.json";
    let at = |path: &str| stage.config_as("wrong.toml", |text| text.replace(keystore, path));
    stage.run(&at("keys/none.json")).await.expect(CONFIGURATION, &["keys/none.json: ", "check the path"]);
    let owner = stage.site.keystores.owners[0].display().to_string();
    let people = &stage.devnet.dao.people;
    let (found, expected) = (people.owners[0].address().to_string(), people.operator.address().to_string());
    stage
        .run(&at(&owner))
        .await
        .expect(CONFIGURATION, &["the key is that of", &found, "configuration names", &expected]);
    std::fs::write(stage.site.folder.join("keys/torn.json"), "{\"version\": 3, \"crypto\"").unwrap();
    stage.run(&at("keys/torn.json")).await.expect(CONFIGURATION, &["is no keystore that can be opened", "line 1"]);
    let by_name = stage.config_as("wrong.toml", |text| {
        text.replace("{ keystore = \"keys/operator.json\", password = \"env:QUAESTOR_DEMO_PASSWORD\" }", "\"env:KEY\"")
    });
    stage.run_with(&by_name, "KEY", None).await.expect(CONFIGURATION, &["the environment variable KEY is not set"]);
    let ended = stage.run_with(&by_name, "KEY", Some(&SECRET[..60])).await;
    ended.expect(CONFIGURATION, &["the environment variable KEY holds no private key"]);
    assert!(!ended.stderr.contains(&SECRET[2..20]), "{}", ended.stderr);
    works_on(stage).await;
}
