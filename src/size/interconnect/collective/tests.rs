use proptest::prelude::*;

use super::*;
use crate::size::fixtures;

fn near(found: f64, expected: f64) {
    assert!((found / expected - 1.0).abs() < 0.02, "{found} is not near {expected}");
}

#[test]
fn small_messages_take_the_kernel_and_large_ones_the_library() {
    let it = Collective::of(&fixtures::h100(), 8).unwrap();
    near(it.all_reduce_s(65_536.0), 6.4e-6);
    near(it.library_s(65_536.0), 18.7e-6);
    near(it.all_reduce_s(1e9), it.library_s(1e9));
    near(it.all_reduce_s(1e9), 1.75e9 / 427e9);
}

#[test]
fn what_is_not_measured_says_so() {
    let of = |gpu: &GpuSpec, n| Collective::of(gpu, n).map(|it| it.evidence());
    assert_eq!(of(&fixtures::h100(), 8), Some(Evidence::Measured));
    assert_eq!(of(&fixtures::h100(), 9), None);
    assert_eq!(of(&fixtures::h100(), 0), None);
    assert_eq!(of(&fixtures::l4(), 2), Some(Evidence::Measured));
    assert_eq!(of(&fixtures::l4(), 4), Some(Evidence::DependsOnHost));
    let mut derived = fixtures::h100();
    derived.fabric.groups[2].measured = false;
    assert_eq!(of(&derived, 5), Some(Evidence::Derived));
}

#[test]
fn the_users_bandwidth_replaces_ours() {
    let ours = Collective::of(&fixtures::l4(), 8).unwrap();
    let given = ours.with_bus_bandwidth(25e9);
    assert_eq!(given.evidence(), Evidence::Given);
    near(given.all_reduce_s(1e9), 1.75e9 / 25e9);
    assert!(given.all_reduce_s(1e9) < ours.all_reduce_s(1e9) / 10.0);
}

#[test]
fn all_cards_of_a_node_carry_the_ring() {
    let network = fixtures::network("InfiniBand HDR", 200.0, 23.1);
    near(Collective::across(&network, 4, 16).library_s(1e9), 1.875e9 / 92.4e9);
    near(Collective::across(&network, 0, 16).library_s(1e9), 1.875e9 / 23.1e9);
}

proptest! {
    #[test]
    fn time_grows_with_bytes_and_is_nothing_alone(
        n in 1_u32..=8, bytes in 0.0..1e15, more in 0.0..1e15, switched: bool,
    ) {
        let gpu = if switched { fixtures::h100() } else { fixtures::l4() };
        let it = Collective::of(&gpu, n).unwrap();
        let (less_s, more_s) = (it.all_reduce_s(bytes), it.all_reduce_s(bytes + more));
        prop_assert!(less_s.is_finite() && more_s.is_finite() && 0.0 <= less_s && less_s <= more_s);
        prop_assert!(less_s <= it.library_s(bytes));
        if n == 1 {
            prop_assert!(more_s <= 0.0);
        }
    }

    #[test]
    fn absurd_messages_do_not_panic(bytes: f64) {
        let it = Collective::of(&fixtures::h100(), 8).unwrap();
        prop_assert!(it.all_reduce_s(bytes) >= 0.0);
    }
}
