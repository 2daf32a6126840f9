//! The cheapest purchases over time when demand is known: the bound that every other way is held to.
//!
//! `min sum(fee x R_s) + sum(a u_t) + sum(p o_t)` with `u_t <= sum of R_s live in t` and
//! `u_t + o_t = D_t`: R terms bought in step s, u instances covered in step t and o by use, D
//! wanted. The columns of the matrix are intervals of steps, so it is totally unimodular and its
//! optimum is whole (the problem of Wang, Li, Liang, Dynamic cloud resource reservation via cloud
//! brokerage, ICDCS 2013). Looking at each level of demand alone is not exact: demand 1, 2, 1, a
//! term of 2 steps for 1.00 and 0.90 by use cost 2.00 with one term in each of the first two steps;
//! levels alone cost 2.40, or 2.80 were the half term after the end charged too.
//!
//! Subtracting each row from the next makes it a flow on a line. Nodes are the instants between
//! steps, and demand must cross its step: by use from t to t + 1, under a term from s to its end,
//! and back from t + 1 to t for nothing where terms exceed demand. Shortest augmenting paths solve
//! it on whole numbers.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::purchases::{Prices, Purchases, TermOffer};

/// The cheapest purchases for `demand`, instances in each step; nothing when the offer has no term,
/// mixes currencies, charges a covered step above one by use, or a cost does not fit its type.
/// A year of hours with terms of a month takes less than half a second for up to 300 instances.
pub fn cheapest_purchases(demand: &[u32], offer: &TermOffer) -> Option<Purchases> {
    let prices = offer.prices()?;
    let (line, _) = cheapest_flow(demand, &prices)?;
    let bought: Option<Vec<u32>> = line.bought.iter().map(|n| u32::try_from(*n).ok()).collect();
    prices.with(demand, bought?)
}

/// The cheapest flow in which `demand` crosses each step, and the potentials that prove it.
fn cheapest_flow(demand: &[u32], prices: &Prices) -> Option<(Line, Search)> {
    let mut line = Line::new(demand.len(), prices)?;
    let mut before = 0_i64;
    let mut excess = Vec::with_capacity(demand.len() + 1);
    for wanted in demand.iter().copied().chain([0]) {
        excess.push(i64::from(wanted) - before);
        before = i64::from(wanted);
    }
    let mut search = Search::new(excess.len());
    // From the end: a search then looks at few steps, since what is before is still at rest.
    for from in (0..excess.len()).rev() {
        while excess[from] > 0 {
            let to = search.nearest(&line, from, |node| excess[node] < 0)?;
            let path = search.path(from, to);
            let room = path.iter().filter_map(|way| line.room(*way)).min();
            let amount = excess[from].min(-excess[to]).min(room.unwrap_or(i64::MAX));
            for way in path {
                line.push(way, amount);
            }
            excess[from] -= amount;
            excess[to] += amount;
        }
    }
    Some((line, search))
}

/// A way from one instant to another.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// Over this step: less excess of terms, or more by use.
    Forth(usize),
    /// Back over this step: less by use, or more excess of terms.
    Back(usize),
    /// A term bought in this step.
    Buy(usize),
    /// One term less.
    Return(usize),
}

/// The flow. Costs are multiplied by the term, so that a part of a fee is a whole number.
struct Line {
    term: usize,
    /// What a step by use costs above a covered one.
    by_use: i128,
    /// Fee of a term bought in each step.
    fees: Vec<i128>,
    bought: Vec<i64>,
    /// By use in each step, or less than nothing: terms above demand.
    crossing: Vec<i64>,
}

impl Line {
    fn new(n_steps: usize, prices: &Prices) -> Option<Line> {
        let fee = |at| prices.fee.checked_mul(prices.covered_steps(at, n_steps).try_into().ok()?);
        let by_use = prices.saved().checked_mul(prices.term.try_into().ok()?)?;
        // No path is longer than all steps at the dearer price, so no sum below can overflow.
        let dearest = prices.fee.checked_mul(prices.term.try_into().ok()?)?.max(by_use);
        dearest.checked_mul(n_steps.checked_add(2)?.checked_mul(4)?.try_into().ok()?)?;
        Some(Line {
            term: prices.term,
            by_use,
            fees: (0..n_steps).map(fee).collect::<Option<_>>()?,
            bought: vec![0; n_steps],
            crossing: vec![0; n_steps],
        })
    }

