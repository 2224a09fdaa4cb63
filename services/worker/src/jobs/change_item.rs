//! An item of a bulk operation: permit, gate, call, record.
//!
//! The only place from which something is changed at Atlassian. The call needs what the gate's transaction returns, so there is no way
//! to it past the gate; and it is made once: whatever is not known afterwards is read back by the coordinator's care, never repeated here.

use std::time::{Duration, Instant};

use apalis::prelude::BoxDynError;
use orgmirror_atlassian::{ApiError, Change, Operation, RefusalReason, WriteOutcome};
use orgmirror_domain::action::{Action, Call};
use orgmirror_domain::ids::ItemKey;
use orgmirror_metrics::{GATE_WAIT, ITEMS_COMPLETED};
use orgmirror_queue::Lane;
use orgmirror_store::StoreError;
use orgmirror_store::operation::finish::Answer;
use orgmirror_store::operation::start::{Marked, Start};
use tracing::{Instrument, Span};

use crate::env::Env;
use crate::read::{Left, SHORT_WAIT};
use crate::settle::in_full;

/// A call that was not sent so soon after its mark is not sent at all: a process that was frozen in between would send it after others
/// have read that it did not happen.
const SENT_WITHIN: Duration = Duration::from_secs(3);
/// How long an operation waits whose key the API refuses, before one item tries again.
const HELD_FOR: Duration = Duration::from_secs(30);

/// Changes one account, if the gate opens.
pub(crate) async fn change_item(env: &Env, item: ItemKey) -> Result<(), BoxDynError> {
    let span = tracing::info_span!(
        "item",
        otel.name = "process item",
        otel.kind = "consumer",
        messaging.system = "redis",
        messaging.operation.name = "process",
        item.key = item.0,
        operation.id = tracing::field::Empty
    );
    match attempt(env, item).instrument(span).await {
        Ok(()) => Ok(()),
        Err(error) => {
            // The item's row says what was done: it is dispatched again, or read back after its deadline.
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                item = item.0,
                "the database failed under an item of an operation"
            );
            Ok(())
        }
    }
}

async fn attempt(env: &Env, item: ItemKey) -> Result<(), StoreError> {
    let Some(action) = env.store.waiting_action(item).await? else { return Ok(()) };
    let client = env.api.client();
    // Before the gate is asked: no reading ages while the budget is waited for.
    let permit = match env.permit(&client, Lane::Interactive, operation(&action), SHORT_WAIT, 0).await {
        Ok(permit) => permit,
        Err(Left::Budget { wait, .. }) => return env.store.put_back_item(item, wait, env.lease).await,
        Err(_) => return env.store.put_back_item(item, Duration::ZERO, env.lease).await,
    };
    let asked = Instant::now();
    let span = Span::current();
    let marked = match env.store.start_item(item, SENT_WITHIN + env.call_settles_within).await? {
        Start::Act(marked) => {
            GATE_WAIT.record(marked.waited(), []);
            span.record("operation.id", tracing::field::display(marked.operation()));
            marked
        }
        Start::Waits(awaited) => {
            tracing::debug!(item = item.0, %awaited, "the gate is shut");
            return Ok(());
        }
        Start::Ended(_) | Start::Closed(_) | Start::NotWanted => return Ok(()),
    };
    fail::fail_point!("operation::before_call");
    let answer = if asked.elapsed() > SENT_WITHIN {
        Answer::NotSent
    } else {
        let outcome = client.apply(permit, &change(&marked)).await;
        fail::fail_point!("operation::after_call_before_record");
        answer(env, marked.call(), outcome).await?
    };
    let state = env.store.finish_item(marked.attempt(), &answer).await?;
    ITEMS_COMPLETED.add(1, [action.word().into(), outcome(&answer).into()]);
    tracing::debug!(operation = %marked.operation(), item = item.0, ?state, "an item's call has ended");
    Ok(())
}

/// What is known of a call's effect.
async fn answer(env: &Env, call: &Call, outcome: WriteOutcome) -> Result<Answer, StoreError> {
    Ok(match outcome {
        WriteOutcome::Done(()) => Answer::Done,
        WriteOutcome::AlreadySo => Answer::SaidSo,
        WriteOutcome::Refused(refusal) if is_of_a_directory(call) && refusal.reason == RefusalReason::UnknownUser => {
            Answer::NotThere(in_full(&refusal))
        }
        WriteOutcome::Refused(refusal) => Answer::Refused(in_full(&refusal)),
        WriteOutcome::Unknown(error) => Answer::Unanswered(in_full(&error)),
        // All workers wait for the budget by now.
        WriteOutcome::NotApplied(ApiError::RateLimited { .. }) => Answer::NotSent,
        WriteOutcome::NotApplied(error) => {
            if let ApiError::KeyRefused { fingerprint, .. } | ApiError::ScopeMissing { fingerprint, .. } = &error
                && env.has_another_key_than(fingerprint).await?
            {
                return Ok(Answer::NotSent);
            }
            Answer::Held { wait: HELD_FOR, reason: in_full(&error) }
        }
    })
}

/// The word of the metric.
fn outcome(answer: &Answer) -> &'static str {
    match answer {
        Answer::Done => "done",
        Answer::SaidSo => "already_so",
        Answer::Refused(_) | Answer::NotThere(_) => "refused",
        Answer::Unanswered(_) => "unanswered",
        Answer::Held { .. } => "held",
        Answer::NotSent => "not_sent",
    }
}

/// Whether the call names a directory that the account need not be in.
fn is_of_a_directory(call: &Call) -> bool {
    matches!(call, Call::SuspendUser { .. } | Call::RestoreUser { .. })
}

/// The call for which the permit is taken.
fn operation(action: &Action) -> Operation {
    match action {
        Action::AddToGroup { .. } => Operation::AddMember,
        Action::RemoveFromGroup { .. } => Operation::RemoveMember,
        Action::Suspend { .. } => Operation::SuspendUser,
        Action::Restore { .. } => Operation::RestoreUser,
        Action::RemoveFromDirectory { .. } => Operation::RemoveUser,
        Action::Disable => Operation::DisableAccount,
        Action::Enable => Operation::EnableAccount,
        Action::GrantRole { .. } => Operation::AssignRole,
        Action::RevokeRole { .. } => Operation::RevokeRole,
    }
}

/// The client's words for the marked call.
fn change(marked: &Marked) -> Change {
    match marked.call().clone() {
        Call::AddMember { directory, group, account } => Change::AddMember { directory, group, account },
        Call::RemoveMember { directory, group, account } => Change::RemoveMember { directory, group, account },
        Call::SuspendUser { directory, account } => Change::SuspendUser { directory, account },
        Call::RestoreUser { directory, account } => Change::RestoreUser { directory, account },
        Call::RemoveUser { directory, account } => Change::RemoveUser { directory, account },
        Call::DisableAccount { account } => Change::DisableAccount { account, message: None },
        Call::EnableAccount { account } => Change::EnableAccount { account },
        Call::AssignRole { account, resource, role } => Change::AssignRole { account, role, resource },
        Call::RevokeRole { account, resource, role } => Change::RevokeRole { account, role, resource },
    }
}
