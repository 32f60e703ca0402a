//! Draws what each strategy does on real daily prices into `strategies/pictures`:
//! `cargo run -p quaestor-strategies --example pictures`.
//!
//! Each day of the history is one decision: the strategies run in `pipeline::evaluate` under a policy that was read from
//! its text, on the day's closes, and what the policy allows is carried out at these closes less the pool's fee. Votes
//! and signatures take no time here. So a picture shows what a strategy does, and measures nothing that it earns.
#![allow(missing_docs, unreachable_pub, dead_code, reason = "an example, and fixtures of which it needs a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "it ends where its fixture is wrong")]

mod canvas;
mod history;
#[path = "../../tests/ready/mod.rs"]
mod ready;
mod scenes;
#[path = "../../tests/world/mod.rs"]
mod world;

use history::Market;
use std::path::Path;

fn main() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/pictures"));
    std::fs::create_dir_all(folder).expect("the folder can be made");
    let market = Market::load();
    for (name, picture) in scenes::all(&market) {
        let path = folder.join(format!("{name}.svg"));
        picture.draw(&path);
        println!("{}", path.display());
    }
}
