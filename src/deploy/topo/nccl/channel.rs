//! Lines such as `Channel 00/0 : 0[0] -> 1[1] via P2P/CUMEM/read`, in the shape of each version.

use super::super::text::{clip, number};
use super::{Channel, Endpoint, Side, Transport};

/// Reads one; none for a line of another kind.
pub(super) fn read(text: &str, host: Option<usize>) -> Option<Channel> {
    let rest = text.strip_prefix("Channel ").or_else(|| text.strip_prefix("Ring "))?;
    let (channel, rest) = number(rest)?;
    let (_, rest) = rest.split_once(" : ")?;
    let (ends, via) = rest.split_once(" via ")?;
    let (ends, side) = if let Some(it) = ends.strip_suffix(" [send]") {
        (it, Some(Side::Send))
    } else if let Some(it) = ends.strip_suffix(" [receive]") {
        (it, Some(Side::Receive))
    } else {
        (ends, None)
    };
    let (from, to) = ends.split_once(" -> ")?;
    let (from, to) = (endpoint(from)?, endpoint(to)?);
    Some(Channel { channel, from, to, side, transport: transport(via), host })
}

/// `3`, `3[3]`, `3[b2000]`
fn endpoint(text: &str) -> Option<Endpoint> {
    let (rank, rest) = number(text.trim())?;
    let device = rest.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    (rest.is_empty() || device.is_some()).then(|| Endpoint { rank, device: device.map(clip) })
}

fn transport(via: &str) -> Transport {
    // RCCL adds the communicator to every line.
    let via = via.split_once(" comm 0x").map_or(via, |it| it.0).trim();
    if let Some(way) = via.strip_prefix("P2P/") {
        return Transport::PeerToPeer { way: clip(way) };
    }
    // A line cut short still says which of the two.
    if via.starts_with("SHM") || via.starts_with("direct shared m") {
        return Transport::SharedMemory;
    }
    let Some(rest) = via.strip_prefix("NET/") else {
        return Transport::Other { name: clip(via) };
    };
    let parts: Vec<&str> = rest.split('/').collect();
    let is_device = |it: &&str| it.starts_with(|it: char| it.is_ascii_digit());
    let plugin = parts.iter().take_while(|it| !is_device(it)).copied().collect::<Vec<_>>();
    let gpu_direct = parts.iter().any(|it| it.starts_with("GDRDMA"));
    Transport::Network { plugin: clip(&plugin.join("/")), gpu_direct }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_of_versions() {
        let check = |text: &str, expected: &str| {
            let it = read(text, None).unwrap();
            let end = |it: &Endpoint| match &it.device {
                Some(device) => format!("{}[{device}]", it.rank),
                None => it.rank.to_string(),
            };
            let side = it.side.map_or(String::new(), |it| format!(" {it:?}"));
            let found =
                format!("{} {}>{} {}{side}", it.channel, end(&it.from), end(&it.to), it.transport);
            assert_eq!(found, expected, "{text}");
        };
        check("Ring 00 : 0[0] -> 1[1] via P2P/IPC", "0 0[0]>1[1] P2P/IPC");
        check("Ring 00 : 7 -> 8 [receive] via NET/IB/0/GDRDMA", "0 7>8 NET/IB/GDRDMA Receive");
        check("Channel 03 : 0[1000] -> 1[2000] via direct shared memory", "3 0[1000]>1[2000] SHM");
        check(
            "Channel 00/0 : 0[0] -> 1[1] via P2P/direct pointer/read",
            "0 0[0]>1[1] P2P/direct pointer/read",
        );
        check(
            "Channel 01/1 : 3[81] -> 0[41] [send] via NET/IB/0/Shared",
            "1 3[81]>0[41] NET/IB Send",
        );
        check(
            "Channel 00/0 : 9[1] -> 0[0] [send] via NET/IB/0(8)/GDRDMA",
            "0 9[1]>0[0] NET/IB/GDRDMA Send",
        );
        check(
            "Channel 02/0 : 0[d6] -> 3[c6] [send] via NET/AWS Libfabric/2/GDRDMA comm 0x9 nRanks 4096",
            "2 0[d6]>3[c6] NET/AWS Libfabric/GDRDMA Send",
        );
        check(
            "Channel 00/0 : 1[d000] -> 0[3000] via P2P/IPC comm 0x3ab nRanks 02",
            "0 1[d000]>0[3000] P2P/IPC",
        );
        check("Channel 00/0 : 0[0] -> 4[0] via NVLS", "0 0[0]>4[0] NVLS");
        for other in ["Channel 00/04 :    0   1", "Ring 02 : 2 -> 0 -> 1", "Channel via", ""] {
            assert!(read(other, None).is_none(), "{other}");
        }
    }
}
