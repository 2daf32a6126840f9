//! Which workload, owner and environment a row of any file belongs to, by the rules of the config.
//!
//! The first rule that matches and names a workload decides the workload; the owner and the
//! environment are decided in the same way, each by the first rule that names one.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use regex::Regex;
use serde::Deserialize;

use super::file_name;

/// What is known of a row, as far as rules may look at it. Every file fills what it has.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Subject<'a> {
    /// The file.
    pub(super) file: Option<&'a str>,
    /// Further files it is in: a rule on the file fits if one of all of them does.
    pub(super) more_files: &'a [String],
    /// Catalog name of who is paid.
    pub(super) provider: Option<&'a str>,
    /// Account, subscription, project.
    pub(super) sub_account: Option<&'a str>,
    /// Region id.
    pub(super) region: Option<&'a str>,
    /// Service.
    pub(super) service: Option<&'a str>,
    /// Instance id, pod id, endpoint id.
    pub(super) resource_id: Option<&'a str>,
    /// The name people gave it.
    pub(super) resource_name: Option<&'a str>,
    /// Model, as served or by its id.
    pub(super) model: Option<&'a str>,
    /// Address or name of the server that answers.
    pub(super) endpoint: Option<&'a str>,
    /// Kubernetes namespace.
    pub(super) namespace: Option<&'a str>,
    /// Kubernetes pod.
    pub(super) pod: Option<&'a str>,
    /// Node or host.
    pub(super) host: Option<&'a str>,
    /// Tags or labels.
    pub(super) tags: Option<&'a BTreeMap<String, String>>,
}

impl<'a> Subject<'a> {
    fn field(&self, field: Field) -> Option<&'a str> {
        match field {
            Field::File => self.file.map(file_name),
            Field::Provider => self.provider,
            Field::SubAccount => self.sub_account,
            Field::Region => self.region,
            Field::Service => self.service,
            Field::ResourceId => self.resource_id,
            Field::ResourceName => self.resource_name,
            Field::Model => self.model,
            Field::Endpoint => self.endpoint,
            Field::Namespace => self.namespace,
            Field::Pod => self.pod,
            Field::Host => self.host,
        }
    }

    /// What a rule may match in a field: several texts only where it is in several files.
    fn values(&self, field: Field) -> impl Iterator<Item = &'a str> {
        let more = if field == Field::File { self.more_files } else { &[] };
        self.field(field).into_iter().chain(more.iter().map(|it| file_name(it)))
    }

    /// The value of a tag; cloud prefixes of user tags and the case of the key do not matter.
    pub(super) fn tag(&self, key: &str) -> Option<&'a str> {
        let tags = self.tags?;
        if let Some(found) = tags.get(key) {
            return Some(found);
        }
        let wanted = plain_key(key).to_ascii_lowercase();
        tags.iter()
            .find(|(key, _)| plain_key(key).eq_ignore_ascii_case(&wanted))
            .map(|(_, value)| value.as_str())
    }
}

/// A tag key without the prefix that a bill puts before the user's own keys.
fn plain_key(key: &str) -> &str {
    ["user:", "user_", "label:", "labels/", "tags/"]
        .iter()
        .find_map(|it| key.strip_prefix(it))
        .unwrap_or(key)
}

/// What a rule may look at, beside tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    File,
    Provider,
    SubAccount,
    Region,
    Service,
    ResourceId,
    ResourceName,
    Model,
    Endpoint,
    Namespace,
    Pod,
    Host,
}

/// A rule as the config has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRule {
    file: Option<String>,
    provider: Option<String>,
    sub_account: Option<String>,
    region: Option<String>,
    service: Option<String>,
    resource_id: Option<String>,
    resource_name: Option<String>,
    model: Option<String>,
    endpoint: Option<String>,
    namespace: Option<String>,
    pod: Option<String>,
    host: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    workload: Option<String>,
    owner: Option<String>,
    environment: Option<String>,
}

