//! The roles of one account, and how they reach it.

use super::Context;
use super::filter::{RoleFilter, directories};
use super::input::{Rule, Rules};
use super::paging::{list_page, list_start};
use super::refusal::Refusal;
use super::users::find;
use crate::account::{Account, Membership};
use crate::catalog::Directory;
use crate::json::{push_optional, push_text};
use crate::render::push_roles;
use crate::role::{Role, RoleSet};

/// The filters of both lists of role assignments.
pub(super) const RULES: Rules = &[
    ("directoryIds", Rule::Texts(10)),
    ("resourceOwners", Rule::Texts(10)),
    ("resourceIds", Rule::Texts(20)),
    ("roleIds", Rule::Words(10, super::filter::ROLE_WORDS)),
];

/// Roles of one account on one thing in one directory.
struct Assignment<'a> {
    resource_id: &'a str,
    owner: &'a str,
    /// With its number.
    directory: Option<(u8, &'a Directory)>,
    direct: RoleSet,
    by_group: RoleSet,
    inferred: RoleSet,
}

/// `GET .../users/{accountId}/role-assignments`
pub(super) fn list(context: &Context<'_>) -> Result<String, Refusal> {
    let account = find(context)?;
    let (cursor, limit) = list_start(context, RULES)?;
    let filter = RoleFilter::new(&cursor.filter, &context.org.catalog);
    let in_directories = directories(context, &cursor.filter)?;
    let mut rows = Vec::new();
    // Platform roles are in no directory and on no resource of a product.
    if in_directories.is_none() && filter.accepts_platform(account.platform_roles) {
        rows.extend(platform_rows(context, account, &filter));
    }
    for (number, directory) in (0_u8..).zip(&context.org.catalog.directories) {
        if in_directories.unwrap_or(u32::MAX) & account.directories & (1 << number) != 0 {
            rows.extend(product_rows(context, account, number, directory, &filter));
        }
    }
    Ok(list_page(context, &cursor, limit, &rows))
}

fn platform_rows(context: &Context<'_>, account: &Account, filter: &RoleFilter) -> Vec<String> {
    let catalog = &context.org.catalog;
    let org = format!("ari:cloud:platform::org/{}", catalog.org_id);
    let site = format!("ari:cloud:platform::site/{}", catalog.sites[0].cloud_id);
    let of_site = RoleSet::of(Role::SiteAdmin).with(Role::UserAccessAdmin);
    let wanted = filter.wanted(account.platform_roles);
    let inferred = RoleSet::of(Role::AiAccess);
    let places = [(org, wanted.minus(of_site)), (site, wanted.minus(wanted.minus(of_site)))];
    let filled = places.iter().filter(|(_, roles)| !roles.is_empty());
    filled
        .map(|(resource_id, roles)| {
            let (direct, inferred) = (roles.minus(inferred), roles.minus(roles.minus(inferred)));
            let assignment =
                Assignment { resource_id, owner: "platform", directory: None, direct, by_group: RoleSet::default(), inferred };
            row(account, &assignment)
        })
        .collect()
}

/// Direct roles belong to the account's first directory, those of a group to the group's.
fn product_rows(context: &Context<'_>, account: &Account, number: u8, directory: &Directory, filter: &RoleFilter) -> Vec<String> {
    let is_first = account.directories.trailing_zeros() == u32::from(number);
    let groups = account.groups.iter().filter_map(|slot| context.org.groups.get(*slot));
    let here: Vec<_> = groups.filter(|group| group.directory == number).flat_map(|group| &group.grants).collect();
    let resources = (0_u16..).zip(&context.org.catalog.resources);
    resources
        .filter_map(|(at, resource)| {
            let direct = if is_first { account.direct_on(at) } else { RoleSet::default() };
            let by_group = here
                .iter()
                .filter(|grant| grant.resource == at)
                .fold(RoleSet::default(), |roles, grant| roles.union(grant.roles));
            let (direct, by_group) = (filter.wanted(direct), filter.wanted(by_group));
            let all = direct.union(by_group);
            let assignment = Assignment {
                resource_id: &resource.id,
                owner: resource.owner,
                directory: Some((number, directory)),
                direct,
                by_group,
                inferred: RoleSet::default(),
            };
            (!all.is_empty() && filter.accepts(at, all)).then(|| row(account, &assignment))
        })
        .collect()
}

/// What the account is in one of its directories.
fn status_in(account: &Account, directory: u8) -> &'static str {
    let suspended = account.suspended_in & (1 << directory) != 0;
    if suspended { Membership::Suspended.word() } else { Membership::Active.word() }
}

fn row(account: &Account, assignment: &Assignment<'_>) -> String {
    let mut out = String::from("{\"resourceId\":");
    push_text(&mut out, assignment.resource_id);
    out.push_str(",\"resourceOwner\":");
    push_text(&mut out, assignment.owner);
    out.push_str(",\"directoryId\":");
    push_optional(&mut out, assignment.directory.map(|(_, directory)| directory.id.as_str()));
    out.push_str(",\"userDirectoryStatus\":");
    push_optional(&mut out, assignment.directory.map(|(number, _)| status_in(account, number)));
    out.push_str(",\"roleAssignments\":[");
    let all = assignment.direct.union(assignment.by_group).union(assignment.inferred);
    for (at, role) in all.iter().enumerate() {
        out.push_str(if at == 0 { "{\"role\":" } else { ",{\"role\":" });
        push_text(&mut out, role.id());
        let ways =
            [(assignment.direct, "\"direct\""), (assignment.by_group, "\"group_direct\""), (assignment.inferred, "\"inferred\"")];
        let ways: Vec<&str> = ways.iter().filter(|(roles, _)| roles.contains(role)).map(|(_, way)| *way).collect();
        out.push_str(",\"roleAssignmentMethods\":[");
        out.push_str(&ways.join(","));
        out.push_str("]}");
    }
    out.push_str("],\"roles\":");
    push_roles(&mut out, all);
    out.push('}');
    out
}
