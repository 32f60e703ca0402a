//! Counts what reading costs, in tests alone: bytes and entries that were looked at and letters that were compared. So a test
//! can hold the work to the length of a file, which no clock of a shared machine can.

#[cfg(test)]
thread_local! {
    static DONE: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Counts `steps` more.
#[inline]
pub(crate) fn add(steps: usize) {
    #[cfg(test)]
    DONE.with(|done| done.set(done.get() + steps));
    #[cfg(not(test))]
    let _ = steps;
}

/// The steps that `what` takes, and what comes of it.
#[cfg(test)]
pub(crate) fn of<T>(what: impl FnOnce() -> T) -> (usize, T) {
    let before = DONE.with(std::cell::Cell::get);
    let found = what();
    (DONE.with(std::cell::Cell::get) - before, found)
}
