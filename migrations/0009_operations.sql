-- Bulk operations: what was asked for, the item of each account, and every attempt at a call with what it was decided on.

CREATE TYPE operation_state AS ENUM (
    'approval',  -- a second person has to agree to the list
    'running',   -- its items wait at the gate, or act
    'checking',  -- every item has ended; the API does not show all results yet
    'settled',   -- the API shows what was done
    'differs',   -- the API shows something else, named on the items
    'cancelled'  -- by a person; what may have happened is still read to its end
);
CREATE TYPE item_state AS ENUM (
    'pending',    -- waits at the gate
    'running',    -- its attempt is marked; the call may be under way
    'done',       -- the API did it, or shows it
    'already_so', -- nothing had to be done
    'skipped',    -- no call was made, with the reason
    'failed',     -- the API refused, with its words, or a person has to look
    'unknown'     -- the call may have happened: it is read before anything else
);

CREATE TABLE operation (
    operation_key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    operation_id uuid NOT NULL,
    org_key integer NOT NULL REFERENCES org,
    state operation_state NOT NULL,
    -- What is done to each account, with its group, directory or resource.
    action jsonb NOT NULL,
    -- The action's group.
    group_key integer,
    requested_by text NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Grows with each change of the list; an approval names the one that was shown.
    revision integer NOT NULL DEFAULT 1,
    approved_by text,
    approved_revision integer,
    approved_at timestamptz,
    -- Observations that are older do not open the gate.
    max_age interval NOT NULL,
    -- How long the operation may be without any progress.
    patience interval NOT NULL,
    -- Then what is still pending is given up; moves on with every item that acts.
    waits_until timestamptz NOT NULL,
    -- Accounts and groups that it must not change, as the settings said when it was asked for.
    protected_accounts text[] NOT NULL DEFAULT '{}',
    protected_groups uuid[] NOT NULL DEFAULT '{}',
    -- No item is started until then, since the API refuses or does not answer, with the reason.
    held_until timestamptz,
    hold_reason text,
    finished_at timestamptz,
    CONSTRAINT operation_id_unique UNIQUE (operation_id),
    CONSTRAINT operation_finished_iff_ended CHECK ((finished_at IS NOT NULL) = (state IN ('settled', 'differs', 'cancelled'))),
    CONSTRAINT operation_approval_whole CHECK (num_nulls(approved_by, approved_revision, approved_at) IN (0, 3)),
    CONSTRAINT operation_approved_by_another CHECK (lower(btrim(approved_by)) <> lower(btrim(requested_by))),
    CONSTRAINT operation_hold_explained CHECK (num_nulls(held_until, hold_reason) IN (0, 2))
);
CREATE INDEX operation_open ON operation (org_key) WHERE finished_at IS NULL;

CREATE TABLE operation_item (
    item_key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    operation_key bigint NOT NULL REFERENCES operation,
    account_key integer NOT NULL,
    state item_state NOT NULL DEFAULT 'pending',
    -- Instant of the request, or of the last request to try again: what is known must be newer.
    asked bigint NOT NULL,
    -- Why no call was made: a word of SkipReason.
    skip_reason text,
    -- What the API said, or what a person should know.
    words text,
    -- The attempt that was marked last.
    attempt_key bigint,
    attempts smallint NOT NULL DEFAULT 0,
    -- After that no call of the marked attempt can change anything any more.
    deadline_at timestamptz,
    -- Instant drawn after the deadline: an observation after it tells what has become of the call.
    read_from bigint,
    -- Instant drawn after the newest answer to a call of this item, or after its deadline: older observations of the account are void.
    write_instant bigint,
    -- The clock at that moment.
    written_at timestamptz,
    -- When the API was seen to show the result, or the wait for it was over.
    settled_at timestamptz,
    -- What the API shows instead, when the wait was over.
    difference text,
    -- The run that was asked for to refresh the account, and how many were asked for since the last progress.
    refresh_run_key bigint,
    refreshes smallint NOT NULL DEFAULT 0,
    -- When somebody last said that the item is queued or worked on.
    heard_at timestamptz,
    finished_at timestamptz,
    CONSTRAINT operation_item_once UNIQUE (operation_key, account_key),
    CONSTRAINT operation_item_finished_iff_ended CHECK ((finished_at IS NOT NULL) = (state IN ('done', 'already_so', 'skipped', 'failed'))),
    CONSTRAINT operation_item_reason_iff_skipped CHECK ((skip_reason IS NOT NULL) = (state = 'skipped')),
    CONSTRAINT operation_item_deadline_iff_open CHECK ((deadline_at IS NOT NULL) = (state IN ('running', 'unknown'))),
    CONSTRAINT operation_item_done_was_written CHECK (state <> 'done' OR write_instant IS NOT NULL),
    CONSTRAINT operation_item_marked CHECK (state NOT IN ('running', 'unknown', 'done') OR attempt_key IS NOT NULL)
);
-- An account is changed by one item at a time, whoever asks.
CREATE UNIQUE INDEX operation_item_one_open ON operation_item (account_key) WHERE state IN ('running', 'unknown');
-- Our own last write to an account.
CREATE INDEX operation_item_writes ON operation_item (account_key) WHERE write_instant IS NOT NULL;
-- What a tick looks at: short, since what has ended leaves it.
CREATE INDEX operation_item_open ON operation_item (operation_key, item_key) WHERE state IN ('pending', 'running', 'unknown');
CREATE INDEX operation_item_unsettled ON operation_item (operation_key, item_key) WHERE state = 'done' AND settled_at IS NULL;

