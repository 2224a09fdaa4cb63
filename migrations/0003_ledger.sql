-- Runs, the requests they answer, and the ledger of their jobs.

CREATE TYPE run_phase AS ENUM (
    'requested',  -- waits for its turn; requests may still join it
    'planning',   -- reads directories, workspaces and counts
    'scanning',   -- reads every page of every partition, or a scoped run's look-ups
    'verifying',  -- asks by id and by count for what pages left open
    'sweeping',   -- hides what was proven gone
    'completed',  -- its watermark is visible
    'failed',     -- given up, with the reason
    'cancelled',  -- by a person
    'replaced'    -- was held for approval when the next run started
);
CREATE TYPE run_kind AS ENUM ('initial', 'scheduled', 'manual', 'pre_operation', 'post_operation', 'delta');
CREATE TYPE run_scope AS ENUM ('full', 'accounts', 'groups');
CREATE TYPE run_hold AS ENUM (
    'key_rejected',  -- 401 with the key that is current
    'scope_missing', -- 403
    'approval',      -- more would be hidden than may go without a person
    'api_down'       -- nothing answers
);

CREATE TABLE sync_run (
    run_key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id uuid NOT NULL,
    org_key integer NOT NULL REFERENCES org,
    kind run_kind NOT NULL,
    scope run_scope NOT NULL,
    -- Accounts or groups of a scoped run, as the API's ids.
    scope_ids text[] NOT NULL DEFAULT '{}',
    phase run_phase NOT NULL DEFAULT 'requested',
    -- Verifying goes in rounds; this one is under way (0 in other phases).
    verify_round smallint NOT NULL DEFAULT 0,
    requested_at timestamptz NOT NULL DEFAULT now(),
    -- When the phase was entered.
    entered_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    -- Drawn after the row was locked, before any job of the run existed.
    watermark bigint,
    watermark_at timestamptz,
    hold run_hold,
    -- What happened and what to do, for people.
    hold_reason text,
    held_at timestamptz,
    -- Why it failed, for people.
    failure text,
    -- Partitions and counts, as planned.
    plan jsonb,
    -- Revision of the list of what would be hidden; an approval names it.
    sweep_revision integer NOT NULL DEFAULT 0,
    approved_revision integer,
    -- What differs and could not be repaired: {kind, subject, detail} each.
    discrepancies jsonb NOT NULL DEFAULT '[]',
    rows_removed integer NOT NULL DEFAULT 0,
    -- Sums over its jobs, kept when those are gone.
    calls integer NOT NULL DEFAULT 0,
    rows_added integer NOT NULL DEFAULT 0,
    rows_changed integer NOT NULL DEFAULT 0,
    CONSTRAINT sync_run_id_unique UNIQUE (run_id),
    CONSTRAINT sync_run_finished_iff_ended CHECK ((finished_at IS NOT NULL) = (phase IN ('completed', 'failed', 'cancelled', 'replaced'))),
    CONSTRAINT sync_run_watermark_iff_started CHECK (phase IN ('requested', 'cancelled', 'failed') OR watermark IS NOT NULL),
    CONSTRAINT sync_run_hold_explained CHECK (num_nulls(hold, hold_reason, held_at) IN (0, 3))
);

-- One active full run for each organisation. A run held for approval does not count: the next one may replace it.
CREATE UNIQUE INDEX sync_run_one_active ON sync_run (org_key)
WHERE scope = 'full' AND phase IN ('planning', 'scanning', 'verifying', 'sweeping') AND hold IS DISTINCT FROM 'approval';
-- One pending full run: a request joins it.
CREATE UNIQUE INDEX sync_run_one_pending ON sync_run (org_key) WHERE scope = 'full' AND phase = 'requested';
CREATE INDEX sync_run_open ON sync_run (org_key) WHERE finished_at IS NULL;