/// A checked rule.
#[derive(Debug)]
pub(super) struct Rule {
    fields: Vec<(Field, Pattern)>,
    tags: Vec<(String, Pattern)>,
    workload: Option<Name>,
    owner: Option<Name>,
    environment: Option<Name>,
    matched: AtomicU64,
    shown: String,
}

/// A text with `*` and `?`, or a regular expression between slashes.
#[derive(Clone, Debug)]
enum Pattern {
    Glob(glob::Pattern),
    Regex(Regex),
}

impl Pattern {
    fn new(text: &str) -> Result<Pattern, String> {
        let inner = text.strip_prefix('/').and_then(|it| it.strip_suffix('/'));
        match inner {
            // A path such as an Azure resource id also starts with a slash, but ends with none.
            Some(inner) if !inner.is_empty() => {
                Regex::new(inner).map(Pattern::Regex).map_err(|error| {
                    format!(
                        "`{text}` is not a regular expression: {}",
                        last_line(&error.to_string())
                    )
                })
            }
            _ => glob::Pattern::new(text)
                .map(Pattern::Glob)
                .map_err(|error| format!("`{text}` is not a pattern: {}", error.msg)),
        }
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Pattern::Glob(glob) => glob.matches(text),
            Pattern::Regex(regex) => regex.is_match(text),
        }
    }
}

fn last_line(text: &str) -> String {
    text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

/// A name with places to fill: `{tag:app}-{namespace}`.
#[derive(Clone, Debug, PartialEq)]
struct Name(Vec<Piece>);

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Text(String),
    Tag(String),
    Field(Field),
}

impl Name {
    fn new(text: &str) -> Result<Name, String> {
        if text.trim().is_empty() {
            return Err("a name is empty".to_owned());
        }
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((inner, after)) = after.split_once('}') else {
                return Err(format!("`{text}` has a `{{` without its `}}`"));
            };
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            pieces.push(match inner.strip_prefix("tag:") {
                Some(key) => Piece::Tag(key.to_owned()),
                None => Piece::Field(field_named(inner).ok_or_else(|| {
                    format!("`{{{inner}}}` is neither `{{tag:KEY}}` nor one of {}", field_names())
                })?),
            });
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Name(pieces))
    }

    /// The name for a row; nothing when it lacks what a place asks for.
    fn fill(&self, subject: &Subject<'_>) -> Option<String> {
        let mut name = String::new();
        for piece in &self.0 {
            name.push_str(match piece {
                Piece::Text(text) => text,
                Piece::Tag(key) => subject.tag(key)?,
                Piece::Field(field) => subject.field(*field)?,
            });
        }
        let name = name.trim();
        (!name.is_empty()).then(|| name.to_owned())
    }
}

const FIELDS: [(&str, Field); 12] = [
    ("file", Field::File),
    ("provider", Field::Provider),
    ("sub_account", Field::SubAccount),
    ("region", Field::Region),
    ("service", Field::Service),
    ("resource_id", Field::ResourceId),
    ("resource_name", Field::ResourceName),
    ("model", Field::Model),
    ("endpoint", Field::Endpoint),
    ("namespace", Field::Namespace),
    ("pod", Field::Pod),
    ("host", Field::Host),
];

fn field_named(name: &str) -> Option<Field> {
    FIELDS.iter().find(|(it, _)| *it == name).map(|(_, field)| *field)
}

fn field_names() -> String {
    FIELDS.map(|(name, _)| name).join(", ")
}

