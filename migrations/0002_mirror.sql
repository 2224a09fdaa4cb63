-- The mirror: one row per account and group, holding the newest observation of it, whole.

-- What one call said about an account, in the order in which pages hand it to the statements of the store.
CREATE TYPE account_facts AS (
    account_key integer,
    account_type text,
    status text,
    account_status text,
    membership_status text,
    claim_status text,
    management_source text,
    mfa_enabled boolean,
    email_verified boolean,
    added_to_org_at timestamptz,
    name text,
    nickname text,
    email text,
    picture text,
    avatar text,
    job_title text,
    department text,
    organization text,
    location text,
    time_zone text,
    deactivated_at timestamptz,
    for_deletion boolean,
    platform_roles text[],
    access_keys integer[],
    access_active_at timestamptz[],
    group_keys integer[],
    -- Instant of the observation and the clock at that moment.
    observed bigint,
    observed_at timestamptz,
    -- The observation is "not there".
    missing boolean
);

CREATE TABLE account (
    account_key integer PRIMARY KEY,
    org_key integer NOT NULL,
    -- Instant of the observation that the row holds; a greater one wins, whole.
    observed bigint NOT NULL,
    observed_at timestamptz NOT NULL,
    -- The newest observation is "not there". A sweep hides the row; a sighting clears it.
    missing boolean NOT NULL DEFAULT false,
    -- Swept at that time: a tombstone, in no view but mirror.departed.
    hidden_at timestamptz,
    -- Instant of that sweep: archived once no run is active that began before it.
    hidden_instant bigint,
    -- False for a tombstone of an id that was never seen alive: it has no data and appears in no view at all.
    known_alive boolean NOT NULL,
    account_type text,
    status text,
    account_status text,
    membership_status text,
    claim_status text,
    management_source text,
    mfa_enabled boolean,
    email_verified boolean,
    added_to_org_at timestamptz,
    name text,
    nickname text,
    email text,
    picture text,
    avatar text,
    job_title text,
    department text,
    organization text,
    location text,
    time_zone text,
    deactivated_at timestamptz,
    for_deletion boolean,
    platform_roles text[] NOT NULL DEFAULT '{}',
    -- Product access: keys in order of resource and product, and the last activity of each.
    access_keys integer[] NOT NULL DEFAULT '{}',
    access_active_at timestamptz[] NOT NULL DEFAULT '{}',
    -- Memberships: sorted keys of groups. An array costs a fifth of a join table's time and a sixth of its log.
    group_keys integer[] NOT NULL DEFAULT '{}',
    CONSTRAINT account_hidden_is_missing CHECK ((hidden_at IS NULL OR missing) AND num_nulls(hidden_at, hidden_instant) IN (0, 2))
) WITH (fillfactor = 85);

-- What a sweep looks at: few rows, found without a scan.
CREATE INDEX account_missing ON account (org_key) WHERE missing;

CREATE TYPE group_facts AS (
    group_key integer,
    name text,
    description text,
    directory_id text,
    external_synced boolean,
    managed_by text,
    deletable boolean,
    modifiable boolean,
    readable boolean,
    member_count integer,
    resource_count integer,
    observed bigint,
    observed_at timestamptz,
    missing boolean
);

CREATE TABLE org_group (
    group_key integer PRIMARY KEY,
    org_key integer NOT NULL,
    observed bigint NOT NULL,
    observed_at timestamptz NOT NULL,
    missing boolean NOT NULL DEFAULT false,
    hidden_at timestamptz,
    -- Instant of that sweep: archived once no run is active that began before it.
    hidden_instant bigint,
    known_alive boolean NOT NULL,
    name text,
    description text,
    directory_id text,
    external_synced boolean,
    managed_by text,
    deletable boolean,
    modifiable boolean,
    readable boolean,
    -- As reported by the API (counts.users), not counted in the mirror.
    member_count integer,
    -- On how many resources the group grants a role (counts.resources).
    resource_count integer,
    CONSTRAINT org_group_hidden_is_missing CHECK ((hidden_at IS NULL OR missing) AND num_nulls(hidden_at, hidden_instant) IN (0, 2))
) WITH (fillfactor = 90);

CREATE INDEX org_group_missing ON org_group (org_key) WHERE missing;

-- What a group grants, read whole per group: an array of {resource, owner, roles, default_role}.
CREATE TABLE group_grants (
    group_key integer PRIMARY KEY,
    org_key integer NOT NULL,
    observed bigint NOT NULL,
    grants jsonb NOT NULL
);

CREATE TABLE directory (
    org_key integer NOT NULL REFERENCES org,
    directory_id text NOT NULL,
    name text,
    PRIMARY KEY (org_key, directory_id)
);

-- A product on a site, with its seats.
CREATE TABLE workspace (
    org_key integer NOT NULL REFERENCES org,
    resource_id text NOT NULL,
    product text NOT NULL,
    site_id text NOT NULL,
    name text,
    host_url text,
    status text,
    capacity bigint,
    usage bigint,
    PRIMARY KEY (org_key, resource_id, product)
);

-- The archive: who was swept, kept for 30 days after that. The row comes back from the API, not from here.
CREATE TABLE departed (
    org_key integer NOT NULL REFERENCES org,
    kind text NOT NULL,
    -- account_key or group_key, by kind.
    entity_key integer NOT NULL,
    name text,
    email text,
    hidden_at timestamptz NOT NULL,
    PRIMARY KEY (org_key, kind, entity_key, hidden_at),
    CONSTRAINT departed_kind_known CHECK (kind IN ('account', 'group'))
);
