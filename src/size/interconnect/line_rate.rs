//! The rule that divides bytes by the line rate, beside the measured all-reduce, and why they differ.

use super::Collective;

/// Seconds `bytes` take on a line at its full rate: bytes x 8 / bits a second, the rule of thumb for
/// links. 140 GB of gradients: 11.2 s over Ethernet at 100 Gb/s, 2.8 s over `InfiniBand` NDR at 400.
pub fn line_rate_time(bytes: f64, bits_per_second: f64) -> f64 {
    const BITS_PER_BYTE: f64 = 8.0;
    bytes * BITS_PER_BYTE / bits_per_second
}

/// Both times of one exchange.
#[derive(Clone, Debug, PartialEq)]
pub struct BothRules {
    /// By [`line_rate_time`].
    pub line_rate_s: f64,
    /// By the measured all-reduce.
    pub all_reduce_s: f64,
    /// Why they differ, in one sentence.
    pub why: String,
}

/// The times of adding up `bytes` over the GPUs of `collective`, whose line runs at
/// `bits_per_second`. 140 GB over 16 GPUs in two nodes with 8 cards of 100 Gb/s each: 1.4 s by the
/// 800 Gb/s of a node, 3.5 s by the 75 GB/s measured.
pub fn both_rules(bytes: f64, bits_per_second: f64, collective: &Collective) -> BothRules {
    BothRules {
        line_rate_s: line_rate_time(bytes, bits_per_second),
        all_reduce_s: collective.all_reduce_s(bytes),
        why: format!(
            "the rule of thumb moves the bytes once at the line rate of {:.1} GB/s; an all-reduce \
             over {} GPUs moves {:.2} times as many, at {:.1} GB/s ({}), after a start of {:.0} us",
            bits_per_second / 8e9,
            collective.gpus(),
            collective.volume(1.0),
            collective.bus_bandwidth() / 1e9,
            collective.evidence(),
            collective.latency_s() * 1e6,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::size::fixtures;

    fn close(found: f64, expected: f64) {
        assert!((found / expected - 1.0).abs() < 1e-9, "{found} is not {expected}");
    }

    #[test]
    fn the_articles_numbers() {
        close(line_rate_time(140e9, 100e9), 11.2);
        close(line_rate_time(140e9, 400e9), 2.8);
        let bits = |link_gb_s: f64| link_gb_s * 8e9;
        let (nvlink, pcie) = (fixtures::nvlink4().link_gb_s, fixtures::pcie4().link_gb_s);
        let times = line_rate_time(1e9, bits(pcie)) / line_rate_time(1e9, bits(nvlink));
        assert_eq!(format!("{times:.0}"), "14");
    }

    #[test]
    fn both_stand_side_by_side() {
        let network = fixtures::network("RoCE 100 GbE", 100.0, 9.4);
        let it = both_rules(140e9, 800e9, &Collective::across(&network, 8, 16));
        close(it.line_rate_s, 1.4);
        assert_eq!(format!("{:.1}", it.all_reduce_s), "3.5");
        assert_eq!(
            it.why,
            "the rule of thumb moves the bytes once at the line rate of 100.0 GB/s; an all-reduce \
             over 16 GPUs moves 1.88 times as many, at 75.2 GB/s (measured), after a start of 67 us"
        );
    }
}
