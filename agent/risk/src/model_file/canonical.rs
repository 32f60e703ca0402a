//! One text for one value: JSON with sorted keys, without spaces, floats in the shortest form that reads back as the
//! same bits.

use serde_json::Value;

/// Writes `value`. Keys are sorted by their bytes at every depth, whatever order the map keeps.
pub(super) fn write(value: &Value) -> String {
    let mut text = String::new();
    append(&mut text, value);
    text
}

fn append(text: &mut String, value: &Value) {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            text.push('{');
            for (position, (key, value)) in entries.into_iter().enumerate() {
                if position > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                append(text, value);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    text.push(',');
                }
                append(text, item);
            }
            text.push(']');
        }
        // serde_json writes numbers in the shortest form that reads back, and escapes texts in one way.
        leaf => text.push_str(&leaf.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_are_sorted_at_every_depth() {
        let value: Value =
            serde_json::from_str(r#"{ "b": [ { "y": 1, "x": 2.50 } ], "a": "é\n" , "B": null }"#).unwrap();
        assert_eq!(write(&value), r#"{"B":null,"a":"é\n","b":[{"x":2.5,"y":1}]}"#);
    }

    proptest! {
        #[test]
        fn floats_come_back_bit_by_bit(bits in any::<u64>()) {
            let number = f64::from_bits(bits);
            prop_assume!(number.is_finite());
            let text = write(&Value::from(number));
            let back: f64 = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(back.to_bits(), bits);
            let again: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(write(&again), text);
        }
    }
}
