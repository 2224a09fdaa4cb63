//! What a handler may know about the delivery it works on.

use crate::lane::Lane;

/// One delivery of an entry, reachable in handlers as `Data<Delivery>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The entry's id in its stream. A retried job is a new entry.
    pub id: String,
    /// The lane it came by.
    pub lane: Lane,
    /// 1 for the first counted delivery. A postponed or handed-back delivery was not counted.
    pub attempt: u64,
    /// The publisher's trace context (W3C `traceparent`), for a link from this job's span to the one that published it.
    pub traceparent: Option<String>,
}
