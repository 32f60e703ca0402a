//! `safe confirm` and `safe execute`, for a human owner.

use super::{
    Exit, Failure, Output,
    args::{SafeArgs, SafeCommand},
    person,
};
use crate::owner::{ChainRefused, Errand, OwnerError, Pins, Source, act, examine};
use quaestor_core::Catalog;

pub(super) async fn run(command: &SafeCommand, catalog: &Catalog, output: Output) -> Result<Exit, Failure> {
    let (errand, args) = match command {
        SafeCommand::Confirm(args) => (Errand::Confirm, args),
        SafeCommand::Execute(args) => (Errand::Execute, args),
    };
    if !args.yes && !person::is_asked() {
        let message = "nobody can be asked here; read what it prints on a terminal, or say --yes";
        return Err(Failure::new(Exit::Usage, message));
    }
    if args.yes && args.gate.is_none() {
        let message = "with --yes nobody looks at the gate's address; name your DAO's gate with --gate";
        return Err(Failure::new(Exit::Usage, message));
    }
    let bytes = Source::of(&args.bundle).bytes().await.map_err(OwnerError::from)?;
    let chain = person::connect(&args.rpc_url)?;
    let signer = person::signer(&args.key)?;
    let pins = Pins { safe: args.safe, gate: args.gate };
    output.progress("checking the bundle against the chain");
    let case = examine(&chain, &bytes, args.hash, pins, signer.address(), errand, catalog).await?;
    for doubt in &case.doubts {
        tracing::warn!("the decision in the bundle does not recompute: {doubt}");
    }
    output.line(case.text(errand))?;
    if !args.yes && !agreed(args, errand, &case.text(errand), output)? {
        return Err(Failure::new(Exit::Failed, "nothing was signed: you did not answer `yes`"));
    }
    let sender = person::sender(chain, case.proposed.terms().chain_id, signer);
    let outcome = act(&sender, &case, errand).await?;
    output.line(outcome.text(&case))?;
    output.document(&outcome.document(&case))?;
    Ok(Exit::Ok)
}

fn agreed(args: &SafeArgs, errand: Errand, text: &str, output: Output) -> Result<bool, Failure> {
    if output.json {
        // The document comes at the end; whoever is asked must have seen the calls before.
        eprintln!("{text}");
    }
    let word = match errand {
        Errand::Confirm => "Confirm",
        Errand::Execute => "Execute",
    };
    Ok(person::ask(&format!("{word} {}? Type `yes`:", args.hash))? == "yes")
}

impl From<OwnerError> for Failure {
    fn from(error: OwnerError) -> Self {
        let exit = match &error {
            OwnerError::Fetch(_) | OwnerError::Bundle(_) => Exit::Configuration,
            OwnerError::ChainRefused(
                ChainRefused::WrongChain { .. } | ChainRefused::NodeBehind { .. } | ChainRefused::NotOwner { .. },
            )
            | OwnerError::Chain(_)
            | OwnerError::Send(_)
            | OwnerError::NotExecuted { .. } => Exit::Chain,
            OwnerError::BundleRefused(_) | OwnerError::ChainRefused(_) | OwnerError::WouldRevert { .. } => Exit::Failed,
        };
        Self::new(exit, error)
    }
}
