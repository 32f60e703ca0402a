//! Ctrl-C in a long calculation: it is asked to end, and keeps what it has.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};
use tokio::signal::unix::{SignalKind, signal};

/// Says whether somebody wants the end.
#[derive(Debug, Clone, Default)]
pub(super) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens to Ctrl-C and SIGTERM from now on, on a thread of its own that ends with the process. Where the system gives
    /// no signals they end the process as ever.
    pub(super) fn listen() -> Self {
        let found = Self::default();
        let told = found.clone();
        thread::spawn(move || {
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
            runtime.block_on(async {
                let kinds = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
                let [Ok(mut interrupt), Ok(mut terminate)] = kinds else { return };
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                told.0.store(true, Ordering::Relaxed);
                // Who asks twice does not want to wait.
                interrupt.recv().await;
                std::process::exit(130);
            });
        });
        found
    }

    /// Whether it was asked for.
    pub(super) fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
