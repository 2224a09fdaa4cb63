-- What analysts join: read-only views with the API's own ids. Departed rows are in mirror.departed alone.
CREATE SCHEMA mirror;
COMMENT ON SCHEMA mirror IS 'Read-only views of the mirrored organisations, with the ids of the Organization API';

-- When an account or group was last known to be as shown: its own observation, or the newest completed full sync if that is
-- newer and could read it.
CREATE VIEW mirror.accounts AS
SELECT
    o.org_id,
    k.account_id,
    a.name,
    a.nickname,
    a.email,
    a.email_verified,
    a.account_type,
    a.status,
    a.account_status,
    a.membership_status,
    a.claim_status,
    a.management_source,
    a.mfa_enabled,
    (SELECT max(active_at) FROM unnest(a.access_active_at) AS active_at) AS last_active_at,
    a.added_to_org_at,
    a.deactivated_at,
    a.for_deletion,
    a.picture,
    a.avatar,
    a.job_title,
    a.department,
    a.organization,
    a.location,
    a.time_zone,
    a.platform_roles,
    CASE
        WHEN o.watermark > a.observed
            AND NOT EXISTS (SELECT FROM run_exception AS e WHERE e.run_key = o.watermark_run_key AND e.kind = 'account' AND e.entity_key = a.account_key)
            THEN o.watermark_at
        ELSE a.observed_at
    END AS fresh_as_of
FROM account AS a
INNER JOIN account_key AS k ON k.account_key = a.account_key
INNER JOIN org AS o ON o.org_key = a.org_key
WHERE a.known_alive AND a.hidden_at IS NULL;
COMMENT ON VIEW mirror.accounts IS 'Every account of an organisation, managed or not, with or without a membership of a directory';
COMMENT ON COLUMN mirror.accounts.account_id IS 'The API''s opaque account id';
COMMENT ON COLUMN mirror.accounts.status IS 'Composite status in the API''s words: active, suspended, not_invited, deactivated, for_deletion';
COMMENT ON COLUMN mirror.accounts.membership_status IS 'Over all directories: active in at least one, suspended in all, no_membership in none';
COMMENT ON COLUMN mirror.accounts.claim_status IS 'managed if the organisation claimed the e-mail domain';
COMMENT ON COLUMN mirror.accounts.last_active_at IS 'Newest activity over all products; the API reports activity up to 24 hours late';
COMMENT ON COLUMN mirror.accounts.added_to_org_at IS 'First added to any directory visible to the key';
COMMENT ON COLUMN mirror.accounts.fresh_as_of IS 'The row was true at this time or later';

CREATE VIEW mirror.groups AS
SELECT
    o.org_id,
    k.group_id::text AS group_id,
    g.name,
    g.description,
    g.directory_id,
    coalesce(g.external_synced, false) AS scim_managed,
    g.managed_by,
    g.deletable,
    g.modifiable,
    g.readable,
    g.member_count,
    g.resource_count,
    CASE
        WHEN o.watermark > g.observed
            AND NOT EXISTS (SELECT FROM run_exception AS e WHERE e.run_key = o.watermark_run_key AND e.kind = 'group' AND e.entity_key = g.group_key)
            THEN o.watermark_at
        ELSE g.observed_at
    END AS fresh_as_of
FROM org_group AS g
INNER JOIN group_key AS k ON k.group_key = g.group_key
INNER JOIN org AS o ON o.org_key = g.org_key
WHERE g.known_alive AND g.hidden_at IS NULL;
COMMENT ON VIEW mirror.groups IS 'Every group of an organisation';
COMMENT ON COLUMN mirror.groups.group_id IS 'The bare UUID';
COMMENT ON COLUMN mirror.groups.scim_managed IS 'Made and managed by the identity provider: read-only here';
COMMENT ON COLUMN mirror.groups.member_count IS 'As reported by the API; mirror.memberships has the members themselves';
COMMENT ON COLUMN mirror.groups.resource_count IS 'On how many resources the group grants a role';