    /// Calls `visit` with each way out of `node`, where it leads, and what one more costs.
    fn ways(&self, node: usize, mut visit: impl FnMut(Way, usize, i128)) {
        let n_steps = self.fees.len();
        if node < n_steps {
            let cost = if self.crossing[node] < 0 { 0 } else { self.by_use };
            visit(Way::Forth(node), node + 1, cost);
            visit(Way::Buy(node), n_steps.min(node.saturating_add(self.term)), self.fees[node]);
        }
        if let Some(step) = node.checked_sub(1) {
            let cost = if self.crossing[step] > 0 { -self.by_use } else { 0 };
            visit(Way::Back(step), step, cost);
        }
        // Terms that end here; at the last instant also those that would end later.
        let first = node.saturating_sub(self.term);
        let ending = match node {
            _ if node == n_steps => first..n_steps,
            _ if node >= self.term => first..first + 1,
            _ => 0..0,
        };
        for step in ending {
            if self.bought[step] > 0 {
                visit(Way::Return(step), step, -self.fees[step]);
            }
        }
    }

    /// How much fits through a way at its cost; nothing for any amount.
    fn room(&self, way: Way) -> Option<i64> {
        match way {
            Way::Forth(step) => (self.crossing[step] < 0).then(|| -self.crossing[step]),
            Way::Back(step) => (self.crossing[step] > 0).then(|| self.crossing[step]),
            Way::Buy(_) => None,
            Way::Return(step) => Some(self.bought[step]),
        }
    }

    fn push(&mut self, way: Way, amount: i64) {
        match way {
            Way::Forth(step) => self.crossing[step] += amount,
            Way::Back(step) => self.crossing[step] -= amount,
            Way::Buy(step) => self.bought[step] += amount,
            Way::Return(step) => self.bought[step] -= amount,
        }
    }
}

/// Dijkstra's search with potentials, which keep the cost of every way at zero or above.
struct Search {
    potential: Vec<i128>,
    /// Distance found so far, of this search only.
    distance: Vec<Option<i128>>,
    /// The node before, and the way from it.
    before: Vec<Option<(usize, Way)>>,
    touched: Vec<usize>,
}

impl Search {
    fn new(n_nodes: usize) -> Search {
        Search {
            potential: vec![0; n_nodes],
            distance: vec![None; n_nodes],
            before: vec![None; n_nodes],
            touched: Vec::new(),
        }
    }

    /// The nearest node of those that `is_end`. Only nodes nearer than it move their potential, so
    /// a search costs what it sees, not the whole line.
    fn nearest(
        &mut self,
        line: &Line,
        from: usize,
        is_end: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        for node in self.touched.drain(..) {
            self.distance[node] = None;
            self.before[node] = None;
        }
        // Nodes at the distance reached wait on a stack, those beyond it in a heap.
        let (mut near, mut far) = (vec![from], BinaryHeap::new());
        let mut reached = 0_i128;
        self.distance[from] = Some(0);
        self.touched.push(from);
        loop {
            let Some(node) = near.pop() else {
                let Reverse((distance, node)) = far.pop()?;
                if self.distance[node] == Some(distance) {
                    reached = distance;
                    near.push(node);
                }
                continue;
            };
            if is_end(node) {
                for node in &self.touched {
                    let nearer = self.distance[*node].map_or(0, |it| (reached - it).max(0));
                    self.potential[*node] -= nearer;
                }
                return Some(node);
            }
            line.ways(node, |way, to, cost| {
                let found = reached + cost + self.potential[node] - self.potential[to];
                if self.distance[to].is_none_or(|least| found < least) {
                    if self.distance[to].is_none() {
                        self.touched.push(to);
                    }
                    self.distance[to] = Some(found);
                    self.before[to] = Some((node, way));
                    if found == reached {
                        near.push(to);
                    } else {
                        far.push(Reverse((found, to)));
                    }
                }
            });
        }
    }

    /// The ways of the shortest path, last first.
    fn path(&self, from: usize, to: usize) -> Vec<Way> {
        let mut ways = Vec::new();
        let mut node = to;
        while node != from
            && let Some((before, way)) = self.before[node]
        {
            ways.push(way);
            node = before;
        }
        ways
    }
}

#[cfg(test)]
mod tests {
    use super::super::purchases::tests::offer;
    use super::*;
    use crate::units::{Currency, Money};
    use proptest::prelude::*;

    const USD: i128 = 1_000_000_000;

    #[test]
    fn worked_by_hand() {
        let check = |demand: &[u32], offer: &TermOffer, bought: &[u32], cost: &str| {
            let found = cheapest_purchases(demand, offer).unwrap();
            assert_eq!(found.cost.to_decimal_string(), cost, "{demand:?}");
            assert_eq!(found.bought, bought, "{demand:?}");
        };
        let two_steps = offer(2, [USD, 9 * USD / 10, 0]);
        check(&[1, 2, 1], &two_steps, &[1, 1, 0], "2.00");
        check(&[1, 0, 0], &two_steps, &[0, 0, 0], "0.90");
        check(&[], &two_steps, &[], "0.00");
        check(&[0, 0], &two_steps, &[0, 0], "0.00");
        // Half a term is left, for half the fee.
        check(&[0, 0, 1], &two_steps, &[0, 0, 1], "0.50");
        check(&[3], &offer(1, [2 * USD, USD, 0]), &[0], "3.00");
        // A covered step costs half of one by use.
        check(&[1, 1], &offer(2, [USD / 2, USD, USD / 2]), &[1, 0], "1.50");
    }

