//! First step: for whom, and what to change.

use axum::extract::State;
use axum_extra::extract::Form;
use maud::{Markup, html};
use orgmirror_domain::access::{Need, Role};
use orgmirror_domain::action::Action;
use orgmirror_domain::filter::{Filter, Role as ProductRole};
use orgmirror_domain::ids::{AccountId, GroupId, OrgKey, ResourceId};
use orgmirror_domain::listing::{Direction, GroupSort, UserSort};
use orgmirror_store::Store;
use orgmirror_store::browse::Place as Position;
use orgmirror_store::browse::groups::{GroupQuery, GroupRow};
use orgmirror_store::browse::places::ProductPlace;
use orgmirror_store::browse::users::UserQuery;
use serde::Deserialize;

use crate::Console;
use crate::frame::Frame;
use crate::layout::Place;
use crate::problem::{PageProblem, Problem};
use crate::routes::Routes;
use crate::words::{count, counted, name, product, spoken};

/// Roles that a product may give or lose here.
const ROLES: [ProductRole; 7] = [
    ProductRole::User,
    ProductRole::Admin,
    ProductRole::Guest,
    ProductRole::Customer,
    ProductRole::Contributor,
    ProductRole::Basic,
    ProductRole::Stakeholder,
];

pub(super) fn routes(routes: Routes) -> Routes {
    routes.post("/operations/prepare", Need::whole(Role::Operator), page)
}

/// For whom: ticked rows, or whoever matches a filter.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Chosen {
    /// `all` for the filter's matches, anything else for the ticked ones.
    of: String,
    q: String,
    account: Vec<String>,
}

/// What to do, as the form says it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::pages) struct Wish {
    action: String,
    group: String,
    resource: String,
    role: String,
}

/// A wish that was understood, or what it lacks.
pub(in crate::pages) enum Understood {
    Action(Action, Option<String>),
    /// Several groups have that name.
    WhichGroup(Vec<GroupRow>),
    Lacks(String),
}

impl Chosen {
    /// Ids of those who are meant now.
    pub(super) async fn accounts(&self, store: &Store, org: OrgKey, limit: usize) -> Result<Vec<AccountId>, Problem> {
        if self.of != "all" {
            return Ok(self.account.iter().map(|id| AccountId::from(id.as_str())).collect());
        }
        let filter: Filter = self.q.parse().map_err(Problem::from)?;
        let query = UserQuery { filter, sort: UserSort::Name, direction: Direction::Ascending };
        store.user_ids(org, &query, limit).await?.ok_or_else(|| {
            Problem::unfit(format!(
                "more than {} users match, which is more than one operation may change; narrow the filter, or raise ORGMIRROR_OPERATION__MAX_ITEMS",
                count(limit)
            ))
        })
    }

    /// The filter that chooses, unless rows were ticked: who does not match it when they are read anew is left alone.
    pub(super) fn filter(&self) -> Result<Option<Filter>, Problem> {
        (self.of == "all").then(|| self.q.parse().map_err(Problem::from)).transpose()
    }

    /// The same choice in the next form.
    pub(super) fn carried(&self) -> Markup {
        html! {
            input type="hidden" name="of" value=(self.of);
            input type="hidden" name="q" value=(self.q);
            @if self.of != "all" { @for id in &self.account { input type="hidden" name="account" value=(id); } }
        }
    }
}

impl Wish {
    pub(super) fn carried(&self) -> Markup {
        html! {
            @for (field, value) in [("action", &self.action), ("group", &self.group), ("resource", &self.resource), ("role", &self.role)] {
                input type="hidden" name=(field) value=(value);
            }
        }
    }

    pub(in crate::pages) async fn understood(&self, store: &Store, org: OrgKey) -> Result<Understood, Problem> {
        let action = match self.action.as_str() {
            "add-to-group" | "remove-from-group" => return self.of_group(store, org).await,
            "grant-role" | "revoke-role" if self.resource.is_empty() || self.role.is_empty() => {
                return Ok(Understood::Lacks("choose a product and a role".to_owned()));
            }
            "grant-role" => Action::GrantRole { resource: self.resource(), role: self.role.clone() },
            "revoke-role" => Action::RevokeRole { resource: self.resource(), role: self.role.clone() },
            "disable" => Action::Disable,
            "enable" => Action::Enable,
            word => {
                let Some(directory) = store.only_directory(org).await? else {
                    return Ok(Understood::Lacks(
                        "this needs an organisation with exactly one directory in the mirror".to_owned(),
                    ));
                };
                match word {
                    "suspend" => Action::Suspend { directory },
                    "restore" => Action::Restore { directory },
                    "remove" => Action::RemoveFromDirectory { directory },
                    _ => return Ok(Understood::Lacks("choose what to change".to_owned())),
                }
            }
        };
        Ok(Understood::Action(action, None))
    }

    fn resource(&self) -> ResourceId {
        ResourceId::from(self.resource.as_str())
    }