CREATE VIEW mirror.memberships AS
SELECT o.org_id, ak.account_id, gk.group_id::text AS group_id
FROM account AS a
INNER JOIN org AS o ON o.org_key = a.org_key
INNER JOIN account_key AS ak ON ak.account_key = a.account_key
CROSS JOIN LATERAL unnest(a.group_keys) AS member (group_key)
INNER JOIN org_group AS g ON g.group_key = member.group_key AND g.known_alive AND g.hidden_at IS NULL
INNER JOIN group_key AS gk ON gk.group_key = g.group_key
WHERE a.known_alive AND a.hidden_at IS NULL;
COMMENT ON VIEW mirror.memberships IS 'One row for each account and group that it is a member of';

CREATE VIEW mirror.product_access AS
SELECT
    o.org_id,
    ak.account_id,
    p.resource_id,
    p.product,
    regexp_replace(p.resource_id, '^.*site/', '') AS site,
    NULL::text AS role,
    access.last_active_at,
    NULL::boolean AS billable
FROM account AS a
INNER JOIN org AS o ON o.org_key = a.org_key
INNER JOIN account_key AS ak ON ak.account_key = a.account_key
CROSS JOIN LATERAL unnest(a.access_keys, a.access_active_at) AS access (access_key, last_active_at)
INNER JOIN access_key AS p ON p.access_key = access.access_key
WHERE a.known_alive AND a.hidden_at IS NULL;
COMMENT ON VIEW mirror.product_access IS 'Which products an account may use on which site, and when it last did';
COMMENT ON COLUMN mirror.product_access.site IS 'Id of the site, as in mirror.sites';
COMMENT ON COLUMN mirror.product_access.role IS 'Unknown (null) until product roles are read';
COMMENT ON COLUMN mirror.product_access.billable IS 'Unknown (null) until product roles are read';

CREATE VIEW mirror.roles AS
SELECT o.org_id, ak.account_id, platform.role, NULL::text AS resource_id
FROM account AS a
INNER JOIN org AS o ON o.org_key = a.org_key
INNER JOIN account_key AS ak ON ak.account_key = a.account_key
CROSS JOIN LATERAL unnest(a.platform_roles) AS platform (role)
WHERE a.known_alive AND a.hidden_at IS NULL
UNION
SELECT o.org_id, ak.account_id, granted.role, granted.resource_id
FROM account AS a
INNER JOIN org AS o ON o.org_key = a.org_key
INNER JOIN account_key AS ak ON ak.account_key = a.account_key
CROSS JOIN LATERAL unnest(a.group_keys) AS member (group_key)
INNER JOIN (
    SELECT g.group_key, item ->> 'resource' AS resource_id, role.value AS role
    FROM group_grants AS g
    CROSS JOIN LATERAL jsonb_array_elements(g.grants) AS item
    CROSS JOIN LATERAL jsonb_array_elements_text(item -> 'roles') AS role
) AS granted ON granted.group_key = member.group_key
INNER JOIN org_group AS g ON g.group_key = member.group_key AND g.known_alive AND g.hidden_at IS NULL
WHERE a.known_alive AND a.hidden_at IS NULL;
COMMENT ON VIEW mirror.roles IS 'Roles of an account: platform roles, and what its groups grant on a resource';

CREATE VIEW mirror.group_grants AS
SELECT
    o.org_id,
    k.group_id::text AS group_id,
    item ->> 'resource' AS resource_id,
    item ->> 'owner' AS resource_owner,
    role.value AS role,
    item ->> 'default_role' AS default_role
FROM group_grants AS r
INNER JOIN org_group AS g ON g.group_key = r.group_key AND g.known_alive AND g.hidden_at IS NULL
INNER JOIN group_key AS k ON k.group_key = r.group_key
INNER JOIN org AS o ON o.org_key = r.org_key
CROSS JOIN LATERAL jsonb_array_elements(r.grants) AS item
CROSS JOIN LATERAL jsonb_array_elements_text(item -> 'roles') AS role;
COMMENT ON VIEW mirror.group_grants IS 'Which role a group grants to its members on which resource';

CREATE VIEW mirror.sites AS
SELECT o.org_id, w.site_id, min(w.name) AS name, min(w.host_url) AS url
FROM workspace AS w
INNER JOIN org AS o ON o.org_key = w.org_key
GROUP BY o.org_id, w.site_id;
COMMENT ON VIEW mirror.sites IS 'Sites, each with one or more products';

CREATE VIEW mirror.workspaces AS
SELECT o.org_id, w.resource_id, w.product, w.site_id, w.name, w.host_url, w.status, w.capacity, w.usage
FROM workspace AS w
INNER JOIN org AS o ON o.org_key = w.org_key;
COMMENT ON VIEW mirror.workspaces IS 'Products on sites, with their seats';

