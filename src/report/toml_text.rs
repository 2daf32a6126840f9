//! Names from the data as TOML writes them, on one line and without hidden characters.

use std::fmt::Write;

/// A key: bare where TOML allows it, else quoted.
pub(crate) fn key(name: &str) -> String {
    let is_bare = |it: char| it.is_ascii_alphanumeric() || it == '-' || it == '_';
    if !name.is_empty() && name.chars().all(is_bare) { name.to_owned() } else { string(name) }
}

/// A basic string. Control and direction characters are escaped, so that what is read in an editor
/// is what is there.
pub(crate) fn string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for it in text.chars() {
        match it {
            '"' | '\\' => out.extend(['\\', it]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            it if it.is_control() || is_hidden(it) => {
                // Writing to a string does not fail.
                let _ = write!(out, "\\u{:04X}", u32::from(it));
            }
            it => out.push(it),
        }
    }
    out.push('"');
    out
}

/// Characters that change how others are shown and are not seen themselves. All fit four digits.
fn is_hidden(it: char) -> bool {
    matches!(
        it,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_quoted_where_they_must_be() {
        for (name, written) in [
            ("chat-prod_2", "chat-prod_2"),
            ("chat prod", "\"chat prod\""),
            ("a.b", "\"a.b\""),
            ("", "\"\""),
            ("say \"hi\"\\", "\"say \\\"hi\\\"\\\\\""),
            ("two\nlines\u{0}", "\"two\\nlines\\u0000\""),
            ("日本 🚀", "\"日本 🚀\""),
            ("evil\u{202e}gpj", "\"evil\\u202Egpj\""),
        ] {
            assert_eq!(key(name), written, "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(name in any::<String>()) {
            let text = format!("[{}]\nvalue = {}\n", key(&name), string(&name));
            prop_assert_eq!(text.lines().count(), 2);
            let read: BTreeMap<String, BTreeMap<String, String>> = toml::from_str(&text).unwrap();
            prop_assert_eq!(&read[&name]["value"], &name);
        }
    }
}
