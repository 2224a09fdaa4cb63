//! The audit log of v1: a search, newest first, and a stream in the order of processing.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::Context;
use super::cursor::{Cursor, Place};
use super::filter::{text, texts};
use super::input::Direction;
use super::links;
use super::refusal::Refusal;
use crate::audit::{ACTIONS, Event, Origin, Subject};
use crate::switches::StreamEnd;
use crate::timestamp::push_ms;

/// Lists in one parameter, joined by commas.
const LISTS: [&str; 3] = ["actor", "ip", "product"];
const PRODUCTS: [&str; 5] = ["bitbucket", "confluence", "guard_detect", "jira", "loom"];
/// The most words of `q`. The real number is unknown.
const TERMS: usize = 10;

/// `GET /v1/orgs/{orgId}/events`
pub(super) fn search(context: &Context<'_>) -> Result<String, Refusal> {
    let cursor = start(context, &["q", "from", "to", "action", "actor", "ip", "product", "location"], 30)?;
    let mut events = context.state.events(context.now_ms);
    events.reverse();
    events.retain(|event| event.passes(&cursor.filter, event.at_ms));
    let (page, next) = take(&cursor, events, Direction::Desc);
    Ok(render(context, &cursor, &page, next, false))
}

/// `GET /v1/orgs/{orgId}/events-stream`. In ascending order it has no end: the cursor behind the latest event finds the later ones.
pub(super) fn stream(context: &Context<'_>) -> Result<String, Refusal> {
    let mut cursor = start(context, &["from", "to"], 200)?;
    if context.request.query_value("cursor").is_none() {
        cursor.sort_by = match context.request.query_value("sortOrder") {
            None | Some("asc") => Some(Direction::Asc),
            Some("desc") => Some(Direction::Desc),
            Some(_) => return Err(Refusal::wrong_syntax("sortOrder must be asc or desc.")),
        };
    }
    let order = cursor.sort_by.unwrap_or_default();
    let mut events = context.state.events(context.now_ms);
    if order == Direction::Desc {
        events.reverse();
    }
    events.retain(|event| event.passes(&cursor.filter, event.processed_ms));
    let (page, mut next) = take(&cursor, events, order);
    if next.is_none() && order == Direction::Asc && context.faults.switches.stream_end == StreamEnd::Next {
        next = Some(page.last().map_or_else(|| cursor.place.clone(), |last| after(last)));
    }
    Ok(render(context, &cursor, &page, next, true))
}

/// `GET /v1/orgs/{orgId}/events/{eventId}`
pub(super) fn one(context: &Context<'_>) -> Result<String, Refusal> {
    let id = &context.request.id;
    let event = context.state.event(id, context.now_ms).ok_or_else(|| Refusal::no_event(id))?;
    Ok(json!({"data": row(context, &event, false)}).to_string())
}

/// `GET /v1/orgs/{orgId}/event-actions`
pub(super) fn actions() -> String {
    let row = |(id, name, group): &(&str, &str, &str)| json!({"id": id, "type": "event-actions", "attributes": {"displayName": name, "groupDisplayName": group}});
    json!({"data": ACTIONS.iter().map(row).collect::<Vec<_>>()}).to_string()
}

/// Where the call begins, its parameters checked.
fn start(context: &Context<'_>, parameters: &[&str], default_limit: usize) -> Result<Cursor, Refusal> {
    if let Some(token) = context.request.query_value("cursor") {
        return Cursor::decode(context, token);
    }
    let mut filter = Map::new();
    for name in parameters {
        let Some(value) = context.request.query_value(name) else { continue };
        if LISTS.contains(name) {
            let given = context.request.query.iter().filter(|(key, _)| key == name);
            let values: Vec<&str> = given.flat_map(|(_, value)| value.split(',')).collect();
            if *name == "product" && values.iter().any(|value| !PRODUCTS.contains(value)) {
                return Err(Refusal::wrong_syntax(format!("product must be one of {}.", PRODUCTS.join(", "))));
            }
            filter.insert((*name).to_owned(), json!(values));
        } else if matches!(*name, "from" | "to") {
            let instant = value.parse::<i64>().map_err(|_| Refusal::wrong_instant(name))?;
            filter.insert((*name).to_owned(), json!(instant));
        } else {
            filter.insert((*name).to_owned(), json!(value));
        }
    }
    let bound = |name: &str| filter.get(name).and_then(Value::as_i64);
    if bound("from").zip(bound("to")).is_some_and(|(from, to)| from > to) {
        return Err(Refusal::wrong_instant("from, which must not be after to,"));
    }
    if text(&filter, "q").is_some_and(|q| q.split_whitespace().count() > TERMS) {
        return Err(Refusal::too_many_terms());
    }
    let limit =
        super::input::query_limit(context, default_limit, 500).map_err(|refusal| Refusal::wrong_syntax(refusal.detail))?;
    Ok(Cursor { limit: Some(limit), ..Cursor::new(context, None, filter, Place::Start) })
}

