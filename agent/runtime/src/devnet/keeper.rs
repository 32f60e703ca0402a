//! anvil as a child process that never outlives us.

use super::ChainError;
use alloy::signers::local::PrivateKeySigner;
use std::{
    collections::VecDeque,
    ffi::OsString,
    fs, io,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

/// Longest wait for anvil to listen.
pub(super) const START_MAX: Duration = Duration::from_secs(20);
/// Longest wait for its end when it is dropped.
const STOP_MAX: Duration = Duration::from_secs(3);
/// Lines of standard error kept for a message.
const STDERR_LINES_MAX: usize = 20;

/// Starts anvil, waits until our end of a pipe is closed, and kills it. Being anvil's parent, it cannot hit another
/// process that got the same number; being in a group of its own, it does not die of the terminal's Ctrl-C before it
/// has done its work. The system closes the pipe however we end, SIGKILL included.
const KEEPER: &str = r#"
trap '' INT TERM HUP
scratch=$1; shift
"$@" </dev/null &
chain=$!
exec >/dev/null 2>&1
read -r line
kill -9 "$chain"
wait "$chain"
rm -rf -- "$scratch"
"#;

/// The process between us and anvil, and our end of its pipe.
#[derive(Debug)]
pub(super) struct Keeper {
    child: Child,
}

impl Keeper {
    /// Starts anvil with these flags and waits until it listens; its port and its accounts' keys. Blocks.
    pub(super) fn start(anvil: &Path, flags: Vec<OsString>) -> Result<(Self, u16, Vec<PrivateKeySigner>), ChainError> {
        let spawn = |what: &'static str| move |source: io::Error| ChainError::Spawn { what, source };
        let scratch = make_scratch().map_err(spawn("a folder for its state"))?;
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, "keeper"]).arg(&scratch).arg(anvil).args(flags).arg("--cache-path").arg(&scratch);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn().map_err(spawn("its keeper, a POSIX shell"))?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let keeper = Self { child };
        let errors = stderr.map(keep_last_lines);
        match stdout.map(await_listening).and_then(|lines| lines.recv_timeout(START_MAX).ok()) {
            Some((port, keys)) => Ok((keeper, port, keys)),
            None => {
                drop(keeper); // which ends the reading
                let lines = errors.and_then(|reader| reader.join().ok()).unwrap_or_default();
                Err(ChainError::NotStarted { stderr: lines.join("\n") })
            }
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let deadline = Instant::now() + STOP_MAX;
        while Instant::now() < deadline {
            match self.child.try_wait() {
                Ok(None) => thread::sleep(Duration::from_millis(5)),
                _ => return,
            }
        }
    }
}

/// anvil writes states to disk and never removes them; the keeper removes this folder.
fn make_scratch() -> io::Result<PathBuf> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("quaestor-anvil-{}-{number}", std::process::id()));
    match fs::create_dir(&path) {
        // Left by a process of the same number whose keeper was killed too.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_dir_all(&path).and_then(|()| fs::create_dir(&path))?;
        }
        made => made?,
    }
    Ok(path)
}

/// Sends the port and the keys once anvil listens; then reads on to the end, or anvil would block on a full pipe.
fn await_listening(stdout: impl Read + Send + 'static) -> mpsc::Receiver<(u16, Vec<PrivateKeySigner>)> {
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::spawn(move || {
        let mut keys = Vec::new();
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let last = line.rsplit(' ').next().unwrap_or_default();
            if let Some(port) = line.strip_prefix("Listening on ").and_then(|address| address.rsplit(':').next()) {
                if let Ok(port) = port.trim().parse() {
                    // Nobody waits any more after a timeout.
                    let _ = sender.send((port, std::mem::take(&mut keys)));
                }
            } else if line.starts_with('(') && last.len() == 66 {
                keys.extend(last.parse::<PrivateKeySigner>());
            }
        }
    });
    receiver
}

fn keep_last_lines(stderr: impl Read + Send + 'static) -> thread::JoinHandle<Vec<String>> {
    thread::spawn(move || {
        let mut lines = VecDeque::new();
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            if lines.len() == STDERR_LINES_MAX {
                lines.pop_front();
            }
            lines.push_back(line);
        }
        lines.into()
    })
}
