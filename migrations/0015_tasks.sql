-- Automated tasks and the log of their runs.

CREATE TYPE task_run_state AS ENUM (
    'refreshing', -- the accounts that it chose are read anew
    'acting',     -- its operations are under way
    'done',       -- everything was done, or there was nothing to do
    'failed',     -- given up, with a reason
    'cancelled'   -- by a person
);

CREATE TABLE task (
    task_key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_key integer NOT NULL REFERENCES org,
    name text NOT NULL,
    -- The filter's canonical text: whom it is about.
    filter text NOT NULL,
    -- What is done to each account: a list of actions, as in operation.action, done in this order.
    actions jsonb NOT NULL,
    -- The schedule's canonical text.
    schedule text NOT NULL,
    -- A run that chooses more accounts does nothing.
    max_items integer NOT NULL,
    -- Whether the schedule starts it.
    active boolean NOT NULL,
    -- Who made it or switched it on last: never the second person of an approval.
    asked_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- What was planned up to then has been started, or was never to be.
    handled_at timestamptz NOT NULL,
    -- What is planned next; null if it is switched off or nothing is planned any more.
    next_at timestamptz,
    -- Who asked for a run beside the schedule that has not begun.
    run_asked_by text,
    -- The log of its runs is kept.
    deleted_at timestamptz,
    CONSTRAINT task_name_shape CHECK (name ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$'),
    CONSTRAINT task_acts CHECK (jsonb_typeof(actions) = 'array' AND jsonb_array_length(actions) BETWEEN 1 AND 10),
    CONSTRAINT task_size CHECK (max_items > 0),
    CONSTRAINT task_planned_iff_active CHECK (next_at IS NULL OR active),
    CONSTRAINT task_deleted_is_quiet CHECK (deleted_at IS NULL OR (NOT active AND run_asked_by IS NULL))
);
CREATE UNIQUE INDEX task_name_unique ON task (org_key, name) WHERE deleted_at IS NULL;

CREATE TABLE task_run (
    task_run_key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_run_id uuid NOT NULL,
    task_key bigint NOT NULL REFERENCES task,
    state task_run_state NOT NULL,
    -- The moment of the schedule that it is for; null if a person asked.
    planned_at timestamptz,
    asked_by text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Instant of its beginning: what its first operation acts on must be newer.
    asked bigint NOT NULL,
    -- Keys of the accounts that the filter chose in the mirror as it was then.
    selected integer[] NOT NULL,
    -- The run that was asked for to read them anew, and how many were asked for so far.
    refresh_run_key bigint,
    refreshes smallint NOT NULL DEFAULT 0,
    -- Of those, who did not match any more when they had been read anew.
    dropped integer[],
    -- Who matched only then, at most a thousand of them, and how many there were: listed and not acted on.
    appeared integer[],
    appeared_count bigint,
    -- When that was found.
    chosen_at timestamptz,
    -- Then it is given up if its accounts were not read.
    waits_until timestamptz NOT NULL,
    -- Why it failed or was stopped, or why it had nothing to do.
    reason text,
    finished_at timestamptz,
    CONSTRAINT task_run_id_unique UNIQUE (task_run_id),
    CONSTRAINT task_run_finished_iff_ended CHECK ((finished_at IS NOT NULL) = (state IN ('done', 'failed', 'cancelled'))),
    CONSTRAINT task_run_chosen_whole CHECK (num_nulls(dropped, appeared, appeared_count, chosen_at) IN (0, 4)),
    CONSTRAINT task_run_acts_on_the_chosen CHECK (state <> 'acting' OR chosen_at IS NOT NULL),
    CONSTRAINT task_run_failure_explained CHECK (state <> 'failed' OR reason IS NOT NULL)
);
-- A task does one thing at a time; what is due meanwhile begins after it.
CREATE UNIQUE INDEX task_run_one_open ON task_run (task_key) WHERE finished_at IS NULL;
CREATE INDEX task_run_log ON task_run (task_key, task_run_key DESC);

ALTER TABLE operation
    -- The run of a task that asked for it, and which of its actions it is, from 1.
    ADD COLUMN task_run_key bigint REFERENCES task_run,
    ADD COLUMN step smallint,
    -- The filter that chose the accounts: who does not match it on a fresh reading is left alone.
    ADD COLUMN filter text,
    ADD CONSTRAINT operation_step_of_a_run CHECK ((task_run_key IS NULL) = (step IS NULL));
-- A step is asked for once, however many coordinators look.
CREATE UNIQUE INDEX operation_step_once ON operation (task_run_key, step) WHERE task_run_key IS NOT NULL;
