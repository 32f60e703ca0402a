//! Prices of nothing: a random walk for each of some assets, a file each, the same from the same seed. For measuring.
//!
//! `cargo run --release -p quaestor-simulations --example random_walk -- FOLDER [ASSETS] [DAYS] [SEED]`
#![allow(clippy::print_stdout, reason = "an example talks")]

use std::{error::Error, fmt::Write as _, fs, path::Path};

/// 2020-01-01, Unix seconds.
const BEGIN: u64 = 1_577_836_800;
const DAY_SECS: u64 = 86_400;

/// SplitMix64 (Steele, Lea and Flood 2014): from zero to one.
fn draw(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) as f64 / (u64::MAX as f64)
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let folder = Path::new(arguments.first().ok_or("name a folder")?);
    let number = |place: usize, usual: u64| arguments.get(place).map_or(Ok(usual), |text| text.parse::<u64>());
    let (assets, days, mut state) = (number(1, 7)?, number(2, 786)?, number(3, 1)?);
    fs::create_dir_all(folder)?;
    for asset in 0..assets {
        let (mut level, mut text) = (100.0f64, String::from("timestamp,close\n"));
        for day in 0..days {
            // Four uniform numbers are nearly a normal one; a day moves by about three percent.
            let shock: f64 = (0..4).map(|_| draw(&mut state) - 0.5).sum();
            level *= 1.0 + 0.05 * shock;
            writeln!(text, "{},{level:.9}", BEGIN + day * DAY_SECS)?;
        }
        fs::write(folder.join(format!("A{asset}.csv")), text)?;
    }
    println!("{assets} assets of {days} days are in {}", folder.display());
    Ok(())
}
