//! The advice on data it has not seen: given from the first half of a series, charged on the second.

mod data;
mod ways;

use std::time::Instant;

use gpuadvise::workload::Workload;
use rayon::prelude::*;

use crate::support::reference;
use data::{Client, Cluster, Half, Setting, clients, clusters};
use ways::{Charged, Shop, Sizing, best, held, level, monthly};

const HELIOS: Setting =
    Setting { provider: "gcp", region: "us-central1", gpu: "H100 SXM5", gpus: 8, serverless: None };
const SERVEGEN: Setting = Setting {
    provider: "digitalocean",
    region: "global",
    gpu: "H100 SXM5",
    gpus: 1,
    serverless: Some("modal"),
};

/// One series.
#[derive(Debug)]
struct Line {
    name: String,
    today: f64,
    ours: Charged,
    early: Option<Charged>,
    a: f64,
    b: f64,
    c: f64,
    rule: &'static str,
    d: f64,
    best: String,
    promised: f64,
    range: Option<(f64, f64)>,
    realised: Option<f64>,
    seconds: f64,
}

fn line(
    name: &str,
    (first, second): (&Workload, &Workload),
    (a, b): (f64, f64),
    (shop, free): (&Shop, &Shop),
) -> Line {
    let began = Instant::now();
    let (then, now) = (shop.describe(first), shop.describe(second));
    let advised = shop.advise(first, &then);
    let ours = shop.follow(&advised, (second, &now));
    let (rule, c) = shop.rule((&advised, &then), (second, &now), (a, b));
    let kept = shop.charge_today(&advised, (second, &now)).usd;
    let hindsight = free.advise(second, &now);
    let best = best(&hindsight);
    let early = free.advise(first, &then);
    let early = free.follow(&early, (second, &now));
    let range = advised.advice.risk.map(|it| (it.low.to_f64(), it.high.to_f64()));
    Line {
        name: name.to_owned(),
        today: ways::today(&advised).monthly_cost.to_f64(),
        realised: range.map(|_| kept - ours.usd),
        ours,
        early: Some(early),
        a,
        b,
        c,
        rule,
        d: best.monthly_cost.to_f64(),
        best: best.label(),
        promised: advised.advice.monthly_savings.to_f64(),
        range,
        seconds: began.elapsed().as_secs_f64(),
    }
}

fn of_cluster(cluster: &Cluster, shops: (&Shop, &Shop)) -> Line {
    let catalog = &shops.0.catalog;
    let first = cluster.workload(Half::First, &HELIOS, catalog);
    let second = cluster.workload(Half::Second, &HELIOS, catalog);
    let (_, peak) = level(&first, 0, &HELIOS, catalog);
    let (a, _) = level(&second, 0, &HELIOS, catalog);
    let (b, _) = level(&second, peak, &HELIOS, catalog);
    line(&cluster.name, (&first, &second), (a, b), shops)
}

fn of_client(client: &Client, shops: (&Shop, &Shop)) -> Line {
    let began = Instant::now();
    let catalog = &shops.0.catalog;
    let of = |half, n| client.workload(half, (&SERVEGEN, n), catalog);
    let peak = Sizing::of(of(Half::First, 1), catalog).fixed();
    let hours = Sizing::of(of(Half::Second, 1), catalog).by_hour();
    let (payg, reserved) = (SERVEGEN.payg(catalog).rate, SERVEGEN.reserved(catalog).rate);
    let a = monthly(&hours, 0, payg);
    let b = held(peak, reserved) + monthly(&hours, peak, payg);
    let (first, second) = (of(Half::First, peak), of(Half::Second, peak));
    let sized = began.elapsed().as_secs_f64();
    let mut line = line(&client.name, (&first, &second), (a, b), shops);
    eprintln!(
        "{} peak {peak} most {} sized {sized:.1} s, {:.1} s",
        line.name,
        hours.iter().max().unwrap(),
        line.seconds
    );
    line.seconds += sized;
    line
}

fn show(lines: &[Line]) {
    for it in lines {
        eprintln!(
            "{:10} today {:9.0} ours {:9.0} {} a {:9.0} b {:9.0} c {:9.0} {:13} d {:9.0} promised {:8.0} range {:?} realised {:?} | {} | {} | early {:?} | {:.1} s",
            it.name,
            it.today,
            it.ours.usd,
            it.ours.share.map_or(String::new(), |s| format!(
                "{}{:.3}",
                if it.ours.meets { "" } else { "!" },
                s
            )),
            it.a,
            it.b,
            it.c,
            it.rule,
            it.d,
            it.promised,
            it.range,
            it.realised,
            it.ours.plan,
            it.best,
            it.early,
            it.seconds
        );
    }
    let sum = |of: fn(&Line) -> f64| lines.iter().map(of).sum::<f64>();
    eprintln!(
        "ours {:.0} a {:.0} b {:.0} c {:.0} d {:.0} early {:.0}",
        sum(|it| it.ours.usd),
        sum(|it| it.a),
        sum(|it| it.b),
        sum(|it| it.c),
        sum(|it| it.d),
        sum(|it| it.early.as_ref().map_or(0.0, |it| it.usd)),
    );
}

#[test]
fn the_advice_on_the_second_half() {
    let Some(folder) = reference() else { return };
    let folder = folder.join("traces");
    let shops = (Shop::new(&HELIOS), Shop::without_minimum(&HELIOS));
    let lines: Vec<Line> =
        clusters(&folder).par_iter().map(|it| of_cluster(it, (&shops.0, &shops.1))).collect();
    show(&lines);
    let shops = (Shop::new(&SERVEGEN), Shop::without_minimum(&SERVEGEN));
    let all = clients(&folder);
    let from: usize = std::env::var("BT_FROM").map_or(0, |it| it.parse().unwrap());
    let lines: Vec<Line> =
        all[from..].par_iter().rev().map(|it| of_client(it, (&shops.0, &shops.1))).collect();
    show(&lines);
}
