-- Up to which moment the schedule of syncs was looked at: what is planned after it and is past is started, once.
ALTER TABLE org ADD COLUMN schedule_handled_at timestamptz;
