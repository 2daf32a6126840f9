//! What every command that reads data needs first: the catalog, the config, the rows.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use chrono_tz::Tz;

use super::failure::{ExitStatus, Failure};
use super::remote;
use super::talk::Talk;
use crate::catalog::{Catalog, GpuMatch, Offer, ServerlessPlatform, near_names};
use crate::cli::{Global, InputArgs};
use crate::ingest::{self, AsideFolder, Config, HeldOf, Ingested, ReadOptions, Source, WindowCut};
use crate::units::Money;
use crate::workload::Workload;

/// The file name of the config.
pub(super) const CONFIG_NAME: &str = "gpuadvise.toml";

/// Everything read.
pub(super) struct Inputs {
    pub(super) config: Config,
    pub(super) catalog: Catalog,
    pub(super) zone: Tz,
    pub(super) ingested: Ingested,
    pub(super) workloads: Vec<Workload>,
}

/// What a command wants of its files besides the rows.
#[derive(Default)]
struct Wants {
    /// See [`ReadOptions::facts_will_do`].
    facts_will_do: bool,
    /// See [`ReadOptions::aside`].
    aside: Option<AsideFolder>,
    /// See [`ReadOptions::hashes`].
    hashes: bool,
}

impl Inputs {
    /// Reads catalog, config and data.
    pub(super) fn read(args: &InputArgs, global: &Global, talk: Talk) -> Result<Inputs, Failure> {
        Inputs::gather(args, global, talk, Wants::default())
    }

    /// As [`Inputs::read`]; rows too many for memory go aside, and their workloads are not put together.
    pub(super) fn read_by_shelves(
        args: &InputArgs,
        global: &Global,
        talk: Talk,
        aside: Option<AsideFolder>,
    ) -> Result<Inputs, Failure> {
        Inputs::gather(args, global, talk, Wants { aside, hashes: true, ..Wants::default() })
    }

    /// As [`Inputs::read`], also where nothing in the files has a time.
    pub(super) fn read_facts(
        args: &InputArgs,
        global: &Global,
        talk: Talk,
    ) -> Result<Inputs, Failure> {
        let wants = Wants { facts_will_do: true, hashes: true, ..Wants::default() };
        Inputs::gather(args, global, talk, wants)
    }

    fn gather(
        args: &InputArgs,
        global: &Global,
        talk: Talk,
        Wants { facts_will_do, aside, hashes }: Wants,
    ) -> Result<Inputs, Failure> {
        let sources = remote::expand(&args.files, talk)?;
        refuse_overwriting(&sources, global.output.as_deref())?;
        let mut config = read_config(global.config.as_deref(), &sources, talk)?;
        let catalog = read_catalog(global.pricing.as_deref())?
            .with_platforms(&config.platforms)?
            .with_quotes(&config.quotes);
        let zone = global.time_zone.or(config.reporting.time_zone).unwrap_or(Tz::UTC);
        let options = ReadOptions {
            zone,
            max_rejected_percent: args.part.max_rejected,
            cut: WindowCut {
                since: args.part.since.clone(),
                until: args.part.until.clone(),
                month: args.part.month.clone(),
            },
            facts_will_do,
            aside,
            hashes,
        };
        let mut ingested = ingest::read(&sources, &config, &catalog, &options)?;
        let mut workloads = ingest::assemble(&ingested, &config, &catalog)?;
        unknown_words(&config, &catalog, global.redact, talk);
        if ingested.aside.is_none() {
            ingested.notices.extend(apart(&workloads));
            unknown_to(&workloads, (&config, &catalog), global.redact, talk);
        }
        if global.redact {
            let key = config.reporting.redact_key.clone().unwrap_or_default();
            ingest::redact(&mut ingested, &mut workloads, &key);
            ingest::redact_held(&mut config.commitments, &key);
        }
        for notice in &ingested.notices {
            talk.note(notice);
        }
        for rejected in ingested.rejected.iter().take(5) {
            talk.warn(&format!("rejected: {rejected}"));
        }
        if ingested.rejected.len() > 5 {
            let more = ingested.rejected.len() - 5;
            talk.warn(&format!("and {more} more rejected rows, all listed in the report"));
        }
        Ok(Inputs { config, catalog, zone, ingested, workloads })
    }
}

/// Says what the config names and the workloads do not know.
pub(super) fn unknown_to<'a>(
    workloads: impl IntoIterator<Item = &'a Workload>,
    (config, catalog): (&Config, &Catalog),
    redact: bool,
    talk: Talk,
) {
    let workloads: Vec<&Workload> = workloads.into_iter().collect();
    let names: BTreeSet<&str> = workloads.iter().map(|it| it.name.as_str()).collect();
    for name in config.workloads.keys().filter(|it| !names.contains(it.as_str())) {
        let name = if redact { "…" } else { name };
        talk.warn(&format!(
            "the config names the workload `{name}`, which no row in the window has"
        ));
    }
    unknown_places(config, catalog, (&workloads, redact), talk);
}

