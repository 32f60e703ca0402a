//! The pinned npm packages: the chain's binary and the compiled contracts that the local DAO is made of.

use alloy::primitives::{Address, Bytes};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Names the folder with `package.json` and `package-lock.json`, for an installed binary outside a checkout.
pub const PACKAGES_ENV: &str = "QUAESTOR_PACKAGES";
/// Longest wait for another process that installs, and for our own installation.
const INSTALL_SECS_MAX: u64 = 600;
const POLL: Duration = Duration::from_millis(200);
const LOG_LINES_SHOWN: usize = 12;

/// Why the packages are not there.
#[derive(Debug, thiserror::Error)]
pub enum PackagesError {
    /// No `contracts/package.json` in this folder or above.
    #[error(
        "no contracts/package.json in {from} or above it; run this in a checkout of Quaestor, or set {PACKAGES_ENV} to \
         the folder that has package.json and package-lock.json"
    )]
    NoCheckout {
        /// Where the search began.
        from: PathBuf,
    },
    /// The folder that was named has no lock file.
    #[error("{folder} has no package-lock.json; name the folder that has package.json and package-lock.json")]
    NoLockFile {
        /// The folder.
        folder: PathBuf,
    },
    /// A file cannot be read or written.
    #[error("cannot {what} {path}")]
    File {
        /// read, open, lock, …
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file is not the JSON that it should be.
    #[error("{path} is not what npm writes; restore it from the repository")]
    Json {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// npm cannot be started.
    #[error(
        "cannot start `{program}`, which installs the contract packages; install Node.js 20 or later, npm included"
    )]
    NoNpm {
        /// What was started.
        program: &'static str,
        /// Why it did not.
        #[source]
        source: io::Error,
    },
    /// `npm ci` failed.
    #[error(
        "`npm ci` in {folder} ended with {status}; it needs the network once. Its words:\n{log}\nRun it there by \
         hand, then start again"
    )]
    Install {
        /// Where.
        folder: PathBuf,
        /// How it ended.
        status: ExitStatus,
        /// The beginning of its errors.
        log: String,
    },
    /// `npm ci` took too long and was stopped.
    #[error("`npm ci` in {folder} took more than {INSTALL_SECS_MAX} s and was stopped; is the network there?")]
    TooLong {
        /// Where.
        folder: PathBuf,
    },
    /// Another process holds the lock.
    #[error(
        "another process has been installing into {folder} for more than {INSTALL_SECS_MAX} s; end it, start again"
    )]
    Busy {
        /// Where.
        folder: PathBuf,
    },
    /// `npm ci` was content, and yet a package is missing.
    #[error("{folder}/node_modules lacks {package} after `npm ci`; is package-lock.json the one of the repository?")]
    StillMissing {
        /// Where.
        folder: PathBuf,
        /// The first package that is missing.
        package: String,
    },
    /// anvil has no package for this machine, or npm left it out.
    #[error(
        "there is no anvil at {path}; npm has one for Linux, macOS and Windows on x86-64 and for Linux and macOS on \
         arm64, and installs it unless optional dependencies are switched off (`npm config get omit`)"
    )]
    NoAnvil {
        /// Where it should be.
        path: PathBuf,
    },
    /// An artifact has no usable bytecode.
    #[error("{path} has no deployable bytecode")]
    NoBytecode {
        /// The artifact.
        path: PathBuf,
    },
}

/// The folder in which the pinned packages are installed.
#[derive(Debug, Clone)]
pub struct Packages {
    folder: PathBuf,
}

impl Packages {
    /// Finds the packages and installs them if they are missing or are not what the lock file says, with a line on
    /// standard error. Blocks, for at most twenty minutes (a wait for another process and an installation).
    ///
    /// `named` goes before the environment's [`PACKAGES_ENV`], that before the checkout around the current directory.
    ///
    /// # Errors
    /// If there is no checkout, or npm is missing, fails or takes too long.
    pub fn ensure(named: Option<&Path>) -> Result<Self, PackagesError> {
        let folder = find(named)?;
        if !folder.join("package-lock.json").is_file() {
            return Err(PackagesError::NoLockFile { folder });
        }
        if missing(&folder)?.is_some() {
            install(&folder)?;
        }
        Ok(Self { folder })
    }

    /// The folder with `package.json`.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The anvil of this platform: the binary itself, since the launcher would put a process between.
    ///
    /// # Errors
    /// If there is none for this platform.
    pub fn anvil(&self) -> Result<PathBuf, PackagesError> {
        let os = match std::env::consts::OS {
            "macos" => "darwin",
            "windows" => "win32",
            other => other,
        };
        let arch = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        let name = format!("anvil{}", std::env::consts::EXE_SUFFIX);
        let path = self.folder.join(format!("node_modules/@foundry-rs/anvil-{os}-{arch}/bin")).join(name);
        if path.is_file() { Ok(path) } else { Err(PackagesError::NoAnvil { path }) }
    }

