-- Where in a trace somebody asked for a sync, so that the run's trace points to it.

-- W3C `traceparent`, version 00; null where the asker told none.
ALTER TABLE sync_request ADD COLUMN traceparent text;
