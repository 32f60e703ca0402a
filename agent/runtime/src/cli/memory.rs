//! How much memory this process has had.

/// The most that it had at once, bytes; `None` where the system does not say, as only Linux does.
pub(super) fn peak_bytes() -> Option<u64> {
    peak(&std::fs::read_to_string("/proc/self/status").ok()?)
}

fn peak(status: &str) -> Option<u64> {
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    peak.trim().strip_suffix("kB")?.trim_end().parse::<u64>().ok()?.checked_mul(1_024)
}

#[cfg(test)]
mod tests {
    use super::peak;

    #[test]
    fn the_peak_is_that_of_linux_or_unknown() {
        let status = "Name:\tquaestor\nVmPeak:\t  900000 kB\nVmHWM:\t   26536 kB\nVmRSS:\t   20000 kB\n";
        assert_eq!(peak(status), Some(26_536 * 1_024));
        for unknown in ["", "VmHWM:\t26536", "VmHWM:\tmuch kB", "VmHWM:\t18446744073709551615 kB", "VmRSS:\t1 kB"] {
            assert_eq!(peak(unknown), None, "{unknown}");
        }
    }
}