    #[test]
    fn an_unsound_offer_has_no_answer() {
        assert_eq!(cheapest_purchases(&[1], &offer(0, [1, 1, 0])), None);
        assert_eq!(cheapest_purchases(&[1], &offer(1, [1, 1, 2])), None);
    }

    /// The least cost x term of all ways to buy, by counting through them.
    fn exhaustive(demand: &[u32], term: usize, prices: [i128; 3]) -> i128 {
        let [fee, by_use, while_covered] = prices;
        let most = usize::try_from(*demand.iter().max().unwrap()).unwrap() + 1;
        let n_steps = demand.len();
        let cost_of = |mut code: usize| {
            let bought: Vec<usize> = (0..n_steps)
                .map(|_| {
                    let n = code % most;
                    code /= most;
                    n
                })
                .collect();
            let mut cost = 0;
            for (at, wanted) in demand.iter().enumerate() {
                let live: usize = bought[(at + 1).saturating_sub(term)..=at].iter().sum();
                let wanted = i128::from(*wanted);
                let covered = wanted.min(i128::try_from(live).unwrap());
                cost += (by_use * (wanted - covered) + while_covered * covered)
                    * i128::try_from(term).unwrap();
                let charged = i128::try_from(bought[at] * term.min(n_steps - at)).unwrap();
                cost += fee * charged;
            }
            cost
        };
        (0..most.pow(u32::try_from(n_steps).unwrap())).map(cost_of).min().unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]
        #[test]
        fn the_optimum_is_the_exhaustive_one(
            demand in proptest::collection::vec(0_u32..4, 1..7),
            term in 1_usize..5,
            fee in 0_i128..40,
            by_use in 0_i128..20,
            covered in 0_i128..20,
        ) {
            // Prices in sixtieths, so that the cost of a part of a term has nine decimals.
            let prices = [fee, by_use, covered.min(by_use)];
            let found = cheapest_purchases(
                &demand,
                &offer(u32::try_from(term).unwrap(), prices.map(|it| it * 60)),
            ).unwrap();
            let least = exhaustive(&demand, term, prices) * 60 / i128::try_from(term).unwrap();
            prop_assert_eq!(found.cost, Money::from_nano(least, Currency::USD).unwrap());
        }

        /// Duality: no step is worth more than by use, no term more than its fee, and what is bought
        /// is worth its price. It proves the optimum of instances too large to count through.
        #[test]
        fn what_is_bought_is_worth_its_price(
            demand in proptest::collection::vec(0_u32..30, 1..150),
            term in 1_u32..40,
            fee in 0_i128..400,
            by_use in 1_i128..20,
        ) {
            let prices = offer(term, [fee, by_use, 0]).prices().unwrap();
            let (line, search) = cheapest_flow(&demand, &prices).unwrap();
            let worth = |from: usize, to: usize| search.potential[to] - search.potential[from];
            let mut live = 0;
            for (at, wanted) in demand.iter().enumerate() {
                live += line.bought[at];
                live -= at.checked_sub(prices.term).map_or(0, |ended| line.bought[ended]);
                prop_assert_eq!(live + line.crossing[at], i64::from(*wanted));
                let (step, open) = (worth(at, at + 1), line.crossing[at]);
                prop_assert!((0..=line.by_use).contains(&step));
                prop_assert!(open <= 0 || step == line.by_use);
                prop_assert!(open >= 0 || step == 0);
                let term = worth(at, demand.len().min(at + prices.term));
                prop_assert!(term <= line.fees[at]);
                prop_assert!(line.bought[at] == 0 || term == line.fees[at]);
            }
        }

        #[test]
        fn more_demand_never_costs_less(
            demand in proptest::collection::vec(0_u32..9, 1..40),
            more in proptest::collection::vec(0_u32..3, 40),
            term in 1_u32..12,
            fee in 0_i128..40,
        ) {
            let offer = offer(term, [fee, 5, 1]);
            let raised: Vec<u32> = demand.iter().zip(&more).map(|(a, b)| a + b).collect();
            let cost = |demand: &[u32]| cheapest_purchases(demand, &offer).unwrap().cost;
            prop_assert!(cost(&demand) <= cost(&raised));
            let by_use: i128 = demand.iter().map(|it| i128::from(*it) * 5).sum();
            prop_assert!(cost(&demand) <= Money::from_nano(by_use, Currency::USD).unwrap());
        }
    }
}
