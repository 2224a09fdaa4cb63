-- What the console reads and nothing else wrote: seats day by day, and in which words a change is told.

-- Seats of each product on each site as the day's first look found them, for the trend of a year. A few rows a day.
CREATE TABLE licence_day (
    org_key integer NOT NULL REFERENCES org,
    -- In UTC.
    day date NOT NULL,
    product text NOT NULL,
    resource_id text NOT NULL,
    -- The site's name at that time, or its id.
    site text NOT NULL,
    -- Accounts with access, and of these: not active for 90 days, without any activity, certain to take a seat, perhaps taking one.
    total bigint NOT NULL,
    inactive bigint NOT NULL,
    never_active bigint NOT NULL,
    billable bigint NOT NULL,
    billable_unknown bigint NOT NULL,
    -- Seats that were certain, and inactive.
    unused bigint NOT NULL,
    -- As the API reported.
    capacity bigint,
    PRIMARY KEY (org_key, day, resource_id, product)
);

-- Which operations touched an account, for its page.
CREATE INDEX operation_item_account ON operation_item (account_key, item_key);

-- What a row of the change log comes to, in the words of the console: none, one or several of
-- joined, left, suspended, gained_admin, lost_admin, groups_changed, access_changed (users); group_added, group_removed, group_emptied (groups).
CREATE FUNCTION change_words(kind text, change text, fields jsonb, joined integer[], departed integer[]) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT array_remove(
        CASE kind
            WHEN 'account' THEN ARRAY[
                CASE WHEN change IN ('added', 'returned') THEN 'joined' END,
                CASE WHEN change = 'removed' THEN 'left' END,
                CASE WHEN fields -> 'status' ->> 1 IN ('suspended', 'deactivated') THEN 'suspended' END,
                CASE WHEN fields -> 'platform_roles' -> 1 ? 'atlassian/org-admin' AND NOT coalesce(fields -> 'platform_roles' -> 0 ? 'atlassian/org-admin', false)
                    THEN 'gained_admin' END,
                CASE WHEN fields -> 'platform_roles' -> 0 ? 'atlassian/org-admin' AND NOT coalesce(fields -> 'platform_roles' -> 1 ? 'atlassian/org-admin', false)
                    THEN 'lost_admin' END,
                CASE WHEN change = 'changed' AND (joined <> '{}' OR departed <> '{}') THEN 'groups_changed' END,
                CASE WHEN change = 'changed' AND fields ? 'product_access' THEN 'access_changed' END
            ]
            ELSE ARRAY[
                CASE WHEN change IN ('added', 'returned') THEN 'group_added' END,
                CASE WHEN change = 'removed' THEN 'group_removed' END,
                CASE WHEN change = 'changed' AND fields -> 'member_count' ->> 1 = '0' THEN 'group_emptied' END
            ]
        END,
        NULL
    )
$$;
