//! How the GPUs of a host are connected, read from what the drivers' tools and NCCL print.
//!
//! [`read`] takes a text (`nvidia-smi topo -m`, `topo -p2p r`, `-q`, `--query-gpu`, `-L`, the table
//! of bare `nvidia-smi`, logs of NCCL and RCCL, `rocm-smi --showtopo`, `amd-smi topology`, or several
//! pasted one after the other) and gives a [`Reading`]; [`judge`] turns a reading into a [`Verdict`] in
//! plain words: the groups, what parallelism they allow, whether peer-to-peer works, what to set.
//! No file, no clock, no environment, no floating point: text comes in, values go out.

mod amd;
mod error;
mod judge;
mod merge;
mod model;
pub mod nccl;
pub mod nvidia_smi;
mod pairs;
mod read;
mod smi_matrix;
mod table;
pub(super) mod text;

pub use error::TopoError;
pub use judge::{
    Advice, Block, Condition, FabricClass, Group, Parallelism, PeerVerdict, Socket, Verdict, judge,
};
pub use model::{Evidence, Gpu, Link, Nic, Peer, Refusal, Topology};
pub use pairs::Pairs;
pub use read::{Note, Reading, Section, Source, read};
