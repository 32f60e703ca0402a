//! `quaestor demo`: the whole story on a local chain, each sentence checked against the chain.
//!
//! The agent is the real one, a process of its own (`quaestor run`); the owners type the real commands. Nothing in the
//! agent knows that it is watched: it is killed between journal and send by a proxy that swallows what it sends.

mod charter;
mod report;
pub mod scene;
pub mod stage;
mod story;

pub use report::{Fact, Facts, Report, Step};
pub(crate) use stage::real_days;
pub use stage::{Charter, DemoError, Scenery, Stage};

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

/// Tells the story with the program at `exe`, files in `folder`. `tell` gets each step as it ends.
///
/// # Errors
/// If the stage cannot be set. A step that cannot be told to its end is reported as false, and the story ends there.
pub async fn demo(exe: PathBuf, folder: &Path, mut tell: impl FnMut(usize, &Step)) -> Result<Report, DemoError> {
    let begun = Instant::now();
    let mut steps: Vec<Step> = Vec::new();
    let mut stage = stage::Stage::set(exe, folder, &story::SCENERY).await?;
    let mut story = story::Story::new();
    for chapter in story::CHAPTERS {
        let step = match story.tell(*chapter, &mut stage).await {
            Ok(step) => step,
            Err(error) => Step {
                name: chapter.sentence().to_owned(),
                ok: false,
                detail: Facts(vec![Fact {
                    name: "error".to_owned(),
                    value: serde_json::Value::String(error.to_string()),
                    words: None,
                }]),
            },
        };
        let ok = step.ok;
        steps.push(step);
        if let Some(step) = steps.last() {
            tell(steps.len(), step);
        }
        if !ok {
            break;
        }
    }
    let ok = steps.len() == story::CHAPTERS.len() && steps.iter().all(|step| step.ok);
    Ok(Report { ok, elapsed_secs: (begun.elapsed().as_secs_f64() * 10.0).round() / 10.0, steps })
}
