-- Who may use the console: people, the one-time links that let them in first, their sessions and tokens.

CREATE TYPE console_role AS ENUM (
    'viewer',   -- sees
    'operator', -- also starts syncs and changes accounts
    'admin'     -- also changes settings and people
);

CREATE TABLE console_person (
    person_key integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_key integer NOT NULL REFERENCES org,
    -- As they sign in; capitals and small letters are the same.
    name text NOT NULL,
    -- An argon2id hash with its parameters. Null until they choose a password, and for those who sign in elsewhere.
    password_hash text,
    -- Issuer and subject at the identity provider, for those who sign in there.
    issuer text,
    subject text,
    role console_role NOT NULL,
    -- The sites that they may see; null for all.
    site_ids text[],
    created_at timestamptz NOT NULL DEFAULT now(),
    -- When they last signed in.
    signed_in_at timestamptz,
    -- Since when they may not sign in.
    disabled_at timestamptz,
    CONSTRAINT console_person_name_shape CHECK (name ~ '^[^[:space:][:cntrl:]]([^[:cntrl:]]{0,126}[^[:space:][:cntrl:]])?$'),
    CONSTRAINT console_person_subject_whole CHECK ((issuer IS NULL) = (subject IS NULL)),
    CONSTRAINT console_person_subject_unique UNIQUE (org_key, issuer, subject)
);

CREATE UNIQUE INDEX console_person_name_unique ON console_person (org_key, lower(name));

-- One-time links. Of each secret here and below only the SHA-256 is kept: they are random and long, so that is enough.
CREATE TABLE console_link (
    code_hash bytea PRIMARY KEY,
    org_key integer NOT NULL REFERENCES org,
    -- Whose password it sets; null for the link that makes the first administrator.
    person_key integer REFERENCES console_person ON DELETE CASCADE,
    expires_at timestamptz NOT NULL
);

CREATE TABLE console_session (
    session_hash bytea PRIMARY KEY,
    person_key integer NOT NULL REFERENCES console_person ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- Last use, to the minute.
    seen_at timestamptz NOT NULL DEFAULT now(),
    -- When it ends, however much it is used.
    expires_at timestamptz NOT NULL
);

CREATE INDEX console_session_person ON console_session (person_key);

CREATE TABLE console_token (
    token_key integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_key integer NOT NULL REFERENCES org,
    -- Whose rights bound the token's; null for one that was made at the command line.
    person_key integer REFERENCES console_person ON DELETE CASCADE,
    -- What it is for, in its maker's words.
    name text NOT NULL,
    token_hash bytea NOT NULL,
    role console_role NOT NULL,
    site_ids text[],
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    -- Last use, to the minute.
    used_at timestamptz,
    revoked_at timestamptz,
    CONSTRAINT console_token_hash_unique UNIQUE (token_hash)
);

-- Failed sign-ins, by name and by address, so that guessing is slow whichever console is asked.
CREATE TABLE console_sign_in_failure (
    org_key integer NOT NULL REFERENCES org,
    -- `name:` and the name in small letters, or `address:` and the network address.
    source text NOT NULL,
    failures integer NOT NULL,
    -- Of the first failure that counts.
    since timestamptz NOT NULL,
    PRIMARY KEY (org_key, source)
);
