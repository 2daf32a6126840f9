//! A square table of devices as every tool prints it: a header of labels, a row per label.

use super::text::{gpu_label, number};

/// More GPUs than any host holds: a header with more is no matrix.
const MOST_GPUS: usize = 256;

/// A column of `nvidia-smi topo -m` after those of devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tail {
    /// CPU Affinity.
    Cpus,
    /// NUMA Affinity.
    Numa,
    /// GPU NUMA ID.
    GpuNuma,
}

/// The table, its cells not yet understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    /// Line of the header, from 1.
    pub line: usize,
    /// Labels of the GPUs.
    pub gpus: Vec<String>,
    /// Labels of the network cards.
    pub nics: Vec<String>,
    /// The columns after those of devices.
    pub tails: Vec<Tail>,
    /// The rows.
    pub rows: Vec<Row>,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// Its line, from 1.
    pub line: usize,
    /// The device.
    pub label: String,
    /// Everything after it.
    pub cells: Vec<String>,
}

impl Table {
    /// The table whose header is `lines[at]`, and the line after its last row.
    pub(crate) fn read(lines: &[String], at: usize) -> Option<(Self, usize)> {
        let mut table = header(lines.get(at)?)?;
        table.line = at + 1;
        let mut next = at + 1;
        for (line, text) in lines.iter().enumerate().skip(at + 1) {
            let mut cells = text.split_whitespace().map(str::to_owned);
            let Some(label) = cells.next() else { continue };
            if !table.gpus.contains(&label) && !table.nics.contains(&label) {
                break;
            }
            table.rows.push(Row { line: line + 1, label, cells: cells.collect() });
            next = line + 1;
        }
        // A lone word in a sentence is no table; two labels and more are a header without its rows.
        let is_table = !table.rows.is_empty() || table.gpus.len() > 1 || !table.tails.is_empty();
        is_table.then_some((table, next))
    }

    /// The rows of GPUs, in the order of the columns where each is there.
    pub(crate) fn gpu_rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|it| self.gpus.contains(&it.label))
    }
}

fn header(line: &str) -> Option<Table> {
    let tokens: Vec<&str> = line.split_whitespace().flat_map(split_labels).collect();
    let gpus = tokens.iter().take_while(|it| is_gpu(it)).count();
    if gpus == 0 || gpus > MOST_GPUS {
        return None;
    }
    let (gpu_labels, rest) = tokens.split_at(gpus);
    let nics = rest.iter().take_while(|it| is_nic(it)).count();
    let (nic_labels, rest) = rest.split_at(nics);
    let owned = |labels: &[&str]| labels.iter().map(|&it| it.to_owned()).collect::<Vec<_>>();
    let (gpus, nics) = (owned(gpu_labels), owned(nic_labels));
    let repeats = (1..gpus.len()).any(|it| gpus[..it].contains(&gpus[it]));
    let tails = tails(rest)?;
    (!repeats).then_some(Table { line: 0, gpus, nics, tails, rows: Vec::new() })
}

/// `NIC11NIC12` and `NIC11CPU`, which wide tables run together.
fn split_labels(token: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut rest = token;
    while let Some((_, after)) =
        rest.strip_prefix("GPU").or_else(|| rest.strip_prefix("NIC")).and_then(number)
    {
        let end = rest.len() - after.len();
        out.push(&rest[..end]);
        rest = after;
        if rest.is_empty() {
            return out;
        }
    }
    out.push(rest);
    out
}

fn is_gpu(token: &str) -> bool {
    gpu_label(token).is_some() || is_bus_id(token)
}

/// `0000:c1:00.0`, the label of `amd-smi`.
fn is_bus_id(token: &str) -> bool {
    let parts: Vec<&str> = token.split([':', '.']).collect();
    let hex = |it: &&str| !it.is_empty() && it.chars().all(|it| it.is_ascii_hexdigit());
    parts.len() == 4 && parts.iter().all(hex) && parts[0].len() >= 4 && parts[1].len() == 2
}

/// `NIC0`, `mlx5_0`, `bnxt_re0`: a name that ends in a number.
fn is_nic(token: &str) -> bool {
    let named = token.chars().next().is_some_and(|it| it.is_ascii_alphabetic());
    named
        && !token.starts_with("NV")
        && token.ends_with(|it: char| it.is_ascii_digit())
        && token.chars().all(|it| it.is_ascii_alphanumeric() || "_-.".contains(it))
}

/// Pasted headers lose the second word, so the first decides.
fn tails(tokens: &[&str]) -> Option<Vec<Tail>> {
    let mut out = Vec::new();
    let mut rest = tokens;
    loop {
        let (tail, after) = match rest {
            [] => return Some(out),
            ["CPU", "Affinity", after @ ..] | ["CPU", after @ ..] => (Tail::Cpus, after),
            ["NUMA", "Affinity", after @ ..] | ["NUMA", after @ ..] => (Tail::Numa, after),
            ["GPU", "NUMA", "ID", after @ ..] => (Tail::GpuNuma, after),
            _ => return None,
        };
        out.push(tail);
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(line: &str) -> Option<(usize, usize, usize)> {
        header(line).map(|it| (it.gpus.len(), it.nics.len(), it.tails.len()))
    }

    #[test]
    fn headers() {
        let check = |line: &str, expected| assert_eq!(shape(line), expected, "{line}");
        check("\tGPU0\tGPU1\tCPU Affinity", Some((2, 0, 1)));
        check("GPU0 GPU1 NIC0 CPU Affinity NUMA Affinity GPU NUMA ID", Some((2, 1, 3)));
        check("GPU0 NIC10 NIC11NIC12    CPU Affinity", Some((1, 3, 1)));
        check("GPU0 NIC11CPU Affinity     NUMA Affinity", Some((1, 1, 2)));
        check("GPU0 GPU1 mlx5_0 mlx5_bond_1 CPU Affinity", Some((2, 2, 1)));
        check("  0000:c1:00.0 0000:c6:00.0", Some((2, 0, 0)));
        check("GPU1 GPU3", Some((2, 0, 0)));
        check("GPU0     X      NV18", None);
        check("GPU0   0  15", None);
        check("GPU0 and GPU1 are connected", None);
        check("GPU0 GPU0", None);
        check("", None);
    }

    #[test]
    fn a_table_ends_where_its_labels_end() {
        let text = "GPU0 GPU1\nGPU0 X PIX\n\nGPU1 PIX X\nLegend:\nGPU0 is fine";
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let (table, next) = Table::read(&lines, 0).unwrap();
        assert_eq!((table.rows.len(), next), (2, 4));
        assert_eq!(table.rows[1].line, 4);
        let prose = ["GPU0".to_owned(), "is the first".to_owned()];
        assert!(Table::read(&prose, 0).is_none());
    }
}