impl Rule {
    /// Checks a rule of the config.
    pub(super) fn check(raw: RawRule) -> Result<Rule, String> {
        let given = [
            (Field::File, raw.file),
            (Field::Provider, raw.provider),
            (Field::SubAccount, raw.sub_account),
            (Field::Region, raw.region),
            (Field::Service, raw.service),
            (Field::ResourceId, raw.resource_id),
            (Field::ResourceName, raw.resource_name),
            (Field::Model, raw.model),
            (Field::Endpoint, raw.endpoint),
            (Field::Namespace, raw.namespace),
            (Field::Pod, raw.pod),
            (Field::Host, raw.host),
        ];
        let mut shown = Vec::new();
        let mut fields = Vec::new();
        for (field, text) in given {
            let Some(text) = text else { continue };
            let name = FIELDS.iter().find(|it| it.1 == field).map_or("", |it| it.0);
            shown.push(format!("{name} {text}"));
            fields.push((field, Pattern::new(&text)?));
        }
        let mut tags = Vec::new();
        for (key, text) in raw.tags {
            shown.push(format!("tag {key} {text}"));
            tags.push((key, Pattern::new(&text)?));
        }
        if fields.is_empty() && tags.is_empty() {
            return Err(format!("a rule needs `tags` or one of {}", field_names()));
        }
        let name = |text: Option<String>| text.map(|it| Name::new(&it)).transpose();
        let rule = Rule {
            fields,
            tags,
            workload: name(raw.workload)?,
            owner: name(raw.owner)?,
            environment: name(raw.environment)?,
            matched: AtomicU64::new(0),
            shown: shown.join(", "),
        };
        if rule.workload.is_none() && rule.owner.is_none() && rule.environment.is_none() {
            return Err("a rule needs a `workload`, an `owner` or an `environment`".to_owned());
        }
        Ok(rule)
    }

    fn matches(&self, subject: &Subject<'_>) -> bool {
        self.fields
            .iter()
            .all(|(field, pattern)| subject.values(*field).any(|text| pattern.matches(text)))
            && self
                .tags
                .iter()
                .all(|(key, pattern)| subject.tag(key).is_some_and(|text| pattern.matches(text)))
    }
}

impl Clone for Rule {
    fn clone(&self) -> Rule {
        Rule {
            fields: self.fields.clone(),
            tags: self.tags.clone(),
            workload: self.workload.clone(),
            owner: self.owner.clone(),
            environment: self.environment.clone(),
            matched: AtomicU64::new(self.matched.load(Ordering::Relaxed)),
            shown: self.shown.clone(),
        }
    }
}

/// What rules said of a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Claimed {
    /// The workload.
    pub(super) workload: Option<String>,
    /// Who answers for it.
    pub(super) owner: Option<String>,
    /// production, staging, ...
    pub(super) environment: Option<String>,
}

/// The rules of a config, in their order.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules(Vec<Rule>);

impl Rules {
    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Appends a rule.
    pub(super) fn push(&mut self, rule: Rule) {
        self.0.push(rule);
    }

    /// What the rules say of a row.
    pub(super) fn claim(&self, subject: &Subject<'_>) -> Claimed {
        let mut claimed = Claimed::default();
        for rule in self.0.iter().filter(|it| it.matches(subject)) {
            let mut decided = false;
            let mut decide = |into: &mut Option<String>, name: &Option<Name>| {
                if into.is_none()
                    && let Some(name) = name
                {
                    *into = name.fill(subject);
                    decided |= into.is_some();
                }
            };
            decide(&mut claimed.workload, &rule.workload);
            decide(&mut claimed.owner, &rule.owner);
            decide(&mut claimed.environment, &rule.environment);
            if decided {
                rule.matched.fetch_add(1, Ordering::Relaxed);
            }
        }
        claimed
    }

    /// What each rule asks for, and how many distinct things it decided something of.
    pub(super) fn matched(&self) -> Vec<(String, u64)> {
        self.0.iter().map(|it| (it.shown.clone(), it.matched.load(Ordering::Relaxed))).collect()
    }
}

/// Tag keys that name a workload where no rule does, the most telling first.
const WORKLOAD_TAGS: [&str; 9] = [
    "workload",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/name",
    "app",
    "application",
    "service",
    "deployment",
    "component",
    "name",
];
/// Tag keys that name an owner.
const OWNER_TAGS: [&str; 7] =
    ["owner", "team", "squad", "business_unit", "department", "cost_center", "costcenter"];