/// The built-in catalog, overlaid by the files of a folder.
pub(super) fn read_catalog(folder: Option<&Path>) -> Result<Catalog, Failure> {
    let Some(folder) = folder else { return Ok(Catalog::embedded()?) };
    let mut files = Vec::new();
    collect_toml(folder, "", &mut files)?;
    if files.is_empty() {
        return Err(Failure::new(
            ExitStatus::Catalog,
            anyhow::anyhow!("{}: no .toml file in the folder", folder.display()),
        )
        .with_hint("name the folder that holds gpus.toml, offers/ and the like"));
    }
    Ok(Catalog::overlaid(&files)?)
}

fn collect_toml(
    folder: &Path,
    prefix: &str,
    files: &mut Vec<(String, String)>,
) -> Result<(), Failure> {
    let unreadable = |path: &Path, error: std::io::Error| {
        Failure::new(ExitStatus::Catalog, anyhow::anyhow!("{}: {error}", path.display()))
            .with_hint("check the path given to --pricing")
    };
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .and_then(|entries| entries.map(|it| it.map(|entry| entry.path())).collect())
        .map_err(|error| unreadable(folder, error))?;
    paths.sort();
    for path in paths {
        let name = path.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_dir() && prefix.is_empty() && name == "offers" {
            collect_toml(&path, "offers/", files)?;
        } else if path.extension().is_some_and(|it| it == "toml") {
            let text = fs::read_to_string(&path).map_err(|error| unreadable(&path, error))?;
            files.push((format!("{prefix}{name}"), text));
        }
    }
    Ok(())
}

/// The config named, else the one beside the first input, else none.
pub(super) fn read_config(
    named: Option<&Path>,
    sources: &[Source],
    talk: Talk,
) -> Result<Config, Failure> {
    let beside = sources.iter().find_map(|it| it.beside(CONFIG_NAME));
    let path = match (named, beside) {
        (Some(path), _) => path.to_owned(),
        (None, Some(path)) if path.is_file() => path,
        _ => return Ok(ingest::parse_config("", CONFIG_NAME)?),
    };
    talk.note(&format!("config: {}", path.display()));
    let text = fs::read_to_string(&path).map_err(|error| {
        Failure::new(ExitStatus::Input, anyhow::anyhow!("{}: {error}", path.display()))
            .with_hint("check the path given to --config, and that it is text in UTF-8")
    })?;
    Ok(ingest::parse_config(&text, &path.display().to_string())?)
}

/// Warns of GPUs and models of the config that the catalog does not have, and of platforms that lack
/// a rule: advice cannot use them.
fn unknown_words(config: &Config, catalog: &Catalog, redact: bool, talk: Talk) {
    for (name, workload) in &config.workloads {
        let name = if redact { "…" } else { name.as_str() };
        if let Some(gpu) = &workload.gpu
            && matches!(catalog.resolve_gpu(gpu), GpuMatch::Unknown)
        {
            let near = near(catalog, gpu);
            talk.warn(&format!("workload `{name}`: no catalog has the gpu `{gpu}`; {near}"));
        }
        if let Some(model) = &workload.model
            && catalog.model(model).is_none()
        {
            talk.warn(&format!("workload `{name}`: no catalog has the model `{model}`"));
        }
    }
    for (at, held) in (1..).zip(&config.commitments) {
        let name = if redact { format!("{at}") } else { held.id.clone() };
        if let HeldOf::Gpu { gpu, .. } = &held.of
            && matches!(catalog.resolve_gpu(gpu), GpuMatch::Unknown)
        {
            let near = catalog.suggest_gpu(gpu).join(", ");
            talk.warn(&format!(
                "commitment `{name}`: no catalog has the gpu `{gpu}`; near are: {near}"
            ));
        }
        let sells = |offer: &Offer| offer.purchase.is_in_money() && offer.provider == held.provider;
        if held.of == HeldOf::Spend && !catalog.offers.iter().any(sells) {
            talk.warn(&format!(
                "commitment `{name}` is not weighed: no price list has a plan in money per hour of {}; give \
                 its rates as offers or [[quote]]s with purchase = \"flex_cud_12mo\"",
                if redact { "its provider" } else { &held.provider }
            ));
        }
    }
    let quotes = || catalog.offers.iter().filter(|it| it.is_quote());
    for quote in quotes().filter(|it| !it.gpus.is_empty() && !redact) {
        if let Some(listed) = catalog.otherwise_listed(quote) {
            let Offer { provider, instance_type, gpu_label, .. } = quote;
            talk.warn(&format!(
                "the [[quote]] of `{provider}` for {instance_type} says {gpu_label}, the price list {listed}"
            ));
        }
    }
    for quote in quotes().filter(|it| it.gpus.is_empty()) {
        let (gpu, near) = (&quote.gpu_label, near(catalog, &quote.gpu_label));
        let name = if redact { "…" } else { quote.provider.as_str() };
        talk.warn(&format!(
            "the [[quote]] of `{name}` is not used: no catalog has the gpu `{gpu}`; {near}"
        ));
    }
    for own in &config.platforms {
        let missing = catalog.platform(own.provider()).map(ServerlessPlatform::missing);
        let missing = missing.unwrap_or_default().join(", ");
        if !missing.is_empty() {
            let name = if redact { "…" } else { own.provider() };
            talk.warn(&format!("platform `{name}` is not simulated: nothing states {missing}"));
        }
    }
    let known = |name: &&String| catalog.price_list().any(|it| it.provider == **name);
    for name in config.policy.providers.iter().filter(|it| !known(it)) {
        talk.warn(&format!("policy.providers: no catalog has an offer of `{name}`"));
    }
}

