//! The field's model of serverless functions: one request per replica, no queue. A request that finds
//! no idle replica starts one and waits for that one; of the idle ones the youngest serves.
//!
//! At one instant: departures, replicas becoming Ready, arrivals in their order, idle time-outs. At
//! the maximum a request is refused.

use super::engine::{Counts, NO_REQUEST};
use super::heap::{Departure, Departures};
use super::latency::Measure;
use super::ledger::{Class, Ledger};
use super::outcome::Impossible;
use super::plan::{FleetSpec, HORIZON_US};
use super::pool::{NEVER, Pool};
use super::service::Request;

struct Functions<'a, M> {
    pool: Pool,
    n_max: u32,
    departures: Departures,
    /// Idle replicas by age, the youngest last.
    idle: Vec<(u64, u32)>,
    /// The age of each replica: how many had started before it.
    age: Vec<u64>,
    /// The request each replica starts for.
    bound: Vec<Option<Request>>,
    counts: Counts,
    measure: &'a mut M,
}

/// Replays `requests` on a checked fleet of replicas with one slot.
pub(super) fn replay(
    requests: impl Iterator<Item = Request>,
    fleet: &FleetSpec,
    ledger: Ledger,
    measure: &mut impl Measure,
) -> Result<(Ledger, Counts), Impossible> {
    let reach = fleet.reach();
    let mut functions = Functions {
        pool: Pool::new(fleet, ledger),
        n_max: reach,
        departures: Departures::default(),
        idle: (0..fleet.min_replicas).map(|number| (0, number)).collect(),
        age: vec![0; reach as usize],
        bound: vec![None; reach as usize],
        counts: Counts::default(),
        measure,
    };
    functions.run(requests)?;
    Ok((functions.pool.close(), functions.counts))
}

impl<M: Measure> Functions<'_, M> {
    fn run(&mut self, mut requests: impl Iterator<Item = Request>) -> Result<(), Impossible> {
        let mut arrival = requests.next().unwrap_or(NO_REQUEST);
        loop {
            let next_departure = self.departures.first().map_or(NEVER, Departure::at_us);
            let next_rare = self.pool.next_ready().min(self.pool.next_idle_off());
            let now = arrival.at_us.min(next_departure).min(next_rare);
            let n_waiting = usize::try_from(self.pool.n_starting()).unwrap_or(usize::MAX);
            self.measure.until(now, &self.pool, n_waiting);
            let drained =
                arrival.at_us == NEVER && next_departure == NEVER && self.pool.n_starting() == 0;
            if now == NEVER || (drained && now > self.pool.ledger.window_us) {
                return Ok(());
            }
            if next_departure == now {
                self.depart(now);
            }
            if next_rare == now {
                self.become_ready(now)?;
            }
            while arrival.at_us == now {
                self.arrive(arrival)?;
                arrival = requests.next().unwrap_or(NO_REQUEST);
            }
            while self.pool.next_idle_off() == now {
                self.turn_off_idle(now);
            }
        }
    }

    #[inline]
    fn depart(&mut self, now: u64) {
        while let Some(departure) = self.departures.first().filter(|it| it.at_us() == now) {
            self.departures.pop();
            self.pool.release(departure.replica(), now);
            self.becomes_idle(departure.replica());
        }
    }

    fn become_ready(&mut self, now: u64) -> Result<(), Impossible> {
        while self.pool.next_ready() == now {
            let Some(number) = self.pool.become_ready(now) else { break };
            if let Some(request) = self.bound[number as usize].take() {
                self.counts.delayed += u64::from(now > request.at_us);
                self.serve(request, number, now)?;
            }
        }
        Ok(())
    }

    fn turn_off_idle(&mut self, now: u64) {
        if let Some(number) = self.pool.turn_off_idle(now) {
            let key = (self.age[number as usize], number);
            if let Ok(place) = self.idle.binary_search(&key) {
                self.idle.remove(place);
            }
        }
    }

    fn becomes_idle(&mut self, number: u32) {
        let key = (self.age[number as usize], number);
        let place = self.idle.partition_point(|it| *it < key);
        self.idle.insert(place, key);
    }

    fn arrive(&mut self, request: Request) -> Result<(), Impossible> {
        self.counts.requests += 1;
        self.counts.offered_us += u128::from(request.service_us);
        if let Some((_, number)) = self.idle.pop() {
            return self.serve(request, number, request.at_us);
        }
        if self.pool.n_on() < self.n_max
            && let Some(number) = self.pool.start(request.at_us, Class::Elastic)
        {
            self.age[number as usize] = self.pool.ledger.n_starts;
            self.bound[number as usize] = Some(request);
        } else {
            self.counts.refused += 1;
        }
        Ok(())
    }

    fn serve(&mut self, request: Request, number: u32, now: u64) -> Result<(), Impossible> {
        self.measure.record(now - request.at_us, request.prefill_us);
        self.counts.served_us += u128::from(request.service_us);
        // A request without service time holds its replica to the end of the instant.
        let leaves = now.saturating_add(request.service_us);
        if leaves >= HORIZON_US {
            return Err(Impossible::BeyondHorizon);
        }
        self.pool.occupy(number, now);
        self.pool.ledger.slot_busy_us += u128::from(self.pool.ledger.inside(now, leaves));
        self.departures.push(Departure::new(leaves, number));
        Ok(())
    }
}
