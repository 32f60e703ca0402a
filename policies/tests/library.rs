//! The policies that are shipped, as somebody who chooses one meets them. `snapshots/` has each in plain English.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use quaestor_policies::{LIBRARY, parse};
use std::{collections::BTreeSet, fs};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/library");

#[test]
fn each_is_told_whole() {
    let catalog = quaestor_strategies::catalog();
    for shipped in LIBRARY {
        let policy = parse(shipped.text.as_bytes(), &catalog);
        let policy = policy.unwrap_or_else(|problems| panic!("{}", problems.in_file(format!("{}.toml", shipped.name))));
        insta::assert_snapshot!(shipped.name, policy.explain(&catalog).to_text());
    }
}

#[test]
fn each_is_in_the_program_and_has_a_page_a_picture_and_a_place_in_the_table() {
    let files: BTreeSet<String> =
        fs::read_dir(FOLDER).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let wanted = LIBRARY.iter().flat_map(|it| ["toml", "md", "svg"].map(|ending| format!("{}.{ending}", it.name)));
    assert_eq!(files, wanted.collect());
    let readme = include_str!("../README.md");
    for shipped in LIBRARY {
        let name = shipped.name;
        assert!(readme.contains(&format!("| [`{name}`](library/{name}.md) | ")), "{name}");
        let about = shipped.about();
        assert!(about.ends_with('.') && about.len() > 20 && !about.contains('#'), "{name}: {about}");
        let page = fs::read_to_string(format!("{FOLDER}/{name}.md")).unwrap();
        for part in
            ["## Choose it when", "## Choose another when", "## What to look at before a vote", "## On past prices"]
        {
            assert!(page.contains(part), "{name}: {part}");
        }
    }
}
