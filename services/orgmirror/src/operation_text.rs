//! What people read of bulk operations.

use std::time::Duration;

use comfy_table::{ContentArrangement, Table, presets};
use orgmirror_domain::action::Action;
use orgmirror_domain::item::SkipReason;
use orgmirror_domain::operation::OperationState;
use orgmirror_store::operation::preview::{Outlook, Preview, PreviewItem};
use orgmirror_store::operation::view::{ItemView, OperationView};

/// A dry run: the exact calls, who is skipped and why, and what it costs.
pub(crate) fn preview(action: &Action, preview: &Preview) -> String {
    let mut table = plain(["account", "name", "what would be done"]);
    let mut items: Vec<&PreviewItem> = preview.items.iter().collect();
    // Grouped by outcome, as the summary below counts them; within that in the order given.
    items.sort_by_key(|item| match item.outlook {
        Outlook::Call { .. } => (0, None),
        Outlook::AlreadySo => (1, None),
        Outlook::Skipped { reason } => (2, Some(reason)),
    });
    for item in items {
        let outlook = match &item.outlook {
            Outlook::Call { call } => call.in_words(),
            Outlook::AlreadySo => "nothing: it is so already".to_owned(),
            Outlook::Skipped { reason } => format!("nothing: {}", reason.in_words()),
        };
        table.add_row([item.account_id.to_string(), item.name.clone().unwrap_or_default(), outlook]);
    }
    let mut text = format!(
        "{table}\n{}: {} of {} accounts would be changed.",
        action.in_words(preview.group.as_deref()),
        preview.writes,
        preview.items.len()
    );
    for outcome in preview.outcomes.iter().filter(|outcome| outcome.outlook != "call") {
        let why = outcome.reason.map_or("it is so already", SkipReason::in_words);
        text.push_str(&format!("\n  {} not: {why}", outcome.accounts));
    }
    text.push_str(&format!(
        "\nCalls: {} before, {} that change something, at least {} after",
        preview.reads_before, preview.writes, preview.reads_after
    ));
    match preview.duration_s {
        Some(seconds) => {
            let time = Duration::from_secs(seconds.ceil() as u64);
            text.push_str(&format!("; {} at the rate that the API allows.", humantime::format_duration(time)));
        }
        None => text.push_str("; no limit of the API was met yet, so how long they take is not known."),
    }
    for seats in &preview.seats_freed {
        let freed = seats.freed;
        let many = if freed.at_least == freed.at_most {
            freed.at_most.to_string()
        } else {
            format!("{} to {}", freed.at_least, freed.at_most)
        };
        text.push_str(&format!("\nSeats of {} on {} that become free: {many}", seats.product, seats.site));
    }
    if preview.too_large {
        text.push_str("\nToo large: one operation may not change so many accounts (ORGMIRROR_OPERATION__MAX_ITEMS).");
    } else if preview.needs_approval {
        text.push_str("\nA second person would have to approve it (ORGMIRROR_OPERATION__APPROVAL_ABOVE).");
    }
    text
}

/// An operation in a few lines.
pub(crate) fn summary(operation: &OperationView) -> String {
    let items = operation.items;
    let headline = match operation.state {
        OperationState::Settled => "The API shows what was done.",
        OperationState::Differs => "The API shows something else than what was done; see the accounts with a difference.",
        OperationState::Cancelled => "The operation was cancelled.",
        OperationState::Approval => "The operation waits for a second person.",
        OperationState::Running | OperationState::Checking => "The operation is under way.",
    };
    let mut text = format!(
        "{headline}\n  operation     {} ({}, asked for by {})\n  accounts      {} done, {} already so, {} skipped, {} failed, {} unknown, {} open",
        operation.operation_id,
        operation.action.word(),
        operation.requested_by,
        items.done,
        items.already_so,
        items.skipped,
        items.failed,
        items.unknown,
        items.pending + items.running
    );
    if items.differing > 0 {
        text.push_str(&format!("\n  differing     {}", items.differing));
    }
    if items.not_fresh > 0 {
        text.push_str(&format!("\n  not fresh     {} were not changed, since they could not be read in time", items.not_fresh));
    }
    if let Some(reason) = &operation.waits_for {
        let until =
            operation.waits_until.map(|until| format!(", until {}", until.format("%Y-%m-%d %H:%M:%S UTC"))).unwrap_or_default();
        text.push_str(&format!("\n  waits         {reason}{until}"));
    }
    text
}

/// What came of each account.
pub(crate) fn items(items: &[ItemView]) -> Table {
    let mut table = plain(["account", "name", "state", "why"]);
    for item in items {
        table.add_row([item.account_id.clone(), item.name.clone().unwrap_or_default(), item.state.to_string(), why(item)]);
    }
    table
}

/// Operations, a line each.
pub(crate) fn list(operations: &[OperationView]) -> Table {
    let mut table = plain(["operation", "action", "state", "asked for", "by", "done", "skipped", "failed", "open", "waits for"]);
    for one in operations {
        let items = one.items;
        table.add_row([
            one.operation_id.to_string(),
            one.action.word().to_owned(),
            one.state.to_string(),
            one.requested_at.format("%Y-%m-%d %H:%M:%S").to_string(),
            one.requested_by.clone(),
            (items.done + items.already_so).to_string(),
            items.skipped.to_string(),
            items.failed.to_string(),
            (items.pending + items.running + items.unknown).to_string(),
            one.waits_for.clone().unwrap_or_default(),
        ]);
    }
    table
}

/// Why an account stands where it does.
pub(crate) fn why(item: &ItemView) -> String {
    let reason = item.reason.map(|reason| reason.in_words().to_owned());
    [reason, item.words.clone(), item.difference.clone()].into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn plain<const N: usize>(headings: [&str; N]) -> Table {
    let mut table = Table::new();
    *table.style_mut() = presets::NOTHING;
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(headings);
    table
}
