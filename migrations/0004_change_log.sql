-- What changed, one row per entity and write. Monthly partitions, kept 400 days by dropping whole months.
CREATE TABLE change_log (
    change_key bigint GENERATED ALWAYS AS IDENTITY,
    changed_at timestamptz NOT NULL DEFAULT now(),
    org_key integer NOT NULL,
    run_key bigint NOT NULL,
    kind text NOT NULL,
    entity_key integer NOT NULL,
    -- added, changed, removed, returned
    change text NOT NULL,
    -- {"field": [old, new]}
    fields jsonb NOT NULL DEFAULT '{}',
    -- Keys of groups, of an account's change.
    joined integer[] NOT NULL DEFAULT '{}',
    departed integer[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (change_key, changed_at),
    CONSTRAINT change_log_kind_known CHECK (kind IN ('account', 'group')),
    CONSTRAINT change_log_change_known CHECK (change IN ('added', 'changed', 'removed', 'returned'))
) PARTITION BY RANGE (changed_at);

-- Catches what no month's partition takes, so that a late tick of the coordinator never refuses a write.
CREATE TABLE change_log_default PARTITION OF change_log DEFAULT;

CREATE INDEX change_log_entity ON change_log (org_key, kind, entity_key, changed_at);
CREATE INDEX change_log_run ON change_log (run_key);

-- Makes the partition of the month that contains the day given, if it is not there.
CREATE FUNCTION change_log_ensure_month(day date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    first date := date_trunc('month', day)::date;
    name text := 'change_log_' || to_char(first, 'YYYY_MM');
BEGIN
    IF to_regclass(name) IS NULL THEN
        EXECUTE format('CREATE TABLE %I PARTITION OF change_log FOR VALUES FROM (%L) TO (%L)', name, first, (first + interval '1 month')::date);
    END IF;
EXCEPTION WHEN check_violation THEN
    -- Rows of that month are in the default partition already, and stay there.
    NULL;
END $$;

SELECT change_log_ensure_month(current_date);
SELECT change_log_ensure_month((current_date + interval '1 month')::date);

-- Drops the months that ended longer ago than `keep`.
CREATE FUNCTION change_log_drop_months(keep interval) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    month record;
BEGIN
    FOR month IN
        SELECT c.relname AS name FROM pg_inherits AS i INNER JOIN pg_class AS c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'change_log'::regclass AND c.relname ~ '^change_log_\d{4}_\d{2}$'
    LOOP
        IF to_date(right(month.name, 7), 'YYYY_MM') + interval '1 month' < now() - keep THEN
            EXECUTE format('DROP TABLE %I', month.name);
        END IF;
    END LOOP;
END $$;
