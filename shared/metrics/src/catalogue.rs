//! Every metric, by what asks for it. A metric's comment is its meaning, in `docs/metrics.md` and for whoever scrapes it.

use crate::instrument::{Counter, Gauge, Histogram, Metric, Unit};
use crate::label::Label;

const ORG: Label = Label { name: "org", values: "the organisation's id" };
const RUN_KIND: Label =
    Label { name: "kind", values: "`initial`, `scheduled`, `manual`, `pre_operation`, `post_operation`, `delta`" };
const RUN_STATE_LABEL: Label = Label {
    name: "state",
    values: "`requested`, `planning`, `scanning`, `verifying`, `sweeping`; `held` instead of any of them while a run waits for somebody",
};
const END: Label = Label { name: "state", values: "`completed`, `failed`, `cancelled`, `replaced`" };
const ENTITY: Label = Label { name: "entity", values: "`users`, `groups`" };
const PROGRESS: Label = Label { name: "progress", values: "`listed`, `expected`" };
const JOB_KIND: Label = Label {
    name: "kind",
    values: "`plan`, `users_page`, `groups_page`, `group_grants`, `account_lookup`, `group_lookup`, `member_page`, `count`, `roles`, `role_page`",
};
const JOB_STATE: Label = Label { name: "state", values: "`pending`, `done`, `superseded`, `failed`" };
const JOB_OUTCOME: Label = Label {
    name: "outcome",
    values: "`done` (its effect is committed), `late` (somebody else had done it), `again` (it comes back), `held` (its run waits for \
             somebody), `split` (into single ids, or an exception of its run), `failed` (given up, and its run with it)",
};
const LANE: Label = Label { name: "lane", values: "`interactive`, `bulk`" };
const API_OPERATION: Label = Label { name: "operation", values: "a call of the API, such as `users_page`" };
const STATUS: Label = Label { name: "status", values: "the answer's HTTP status; `none` without an answer" };
const TABLE: Label = Label { name: "table", values: "`account`, `group`" };
const CHANGE: Label = Label { name: "change", values: "`added`, `changed`, `removed`" };
const ACTION: Label = Label { name: "operation", values: "an action of bulk operations, such as `add-to-group`" };
const ITEM_OUTCOME: Label = Label {
    name: "outcome",
    values: "`done`, `already_so`, `refused`, `unanswered` (it is read back), `held` (the key is refused), `not_sent` (it comes back)",
};
const DISCREPANCY: Label =
    Label { name: "kind", values: "`group_members`, `partition_count`, `organisation_count`, `members_lost`, `other`" };
const DEPENDENCY: Label = Label { name: "dependency", values: "`database`, `redis`" };
const VERSION: Label = Label { name: "version", values: "the program's version" };

