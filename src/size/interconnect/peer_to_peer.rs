//! What is lost where GPUs cannot write into each other's memory: the rule of thumb beside what was
//! measured.

use std::fmt;

use crate::catalog::{Fabric, Interconnect};

use super::Collective;

/// The rule of thumb and what was measured, as shares of the rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PeerToPeerLoss {
    /// What the rule of thumb says is lost without peer-to-peer: from, to.
    pub rule: (f64, f64),
    /// The loss of an all-reduce measured with and without it on one host.
    pub measured: f64,
    /// What an all-reduce over these GPUs loses against one direction of the link, for any reason.
    pub against_link: Option<f64>,
}

/// The loss over `gpus` GPUs on `fabric`. Two L40S over `PCIe` 4 reach 20.1 of 32 GB/s and lose
/// 37 %, eight of them 93 %; eight H100 behind a switch 5 %.
pub fn peer_to_peer_loss(fabric: &Fabric, gpus: u32, constants: &Interconnect) -> PeerToPeerLoss {
    let one_direction = fabric.link_gb_s * 1e9 / 2.0;
    let collective = Collective::over(fabric, gpus).filter(|it| it.gpus() > 1);
    let share = collective.map(|it| it.bus_bandwidth() / one_direction);
    PeerToPeerLoss {
        rule: (constants.rule_no_p2p_loss_low, constants.rule_no_p2p_loss_high),
        measured: constants.measured_no_p2p_loss,
        // Switches that add on the way can reach more than the link carries: H200 460 of 450 GB/s.
        against_link: share.map(|it| (1.0 - it).max(0.0)),
    }
}

impl fmt::Display for PeerToPeerLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |share: f64| format!("{:.0}", share * 100.0);
        write!(
            f,
            "without peer-to-peer the rule of thumb expects to lose {} to {} %; an all-reduce measured \
             with and without it lost {} %",
            percent(self.rule.0),
            percent(self.rule.1),
            percent(self.measured),
        )?;
        match self.against_link {
            Some(loss) => {
                write!(f, "; over these GPUs it stays {} % below the link", percent(loss))
            }
            None => write!(f, "; over so many of these GPUs none was measured"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::size::fixtures;

    #[test]
    fn rule_and_measurement() {
        let constants = fixtures::interconnect();
        let check = |fabric: &Fabric, gpus, expected: &str| {
            let it = peer_to_peer_loss(fabric, gpus, &constants).to_string();
            assert_eq!(it.split_once("; ").unwrap().1.split_once("; ").unwrap().1, expected);
        };
        let pcie = fixtures::pcie4();
        check(&pcie, 2, "over these GPUs it stays 37 % below the link");
        check(&pcie, 8, "over these GPUs it stays 93 % below the link");
        check(&fixtures::nvlink4(), 8, "over these GPUs it stays 5 % below the link");
        check(&pcie, 16, "over so many of these GPUs none was measured");
        let text = peer_to_peer_loss(&pcie, 2, &constants).to_string();
        assert!(text.starts_with(
            "without peer-to-peer the rule of thumb expects to lose 30 to 40 %; an all-reduce \
             measured with and without it lost 18 %"
        ));
    }
}
