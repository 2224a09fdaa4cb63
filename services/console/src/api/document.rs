//! The OpenAPI document of the API, made from its handlers, and a page to read it.

use axum::Json;
use maud::{Markup, html};
use orgmirror_domain::access::{About, Need, Role};
use serde_json::{Value, json};
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

use super::{audit, events, filters, groups, licences, operations as bulk, people, runs, status, tasks, tokens, users};
use crate::frame::Frame;
use crate::layout::Place;
use crate::problem::{ApiProblem, PageProblem, Problem};
use crate::routes::{Access, Routes};

#[derive(OpenApi)]
#[openapi(
    info(title = "Orgmirror", description = "Everything that the command line does with an organisation's mirror."),
    paths(
        status::status, events::events,
        users::list, users::export, groups::list, groups::export, licences::list,
        filters::list, filters::explain, filters::save, filters::delete,
        runs::list, runs::request, runs::one, runs::cancel, runs::resume, runs::approve,
        bulk::list, bulk::request, bulk::preview, bulk::one, bulk::items, bulk::approve, bulk::cancel, bulk::retry,
        tasks::list, tasks::create, tasks::one, tasks::delete, tasks::enable, tasks::disable, tasks::run, tasks::log,
        audit::list,
        people::list, people::add, people::change, people::link,
        tokens::list, tokens::make, tokens::revoke,
    ),
    // What only parameters use is not found by itself.
    components(schemas(crate::export::FileFormat, orgmirror_domain::audit::Event)),
    security(("token" = []))
)]
struct Document;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        // It tells nothing that the source does not.
        .get("/api/v1/openapi.json", Access::Open, document)
        .get("/help/api", Need::by_site(Role::Viewer), page)
}

async fn document() -> Result<Json<Value>, ApiProblem> {
    Ok(Json(whole().map_err(|error| Problem::defect(&error))?))
}

/// The document, with what each operation needs from the table of routes: said once, there.
fn whole() -> Result<Value, serde_json::Error> {
    let mut document = Document::openapi();
    document
        .components
        .get_or_insert_default()
        .add_security_scheme("token", SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build()));
    let mut document = serde_json::to_value(document)?;
    for route in crate::route_table() {
        let Access::Needs(need) = route.access else { continue };
        let path = document["paths"].get_mut(route.path);
        if let Some(operation) = path.and_then(|path| path.get_mut(route.method.to_lowercase())) {
            operation["x-role"] = json!(need.role);
            operation["x-all-sites"] = json!(need.about == About::Organisation);
            operation["responses"]["default"] = json!({
                "description": "A problem document (RFC 9457)",
                "content": { "application/problem+json": { "schema": {
                    "type": "object",
                    "required": ["type", "title", "status", "detail"],
                    "properties": {
                        "type": { "type": "string" }, "title": { "type": "string" },
                        "status": { "type": "integer" }, "detail": { "type": "string" },
                    },
                } } },
            });
        }
    }
    Ok(document)
}

/// The document for reading, without any script or other host.
async fn page(frame: Frame) -> Result<Markup, PageProblem> {
    let document = whole().map_err(|error| Problem::defect(&error))?;
    let words = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let content = html! {
        p { "For programs. The same as a document: " a href="/api/v1/openapi.json" { "/api/v1/openapi.json" } ". A token is sent as " code { "Authorization: Bearer TOKEN" } "." }
        @for (path, methods) in document["paths"].as_object().into_iter().flatten() {
            @for (method, operation) in methods.as_object().into_iter().flatten() {
                section {
                    h2 { code { (method.to_uppercase()) " " (path) } }
                    p { (words(&operation["summary"])) " Needs the role " strong { (words(&operation["x-role"])) } "." }
                    @if let Some(parameters) = operation["parameters"].as_array() {
                        table {
                            caption { "Parameters" }
                            tbody {
                                @for parameter in parameters {
                                    tr {
                                        th scope="row" { code { (words(&parameter["name"])) } }
                                        td { (words(&parameter["in"])) }
                                        td { (words(&parameter["description"])) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    Ok(frame.page(Place::Help, "HTTP API", content))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Map;

    use super::*;

    /// Method and path of every operation that is documented.
    fn operations() -> BTreeSet<(String, String)> {
        let document = whole().unwrap_or_default();
        let paths = document["paths"].as_object().cloned().unwrap_or_default();
        let methods = |(path, methods): (String, Value)| {
            let methods: Vec<String> = methods.as_object().into_iter().flat_map(Map::keys).cloned().collect();
            methods.into_iter().map(move |method| (method.to_uppercase(), path.clone()))
        };
        paths.into_iter().flat_map(methods).collect()
    }

    /// What is served is documented, and what is documented is served.
    #[test]
    fn the_document_and_the_table_say_the_same() {
        let served: BTreeSet<(String, String)> = crate::route_table()
            .into_iter()
            .filter(|route| route.path.starts_with("/api/") && route.path != "/api/v1/openapi.json")
            .map(|route| (route.method, route.path.to_owned()))
            .collect();
        assert_eq!(operations(), served);
    }

    /// Every reference in the document leads to something.
    #[test]
    fn no_schema_is_missing() {
        let document = whole().unwrap_or_else(|error| panic!("{error}"));
        let text = document.to_string();
        for reference in text.split("\"#/components/schemas/").skip(1) {
            let name = reference.split('"').next().unwrap_or_default();
            assert!(document["components"]["schemas"][name].is_object(), "{name}");
        }
        assert_eq!(document["paths"]["/api/v1/people"]["post"]["x-role"], "admin");
    }
}
