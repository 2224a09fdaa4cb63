//! The audit log: its list, the stream to follow, one event, and the kinds of events.

use chrono::{DateTime, Utc};

use crate::client::Client;
use crate::error::ApiError;
use crate::operation::{Operation, Permit};
use crate::organisation::ListPage;
use crate::transport::{Call, malformed};
use crate::wire::event::{EventPage, WireAction, WireEvent};
use crate::wire::organisation::Single;

/// The largest page that the API gives.
pub const EVENTS_PER_PAGE: u32 = 500;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its id.
    pub event_id: String,
    /// When it happened.
    pub at: Option<DateTime<Utc>>,
    /// When the log took it in; told by the stream alone.
    pub processed_at: Option<DateTime<Utc>>,
    /// What happened; see [`Client::event_actions`].
    pub action: Option<String>,
    /// Who did it.
    pub actor_id: Option<String>,
    /// Whom or what it concerns. May be empty.
    pub context: Vec<EventObject>,
    /// Where that belongs.
    pub container: Vec<EventObject>,
    /// From which address.
    pub ip: Option<String>,
}

/// A thing that an event names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventObject {
    /// `users`, `groups`, `orgs`, ...
    pub kind: Option<String>,
    /// Its id, as the API writes it in events.
    pub id: String,
}

/// A kind of event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventAction {
    /// The word in [`Event::action`].
    pub action: String,
    /// For people.
    pub name: Option<String>,
    /// The heading that it stands under.
    pub group: Option<String>,
}

/// Which events a list has. Times are sent in milliseconds. All that are set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is the API's parameter of the same name")]
pub struct EventFilter {
    pub q: Option<String>,
    pub from: Option<DateTime<Utc>>,
    pub to: Option<DateTime<Utc>>,
    pub action: Option<String>,
    pub actors: Vec<String>,
    pub ips: Vec<String>,
    pub products: Vec<String>,
    pub location: Option<String>,
}

impl EventFilter {
    fn pairs(&self) -> Vec<(&'static str, String)> {
        let millis = |moment: Option<DateTime<Utc>>| moment.map(|moment| moment.timestamp_millis().to_string());
        // Lists are one parameter, with commas.
        let joined = |list: &[String]| (!list.is_empty()).then(|| list.join(","));
        [
            ("q", self.q.clone()),
            ("from", millis(self.from)),
            ("to", millis(self.to)),
            ("action", self.action.clone()),
            ("actor", joined(&self.actors)),
            ("ip", joined(&self.ips)),
            ("product", joined(&self.products)),
            ("location", self.location.clone()),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
    }
}

impl Client {
    /// A page of the audit log, the newest first.
    pub async fn events(&self, permit: Permit, filter: &EventFilter, cursor: Option<&str>) -> Result<ListPage<Event>, ApiError> {
        self.event_page(permit, Operation::Events, "events", filter.pairs(), cursor).await
    }

    /// A page of the stream, in the order of processing. The cursor of its end can be kept and asked again for what came since:
    /// [`ListPage::next`] is then the same as the one sent, which is no loop here.
    pub async fn event_stream(
        &self,
        permit: Permit,
        from: Option<DateTime<Utc>>,
        to: Option<DateTime<Utc>>,
        cursor: Option<&str>,
    ) -> Result<ListPage<Event>, ApiError> {
        let pairs = EventFilter { from, to, ..EventFilter::default() }.pairs();
        self.event_page(permit, Operation::EventStream, "events-stream", pairs, cursor).await
    }

    async fn event_page(
        &self,
        permit: Permit,
        operation: Operation,
        segment: &str,
        pairs: Vec<(&'static str, String)>,
        cursor: Option<&str>,
    ) -> Result<ListPage<Event>, ApiError> {
        let mut url = self.url("v1", &[segment]);
        url.query_pairs_mut()
            .extend_pairs(pairs)
            .append_pair("limit", &EVENTS_PER_PAGE.to_string())
            .extend_pairs(cursor.map(|cursor| ("cursor", cursor)));
        let page: EventPage = self.call(permit, Call { operation, url, body: None, cursor }).await?;
        let is_stream = operation == Operation::EventStream;
        page.into_page(EVENTS_PER_PAGE, cursor.filter(|_| !is_stream)).map_err(malformed(operation))
    }

    /// One event.
    pub async fn event(&self, permit: Permit, event_id: &str) -> Result<Event, ApiError> {
        let (operation, url) = (Operation::Event, self.url("v1", &["events", event_id]));
        let Single::<WireEvent> { data } = self.call(permit, Call { operation, url, body: None, cursor: None }).await?;
        data.into_event(0).map_err(malformed(operation))
    }

    /// All kinds of events.
    pub async fn event_actions(&self, permit: Permit) -> Result<Vec<EventAction>, ApiError> {
        self.v1_list(permit, Operation::EventActions, &["event-actions"], &[], None, WireAction::into_action)
            .await
            .map(|page| page.rows)
    }
}
