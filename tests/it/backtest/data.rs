//! The series, cut in halves, as workloads with a bill.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use gpuadvise::catalog::{Catalog, Offer, Purchase};
use gpuadvise::units::{Money, Period, Timestamp};
use gpuadvise::workload::{
    CostBin, CountBin, CountSeries, Demand, Deployment, Kind, LevelBin, LevelSeries,
    PricingCategory, Settings, Slo, UsageTotals, Workload,
};

const MINUTE_US: i64 = 60_000_000;
const HOUR_US: i64 = 60 * MINUTE_US;
/// GPUs of a node of the cluster.
const GPUS_OF_NODE: u32 = 8;

/// Where a workload runs and what may be bought for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    /// Whom it is rented from today.
    pub(super) provider: &'static str,
    /// Where.
    pub(super) region: &'static str,
    /// The GPU of the catalog.
    pub(super) gpu: &'static str,
    /// GPUs of an instance.
    pub(super) gpus: u32,
    /// Whose serverless workers may be used beside.
    pub(super) serverless: Option<&'static str>,
    /// Seconds to the first token that 95 of 100 requests must keep.
    pub(super) ttft_s: f64,
}

impl Setting {
    /// Who sells what.
    pub(super) fn words(&self) -> String {
        let beside = self.serverless.map_or(String::new(), |it| format!(" beside {it}"));
        format!("{} x {} of {}{beside}", self.gpus, self.gpu, self.provider)
    }

    /// The cheapest row of this instance that is bought one way.
    fn offer<'a>(&self, catalog: &'a Catalog, is: impl Fn(Purchase) -> bool) -> Option<&'a Offer> {
        let fits = |it: &&Offer| {
            it.provider == self.provider
                && it.region == self.region
                && it.gpu_count == self.gpus
                && is(it.purchase)
        };
        catalog.offers_for(self.gpu).filter(fits).min_by_key(|it| it.rate.nano())
    }

    /// Pay as you go.
    pub(super) fn payg<'a>(&self, catalog: &'a Catalog) -> &'a Offer {
        self.offer(catalog, |it| it == Purchase::PayAsYouGo).unwrap()
    }

    /// The cheapest commitment of up to a year.
    pub(super) fn reserved<'a>(&self, catalog: &'a Catalog) -> &'a Offer {
        let up_to_a_year = |it| matches!(it, Purchase::Reserved { months } if months <= 12);
        self.offer(catalog, up_to_a_year).unwrap()
    }
}

/// GPUs in use by minute.
#[derive(Clone, Debug)]
pub(super) struct Cluster {
    pub(super) name: String,
    gpus: Vec<u32>,
    start: Timestamp,
}

/// Requests and the variation of their gaps by ten minutes.
#[derive(Clone, Debug)]
pub(super) struct Client {
    pub(super) name: String,
    bins: Vec<(u64, f64)>,
}

/// Which part of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Half {
    First,
    Second,
}

impl Half {
    fn of<T>(self, all: &[T]) -> (usize, &[T]) {
        let (first, second) = all.split_at(all.len() / 2);
        match self {
            Half::First => (0, first),
            Half::Second => (first.len(), second),
        }
    }
}

fn text(path: &Path) -> String {
    let mut text = String::new();
    let bytes = std::fs::read(path).unwrap();
    flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
    text
}

/// A Monday: of which day the first day of a trace is, nobody says.
fn monday() -> Timestamp {
    Timestamp::parse("2026-11-02T00:00:00Z", chrono_tz::Tz::UTC).unwrap()
}

fn period(start: Timestamp, from: usize, n: usize, step_us: i64) -> Period {
    let at = |index: usize| start.plus_us(i64::try_from(index).unwrap() * step_us);
    Period::new(at(from), at(from + n)).unwrap()
}

