//! The filter as menus: another view of the same expression. Each entry is a link to the expression with that condition put in or taken
//! out, so that text and menus can't disagree, and menus work without scripts.

use maud::{Markup, html};
use orgmirror_domain::filter::{Access, Condition, Days, Expression, Filter, Flag, GroupRef, Role, RoleAt, Status};
use orgmirror_store::browse::places::ProductPlace;
use serde::Deserialize;

use super::Address;
use crate::words::{product, spoken};

/// Days of inactivity that the menu offers.
const DAYS: [u32; 5] = [30, 60, 90, 180, 365];
/// Roles that the menu offers; the others can be typed.
const ROLES: [Role; 6] = [Role::User, Role::Admin, Role::Guest, Role::Customer, Role::OrgAdmin, Role::UserAccessAdmin];

/// What a small form of a menu adds to the filter.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Added {
    group: String,
    domain: String,
}

impl Added {
    /// The text of the filter with what was added; `None` if nothing was, or the filter cannot be read.
    pub(super) fn merged(&self, text: &str) -> Option<String> {
        let (group, domain) = (self.group.trim(), self.domain.trim().trim_start_matches('@'));
        let condition = match (group, domain) {
            ("", "") => return None,
            ("", domain) => Condition::Domain(vec![domain.to_lowercase()]),
            (group, _) => Condition::Group(vec![group_ref(group)]),
        };
        let filter: Filter = text.parse().ok()?;
        Some(put_in(&filter, condition).to_string())
    }
}

fn group_ref(text: &str) -> GroupRef {
    orgmirror_domain::ids::GroupId::parse(text).map_or_else(|| GroupRef::Name(text.to_owned()), GroupRef::Id)
}

pub(super) fn bar(address: &Address, filter: &Filter, places: &[ProductPlace]) -> Markup {
    let mut products: Vec<&str> = places.iter().map(|place| place.product.as_str()).collect();
    products.sort_unstable();
    products.dedup();
    let mut sites: Vec<&str> = places.iter().map(|place| place.site.as_str()).collect();
    sites.sort_unstable();
    sites.dedup();
    let on = filter.product_in_view();
    html! {
        div.menus role="group" aria-label="Filter by" {
            (menu(address, filter, "Status", Status::ALL.iter().map(|status| (spoken(status.as_str()), Condition::Status(vec![*status]))), None))
            (menu(address, filter, "Product", products.iter().map(|word| (product(word).to_owned(), Condition::Product(vec![Access { product: (*word).to_owned(), site: None }]))), None))
            (menu(address, filter, "Site", sites.iter().map(|site| ((*site).to_owned(), Condition::Site(vec![(*site).to_owned()]))), None))
            (menu(address, filter, "Group", groups(filter), Some(&adding(address, "group", "Name or id of the group", Some("/groups")))))
            (menu(address, filter, "Role", ROLES.iter().map(|role| (spoken(role.as_str()), Condition::Role(vec![RoleAt { role: *role, on: None }]))), None))
            (menu(address, filter, "Domain", domains(filter), Some(&adding(address, "domain", "Domain of the address: example.com", None))))
            (menu(address, filter, &inactive_title(on), inactive(on), None))
            @if filter.0.is_some() { a.clear href=(address.with_filter("")) { "Clear" } }
        }
    }
}

fn inactive_title(on: Option<&Access>) -> String {
    on.map_or_else(|| "Inactive".to_owned(), |access| format!("Inactive on {}", product(&access.product)))
}

fn inactive(on: Option<&Access>) -> Vec<(String, Condition)> {
    let spans = DAYS.into_iter().filter_map(Days::new);
    let spans = spans
        .map(|days| (format!("for more than {} days", days.get()), Condition::Inactive { on: on.cloned(), longer_than: days }));
    spans.chain([("Never active anywhere".to_owned(), Condition::Flag(Flag::NeverActive))]).collect()
}

