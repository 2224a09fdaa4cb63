-- Following an organisation's stream of audit events, so that changes made elsewhere show soon.

CREATE TABLE event_stream (
    org_key integer PRIMARY KEY REFERENCES org,
    -- Where the stream goes on; null: from `from_at`.
    cursor text,
    from_at timestamptz NOT NULL,
    -- Ids of the newest events read, where the API gives no cursor behind them: they come once more.
    seen_ids text[] NOT NULL DEFAULT '{}',
    -- When a worker is to read next. Whoever asks for it moves it on by a lease, so a reading that is lost comes again.
    due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- When the stream was last read to its end.
    read_at timestamptz,
    -- Why it is not read: 'not_permitted' or 'unavailable', in people's words, and since when. Null while it is.
    trouble text,
    trouble_reason text,
    trouble_at timestamptz,
    -- Changes from before this moment may not have been told: only a full sync that began later makes up for it.
    gap_at timestamptz,
    -- Events read, and those of them that name neither a user nor a group.
    events bigint NOT NULL DEFAULT 0,
    unknown_events bigint NOT NULL DEFAULT 0,
    CONSTRAINT event_stream_trouble_known CHECK (trouble IN ('not_permitted', 'unavailable')),
    CONSTRAINT event_stream_trouble_whole CHECK (num_nulls(trouble, trouble_reason, trouble_at) IN (0, 3))
);

-- Groups of a run whose grants are read again.
ALTER TABLE sync_run ADD COLUMN grant_groups uuid[] NOT NULL DEFAULT '{}';
