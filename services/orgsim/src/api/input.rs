//! What bodies and queries may say, checked as the specification states it.

use serde_json::{Map, Value};

use super::Context;
use super::refusal::Refusal;
use super::request::{Body, Request};
use crate::switches::{Leniency, Verdict};

/// What a parameter must look like.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rule {
    Text,
    Flag,
    /// One of these words.
    Word(&'static [&'static str]),
    /// 1 to so many texts.
    Texts(usize),
    /// 1 to so many of these words.
    Words(usize, &'static [&'static str]),
}

/// The parameters of an operation by name.
pub(super) type Rules = &'static [(&'static str, Rule)];

/// How a search is paged and sorted, and what it wants expanded.
#[derive(Debug, Default)]
pub(super) struct Options {
    pub(super) limit: usize,
    pub(super) cursor: Option<String>,
    pub(super) sort: Option<Direction>,
    pub(super) expand: Vec<String>,
}

/// Which end a list begins at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Direction {
    #[default]
    Asc,
    Desc,
}

/// What is particular about the body of one search.
#[derive(Debug, Clone, Copy)]
pub(super) struct SearchRules {
    pub(super) filter: Rules,
    pub(super) sort_field: &'static str,
    pub(super) expand: &'static [&'static str],
    pub(super) default_limit: usize,
    /// Pairs that may not be used together.
    pub(super) exclusive: &'static [(&'static str, &'static str)],
}

/// The body as an object; no body is an empty one.
pub(super) fn body_object(request: &Request) -> Result<Map<String, Value>, Refusal> {
    let Body::Whole(body) = &request.body else { return Err(Refusal::bad_input("The body is too large.")) };
    if body.is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Refusal::bad_input("The body must be a JSON object.")),
        Err(error) => Err(Refusal::bad_input(format!("The body is not JSON: {error}."))),
    }
}

/// Splits the body of a search into its filter, which is checked, and its options.
pub(super) fn search_input(context: &Context<'_>, rules: SearchRules) -> Result<(Map<String, Value>, Options), Refusal> {
    let mut body = body_object(context.request)?;
    body.retain(|_, value| !value.is_null());
    let options = Options {
        limit: limit(body.remove("limit").as_ref(), rules.default_limit, 100)?,
        cursor: cursor(body.remove("cursor"))?,
        sort: body.remove("sortBy").map(|value| direction(&value, rules.sort_field)).transpose()?,
        expand: expand(context, body.remove("expand"), rules.expand)?,
    };
    let filter = filter(context, body, rules.filter)?;
    exclude(&filter, rules.exclusive)?;
    Ok((filter, options))
}

/// The filter of a query: lists are repeated keys.
pub(super) fn query_filter(context: &Context<'_>, rules: Rules) -> Result<Map<String, Value>, Refusal> {
    let mut object = Map::new();
    for (name, value) in &context.request.query {
        let Some((_, rule)) = rules.iter().find(|(known, _)| known == name) else { continue };
        match rule {
            Rule::Texts(_) | Rule::Words(..) => {
                if let Value::Array(values) = object.entry(name.clone()).or_insert_with(|| Value::Array(Vec::new())) {
                    values.push(Value::String(value.clone()));
                }
            }
            Rule::Flag => {
                let flag = value.parse::<bool>().map_err(|_| Refusal::bad_input(format!("{name} must be true or false.")))?;
                object.insert(name.clone(), Value::Bool(flag));
            }
            Rule::Text | Rule::Word(_) => {
                object.insert(name.clone(), Value::String(value.clone()));
            }
        }
    }
    filter(context, object, rules)
}

/// `limit` of a query, 1 to `most`.
pub(super) fn query_limit(context: &Context<'_>, default: usize, most: usize) -> Result<usize, Refusal> {
    let value = context.request.query_value("limit").map(|text| text.parse::<i64>().map_or(Value::Null, Value::from));
    limit(value.as_ref(), default, most)
}

/// `sortBy` of a query: a JSON list with one object. A lone object was seen from one client; the service was never seen to accept it.
pub(super) fn query_sort(context: &Context<'_>, field: &str) -> Result<Option<Direction>, Refusal> {
    let Some(text) = context.request.query_value("sortBy") else { return Ok(None) };
    let mut value = query_json(context, "sortBy")?.unwrap_or_default();
    if value.is_object() {
        tracing::info!(sort_by = text, "sortBy came as an object instead of a list");
        if context.faults.switches.sort_object == Verdict::Accept {
            value = Value::Array(vec![value]);
        }
    }
    direction(&value, field).map(Some)
}

