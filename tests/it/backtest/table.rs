//! The pages of `docs/backtest.md`, and the bars.

use std::fmt::Write as _;

use super::line::{Line, Promise};

/// A hundredth of a hundredth of a cent per dollar: amounts that came by other ways are equal.
const EQUAL: f64 = 1e-9;

/// Sums over the series of a set.
struct Sums {
    ours: f64,
    early: f64,
    follow: f64,
    reserve: f64,
    rule: f64,
    hindsight: f64,
    scaled: f64,
}

impl Sums {
    fn of(lines: &[Line]) -> Sums {
        let sum = |of: fn(&Line) -> f64| lines.iter().map(of).sum::<f64>();
        Sums {
            ours: sum(|it| it.ours.usd),
            early: sum(|it| it.early.usd),
            follow: sum(|it| it.follow),
            reserve: sum(|it| it.reserve),
            rule: sum(|it| it.rule.1),
            hindsight: sum(|it| it.hindsight),
            scaled: sum(|it| it.scaled.usd),
        }
    }
}

/// Series on which the advice cost no more than something else.
fn no_worse(lines: &[&Line], other: fn(&Line) -> f64) -> usize {
    lines.iter().filter(|it| it.ours.usd <= other(it) * (1.0 + EQUAL)).count()
}

/// Promises with a range, and those kept.
fn kept(lines: &[Line]) -> (usize, usize, usize) {
    let all: Vec<&Promise> = lines.iter().filter_map(|it| it.promise.as_ref()).collect();
    let n = |is: fn(&Promise) -> bool| all.iter().filter(|it| is(it)).count();
    (n(Promise::is_kept), n(Promise::is_certain), all.len())
}

/// The bars, each with what was found and whether it holds.
fn held(nodes: &[Line], requests: &[Line]) -> Vec<(String, String, bool)> {
    let (helios, servegen) = (Sums::of(nodes), Sums::of(requests));
    let all: Vec<&Line> = nodes.iter().chain(requests).collect();
    let against = |sums: &Sums, other: f64| format!("{:+.1} %", (sums.ours / other - 1.0) * 100.0);
    let mut bars = Vec::new();
    let mut bar =
        |what: &str, found: String, holds: bool| bars.push((what.to_owned(), found, holds));
    for (what, other) in [
        ("Helios below (a)", helios.follow),
        ("Helios below (b)", helios.reserve),
        ("Helios below (c)", helios.rule),
    ] {
        bar(what, against(&helios, other), helios.ours < other);
    }
    let found = against(&helios, helios.hindsight);
    bar("Helios within 15 % of (d)", found, helios.ours <= 1.15 * helios.hindsight);
    let found = against(&servegen, servegen.follow);
    bar("ServeGen at most (a)", found, servegen.ours <= servegen.follow * (1.0 + EQUAL));
    for (what, other) in
        [("ServeGen below (b)", servegen.reserve), ("ServeGen below (c)", servegen.rule)]
    {
        bar(what, against(&servegen, other), servegen.ours < other);
    }
    for (name, n) in [
        ("(a)", no_worse(&all, |it| it.follow)),
        ("(b)", no_worse(&all, |it| it.reserve)),
        ("(c)", no_worse(&all, |it| it.rule.1)),
    ] {
        let what = format!("no worse than {name} in 80 % of all {}", all.len());
        bar(&what, format!("{n} of {}", all.len()), n * 10 >= all.len() * 8);
    }
    let ((of_nodes, _, n_nodes), (of_requests, _, n_requests)) = (kept(nodes), kept(requests));
    let (n_kept, n) = (of_nodes + of_requests, n_nodes + n_requests);
    let found = format!(
        "{n_kept} of {n}: Helios {of_nodes} of {n_nodes}, ServeGen {of_requests} of {n_requests}"
    );
    let holds = (7 * n..=9 * n).contains(&(10 * n_kept));
    bar("the 80 % range holds 70 to 90 % of the realised savings", found, holds);
    bars
}

/// Fails where a bar does not hold.
pub(super) fn hold(nodes: &[Line], requests: &[Line]) {
    for (what, found, holds) in held(nodes, requests) {
        assert!(holds, "{what}: {found}");
    }
}