/// The virtual clusters of Helios.
pub(super) fn clusters(folder: &Path) -> Vec<Cluster> {
    const NAMES: [&str; 8] =
        ["vc3sl", "vc8Sj", "vcJkd", "vcMod", "vcTJs", "vcdI0", "vchbv", "vcpDC"];
    let read = |name: &&str| {
        let text = text(&folder.join(format!("helios_earth_vc/{name}.csv.gz")));
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let column = reader.headers().unwrap().iter().position(|it| it == "running_gpu_num");
        let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
        let gpus = rows.iter().map(|it| it[column.unwrap()].parse().unwrap()).collect();
        let start = Timestamp::parse(&rows[0][0], chrono_tz::Tz::UTC).unwrap();
        Cluster { name: (*name).to_owned(), gpus, start }
    };
    NAMES.iter().map(read).collect()
}

/// Clients of `ServeGen` ranked by requests, among those with traffic in both weeks: 1, 5, 9 to 117.
pub(super) fn clients(folder: &Path) -> Vec<Client> {
    let text = text(&folder.join("servegen_m_large/servegen_m_large.csv.gz"));
    let mut all: BTreeMap<u32, Vec<(u64, f64)>> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let requests = (cells[2].parse::<f64>().unwrap() * 600.0).round() as u64;
        let cv = cells[3].parse().unwrap();
        all.entry(cells[0].parse().unwrap()).or_default().push((requests, cv));
    }
    let sum = |bins: &[(u64, f64)]| bins.iter().map(|it| it.0).sum::<u64>();
    let works =
        |bins: &[(u64, f64)]| sum(Half::First.of(bins).1) > 0 && sum(Half::Second.of(bins).1) > 0;
    let mut ranked: Vec<_> = all.into_iter().filter(|it| works(&it.1)).collect();
    ranked.sort_by_key(|it| std::cmp::Reverse(sum(&it.1)));
    let named = |(name, bins)| Client { name: format!("client {name}"), bins };
    ranked.into_iter().step_by(4).take(30).map(named).collect()
}

impl Cluster {
    pub(super) fn new(name: &str, gpus: Vec<u32>) -> Cluster {
        Cluster { name: name.to_owned(), gpus, start: monday() }
    }

    /// Half of it on nodes that are paid while a GPU of them is in use.
    pub(super) fn workload(&self, half: Half, setting: &Setting, catalog: &Catalog) -> Workload {
        let (from, gpus) = half.of(&self.gpus);
        let nodes: Vec<u32> = gpus.iter().map(|it| it.div_ceil(GPUS_OF_NODE)).collect();
        let window = period(self.start, from, nodes.len(), MINUTE_US);
        let rate = setting.payg(catalog).rate;
        let per_node = f64::from(setting.gpus);
        let bins = nodes.iter().enumerate().map(|(at, n)| LevelBin {
            period: period(self.start, from + at, 1, MINUTE_US),
            gpus: f64::from(*n) * per_node,
        });
        let series =
            LevelSeries { bins: bins.collect(), width_us: MINUTE_US, absent_is_zero: false };
        let costs: Vec<CostBin> = nodes
            .chunks(60)
            .enumerate()
            .map(|(hour, nodes)| {
                let minutes = u64::from(nodes.iter().sum::<u32>());
                CostBin {
                    period: period(self.start, from + hour * 60, nodes.len(), MINUTE_US),
                    category: PricingCategory::Standard,
                    cost: rate.cost_of_us(minutes * MINUTE_US.unsigned_abs()).unwrap(),
                    gpu_hours: Some(minutes as f64 / 60.0 * per_node),
                }
            })
            .collect();
        let most = nodes.iter().max().copied().unwrap_or(0);
        let deployment = deployment(setting, f64::from(most) * per_node);
        let settings = Settings { kind: Some(Kind::Training), ..Settings::default() };
        workload(&self.name, window, Demand::Level(series), (costs, deployment, settings))
    }
}

impl Client {
    /// Tokens of a prompt and of an answer.
    const TOKENS: (u64, u64) = (2_000, 300);

    pub(super) fn new(name: &str, bins: Vec<(u64, f64)>) -> Client {
        Client { name: name.to_owned(), bins }
    }

    /// Hours of a half.
    pub(super) fn n_hours(&self, half: Half) -> usize {
        half.of(&self.bins).1.len() / 6
    }

