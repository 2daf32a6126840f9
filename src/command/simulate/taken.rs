//! A platform, and what was taken from it or assumed of it.

use super::super::failure::Failure;
use super::platform::{PlatformDefaults, platform_defaults};
use super::policy::Chosen;
use crate::catalog::{Catalog, ServerlessPlatform, StartPhase, is_about};
use crate::cli::{Policy, SimulateArgs};
use crate::report::PlatformUsed;

/// The platform and what was taken from it; empty without one.
pub(super) struct Taken {
    pub(super) platform: Option<ServerlessPlatform>,
    pub(super) defaults: Option<PlatformDefaults>,
    rules: Vec<(&'static str, String)>,
    assumed: Vec<String>,
    /// Keys of which nothing was taken.
    unused: Vec<&'static str>,
}

/// A rule of a platform: its word in output, its key in the catalog, and what holds where no source
/// states it.
#[derive(Clone, Copy)]
pub(super) struct Rule {
    pub(super) what: &'static str,
    pub(super) key: &'static str,
    pub(super) otherwise: &'static str,
    /// Whether only a platform that sells replicas has it.
    pub(super) is_of_bill: bool,
}

impl Taken {
    pub(super) fn of(args: &SimulateArgs, catalog: &Catalog) -> Result<Taken, Failure> {
        let mut taken = Taken {
            platform: None,
            defaults: None,
            rules: Vec::new(),
            assumed: Vec::new(),
            unused: Vec::new(),
        };
        if let Some(name) = &args.fleet.platform {
            let platform = catalog
                .known_platform(name)
                .map_err(|error| Failure::usage(error.to_string(), error.hint()))?;
            refuse_missing(args, platform)?;
            taken.defaults = Some(platform_defaults(platform));
            taken.platform = Some(platform.clone());
        }
        Ok(taken)
    }

    pub(super) fn note(&mut self, what: &'static str, value: String) {
        if self.platform.is_some() {
            self.rules.push((what, value));
        }
    }

    pub(super) fn assume(&mut self, what: String) {
        self.assumed.push(what);
    }

    /// Nothing is taken of a key, so that what the platform assumes of it does not matter.
    pub(super) fn leave(&mut self, key: &'static str) {
        self.unused.push(key);
    }

    /// What the flag says, else the platform.
    pub(super) fn or<T>(
        &mut self,
        what: &'static str,
        given: Option<T>,
        of: impl FnOnce(&PlatformDefaults) -> Option<T>,
        words: impl FnOnce(&T) -> String,
    ) -> Option<T> {
        if given.is_some() {
            return given;
        }
        let found = self.defaults.as_ref().and_then(of)?;
        self.note(what, words(&found));
        Some(found)
    }

    /// The same for a rule that a run goes without where it is not stated, which is then said.
    pub(super) fn or_assumed<T>(
        &mut self,
        rule: Rule,
        given: Option<T>,
        of: impl FnOnce(&PlatformDefaults) -> Option<T>,
        words: impl FnOnce(&T) -> String,
    ) -> Option<T> {
        if given.is_some() {
            self.leave(rule.key);
        }
        let found = self.or(rule.what, given, of, words);
        // What the platform says of it, it says better.
        let has = |it: &ServerlessPlatform| {
            (it.sells || !rule.is_of_bill)
                && !it.assumed.split("; ").any(|part| is_about(part, rule.key))
        };
        if found.is_none() && self.platform.as_ref().is_some_and(has) {
            self.assume(format!("{} is not stated: {}", rule.key, rule.otherwise));
        }
        found
    }

    /// Says of a start that is billed which phases are free and yet billed, as long as nobody says
    /// how long they take.
    pub(super) fn assume_free_phases(&mut self) {
        let Some(platform) = &self.platform else { return };
        let phases: Vec<&str> =
            platform.free_start_phases.iter().copied().map(StartPhase::as_word).collect();
        if platform.bill_start == Some(true) && !phases.is_empty() {
            let free = phases.join(", ");
            self.assume(format!(
                "free in a start: {free}; without --free-start the whole of it is billed"
            ));
        }
    }

    /// All of it for the report. Of a fixed fleet, which never starts, scales or leaves, what the
    /// platform assumes of that means nothing.
    pub(super) fn used(self, is_fixed: bool) -> Option<PlatformUsed> {
        let platform = self.platform?;
        let matters =
            |part: &&str| !part.is_empty() && !self.unused.iter().any(|key| is_about(part, key));
        let stated = platform.assumed.split("; ").filter(matters).map(str::to_owned);
        let assumed: Vec<String> =
            if is_fixed { Vec::new() } else { stated.chain(self.assumed).collect() };
        Some(PlatformUsed {
            provider: platform.provider,
            taken: self.rules,
            assumed: assumed.join("; "),
            source: platform.source,
            as_of: platform.as_of,
        })
    }
}

/// Names every rule that a run cannot do without, that no source states and no flag gives, with the
/// flag that gives it.
fn refuse_missing(args: &SimulateArgs, platform: &ServerlessPlatform) -> Result<(), Failure> {
    let mut missing = Vec::new();
    let policy = args.fleet.policy.as_ref();
    let rule = platform.scalers.first();
    if policy.is_none() && rule.is_none() {
        missing.push(("scaler", "--policy"));
    }
    let by_idle_timeout = match policy {
        Some(policy) => Chosen::Flag(policy).leaves_by_idle_timeout(),
        None => rule.is_none_or(|it| it.leaves_by_idle_timeout()),
    };
    if by_idle_timeout && platform.idle_timeout_s.is_none() && args.fleet.idle_timeout.is_none() {
        let flag = match policy {
            Some(_) => "--idle-timeout",
            None => "--idle-timeout (under queue-delay, request-count or per-request)",
        };
        missing.push(("idle_timeout_s", flag));
    }
    let has_slots = args.fleet.slots.is_some()
        || platform.concurrency_per_worker.is_some()
        || matches!(policy, Some(Policy::PerRequest));
    // Files may say it.
    if !has_slots && args.files.is_empty() {
        missing.push(("concurrency_per_worker", "--slots"));
    }
    if missing.is_empty() {
        return Ok(());
    }
    let (keys, mut flags): (Vec<&str>, Vec<&str>) = missing.into_iter().unzip();
    let is_fixed = matches!(policy, Some(Policy::Fixed(_)));
    if args.fleet.cold_start.is_none() && !is_fixed {
        flags.push("--cold-start");
    }
    let message = format!("no source states {} of {}", keys.join(", "), platform.provider);
    let last = flags.pop().unwrap_or_default();
    let lead = if flags.is_empty() { String::new() } else { format!("{} and ", flags.join(", ")) };
    Err(Failure::usage(message, format!("give {lead}{last}")))
}
