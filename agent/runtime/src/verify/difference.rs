//! The first place at which two values differ.

use serde::Serialize;
use serde_json::Value;

/// Two values that should be one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Where in the bundle (JSON pointer, RFC 6901).
    pub at: String,
    /// What was recomputed, or what the chain says.
    pub expected: Value,
    /// What the bundle says.
    pub found: Value,
}

impl Difference {
    /// A difference at `at`.
    pub(super) fn new(at: impl Into<String>, expected: impl Serialize, found: impl Serialize) -> Self {
        Self { at: at.into(), expected: json(&expected), found: json(&found) }
    }

    /// The first difference of two values whose place in the bundle is `at`: fields in the order of their names, lists in
    /// their own order. `None` when they are the same.
    pub(super) fn first(at: &str, expected: &impl Serialize, found: &impl Serialize) -> Option<Self> {
        first(at, &json(expected), &json(found))
    }
}

fn json(value: &impl Serialize) -> Value {
    // Maps with text keys, lists, strings and integers only: serialising cannot fail.
    serde_json::to_value(value).unwrap_or_default()
}

fn first(at: &str, expected: &Value, found: &Value) -> Option<Difference> {
    match (expected, found) {
        (Value::Object(left), Value::Object(right)) => {
            let names = left.keys().chain(right.keys().filter(|name| !left.contains_key(*name)));
            let side = |map: &serde_json::Map<String, Value>, name: &String| map.get(name).cloned().unwrap_or_default();
            names.into_iter().find_map(|name| {
                let at = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
                first(&at, &side(left, name), &side(right, name))
            })
        }
        (Value::Array(left), Value::Array(right)) => {
            let common = left.iter().zip(right).enumerate();
            let differing = common.into_iter().find_map(|(index, (l, r))| first(&format!("{at}/{index}"), l, r));
            differing.or_else(|| {
                let end = left.len().min(right.len());
                let side = |list: &[Value]| list.get(end).cloned().unwrap_or_default();
                (left.len() != right.len()).then(|| Difference::new(format!("{at}/{end}"), side(left), side(right)))
            })
        }
        _ => (expected != found).then(|| Difference::new(at, expected, found)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_first_difference_is_named_by_its_pointer() {
        let left = json!({ "a": [1, { "b/c": "x" }], "d": null });
        assert_eq!(Difference::first("", &left, &left), None);
        let changed = json!({ "a": [1, { "b/c": "y" }], "d": 1 });
        let found = Difference::first("/at", &left, &changed).unwrap();
        assert_eq!(found, Difference::new("/at/a/1/b~1c", "x", "y"));
        let shorter = json!({ "a": [1], "d": null });
        assert_eq!(Difference::first("", &left, &shorter).unwrap().at, "/a/1");
        let longer = json!({ "a": [1, { "b/c": "x" }, 3], "d": null });
        assert_eq!(Difference::first("", &left, &longer), Some(Difference::new("/a/2", Value::Null, 3)));
    }
}
