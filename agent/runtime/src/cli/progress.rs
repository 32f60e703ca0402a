//! How far a long calculation is: a bar with the time that is left on a terminal, plain lines elsewhere, and nothing of what
//! takes less than a second.

use super::Output;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

/// Nothing is said before.
const QUIET: Duration = Duration::from_secs(1);
/// Time between two plain lines.
const LINES: Duration = Duration::from_secs(10);

/// Tells on stderr how many of how many there are.
pub(super) struct Progress {
    what: &'static str,
    total: u64,
    /// Those that were there before, and took no time.
    before: u64,
    started: Instant,
    bar: Option<ProgressBar>,
    last_line: Option<Instant>,
    shown: Shown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Nothing,
    Bar,
    Lines,
}

impl Progress {
    /// Of `total` things called `what`, of which `before` are there already. With `--json` it says nothing.
    pub(super) fn new(output: Output, what: &'static str, before: u64, total: u64) -> Self {
        let shown = match (output.json, io::stderr().is_terminal()) {
            (true, _) => Shown::Nothing,
            (false, true) => Shown::Bar,
            (false, false) => Shown::Lines,
        };
        Self { what, total, before, started: Instant::now(), bar: None, last_line: None, shown }
    }

    /// There are so many now.
    pub(super) fn at(&mut self, done: u64) {
        if self.shown == Shown::Nothing || self.started.elapsed() < QUIET {
            return;
        }
        match self.shown {
            Shown::Bar => self.draw(done),
            _ if self.last_line.is_none_or(|last| last.elapsed() >= LINES) => {
                self.last_line = Some(Instant::now());
                let left = self.secs_left(done).map_or_else(String::new, |secs| format!(", about {secs:.0} s left"));
                // A line of progress that cannot be shown is no reason to stop.
                let _ = writeln!(io::stderr(), "{done} of {} {}{left}", self.total, self.what);
            }
            _ => {}
        }
    }

    fn draw(&mut self, done: u64) {
        let (total, before, started) = (self.total, self.before, self.started);
        let bar = self.bar.get_or_insert_with(|| {
            let target = ProgressDrawTarget::stderr_with_hz(5);
            let bar = ProgressBar::with_draw_target(Some(total), target).with_elapsed(started.elapsed());
            let template = format!("{{bar:30}} {{human_pos}} of {{human_len}} {} {{msg}}", self.what);
            // The template is right, or there is a plain bar.
            bar.set_style(ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        bar.set_position(done);
        let secs = left(done - before.min(done), total.saturating_sub(done), started.elapsed());
        if let Some(secs) = secs {
            bar.set_message(format!("{secs:.0} s left"));
        }
    }

    fn secs_left(&self, done: u64) -> Option<f64> {
        left(done - self.before.min(done), self.total.saturating_sub(done), self.started.elapsed())
    }

    /// It is over: the bar goes.
    pub(super) fn end(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Seconds that `left` take where `made` took `elapsed`.
fn left(made: u64, left: u64, elapsed: Duration) -> Option<f64> {
    (made > 0).then(|| elapsed.as_secs_f64() * left as f64 / made as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_takes_as_long_as_what_was_made() {
        assert_eq!(left(25, 75, Duration::from_secs(5)), Some(15.0));
        assert_eq!(left(0, 75, Duration::from_secs(5)), None, "nothing is known yet");
    }
}
