-- Filters that people keep under a name.

CREATE TABLE saved_filter (
    org_key integer NOT NULL REFERENCES org,
    -- As people type it after `@`.
    name text NOT NULL,
    -- The filter's canonical text; read again at each use, since ages and members change.
    expression text NOT NULL,
    -- When it was last saved.
    saved_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_key, name),
    CONSTRAINT saved_filter_name_shape CHECK (name ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$')
);
