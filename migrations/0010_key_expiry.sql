-- The last day of the current API key, as a person told it: the API tells it nowhere.
ALTER TABLE org ADD COLUMN key_expires_on date;
