//! `policy audit`.

use crate::{
    audit::{AuditError, Request, audit},
    cli::{Exit, Failure, Output, args::PolicyAuditArgs},
    config::Config,
};
use quaestor_core::Catalog;
use std::fs;

pub(super) async fn run(args: &PolicyAuditArgs, catalog: &Catalog, output: Output) -> Result<Exit, Failure> {
    let config = Config::load(&args.config.config)?;
    let request = Request { from: args.from, policies: args.policies.clone() };
    let found = audit(&config, catalog, &request, &|told| output.progress(told)).await?;
    if let Some(path) = &args.activities {
        let failed = |error| Failure::new(Exit::Configuration, format!("{}: {error}", path.display()));
        let bytes = serde_json::to_vec_pretty(&found.activities());
        let bytes = bytes.map_err(|error| Failure::new(Exit::Internal, error))?;
        fs::write(path, bytes).map_err(failed)?;
    }
    output.line(&found)?;
    output.document(&found)?;
    Ok(found.exit())
}

impl From<AuditError> for Failure {
    fn from(error: AuditError) -> Self {
        match error {
            AuditError::Connect(error) => error.into(),
            AuditError::Chain(error) => Self::new(Exit::Chain, error),
            error @ AuditError::Folder { .. } => Self::new(Exit::Configuration, error),
            error @ (AuditError::Range { .. } | AuditError::TooMany { .. }) => Self::new(Exit::Usage, error),
        }
    }
}