/// Groups that the filter names already; others are added by name.
fn groups(filter: &Filter) -> Vec<(String, Condition)> {
    let named = top(filter).iter().filter_map(|member| match member {
        Expression::Is(Condition::Group(groups)) => Some(groups.clone()),
        _ => None,
    });
    named
        .flatten()
        .map(|group| {
            let title = match &group {
                GroupRef::Id(id) => id.to_string(),
                GroupRef::Name(name) => name.clone(),
            };
            (title, Condition::Group(vec![group]))
        })
        .collect()
}

fn domains(filter: &Filter) -> Vec<(String, Condition)> {
    let named = top(filter).iter().filter_map(|member| match member {
        Expression::Is(Condition::Domain(domains)) => Some(domains.clone()),
        _ => None,
    });
    named.flatten().map(|domain| (domain.clone(), Condition::Domain(vec![domain]))).collect()
}

fn menu(
    address: &Address,
    filter: &Filter,
    title: &str,
    choices: impl IntoIterator<Item = (String, Condition)>,
    more: Option<&Markup>,
) -> Markup {
    let choices: Vec<_> = choices.into_iter().map(|(title, condition)| (title, is_in(filter, &condition), condition)).collect();
    let chosen = choices.iter().filter(|choice| choice.1).count();
    html! {
        details.menu .chosen[chosen > 0] {
            summary { (title) @if chosen > 0 { span.badge { (chosen) span.hidden { " chosen" } } } }
            div.sheet {
                ul.plain-list {
                    @for (title, is_in, condition) in choices {
                        @let then = if is_in { taken_out(filter, &condition) } else { put_in(filter, condition) };
                        li { a href=(address.with_filter(&then.to_string())) aria-current=[is_in.then_some("true")] { (title) } }
                    }
                }
                @if let Some(more) = more { (more) }
            }
        }
    }
}

fn adding(address: &Address, field: &'static str, label: &str, list: Option<&str>) -> Markup {
    let id = format!("add-{field}");
    html! {
        form.line method="get" action="/users" {
            input type="hidden" name="q" value=(address.q);
            (address.hidden_but_filter())
            label for=(id) { (label) }
            input id=(id) name=(field) required maxlength="255" autocomplete="off";
            button.plain type="submit" { "Add" }
            @if let Some(list) = list { a href=(list) { "Look it up" } }
        }
    }
}

/// The conditions that must all hold.
fn top(filter: &Filter) -> &[Expression] {
    match filter.0.as_ref() {
        None => &[],
        Some(Expression::All(members)) => members,
        Some(other) => std::slice::from_ref(other),
    }
}

fn is_in(filter: &Filter, condition: &Condition) -> bool {
    top(filter).iter().any(|member| matches!(member, Expression::Is(other) if covers(other, condition)))
}

/// Whether `whole` says at least what `part`, which has one alternative, says.
fn covers(whole: &Condition, part: &Condition) -> bool {
    match (whole, part) {
        (Condition::Status(whole), Condition::Status(part)) => part.iter().all(|one| whole.contains(one)),
        (Condition::Product(whole), Condition::Product(part)) => part.iter().all(|one| whole.contains(one)),
        (Condition::Site(whole), Condition::Site(part)) => part.iter().all(|one| whole.contains(one)),
        (Condition::Role(whole), Condition::Role(part)) => part.iter().all(|one| whole.contains(one)),
        (Condition::Group(whole), Condition::Group(part)) => part.iter().all(|one| whole.contains(one)),
        (Condition::Domain(whole), Condition::Domain(part)) => part.iter().all(|one| whole.contains(one)),
        (whole, part) => whole == part,
    }
}

