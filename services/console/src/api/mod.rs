//! The HTTP API under `/api/v1`, one file a resource.

use crate::routes::Routes;

pub(crate) fn routes(routes: Routes) -> Routes {
    routes
}
