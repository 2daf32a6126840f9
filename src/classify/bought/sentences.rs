//! What the sources say, in sentences a person can repeat.

use super::super::evidence::{grouped, number, percent, span};
use super::{Bought, Contradiction, DemandSource};
use crate::workload::Workload;

impl Contradiction {
    /// What it means, as far as the numbers go.
    fn sentence(&self) -> String {
        match self {
            Contradiction::MoreActiveThanAsked { active, explained } => format!(
                "GPUs are active {} % of the time and the requests explain at most {} %: something else runs on them, \
                 requests are missing, or the model or engine is another than named.",
                percent(*active),
                percent(*explained)
            ),
            Contradiction::LessActiveThanAsked { active, needed } => format!(
                "The requests keep GPUs busy at least {} % of the time and they are active {} %: the requests are \
                 answered elsewhere, the metrics are of other GPUs, or a request takes less than the model says.",
                percent(*needed),
                percent(*active)
            ),
            Contradiction::MoreAskedThanBilled { billed, needed } => format!(
                "The requests need at least {} GPU-hours and {} were held: some replicas are not in the bill, or a \
                 request takes less than the model says.",
                grouped(*needed),
                grouped(*billed)
            ),
        }
    }
}

/// Time of replicas in the unit a reader would choose: 7,560 s are 2.1 replica-hours.
fn replica_time(seconds: f64) -> String {
    match seconds {
        s if s >= 3600.0 => format!("{} replica-hours", grouped(s / 3600.0)),
        s if s >= 60.0 => format!("{} replica-minutes", number(s / 60.0)),
        s => format!("{} replica-seconds", number(s)),
    }
}

/// The sentences: who says what and who decides, by how much, over which part of the window, and what
/// cannot be.
pub(super) fn of(found: &Bought, workload: &Workload) -> Vec<String> {
    let parts = [found.billed_words(), found.active_words(), found.asked_words()];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() {
        return vec!["Only money is known: no GPU-hours, no activity and no requests.".to_owned()];
    }
    let decides = match found.decides {
        Some(DemandSource::Bill) => "only the bill says what it needs",
        Some(DemandSource::Telemetry) => "GPU activity says what it needs",
        Some(DemandSource::Requests) => "its requests say what it needs",
        None => "nothing says what it needs of GPUs",
    };
    let mut said = vec![format!("{}: {decides}.", capitalized(&parts.join("; ")))];
    said.extend(found.how_much());
    said.extend(found.windows(workload));
    said.extend(found.contradiction.map(|it| it.sentence()));
    said
}

impl Bought {
    fn billed_words(&self) -> Option<String> {
        let bill = self.bill?;
        let verb = if bill.is_billed { "billed" } else { "held" };
        Some(format!("{verb} {} GPU-hours", grouped(bill.gpu_hours)))
    }

    fn active_words(&self) -> Option<String> {
        let it = self.telemetry?;
        let share = if it.gpu_hours > 0.0 { it.active_gpu_hours / it.gpu_hours } else { 0.0 };
        let all = self.bill.is_some_and(|bill| (bill.gpu_hours / it.gpu_hours - 1.0).abs() < 0.01);
        let of = if all {
            "them".to_owned()
        } else {
            format!("{} GPU-hours measured", grouped(it.gpu_hours))
        };
        if it.active_gpu_hours <= 0.0 {
            return Some(format!("GPUs were active in none of {of}"));
        }
        let active = grouped(it.active_gpu_hours);
        Some(format!("GPUs were active {active} of {of} ({} %)", percent(share)))
    }

    fn asked_words(&self) -> Option<String> {
        let it = self.requests.as_ref()?;
        let requests = match it.requests {
            0 => return Some("it had no request".to_owned()),
            1 => "its one request".to_owned(),
            n => format!("its {} requests", grouped(n as f64)),
        };
        Some(match &it.load {
            Ok(load) => {
                let of = match load.gpus_per_replica {
                    1 => String::new(),
                    n => format!(" of {n} GPUs"),
                };
                let verb = if it.requests == 1 { "needs" } else { "need" };
                format!("{requests} {verb} {}{of}", replica_time(load.replica_seconds))
            }
            Err(why) => format!("{requests} cannot be timed ({why})"),
        })
    }

    /// By how much the requests differ from what was held in the same time.
    fn how_much(&self) -> Vec<String> {
        let Some(Ok(load)) = self.requests.as_ref().filter(|it| it.requests > 0).map(|it| &it.load)
        else {
            return Vec::new();
        };
        let held = self.bill.filter(|it| it.gpu_hours_of_demand > 0.0);
        let share = held.map(|it| {
            let share = load.gpu_hours() / it.gpu_hours_of_demand;
            let verb = if it.is_billed { "billed" } else { "held" };
            format!("That is {} % of what was {verb} in the same time.", percent(share))
        });
        let by = if load.by_model { "by the model" } else { "by the config" };
        // Only counts are known: how they lie inside their period is assumed.
        let assumed =
            if load.from_arrivals { "" } else { ", if they come independently within each period" };
        let taken = format!(
            "A request takes {} {by} with {} at once on a replica, and some request is in service {} hours of the \
             window{assumed}.",
            span(load.mean_s),
            load.batch,
            number(load.busy_hours)
        );
        share.into_iter().chain([taken]).collect()
    }

    /// Where sources speak of less than the window.
    fn windows(&self, workload: &Workload) -> Vec<String> {
        const WHOLE: f64 = 0.99;
        let window = workload.window.hours();
        let partly = |who: &str, hours: f64| {
            let days = window >= 48.0;
            let (hours, of, unit) =
                if days { (hours / 24.0, window / 24.0, "days") } else { (hours, window, "hours") };
            format!("{who} cover {} of {} {unit}.", number(hours), number(of))
        };
        let requests = self.requests.as_ref().filter(|it| it.window_hours < WHOLE * window);
        let telemetry = self.telemetry.filter(|it| it.share_of_window < WHOLE);
        requests
            .map(|it| partly("The requests", it.window_hours))
            .into_iter()
            .chain(telemetry.map(|it| partly("GPU metrics", it.hours)))
            .collect()
    }
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}
