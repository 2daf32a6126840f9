//! The attributes of a span that are read, out of all the shapes that JSON gives them.
//!
//! Names: the semantic conventions for generative AI, old and new, and those of vLLM's own spans.
//! Contents of prompts and answers are attributes too; they are skipped, not read.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::super::super::cell::{self, Cell};
use super::super::super::raw::Value;
use crate::usage::schema;

/// An attribute that is read; those of generative AI come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Attribute {
    Operation,
    RequestModel,
    ResponseModel,
    Provider,
    Input,
    Output,
    CacheRead,
    TimeToFirstToken,
    ErrorType,
    HttpStatus,
    ServerAddress,
    ServiceName,
}

/// An attribute by its name without case and punctuation, and whether that is its name of today.
pub(super) fn attribute(name: &str) -> Option<(Attribute, bool)> {
    Some(match name {
        "gen_ai_operation_name" => (Attribute::Operation, true),
        "llm_request_type" => (Attribute::Operation, false),
        "gen_ai_request_model" => (Attribute::RequestModel, true),
        "gen_ai_response_model" => (Attribute::ResponseModel, true),
        "gen_ai_provider_name" => (Attribute::Provider, true),
        "gen_ai_system" => (Attribute::Provider, false),
        "gen_ai_usage_input_tokens" => (Attribute::Input, true),
        "gen_ai_usage_prompt_tokens" => (Attribute::Input, false),
        "gen_ai_usage_output_tokens" => (Attribute::Output, true),
        "gen_ai_usage_completion_tokens" => (Attribute::Output, false),
        "gen_ai_usage_cache_read_input_tokens" => (Attribute::CacheRead, true),
        "gen_ai_latency_time_to_first_token" => (Attribute::TimeToFirstToken, true),
        "error_type" => (Attribute::ErrorType, true),
        "http_response_status_code" => (Attribute::HttpStatus, true),
        "http_status_code" => (Attribute::HttpStatus, false),
        "server_address" => (Attribute::ServerAddress, true),
        "service_name" | "servicename" => (Attribute::ServiceName, true),
        _ => return None,
    })
}

/// Attributes that are read, of a span and its resource.
#[derive(Clone, Debug, Default)]
pub(super) struct Attributes(BTreeMap<Attribute, (bool, Value)>);

impl Attributes {
    /// Keeps a value; the name of today wins over an older one.
    pub(super) fn put(&mut self, attribute: Attribute, new: bool, value: Value) {
        if value == Value::Null {
            return;
        }
        let before = self.0.get(&attribute);
        if before.is_none_or(|(had_new, _)| new && !had_new) {
            self.0.insert(attribute, (new, value));
        }
    }

    /// A value as a cell.
    pub(super) fn cell(&self, attribute: Attribute) -> Cell<'_> {
        self.0.get(&attribute).map_or(Cell::Null, |(_, value)| value_cell(value)).trimmed()
    }

    /// A value as a text; numbers are texts too.
    pub(super) fn text(&self, attribute: Attribute) -> Option<String> {
        cell::text(self.cell(attribute)).ok().flatten()
    }

    /// Whether an attribute of generative AI is among them.
    pub(super) fn has_gen_ai(&self) -> bool {
        self.0.keys().any(|it| *it <= Attribute::TimeToFirstToken)
    }

    /// The attributes without all others but one.
    pub(super) fn only(mut self, attribute: Attribute) -> Attributes {
        self.0.retain(|it, _| *it == attribute);
        self
    }

    /// Adds the attributes of a resource.
    pub(super) fn extend(&mut self, other: &Attributes) {
        for (attribute, (new, value)) in &other.0 {
            self.put(*attribute, *new, value.clone());
        }
    }
}

/// A cell as a value that outlives its table; times and decimals are none that spans have.
pub(super) fn value_of(cell: Cell<'_>) -> Value {
    match cell.trimmed() {
        Cell::Text(text) => Value::Text(text.to_owned()),
        Cell::Float(value) => Value::Float(value),
        Cell::Int(value) => i64::try_from(value).map_or(Value::Null, Value::Int),
        Cell::Bool(value) => Value::Bool(value),
        _ => Value::Null,
    }
}

