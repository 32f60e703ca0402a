//! Keys that open, and every way in which one does not.

use super::*;

const PASSWORD: &str = "QUAESTOR_TEST_PASSWORD_OF_KEYS";

/// Tests must not change the environment of a running process, so what they need is looked up in variables that cargo
/// sets for them.
fn set(name: &str) -> String {
    std::env::var(name).unwrap()
}

fn keystore(directory: &Path, password: &str) -> (PathBuf, Address) {
    let signer = PrivateKeySigner::random();
    let path = directory.join("operator.json");
    write_keystore(&path, &signer, password).unwrap();
    (path, signer.address())
}

#[test]
fn a_keystore_opens_with_its_password_alone() {
    let directory = tempfile::tempdir().unwrap();
    // Any variable that is set will do for a password.
    let (path, address) = keystore(directory.path(), &set("CARGO_PKG_NAME"));
    let source = |password: &str| KeySource::Keystore { path: path.clone(), password: password.to_owned() };
    assert_eq!(source("CARGO_PKG_NAME").open_as(address).unwrap().address(), address);
    let other = source("CARGO_PKG_NAME").open_as(Address::repeat_byte(7)).unwrap_err();
    assert!(matches!(&other, KeyError::OtherAddress { found, .. } if *found == address), "{other}");
    let wrong = source("CARGO_PKG_VERSION").open().unwrap_err();
    assert!(matches!(wrong, KeyError::WrongPassword { .. }), "{wrong}");
    assert!(!wrong.to_string().contains(&set("CARGO_PKG_VERSION")));
    assert!(matches!(source(PASSWORD).open().unwrap_err(), KeyError::Unset { .. }));
}

#[test]
fn a_keystore_is_written_once_and_for_its_owner_alone() {
    let directory = tempfile::tempdir().unwrap();
    let (path, _) = keystore(directory.path(), "password");
    assert!(!is_shared(&path).unwrap());
    let before = fs::read(&path).unwrap();
    assert!(write_keystore(&path, &PrivateKeySigner::random(), "password").is_err());
    assert_eq!(fs::read(&path).unwrap(), before);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(is_shared(&path).unwrap());
    }
}

#[test]
fn a_file_that_would_break_the_keystore_library_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (path, _) = keystore(directory.path(), &set("CARGO_PKG_NAME"));
    let good: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    check_keystore(good.to_string().as_bytes()).unwrap();
    let edits: [(&str, serde_json::Value); 9] = [
        ("/version", 1.into()),
        ("/crypto/cipher", "aes-256-gcm".into()),
        ("/crypto/cipherparams/iv", "00".into()),
        ("/crypto/ciphertext", "00ff".into()),
        ("/crypto/kdfparams/dklen", 8.into()),
        ("/crypto/kdfparams/n", 0.into()),
        ("/crypto/kdfparams/n", (1u64 << 31).into()),
        ("/crypto/kdfparams/p", 1_000_000.into()),
        ("/crypto/kdf", "argon2".into()),
    ];
    for (pointer, value) in edits {
        let mut edited = good.clone();
        *edited.pointer_mut(pointer).unwrap() = value;
        fs::write(&path, edited.to_string()).unwrap();
        let error = KeySource::Keystore { path: path.clone(), password: "CARGO_PKG_NAME".into() }.open().unwrap_err();
        assert!(matches!(error, KeyError::NoKeystore { .. }), "{pointer}: {error}");
    }
    fs::write(&path, "{\"key\": \"4c0883a6\"}").unwrap();
    let error = KeySource::Keystore { path: path.clone(), password: "CARGO_PKG_NAME".into() }.open().unwrap_err();
    assert!(!error.to_string().contains("4c0883a6"), "{error}");
    fs::remove_file(&path).unwrap();
    let error = KeySource::Keystore { path, password: "CARGO_PKG_NAME".into() }.open().unwrap_err();
    assert!(matches!(error, KeyError::File { .. }), "{error}");
}

#[test]
fn a_variable_without_a_key_is_told_by_its_name_alone() {
    let unset = KeySource::Env("QUAESTOR_TEST_NO_SUCH_KEY".into()).open().unwrap_err();
    assert!(matches!(&unset, KeyError::Unset { name, .. } if name == "QUAESTOR_TEST_NO_SUCH_KEY"), "{unset}");
    let malformed = KeySource::Env("CARGO_PKG_NAME".into()).open().unwrap_err();
    assert!(matches!(malformed, KeyError::Malformed { .. }));
    assert!(!format!("{malformed} {malformed:?}").contains(&set("CARGO_PKG_NAME")));
}

#[test]
fn names_of_variables_are_plain() {
    assert_eq!(env_name("QUAESTOR_KEY").as_deref(), Some("QUAESTOR_KEY"));
    for bad in ["", "2KEY", "A B", "A=B", "ключ", &"K".repeat(129)] {
        assert_eq!(env_name(bad), None, "{bad}");
    }
}
