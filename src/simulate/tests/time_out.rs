//! Requests that are ended in service.

use proptest::prelude::*;

use crate::catalog::ScalerRule;
use crate::simulate::*;
use crate::units::{Currency, MoneyPerHour};

const S: u64 = 1_000_000;

fn plain() -> Billing {
    Billing::by_the_microsecond(MoneyPerHour::parse("3.6", Currency::USD).unwrap())
}

/// Starts of 3 s, an idle timeout of 5 s, one slot, a time-out.
fn fleet(timeout_s: Option<u64>) -> FleetSpec {
    FleetSpec {
        max_replicas: 4,
        scaler: Scaler::Rule(ScalerRule::RequestCount { requests: 1 }),
        idle_timeout: Delay::Constant(5 * S),
        cold_start: Delay::Constant(3 * S),
        execution_timeout_us: timeout_s.map(|it| it * S),
        ..FleetSpec::fixed(0, 1)
    }
}

/// 10 s asked for at 0 are ended at 7 after 4; the replica leaves at 12. 2 s asked for at 20 are
/// served from 23 to 25, and it leaves at 30: 22 s at 0.001, and one of two within the limit.
#[test]
fn a_time_out_by_hand() {
    let trace = Trace::new(vec![0, 20 * S], 40 * S);
    let service = ServiceModel::PerRequest(vec![10 * S, 2 * S]);
    let slo = Some(SloLimits { ttft_us: Some(3 * S), tpot_us: None });
    let of = |timeout| run(&trace.served_by(&service), &fleet(timeout), &plain(), slo);
    let it = of(Some(4)).outcome().unwrap();
    assert_eq!((it.requests, it.execution_timeouts, it.attained), (2, 1, Some(1)));
    assert_eq!(it.total_cost().unwrap().to_decimal_string(), "0.022");
    assert_eq!((it.elastic.busy_us, it.elastic.starting_us), (6 * S, 6 * S));
    assert_eq!(it.sojourn_mean_us, Some(6e6));
    // A request as long as the time-out is served.
    let it = of(Some(10)).outcome().unwrap();
    assert_eq!((it.execution_timeouts, it.attained), (0, Some(2)));
    assert_eq!(of(Some(10)), of(None));
}

/// The first token of a request that is ended says nothing: with 1 s of reading and waits of 3 s all
/// other requests have theirs after 4.
#[test]
fn who_is_ended_has_no_first_token() {
    let trace = Trace::with_tokens(&[(0, 1, 9), (20 * S, 1, 1)], 40 * S);
    let service = ServiceModel::Tokens { prefill_us_per_token: 1e6, tpot_us: 1e6 };
    let it = run(&trace.served_by(&service), &fleet(Some(4)), &plain(), None).outcome().unwrap();
    let ttft = it.ttft.unwrap();
    assert_eq!((it.execution_timeouts, ttft.p50_us, ttft.p99_us), (1, 4 * S, 4 * S));
    assert!((ttft.mean_us - 4e6).abs() < 1e-9);
}

proptest! {
    /// A time-out changes no wait and no cost of the requests cut to it, and whoever asks for more
    /// is ended, where nobody leaves before.
    #[test]
    fn a_time_out_is_a_cut(
        rows in proptest::collection::vec((0_u64..60, 0_u64..15), 0..40),
        timeout_us in 0_u64..15,
        n in 1_u32..4,
        is_fixed in any::<bool>(),
    ) {
        let (mut at, times): (Vec<u64>, Vec<u64>) = rows.into_iter().unzip();
        at.sort_unstable();
        let trace = Trace::new(at, 90);
        let cut = times.iter().map(|it| *it.min(&timeout_us)).collect();
        let n_longer = times.iter().filter(|it| **it > timeout_us).count() as u64;
        let elastic = FleetSpec { max_replicas: n, ..fleet(None) };
        let fleet = if is_fixed { FleetSpec::fixed(n, 1) } else { elastic };
        let ending = FleetSpec { execution_timeout_us: Some(timeout_us), ..fleet.clone() };
        let of = |times, fleet| {
            let service = ServiceModel::PerRequest(times);
            run(&trace.served_by(&service), fleet, &plain(), None).outcome().unwrap()
        };
        let (cut, ended) = (of(cut, &fleet), of(times, &ending));
        prop_assert_eq!(ended.execution_timeouts, n_longer);
        prop_assert_eq!(Outcome { execution_timeouts: 0, ..ended }, cut);
    }
}
