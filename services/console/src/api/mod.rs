//! The HTTP API under `/api/v1`, one file a resource.
//!
//! Lists come in pages: `next` of an answer is the `cursor` of the next question, and absent at the end. Reads carry an `ETag`
//! ([`etag`]). What starts something takes an `Idempotency-Key` ([`idempotency`]): asked again with the same key, it starts nothing and
//! answers the same. What cannot be done is a problem document ([`crate::problem`]).

mod audit;
mod cursor;
mod document;
pub(crate) mod etag;
mod events;
mod filters;
mod groups;
mod idempotency;
mod licences;
mod operations;
mod people;
pub(crate) mod refusal;
mod runs;
mod status;
mod tasks;
pub(crate) mod tokens;
pub(crate) mod users;

use crate::routes::Routes;

pub(crate) fn routes(routes: Routes) -> Routes {
    let resources = licences::routes(groups::routes(users::routes(Routes::default())));
    let resources = filters::routes(operations::routes(runs::routes(resources)));
    let resources = audit::routes(tasks::routes(resources));
    let resources = tokens::routes(people::routes(status::routes(resources)));
    let resources = document::routes(resources).tagged();
    // Events never end, so they have no hash.
    routes.with(events::routes(resources).spoken())
}
