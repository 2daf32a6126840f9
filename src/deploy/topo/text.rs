//! Cleaning of terminal text: escape codes, clipping, small scanners.

/// Longest piece of the user's text an error or a warning repeats, characters.
const CLIP: usize = 40;

/// The line without ANSI escape codes; where a paste lost the escape byte, without what it left.
pub(crate) fn clean(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut chars = line.chars().peekable();
    while let Some(it) = chars.next() {
        if it != '\u{1b}' {
            out.push(it);
        } else if chars.peek() == Some(&'[') {
            chars.next();
            // A control sequence ends with its first byte from @ to ~.
            while chars.next().is_some_and(|it| !('@'..='~').contains(&it)) {}
        }
    }
    if out.contains("[4mGPU") { out.replace("[4m", "").replace("[0m", "") } else { out }
}

/// At most 40 characters of `text`, on one line.
pub(crate) fn clip(text: &str) -> String {
    clip_to(text, CLIP)
}

/// At most `most` characters of `text`, on one line.
pub(crate) fn clip_to(text: &str, most: usize) -> String {
    let one_line: String =
        text.trim().chars().map(|it| if it.is_control() { ' ' } else { it }).collect();
    if one_line.chars().count() <= most {
        return one_line;
    }
    let mut out: String = one_line.chars().take(most).collect();
    out.push('…');
    out
}

/// The leading decimal number of `text` and what follows it.
pub(crate) fn number(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    digits.parse().ok().map(|it| (it, rest))
}

/// The number of `GPU7`, and nothing after it.
pub(crate) fn gpu_label(token: &str) -> Option<u32> {
    match number(token.strip_prefix("GPU")?)? {
        (it, "") => Some(it),
        _ => None,
    }
}

/// What stands between `from` and the next `to` of `text`; without `to`, the rest.
pub(crate) fn between<'a>(text: &'a str, from: &str, to: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(from)?;
    Some(rest.split_once(to).map_or(rest, |(it, _)| it))
}

/// "0, 1 and 3", or "none".
pub(crate) fn list<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<String> = items.into_iter().map(|it| it.to_string()).collect();
    match items.as_slice() {
        [] => "none".to_owned(),
        [it] => it.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// "GPU 2", "GPUs 0-3".
pub(crate) fn gpus(numbers: &[u32]) -> String {
    format!("GPU{} {}", if numbers.len() == 1 { "" } else { "s" }, ranges(numbers))
}

/// Consecutive numbers as ranges: "0-3", "0-1, 4".
pub(crate) fn ranges(numbers: &[u32]) -> String {
    let mut out: Vec<(u32, u32)> = Vec::new();
    for &it in numbers {
        match out.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(it) => *last = it,
            _ => out.push((it, it)),
        }
    }
    let text = |&(from, to): &(u32, u32)| {
        if from == to { from.to_string() } else { format!("{from}-{to}") }
    };
    out.iter().map(text).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_codes_go() {
        let check = |line: &str, expected: &str| assert_eq!(clean(line), expected);
        check("\t\u{1b}[4mGPU0\tGPU1\u{1b}[0m", "\tGPU0\tGPU1");
        check("\t[4mGPU0\tGPU1[0m", "\tGPU0\tGPU1");
        check("array[0m]", "array[0m]");
        check("\u{1b}", "");
        check("\u{1b}[38;5;1", "");
    }

    #[test]
    fn small_scanners() {
        assert_eq!(clip(&"x".repeat(50)), format!("{}…", "x".repeat(40)));
        assert_eq!(clip(" a\nb "), "a b");
        assert_eq!(gpu_label("GPU17"), Some(17));
        assert_eq!(gpu_label("GPU1:"), None);
        assert_eq!(gpu_label("GPU99999999999"), None);
        assert_eq!(ranges(&[0, 1, 2, 4, 6, 7]), "0-2, 4, 6-7");
        assert_eq!(list([1, 2, 3]), "1, 2 and 3");
    }
}
