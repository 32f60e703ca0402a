//! `policy explain`.

use super::super::{Exit, Failure, Output, args::ExplainArgs};
use quaestor_core::Catalog;
use serde::Serialize;

/// The explanation, as `--json` has it.
#[derive(Serialize)]
struct Document<'a> {
    ok: bool,
    file: &'a std::path::Path,
    #[serde(flatten)]
    explanation: &'a quaestor_policies::Explanation,
}

pub(super) fn run(args: &ExplainArgs, catalog: &Catalog, output: Output) -> Result<Exit, Failure> {
    let explanation = super::read(&args.file, catalog)?.explain(catalog);
    if !output.json {
        output.write(if args.md { explanation.to_markdown() } else { explanation.to_text() })?;
    }
    output.document(&Document { ok: true, file: &args.file, explanation: &explanation })?;
    Ok(Exit::Ok)
}
