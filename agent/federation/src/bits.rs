//! Floats in canonical text: the 16 hexadecimal digits of their bits, so that what is read back is what was written.
//!
//! A decimal float survives a round trip only with a parser that is exact to the last bit, which is a switch of the
//! JSON library that another crate of the same build may leave off.

use serde::{Deserialize, Deserializer, Serializer, de::Error, ser::SerializeSeq};

fn parse<E: Error>(text: &str) -> Result<f64, E> {
    let canonical = text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    match u64::from_str_radix(text, 16) {
        Ok(bits) if canonical => Ok(f64::from_bits(bits)),
        _ => Err(E::custom(format!("`{text}` is not 16 lower-case hexadecimal digits of a float"))),
    }
}

pub(crate) fn serialize<S: Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&format_args!("{:016x}", value.to_bits()))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    parse(&String::deserialize(from)?)
}

/// The same for a float that may be missing: then it is `null`.
pub(crate) mod optional {
    use super::{Deserialize, Deserializer, Serializer, parse};

    pub(crate) fn serialize<S: Serializer>(value: &Option<f64>, to: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => super::serialize(value, to),
            None => to.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
        Option::<String>::deserialize(from)?.map(|text| parse(&text)).transpose()
    }
}

/// The same for a list of floats.
pub(crate) mod list {
    use super::{Deserialize, Deserializer, SerializeSeq, Serializer, parse};

    pub(crate) fn serialize<S: Serializer>(values: &[f64], to: S) -> Result<S::Ok, S::Error> {
        let mut list = to.serialize_seq(Some(values.len()))?;
        for value in values {
            list.serialize_element(&format!("{:016x}", value.to_bits()))?;
        }
        list.end()
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<f64>, D::Error> {
        Vec::<String>::deserialize(from)?.iter().map(|text| parse(text)).collect()
    }
}
