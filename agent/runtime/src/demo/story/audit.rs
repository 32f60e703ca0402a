//! The last step: everything that was done, judged by whoever has a node and the files.

use super::{
    super::{
        report::Findings,
        stage::{DemoError, Stage},
    },
    Story,
};
use serde_json::Value;

impl Story {
    pub(super) async fn audits(&mut self, stage: &mut Stage, found: &mut Findings) -> Result<(), DemoError> {
        let config = stage.site.config.display().to_string();
        let activities = stage.site.folder.join("activities.json").display().to_string();
        let args = ["policy", "audit", "--config", &config, "--activities", &activities, "--json"];
        let ended = stage.quaestor(&args).await?;
        let said: Value = serde_json::from_slice(&ended.stdout).map_err(|error| DemoError::Told {
            what: format!("`policy audit` says no JSON: {error}: {}", String::from_utf8_lossy(&ended.stderr)),
        })?;
        let mut ran = 0u64;
        for plan in stage.plans(0)? {
            ran += u64::from(stage.entered(&plan).await?);
        }
        let (counts, epochs) = (&said["counts"], said["epochs"].as_array().map_or(0, Vec::len));
        found.check("every batch that ran was allowed by the policy of its time", counts["allowed"] == ran && ran > 0);
        found.check("nothing else moved the treasury's money", said["found"] == 0);
        found.check("nothing is left that could not be checked", said["unchecked"] == 0);
        let words = format!(
            "{} batches under {epochs} epochs, and {} votes that moved nothing of the treasury",
            counts["allowed"], counts["governance"]
        );
        found.told("audit", counts, words);
        found.check("`policy audit` ends with 0", ended.status.code() == Some(0));
        Ok(())
    }
}
