//! The table of routes: each says what it needs of its visitor.

use std::collections::BTreeMap;

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodFilter, on};
use orgmirror_domain::access::Need;

use crate::Console;
use crate::api::{etag, refusal};
use crate::guard::{self, Needs};

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Anybody: what is needed to sign in, and to look after the service. Shows nothing of the organisation.
    Open,
    /// A visitor with these rights.
    Needs(Need),
}

/// A route as it is served.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// The path, with its parameters as `{name}`.
    pub path: &'static str,
    /// `GET`, `POST`, ...
    pub method: String,
    /// Who may use it.
    pub access: Access,
}

/// Routes being put together. Nothing is served that was not added here.
#[derive(Default)]
pub(crate) struct Routes {
    router: Router<Console>,
    needs: BTreeMap<(&'static str, String), Access>,
}

impl Routes {
    pub(crate) fn get<T: 'static>(
        self,
        path: &'static str,
        access: impl Into<Access>,
        handler: impl Handler<T, Console>,
    ) -> Self {
        self.add(Method::GET, MethodFilter::GET, path, access, handler)
    }

    pub(crate) fn post<T: 'static>(
        self,
        path: &'static str,
        access: impl Into<Access>,
        handler: impl Handler<T, Console>,
    ) -> Self {
        self.add(Method::POST, MethodFilter::POST, path, access, handler)
    }

    pub(crate) fn put<T: 'static>(
        self,
        path: &'static str,
        access: impl Into<Access>,
        handler: impl Handler<T, Console>,
    ) -> Self {
        self.add(Method::PUT, MethodFilter::PUT, path, access, handler)
    }

    pub(crate) fn delete<T: 'static>(
        self,
        path: &'static str,
        access: impl Into<Access>,
        handler: impl Handler<T, Console>,
    ) -> Self {
        self.add(Method::DELETE, MethodFilter::DELETE, path, access, handler)
    }

    /// These and the others.
    pub(crate) fn with(mut self, others: Self) -> Self {
        self.needs.extend(others.needs);
        Self { router: self.router.merge(others.router), needs: self.needs }
    }

    /// The same, whose JSON answers to reads carry an `ETag`.
    pub(crate) fn tagged(self) -> Self {
        Self { router: self.router.route_layer(from_fn(etag::etag)), needs: self.needs }
    }

    /// The same, in which a library's own refusal becomes a problem document.
    pub(crate) fn spoken(self) -> Self {
        Self { router: self.router.route_layer(from_fn(refusal::spoken)), needs: self.needs }
    }

    fn add<T: 'static>(
        mut self,
        method: Method,
        filter: MethodFilter,
        path: &'static str,
        access: impl Into<Access>,
        handler: impl Handler<T, Console>,
    ) -> Self {
        self.needs.insert((path, method.to_string()), access.into());
        Self { router: self.router.route(path, on(filter, handler)), needs: self.needs }
    }

    /// All of them, by path.
    pub(crate) fn table(&self) -> Vec<Route> {
        self.needs.iter().map(|((path, method), access)| Route { path, method: method.clone(), access: *access }).collect()
    }

    /// The routes behind the guard, which asks this table.
    pub(crate) fn guarded(self, console: &Console) -> Router<Console> {
        let needs = Needs::new(
            console.clone(),
            self.needs.into_iter().map(|((path, method), access)| ((path.to_owned(), method), access)),
        );
        self.router.route_layer(from_fn_with_state(needs, guard::guard)).fallback(guard::not_there)
    }
}

impl From<Need> for Access {
    fn from(need: Need) -> Self {
        Self::Needs(need)
    }
}