-- One row for each attempt that was marked, written before its call: with what the gate saw, so that nobody can mark one on less.
CREATE TABLE operation_attempt (
    attempt_key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    item_key bigint NOT NULL REFERENCES operation_item,
    number smallint NOT NULL,
    marked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- The call, with its parameters.
    call jsonb NOT NULL,
    asked bigint NOT NULL,
    -- Fresh(account) as the gate saw it, and the clock at that instant.
    fresh bigint NOT NULL,
    fresh_at timestamptz NOT NULL,
    -- Our own last write to the account before it.
    own_write bigint,
    ended_at timestamptz,
    -- An event of the item, and the API's words.
    outcome text,
    words text,
    CONSTRAINT operation_attempt_number UNIQUE (item_key, number),
    CONSTRAINT operation_attempt_is_fresh CHECK (fresh > asked AND (own_write IS NULL OR fresh > own_write)),
    CONSTRAINT operation_attempt_ended_whole CHECK (num_nulls(ended_at, outcome) IN (0, 2))
);

-- Groups whose own rows a scoped run of accounts reads as well, without their members: an operation's group.
ALTER TABLE sync_run ADD COLUMN group_rows uuid[] NOT NULL DEFAULT '{}';

-- Fresh(account) of every id that was ever met: the greater of the row's observation and the newest completed full run that could read it.
CREATE VIEW account_freshness AS
SELECT
    k.account_key,
    CASE WHEN covered.is THEN o.watermark ELSE a.observed END AS fresh,
    CASE WHEN covered.is THEN o.watermark_at ELSE a.observed_at END AS fresh_at
FROM account_key AS k
INNER JOIN org AS o ON o.org_key = k.org_key
LEFT JOIN account AS a ON a.account_key = k.account_key
CROSS JOIN LATERAL (
    SELECT o.watermark IS NOT NULL AND (a.observed IS NULL OR o.watermark > a.observed)
        AND NOT EXISTS (SELECT FROM run_exception AS e WHERE e.run_key = o.watermark_run_key AND e.kind = 'account' AND e.entity_key = k.account_key) AS is
) AS covered;

CREATE VIEW group_freshness AS
SELECT
    k.group_key,
    CASE WHEN covered.is THEN o.watermark ELSE g.observed END AS fresh,
    CASE WHEN covered.is THEN o.watermark_at ELSE g.observed_at END AS fresh_at
FROM group_key AS k
INNER JOIN org AS o ON o.org_key = k.org_key
LEFT JOIN org_group AS g ON g.group_key = k.group_key
CROSS JOIN LATERAL (
    SELECT o.watermark IS NOT NULL AND (g.observed IS NULL OR o.watermark > g.observed)
        AND NOT EXISTS (SELECT FROM run_exception AS e WHERE e.run_key = o.watermark_run_key AND e.kind = 'group' AND e.entity_key = k.group_key) AS is
) AS covered;

-- Items that wait at the gate, with a look at whether it might open. A look and never a decision: that is the gate's own transaction.
CREATE VIEW waiting_item AS
SELECT
    i.item_key,
    i.operation_key,
    o.org_key,
    i.account_key,
    o.group_key,
    i.refresh_run_key,
    i.refreshes,
    i.heard_at,
    -- Another item is open on the account, or our own last write to it is not shown yet: reading now would tell nothing.
    EXISTS (
        SELECT FROM operation_item AS other
        WHERE other.account_key = i.account_key AND other.item_key <> i.item_key
            AND (other.state IN ('running', 'unknown') OR (other.state = 'done' AND other.settled_at IS NULL AND other.write_instant IS NOT NULL))
    ) AS blocked,
    coalesce(
        f.fresh > i.asked
        AND f.fresh > coalesce((SELECT max(w.write_instant) FROM operation_item AS w WHERE w.account_key = i.account_key AND w.write_instant IS NOT NULL), 0)
        AND f.fresh_at > clock_timestamp() - o.max_age,
        false
    ) AS fresh,
    o.group_key IS NULL OR coalesce(gf.fresh > i.asked AND gf.fresh_at > clock_timestamp() - o.max_age, false) AS group_fresh
FROM operation AS o
INNER JOIN operation_item AS i ON i.operation_key = o.operation_key
INNER JOIN account_freshness AS f ON f.account_key = i.account_key
LEFT JOIN group_freshness AS gf ON gf.group_key = o.group_key
WHERE o.state = 'running' AND o.finished_at IS NULL AND i.state = 'pending'
    AND (o.held_until IS NULL OR o.held_until < clock_timestamp());

-- One account is decided on by one transaction at a time. Its own space of advisory locks: the pair (9, account's key).
CREATE FUNCTION lock_account(account integer) RETURNS void LANGUAGE sql AS $$ SELECT pg_advisory_xact_lock(9, account) $$;
