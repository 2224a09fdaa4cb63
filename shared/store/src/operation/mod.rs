//! Bulk operations: asked for, gated, executed item by item, looked after until the API shows the result.
//!
//! Nothing here remembers anything between two calls. What is to be done next follows from the rows: items that wait for a reading get a
//! run ([`needs`]), those that may act are published ([`ready`]), a call is made only after [`start`] has marked it (T9), its end is
//! recorded by [`finish`] (T10), and what nobody answered for is read back by [`settle`].
//!
//! Invariants
//! - An attempt is marked in the transaction that asked the gate, under the lock of the account; nothing else makes an item `running`.
//! - An account has one open item at most, whatever operation it is of: a unique index says so too.
//! - After an attempt that may have reached the API, the item is marked again only on an observation drawn after the call's deadline.
//!
//! Absent: the calls themselves (`services/worker`), and whether the gate opens (`orgmirror_domain::gate`).

pub mod change;
mod facts;
pub mod finish;
mod freed;
pub(crate) mod needs;
pub mod preview;
pub mod ready;
pub mod request;
pub mod settle;
pub mod start;
pub mod view;