fn value_cell(value: &Value) -> Cell<'_> {
    match value {
        Value::Null => Cell::Null,
        Value::Text(text) => Cell::Text(text),
        Value::Float(value) => Cell::Float(*value),
        Value::Int(value) => Cell::Int((*value).into()),
        Value::Bool(value) => Cell::Bool(*value),
    }
}

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Attributes, D::Error> {
        struct ListOrObject;
        impl<'de> Visitor<'de> for ListOrObject {
            type Value = Attributes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("attributes")
            }

            fn visit_unit<E>(self) -> Result<Attributes, E> {
                Ok(Attributes::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Attributes, A::Error> {
                let mut all = Attributes::default();
                while let Some(KeyValue(found)) = list.next_element()? {
                    if let Some((attribute, new, value)) = found {
                        all.put(attribute, new, value);
                    }
                }
                Ok(all)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Attributes, A::Error> {
                let mut all = Attributes::default();
                while let Some(key) = map.next_key::<String>()? {
                    match attribute(&schema::normalized(&key)) {
                        Some((attribute, new)) => {
                            let Scalar(value) = map.next_value()?;
                            all.put(attribute, new, value);
                        }
                        None => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(all)
            }
        }
        from.deserialize_any(ListOrObject)
    }
}

/// One entry of a list of attributes, `{"key": ..., "value": {"intValue": ...}}`; nothing for an
/// attribute that is not read.
struct KeyValue(Option<(Attribute, bool, Value)>);

impl<'de> Deserialize<'de> for KeyValue {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<KeyValue, D::Error> {
        struct Entry;
        impl<'de> Visitor<'de> for Entry {
            type Value = KeyValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key with a value")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<KeyValue, A::Error> {
                let (mut name, mut value) = (None, Value::Null);
                while let Some(part) = map.next_key::<String>()? {
                    match (part.as_str(), &name) {
                        ("key", _) => name = Some(schema::normalized(&map.next_value::<String>()?)),
                        // A value that is known not to be wanted is skipped, not read.
                        ("value", Some(name)) if attribute(name).is_none() => {
                            map.next_value::<IgnoredAny>()?;
                        }
                        ("value", _) => value = map.next_value::<AnyValue>()?.0,
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                let found = name.as_deref().and_then(attribute);
                Ok(KeyValue(found.map(|(attribute, new)| (attribute, new, value))))
            }
        }
        from.deserialize_map(Entry)
    }
}

/// `{"stringValue": "x"}`, `{"intValue": "12"}` and so on; lists and objects are no value here.
struct AnyValue(Value);

impl<'de> Deserialize<'de> for AnyValue {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<AnyValue, D::Error> {
        let values = BTreeMap::<String, Scalar>::deserialize(from)?;
        Ok(AnyValue(values.into_values().next().map_or(Value::Null, |it| it.0)))
    }
}

/// A text, number or truth value; lists and objects are skipped.
pub(super) struct Scalar(pub(super) Value);

impl Default for Scalar {
    fn default() -> Scalar {
        Scalar(Value::Null)
    }
}

impl Scalar {
    /// The value as a cell.
    pub(super) fn cell(&self) -> Cell<'_> {
        value_cell(&self.0).trimmed()
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Scalar, D::Error> {
        struct Anything;
        impl<'de> Visitor<'de> for Anything {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_unit<E>(self) -> Result<Value, E> {
                Ok(Value::Null)
            }

            fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
                Ok(Value::Bool(value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
                Ok(Value::Int(value))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
                Ok(i64::try_from(value).map_or_else(|_| Value::Text(value.to_string()), Value::Int))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
                Ok(Value::Float(value))
            }

            fn visit_str<E>(self, value: &str) -> Result<Value, E> {
                Ok(Value::Text(value.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Value::Null)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Value::Null)
            }
        }
        from.deserialize_any(Anything).map(Scalar)
    }
}
