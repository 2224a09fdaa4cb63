//! `orgmirror groups`: which groups are in the mirror.

use anyhow::Result;
use indicatif::HumanCount;
use orgmirror_console::rows::Row;
use orgmirror_domain::ids::GroupKey;
use orgmirror_runtime::config::Config;
use orgmirror_store::groups::Group;

use crate::cli::Groups;
use crate::export::{Export, Format};
use crate::outcome::Outcome;
use crate::{typed_filter, wiring};

/// Rows asked of Postgres at once.
const PAGE: u16 = 5_000;
/// Rows of a table, unless told otherwise.
const TABLE_ROWS: u64 = 50;

pub(crate) async fn run(config: &Config, arguments: Groups, json: bool) -> Result<Outcome> {
    let format = Format::asked(arguments.format, json);
    let store = wiring::store(config, 2).await?;
    let org = wiring::known_org(config, &store).await?;
    let name = arguments.name.as_deref();
    let mut left = arguments.limit.unwrap_or(if format == Format::Table { TABLE_ROWS } else { u64::MAX });
    let mut export = Export::new(format, Group::COLUMNS)?;
    let (mut after, mut shown) = (None, 0);
    while left > 0 && export.is_open() {
        let limit = u16::try_from(left).unwrap_or(PAGE).min(PAGE);
        let groups = store.groups(org, name, after, limit).await?;
        for group in &groups {
            export.row(group, group.cells())?;
        }
        let read = groups.len() as u64;
        (shown, left) = (shown + read, left - read);
        after = groups.last().map(|group| GroupKey(group.group_key));
        if read < u64::from(limit) {
            break;
        }
    }
    export.finish()?;
    if shown == 0 && left > 0 {
        typed_filter::tell_empty(&store, org, "group", "`--name` looks for a part of the name.").await?;
    } else if format == Format::Table {
        let all = store.count_groups(org, name).await?.max(0).unsigned_abs();
        let more = if all > shown { "; `--limit N` shows more, `--format csv` all" } else { "" };
        eprintln!("{} of {} groups{more}.", HumanCount(shown), HumanCount(all));
    }
    Ok(Outcome::Done)
}
