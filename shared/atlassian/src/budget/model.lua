-- What is known of one family's rate limit, and how it is learnt. Every script of the budget begins with this text, so that all of
-- them do the same arithmetic, in Redis and in the simulation alike. KEYS[1]: the family's hash. Times are microseconds of Redis's
-- clock, rates are calls per second, `n` counts the calls that the limit let through.
--
-- The limit is taken for a token bucket of unknown rate and size. Between two moments at which it was empty (two 429s) it let
-- through exactly what it earned: n / time is its rate, with an error of about one call in n. So a cycle goes: empty (429), gather a
-- lead of some calls, hold the rate, spend the lead on a test at a little more than the rate, empty again. A lead that lasts longer
-- than it can tells of a higher limit, a 429 long before its end of a lower one. The bucket stores what a pause leaves: nothing is lost.
local START, OPEN, HOLD, TEST, GROW, TOLD = 0, 1, 2, 3, 4, 5
local WINDOW_FIRST, WINDOW_GAIN, WINDOW_OPEN = 2, 1 / 8, 64
local OPEN_BATCH, BATCH_LIFE = 16, 100000
local RATE_OPEN = 1000       -- a pace that no 429 has met is no limit
local GROWTH = 0.7           -- calls/s more with each call: double within a second, if calls are made at all
local BUCKET = 10            -- calls that a bucket of usual size stores
local LEAD_MAX, LEAD_MIN = 8, 2
local OVER_MAX, OVER_MIN = 0.5, 0.03
local TEST_LATEST, TEST_SOONEST = 240, 4 -- seconds between tests, as long as the limit stays, and right after it fell
local FRESH = 0.5            -- the doubt about a rate that was only guessed
local SETTLED = 0.1          -- a rate less doubtful than this is known; to find another is a change of the limit
local CHAIN_KNOWN = 50       -- calls that a rate must have stood for before a 429 too early is taken for a fall
local PAUSE_FIRST, PAUSE_LEAST, PAUSE_CEILING = 1000000, 250000, 30000000
local STRIKES = 3            -- 429s within seconds that prove a told limit wrong

local FIELDS = { 'phase', 'window', 'out', 'moved', 'paused', 'arrival', 'rate', 'doubt', 'pace', 'step', 'lead', 'n', 'mark', 'mark_n',
    'cross', 'cross_n', 'offence', 'test_at', 'fell', 'idle', 'row', 'told', 'wrong', 'strikes', 'granted', 'refused', 'refused_at',
    'waits_interactive', 'waits_bulk', 'waited_at' }

local function clock()
    local time = redis.call('TIME')
    return tonumber(time[1]) * 1000000 + tonumber(time[2])
end

local function load()
    local known = redis.call('HMGET', KEYS[1], unpack(FIELDS))
    local s = {}
    for i, field in ipairs(FIELDS) do
        s[field] = tonumber(known[i]) or 0
    end
    if s.window == 0 then
        s.window = WINDOW_FIRST
    end
    return s
end

local function save(s)
    local written = {}
    for _, field in ipairs(FIELDS) do
        written[#written + 1] = field
        -- Lua would write large numbers in powers of ten and lose their end.
        written[#written + 1] = string.format('%.17g', s[field])
    end
    redis.call('HSET', KEYS[1], unpack(written))
    -- What nobody has asked about for an hour is learnt again.
    redis.call('PEXPIRE', KEYS[1], 3600000)
end

local function clamp(value, least, most)
    return math.max(least, math.min(most, value))
end

local function is_paced(s)
    return s.phase >= HOLD
end

-- How many calls bulk may be late by and still catch up, and how far interactive calls may run ahead of it.
local function slack(s)
    return math.max(2, s.pace / 10), math.max(1, s.lead - 1)
end

-- How far n may be off what the rate earns, for all that a test can tell: one call at either end, the jitter of the way, the doubt.
local function tolerance(s, n)
    return 1.5 + s.rate / 20 + 1.5 * s.doubt * n
end

-- Calls let through since the last crossing beyond what the rate earned meanwhile; about -lead while the lead is kept.
local function excess(s, now)
    return s.n - s.cross_n - s.rate * (now - s.cross) / 1000000
end

-- By how much a test goes beyond the rate: enough to spend the lead in time, and not less than the doubt.
local function over(s)
    local least = s.fell > 0 and s.lead / (s.rate * TEST_SOONEST) or OVER_MIN
    return clamp(math.max(2 * s.doubt, least), OVER_MIN, OVER_MAX)
end

local function begin_test(s)
    local over = over(s)
    s.phase, s.pace = TEST, s.rate * (1 + over / 2)
    s.step = s.rate * over / math.max(8, s.lead / over)
end

-- Sets out anew after the bucket was found empty: when calls go on, and when the next test is due.
local function set_out(s, now, pause)
    local per_call = 1000000 / s.rate
    s.lead = clamp(2 * s.rate, LEAD_MIN, LEAD_MAX)
    local every = TEST_LATEST
    if s.fell > 0 then
        every = clamp((now - s.fell) / 40000000, TEST_SOONEST, TEST_LATEST)
        if every < 6 * TEST_SOONEST then
            s.lead = LEAD_MIN
        end
    end
    s.phase, s.pace, s.step, s.idle = HOLD, s.rate, 0, 0
    -- Of a long pause only as much counts as a bucket of usual size stores.
    local uncounted = math.max(0, pause - BUCKET * per_call)
    s.cross, s.cross_n, s.offence, s.mark = now + uncounted, s.n, now, s.mark + uncounted
    s.paused = math.max(s.paused, now + pause)
    local resume = math.max(s.paused, now + s.lead * per_call)
    s.arrival = resume + (slack(s) - 1) * per_call
    s.test_at = resume
    if s.doubt < OVER_MIN / 2 or s.fell > 0 then
        s.test_at = math.max(resume, now + (every - s.lead / (over(s) * s.rate)) * 1000000)
    end
end
