-- Keys for ids, met or new, in one call. Functions, so that the planner settings below hold for their statements alone: on a table
-- that was empty when its plan was made, anything but a look-up by key goes quadratic.

CREATE FUNCTION account_keys(org integer, ids text[]) RETURNS integer[] LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    keys integer[];
BEGIN
    FOR attempt IN 1..2 LOOP
        -- The second time a statement of its own: it sees what a concurrent caller committed meanwhile.
        keys := (
            SELECT array_agg((SELECT k.account_key FROM account_key AS k WHERE k.org_key = org AND k.account_id = wanted.id) ORDER BY wanted.position)
            FROM unnest(ids) WITH ORDINALITY AS wanted (id, position)
        );
        EXIT WHEN array_position(keys, NULL) IS NULL;
        -- Whoever uses a key commits later, and the log is written in order: this commit need not wait for the disk.
        PERFORM set_config('synchronous_commit', 'off', true);
        -- Sorted, so that two callers with overlapping new ids wait for one another in one direction only.
        INSERT INTO account_key (org_key, account_id)
        SELECT DISTINCT org, wanted.id FROM unnest(ids, keys) AS wanted (id, key) WHERE wanted.key IS NULL ORDER BY wanted.id
        ON CONFLICT DO NOTHING;
    END LOOP;
    RETURN keys;
END $$;

CREATE FUNCTION group_keys(org integer, ids uuid[]) RETURNS integer[] LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    keys integer[];
BEGIN
    FOR attempt IN 1..2 LOOP
        -- The second time a statement of its own: it sees what a concurrent caller committed meanwhile.
        keys := (
            SELECT array_agg((SELECT k.group_key FROM group_key AS k WHERE k.org_key = org AND k.group_id = wanted.id) ORDER BY wanted.position)
            FROM unnest(ids) WITH ORDINALITY AS wanted (id, position)
        );
        EXIT WHEN array_position(keys, NULL) IS NULL;
        -- Whoever uses a key commits later, and the log is written in order: this commit need not wait for the disk.
        PERFORM set_config('synchronous_commit', 'off', true);
        -- Sorted, so that two callers with overlapping new ids wait for one another in one direction only.
        INSERT INTO group_key (org_key, group_id)
        SELECT DISTINCT org, wanted.id FROM unnest(ids, keys) AS wanted (id, key) WHERE wanted.key IS NULL ORDER BY wanted.id
        ON CONFLICT DO NOTHING;
    END LOOP;
    RETURN keys;
END $$;

CREATE FUNCTION access_keys(org integer, resources text[], products text[]) RETURNS integer[] LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    INSERT INTO access_key (org_key, resource_id, product)
    SELECT DISTINCT org, wanted.resource_id, wanted.product
    FROM unnest(resources, products) AS wanted (resource_id, product)
    ORDER BY wanted.resource_id, wanted.product
    ON CONFLICT DO NOTHING;
    RETURN (
        SELECT array_agg(
            (SELECT k.access_key FROM access_key AS k WHERE k.org_key = org AND k.resource_id = wanted.resource_id AND k.product = wanted.product)
            ORDER BY wanted.position
        )
        FROM unnest(resources, products) WITH ORDINALITY AS wanted (resource_id, product, position)
    );
END $$;
