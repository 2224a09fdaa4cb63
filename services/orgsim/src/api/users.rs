//! Searching, counting and reading accounts.

use super::Context;
use super::cursor::{Cursor, Place};
use super::input::{SearchRules, query_filter, search_input};
use super::paging::{Wanted, push_links, sorted_start, take};
use super::refusal::Refusal;
use super::user_filter::{LIST_RULES, RULES, UserFilter};
use crate::access::Access;
use crate::account::{Account, AccountStatus};
use crate::render::{GroupForm, UserExpand, push_account};
use crate::role::Role;

const SEARCH: SearchRules = SearchRules {
    filter: RULES,
    sort_field: "nick_name",
    expand: &["platformRoles", "counts.resources", "productAccess", "groups"],
    default_limit: 50,
    exclusive: &[("searchTerm", "emails")],
};

/// `POST .../users/search`
pub(super) fn search(context: &Context<'_>) -> Result<String, Refusal> {
    let (filter, options) = search_input(context, SEARCH)?;
    let cursor = match &options.cursor {
        Some(token) => Cursor::decode(context, token)?,
        None => Cursor::new(context, options.sort, filter, Place::Start),
    };
    let wants = |word: &str| options.expand.iter().any(|expand| expand == word);
    let expand = UserExpand {
        platform_roles: wants("platformRoles"),
        counts: wants("counts.resources"),
        product_access: wants("productAccess"),
        groups: wants("groups").then_some(GroupForm::Objects),
    };
    page(context, &cursor, options.limit, expand)
}

/// `GET .../users`, which can't expand anything.
pub(super) fn list(context: &Context<'_>) -> Result<String, Refusal> {
    let (cursor, limit) = sorted_start(context, LIST_RULES, SEARCH.sort_field)?;
    page(context, &cursor, limit, UserExpand::default())
}

fn page(context: &Context<'_>, cursor: &Cursor, limit: usize, expand: UserExpand) -> Result<String, Refusal> {
    let org = context.org;
    let filter = UserFilter::new(context, &cursor.filter)?;
    let wanted = Wanted {
        place: &cursor.place,
        direction: cursor.sort_by.unwrap_or_default(),
        limit,
        positions: context.faults.switches.cursor_position,
    };
    let page = take(
        &org.accounts_in_order,
        filter.rows(org),
        &wanted,
        |slot| org.accounts.get(slot).map(|account| &*account.sort_key),
        |slot| org.accounts.get(slot).is_some_and(|account| filter.passes(org, slot, account)),
    );
    let mut out = String::with_capacity(1_024 + page.slots.len() * if expand.groups.is_some() { 4_096 } else { 1_024 });
    out.push_str("{\"data\":[");
    for (at, account) in page.slots.iter().filter_map(|slot| org.accounts.get(*slot)).enumerate() {
        context.touch(&account.id)?;
        if at > 0 {
            out.push(',');
        }
        push_account(&mut out, account, &org.groups, &org.catalog, expand);
    }
    out.push_str("],");
    push_links(&mut out, context, cursor, page.next);
    out.push('}');
    Ok(out)
}

/// `GET .../users/count`
pub(super) fn count(context: &Context<'_>) -> Result<String, Refusal> {
    let filter = query_filter(context, LIST_RULES)?;
    let filter = UserFilter::new(context, &filter)?;
    let count = context.org.accounts.iter().filter(|(slot, account)| filter.passes(context.org, *slot, account)).count();
    Ok(format!("{{\"count\":{count}}}"))
}

/// `GET .../users/stats`
pub(super) fn stats(context: &Context<'_>) -> Result<String, Refusal> {
    let filter = UserFilter::new(context, &serde_json::Map::new())?;
    let mut by_status = AccountStatus::ALL.map(|status| (status, 0_usize));
    let mut by_role = Role::ALL.map(|role| (role, 0_usize));
    for (slot, account) in context.org.accounts.iter() {
        if !filter.passes(context.org, slot, account) {
            continue;
        }
        for (_, count) in by_status.iter_mut().filter(|(status, _)| *status == account.status) {
            *count += 1;
        }
        let access = Access::of(account, &context.org.groups);
        let roles = access.iter().fold(account.platform_roles, |roles, at| roles.union(at.roles()));
        for (_, count) in by_role.iter_mut().filter(|(role, _)| roles.contains(*role)) {
            *count += 1;
        }
    }
    let statuses: Vec<_> =
        by_status.iter().map(|(status, count)| serde_json::json!({"status": status.word(), "count": count})).collect();
    let roles: Vec<_> = by_role.iter().map(|(role, count)| serde_json::json!({"roleId": role.id(), "count": count})).collect();
    Ok(serde_json::json!({"accountStatus": statuses, "roles": roles}).to_string())
}

/// `GET .../users/{userId}`
pub(super) fn one(context: &Context<'_>) -> Result<String, Refusal> {
    let account = find(context)?;
    let mut out = String::from("{\"data\":");
    let expand = UserExpand { platform_roles: true, counts: true, product_access: false, groups: None };
    push_account(&mut out, account, &context.org.groups, &context.org.catalog, expand);
    out.push('}');
    Ok(out)
}

/// The account of the path, if it is in the directory of the path.
pub(super) fn find<'a>(context: &Context<'a>) -> Result<&'a Account, Refusal> {
    let id = &context.request.id;
    context.touch(id)?;
    let filter = UserFilter::new(context, &serde_json::Map::new())?;
    let found = context.org.account_slot(id).and_then(|slot| Some((slot, context.org.accounts.get(slot)?)));
    found
        .filter(|(slot, account)| filter.passes(context.org, *slot, account))
        .map(|(_, account)| account)
        .ok_or_else(|| Refusal::no_account(id))
}
