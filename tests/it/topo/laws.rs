//! No text makes it panic; what it gives is the same in both directions.

use std::fs;

use gpuadvise::deploy::topo::{Reading, judge, nvidia_smi, read};
use proptest::prelude::*;

fn files() -> Vec<(String, String)> {
    let data = crate::support::root().join("tests/data/topologies");
    let mut out: Vec<(String, String)> = fs::read_dir(data)
        .unwrap()
        .map(|it| it.unwrap().path())
        .filter(|it| it.extension().is_some_and(|it| it == "txt"))
        .map(|it| (it.display().to_string(), fs::read_to_string(&it).unwrap()))
        .collect();
    out.sort();
    out
}

/// Reads and judges; the answer does not matter unless there is one.
fn survives(text: &str) -> Option<Reading> {
    nvidia_smi::gpus(text);
    match read(text) {
        Ok(reading) => {
            let verdict = judge(&reading);
            assert_eq!(verdict.to_string(), judge(&reading).to_string());
            for (a, b, link) in reading.topology.links.iter() {
                assert_eq!(reading.topology.links.get(b, a), Some(link));
                assert_eq!(reading.topology.peers.get(b, a), reading.topology.peers.get(a, b));
            }
            Some(reading)
        }
        Err(error) => {
            assert!(!error.to_string().is_empty() && !error.hint().is_empty());
            None
        }
    }
}

#[test]
fn files_cut_at_every_line() {
    for (name, text) in files() {
        let lines: Vec<&str> = text.lines().collect();
        let step = lines.len() / 80 + 1;
        for at in (0..lines.len()).step_by(step) {
            survives(&lines[..at].join("\n"));
            survives(&lines[at..].join("\n"));
        }
        assert!(survives(&text).is_some(), "{name}");
        assert!(survives(&text.replace('\n', "\r\n")).is_some(), "{name} with CRLF");
    }
}

#[test]
fn a_matrix_cut_within_its_rows_is_an_error() {
    let files = files();
    let text = |name: &str| &files.iter().find(|it| it.0.ends_with(name)).unwrap().1;
    let check = |name: &str, lines: usize, expected: &str| {
        let cut: Vec<&str> = text(name).lines().take(lines).collect();
        assert_eq!(read(&cut.join("\n")).unwrap_err().to_string(), expected, "{name}");
    };
    check("h100-cluster.txt", 5, "the matrix at line 2 is cut: 3 rows for 8 GPUs");
    check("amd-four-xgmi.txt", 12, "the matrix at line 11 is cut: 1 rows for 4 GPUs");
    let two = format!("{}\n{}", text("gb200.txt"), text("h100-cluster.txt"));
    assert_eq!(
        read(&two).unwrap_err().to_string(),
        "two hosts in one text: 4 GPUs of NVIDIA at line 2, 8 GPUs of NVIDIA at line 19"
    );
    let two = format!("{}\n{}", text("smi-q-l4.txt"), text("mig-one-of-four.txt"));
    assert_eq!(
        read(&two).unwrap_err().to_string(),
        "GPU 0 is `NVIDIA A100-SXM4-80GB` in one output and `NVIDIA L4` in another"
    );
    let twice = format!("{0}\n{0}", text("gb200.txt"));
    assert!(read(&twice).is_ok());
    assert!(read("").is_err());
    assert!(read("hello\nGPU0 is warm\n").is_err());
    let silent = "a:1:1 [0] NCCL INFO Bootstrap : Using eth0\nNCCL version 2.18.5+cuda12.2";
    assert_eq!(
        read(silent).unwrap_err().to_string(),
        "the log of NCCL (2 lines) has no line about channels, paths or ranks"
    );
}

/// Words the parsers look for, so that random text reaches deep into them.
const WORDS: &[&str] = &[
    "GPU0",
    "GPU1",
    "GPU2",
    "NIC0",
    "mlx5_0",
    "X",
    "NV18",
    "SYS",
    "PIX",
    "OK",
    "CNS",
    "\t",
    "\n",
    " ",
    "CPU Affinity",
    "NUMA Affinity",
    "GPU NUMA ID",
    "N/A",
    "0-3",
    "==NVSMI LOG==",
    "GPU 00000000:01:00.0",
    "    FB Memory Usage\n        Total : 5 MiB\n",
    "index, name\n",
    "0, NVIDIA L4\n",
    "--query-gpu=name",
    "GPU 0: NVIDIA L4 (UUID: x)",
    "  MIG 1g.5gb Device 0: (UUID",
    "| 0 NVIDIA L4 On | 0:1 Off | 0 |\n",
    "a:1:1 [0] NCCL INFO ",
    "Channel 00/0 : 0[0] -> 1[1] via P2P/IPC",
    "Ring 00 : 7 -> 8 [send] via NET/IB/0",
    "Trees [0] 1/-1/-1->0->-1",
    "comm 0x rank 0 nranks 2 cudaDev 0 busId 1000",
    "[",
    "]",
    "->",
    " via ",
    "GPU/0-3000 :GPU/0-d000 (6/6.0/PHB)",
    "Could not enable P2P between dev 1(=1) and dev 0(=2)",
    "== Weight between two GPUs ==\n",
    "== Link Type between two GPUs ==\n",
    "GPU0 0 XGMI",
    "15",
    "72",
    "LINK TYPE TABLE:\n",
    "0000:c1:00.0",
    "SELF",
    "GPU[0] : (Topology) Numa Node: 1",
    "\u{1b}[4m",
    "é",
    ",",
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn any_text(text in "\\PC{0,400}|[ -~\\n\\t]{0,400}") {
        survives(&text);
    }

    #[test]
    fn words_in_any_order(words in proptest::collection::vec(0..WORDS.len(), 0..60)) {
        let text: String = words.iter().map(|&it| WORDS[it]).collect();
        survives(&text);
    }

    #[test]
    fn files_with_bytes_lost(
        file in any::<proptest::sample::Index>(),
        places in proptest::collection::vec(any::<proptest::sample::Index>(), 1..12),
        other in any::<u8>(),
    ) {
        let files = files();
        let mut bytes = files[file.index(files.len())].1.clone().into_bytes();
        for (at, place) in places.iter().enumerate() {
            if bytes.is_empty() {
                break;
            }
            let place = place.index(bytes.len());
            if at % 2 == 0 {
                bytes.remove(place);
            } else {
                bytes[place] = other;
            }
        }
        survives(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn a_matrix_reads_back(cells in proptest::collection::vec(0..7_usize, 28), n in 1..9_usize) {
        let words = ["NV18", "NV1", "PIX", "PXB", "PHB", "NODE", "SYS"];
        let cell = |a: usize, b: usize| {
            let (a, b) = (a.min(b), a.max(b));
            if a == b { "X" } else { words[cells[a * (15 - a) / 2 + b - a - 1]] }
        };
        let header: Vec<String> = (0..n).map(|it| format!("GPU{it}")).collect();
        let mut text = format!("\t{}\tCPU Affinity\n", header.join("\t"));
        for a in 0..n {
            let row: Vec<&str> = (0..n).map(|b| cell(a, b)).collect();
            text.push_str(&format!("GPU{a}\t{}\t0-7\n", row.join("\t")));
        }
        let reading = survives(&text).unwrap();
        prop_assert_eq!(reading.topology.gpus.len(), n);
        for (a, b, link) in reading.topology.links.iter() {
            prop_assert_eq!(link.to_string(), cell(a, b));
        }
    }
}
