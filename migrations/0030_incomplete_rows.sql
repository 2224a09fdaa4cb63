-- Rows that came without something that the API tells of every other row, and the partitions of a run in one place.

ALTER TABLE run_exception
-- The row was read, but its answer left something out that others had. A whole answer to a look-up takes this back.
ADD COLUMN incomplete boolean NOT NULL DEFAULT false;

COMMENT ON TABLE run_exception IS 'Accounts and groups that a run could not read, or not whole; not made fresh by it, nothing of them removed.';

-- The partitions that a run planned: `number` from 0 on, users before groups, as in sync_job.partition; `expected` rows when it was
-- planned; `listed`, the different rows that its pages have listed so far.
CREATE FUNCTION run_partitions(of_run bigint)
RETURNS TABLE (kind text, number bigint, filter jsonb, expected bigint, listed bigint)
LANGUAGE sql STABLE AS $$
    WITH planned AS (
        SELECT parts.kind, parts.number - 1 AS number, parts.part
        FROM sync_run AS run
        CROSS JOIN LATERAL (
            SELECT 'users', number, part
            FROM jsonb_array_elements(run.plan -> 'user_partitions') WITH ORDINALITY AS users (part, number)
            UNION ALL
            SELECT 'groups', number + jsonb_array_length(run.plan -> 'user_partitions'), part
            FROM jsonb_array_elements(run.plan -> 'group_partitions') WITH ORDINALITY AS groups (part, number)
        ) AS parts (kind, number, part)
        WHERE run.run_key = of_run
    ),
    listed AS (
        SELECT job.partition AS number, count(DISTINCT sighting.key) AS rows
        FROM sync_job AS job
        CROSS JOIN LATERAL unnest(job.seen) AS sighting (key)
        WHERE job.run_key = of_run AND job.kind IN ('users_page', 'groups_page') AND job.state = 'done'
        GROUP BY job.partition
    )
    SELECT planned.kind, planned.number, planned.part -> 'filter', (planned.part ->> 'expected')::bigint, coalesce(listed.rows, 0)
    FROM planned LEFT JOIN listed ON listed.number = planned.number
$$;

ALTER TABLE sync_run
-- Since when the API has answered nothing, of a run that is or was held for it: probes in between, which let the run go on for a moment,
-- do not change it.
ADD COLUMN unreachable_since timestamptz;
