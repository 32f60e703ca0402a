//! `policy verify`.

use crate::{
    agreement::{AgreementError, State, read},
    cli::{Exit, Failure, Output, args::PolicyVerifyArgs},
    config::Config,
};
use quaestor_core::Catalog;

pub(super) async fn run(args: &PolicyVerifyArgs, catalog: &Catalog, output: Output) -> Result<Exit, Failure> {
    let found = read(&Config::load(&args.config.config)?, catalog).await?;
    output.line(&found)?;
    output.document(&found)?;
    Ok(if found.count(State::Differs) > 0 {
        Exit::Failed
    } else if found.count(State::Unchecked) > 0 {
        Exit::Unchecked
    } else {
        Exit::Ok
    })
}

impl From<AgreementError> for Failure {
    fn from(error: AgreementError) -> Self {
        match error {
            AgreementError::Connect(error) => error.into(),
            AgreementError::Chain(error) => Self::new(Exit::Chain, error),
        }
    }
}