pub(super) fn head() -> String {
    "# The advice on data it has not seen\n\n\
     Written by `GPUADVISE_BLESS=1 GPUADVISE_REFERENCE=DIR cargo test --test it backtest`, DIR the reference set;\n\
     a test holds the figures to it. How a series becomes a workload is told in `tests/it/backtest/mod.rs`.\n\n\
     The advice is given from the first half of a series with everything as shipped, among ways to buy the\n\
     hardware that runs today. The plan is set up once, and charged on the second half by `recommend::replay`.\n\
     \"Keep\" is charged as today's plan. All amounts are USD in a month of 730 hours. A commitment costs its rate\n\
     in every hour of the second half.\n\n\
     - **(a)** pay as you go that follows demand: as many instances in each hour as that hour takes by our\n  \
       sizing, headroom included, known before it comes and without a start. It is today's way too.\n\
     - **(b)** the peak of the first half reserved for up to a year, what exceeds it pay as you go as in (a).\n\
     - **(c)** the rule of thumb: bursty demand serverless, under 4 busy hours a day as (a), over 8 as (b), between\n  \
       them what was cheaper in the first half. Serverless is our cheapest serverless plan of the first half;\n  \
       where nobody sells any, (a).\n\
     - **(d)** the best single plan for the second half, found on it, commitments without a minimum of data\n  \
       among them. It keeps its limits; the others are charged whether they do or not.\n"
        .to_owned()
}

pub(super) fn bars(nodes: &[Line], requests: &[Line]) -> String {
    let mut text = "\n## Bars\n\n| bar | found | |\n| --- | --- | --- |\n".to_owned();
    for (what, found, holds) in held(nodes, requests) {
        let word = if holds { "holds" } else { "**fails**" };
        let _ = writeln!(text, "| {what} | {found} | {word} |");
    }
    text
}

/// A table of a set, and what follows from it.
pub(super) fn section(title: &str, lines: &[Line]) -> String {
    let mut text = format!(
        "\n## {title}\n\n\
         | series | today, first half | ours | (a) | (b) | (c) | (d) | promised | 80 % range | realised | within limits | plan |\n\
         | --- | ---: | ---: | ---: | ---: | --- | ---: | ---: | --- | ---: | ---: | --- |\n"
    );
    for it in lines {
        let promise = it.promise.as_ref().map_or("- | - | -".to_owned(), |it| {
            let mark = if it.is_kept() { "" } else { " !" };
            format!("{:.0} | {:.0} to {:.0} | {:.0}{mark}", it.saving, it.low, it.high, it.realised)
        });
        let _ = writeln!(
            text,
            "| {} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} {} | {:.0} | {promise} | {} | {} |",
            it.name,
            it.today,
            it.ours.usd,
            it.follow,
            it.reserve,
            it.rule.1,
            it.rule.0,
            it.hindsight,
            within(it),
            it.ours.plan,
        );
    }
    text + &summary(lines)
}

/// The share of requests within the limits, marked where it is too small.
fn within(line: &Line) -> String {
    let mark = if line.ours.meets { "" } else { " !" };
    line.ours.share.map_or("-".to_owned(), |it| format!("{:.1} %{mark}", it * 100.0))
}

fn summary(lines: &[Line]) -> String {
    let sums = Sums::of(lines);
    let keeping: Vec<&Line> = lines.iter().filter(|it| it.ours.meets).collect();
    let left: f64 = keeping.iter().map(|it| (it.ours.usd - it.hindsight).max(0.0)).sum();
    let best: f64 = keeping.iter().map(|it| it.hindsight).sum();
    let of_keeping: f64 = keeping.iter().map(|it| it.ours.usd).sum();
    let (n_kept, n_certain, n) = kept(lines);
    format!(
        "\nIn total: ours {:.0}, (a) {:.0}, (b) {:.0}, (c) {:.0}, (d) {:.0}. With commitments from the first day on ours would be {:.0}.\n\
         Pay as you go scaled by our simulation, which has to start instances and keep the limits: {:.0}, within the\n\
         limits on {} of {}; ours on {}. Over those on which ours keeps them it costs {:.0}, the best in hindsight\n\
         {best:.0}: {:+.1} % regret, {left:.0} left on the table. Effective Savings Rate {:.1} % over (a), list and contracted\n\
         prices being one here. {n_kept} of {n} realised savings are in their range; {n_certain} of the ranges are one number.\n",
        sums.ours,
        sums.follow,
        sums.reserve,
        sums.rule,
        sums.hindsight,
        sums.early,
        sums.scaled,
        lines.iter().filter(|it| it.scaled.meets).count(),
        lines.len(),
        keeping.len(),
        of_keeping,
        (of_keeping / best - 1.0) * 100.0,
        (1.0 - sums.ours / sums.follow) * 100.0,
    )
}

/// The head of the totals of other providers.
pub(super) const OTHERS: &str = "\n## Other providers\n\n\
    The same at other prices.\n\n\
    | setting | ours | (a) | (b) | (c) | (d) | from the first day | within limits | in range |\n\
    | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n";

/// One line of totals.
pub(super) fn totals(name: &str, lines: &[Line]) -> String {
    let sums = Sums::of(lines);
    let (n_kept, _, n) = kept(lines);
    format!(
        "| {name} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} | {} of {} | {n_kept} of {n} |\n",
        sums.ours,
        sums.follow,
        sums.reserve,
        sums.rule,
        sums.hindsight,
        sums.early,
        lines.iter().filter(|it| it.ours.meets).count(),
        lines.len(),
    )
}
