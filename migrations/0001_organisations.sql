-- Organisations, the sequence of instants, and the keys that stand for the API's ids.

-- The only notion of before and after. CACHE 1: with a cache, numbers would not be in order across sessions.
CREATE SEQUENCE instant AS bigint CACHE 1;

CREATE TABLE org (
    org_key integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id text NOT NULL,
    -- Identifies the API key that is current, without telling it. A refusal holds a run only if its call used this key.
    key_fingerprint text,
    -- Watermark of the newest completed full run: the instant before its first read.
    watermark bigint,
    -- The same moment on the clock, for people and maximum ages.
    watermark_at timestamptz,
    -- When that run completed.
    last_synced_at timestamptz,
    -- That run.
    watermark_run_key bigint,
    -- Instant under which directories and workspaces were read, whole.
    places_observed bigint NOT NULL DEFAULT 0,
    CONSTRAINT org_id_unique UNIQUE (org_id),
    CONSTRAINT org_watermark_whole CHECK (num_nulls(watermark, watermark_at, last_synced_at, watermark_run_key) IN (0, 4))
);

-- One number for each account id ever met; committed before it is used, never removed, so it stays true across departures.
-- No foreign key to org, whose rows are never removed: checking it would be a tenth of a first load. Collation C, since ids are only
-- ever compared for equality, and the index need not know a language for that.
CREATE TABLE account_key (
    account_key integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_key integer NOT NULL,
    account_id text COLLATE "C" NOT NULL,
    CONSTRAINT account_key_id_unique UNIQUE (org_key, account_id)
);

-- The same for groups.
CREATE TABLE group_key (
    group_key integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_key integer NOT NULL,
    group_id uuid NOT NULL,
    CONSTRAINT group_key_id_unique UNIQUE (org_key, group_id)
);

-- The same for what product access names: a resource and a product on it.
CREATE TABLE access_key (
    access_key integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_key integer NOT NULL REFERENCES org,
    resource_id text NOT NULL,
    product text NOT NULL,
    CONSTRAINT access_key_id_unique UNIQUE (org_key, resource_id, product)
);
