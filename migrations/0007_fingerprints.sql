-- Unchanged rows are recognised by a number, and a page's transaction asks in fewer round trips.

-- Of all that the observation says, computed by the program that wrote the row; 0 for a row whose next reading shall be compared in full.
ALTER TABLE account ADD COLUMN fingerprint bigint NOT NULL DEFAULT 0;
ALTER TABLE org_group ADD COLUMN fingerprint bigint NOT NULL DEFAULT 0;
ALTER TYPE account_facts ADD ATTRIBUTE fingerprint bigint;
ALTER TYPE group_facts ADD ATTRIBUTE fingerprint bigint;

-- Keys of the subjects of unfinished look-ups of an organisation.
CREATE FUNCTION awaited_keys(org integer, lookup job_kind) RETURNS integer[] LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN ARRAY (
        SELECT DISTINCT subject.key
        FROM sync_run AS run
        INNER JOIN sync_job AS job ON job.run_key = run.run_key
        CROSS JOIN LATERAL unnest(job.subject_keys) AS subject (key)
        WHERE run.org_key = org
            AND run.finished_at IS NULL
            AND job.state = 'pending'
            AND job.kind IN ('account_lookup', 'group_lookup')
            AND job.kind = lookup
    );
END $$;

-- For a transaction that writes pages: no run of the organisation starts, and this run does not move on, until it ends. Runs' keys are
-- positive, so minus the organisation's is nobody else's. The first lock is always taken first.
CREATE FUNCTION lock_pages(org integer, run bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(-org::bigint);
    PERFORM lock_run(run);
END $$;

-- For a write: waits only for a transition. The transaction's statements look rows up by key, whatever the planner believes about the
-- tables' sizes: during a first load it believes that they are empty. Its commit does not wait for the disk.
CREATE FUNCTION lock_run(run bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM
        pg_advisory_xact_lock_shared(run),
        set_config('synchronous_commit', 'off', true),
        set_config('enable_seqscan', 'off', true),
        set_config('enable_hashjoin', 'off', true),
        set_config('enable_mergejoin', 'off', true);
END $$;

-- As before, but a key that was drawn is returned by the statement that drew it.
CREATE OR REPLACE FUNCTION account_keys(org integer, ids text[]) RETURNS integer[] LANGUAGE plpgsql
SET enable_seqscan = off SET enable_mergejoin = off AS $$
DECLARE
    keys integer[];
BEGIN
    LOOP
        -- A statement of its own each time: it sees what a concurrent caller committed meanwhile.
        keys := (
            SELECT array_agg((SELECT k.account_key FROM account_key AS k WHERE k.org_key = org AND k.account_id = wanted.id) ORDER BY wanted.position)
            FROM unnest(ids) WITH ORDINALITY AS wanted (id, position)
        );
        EXIT WHEN array_position(keys, NULL) IS NULL;
        -- Whoever uses a key commits later, and the log is written in order: this commit need not wait for the disk.
        PERFORM set_config('synchronous_commit', 'off', true);
        WITH drawn AS (
            -- Sorted, so that two callers with overlapping ids wait for one another in one direction only.
            INSERT INTO account_key (org_key, account_id)
            SELECT DISTINCT org, wanted.id FROM unnest(ids, keys) AS wanted (id, key) WHERE wanted.key IS NULL ORDER BY wanted.id
            ON CONFLICT DO NOTHING
            RETURNING account_key, account_id
        )
        SELECT array_agg(coalesce(wanted.key, drawn.account_key) ORDER BY wanted.position) INTO keys
        FROM unnest(ids, keys) WITH ORDINALITY AS wanted (id, key, position)
        LEFT JOIN drawn ON drawn.account_id = wanted.id;
        EXIT WHEN array_position(keys, NULL) IS NULL;
    END LOOP;
    RETURN keys;
END $$;

CREATE OR REPLACE FUNCTION group_keys(org integer, ids uuid[]) RETURNS integer[] LANGUAGE plpgsql
SET enable_seqscan = off SET enable_mergejoin = off AS $$
DECLARE
    keys integer[];
BEGIN
    LOOP
        keys := (
            SELECT array_agg((SELECT k.group_key FROM group_key AS k WHERE k.org_key = org AND k.group_id = wanted.id) ORDER BY wanted.position)
            FROM unnest(ids) WITH ORDINALITY AS wanted (id, position)
        );
        EXIT WHEN array_position(keys, NULL) IS NULL;
        PERFORM set_config('synchronous_commit', 'off', true);
        WITH drawn AS (
            INSERT INTO group_key (org_key, group_id)
            SELECT DISTINCT org, wanted.id FROM unnest(ids, keys) AS wanted (id, key) WHERE wanted.key IS NULL ORDER BY wanted.id
            ON CONFLICT DO NOTHING
            RETURNING group_key, group_id
        )
        SELECT array_agg(coalesce(wanted.key, drawn.group_key) ORDER BY wanted.position) INTO keys
        FROM unnest(ids, keys) WITH ORDINALITY AS wanted (id, key, position)
        LEFT JOIN drawn ON drawn.group_id = wanted.id;
        EXIT WHEN array_position(keys, NULL) IS NULL;
    END LOOP;
    RETURN keys;
END $$;