    /// The creation bytecode of a compiled contract, without constructor arguments. `artifact` is a path under
    /// `node_modules`, such as `canonical-weth/build/contracts/WETH9.json`.
    ///
    /// # Errors
    /// If the file is missing, is not an artifact, or needs a library linked.
    pub fn bytecode(&self, artifact: &str) -> Result<Bytes, PackagesError> {
        self.linked(artifact, &BTreeMap::new())
    }

    /// [`Self::bytecode`] with the addresses of the libraries that it calls, by name.
    ///
    /// # Errors
    /// If the file is missing, is not an artifact, or needs another library.
    pub fn linked(&self, artifact: &str, libraries: &BTreeMap<&str, Address>) -> Result<Bytes, PackagesError> {
        let path = self.folder.join("node_modules").join(artifact);
        let artifact: Artifact = read_json(&path)?;
        match artifact.linked(libraries).parse::<Bytes>() {
            Ok(bytes) if !bytes.is_empty() => Ok(bytes),
            _ => Err(PackagesError::NoBytecode { path }),
        }
    }
}

/// What solc and Hardhat write of a contract.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Artifact {
    bytecode: String,
    /// Places of each library's address, by file and name.
    #[serde(default)]
    link_references: BTreeMap<String, BTreeMap<String, Vec<Place>>>,
}

/// Bytes of the code.
#[derive(Deserialize)]
struct Place {
    start: usize,
    length: usize,
}

impl Artifact {
    /// The code in hex; where a library is not known the placeholder stays, which is no hex.
    fn linked(self, libraries: &BTreeMap<&str, Address>) -> String {
        let mut code = self.bytecode;
        let prefix = if code.starts_with("0x") { 2 } else { 0 };
        for (name, places) in self.link_references.values().flatten() {
            let Some(library) = libraries.get(name.as_str()) else { continue };
            for place in places {
                let digits = prefix + 2 * place.start..prefix + 2 * (place.start + place.length);
                if place.length == Address::len_bytes()
                    && code.is_char_boundary(digits.start)
                    && digits.end <= code.len()
                {
                    code.replace_range(digits, &alloy::hex::encode(library));
                }
            }
        }
        code
    }
}

fn find(named: Option<&Path>) -> Result<PathBuf, PackagesError> {
    if let Some(folder) = named {
        return Ok(folder.to_owned());
    }
    if let Some(folder) = std::env::var_os(PACKAGES_ENV).filter(|value| !value.is_empty()) {
        return Ok(folder.into());
    }
    let here = Path::new(".");
    let from = here.canonicalize().map_err(|source| file("find", here, source))?;
    let found = from.ancestors().map(|above| above.join("contracts")).find(|folder| {
        // Another project's `contracts` folder must not be installed into.
        fs::read_to_string(folder.join("package.json")).is_ok_and(|text| text.contains("\"quaestor-contracts\""))
    });
    found.ok_or(PackagesError::NoCheckout { from })
}

#[derive(Deserialize)]
struct Lock {
    packages: BTreeMap<String, Locked>,
}

#[derive(Deserialize, PartialEq, Eq)]
struct Locked {
    version: Option<String>,
    integrity: Option<String>,
    #[serde(default)]
    optional: bool,
}

/// The first package that is not installed as the lock file says. npm writes what it installed to a lock file of its
/// own inside `node_modules`, and only when it has come to its end.
fn missing(folder: &Path) -> Result<Option<String>, PackagesError> {
    let wanted: Lock = read_json(&folder.join("package-lock.json"))?;
    let written = folder.join("node_modules/.package-lock.json");
    let installed: Lock = if written.is_file() { read_json(&written)? } else { Lock { packages: BTreeMap::new() } };
    let lacks = |(path, locked): &(&String, &Locked)| match installed.packages.get(*path) {
        // Optional ones are other platforms' binaries; whether ours is there is asked when it is started.
        None => !locked.optional && !path.is_empty(),
        Some(found) => found != *locked || !folder.join(path.as_str()).is_dir(),
    };
    Ok(wanted.packages.iter().find(lacks).map(|(path, _)| path.clone()))
}

