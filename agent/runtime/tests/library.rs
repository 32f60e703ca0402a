//! The pages of the policies that are shipped: what they show is what their commands make, and every proposal outlives the
//! people that it waits for.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where its fixture is wrong")]

use quaestor_core::{Policy, Route};
use quaestor_policies::{LIBRARY, parse};
use quaestor_simulations::{assumptions::Assumptions, delays::Occasion};
use std::{fs, path::Path, process::Command};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The blocks of code of a page.
fn blocks(page: &str) -> Vec<&str> {
    page.split("```\n").skip(1).step_by(2).collect()
}

#[test]
fn pictures_and_figures_are_what_the_commands_on_the_pages_make() {
    let folder = tempfile::tempdir().unwrap();
    for shipped in LIBRARY {
        let name = shipped.name;
        let page = read(&format!("policies/library/{name}.md"));
        let [figures, command] = blocks(&page)[..] else { panic!("{name}: figures and a command are expected") };
        let command = command.replace("\\\n", " ");
        let words: Vec<&str> = command.split_whitespace().collect();
        let (committed, made) = (format!("policies/library/{name}.svg"), folder.path().join(name));
        assert!(page.contains(&format!("]({name}.svg)")) && words.contains(&committed.as_str()), "{name}");
        assert!(words.contains(&format!("policies/library/{name}.toml").as_str()), "{name}: {command}");
        let words = words.iter().map(|word| if *word == committed { made.to_str().unwrap() } else { word });
        let output =
            Command::new(env!("CARGO_BIN_EXE_quaestor")).current_dir(ROOT).args(words.skip(1)).output().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        let told = String::from_utf8(output.stdout).unwrap();
        let told: Vec<&str> = told.lines().collect();
        for line in figures.lines() {
            assert!(told.contains(&line), "{name}: `{line}` is not what `{command}` prints:\n{}", told.join("\n"));
        }
        let same = fs::read(made).unwrap() == read(&committed).as_bytes();
        assert!(same, "{committed} is not what its command makes; run it again: {command}");
    }
}

#[test]
fn a_proposal_lives_as_long_as_the_people_that_it_waits_for_take() {
    for shipped in LIBRARY {
        let policy = parse(shipped.text.as_bytes(), &quaestor_strategies::catalog()).unwrap();
        let assumed: Assumptions =
            toml::from_str(&read(&format!("simulations/examples/{}.toml", shipped.name))).unwrap();
        for (account, number) in policy.terms().accounts.iter().zip(0..) {
            let occasion = Occasion { seed: 1, account: number, at: 0 };
            let takes = match account.route {
                Route::Safe => assumed.delays.of_safe(occasion),
                Route::Governor { .. } => assumed.delays.of_vote(occasion),
            };
            let lives = policy.terms().validity_secs_longest();
            assert!(
                takes < lives,
                "{}: people of {} take {takes} s, a proposal lives {lives} s",
                shipped.name,
                account.name
            );
        }
    }
}