    async fn of_group(&self, store: &Store, org: OrgKey) -> Result<Understood, Problem> {
        let wanted = self.group.trim();
        if wanted.is_empty() {
            return Ok(Understood::Lacks("say which group: its name or its id".to_owned()));
        }
        let groups = match GroupId::parse(wanted) {
            Some(id) => vec![store.group_row(org, id).await?],
            None => named(store, org, wanted).await?,
        };
        match groups.as_slice() {
            [] => Ok(Understood::Lacks(format!("there is no group {wanted:?}; Groups finds it by a part of its name"))),
            [group] => {
                let id = GroupId::parse(&group.group_id).ok_or_else(|| Problem::unfit("the group's id is none"))?;
                let action = if self.action == "add-to-group" {
                    Action::AddToGroup { group: id }
                } else {
                    Action::RemoveFromGroup { group: id }
                };
                Ok(Understood::Action(action, group.name.clone()))
            }
            _ => Ok(Understood::WhichGroup(groups)),
        }
    }
}

/// Groups of exactly that name; capitals and small letters are the same.
async fn named(store: &Store, org: OrgKey, wanted: &str) -> Result<Vec<GroupRow>, Problem> {
    let query =
        GroupQuery { name: wanted.to_owned(), scim: None, grants: None, sort: GroupSort::Name, direction: Direction::Ascending };
    let list = store.group_list(org, &query, &Position::Start, 200).await?;
    let same = |group: &GroupRow| group.name.as_deref().is_some_and(|name| name.to_lowercase() == wanted.to_lowercase());
    Ok(list.groups.into_iter().filter(same).collect())
}

async fn page(State(console): State<Console>, frame: Frame, Form(chosen): Form<Chosen>) -> Result<Markup, PageProblem> {
    Ok(frame.page(Place::Operations, "What to change", form(&console, &chosen, &Wish::default(), None).await?))
}

/// The form; with what the wish lacked, if it was asked before.
pub(super) async fn form(console: &Console, chosen: &Chosen, wish: &Wish, lacks: Option<&Understood>) -> Result<Markup, Problem> {
    let (store, org) = (console.store(), console.org());
    let accounts = chosen.accounts(store, org, console.settings().limits.max_items).await?;
    if accounts.is_empty() {
        return Ok(
            html! { div.empty { p { strong { "Nobody is selected." } } p { "Tick rows in " a href="/users" { "Users" } ", or change all that match a filter." } } },
        );
    }
    let places = store.product_places(org).await?;
    Ok(html! {
        p.crumbs { a href="/users" { "Users" } " / Select \u{2192} " strong { "Choose" } " \u{2192} Preview \u{2192} Watch" }
        p.lead { strong.large { (counted(accounts.len() as i64, "user")) } @if chosen.of == "all" { @if chosen.q.is_empty() { ": everybody" } @else { " match " span.code { (chosen.q) } } } ". Nothing changes before you have seen a preview." }
        @match lacks {
            Some(Understood::Lacks(what)) => p.wrong role="alert" { "Please " (what) "." },
            Some(Understood::WhichGroup(groups)) => div.note role="alert" {
                p { "Several groups have that name. Write the id of the one that is meant:" }
                ul.plain-list { @for group in groups { li { span.code { (group.group_id) } " " (name(group.name.as_deref())) " in " (group.directory.as_deref().unwrap_or("no directory")) ", " (count(group.members.unwrap_or_default())) " members" } } }
            },
            _ => {},
        }
        form.choose method="post" action="/operations/preview" {
            (chosen.carried())
            (fields(wish, &places))
            button type="submit" { "Preview" }
        }
    })
}

/// What to change, as one choice; used by operations and tasks.
pub(in crate::pages) fn fields(wish: &Wish, places: &[ProductPlace]) -> Markup {
    let choice = |value: &'static str, title: &str, more: Markup| {
        html! { li { label.choice { input type="radio" name="action" value=(value) required checked[wish.action == value]; (title) } (more) } }
    };
    html! {
            fieldset { legend { "What to change" }
                ul.plain-list {
                    (choice("add-to-group", "Add to a group", html! {}))
                    (choice("remove-from-group", "Remove from a group", html! {
                        div.of { label for="group" { "Group, for these two" } input #group name="group" value=(wish.group) maxlength="255" autocomplete="off" placeholder="Its name or id"; }
                    }))
                    (choice("suspend", "Suspend: take the access to all apps away, keep groups and roles", html! {}))
                    (choice("restore", "Restore what a suspension took", html! {}))
                    (choice("grant-role", "Give a role on a product", html! {}))
                    (choice("revoke-role", "Take a role on a product away", html! {
                        div.of {
                            label for="resource" { "Product, for these two" }
                            select #resource name="resource" { option value="" { "Choose" } @for place in places { option value=(place.resource_id) selected[wish.resource == place.resource_id] { (product(&place.product)) " on " (place.site) } } }
                            label for="role" { "Role" }
                            select #role name="role" { option value="" { "Choose" } @for role in ROLES { @let id = role.api_id(); option value=(id) selected[wish.role == id] { (spoken(role.as_str())) } } }
                        }
                    }))
                    (choice("remove", "Remove from the directory: groups and roles are lost", html! {}))
                    (choice("disable", "Deactivate managed accounts everywhere", html! {}))
                    (choice("enable", "Reactivate managed accounts", html! {}))
                }
            }
    }
}
