//! `risk show` and `risk explain`.

use super::{
    Exit, Failure, Output,
    args::{RiskArgs, RiskCommand},
};
use crate::{
    config::Config,
    risk::{Explained, Forecast, RiskError, Seen, read},
};
use quaestor_core::Catalog;

pub(super) async fn run(command: &RiskCommand, catalog: &Catalog, output: Output) -> Result<Exit, Failure> {
    match command {
        RiskCommand::Show(args) => {
            let found = Forecast::of(&look(args, catalog).await?.scene());
            output.line(&found)?;
            output.document(&found)?;
        }
        RiskCommand::Explain(args) => {
            let found = Explained::of(&look(args, catalog).await?.scene());
            output.line(&found)?;
            output.document(&found)?;
        }
    }
    Ok(Exit::Ok)
}

async fn look(args: &RiskArgs, catalog: &Catalog) -> Result<Seen, Failure> {
    Ok(read(&Config::load(&args.config.config)?, catalog).await?)
}

impl From<RiskError> for Failure {
    fn from(error: RiskError) -> Self {
        match error {
            RiskError::Connect(error) => error.into(),
            RiskError::Policy(error) => Self::new(Exit::Configuration, error),
            error @ (RiskError::Chain(_) | RiskError::Observe(_)) => Self::new(Exit::Chain, error),
        }
    }
}
