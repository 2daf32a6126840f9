//! What a training step pays for copies of the model on several GPUs: adding up the gradients.

use super::Collective;
use crate::units::Fraction;

/// Seconds a step spends on gradients.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GradientCost {
    /// Inside each node.
    pub inside_s: f64,
    /// Between nodes; 0 with one.
    pub between_s: f64,
    /// Both: the library moves pieces through the node and the network at the same time, so the
    /// slower of the two.
    pub total_s: f64,
    /// What is left of it when the rest hides behind the backward pass.
    pub exposed_s: f64,
}

/// The cost of `gradient_bytes` over the GPUs of a node, `inside`, and over all GPUs of all nodes,
/// `between` ([`Collective::across`]), with the share `overlap` behind the backward pass. 140 GB on
/// two nodes of 8 H100 with 8 cards of NDR: 0.57 s inside, 0.73 s between, 0.73 s together.
pub fn data_parallel_step(
    gradient_bytes: f64,
    inside: &Collective,
    between: Option<&Collective>,
    overlap: Fraction,
) -> GradientCost {
    let inside_s = inside.library_s(gradient_bytes);
    let between_s = between.map_or(0.0, |it| it.library_s(gradient_bytes));
    let total_s = inside_s.max(between_s);
    GradientCost { inside_s, between_s, total_s, exposed_s: total_s * (1.0 - overlap.get()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::size::fixtures;

    #[test]
    fn the_slower_of_node_and_network() {
        let inside = Collective::of(&fixtures::h100(), 8).unwrap();
        let network = fixtures::network("InfiniBand NDR", 400.0, 45.0);
        let printed = |cards, overlap| {
            let between = Collective::across(&network, cards, 16);
            let it = data_parallel_step(140e9, &inside, Some(&between), overlap);
            [it.inside_s, it.between_s, it.total_s, it.exposed_s].map(|it| format!("{it:.2}"))
        };
        assert_eq!(printed(8, Fraction::ZERO), ["0.57", "0.73", "0.73", "0.73"]);
        assert_eq!(printed(16, Fraction::ONE), ["0.57", "0.36", "0.57", "0.00"]);
        let alone = data_parallel_step(140e9, &inside, None, Fraction::ZERO);
        assert!(alone.between_s.abs() < 1e-12 && alone.total_s >= alone.inside_s);
    }

    proptest! {
        #[test]
        fn it_grows_with_bytes_and_falls_with_overlap(
            bytes in 0.0..1e13, more in 0.0..1e13, n in 1_u32..=8, nodes in 1_u32..64,
            overlap in 0.0..=1.0,
        ) {
            let inside = Collective::of(&fixtures::h100(), n).unwrap();
            let network = fixtures::network("InfiniBand NDR", 400.0, 45.0);
            let between = Collective::across(&network, 8, n * nodes);
            let overlap = Fraction::try_from(overlap).unwrap();
            let of = |bytes| data_parallel_step(bytes, &inside, Some(&between), overlap);
            let (less, grown) = (of(bytes), of(bytes + more));
            for it in [less.inside_s, less.between_s, less.total_s, less.exposed_s] {
                prop_assert!(it.is_finite() && it >= 0.0);
            }
            prop_assert!(less.total_s <= grown.total_s && less.exposed_s <= less.total_s);
            if n * nodes == 1 {
                prop_assert!(grown.total_s <= 0.0);
            }
        }
    }
}
