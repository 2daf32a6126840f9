//! A line of the collector's file exporter: spans by resource and scope, as OTLP/JSON has them.

use serde::Deserialize;

use super::super::Fault;
use super::attributes::{Attribute, Attributes, Scalar};
use super::{Span, id_of, is_error, key, span_time};

#[derive(Deserialize)]
struct ResourceSpans {
    #[serde(default)]
    resource: Resource,
    #[serde(default, rename = "scopeSpans", alias = "instrumentationLibrarySpans")]
    scopes: Vec<ScopeSpans>,
}

#[derive(Default, Deserialize)]
struct Resource {
    #[serde(default)]
    attributes: Attributes,
}

#[derive(Deserialize)]
struct ScopeSpans {
    #[serde(default)]
    spans: Vec<RawSpan>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawSpan {
    #[serde(default)]
    trace_id: Scalar,
    #[serde(default)]
    span_id: Scalar,
    #[serde(default)]
    parent_span_id: Scalar,
    #[serde(default)]
    start_time_unix_nano: Scalar,
    #[serde(default)]
    end_time_unix_nano: Scalar,
    #[serde(default)]
    attributes: Attributes,
    #[serde(default)]
    status: Status,
}

#[derive(Default, Deserialize)]
struct Status {
    #[serde(default)]
    code: Scalar,
}

/// Hands over each span of a list of resource spans; an error is why there is none.
pub(super) fn read(text: &str, found: &mut dyn FnMut(Result<Span, Fault>)) -> Result<(), String> {
    let resources: Vec<ResourceSpans> = serde_json::from_str(text)
        .map_err(|error| format!("not spans of OTLP/JSON, at character {}", error.column()))?;
    for one in resources {
        // Only the name of the service is the resource's to give; `gen_ai.*` belongs to spans.
        let service = one.resource.attributes.only(Attribute::ServiceName);
        for raw in one.scopes.into_iter().flat_map(|it| it.spans) {
            found(span(raw, &service));
        }
    }
    Ok(())
}

fn span(raw: RawSpan, service: &Attributes) -> Result<Span, Fault> {
    let time = |it: &Scalar, name: &str| {
        span_time(it.cell()).map_err(|reason| (Some(name.to_owned()), reason))
    };
    let trace = id_of(raw.trace_id.cell());
    let mut attributes = raw.attributes;
    attributes.extend(service);
    Ok(Span {
        key: key(trace, id_of(raw.span_id.cell())),
        parent: key(trace, id_of(raw.parent_span_id.cell())),
        start_us: time(&raw.start_time_unix_nano, "startTimeUnixNano")?,
        end_us: time(&raw.end_time_unix_nano, "endTimeUnixNano")?,
        error: is_error(raw.status.code.cell()),
        attributes,
    })
}
