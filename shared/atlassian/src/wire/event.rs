//! Events of the audit log.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::page::Links;
use super::time;
use crate::error::Flaw;
use crate::events::{Event, EventAction, EventObject};
use crate::organisation::ListPage;

/// The next page is in `meta.next`; `links.next` has it too, as a URL.
#[derive(Deserialize)]
pub(crate) struct EventPage {
    data: Vec<WireEvent>,
    meta: Option<Links>,
    links: Option<Links>,
}

#[derive(Deserialize)]
pub(crate) struct WireEvent {
    id: Option<String>,
    attributes: Option<Attributes>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attributes {
    #[serde(default, deserialize_with = "time::lenient")]
    time: Option<DateTime<Utc>>,
    #[serde(default, deserialize_with = "time::lenient")]
    processed_at: Option<DateTime<Utc>>,
    action: Option<String>,
    actor: Option<Actor>,
    context: Option<Vec<Object>>,
    container: Option<Vec<Object>>,
    location: Option<Location>,
}

#[derive(Deserialize)]
struct Actor {
    id: Option<String>,
}

#[derive(Deserialize)]
struct Location {
    ip: Option<String>,
}

#[derive(Deserialize)]
struct Object {
    id: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

impl EventPage {
    pub(crate) fn into_page(self, limit: u32, cursor: Option<&str>) -> Result<ListPage<Event>, Flaw> {
        let (asked, got) = (limit as usize, self.data.len());
        if got > asked {
            return Err(Flaw::PageTooLarge { asked, got });
        }
        let next = match Links::next_after(self.meta, cursor)? {
            Some(next) => Some(next),
            None => Links::next_after(self.links, cursor)?,
        };
        let rows = self.data.into_iter().enumerate().map(|(row, event)| event.into_event(row)).collect::<Result<_, _>>()?;
        Ok(ListPage { rows, next })
    }
}

impl WireEvent {
    pub(crate) fn into_event(self, row: usize) -> Result<Event, Flaw> {
        let attributes = self.attributes.unwrap_or_default();
        Ok(Event {
            event_id: self.id.filter(|id| !id.is_empty()).ok_or(Flaw::UnreadableId { row, field: "id" })?,
            at: attributes.time,
            processed_at: attributes.processed_at,
            action: attributes.action,
            actor_id: attributes.actor.and_then(|actor| actor.id),
            context: objects(attributes.context),
            container: objects(attributes.container),
            ip: attributes.location.and_then(|location| location.ip),
        })
    }
}

/// A thing without an id names nothing.
fn objects(objects: Option<Vec<Object>>) -> Vec<EventObject> {
    let named = |object: Object| Some(EventObject { kind: object.kind, id: object.id.filter(|id| !id.is_empty())? });
    objects.unwrap_or_default().into_iter().filter_map(named).collect()
}

#[derive(Deserialize)]
pub(crate) struct WireAction {
    id: Option<String>,
    attributes: Option<ActionAttributes>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ActionAttributes {
    display_name: Option<String>,
    group_display_name: Option<String>,
}

impl WireAction {
    pub(crate) fn into_action(self, row: usize) -> Result<EventAction, Flaw> {
        let attributes = self.attributes.unwrap_or_default();
        let action = self.id.filter(|id| !id.is_empty()).ok_or(Flaw::UnreadableId { row, field: "id" })?;
        Ok(EventAction { action, name: attributes.display_name, group: attributes.group_display_name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(tail: &str, cursor: Option<&str>) -> Result<ListPage<Event>, Flaw> {
        let body = format!(
            r#"{{"data":[{{"id":"e1","attributes":{{"time":"2026-07-03T10:44:26.457Z","action":"x","actor":{{"id":"a"}},"context":[{{"id":"g","type":"groups"}},{{}}],"container":null}}}}]{tail}}}"#
        );
        serde_json::from_str::<EventPage>(&body).unwrap().into_page(500, cursor)
    }

    #[test]
    fn the_next_page_is_in_meta_or_in_links() {
        assert_eq!(page(r#","meta":{"next":"t","page_size":1}"#, None).unwrap().next.as_deref(), Some("t"));
        assert_eq!(page(r#","links":{"next":"https://x.example/e?cursor=u"}"#, None).unwrap().next.as_deref(), Some("u"));
        assert_eq!(page(r#","meta":{"next":null},"links":{}"#, None).unwrap().next, None);
        assert_eq!(page(r#","meta":{"next":"t"}"#, Some("t")), Err(Flaw::CursorLoop));
    }

    #[test]
    fn an_event_names_whom_it_concerns() {
        let event = page("", None).unwrap().rows.remove(0);
        assert_eq!((event.actor_id.as_deref(), event.context.len(), event.processed_at), (Some("a"), 1, None));
        assert_eq!(event.context[0], EventObject { kind: Some("groups".into()), id: "g".into() });
    }
}