/// The page behind the cursor and where the next one begins, of events that are in this order.
fn take(cursor: &Cursor, events: Vec<Arc<Event>>, order: Direction) -> (Vec<Arc<Event>>, Option<Place>) {
    let behind = match &cursor.place {
        Place::After { id, .. } => id.parse::<u64>().ok(),
        Place::Start | Place::Offset(_) => None,
    };
    let mut rest = events.into_iter().filter(|event| {
        behind.is_none_or(|behind| if order == Direction::Asc { event.number > behind } else { event.number < behind })
    });
    let page: Vec<Arc<Event>> = rest.by_ref().take(cursor.limit.unwrap_or(30)).collect();
    let more = rest.next().is_some();
    let next = page.last().filter(|_| more).map(|last| after(last));
    (page, next)
}

fn after(event: &Event) -> Place {
    Place::After { key: String::new(), id: event.number.to_string() }
}

fn render(context: &Context<'_>, cursor: &Cursor, page: &[Arc<Event>], next: Option<Place>, processed: bool) -> String {
    let data: Vec<Value> = page.iter().map(|event| row(context, event, processed)).collect();
    let mut meta = json!({"page_size": data.len()});
    if let Some(place) = &next {
        let token = Cursor { place: place.clone(), issued_ms: context.now_ms, ..cursor.clone() }.encode();
        meta["next"] = json!(token);
    }
    json!({"data": data, "meta": meta, "links": links::links(context, cursor, next)}).to_string()
}

fn row(context: &Context<'_>, event: &Event, processed: bool) -> Value {
    let id = context.state.event_id(event.number);
    let subjects: Vec<Value> = event
        .subjects
        .iter()
        .map(|subject| match subject {
            Subject::Account(id) => json!({"id": &**id, "type": "users", "attributes": {}}),
            Subject::Group(id) => json!({"id": id, "type": "groups", "attributes": {}}),
        })
        .collect();
    let org_id = &context.org.catalog.org_id;
    let ActorWords { id: actor, name, auth, ip } = actor(event.origin);
    let name_of_action = ACTIONS.iter().find(|(id, _, _)| *id == event.action).map_or(event.action, |(_, name, _)| name);
    let mut attributes = json!({
        "time": instant(event.at_ms),
        "action": event.action,
        "actor": {"id": actor, "name": name, "auth": {"authType": auth}, "links": {"self": links::url(context, &format!("/users/{actor}"))}},
        "context": subjects,
        "container": [{"id": org_id, "type": "orgs", "attributes": {}}],
        "location": {"ip": ip, "countryName": "Finland", "regionName": "Uusimaa", "city": "Helsinki"},
    });
    if processed {
        attributes["processedAt"] = json!(instant(event.processed_ms));
    }
    json!({
        "type": "events",
        "id": id,
        "attributes": attributes,
        "message": {"content": name_of_action, "format": "simple"},
        "links": {"self": links::url(context, &format!("/admin/v1/orgs/{org_id}/events/{id}"))},
    })
}

/// How an origin is told as the actor of an event.
struct ActorWords {
    id: &'static str,
    name: &'static str,
    auth: &'static str,
    ip: &'static str,
}

fn actor(origin: Origin) -> ActorWords {
    match origin {
        Origin::Api => {
            ActorWords { id: "557058:orgsim-api-key", name: "Key of the organisation", auth: "api-token", ip: "203.0.113.5" }
        }
        Origin::Churn => {
            ActorWords { id: "557058:orgsim-provider", name: "Identity provider", auth: "auth-token-for-2LO", ip: "203.0.113.77" }
        }
        Origin::Control => {
            ActorWords { id: "557058:orgsim-admin", name: "Ada Example", auth: "container-token", ip: "203.0.113.9" }
        }
    }
}

impl Event {
    /// Whether a filter lets the event through; `at_ms` is the instant that `from` and `to` are about.
    fn passes(&self, filter: &Map<String, Value>, at_ms: i64) -> bool {
        let bound = |name: &str| filter.get(name).and_then(Value::as_i64);
        let words = actor(self.origin);
        let says = |term: &str| {
            let subject = |subject: &Subject| match subject {
                Subject::Account(id) => id.to_lowercase().contains(term),
                Subject::Group(id) => id.to_string().contains(term),
            };
            self.action.contains(term) || words.name.to_lowercase().contains(term) || self.subjects.iter().any(subject)
        };
        bound("from").is_none_or(|from| at_ms >= from)
            && bound("to").is_none_or(|to| at_ms <= to)
            && text(filter, "action").is_none_or(|action| action == self.action)
            && texts(filter, "actor").is_none_or(|actors| actors.contains(&words.id))
            && texts(filter, "ip").is_none_or(|ips| ips.contains(&words.ip))
            // Changes of people and groups belong to no product.
            && texts(filter, "product").is_none()
            && text(filter, "location").is_none_or(|place| ["finland", "uusimaa", "helsinki"].contains(&place.to_lowercase().as_str()))
            && text(filter, "q").is_none_or(|q| q.to_lowercase().split_whitespace().all(says))
    }
}

fn instant(ms: i64) -> String {
    let mut text = String::new();
    push_ms(&mut text, ms);
    text
}
