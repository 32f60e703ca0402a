//! The agent with the strategies that come with it.

fn main() -> std::process::ExitCode {
    quaestor::cli::run_cli(quaestor_strategies::catalog())
}
