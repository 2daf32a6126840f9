//! A JSON object as cells: nested keys become paths, lists stay JSON text.

use super::table::Value;

/// Deepest nesting that becomes a path; what is deeper stays JSON text.
const MOST_LEVELS: usize = 4;

/// Appends the cells of an object: `{"service": {"id": "x"}}` is `service.id` = `x`. Keys for which
/// `wants` is false are appended as `Null`, so that their header is known and their value is not.
pub(in crate::ingest) fn flatten(
    object: serde_json::Map<String, serde_json::Value>,
    wants: &dyn Fn(&str) -> bool,
) -> Vec<(String, Value)> {
    let mut cells = Vec::with_capacity(object.len());
    walk(object, "", MOST_LEVELS, wants, &mut cells);
    cells
}

fn walk(
    object: serde_json::Map<String, serde_json::Value>,
    prefix: &str,
    levels: usize,
    wants: &dyn Fn(&str) -> bool,
    cells: &mut Vec<(String, Value)>,
) {
    for (key, value) in object {
        let path = if prefix.is_empty() { key } else { format!("{prefix}.{key}") };
        match value {
            // An object that a format wants whole (tags) stays one cell.
            serde_json::Value::Object(inner) if levels > 1 && !wants(&path) => {
                walk(inner, &path, levels - 1, wants, cells);
            }
            other => {
                let cell = if wants(&path) { value_of(other) } else { Value::Null };
                cells.push((path, cell));
            }
        }
    }
}

/// A value of JSON as a cell.
pub(in crate::ingest) fn value_of(value: serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(truth) => Value::Bool(truth),
        serde_json::Value::String(text) => Value::Text(text),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Value::Int(whole),
            (None, Some(float)) => Value::Float(float),
            (None, None) => Value::Text(number.to_string()),
        },
        list_or_object => Value::Text(list_or_object.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_keys_are_paths_and_lists_are_text() {
        let text =
            r#"{"a":1,"b":{"c":"x","d":{"e":2.5}},"l":[{"k":1}],"tags":{"t":"v"},"secret":"s"}"#;
        let object = serde_json::from_str(text).unwrap();
        let cells = flatten(object, &|path| ["a", "b.c", "b.d.e", "l", "tags"].contains(&path));
        let expected = [
            ("a", Value::Int(1)),
            ("b.c", Value::Text("x".to_owned())),
            ("b.d.e", Value::Float(2.5)),
            ("l", Value::Text(r#"[{"k":1}]"#.to_owned())),
            ("tags", Value::Text(r#"{"t":"v"}"#.to_owned())),
            ("secret", Value::Null),
        ];
        assert_eq!(cells, expected.map(|(path, value)| (path.to_owned(), value)));
    }
}
