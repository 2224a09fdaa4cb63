-- The audit log: who asked for what, decided on which freshness, with which result.

CREATE TABLE audit_entry (
    org_key integer NOT NULL REFERENCES org,
    -- 1, 2, 3 ... for each organisation, without a gap.
    number bigint NOT NULL,
    at timestamptz NOT NULL,
    -- What kind of somebody acted (person, program, schedule, system), and the person's or program's name.
    actor_kind text NOT NULL,
    actor text NOT NULL,
    -- What happened: a word of orgmirror_domain::audit::Event.
    event text NOT NULL,
    -- Id or name of what it happened to.
    subject text NOT NULL,
    -- More of it, as JSON. As text, since the hash is over exactly these characters.
    detail text NOT NULL,
    -- Hash of the entry before, 32 zeros for the first.
    previous bytea NOT NULL,
    -- SHA-256 over all of the above: orgmirror_domain::audit::Entry::hash.
    hash bytea NOT NULL,
    PRIMARY KEY (org_key, number),
    CONSTRAINT audit_entry_counted_from_one CHECK (number > 0),
    CONSTRAINT audit_entry_hashes CHECK (octet_length(previous) = 32 AND octet_length(hash) = 32),
    CONSTRAINT audit_entry_detail_is_json CHECK (detail::jsonb IS NOT NULL)
);
CREATE INDEX audit_entry_at ON audit_entry (org_key, at);

-- The newest entry, so that one that was removed from the end is missed too.
CREATE TABLE audit_head (
    org_key integer PRIMARY KEY REFERENCES org,
    number bigint NOT NULL,
    hash bytea NOT NULL
);

-- Append-only, also for the owner. Whoever takes the trigger away is found by the hashes.
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER audit_entry_append_only BEFORE UPDATE OR DELETE ON audit_entry FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_entry_not_emptied BEFORE TRUNCATE ON audit_entry FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
REVOKE ALL ON audit_entry, audit_head FROM PUBLIC;

-- One entry of an organisation is appended at a time. Its own space of advisory locks: the pair (10, organisation's key).
CREATE FUNCTION lock_audit(org integer) RETURNS void LANGUAGE sql AS $$ SELECT pg_advisory_xact_lock(10, org) $$;

CREATE VIEW mirror.audit AS
SELECT
    o.org_id,
    e.number,
    e.at,
    e.actor_kind,
    e.event,
    e.subject,
    -- Texts that people typed may name somebody.
    e.detail::jsonb - 'filter' - 'reason' AS detail
FROM audit_entry AS e
INNER JOIN org AS o ON o.org_key = e.org_key;
COMMENT ON VIEW mirror.audit IS 'Who asked for what: requests, approvals, operations and their results, changes of tasks and filters. Without names of people';
COMMENT ON COLUMN mirror.audit.number IS '1, 2, 3 ... for each organisation';
COMMENT ON COLUMN mirror.audit.actor_kind IS 'person, program, schedule or system';
COMMENT ON COLUMN mirror.audit.subject IS 'Id or name of what it happened to';
