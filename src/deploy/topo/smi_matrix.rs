//! The matrices of `nvidia-smi topo`: `-m` (links) and `-p2p` (status of peer access).

use super::error::TopoError;
use super::model::{Evidence, Gpu, Link, Nic, Peer, Refusal, Topology};
use super::pairs::Pairs;
use super::table::{Row, Table, Tail};
use super::text::{clip, gpu_label};

/// What one matrix says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Matrix {
    /// `topo -m`.
    Links(Topology),
    /// `topo -p2p`: labels of the GPUs, status of each pair.
    Peers(Vec<u32>, Pairs<Peer>),
}

/// Reads a table of either kind: words of status make it one of peers.
pub(crate) fn read(table: &Table) -> Result<Matrix, TopoError> {
    let rows = complete(table)?;
    let columns = table.gpus.len();
    let is_peers = rows.iter().flat_map(|it| &it.cells[..columns]).any(|it| status(it).is_some());
    if is_peers {
        let peers = square(table, &rows, Peer::Unknown, status)?;
        return Ok(Matrix::Peers(indices(table), peers));
    }
    let links = square(table, &rows, Link::Unknown, Link::from_smi)?;
    let gpus = indices(table).into_iter().zip(&rows).map(|(index, row)| gpu(table, index, row));
    let mut topology = Topology::unconnected(gpus.collect());
    topology.links = links;
    topology.nics = nics(table, &rows)?;
    Ok(Matrix::Links(topology))
}

/// The rows of the GPUs in the order of the columns, each with a cell for every GPU.
pub(crate) fn complete(table: &Table) -> Result<Vec<&Row>, TopoError> {
    let columns = table.gpus.len();
    let row = |label| table.gpu_rows().find(|it| &it.label == label);
    let rows: Vec<&Row> = table.gpus.iter().filter_map(row).collect();
    if rows.len() < columns {
        return Err(TopoError::MatrixCut { line: table.line, rows: rows.len(), columns });
    }
    match rows.iter().find(|it| it.cells.len() < columns) {
        Some(it) => Err(TopoError::RowCut {
            line: it.line,
            row: clip(&it.label),
            cells: it.cells.len(),
            columns,
        }),
        None => Ok(rows),
    }
}

/// The cells of the GPUs as a table of pairs, both directions compared.
pub(crate) fn square<T: Clone + PartialEq>(
    table: &Table,
    rows: &[&Row],
    unknown: T,
    word: impl Fn(&str) -> Option<T>,
) -> Result<Pairs<T>, TopoError> {
    let mut out = Pairs::new(rows.len(), unknown);
    for (a, row) in rows.iter().enumerate() {
        for (b, column) in table.gpus.iter().enumerate() {
            let cell = row.cells[b].as_str();
            if a == b {
                continue;
            }
            let Some(value) = word(cell) else {
                return Err(bad_cell(row, column, cell));
            };
            if b < a && out.get(a, b) != Some(&value) {
                return Err(TopoError::Asymmetric {
                    line: table.line,
                    a: clip(column),
                    b: clip(&row.label),
                    forward: clip(&rows[b].cells[a]),
                    back: clip(cell),
                });
            }
            out.set(a, b, value);
        }
    }
    Ok(out)
}

fn bad_cell(row: &Row, column: &str, cell: &str) -> TopoError {
    TopoError::BadCell {
        line: row.line,
        row: clip(&row.label),
        column: clip(column),
        found: clip(cell),
    }
}

fn indices(table: &Table) -> Vec<u32> {
    table.gpus.iter().filter_map(|it| gpu_label(it)).collect()
}

fn gpu(table: &Table, index: u32, row: &Row) -> Gpu {
    let mut gpu = Gpu { index, ..Gpu::default() };
    let first = table.gpus.len() + table.nics.len();
    let cells = row.cells.get(first..).unwrap_or_default();
    for (tail, cell) in affinities(&table.tails, cells) {
        match tail {
            Tail::Cpus => gpu.cpus = Some(cell),
            Tail::Numa => gpu.numa = Some(cell),
            Tail::GpuNuma => {}
        }
    }
    gpu
}

