//! Searching, counting and reading groups.

use serde::Deserialize;

use super::Context;
use super::cursor::{Cursor, Place};
use super::group_filter::{GroupFilter, LIST_RULES, RULES};
use super::input::{SearchRules, query_filter, query_json, search_input};
use super::paging::{Wanted, push_links, sorted_start, take};
use super::refusal::Refusal;
use crate::group::{Group, ManagedBy, parse_group_id};
use crate::render::{GroupExpand, push_group};

const SEARCH: SearchRules = SearchRules {
    filter: RULES,
    sort_field: "name",
    expand: &["counts.resources", "counts.users"],
    default_limit: 20,
    exclusive: &[("groupIds", "groupNames"), ("searchTerm", "groupNames")],
};

/// `POST .../groups/search`
pub(super) fn search(context: &Context<'_>) -> Result<String, Refusal> {
    let (filter, options) = search_input(context, SEARCH)?;
    let cursor = match &options.cursor {
        Some(token) => Cursor::decode(context, token)?,
        None => Cursor::new(context, options.sort, filter, Place::Start),
    };
    let wants = |word: &str| options.expand.iter().any(|expand| expand == word);
    let expand = GroupExpand { users: wants("counts.users"), resources: wants("counts.resources") };
    page(context, &cursor, options.limit, expand)
}

/// `GET .../groups`. What is to be counted is part of the cursor, because the parameters of a call with a cursor are ignored.
pub(super) fn list(context: &Context<'_>) -> Result<String, Refusal> {
    let (mut cursor, limit) = sorted_start(context, LIST_RULES, SEARCH.sort_field)?;
    if context.request.query_value("cursor").is_none()
        && let Some(counts) = query_json(context, "counts")?
    {
        cursor.filter.insert("counts".to_owned(), counts);
    }
    let counts = match cursor.filter.get("counts") {
        None => Counts::default(),
        Some(counts) => serde_json::from_value(counts.clone())
            .map_err(|_| Refusal::bad_input("counts must be an object with includeUsers and includeResources."))?,
    };
    page(context, &cursor, limit, GroupExpand { users: counts.include_users, resources: counts.include_resources })
}

/// The parameter `counts`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Counts {
    include_users: bool,
    include_resources: bool,
}

fn page(context: &Context<'_>, cursor: &Cursor, limit: usize, expand: GroupExpand) -> Result<String, Refusal> {
    let org = context.org;
    let filter = GroupFilter::new(context, &cursor.filter)?;
    let wanted = Wanted {
        place: &cursor.place,
        direction: cursor.sort_by.unwrap_or_default(),
        limit,
        positions: context.faults.switches.cursor_position,
    };
    let page = take(
        &org.groups_in_order,
        filter.rows(org),
        &wanted,
        |slot| org.groups.get(slot).map(|group| &*group.sort_key),
        |slot| org.groups.get(slot).is_some_and(|group| filter.passes(slot, group)),
    );
    let mut out = String::with_capacity(1_024 + page.slots.len() * 640);
    out.push_str("{\"data\":[");
    for (at, group) in page.slots.iter().filter_map(|slot| org.groups.get(*slot)).enumerate() {
        context.touch(&group.id.to_string())?;
        if at > 0 {
            out.push(',');
        }
        push_group(&mut out, group, &org.catalog, expand);
    }
    out.push_str("],");
    push_links(&mut out, context, cursor, page.next);
    out.push('}');
    Ok(out)
}

/// `GET .../groups/count`
pub(super) fn count(context: &Context<'_>) -> Result<String, Refusal> {
    let filter = query_filter(context, LIST_RULES)?;
    let filter = GroupFilter::new(context, &filter)?;
    let count = context.org.groups.iter().filter(|(slot, group)| filter.passes(*slot, group)).count();
    Ok(format!("{{\"count\":{count}}}"))
}

/// `GET .../groups/stats`
pub(super) fn stats(context: &Context<'_>) -> Result<String, Refusal> {
    let filter = GroupFilter::new(context, &serde_json::Map::new())?;
    let (mut all, mut synced, mut teams) = (0_usize, 0_usize, 0_usize);
    for (_, group) in context.org.groups.iter().filter(|(slot, group)| filter.passes(*slot, group)) {
        all += 1;
        synced += usize::from(group.is_synced());
        teams += usize::from(group.managed_by == ManagedBy::TeamMembers);
    }
    let stats = serde_json::json!({
        "totals": {"all": all, "managed": all - synced, "synced": synced},
        "types": [{"type": "GROUP", "count": all - teams}, {"type": "TEAM", "count": teams}, {"type": "USERBASE_GROUP", "count": 0}],
    });
    Ok(stats.to_string())
}

/// `GET .../groups/{groupId}`
pub(super) fn one(context: &Context<'_>) -> Result<String, Refusal> {
    let group = find(context)?;
    let mut out = String::from("{\"data\":");
    push_group(&mut out, group, &context.org.catalog, GroupExpand { users: true, resources: true });
    out.push('}');
    Ok(out)
}

/// The group of the path, if it is in the directory of the path.
pub(super) fn find<'a>(context: &Context<'a>) -> Result<&'a Group, Refusal> {
    let id = &context.request.id;
    let parsed = parse_group_id(id).ok_or_else(|| Refusal::no_group(id))?;
    context.touch(&parsed.to_string())?;
    let filter = GroupFilter::new(context, &serde_json::Map::new())?;
    let found = context.org.group_slot(parsed).and_then(|slot| Some((slot, context.org.groups.get(slot)?)));
    found.filter(|(slot, group)| filter.passes(*slot, group)).map(|(_, group)| group).ok_or_else(|| Refusal::no_group(id))
}
