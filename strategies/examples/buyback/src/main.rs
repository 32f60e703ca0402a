//! The agent, with one strategy more.

fn main() -> std::process::ExitCode {
    quaestor::cli::run_cli(buyback::catalog())
}