CREATE TABLE sync_request (
    request_id uuid PRIMARY KEY,
    org_key integer NOT NULL REFERENCES org,
    run_key bigint NOT NULL REFERENCES sync_run,
    -- Drawn after the run was locked: the run's watermark will be greater.
    instant bigint NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sync_request_run ON sync_request (run_key);

CREATE TYPE job_kind AS ENUM (
    'plan',           -- directories, workspaces, counts; registers the partitions
    'users_page',     -- a page of users of a partition
    'groups_page',    -- a page of groups of a partition
    'group_grants',   -- what one group grants
    'account_lookup', -- up to 10 accounts by id
    'group_lookup',   -- up to 10 groups by id
    'member_page',    -- a page of one group's members, as accounts
    'count'           -- asks the API's own count of a partition or the whole again
);
CREATE TYPE job_state AS ENUM (
    'pending',    -- registered; maybe published, maybe running: only the queue knows, and it may forget
    'done',       -- its effect is committed, by the transaction that wrote this word
    'superseded', -- its cursor expired or the other end got there first; another chain reads what it would have
    'failed'      -- given up, and its run with it
);

CREATE TABLE sync_job (
    job_key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_key bigint NOT NULL REFERENCES sync_run ON DELETE CASCADE,
    kind job_kind NOT NULL,
    state job_state NOT NULL DEFAULT 'pending',
    -- A page's identity: number of the partition in the plan, end, restart, page. A group's own chains have minus the group's key
    -- as partition: its member list with restarts from 0 on, what it grants with restart -1.
    partition integer,
    descending boolean,
    restart smallint,
    page integer,
    -- Where the page starts; null for a first page.
    cursor text,
    -- Rows asked for; smaller after a page could not be read.
    page_limit smallint,
    -- Both ends have met: this page has no child.
    last_page boolean NOT NULL DEFAULT false,
    -- Which rows a page reads or a count counts, as the API's filter.
    filter jsonb,
    -- Of a partition that is read from both ends: the rows expected.
    expected bigint,
    -- API ids that a look-up, a member list or grants are about.
    subjects text[] NOT NULL DEFAULT '{}',
    -- Keys of `subjects` of a look-up, so that pages can find them without joining ids.
    subject_keys integer[] NOT NULL DEFAULT '{}',
    -- When somebody last said that the job is queued or worked on; null: never published. Times in the future postpone it.
    heard_at timestamptz,
    attempts smallint NOT NULL DEFAULT 0,
    -- Calls made for it, over all attempts.
    calls integer NOT NULL DEFAULT 0,
    -- Instant drawn just before the call whose answer was committed.
    instant bigint,
    -- Keys that the page listed, in order: the ledger is the seen-set.
    seen integer[],
    -- Hash of the sort key of each, for partitions read from both ends.
    sort_hashes bigint[],
    -- What a count answered.
    answer bigint,
    -- Rows that a page listed; `seen` is cleared when the run has ended.
    listed integer NOT NULL DEFAULT 0,
    -- Memberships that a page of accounts told, for the progress that people see.
    memberships integer NOT NULL DEFAULT 0,
    rows_added integer NOT NULL DEFAULT 0,
    rows_changed integer NOT NULL DEFAULT 0,
    failure text,
    finished_at timestamptz,
    CONSTRAINT sync_job_finished_iff_ended CHECK ((finished_at IS NOT NULL) = (state <> 'pending')),
    CONSTRAINT sync_job_page_whole CHECK (num_nulls(partition, descending, restart, page, page_limit) IN (0, 5))
);

-- A page exists once, whoever registers it.
CREATE UNIQUE INDEX sync_job_page_identity ON sync_job (run_key, partition, descending, restart, page) WHERE partition IS NOT NULL;
-- What the barrier and dispatch look at: short, since done jobs leave it.
CREATE INDEX sync_job_open ON sync_job (run_key, job_key) WHERE state IN ('pending', 'failed');
-- Unfinished look-ups, for the pages that must stamp their subjects.
CREATE INDEX sync_job_open_lookup ON sync_job (run_key) WHERE state = 'pending' AND kind IN ('account_lookup', 'group_lookup');

-- An account or group that a run could not read; not made fresh by it, nothing of it removed.
CREATE TABLE run_exception (
    run_key bigint NOT NULL REFERENCES sync_run ON DELETE CASCADE,
    kind text NOT NULL,
    entity_key integer NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (run_key, kind, entity_key),
    CONSTRAINT run_exception_kind_known CHECK (kind IN ('account', 'group'))
);

-- What a held run would hide, as shown to the person who approves.
CREATE TABLE sweep_list (
    run_key bigint NOT NULL REFERENCES sync_run ON DELETE CASCADE,
    revision integer NOT NULL,
    kind text NOT NULL,
    entity_key integer NOT NULL,
    PRIMARY KEY (run_key, revision, kind, entity_key),
    CONSTRAINT sweep_list_kind_known CHECK (kind IN ('account', 'group'))
);

-- A difference between a group's reported and listed members that a listing confirmed; not read again while unchanged.
CREATE TABLE confirmed_difference (
    org_key integer NOT NULL REFERENCES org,
    group_key integer NOT NULL,
    reported integer NOT NULL,
    mirrored integer NOT NULL,
    PRIMARY KEY (org_key, group_key)
);

-- A hint that a job without a child was committed, so that the coordinator looks at once. It looks every second anyway.
CREATE FUNCTION notify_run(run_key bigint) RETURNS void LANGUAGE sql AS $$ SELECT pg_notify('orgmirror_run', run_key::text) $$;