/// A parameter of a query that holds JSON.
pub(super) fn query_json(context: &Context<'_>, name: &str) -> Result<Option<Value>, Refusal> {
    let parse = |text: &str| serde_json::from_str(text).map_err(|_| Refusal::bad_input(format!("{name} must be JSON.")));
    context.request.query_value(name).map(parse).transpose()
}

/// A limit from 1 to `most`.
pub(super) fn limit(value: Option<&Value>, default: usize, most: usize) -> Result<usize, Refusal> {
    let Some(value) = value else { return Ok(default) };
    let limit = value.as_u64().and_then(|limit| usize::try_from(limit).ok()).filter(|limit| (1..=most).contains(limit));
    limit.ok_or_else(|| Refusal::bad_input(format!("limit must be a number from 1 to {most}.")))
}

fn cursor(value: Option<Value>) -> Result<Option<String>, Refusal> {
    match value {
        None => Ok(None),
        Some(Value::String(cursor)) => Ok(Some(cursor)),
        Some(_) => Err(Refusal::bad_cursor("The cursor must be a string.")),
    }
}

fn direction(value: &Value, field: &str) -> Result<Direction, Refusal> {
    let wrong = || Refusal::bad_input(format!("sortBy must be one object with field {field} and direction asc or desc."));
    let Some([only]) = value.as_array().map(Vec::as_slice) else { return Err(wrong()) };
    if only.get("field").and_then(Value::as_str) != Some(field) {
        return Err(wrong());
    }
    match only.get("direction").and_then(Value::as_str) {
        Some("asc") => Ok(Direction::Asc),
        Some("desc") => Ok(Direction::Desc),
        _ => Err(wrong()),
    }
}

fn expand(context: &Context<'_>, value: Option<Value>, known: &[&str]) -> Result<Vec<String>, Refusal> {
    let Some(value) = value else { return Ok(Vec::new()) };
    let words: Vec<String> =
        serde_json::from_value(value).map_err(|_| Refusal::bad_input("expand must be a list of strings."))?;
    let strict = context.faults.switches.unknown_expand == Verdict::Reject;
    match words.iter().find(|word| strict && !known.contains(&word.as_str())) {
        Some(word) => Err(Refusal::bad_input(format!("expand has no value {word}."))),
        None => Ok(words),
    }
}

fn filter(context: &Context<'_>, object: Map<String, Value>, rules: Rules) -> Result<Map<String, Value>, Refusal> {
    let switches = &context.faults.switches;
    let mut filter = Map::new();
    for (name, value) in object {
        let Some((_, rule)) = rules.iter().find(|(known, _)| *known == name) else {
            if switches.unknown_properties == Leniency::Reject {
                return Err(Refusal::bad_input(format!("There is no property {name}.")));
            }
            continue;
        };
        if value.as_array().is_some_and(Vec::is_empty) && switches.empty_arrays == Verdict::Accept {
            continue;
        }
        rule.check(&name, &value)?;
        filter.insert(name, value);
    }
    Ok(filter)
}

fn exclude(filter: &Map<String, Value>, pairs: &[(&str, &str)]) -> Result<(), Refusal> {
    match pairs.iter().find(|(one, other)| filter.contains_key(*one) && filter.contains_key(*other)) {
        Some((one, other)) => Err(Refusal::bad_input(format!("{one} and {other} can't be used together."))),
        None => Ok(()),
    }
}

impl Rule {
    fn check(self, name: &str, value: &Value) -> Result<(), Refusal> {
        let texts = value.as_array().filter(|items| items.iter().all(Value::is_string));
        let within = |most: usize| texts.is_some_and(|items| (1..=most).contains(&items.len()));
        let known = |words: &[&str], item: &Value| item.as_str().is_some_and(|item| words.contains(&item));
        let (holds, wanted) = match self {
            Self::Text => (value.is_string(), "a string".to_owned()),
            Self::Flag => (value.is_boolean(), "true or false".to_owned()),
            Self::Word(words) => (known(words, value), format!("one of {}", words.join(", "))),
            Self::Texts(most) => (within(most), format!("a list of 1 to {most} strings")),
            Self::Words(most, words) => {
                let all = within(most) && texts.is_some_and(|items| items.iter().all(|item| known(words, item)));
                (all, format!("a list of 1 to {most} of {}", words.join(", ")))
            }
        };
        if holds { Ok(()) } else { Err(Refusal::bad_input(format!("{name} must be {wanted}."))) }
    }
}