/// Warns of providers and regions of commitments and quotes that neither a price list nor the data
/// have: a slip of the pen, and the commitment would stand beside the demand it is for.
fn unknown_places(
    config: &Config,
    catalog: &Catalog,
    (workloads, redact): (&[&Workload], bool),
    talk: Talk,
) {
    let listed = catalog.offers.iter().filter(|it| !it.is_quote());
    let listed = listed.map(|it| (it.provider.as_str(), it.region.as_str()));
    let running = workloads.iter().map(|it| &it.deployment);
    let running = running
        .filter_map(|it| Some((it.provider.as_deref()?, it.region.as_deref().unwrap_or_default())));
    let known: BTreeSet<(&str, &str)> = listed.chain(running).collect();
    let of_instances = config.commitments.iter().filter(|it| it.of != HeldOf::Spend);
    let held = of_instances.map(|it| ("commitment", &it.provider, &it.region));
    let quotes = catalog.offers.iter().filter(|it| it.is_quote());
    let quotes = quotes.map(|it| ("quote", &it.provider, &it.region));
    let said: BTreeSet<String> = held
        .chain(quotes)
        .filter_map(|(of, provider, region)| {
            let what = unknown_place(&known, (provider, region))?;
            Some(format!("a [[{of}]] names {}", if redact { "an unknown place" } else { &what }))
        })
        .collect();
    for it in said {
        talk.warn(&format!("{it}: no price list and no workload has it"));
    }
}

/// What of a provider and its region is not known, and what is near to it.
fn unknown_place(
    known: &BTreeSet<(&str, &str)>,
    (provider, region): (&str, &str),
) -> Option<String> {
    let regions = || known.iter().filter(|it| it.0 == provider).map(|it| it.1);
    let (what, name, all): (_, _, BTreeSet<&str>) = if regions().next().is_none() {
        ("provider", provider, known.iter().map(|it| it.0).collect())
    } else if regions().all(|it| it != region) {
        ("region", region, regions().collect())
    } else {
        return None;
    };
    Some(format!("the {what} `{name}`{}", near_names(name, all.into_iter())))
}

/// GPUs near to a name, or where all are listed.
fn near(catalog: &Catalog, gpu: &str) -> String {
    match catalog.suggest_gpu(gpu).as_slice() {
        [] => "`gpuadvise prices list` shows all".to_owned(),
        near => format!("near are: {}", near.join(", ")),
    }
}

/// Says that requests without a cost and a cost without requests may be one workload under two names.
pub(super) fn apart<'a>(
    workloads: impl IntoIterator<Item = &'a Workload> + Clone,
) -> Option<String> {
    let cost = |it: &Workload| {
        let totals = &it.totals;
        totals.effective_cost.or(totals.billed_cost).map_or(0, Money::atto)
    };
    let asked =
        workloads.clone().into_iter().find(|it| cost(it) == 0 && it.totals.requests.is_some())?;
    let paid = workloads.into_iter().filter(|it| cost(it) > 0 && it.totals.requests.is_none());
    let paid = paid.max_by_key(|it| cost(it))?;
    Some(format!(
        "{} has requests and no cost, {} a cost and no requests: if they are one, a [[rule]] that gives both \
         one name joins them",
        asked.name, paid.name
    ))
}

/// Fails when the output is one of the inputs: a bill must not be lost by reading it.
pub(super) fn refuse_overwriting(sources: &[Source], output: Option<&Path>) -> Result<(), Failure> {
    let Some(output) = output.and_then(|it| std::fs::canonicalize(it).ok()) else { return Ok(()) };
    let same = |it: &&Source| {
        it.path().and_then(|path| std::fs::canonicalize(path).ok()).is_some_and(|it| it == output)
    };
    match sources.iter().find(same) {
        None => Ok(()),
        Some(source) => Err(Failure::usage(
            format!("--output names the input {}, which would be overwritten", source.name()),
            "name another file",
        )),
    }
}