CREATE VIEW mirror.directories AS
SELECT o.org_id, d.directory_id, d.name
FROM directory AS d
INNER JOIN org AS o ON o.org_key = d.org_key;
COMMENT ON VIEW mirror.directories IS 'Directories of an organisation';

CREATE VIEW mirror.freshness AS
SELECT o.org_id, o.last_synced_at, o.watermark, o.watermark_at, r.run_id
FROM org AS o
LEFT JOIN sync_run AS r ON r.run_key = o.watermark_run_key;
COMMENT ON VIEW mirror.freshness IS 'The newest completed full sync of each organisation';
COMMENT ON COLUMN mirror.freshness.watermark IS 'Everything that run could read is at least as new as this instant';
COMMENT ON COLUMN mirror.freshness.watermark_at IS 'The clock at that instant';

CREATE VIEW mirror.changes AS
SELECT
    o.org_id,
    c.changed_at,
    r.run_id,
    c.kind,
    coalesce(ak.account_id, gk.group_id::text) AS entity_id,
    c.change,
    -- The log keeps keys of product access; people see the pairs that they stand for.
    c.fields || CASE
        WHEN c.fields ? 'product_access' THEN jsonb_build_object('product_access', (
            SELECT jsonb_agg(
                (
                    SELECT coalesce(jsonb_agg(p.product || ' ' || p.resource_id ORDER BY p.resource_id, p.product), '[]')
                    FROM access_key AS p
                    WHERE p.access_key IN (SELECT jsonb_array_elements_text(side.keys)::integer)
                )
                ORDER BY side.position
            )
            FROM jsonb_array_elements(c.fields -> 'product_access') WITH ORDINALITY AS side (keys, position)
        ))
        ELSE '{}'
    END AS fields,
    (SELECT coalesce(array_agg(k.group_id::text ORDER BY k.group_id), '{}') FROM group_key AS k WHERE k.group_key = ANY (c.joined)) AS joined,
    (SELECT coalesce(array_agg(k.group_id::text ORDER BY k.group_id), '{}') FROM group_key AS k WHERE k.group_key = ANY (c.departed)) AS departed
FROM change_log AS c
INNER JOIN org AS o ON o.org_key = c.org_key
LEFT JOIN sync_run AS r ON r.run_key = c.run_key
LEFT JOIN account_key AS ak ON c.kind = 'account' AND ak.account_key = c.entity_key
LEFT JOIN group_key AS gk ON c.kind = 'group' AND gk.group_key = c.entity_key;
COMMENT ON VIEW mirror.changes IS 'What changed between syncs. Not here: the first sync of an organisation, and times of activity';

CREATE VIEW mirror.departed AS
SELECT o.org_id, 'account' AS kind, k.account_id AS entity_id, a.name, a.email, a.hidden_at AS departed_at
FROM account AS a
INNER JOIN account_key AS k ON k.account_key = a.account_key
INNER JOIN org AS o ON o.org_key = a.org_key
WHERE a.known_alive AND a.hidden_at IS NOT NULL
UNION ALL
SELECT o.org_id, 'group', k.group_id::text, g.name, NULL, g.hidden_at
FROM org_group AS g
INNER JOIN group_key AS k ON k.group_key = g.group_key
INNER JOIN org AS o ON o.org_key = g.org_key
WHERE g.known_alive AND g.hidden_at IS NOT NULL
UNION ALL
SELECT o.org_id, d.kind, coalesce(ak.account_id, gk.group_id::text), d.name, d.email, d.hidden_at
FROM departed AS d
INNER JOIN org AS o ON o.org_key = d.org_key
LEFT JOIN account_key AS ak ON d.kind = 'account' AND ak.account_key = d.entity_key
LEFT JOIN group_key AS gk ON d.kind = 'group' AND gk.group_key = d.entity_key
-- Not who has come back.
WHERE NOT EXISTS (SELECT FROM account AS a WHERE d.kind = 'account' AND a.account_key = d.entity_key AND a.known_alive)
    AND NOT EXISTS (SELECT FROM org_group AS g WHERE d.kind = 'group' AND g.group_key = d.entity_key AND g.known_alive);
COMMENT ON VIEW mirror.departed IS 'Who has left in the last 30 days';
