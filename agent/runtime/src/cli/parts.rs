//! Long runs whose rows are kept: made whole or a shard of them, ended by Ctrl-C, gone on with, and joined.

mod joined;
mod keeping;

pub(super) use joined::{Joined, kind};

use super::{
    Exit, Failure, Output,
    args::{PartArgs, ResultArgs},
    interrupt::Interrupt,
    progress::Progress,
};
use keeping::Keeping;
use quaestor_simulations::part::{Head, Row, shard};
use serde_json::json;
use std::{ops::Range, time::Instant};

/// A run that is made row by row.
pub(super) struct Making<'a> {
    pub(super) args: &'a PartArgs,
    pub(super) results: &'a ResultArgs,
    /// What it is called.
    pub(super) run: &'static str,
    /// What its rows are called.
    pub(super) rows: &'static str,
    pub(super) output: Output,
}

/// All rows of a run were made or found, and handed on.
pub(super) struct Whole {
    keeping: Keeping,
    /// Rows that were made now.
    pub(super) made: u64,
    /// Seconds that they took.
    pub(super) secs: f64,
}

impl Whole {
    /// All is told: what was only kept in case of an interruption goes.
    pub(super) fn end(self) {
        self.keeping.end();
    }
}

/// Takes the next rows, and says whether to go on.
pub(super) type Take<'a, T> = dyn FnMut(Vec<T>) -> Result<bool, Failure> + 'a;

impl Making<'_> {
    /// Makes the rows of the whole run `head`, or of the shard that was asked for, with `make`. `seen` gets each row of a
    /// whole one. `None` if it was a shard: it is in its file, and that was told.
    pub(super) fn run<T: Row>(
        self,
        head: Head,
        mut seen: impl FnMut(T),
        make: impl FnOnce(Range<u64>, &mut Take<'_, T>) -> Result<(), Failure>,
    ) -> Result<Option<Whole>, Failure> {
        let (head, is_shard) = (self.shard(head)?, self.args.shard.is_some());
        // Of a part alone nothing is said: its rows go to their file and are not kept in memory.
        let mut seen = |row: T| {
            if !is_shard {
                seen(row);
            }
        };
        let mut keeping = match (&self.args.resume, &self.args.part) {
            (Some(path), _) => Keeping::resume(path, head, self.run, &mut seen)?,
            (None, Some(path)) => Keeping::in_file(path, head)?,
            (None, None) => Keeping::in_case(head, self.run)?,
        };
        let (rows, before) = (keeping.head().rows(), keeping.made());
        let (interrupt, total) = (Interrupt::listen(), rows.end - rows.start);
        let mut progress = Progress::new(self.output, self.rows, before, total);
        let started = Instant::now();
        let made = make(rows.start + before..rows.end, &mut |rows| {
            keeping.push(&rows)?;
            rows.into_iter().for_each(&mut seen);
            if !keeping.is_whole() {
                progress.at(keeping.made());
            }
            Ok(!interrupt.is_asked())
        });
        progress.end();
        made?;
        if is_shard || !keeping.is_whole() {
            return self.kept(keeping).map(|()| None);
        }
        let (made, secs) = (keeping.made() - before, started.elapsed().as_secs_f64());
        Ok(Some(Whole { keeping, made, secs }))
    }

    fn shard(&self, head: Head) -> Result<Head, Failure> {
        let Some((part, of)) = self.args.shard else { return Ok(head) };
        if self.args.part.is_none() && self.args.resume.is_none() {
            return Err(Failure::new(Exit::Usage, "--shard: say where its rows go with --part FILE"));
        }
        let ResultArgs { out, csv, parquet, .. } = self.results;
        if out.is_some() || csv.is_some() || parquet.is_some() {
            let text = "--shard makes a part, and results are of the whole; give --out, --csv and --parquet to `merge`";
            return Err(Failure::new(Exit::Usage, text));
        }
        let rows = shard(head.total, part, of);
        Ok(head.of(rows))
    }

    /// Says where the rows of a part are, or those that were finished.
    fn kept(&self, keeping: Keeping) -> Result<(), Failure> {
        let (name, rows) = (self.rows, keeping.head().rows());
        let (made, all, is_whole) = (keeping.made(), rows.end - rows.start, keeping.is_whole());
        let file = keeping.keep()?.display().to_string();
        let detail = json!({ "file": file, name: made, "of": all });
        if !is_whole {
            let text = format!(
                "stopped: {made} of {all} {name} are kept in {file}; the same command with --resume {file} goes on"
            );
            return Err(Failure::new(Exit::Failed, text).with_detail(detail));
        }
        self.output
            .line(format_args!("{made} {name} are in {file}; `quaestor merge` joins it with the other parts"))?;
        self.output.document(&detail)
    }
}
