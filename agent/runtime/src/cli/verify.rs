//! `verify`.

use super::{Exit, Failure, Output, args::VerifyArgs};
use crate::{
    config::RpcUrl,
    verify::{Published, VerifyError, connect, read_published, verify, verify_receipt},
};
use quaestor_core::Catalog;

pub(super) async fn run(args: &VerifyArgs, catalog: &Catalog, output: Output) -> Result<Exit, Failure> {
    let published = read_published(&args.bundle)?;
    let chain = match &args.rpc_url {
        Some(text) => {
            let url = RpcUrl::parse(text).ok_or_else(|| {
                let hint = "--rpc-url is no http:// or https:// URL; write one, or `env:NAME` of a variable with one";
                Failure::new(Exit::Usage, hint)
            })?;
            Some(connect(url.resolve()?).map_err(VerifyError::from)?)
        }
        None => None,
    };
    let is_ok = match published {
        Published::Bundle(bundle) => {
            let report = verify(&bundle, catalog, chain.as_ref()).await.map_err(VerifyError::from)?;
            output.line(&report)?;
            output.document(&report)?;
            report.is_ok()
        }
        Published::Receipt(receipt) => {
            let report = verify_receipt(&receipt, catalog, chain.as_ref()).await.map_err(VerifyError::from)?;
            output.line(&report)?;
            output.document(&report)?;
            report.is_ok()
        }
    };
    Ok(if is_ok { Exit::Ok } else { Exit::Failed })
}

impl From<VerifyError> for Failure {
    fn from(error: VerifyError) -> Self {
        let exit = match &error {
            VerifyError::File { .. } | VerifyError::Bundle { .. } | VerifyError::Receipt { .. } => Exit::Configuration,
            VerifyError::Chain(_) => Exit::Chain,
        };
        Self::new(exit, error)
    }
}
