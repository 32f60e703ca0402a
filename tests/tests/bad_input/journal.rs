//! A journal that was changed, that another agent writes, or that has no folder; and bundles that cannot be published.

use super::{CONFIGURATION, JOURNAL};
use quaestor_tests::governed;
use std::fs;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_journal_is_refused_with_its_row_and_left_alone() {
    let mut stage = governed().await;
    stage.decides().await;
    stage.stop().await;
    stage.journal_is_whole().await;
    let (journal, config) = (stage.config.files.journal.clone(), stage.site.config.clone());
    let good = fs::read(&journal).unwrap();
    let words = b"\"record\":\"policy_in_force\"";
    let place = good.windows(words.len()).position(|window| window == words).expect("a closed journal is one file");
    let mut changed = good.clone();
    changed[place + words.len() - 2] ^= 1;
    fs::write(&journal, &changed).unwrap();
    let ended = stage.run(&config).await;
    ended.expect(JOURNAL, &["the journal ", "is damaged: row 2 was changed", "Nothing in it was changed"]);
    assert_eq!(fs::read(&journal).unwrap(), changed);
    let verified = stage.types(&["journal", "verify", "--config", &config.display().to_string()]).await;
    verified.expect(1, &["row 2 was changed"]);
    let status = stage.types(&["status", "--config", &config.display().to_string()]).await;
    assert!(status.code.is_some_and(|code| code != 0), "{status:#?}");
    // Cut short, emptied, and no journal at all.
    for (bytes, words) in [(&good[..good.len() / 2], "is damaged"), (&[], "is damaged"), (b"notes", "damaged")] {
        fs::write(&journal, bytes).unwrap();
        stage.run(&config).await.expect(JOURNAL, &["the journal ", words]);
        assert_eq!(fs::read(&journal).unwrap(), bytes);
    }
    fs::write(&journal, &good).unwrap();
    stage.journal_is_whole().await;
    stage.start().await;
    stage.decides().await;
    stage.journal_is_whole().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_journal_has_one_agent_and_a_folder() {
    let mut stage = governed().await;
    stage.decides().await;
    stage.journal_is_whole().await;
    let first = format!("is in use by process {}", stage.agent_id().unwrap());
    stage.run(&stage.site.config.clone()).await.expect(JOURNAL, &[&first, "one journal has one agent"]);
    let elsewhere = stage.config_as("wrong.toml", |text| text.replace("\"journal.db\"", "\"none/journal.db\""));
    stage.run(&elsewhere).await.expect(JOURNAL, &["none/journal.db", "check that its directory exists"]);
    stage.decides().await;
    stage.journal_is_whole().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_published_is_not_proposed() {
    let mut stage = governed().await;
    stage.decides().await;
    stage.journal_is_whole().await;
    let bundles = stage.config.files.bundles.clone();
    let aside = stage.site.folder.join("aside");
    fs::rename(&bundles, &aside).unwrap();
    fs::write(&bundles, "a file stands where the folder was").unwrap();
    let skip = stage.rows().unwrap().len();
    // The next days bring the crash, so that there would be something to propose.
    stage.next_day().await.unwrap().unwrap();
    stage.next_hour().await.unwrap();
    let (_, code) = stage.agent_ends().await.unwrap();
    assert_eq!(code, Some(CONFIGURATION), "{}", stage.log());
    assert!(stage.log().contains("the bundle could not be written to") && stage.log().contains("/bundles`"));
    assert!(stage.plans(skip).unwrap().is_empty());
    stage.journal_is_whole().await;
    fs::remove_file(&bundles).unwrap();
    fs::rename(&aside, &bundles).unwrap();
    stage.start().await;
    let begun = stage.wait_for("take the decision", skip, |record| record.kind() == "decided").await;
    begun.unwrap();
    stage.journal_is_whole().await;
}
