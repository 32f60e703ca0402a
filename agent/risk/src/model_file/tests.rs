use super::*;
use crate::fixture::{model_file, parameters};
use proptest::prelude::*;

fn file() -> ModelFile {
    model_file(parameters())
}

fn parse(bytes: &[u8]) -> Result<ModelFile, ModelFileError> {
    ModelFile::parse(bytes, keccak256(bytes))
}

fn text() -> String {
    String::from_utf8(file().to_bytes().unwrap()).unwrap()
}

fn message(text: &str) -> String {
    parse(text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn it_is_read_as_it_was_written() {
    let bytes = file().to_bytes().unwrap();
    let back = ModelFile::parse(&bytes, file().hash().unwrap()).unwrap();
    assert_eq!(back, file());
    assert_eq!(back.to_bytes().unwrap(), bytes);
}

#[test]
fn its_text_is_sorted_and_tight() {
    let text = text();
    assert!(text.starts_with(r#"{"crates":{"linfa-clustering":"#), "{text}");
    assert!(text.ends_with(
        r#","target":{"horizon_days":14,"loss_bps":1500,"tail_bps":500},"trained_at_day":18714,"version":2}"#
    ));
    assert!(!text.contains(' ') && !text.contains('\n'));
}

#[test]
fn another_hash_is_refused() {
    let bytes = file().to_bytes().unwrap();
    let expected = B256::repeat_byte(1);
    let found = file().hash().unwrap();
    let text = format!(
        "the model file hashes to {found}, not to {expected}; fetch the file of that hash again, or name the hash of this one"
    );
    assert_eq!(ModelFile::parse(&bytes, expected).unwrap_err().to_string(), text);
}

#[test]
fn other_kinds_and_versions_are_refused_before_anything_else() {
    let other = message(&text().replace(r#""version":2}"#, r#""version":3}"#));
    let expected = "the file is of kind `quaestor-treasury-risk`, version 3; this program reads \
                    `quaestor-treasury-risk`, version 2: train anew with it, or use the program that wrote the file";
    assert_eq!(other, expected);
    // What a later version adds does not hide that it is one.
    assert_eq!(message(r#"{"kind":"quaestor-treasury-risk","new":[],"version":3}"#), expected);
    assert!(message(r#"{"kind":"other","version":2}"#).starts_with("the file is of kind `other`, version 2;"));
}

#[test]
fn unknown_keys_and_other_forms_are_refused() {
    let unknown = message(&text().replacen(r#"{"crates""#, r#"{"cares":1,"crates""#, 1));
    assert!(unknown.starts_with("the model file cannot be read: unknown field `cares`"), "{unknown}");
    let deep = message(&text().replacen(r#"{"kappa""#, r#"{"capa":1,"kappa""#, 1));
    assert!(deep.starts_with("the model file cannot be read: unknown field `capa`"), "{deep}");
    let null = message(&text().replacen(r#""kappa":35.0"#, r#""kappa":null"#, 1));
    assert!(null.starts_with("the model file cannot be read: invalid type: null"), "{null}");
    assert!(
        message(&text().replacen(r#""kappa":35.0"#, r#""kappa":NaN"#, 1)).starts_with("the model file cannot be read")
    );
    assert!(
        message(&text().replacen(r#""kappa":35.0"#, r#""kappa":1e999"#, 1))
            .starts_with("the model file cannot be read")
    );
    assert!(message("").starts_with("the model file cannot be read"));
}

#[test]
fn the_same_model_in_other_bytes_is_refused() {
    let canonical = text();
    for other in [
        format!("{canonical}\n"),
        canonical.replacen(r#""kappa":35.0"#, r#""kappa":35"#, 1),
        canonical.replacen(r#""kappa":35.0"#, r#""kappa":3.5e1"#, 1),
        canonical.replacen(r#""kappa":35.0"#, r#""kappa": 35.0"#, 1),
    ] {
        assert!(message(&other).starts_with("the model file is not canonical from byte "), "{}", message(&other));
    }
}

#[test]
fn a_model_with_impossible_numbers_is_neither_written_nor_read() {
    let mut nan = file();
    nan.parameters.volatility.har.intercept = f64::NAN;
    assert!(matches!(nan.to_bytes(), Err(ModelFileError::Parameters(_))));
    let read = message(&text().replacen(r#""kappa":35.0"#, r#""kappa":-35.0"#, 1));
    assert!(read.starts_with("the parameters of the model: kappa is -35;"), "{read}");
    let mut features = file();
    features.features.swap(0, 1);
    assert!(matches!(features.to_bytes(), Err(ModelFileError::Features { .. })));
    let mut inner = file();
    inner.parameters.drawdown.as_mut().unwrap().features.swap(0, 1);
    assert!(matches!(inner.to_bytes(), Err(ModelFileError::Parameters(ModelError::Examples(_)))));
    let mut target = file();
    target.target.tail_bps = 0;
    assert!(matches!(target.to_bytes(), Err(ModelFileError::Target(_))));
    let mut tail = file();
    tail.parameters.tail.as_mut().unwrap().confidence_bps = 9_900;
    assert!(matches!(tail.to_bytes(), Err(ModelFileError::OtherConfidence { .. })));
}

#[test]
fn too_large_a_file_is_not_read() {
    assert_eq!(
        message(&" ".repeat(FILE_BYTES_MAX + 1)),
        "the model file has 16777217 bytes; at most 16777216 are read"
    );
}

proptest! {
    #[test]
    fn a_flipped_bit_is_always_found(place in any::<prop::sample::Index>(), bit in 0u8..8) {
        let mut bytes = file().to_bytes().unwrap();
        let place = place.index(bytes.len());
        bytes[place] ^= 1 << bit;
        let found = ModelFile::parse(&bytes, file().hash().unwrap());
        let is_hash = matches!(found, Err(ModelFileError::Hash { .. }));
        prop_assert!(is_hash);
    }

    /// Bytes that hash as asked but are no model never panic.
    #[test]
    fn any_bytes_are_an_error_at_worst(place in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = file().to_bytes().unwrap();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        if let Ok(read) = parse(&bytes) {
            prop_assert_eq!(read.to_bytes().unwrap(), bytes);
        }
    }
}
