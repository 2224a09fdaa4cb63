//! What one group grants.

use super::Context;
use super::filter::{RoleFilter, directories};
use super::groups::find;
use super::paging::{list_page, list_start};
use super::refusal::Refusal;
use super::user_roles::RULES;
use crate::json::push_text;
use crate::render::{push_default_role, push_roles};

/// `GET .../groups/{groupId}/role-assignments`
pub(super) fn list(context: &Context<'_>) -> Result<String, Refusal> {
    let group = find(context)?;
    let (cursor, limit) = list_start(context, RULES)?;
    let filter = RoleFilter::new(&cursor.filter, &context.org.catalog);
    let here = directories(context, &cursor.filter)?.is_none_or(|mask| mask & (1 << group.directory) != 0);
    let grants = group.grants.iter().filter(|grant| here && filter.accepts(grant.resource, grant.roles));
    let rows: Vec<String> = grants
        .map(|grant| {
            let resource = &context.org.catalog.resources[usize::from(grant.resource)];
            let mut out = String::from("{\"resourceId\":");
            push_text(&mut out, &resource.id);
            out.push_str(",\"resourceOwner\":");
            push_text(&mut out, resource.owner);
            out.push_str(",\"roles\":");
            push_roles(&mut out, grant.roles);
            push_default_role(&mut out, grant.default_role);
            out.push('}');
            out
        })
        .collect();
    Ok(list_page(context, &cursor, limit, &rows))
}