    /// Requests of a half.
    pub(super) fn counts(&self, half: Half) -> (Period, CountSeries) {
        let start = monday();
        let (from, bins) = half.of(&self.bins);
        let bin = |(at, (requests, cv)): (usize, &(u64, f64))| CountBin {
            period: period(start, from + at, 1, 10 * MINUTE_US),
            requests: *requests,
            prompt_tokens: Some(requests * Client::TOKENS.0),
            completion_tokens: Some(requests * Client::TOKENS.1),
            interarrival_cv: Some(*cv).filter(|_| *requests > 1),
        };
        let window = period(start, from, bins.len(), 10 * MINUTE_US);
        let all = bins.iter().enumerate().map(bin).collect();
        (window, CountSeries { bins: all, width_us: 10 * MINUTE_US })
    }

    /// Half of it, served by so many instances in each of its hours.
    pub(super) fn workload(
        &self,
        half: Half,
        (setting, instances): (&Setting, &[u32]),
        catalog: &Catalog,
    ) -> Workload {
        let (window, series) = self.counts(half);
        let rate = setting.payg(catalog).rate;
        let costs = instances.iter().enumerate().map(|(hour, n)| CostBin {
            period: period(window.start(), hour, 1, HOUR_US),
            category: PricingCategory::Standard,
            cost: rate
                .times(u64::from(*n))
                .and_then(|it| it.cost_of_us(HOUR_US.unsigned_abs()))
                .unwrap(),
            gpu_hours: Some(f64::from(*n * setting.gpus)),
        });
        let gpus = f64::from(instances.iter().max().copied().unwrap_or(1) * setting.gpus);
        let deployment = Deployment {
            model: Some("Qwen/Qwen2.5-32B".to_owned()),
            quantization: Some("fp8".to_owned()),
            ..deployment(setting, gpus)
        };
        let slo = Slo {
            ttft_p95_s: Some(setting.ttft_s),
            tpot_p95_s: Some(0.1),
            attainment: 0.95.try_into().unwrap(),
            assumed: false,
        };
        let kind = Some(Kind::RealTimeInference);
        let settings = Settings { kind, slo: Some(slo), ..Settings::default() };
        let parts = (costs.collect(), deployment, settings);
        workload(&self.name, window, Demand::Counts(series), parts)
    }
}

fn deployment(setting: &Setting, gpus: f64) -> Deployment {
    Deployment {
        provider: Some(setting.provider.to_owned()),
        region: Some(setting.region.to_owned()),
        gpu: Some(setting.gpu.to_owned()),
        gpu_label: Some(setting.gpu.to_owned()),
        gpu_count: Some(gpus),
        pricing_category: PricingCategory::Standard,
        ..Deployment::default()
    }
}

fn workload(
    name: &str,
    window: Period,
    demand: Demand,
    (costs, deployment, settings): (Vec<CostBin>, Deployment, Settings),
) -> Workload {
    let currency = costs[0].cost.currency();
    let cost = Money::sum(costs.iter().map(|it| it.cost), currency).unwrap();
    let sum = |of: fn(&CountBin) -> Option<u64>| match &demand {
        Demand::Counts(series) => Some(series.bins.iter().filter_map(of).sum()),
        _ => None,
    };
    let totals = UsageTotals {
        billed_cost: Some(cost),
        effective_cost: Some(cost),
        gpu_hours: Some(costs.iter().filter_map(|it| it.gpu_hours).sum()),
        requests: sum(|it| Some(it.requests)),
        prompt_tokens: sum(|it| it.prompt_tokens),
        completion_tokens: sum(|it| it.completion_tokens),
        n_rows: costs.len() as u64,
        ..UsageTotals::default()
    };
    Workload {
        name: name.to_owned(),
        seed_name: name.to_owned(),
        owner: None,
        environment: None,
        window,
        demand_window: window,
        demand,
        billed_level: None,
        costs,
        costs_before: Vec::new(),
        activity: Vec::new(),
        engine: Vec::new(),
        engine_latencies: gpuadvise::workload::EngineLatencies::default(),
        offered: None,
        totals,
        deployment,
        overlapping_rows: 0,
        settings,
    }
}
