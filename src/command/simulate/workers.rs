//! How many replicas there may be: by flag, by the schedule, by the money in the account.

use super::super::failure::Failure;
use super::taken::Taken;
use crate::catalog::{Catalog, ServerlessPlatform};
use crate::cli::{Policy, SimulateArgs};

/// The most replicas there may be; says where they spend more than the platform allows at first.
pub(super) fn most(
    args: &SimulateArgs,
    min: u32,
    catalog: &Catalog,
    taken: &mut Taken,
) -> Result<u32, Failure> {
    let most = allowed(args, min, catalog, taken)?;
    let rates = (args.bill.reserved_price.unwrap_or(args.bill.price), args.bill.price);
    let over = taken.platform.as_ref().and_then(|it| it.over_spend_limit((min, most), rates));
    if let Some((limit, spent)) = over {
        taken.assume(format!(
            "the spend limit of {limit} USD an hour is raised: {most} workers spend {spent:.2}"
        ));
    }
    Ok(most)
}

fn allowed(
    args: &SimulateArgs,
    min: u32,
    catalog: &Catalog,
    taken: &mut Taken,
) -> Result<u32, Failure> {
    let given = args.fleet.max;
    let has_default = taken.platform.as_ref().is_some_and(|it| it.default_max_workers.is_some());
    if given == Some(0) {
        let message = "a fleet of at most 0 replicas can never serve";
        return Err(Failure::usage(message, "give --max 1 or more"));
    }
    if let Some(most) = given.filter(|it| *it < min) {
        return Err(Failure::usage(format!("--min {min} is above --max {most}"), "raise --max"));
    }
    let wanted = match (given, &args.fleet.policy) {
        (None, Some(Policy::Schedule(week))) => match week.most().max(min) {
            0 => {
                let message = "a schedule without a replica can never serve";
                return Err(Failure::usage(message, "give a range with replicas, or --min"));
            }
            most => Some(most),
        },
        _ => given,
    };
    if has_default || wanted.is_some() || args.fleet.balance.is_some() {
        taken.leave("max_workers");
    }
    if let Some(balance) = args.fleet.balance {
        return within_account((balance, wanted, min), taken);
    }
    if let Some(wanted) = wanted {
        if let Some(why) = taken.platform.as_ref().and_then(|it| beyond_account(it, wanted)) {
            taken.assume(why);
        }
        return Ok(wanted);
    }
    let words = |it: &u32| if has_default { format!("{it} until raised") } else { it.to_string() };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
    let assumed = catalog.assumptions.simulate.max_replicas as u32;
    let cap = taken.or("max", None, |it| it.max_replicas, words);
    if cap.is_none() && taken.platform.is_some() {
        taken.assume(format!("max_workers is not stated: at most {assumed}"));
    }
    Ok(cap.unwrap_or(assumed).max(min))
}

/// At most what an account with so many dollars may have.
fn within_account(
    (balance, wanted, min): (u32, Option<u32>, u32),
    taken: &mut Taken,
) -> Result<u32, Failure> {
    let platform = taken.platform.as_ref();
    let name = platform.map_or("the platform", |it| it.provider.as_str());
    let Some(cap) = platform.and_then(|it| it.workers_with(balance)) else {
        let message = format!("no source states how many workers a balance allows at {name}");
        return Err(Failure::usage(message, "leave --balance out, and give --max"));
    };
    if min > cap {
        let message =
            format!("--min {min} is above the {cap} workers of an account with {balance} USD");
        return Err(Failure::usage(message, "raise --balance, or lower --min"));
    }
    if let Some(wanted) = wanted.filter(|it| *it <= cap) {
        return Ok(wanted);
    }
    let default = platform.and_then(|it| it.default_max_workers).filter(|it| *it != cap);
    let of = wanted.or(default).map_or_else(String::new, |it| format!(" instead of {it}"));
    taken.note("max", format!("{cap}{of} of an account with {balance} USD"));
    Ok(cap)
}

/// What so many workers take, where an empty account may not have them.
fn beyond_account(platform: &ServerlessPlatform, workers: u32) -> Option<String> {
    let most = platform.account_caps.last()?.max_workers;
    if workers > most {
        return Some(format!("{workers} workers are allowed, although the highest cap is {most}"));
    }
    let balance = platform.balance_for(workers)?;
    Some(format!("the account has the {balance} USD that {workers} workers take (--balance)"))
}