/// Runs `npm ci`, one process at a time.
fn install(folder: &Path) -> Result<(), PackagesError> {
    let cache = folder.join("cache");
    fs::create_dir_all(&cache).map_err(|source| file("create", &cache, source))?;
    let lock_path = cache.join("packages.lock");
    let lock = File::create(&lock_path).map_err(|source| file("open", &lock_path, source))?;
    wait_for(&lock, &lock_path, folder)?;
    let Some(package) = missing(folder)? else { return Ok(()) }; // the other process did it
    eprintln!(
        "installing the pinned contract packages ({package} is missing or differs): npm ci in {}",
        folder.display()
    );
    run_npm(folder, &cache.join("npm-ci.log"))?;
    match missing(folder)? {
        Some(package) => Err(PackagesError::StillMissing { folder: folder.to_owned(), package }),
        None => Ok(()),
    }
}

/// Takes the lock, which the system drops with the process. Waits at most [`INSTALL_SECS_MAX`].
fn wait_for(lock: &File, lock_path: &Path, folder: &Path) -> Result<(), PackagesError> {
    let deadline = Instant::now() + Duration::from_secs(INSTALL_SECS_MAX);
    let mut said = false;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(source)) => return Err(file("lock", lock_path, source)),
            Err(TryLockError::WouldBlock) => {}
        }
        if Instant::now() > deadline {
            return Err(PackagesError::Busy { folder: folder.to_owned() });
        }
        if !said {
            eprintln!("another process is installing the contract packages; waiting, {INSTALL_SECS_MAX} s at most");
            said = true;
        }
        thread::sleep(POLL);
    }
}

fn run_npm(folder: &Path, log_path: &Path) -> Result<(), PackagesError> {
    let program = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let log = File::create(log_path).map_err(|source| file("create", log_path, source))?;
    let errors = log.try_clone().map_err(|source| file("open", log_path, source))?;
    let mut npm = Command::new(program)
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        .spawn()
        .map_err(|source| PackagesError::NoNpm { program, source })?;
    let deadline = Instant::now() + Duration::from_secs(INSTALL_SECS_MAX);
    let status = loop {
        match npm.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() > deadline => {
                // Whatever came of the kill, the caller is told that it took too long.
                let _ = npm.kill().and_then(|()| npm.wait());
                return Err(PackagesError::TooLong { folder: folder.to_owned() });
            }
            Ok(None) => thread::sleep(POLL),
            Err(source) => return Err(file("wait for npm in", folder, source)),
        }
    };
    if status.success() {
        return Ok(());
    }
    // The reason comes first; npm goes on with its whole usage.
    let text = fs::read_to_string(log_path).unwrap_or_default();
    let reason = text.lines().filter(|line| line.starts_with("npm error") && line.trim_end() != "npm error");
    let log = reason.take(LOG_LINES_SHOWN).collect::<Vec<_>>().join("\n");
    Err(PackagesError::Install { folder: folder.to_owned(), status, log })
}

fn read_json<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, PackagesError> {
    let text = fs::read(path).map_err(|source| file("read", path, source))?;
    serde_json::from_slice(&text).map_err(|source| PackagesError::Json { path: path.to_owned(), source })
}

fn file(what: &'static str, path: &Path, source: io::Error) -> PackagesError {
    PackagesError::File { what, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_the_lock_file_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let lock = |version: &str| {
            format!(
                r#"{{"packages":{{"":{{"version":"0"}},"node_modules/a":{{"version":"{version}","integrity":"x"}},
                   "node_modules/elsewhere":{{"version":"1","optional":true}}}}}}"#
            )
        };
        fs::write(folder.path().join("package-lock.json"), lock("1")).unwrap();
        assert_eq!(missing(folder.path()).unwrap().as_deref(), Some("node_modules/a"));

        fs::create_dir_all(folder.path().join("node_modules/a")).unwrap();
        let installed = r#"{"packages":{"node_modules/a":{"version":"1","integrity":"x"}}}"#;
        fs::write(folder.path().join("node_modules/.package-lock.json"), installed).unwrap();
        assert_eq!(missing(folder.path()).unwrap(), None);

        fs::write(folder.path().join("package-lock.json"), lock("2")).unwrap();
        assert_eq!(missing(folder.path()).unwrap().as_deref(), Some("node_modules/a"));
    }

    #[test]
    fn two_processes_do_not_install_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = File::create(&path).unwrap();
        wait_for(&first, &path, folder.path()).unwrap();
        let second = File::create(&path).unwrap();
        assert!(matches!(second.try_lock(), Err(TryLockError::WouldBlock)));
        let waiting = thread::spawn({
            let path = path.clone();
            move || wait_for(&second, &path, Path::new(".")).unwrap()
        });
        thread::sleep(Duration::from_millis(50));
        assert!(!waiting.is_finished());
        drop(first);
        waiting.join().unwrap();
    }

    #[test]
    fn a_folder_without_a_lock_file_is_refused_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let error = Packages::ensure(Some(folder.path())).unwrap_err();
        assert!(error.to_string().contains("package-lock.json"), "{error}");
    }
}
