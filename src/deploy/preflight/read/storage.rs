//! Disk, weights and download: what was measured.

use super::super::facts::{Access, Cached, Disk, Download, HostFacts, Measured};
use super::super::section::{Section, Sections, refusal};
use super::super::text::{amount, clip, micros, pair};

pub(super) fn read(sections: &Sections, facts: &mut HostFacts) {
    let lines: Vec<&str> = sections.lines(Section::Disk).collect();
    facts.disk.free_bytes = free_of_df(&lines).map(|it| it.1);
    facts.disk.kind =
        lines.iter().filter_map(|it| pair(it)).find(|it| it.0 == "kind").map(|it| clip(it.1));
    disk_read(sections, &mut facts.disk);
    facts.disk.cached = cached(sections);
    facts.download = download(sections);
}

/// Size and free bytes of `df -P -k`; the numbers stand before the share in percent.
pub(super) fn free_of_df(lines: &[&str]) -> Option<(u64, u64)> {
    lines.iter().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_share = |it: &&str| it.strip_suffix('%').is_some_and(|it| amount(it).is_some());
        let share = words.iter().position(is_share).filter(|it| *it >= 3)?;
        let kib = |at: usize| words.get(at)?.parse::<u64>().ok()?.checked_mul(1024);
        Some((kib(share - 3)?, kib(share - 1)?))
    })
}

fn disk_read(sections: &Sections, disk: &mut Disk) {
    let mut method = "";
    let (mut read, mut write) = (Measured::default(), Measured::default());
    for line in sections.lines(Section::DiskRead) {
        if let Some((_, reason)) = refusal(line) {
            disk.why_not = Some(clip(reason));
        }
        match pair(line) {
            Some(("method", value)) => method = value,
            Some(("file", value)) => disk.is_of_weights = value == "the weights",
            Some(("read", value)) => read.add(dd(value).unwrap_or_default()),
            Some(("write", value)) => write.add(dd(value).unwrap_or_default()),
            _ => {}
        }
    }
    disk.write = Some(write).filter(|it| it.per_second().is_some());
    // ZFS keeps what was just written in its own memory, whatever dd asks for.
    let keeps = disk.kind.as_deref() == Some("zfs") && !disk.is_of_weights;
    let is_from_disk = matches!(method, "direct" | "cache dropped") && !keeps;
    if read.per_second().is_some() && !is_from_disk {
        disk.why_not = Some("read from memory, not from the disk".to_owned());
    } else {
        disk.read = Some(read).filter(|it| it.per_second().is_some());
    }
}

/// `268435456 bytes (268 MB, 256 MiB) copied, 0.123 s, 2.2 GB/s`; busybox writes `seconds`.
fn dd(line: &str) -> Option<Measured> {
    let (bytes, rest) = line.split_once(" bytes")?;
    let seconds = rest.split_once("copied, ")?.1.split_once(' ')?.0;
    Some(Measured { bytes: bytes.trim().parse().ok()?, micros: micros(seconds)? })
}

fn cached(sections: &Sections) -> Option<Cached> {
    let mut out: Option<Cached> = None;
    for (key, value) in sections.lines(Section::Weights).filter_map(pair) {
        match (key, value) {
            ("cached", "no") => out = Some(Cached::default()),
            ("cached KiB", value) => {
                let bytes = amount(value).and_then(|it| it.checked_mul(1024));
                out = bytes.map(|bytes| Cached { bytes, incomplete: false });
            }
            ("incomplete", "yes") => {
                if let Some(out) = &mut out {
                    out.incomplete = true;
                }
            }
            _ => {}
        }
    }
    out
}

fn download(sections: &Sections) -> Download {
    let mut out = Download::default();
    for line in sections.lines(Section::Download) {
        if let Some((_, reason)) = refusal(line) {
            out.why_not = Some(clip(reason));
        }
        match pair(line) {
            Some(("token", value)) => out.with_token = Some(value == "used"),
            // The file counts, not the list, which is open for gated models too.
            Some(("access", value)) => out.access = access(value),
            Some(("http bytes first total", value)) => {
                let words: Vec<&str> = value.split_whitespace().collect();
                let [status, bytes, first, total] = words.as_slice() else { continue };
                out.access = access(status);
                out.speed = speed(bytes, first, total).filter(|_| is_granted(out.access));
            }
            _ => {}
        }
    }
    out
}

fn is_granted(access: Option<Access>) -> bool {
    access == Some(Access::Granted)
}

/// The time until the first byte is the hub's, not the line's.
fn speed(bytes: &str, first: &str, total: &str) -> Option<Measured> {
    let micros = micros(total)?.checked_sub(micros(first)?)?;
    let it = Measured { bytes: bytes.parse().ok()?, micros };
    it.per_second().map(|_| it)
}

fn access(status: &str) -> Option<Access> {
    Some(match status.parse::<u16>().ok()? {
        0 => Access::Unreachable,
        200 | 206 => Access::Granted,
        it @ (401 | 403) => Access::Refused(it),
        404 => Access::NotFound,
        429 => Access::TooMany,
        it => Access::Other(it),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_dd() {
        let check = |line: &str, expected: Option<(u64, u64)>| {
            assert_eq!(dd(line).map(|it| (it.bytes, it.micros)), expected, "{line}");
        };
        check(
            "67108864 bytes (67 MB, 64 MiB) copied, 0.134972 s, 497 MB/s",
            Some((67_108_864, 134_972)),
        );
        check(
            "67108864 bytes (64.0MB) copied, 1.5 seconds, 42.7MB/s",
            Some((67_108_864, 1_500_000)),
        );
        check("0 bytes copied, 5.7e-05 s, 0.0 kB/s", None);
        check("16+0 records out", None);
    }

    #[test]
    fn lines_of_df() {
        let check = |line: &str, expected: Option<(u64, u64)>| {
            assert_eq!(free_of_df(&[line]), expected, "{line}");
        };
        check(
            "/dev/vda  264212084 36417336 58868552  39% /",
            Some((270_553_174_016, 60_281_397_248)),
        );
        check("my disk 1 100 40 60 40% /mnt/a b", Some((102_400, 61_440)));
        check("Filesystem 1024-blocks Used Available Capacity Mounted on", None);
        check("tmpfs 100%", None);
    }

    #[test]
    fn statuses() {
        let check = |status: &str, expected| assert_eq!(access(status), expected, "{status}");
        check("206", Some(Access::Granted));
        check("403", Some(Access::Refused(403)));
        check("000", Some(Access::Unreachable));
        check("503", Some(Access::Other(503)));
        check("", None);
    }
}
