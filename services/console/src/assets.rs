//! Style and script, kept in the executable. Each address holds a hash of the content, so browsers may keep them for ever.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::problem::{PageProblem, Problem};
use crate::routes::{Access, Routes};

/// A file of `assets/`, and how browsers must take it.
pub(crate) struct Asset {
    name: &'static str,
    kind: &'static str,
    content: &'static str,
}

const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Add a file here and name it in [`crate::layout`].
const ASSETS: [Asset; 4] = [
    Asset { name: "console.css", kind: CSS, content: include_str!("../assets/console.css") },
    Asset { name: "icon.svg", kind: "image/svg+xml", content: include_str!("../assets/icon.svg") },
    Asset { name: "console.js", kind: SCRIPT, content: include_str!("../assets/console.js") },
    Asset { name: "htmx.min.js", kind: SCRIPT, content: include_str!("../assets/htmx.min.js") },
];

/// Addresses in the order of [`ASSETS`].
static ADDRESSES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let hash = |asset: &Asset| Sha256::digest(asset.content).iter().take(8).map(|byte| format!("{byte:02x}")).collect::<String>();
    ASSETS.iter().map(|asset| format!("/assets/{}/{}", hash(asset), asset.name)).collect()
});

/// Where browsers find an asset.
pub(crate) fn address(name: &str) -> &'static str {
    let place = ASSETS.iter().position(|asset| asset.name == name);
    debug_assert!(place.is_some(), "{name} is no asset");
    place.and_then(|place| ADDRESSES.get(place)).map_or("", String::as_str)
}

pub(crate) fn routes(routes: Routes) -> Routes {
    routes.get("/assets/{hash}/{name}", Access::Open, asset)
}

async fn asset(Path((hash, name)): Path<(String, String)>) -> Result<Response, PageProblem> {
    let wanted = format!("/assets/{hash}/{name}");
    let place = ADDRESSES.iter().position(|address| *address == wanted);
    let asset =
        place.and_then(|place| ASSETS.get(place)).ok_or_else(|| Problem::not_found(format!("there is no asset {name}")))?;
    let headers = [(header::CONTENT_TYPE, asset.kind), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    Ok((headers, asset.content).into_response())
}
