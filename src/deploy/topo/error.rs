//! What can be wrong with a text, each with what to do about it.

/// Why a text gives no topology.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopoError {
    /// No part of the text is an output this reads.
    #[error(
        "nothing in the {lines} lines is an output of nvidia-smi, rocm-smi, amd-smi or a log of NCCL"
    )]
    NothingRecognised {
        /// Lines of the text.
        lines: usize,
    },
    /// Rows are missing at the end of a matrix.
    #[error("the matrix at line {line} is cut: {rows} rows for {columns} GPUs")]
    MatrixCut {
        /// Line of its header.
        line: usize,
        /// Rows of GPUs found.
        rows: usize,
        /// Columns of GPUs in the header.
        columns: usize,
    },
    /// Cells are missing at the end of a row.
    #[error("the row {row} at line {line} is cut: {cells} cells for {columns} GPUs")]
    RowCut {
        /// Line of the row.
        line: usize,
        /// Label of the row.
        row: String,
        /// Cells found.
        cells: usize,
        /// Columns of GPUs in the header.
        columns: usize,
    },
    /// A cell holds no word for a connection.
    #[error("line {line}, row {row}, column {column}: `{found}` is no connection")]
    BadCell {
        /// Line of the row.
        line: usize,
        /// Label of the row.
        row: String,
        /// Label of the column.
        column: String,
        /// At most 40 characters of the cell.
        found: String,
    },
    /// The two directions of a pair differ.
    #[error("the matrix at line {line} says {forward} from {a} to {b} and {back} from {b} to {a}")]
    Asymmetric {
        /// Line of its header.
        line: usize,
        /// Label of one GPU.
        a: String,
        /// Label of the other.
        b: String,
        /// The cell of row `a`.
        forward: String,
        /// The cell of row `b`.
        back: String,
    },
    /// The text holds the matrices of two hosts.
    #[error("two hosts in one text: {first} at line {first_line}, {second} at line {second_line}")]
    MixedHosts {
        /// The first, such as "8 GPUs of NVIDIA".
        first: String,
        /// Line where it starts.
        first_line: usize,
        /// The second.
        second: String,
        /// Line where it starts.
        second_line: usize,
    },
    /// Two outputs name a GPU differently, so they are of two hosts.
    #[error("GPU {gpu} is `{first}` in one output and `{second}` in another")]
    MixedNames {
        /// Its number.
        gpu: u32,
        /// One name, at most 40 characters.
        first: String,
        /// The other.
        second: String,
    },
    /// A log of NCCL without any line about channels.
    #[error("the log of NCCL ({lines} lines) has no line about channels, paths or ranks")]
    LogWithoutChannels {
        /// Lines NCCL wrote.
        lines: usize,
    },
}

impl TopoError {
    /// What to do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NothingRecognised { .. } => {
                "pass the output of `nvidia-smi topo -m` (on AMD `rocm-smi --showtopo`), or a log of a \
                 run with NCCL_DEBUG=INFO"
            }
            Self::MatrixCut { .. } | Self::RowCut { .. } => {
                "write the whole output to a file (`nvidia-smi topo -m > topo.txt`) rather than copying \
                 it from a terminal"
            }
            Self::BadCell { .. } => {
                "the output is damaged or of a tool not known yet: run it again into a file, and report \
                 the word if it is there again"
            }
            Self::Asymmetric { .. } => {
                "links are the same in both directions, so rows of two outputs are mixed or one was \
                 edited: run `nvidia-smi topo -m` again into a file"
            }
            Self::MixedHosts { .. } | Self::MixedNames { .. } => {
                "pass one host at a time, each in its own file"
            }
            Self::LogWithoutChannels { .. } => {
                "run again with NCCL_DEBUG=INFO NCCL_DEBUG_SUBSYS=INIT,GRAPH,ENV,P2P,SHM,NET; lines about \
                 channels appear when the first collective starts"
            }
        }
    }
}
