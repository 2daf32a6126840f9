//! The form in which the names and texts of a bill are compared.

/// Lower case, `_` as a blank and every run of blanks as one: `Standard_NC24ads_A100_v4` and the
/// meter `NC24ads A100 v4` differ by a word only, `Compute  - GPU - A10` and `Compute - GPU - A10`
/// not at all.
pub(super) fn normal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '_' || c.is_whitespace() {
            if !out.is_empty() && !out.ends_with(' ') {
                out.push(' ');
            }
        } else {
            out.push(c.to_ascii_lowercase());
        }
    }
    if out.ends_with(' ') {
        out.pop();
    }
    out
}

/// Whether a machine's name may begin at the byte `start`: not behind a dot, which makes
/// `ecs.g6.xlarge` and `db.g5.large` other machines, but for the services of AWS that put their
/// own word before the machine.
pub(super) fn begins_machine(text: &str, start: usize) -> bool {
    const SERVICES: [&str; 2] = ["ml.", "stream.graphics."];
    let before = text.get(..start).unwrap_or_default();
    !before.ends_with('.') || SERVICES.iter().any(|it| before.ends_with(it))
}

/// A count such as `8` or a share such as `1/6`.
pub(super) fn count(text: &str) -> Option<f64> {
    let (over, under) = text.split_once('/').unwrap_or((text, "1"));
    let whole = |it: &str| it.parse::<u32>().ok().filter(|it| (1..=1024).contains(it));
    Some(f64::from(whole(over)?) / f64::from(whole(under)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_form_for_names_and_meters() {
        for (text, expected) in [
            ("Standard_NC24ads_A100_v4", "standard nc24ads a100 v4"),
            ("Compute  - GPU -\tA10 ", "compute - gpu - a10"),
            ("  ", ""),
            ("_a__b_", "a b"),
            ("Ünïcode", "Ünïcode"),
        ] {
            assert_eq!(normal(text), expected);
        }
    }

    #[test]
    fn counts_and_shares() {
        for (text, expected) in [("8", Some(8.0)), ("1/8", Some(0.125)), ("3/4", Some(0.75))] {
            assert_eq!(count(text), expected, "{text}");
        }
        for bad in ["", "0", "1/0", "-1", "1.5", "1/2/3", "x", "1025", "/2", "2/"] {
            assert_eq!(count(bad), None, "{bad}");
        }
    }

    #[test]
    fn machines_behind_a_dot() {
        for (text, at, expected) in [
            ("g5.xlarge", 0, true),
            ("ml.g5.xlarge", 3, true),
            ("stream.graphics.g5.xlarge", 16, true),
            ("ecs.g5.xlarge", 4, false),
            ("usw2-g5.xlarge", 5, true),
        ] {
            assert_eq!(begins_machine(text, at), expected, "{text}");
        }
    }
}
