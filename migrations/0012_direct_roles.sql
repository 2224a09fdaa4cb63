-- Product roles that somebody holds directly, and not by a group.

ALTER TYPE job_kind ADD VALUE 'roles'; -- counts that tell which product roles are held directly; registers the lists to read
ALTER TYPE job_kind ADD VALUE 'role_page'; -- a page of those who hold one role on one resource, as accounts

-- What a full run counted, inferred and listed: an array of {product, resources, inferred, listed, not_read}.
ALTER TABLE sync_run ADD COLUMN roles jsonb;

-- Products on which direct roles are not known as of the newest reading; null until there was one.
ALTER TABLE org ADD COLUMN roles_unread text[];

-- One row for each access of an account that no group gives a seat on, or that has a direct role beside what groups give, of the
-- products that were read. Written by full runs alone; a look-up that no longer finds the access takes its row away.
CREATE TABLE direct_role (
    account_key integer NOT NULL,
    access_key integer NOT NULL,
    org_key integer NOT NULL,
    -- In the API's words, sorted; empty where groups give all that was found.
    roles text[] NOT NULL,
    -- False: a role that takes a seat may be held besides. Then nobody may call the account free of charge.
    certain boolean NOT NULL,
    PRIMARY KEY (account_key, access_key)
);

-- Which of several roles says most about what an account may do and costs: the smallest number.
CREATE FUNCTION role_rank(role text) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE role
        WHEN 'atlassian/admin' THEN 1
        WHEN 'atlassian/user' THEN 2
        WHEN 'atlassian/contributor' THEN 3
        WHEN 'atlassian/stakeholder' THEN 4
        WHEN 'atlassian/basic' THEN 5
        WHEN 'atlassian/guest' THEN 6
        WHEN 'atlassian/customer' THEN 7
        WHEN 'atlassian/viewer' THEN 8
        WHEN 'atlassian/user-access-admin' THEN 9
        ELSE 10
    END
$$;

CREATE OR REPLACE VIEW mirror.product_access AS
WITH granted AS MATERIALIZED (
    SELECT r.org_key, r.group_key, item ->> 'resource' AS resource_id, role.value AS role
    FROM group_grants AS r
    INNER JOIN org_group AS g ON g.group_key = r.group_key AND g.known_alive AND g.hidden_at IS NULL
    CROSS JOIN LATERAL jsonb_array_elements(r.grants) AS item
    CROSS JOIN LATERAL jsonb_array_elements_text(item -> 'roles') AS role
)
SELECT
    o.org_id,
    ak.account_id,
    p.resource_id,
    p.product,
    regexp_replace(p.resource_id, '^.*site/', '') AS site,
    held.role,
    access.last_active_at,
    -- As domain::licence::billable decides.
    CASE
        WHEN a.status <> 'active' THEN false
        WHEN held.seat THEN CASE WHEN a.status = 'active' THEN true END
        WHEN d.certain AND a.status = 'active' THEN false
    END AS billable
FROM account AS a
INNER JOIN org AS o ON o.org_key = a.org_key
INNER JOIN account_key AS ak ON ak.account_key = a.account_key
CROSS JOIN LATERAL unnest(a.access_keys, a.access_active_at) AS access (access_key, last_active_at)
INNER JOIN access_key AS p ON p.access_key = access.access_key
LEFT JOIN direct_role AS d ON d.account_key = a.account_key AND d.access_key = access.access_key
CROSS JOIN LATERAL (
    SELECT
        (array_agg(every.role ORDER BY role_rank(every.role), every.role))[1] AS role,
        coalesce(bool_or(every.role IN ('atlassian/user', 'atlassian/admin')), false) AS seat
    FROM (
        SELECT granted.role FROM granted
        WHERE granted.org_key = a.org_key AND granted.resource_id = p.resource_id AND granted.group_key = ANY (a.group_keys)
        UNION ALL
        SELECT direct.role FROM unnest(d.roles) AS direct (role)
    ) AS every
) AS held
WHERE a.known_alive AND a.hidden_at IS NULL;
COMMENT ON VIEW mirror.product_access IS 'Which products an account may use on which site, in which role, and when it last did';
COMMENT ON COLUMN mirror.product_access.role IS
'The role that says most: admin before user before the free ones. Roles by groups are as fresh as the account, direct ones as of the newest full sync; null where none is known';
COMMENT ON COLUMN mirror.product_access.billable IS
'Whether the account takes a paid seat there: it is active and user or admin. Null where a role that is not known may decide it';

CREATE OR REPLACE VIEW mirror.roles AS
SELECT
    o.org_id, ak.account_id, platform.role, NULL::text AS resource_id, 'platform'::text AS source, NULL::text AS group_id
FROM account AS a
INNER JOIN org AS o ON o.org_key = a.org_key
INNER JOIN account_key AS ak ON ak.account_key = a.account_key
CROSS JOIN LATERAL unnest(a.platform_roles) AS platform (role)
WHERE a.known_alive AND a.hidden_at IS NULL
UNION ALL
SELECT o.org_id, ak.account_id, granted.role, granted.resource_id, 'group', gk.group_id::text
FROM account AS a
INNER JOIN org AS o ON o.org_key = a.org_key
INNER JOIN account_key AS ak ON ak.account_key = a.account_key
CROSS JOIN LATERAL unnest(a.group_keys) AS member (group_key)
INNER JOIN (
    SELECT DISTINCT g.group_key, item ->> 'resource' AS resource_id, role.value AS role
    FROM group_grants AS g
    CROSS JOIN LATERAL jsonb_array_elements(g.grants) AS item
    CROSS JOIN LATERAL jsonb_array_elements_text(item -> 'roles') AS role
) AS granted ON granted.group_key = member.group_key
INNER JOIN org_group AS g ON g.group_key = member.group_key AND g.known_alive AND g.hidden_at IS NULL
INNER JOIN group_key AS gk ON gk.group_key = g.group_key
WHERE a.known_alive AND a.hidden_at IS NULL
UNION ALL
SELECT o.org_id, ak.account_id, direct.role, p.resource_id, 'direct', NULL
FROM direct_role AS d
INNER JOIN account AS a ON a.account_key = d.account_key AND a.known_alive AND a.hidden_at IS NULL AND d.access_key = ANY (a.access_keys)
INNER JOIN org AS o ON o.org_key = a.org_key
INNER JOIN account_key AS ak ON ak.account_key = a.account_key
INNER JOIN access_key AS p ON p.access_key = d.access_key
CROSS JOIN LATERAL unnest(d.roles) AS direct (role);
COMMENT ON VIEW mirror.roles IS 'Roles of an account, one row for each way it comes by them: on the organisation, by a group, directly';
COMMENT ON COLUMN mirror.roles.resource_id IS 'Null for roles on the organisation and its sites';
COMMENT ON COLUMN mirror.roles.source IS 'platform, group (then group_id tells which) or direct. A direct role is as of the newest full sync; beside the same role by a group it cannot be seen';
COMMENT ON COLUMN mirror.roles.group_id IS 'The group that grants the role';
