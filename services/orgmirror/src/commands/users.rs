//! `orgmirror users`: who is in the mirror, by filter.

use anyhow::Result;
use indicatif::HumanCount;
use orgmirror_console::rows::Row;
use orgmirror_runtime::config::Config;
use orgmirror_store::filter::User;

use crate::cli::Users;
use crate::export::{Export, Format};
use crate::outcome::Outcome;
use crate::{typed_filter, wiring};

/// Rows asked of Postgres at once.
const PAGE: u16 = 2_000;
/// Rows of a table, unless told otherwise: a screen or two.
const TABLE_ROWS: u64 = 50;

pub(crate) async fn run(config: &Config, arguments: Users, json: bool) -> Result<Outcome> {
    let format = Format::asked(arguments.format, json);
    let store = wiring::store(config, 2).await?;
    let org = wiring::known_org(config, &store).await?;
    let (_, selection) = typed_filter::select(&store, org, arguments.filter.as_deref().unwrap_or_default()).await?;
    let mut left = arguments.limit.unwrap_or(if format == Format::Table { TABLE_ROWS } else { u64::MAX });
    let mut export = Export::new(format, User::COLUMNS)?;
    let (mut after, mut shown) = (None, 0);
    while left > 0 && export.is_open() {
        let page = store.users(&selection, after, u16::try_from(left).unwrap_or(PAGE).min(PAGE)).await?;
        for user in &page.users {
            export.row(user, user.cells())?;
        }
        let read = page.users.len() as u64;
        (shown, left, after) = (shown + read, left - read, page.next);
        if after.is_none() {
            break;
        }
    }
    export.finish()?;
    if shown == 0 && left > 0 {
        typed_filter::tell_empty(&store, org, "user", "`orgmirror filters explain` tells how a filter was understood.").await?;
    } else if format == Format::Table {
        let all = store.count_users(&selection).await?.max(0).unsigned_abs();
        let more = if all > shown { "; `--limit N` shows more, `--format csv` all" } else { "" };
        eprintln!("{} of {} users{more}.", HumanCount(shown), HumanCount(all));
    }
    typed_filter::tell_caveats(&selection);
    Ok(Outcome::Done)
}
