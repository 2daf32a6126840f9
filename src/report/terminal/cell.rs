//! Text in cells of a terminal: how wide it is, cut and padded to fit.

/// Columns a terminal gives a character: none for marks and joiners, two for the scripts and
/// pictures that East Asian Width calls wide, else one.
fn char_width(it: char) -> usize {
    match u32::from(it) {
        0x0300..=0x036F
        | 0x0591..=0x05BD
        | 0x0610..=0x061A
        | 0x064B..=0x065F
        | 0x200B..=0x200F
        | 0x20D0..=0x20FF
        | 0xFE00..=0xFE0F => 0,
        0x1100..=0x115F
        | 0x231A..=0x231B
        | 0x23E9..=0x23F3
        | 0x25FD..=0x25FE
        | 0x2614..=0x2615
        | 0x2648..=0x2653
        | 0x26A1
        | 0x2705
        | 0x2728
        | 0x274C
        | 0x2753..=0x2757
        | 0x2795..=0x2797
        | 0x2B1B..=0x2B1C
        | 0x2B50
        | 0x2E80..=0x303E
        | 0x3041..=0xA4CF
        | 0xAC00..=0xD7A3
        | 0xF900..=0xFAFF
        | 0xFE30..=0xFE4F
        | 0xFF00..=0xFF60
        | 0xFFE0..=0xFFE6
        | 0x1F000..=0x1FAFF
        | 0x20000..=0x3FFFD => 2,
        _ => 1,
    }
}

/// Columns a text takes.
pub(in crate::report) fn width(text: &str) -> usize {
    text.chars().map(char_width).sum()
}

/// The text, or as much of it as fits before an ellipsis.
pub(in crate::report) fn fit(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let room = columns.saturating_sub(1);
    let mut used = 0;
    let mut kept = String::new();
    for it in text.chars() {
        used += char_width(it);
        if used > room {
            break;
        }
        kept.push(it);
    }
    if columns > 0 {
        kept.push('…');
    }
    kept
}

/// Blanks after the text up to `columns`.
pub(in crate::report) fn pad_right(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// Blanks before the text up to `columns`.
pub(in crate::report) fn pad_left(text: &str, columns: usize) -> String {
    format!("{}{text}", " ".repeat(columns.saturating_sub(width(text))))
}

/// Lines of at most `columns`, broken between words; a longer word goes on in the next line, so
/// that nothing is lost.
pub(crate) fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width(line) + 1 + width(word) <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.extend(pieces(word, columns)),
        }
    }
    lines
}

/// A word in pieces of at most `columns`; a character wider than that is left out.
fn pieces(word: &str, columns: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut used = 0;
    for it in word.chars().filter(|it| char_width(*it) <= columns) {
        used += char_width(it);
        if used > columns {
            pieces.push(String::new());
            used = char_width(it);
        }
        if let Some(piece) = pieces.last_mut() {
            piece.push(it);
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn wide_and_joined_characters_count_as_shown() {
        assert_eq!(width("chat"), 4);
        assert_eq!(width("模型"), 4);
        assert_eq!(width("🚀"), 2);
        assert_eq!(width("e\u{301}"), 1);
        assert_eq!(fit("模型服务", 5), "模型…");
        assert_eq!(pad_left("7", 3), "  7");
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("reports/october", 8), ["reports/", "october"]);
    }

    proptest! {
        #[test]
        fn nothing_is_wider_than_its_cell(text in "\\PC*", columns in 0_usize..40) {
            prop_assert!(width(&fit(&text, columns)) <= columns);
            for line in wrapped(&text, columns) {
                prop_assert!(width(&line) <= columns);
            }
        }
    }
}
