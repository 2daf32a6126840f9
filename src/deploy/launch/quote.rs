//! Words as shells and YAML read them back, and the words that must never be written.

use crate::ingest::TOKENS;

/// A word of a shell command, quoted where the shell would change it.
pub(super) fn sh(text: &str) -> String {
    let plain = !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-/:=,+@%".contains(&b));
    if plain { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

/// A scalar of YAML that is a text, quoted where YAML would read something else.
pub(super) fn yaml(text: &str) -> String {
    const WORDS: [&str; 9] = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    let starts = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'/');
    let plain = starts
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-/@".contains(&b))
        && !WORDS.contains(&text.to_ascii_lowercase().as_str());
    if plain { text.to_owned() } else { json(text) }
}

/// A string of JSON, which YAML reads too.
pub(super) fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// What a comment may hold of a text of the data: one line, nothing that is not seen.
pub(super) fn comment(text: &str) -> String {
    text.split_whitespace()
        .map(|word| word.chars().filter(|it| !it.is_control()).collect::<String>())
        .collect::<Vec<_>>()
        .join(" ")
}

/// The first line with a word that looks like a token.
pub(super) fn secret_line(text: &str) -> Option<usize> {
    let place = text.lines().position(|line| {
        let is_part = |it: char| it.is_ascii_alphanumeric() || it == '_' || it == '-';
        line.split(|it| !is_part(it)).any(is_token)
    })?;
    Some(place + 1)
}

/// Whether a word has the form of a token: a known beginning and at least 12 letters and digits after it.
pub(super) fn is_token(word: &str) -> bool {
    TOKENS.iter().any(|it| {
        word.strip_prefix(it).is_some_and(|rest| {
            let n = rest.bytes().filter(u8::is_ascii_alphanumeric).count();
            n >= 12 && rest.bytes().any(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_they_must() {
        for (text, expected) in [
            ("Qwen/Qwen2.5-32B", "Qwen/Qwen2.5-32B"),
            ("a b", "'a b'"),
            ("", "''"),
            ("it's", "'it'\\''s'"),
            ("$(rm -rf ~)", "'$(rm -rf ~)'"),
            ("{\"a\":1}", "'{\"a\":1}'"),
        ] {
            assert_eq!(sh(text), expected);
        }
        for (text, expected) in [
            ("vllm", "vllm"),
            ("1", "\"1\""),
            ("No", "\"No\""),
            ("a: b", "\"a: b\""),
            ("-x", "\"-x\""),
            ("a\"b\n", "\"a\\\"b\\n\""),
        ] {
            assert_eq!(yaml(text), expected);
        }
        assert_eq!(comment("a\n#b\u{7}\tc "), "a #b c");
    }

    #[test]
    fn tokens_are_seen_and_names_are_not() {
        for token in [
            "HF_TOKEN: hf_abcDEFghiJKLmno123",
            "--api-key=sk-proj-abcdEFGH12345678",
            "curl -H 'Bearer ghp_0123456789abcdefABCD'",
            "\"eyJhbGciOiJIUzI1NiJ9abc\"",
        ] {
            assert_eq!(secret_line(&format!("a\n{token}\n")), Some(2), "{token}");
        }
        for name in [
            "--model hf_internal_testing",
            "sk-learn-server-for-everyone",
            "name: hf_token",
            "secretKeyRef: {name: hf-token}",
        ] {
            assert_eq!(secret_line(name), None, "{name}");
        }
    }
}
