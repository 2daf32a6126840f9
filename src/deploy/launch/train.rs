//! The training job of a workload: `torchrun` on the GPUs it has, with what NCCL needs to be told.

use super::quote::is_token;
use super::{LaunchError, Options};
use crate::deploy::Advised;

/// GPUs of one node at most: no node on offer has more that share one host.
const GPUS_OF_A_NODE: u32 = 8;

/// A job.
#[derive(Clone, Debug)]
pub(in crate::deploy) struct Train {
    /// The image.
    pub(super) image: String,
    /// Nodes.
    pub(super) nodes: u32,
    /// GPUs of each, one process for every one.
    pub(super) gpus_per_node: u32,
    /// The program with its arguments.
    pub(super) script: Vec<String>,
    /// Environment of NCCL and `PyTorch`: name, value, why.
    pub(super) environment: Vec<(&'static str, String, String)>,
    /// Seconds between two checkpoints, and why.
    pub(super) checkpoint: (u32, String),
    /// Whether its instances may be taken away.
    pub(super) is_spot: bool,
}

impl Train {
    /// The job of an advice.
    pub(super) fn of(
        advised: &Advised,
        options: &Options,
        image: String,
    ) -> Result<Train, LaunchError> {
        let plan = &advised.plan;
        let today = advised.workload.baseline.gpu_count.map_or(1, super::whole);
        let gpus = if advised.is_today { today.max(plan.gpu_count) } else { plan.gpu_count };
        let gpus = gpus.max(1);
        let nodes = gpus.div_ceil(GPUS_OF_A_NODE);
        let gpus_per_node = gpus.div_ceil(nodes);
        let is_spot = plan.purchase.starts_with("spot");
        Ok(Train {
            image,
            nodes,
            gpus_per_node,
            script: program(options.program.as_deref().unwrap_or("train.py"))?,
            environment: environment(nodes, gpus_per_node),
            checkpoint: checkpoint(advised, is_spot),
            is_spot,
        })
    }

    /// Processes of the whole job.
    pub(super) const fn gpus(&self) -> u32 {
        self.nodes.saturating_mul(self.gpus_per_node)
    }
}

/// The program and its arguments, parted at blanks.
pub(super) fn program(text: &str) -> Result<Vec<String>, LaunchError> {
    let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    let plain = |word: &String| {
        word.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-/:=,+".contains(&b))
            && !word.split(['=', '/']).any(is_token)
    };
    match words.iter().find(|it| !plain(it)) {
        Some(word) => Err(LaunchError::Word {
            what: "word of a program",
            found: word.chars().take(8).filter(|it| !it.is_control()).collect(),
        }),
        None if words.is_empty() => {
            Err(LaunchError::Word { what: "program", found: String::new() })
        }
        None => Ok(words),
    }
}

/// What may stay in a script: the guide of NCCL calls `NCCL_P2P_*`, `NCCL_ALGO` and their like means to find
/// faults, which make a run slow or hang.
fn environment(nodes: u32, gpus: u32) -> Vec<(&'static str, String, String)> {
    let mut all = vec![(
        "NCCL_DEBUG",
        "WARN".to_owned(),
        "says what fails; INFO once, with NCCL_DEBUG_SUBSYS=INIT,GRAPH, shows the paths that `gpuadvise topo` reads"
            .to_owned(),
    )];
    if gpus * nodes > 1 {
        all.push((
            "TORCH_FR_BUFFER_SIZE",
            "2000".to_owned(),
            "the last collectives of every rank are kept, and written when one hangs".to_owned(),
        ));
        all.push((
            "TORCH_NCCL_DUMP_ON_TIMEOUT",
            "1".to_owned(),
            "a rank that hangs ends the job after its timeout and says where, instead of its bill running on"
                .to_owned(),
        ));
    }
    all
}

/// Seconds between checkpoints. On spot sqrt(2 x cost of one x mean time between interruptions), with a
/// checkpoint of one minute: at 0.2 interruptions an hour sqrt(2 x 60 x 18,000) = 1,470 s. Source: J. W. Young,
/// "A first order approximation to the optimum checkpoint interval", 1974.
fn checkpoint(advised: &Advised, is_spot: bool) -> (u32, String) {
    const CHECKPOINT_S: f64 = 60.0;
    const HOURLY_S: u32 = 3_600;
    let rate =
        advised.plan.spot_range.iter().map(|it| it.interruptions_per_hour).fold(0.0, f64::max);
    if !is_spot || rate <= 0.0 {
        return (
            HOURLY_S,
            "nothing takes these instances away: an hour is lost at most".to_owned(),
        );
    }
    let interval = super::whole((2.0 * CHECKPOINT_S * 3_600.0 / rate).sqrt());
    let why = format!(
        "the square root of 2 x {CHECKPOINT_S:.0} s a checkpoint takes x {:.0} s between interruptions, at the highest of the simulated rates",
        3_600.0 / rate
    );
    (interval.min(HOURLY_S), why)
}