/// Which cell belongs to which column: blank cells leave no trace between spaces, so what ends in
/// N/A is the last column and what comes first is the CPUs.
fn affinities(tails: &[Tail], cells: &[String]) -> Vec<(Tail, String)> {
    let mut cells: Vec<&str> = cells.iter().map(String::as_str).collect();
    let mut tails = tails.to_vec();
    if tails.last() == Some(&Tail::GpuNuma) && cells.len() <= tails.len() {
        let last = cells.last().copied().unwrap_or_default();
        if cells.len() == tails.len() || last == "N/A" {
            cells.pop();
        } else if let Some(it) = last.strip_suffix("N/A") {
            // "0N/A": the gap between the columns is lost.
            cells.pop();
            cells.push(it);
        }
        tails.pop();
    }
    let said = |&(_, cell): &(Tail, &str)| cell != "N/A" && !cell.is_empty();
    tails.into_iter().zip(cells).filter(said).map(|(tail, it)| (tail, clip(it))).collect()
}

fn nics(table: &Table, rows: &[&Row]) -> Result<Vec<Nic>, TopoError> {
    let nic = |(at, label): (usize, &String)| {
        let link = |row: &&Row| match row.cells.get(table.gpus.len() + at) {
            // The right edge of a wide table is often lost; what the GPUs need is still there.
            None => Ok(Link::Unknown),
            Some(cell) => Link::from_smi(cell).ok_or_else(|| bad_cell(row, label, cell)),
        };
        let links = rows.iter().map(link).collect::<Result<Vec<Link>, TopoError>>()?;
        Ok(Nic { label: label.clone(), name: None, links })
    };
    table.nics.iter().enumerate().map(nic).collect()
}

/// `nvmlGpuP2PStatus_t` as the legend of `topo -p2p` abbreviates it.
fn status(word: &str) -> Option<Peer> {
    Some(match word {
        "OK" => Peer::Works(Evidence::Driver),
        "CNS" => Peer::Fails(Refusal::Chipset),
        "GNS" => Peer::Fails(Refusal::Gpu),
        "TNS" => Peer::Fails(Refusal::Topology),
        "DR" => Peer::Fails(Refusal::RegistryKey),
        "NS" => Peer::Fails(Refusal::NotSupported),
        "U" => Peer::Unknown,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(text: &str) -> Result<Matrix, TopoError> {
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        read(&Table::read(&lines, 0).unwrap().0)
    }

    #[test]
    fn what_is_wrong_is_named() {
        let check = |text: &str, expected: &str| {
            assert_eq!(matrix(text).unwrap_err().to_string(), expected, "{text}");
        };
        check("GPU0 GPU1\nGPU0 X PIX", "the matrix at line 1 is cut: 1 rows for 2 GPUs");
        check(
            "GPU0 GPU1\nGPU0 X PIX\nGPU1 PIX",
            "the row GPU1 at line 3 is cut: 1 cells for 2 GPUs",
        );
        check(
            "GPU0 GPU1\nGPU0 X PIXX\nGPU1 PIX X",
            "line 2, row GPU0, column GPU1: `PIXX` is no connection",
        );
        check(
            "GPU0 GPU1\nGPU0 X PIX\nGPU1 SYS X",
            "the matrix at line 1 says PIX from GPU0 to GPU1 and SYS from GPU1 to GPU0",
        );
    }

    #[test]
    fn affinity_of_blank_columns() {
        let check = |tails: &str, cpus: Option<&str>, numa: Option<&str>| {
            let header = "GPU0 CPU Affinity NUMA Affinity GPU NUMA ID";
            let Ok(Matrix::Links(it)) = matrix(&format!("{header}\nGPU0 X {tails}")) else {
                panic!("{tails}");
            };
            assert_eq!((it.gpus[0].cpus.as_deref(), it.gpus[0].numa.as_deref()), (cpus, numa));
        };
        check("0-63 0 N/A", Some("0-63"), Some("0"));
        check("0-71 0,3-9,11-17 2", Some("0-71"), Some("0,3-9,11-17"));
        check("N/A", None, None);
        check("", None, None);
        check("0-63 N/A", Some("0-63"), None);
        check("0-55,112-167 0N/A", Some("0-55,112-167"), Some("0"));
    }

    #[test]
    fn status_words_make_a_matrix_of_peers() {
        let text = "GPU0 GPU1\nGPU0 X CNS\nGPU1 CNS X";
        let Ok(Matrix::Peers(gpus, peers)) = matrix(text) else { panic!() };
        assert_eq!(gpus, [0, 1]);
        assert_eq!(peers.get(0, 1), Some(&Peer::Fails(Refusal::Chipset)));
    }
}