/// Tag keys that name an environment.
const ENVIRONMENT_TAGS: [&str; 3] = ["environment", "env", "stage"];

/// Fills what the rules left open by the tags that people usually set.
pub(super) fn by_tags(mut claimed: Claimed, subject: &Subject<'_>) -> Claimed {
    let first = |keys: &[&str]| {
        keys.iter()
            .find_map(|key| subject.tag(key).map(str::trim).filter(|it| !it.is_empty()))
            .map(str::to_owned)
    };
    claimed.workload = claimed.workload.or_else(|| first(&WORKLOAD_TAGS));
    claimed.owner = claimed.owner.or_else(|| first(&OWNER_TAGS));
    claimed.environment = claimed.environment.or_else(|| first(&ENVIRONMENT_TAGS));
    claimed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> Result<Rules, String> {
        #[derive(Deserialize)]
        struct File {
            rule: Vec<RawRule>,
        }
        let file: File = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        let mut rules = Rules::default();
        for raw in file.rule {
            rules.push(Rule::check(raw)?);
        }
        Ok(rules)
    }

    fn tags(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_first_rule_that_names_something_decides_it() {
        let rules = rules(
            r#"
            [[rule]]
            tags = { team = "search" }
            owner = "Search"
            [[rule]]
            resource_id = "i-0a*"
            workload = "chat"
            owner = "Product"
            [[rule]]
            resource_name = "/^(vllm|sglang)-/"
            workload = "{namespace}-{tag:app}"
            environment = "production"
            "#,
        )
        .unwrap();
        let tags = tags(&[("user:team", "search"), ("App", "rag")]);
        let subject = Subject {
            resource_id: Some("i-0aaa"),
            resource_name: Some("vllm-7f9"),
            namespace: Some("llm"),
            tags: Some(&tags),
            ..Subject::default()
        };
        let found = rules.claim(&subject);
        assert_eq!(found.workload.as_deref(), Some("chat"));
        assert_eq!(found.owner.as_deref(), Some("Search"));
        assert_eq!(found.environment.as_deref(), Some("production"));
        let other = Subject { resource_id: Some("i-1"), ..subject };
        assert_eq!(rules.claim(&other).workload.as_deref(), Some("llm-rag"));
        let nameless = Subject { namespace: None, ..other };
        assert_eq!(rules.claim(&nameless).workload, None);
        assert_eq!(rules.matched()[1], ("resource_id i-0a*".to_owned(), 1));
    }

    #[test]
    fn tags_stand_in_for_rules() {
        let tags = tags(&[("user_workload", "chat-70b"), ("user_team", "search"), ("env", " ")]);
        let subject = Subject { tags: Some(&tags), ..Subject::default() };
        let found = by_tags(Claimed::default(), &subject);
        assert_eq!(found.workload.as_deref(), Some("chat-70b"));
        assert_eq!((found.owner.as_deref(), found.environment), (Some("search"), None));
    }

    #[test]
    fn a_rule_that_can_do_nothing_is_a_fault() {
        for (text, reason) in [
            ("[[rule]]\nworkload = \"a\"\n", "a rule needs `tags`"),
            ("[[rule]]\nfile = \"a\"\n", "needs a `workload`"),
            ("[[rule]]\nfile = \"/(/\"\nworkload = \"a\"\n", "not a regular expression"),
            ("[[rule]]\nfile = \"[\"\nworkload = \"a\"\n", "not a pattern"),
            ("[[rule]]\nfile = \"a\"\nworkload = \"{x}\"\n", "neither"),
            ("[[rule]]\nfile = \"a\"\nworkload = \"{tag:x\"\n", "without its"),
            ("[[rule]]\nfiel = \"a\"\nworkload = \"a\"\n", "unknown field"),
        ] {
            let found = rules(text).map(|_| ()).unwrap_err();
            assert!(found.contains(reason), "{text}: {found}");
        }
    }
}
