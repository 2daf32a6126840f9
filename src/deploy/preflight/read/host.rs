//! The machine, its settings and what can start a container on it.

use super::super::facts::{Container, Containers, HostFacts, Settings, Token};
use super::super::section::{Section, Sections, refusal};
use super::super::text::{amount, clip, pair};
use super::storage::free_of_df;

/// Above this a control group has no limit: the kernel prints the largest number it has.
const NO_LIMIT: u64 = 1 << 60;

pub(super) fn read(sections: &Sections, facts: &mut HostFacts) {
    for (key, value) in sections.lines(Section::Host).filter_map(pair) {
        let host = &mut facts.host;
        match key {
            "kernel" => host.kernel = Some(clip(value)),
            "cpus" => host.cpus = amount(value).and_then(|it| u32::try_from(it).ok()),
            "MemTotal" => host.memory_bytes = kib(value),
            "MemAvailable" => host.available_bytes = kib(value),
            "memory.max" | "memory.limit_in_bytes" => {
                host.group_bytes = amount(value).filter(|it| *it < NO_LIMIT);
            }
            "container" => host.container = Some(clip(value)),
            "machine" => host.machine = Some(clip(value)),
            _ => {}
        }
    }
    let shm: Vec<&str> = sections.lines(Section::Shm).collect();
    if let Some((total, free)) = free_of_df(&shm) {
        (facts.host.shm_bytes, facts.host.shm_free_bytes) = (Some(total), Some(free));
    }
    facts.xids = xids(sections);
    facts.port = sections.lines(Section::Port).filter_map(pair).find_map(|(port, state)| {
        let is_free = match state {
            "free" => true,
            "in use" => false,
            _ => return None,
        };
        Some((port.parse().ok()?, is_free))
    });
    facts.settings = settings(sections);
    facts.containers = containers(sections);
}

fn kib(value: &str) -> Option<u64> {
    amount(value)?.checked_mul(1024)
}

/// `NVRM: Xid (PCI:0000:44:00): 79, GPU has fallen off the bus.`
fn xids(sections: &Sections) -> Option<Vec<u32>> {
    let mut lines = sections.lines(Section::Kernel);
    lines.find(|it| it.trim() == "dmesg: read")?;
    Some(lines.filter(|it| !it.trim().is_empty() && refusal(it).is_none()).map(xid).collect())
}

fn xid(line: &str) -> u32 {
    let number = || amount(line.split_once("Xid (")?.1.split_once("): ")?.1);
    number().and_then(|it| u32::try_from(it).ok()).unwrap_or_default()
}

fn settings(sections: &Sections) -> Settings {
    let mut settings = Settings::default();
    for (name, value) in sections.lines(Section::Environment).filter_map(pair) {
        settings.listed = true;
        if name == "HF_TOKEN" {
            settings.token = token(value);
        } else if value != "not set" && refusal(name).is_none() && !name.starts_with("--") {
            settings.set.insert(clip(name), clip(value));
        }
    }
    settings
}

fn token(value: &str) -> Option<Token> {
    Some(match value {
        "set" => Token::Set,
        "set as HUGGING_FACE_HUB_TOKEN" => Token::SetOldName,
        "in a file" => Token::InFile,
        "not set" => Token::NotSet,
        it if it.ends_with(", malformed") => Token::Malformed,
        _ => return None,
    })
}

fn containers(sections: &Sections) -> Containers {
    let mut out = Containers::default();
    for line in sections.lines(Section::Docker) {
        match refusal(line) {
            Some(("docker", "not found")) => out.docker = Some(Container::Absent),
            Some(("docker info", "permission denied")) => out.docker = Some(Container::Denied),
            Some(("docker info", _)) => out.docker = Some(Container::Silent),
            Some(("nvidia-ctk" | "nvidia-container-runtime-hook", "not found")) => {
                out.has_toolkit.get_or_insert(false);
            }
            Some(_) => {}
            None => match pair(line) {
                Some(("server", version)) if !version.is_empty() => {
                    out.docker = Some(Container::Answers);
                }
                Some(("runtimes", names)) => {
                    out.runtimes = names.split_whitespace().map(clip).collect();
                }
                Some(("cdi", _)) => out.has_cdi = true,
                Some(("nvidia-ctk" | "nvidia-container-runtime-hook", "found")) => {
                    out.has_toolkit = Some(true);
                }
                _ => {}
            },
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_xids() {
        let check = |line: &str, expected| assert_eq!(xid(line), expected, "{line}");
        check("[ 12.3] NVRM: Xid (PCI:0000:44:00): 79, GPU has fallen off the bus.", 79);
        check("NVRM: Xid (PCI:0000:44:00): 154, GPU recovery action changed", 154);
        check("NVRM: fallen off the bus and is not responding", 0);
    }

    #[test]
    fn states_of_the_token() {
        let check = |value: &str, expected| assert_eq!(token(value), expected, "{value}");
        check("set", Some(Token::Set));
        check("in a file", Some(Token::InFile));
        check("set, malformed", Some(Token::Malformed));
        check("not set", Some(Token::NotSet));
        check("hf_", None);
    }
}