macro_rules! catalogue {
    ($($(#[doc = $meaning:literal])+ $name:ident: $type:ident<$count:literal> = $otel:literal, $unit:ident, $labels:expr;)+) => {
        $(
            $(#[doc = $meaning])+
            pub static $name: $type<$count> = $type::declare($otel, Unit::$unit, $labels, concat!($($meaning),+));
        )+

        /// All metrics, in the order of their declaration.
        pub static CATALOGUE: &[&dyn Metric] = &[$(&$name),+];
    };
}

catalogue! {
    /// Age of what the newest completed full sync saw. Absent before the first. From coordinators.
    FRESHNESS: Gauge<1> = "orgmirror.freshness", Seconds, [ORG];
    /// Runs that have not ended. From coordinators.
    RUN_STATE: Gauge<3> = "orgmirror.run.state", Count, [ORG, RUN_KIND, RUN_STATE_LABEL];
    /// 1 for the way in which the newest full run ended, 0 for the others. From coordinators.
    LAST_RUN: Gauge<2> = "orgmirror.last_run", Count, [ORG, END];
    /// Rows of the active full run: how many its pages have listed, and how many planning counted. Absent without such a run. From coordinators.
    RUN_ROWS: Gauge<3> = "orgmirror.run.rows", Count, [ORG, ENTITY, PROGRESS];
    /// Jobs of runs that have not ended, as the ledger has them. From coordinators.
    JOBS: Gauge<2> = "orgmirror.jobs", Count, [JOB_KIND, JOB_STATE];
    /// Differences that the newest completed full run reported and could not repair. From coordinators.
    DISCREPANCIES: Gauge<1> = "orgmirror.discrepancies", Count, [DISCREPANCY];
    /// Time until the current API key's last day is over, negative after it. Absent where nobody told the day. From coordinators.
    KEY_EXPIRY: Gauge<1> = "orgmirror.key.expiry", Seconds, [ORG];
    /// Requests for a sync that could not be read and were set aside. From coordinators.
    REQUESTS_REJECTED: Counter<0> = "orgmirror.sync_requests.rejected", Count, [];

    /// Jobs in the queue that are not finished: ready, with a worker, or delayed. From coordinators.
    QUEUE_DEPTH: Gauge<1> = "orgmirror.queue.depth", Count, [LANE];
    /// Age of the oldest job that is ready or with a worker; 0 if there is none. From coordinators.
    QUEUE_OLDEST: Gauge<1> = "orgmirror.queue.oldest", Seconds, [LANE];
    /// Jobs that were set aside since they ended their worker, or could not be read, again and again. From coordinators.
    QUEUE_DEAD: Gauge<0> = "orgmirror.queue.dead", Count, [];
    /// Workers that were heard of within a lease. From coordinators.
    WORKERS: Gauge<0> = "orgmirror.workers", Count, [];

    /// Deliveries of jobs that ended; of a chain, each page counts. From workers.
    JOBS_COMPLETED: Counter<2> = "orgmirror.jobs.completed", Count, [JOB_KIND, JOB_OUTCOME];
    /// From a job's delivery, or from the page before it in its chain, to its commit. From workers.
    JOB_DURATION: Histogram<1> = "orgmirror.job.duration", Seconds, [JOB_KIND];
    /// Deliveries that this worker works on. From workers.
    WORKER_BUSY: Gauge<0> = "orgmirror.worker.busy", Count, [];
    /// Deliveries that this worker works on at most. From workers.
    WORKER_SLOTS: Gauge<0> = "orgmirror.worker.slots", Count, [];
    /// Rows that this process wrote to the mirror because they said something else. `removed` from coordinators, the others from workers.
    ROWS_WRITTEN: Counter<2> = "orgmirror.rows.written", Count, [TABLE, CHANGE];

    /// Calls of the Organization API. From workers.
    API_REQUESTS: Counter<2> = "orgmirror.api.requests", Count, [API_OPERATION, STATUS];
    /// From a call's sending to the last byte of its answer. From workers.
    API_REQUEST_DURATION: Histogram<1> = "orgmirror.api.request.duration", Seconds, [API_OPERATION];
    /// Calls that the shared budget gave this worker when it asked last; 0 while it has to wait. From workers.
    BUDGET_AVAILABLE: Gauge<1> = "orgmirror.budget.available", Count, [LANE];
    /// How long calls waited for the shared budget; those that did not wait count as 0. From workers.
    BUDGET_WAIT: Histogram<1> = "orgmirror.budget.wait", Seconds, [LANE];
    /// Calls a minute that the API has shown to allow. Absent while no limit was met. From workers.
    BUDGET_RATE: Gauge<0> = "orgmirror.budget.rate_per_minute", Count, [];

    /// Items of bulk operations that wait at the gate. From coordinators.
    GATE_WAITING: Gauge<1> = "orgmirror.gate.waiting", Count, [ACTION];
    /// From an operation's request to the moment when the gate opened for an item. From workers.
    GATE_WAIT: Histogram<0> = "orgmirror.gate.wait", Seconds, [];
    /// Attempts at items of bulk operations, by what is known of the call. From workers.
    ITEMS_COMPLETED: Counter<2> = "orgmirror.items.completed", Count, [ACTION, ITEM_OUTCOME];

    /// Whether this process can work with what it depends on: 1, or 0. Asked when this is scraped. From every service.
    DEPENDENCY_UP: Gauge<1> = "orgmirror.dependency.up", Count, [DEPENDENCY];
    /// When this process started, in seconds since 1970. From every service.
    PROCESS_START_TIME: Gauge<0> = "process.start_time", Seconds, [];
    /// 1. From every service.
    BUILD_INFO: Gauge<1> = "orgmirror.build_info", Count, [VERSION];
}
