//! What the cells of every kind of table have in common: counts, prices, numbers and names.

use super::left_out::{Reason, clip};
use super::price::{Price, PriceFault};

/// Accelerators that are no GPUs, by how their names begin, in lower case.
const NOT_GPUS: [&str; 4] = ["tpu", "inferentia", "trainium", "gaudi"];

/// What a table of pandas or of a database writes for nothing.
pub(crate) fn is_nothing(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "" | "nan" | "none" | "null" | "<na>")
}

/// A text that must say something.
pub(crate) fn filled<'a>(text: &'a str, column: &'static str) -> Result<&'a str, Reason> {
    if is_nothing(text) { Err(Reason::Empty { column }) } else { Ok(text) }
}

/// An accelerator that is a GPU.
pub(crate) fn is_gpu(name: &str) -> Result<(), Reason> {
    let lower = name.to_lowercase();
    if NOT_GPUS.iter().any(|it| lower.starts_with(it)) {
        return Err(Reason::NotAGpu { name: clip(name) });
    }
    Ok(())
}

/// A price; nothing where the cell is empty, for what is not sold has no price of zero.
pub(crate) fn price(text: &str, column: &'static str) -> Result<Option<Price>, Reason> {
    if is_nothing(text) {
        return Ok(None);
    }
    let found = clip(text);
    Price::parse(text).map(Some).map_err(|fault| match fault {
        PriceFault::NotAPrice => Reason::NotAPrice { column, found },
        PriceFault::Negative => Reason::Negative { column, found },
        PriceFault::Zero => Reason::Zero { column, found },
    })
}

/// GPUs in an instance: `8` and `8.0` are eight, `0.125` is part of one.
pub(crate) fn gpu_count(text: &str, column: &'static str, instance: &str) -> Result<u32, Reason> {
    let bad = || Reason::BadCount { column, found: clip(text) };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|it| it.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return Err(bad());
    }
    if fraction.bytes().any(|it| it != b'0') {
        return Err(Reason::PartOfAGpu { count: clip(text) });
    }
    let found: u32 = whole.parse().map_err(|_| bad())?;
    match (found, stated_count(instance)) {
        (0, _) => Err(bad()),
        (_, Some(expected)) if expected != found => {
            Err(Reason::CountDisagrees { column, instance: clip(instance), found, expected })
        }
        _ => Ok(found),
    }
}

/// The count in names such as `gpu_8x_h100` and `nvidia-a100-x4`, as the catalog reads them.
fn stated_count(instance: &str) -> Option<u32> {
    instance.split(['_', '-', ' ', '/']).find_map(|part| {
        part.strip_suffix('x').or_else(|| part.strip_prefix('x'))?.parse::<u32>().ok()
    })
}

/// A positive number of the host as the catalog's TOML writes it: `8.0` is `8`.
pub(crate) fn number(text: &str, column: &'static str) -> Result<Option<String>, Reason> {
    if is_nothing(text) {
        return Ok(None);
    }
    let bad = || Reason::BadNumber { column, found: clip(text) };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let short = whole.len() <= 15 && fraction.len() <= 15;
    if !short || whole.is_empty() || !(whole.bytes().chain(fraction.bytes())).all(is_digit) {
        return Err(bad());
    }
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    match (whole, fraction) {
        ("", "") => Err(bad()),
        (whole, "") => Ok(Some(whole.to_owned())),
        ("", fraction) => Ok(Some(format!("0.{fraction}"))),
        (whole, fraction) => Ok(Some(format!("{whole}.{fraction}"))),
    }
}

const fn is_digit(byte: u8) -> bool {
    byte.is_ascii_digit()
}

/// A word for yes or no; no where the cell is empty.
pub(crate) fn yes_or_no(text: &str, column: &'static str) -> Result<bool, Reason> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "" | "false" => Ok(false),
        _ => Err(Reason::UnknownWord { column, found: clip(text), expected: "true or false" }),
    }
}

/// A name that can be that of a file in `offers/`.
pub(crate) fn is_provider(name: &str) -> bool {
    let plain = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-' || it == b'_';
    !name.is_empty() && name.len() <= 60 && name.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts() {
        let check = |text, instance, expected: Result<u32, &str>| {
            let found = gpu_count(text, "AcceleratorCount", instance);
            assert_eq!(found.map_err(|it| it.to_string()), expected.map_err(str::to_owned));
        };
        check("8", "p5.48xlarge", Ok(8));
        check("8.0", "gpu_8x_h100", Ok(8));
        check("1.0", "1x_A100-80GB_SECURE", Ok(1));
        check("0.125", "g6f.xlarge", Err("0.125 of a GPU: the catalog counts whole GPUs"));
        check("1.5", "p", Err("1.5 of a GPU: the catalog counts whole GPUs"));
        for bad in ["0", "0.0", "-1", "", "eight", "8e0", "99999999999"] {
            let message = format!("`AcceleratorCount` is not a number of GPUs: {bad:?}");
            check(bad, "p", Err(&message));
        }
        let message = "`AcceleratorCount` is 4, but \"gpu_8x_h100\" says 8";
        check("4", "gpu_8x_h100", Err(message));
    }

    #[test]
    fn numbers() {
        for (text, expected) in [
            ("8.0", Some("8")),
            ("1.69921875", Some("1.69921875")),
            ("0.5", Some("0.5")),
            ("007", Some("7")),
            ("", None),
            ("nan", None),
        ] {
            assert_eq!(number(text, "vCPUs").unwrap().as_deref(), expected, "{text}");
        }
        for bad in ["0", "0.0", "-4", "x", ".5.", "1e3", "NaN4", "1111111111111111"] {
            assert!(number(bad, "vCPUs").is_err(), "{bad}");
        }
    }
}