/// As another alternative of the condition of its kind, in place of the other span of inactivity, or as one more condition.
fn put_in(filter: &Filter, condition: Condition) -> Filter {
    let mut members = top(filter).to_vec();
    let alike = members.iter_mut().find_map(|member| match member {
        Expression::Is(other) if std::mem::discriminant(other) == std::mem::discriminant(&condition) => Some(other),
        _ => None,
    });
    match (alike, condition) {
        (Some(Condition::Status(whole)), Condition::Status(part)) => whole.extend(part),
        (Some(Condition::Product(whole)), Condition::Product(part)) => whole.extend(part),
        (Some(Condition::Site(whole)), Condition::Site(part)) => whole.extend(part),
        (Some(Condition::Role(whole)), Condition::Role(part)) => whole.extend(part),
        (Some(Condition::Domain(whole)), Condition::Domain(part)) => whole.extend(part),
        (Some(whole @ Condition::Inactive { .. }), part) => *whole = part,
        // A second group narrows: who is in both.
        (_, part) => members.push(Expression::Is(part)),
    }
    Filter(Expression::all(members))
}

/// Without that alternative, and without the condition if it was the last.
fn taken_out(filter: &Filter, condition: &Condition) -> Filter {
    let members = top(filter).iter().filter_map(|member| match member {
        Expression::Is(other) if covers(other, condition) => without(other, condition).map(Expression::Is),
        other => Some(other.clone()),
    });
    Filter(Expression::all(members.collect::<Vec<_>>()))
}

fn without(whole: &Condition, part: &Condition) -> Option<Condition> {
    fn rest<T: PartialEq + Clone>(whole: &[T], part: &[T], make: fn(Vec<T>) -> Condition) -> Option<Condition> {
        let rest: Vec<T> = whole.iter().filter(|one| !part.contains(one)).cloned().collect();
        (!rest.is_empty()).then(|| make(rest))
    }
    match (whole, part) {
        (Condition::Status(whole), Condition::Status(part)) => rest(whole, part, Condition::Status),
        (Condition::Product(whole), Condition::Product(part)) => rest(whole, part, Condition::Product),
        (Condition::Site(whole), Condition::Site(part)) => rest(whole, part, Condition::Site),
        (Condition::Role(whole), Condition::Role(part)) => rest(whole, part, Condition::Role),
        (Condition::Group(whole), Condition::Group(part)) => rest(whole, part, Condition::Group),
        (Condition::Domain(whole), Condition::Domain(part)) => rest(whole, part, Condition::Domain),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(text: &str) -> Filter {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn condition(text: &str) -> Condition {
        let filter = filter(text);
        let conditions = filter.conditions();
        conditions.into_iter().next().cloned().expect("a condition")
    }

    #[test]
    fn a_choice_is_put_into_the_expression_and_taken_out_again() {
        let check = |before: &str, choice: &str, after: &str| {
            let (before, choice) = (filter(before), condition(choice));
            let with = put_in(&before, choice.clone());
            assert_eq!(with.to_string(), filter(after).to_string());
            assert!(is_in(&with, &choice));
            assert_eq!(taken_out(&with, &choice), before, "{with}");
        };
        check("", "status:active", "status:active");
        check("status:active", "status:suspended", "status:active,suspended");
        check("müller", "product:confluence", "müller product:confluence");
        check("product:confluence -group:x", "site:example", "product:confluence -group:x site:example");
        check("group:a", "group:b", "group:a group:b");
        // What is typed as alternatives stays one member.
        check("status:active OR is:admin", "product:compass", "(status:active OR is:admin) product:compass");
    }

    #[test]
    fn another_span_of_inactivity_takes_the_place_of_the_first() {
        let with = put_in(&filter("inactive:confluence>90d status:active"), condition("inactive:confluence>30d"));
        assert_eq!(with, filter("inactive:confluence>30d status:active"));
    }

    #[test]
    fn what_a_form_adds_is_quoted_where_it_must_be() {
        let added = Added { group: "Jira \"A\" admins".to_owned(), ..Added::default() };
        assert_eq!(added.merged("status:active").as_deref(), Some(r#"status:active group:"Jira \"A\" admins""#));
        assert_eq!(
            Added { domain: "@Example.com".to_owned(), ..Added::default() }.merged("").as_deref(),
            Some("domain:example.com")
        );
        assert_eq!(Added::default().merged("a"), None);
    }
}
