-- Grants calls, or says how long to wait.
-- ARGV: the ceiling in calls/s (0 = none), how many calls may come at once under the ceiling alone, 1 for the interactive lane, how
-- many calls of this process ended since it last said so, how many of them were answered, how many permits it let lapse, how many
-- callers it made wait.
-- Answers {calls granted, microseconds they hold or to wait, why (0 granted, 1 rate, 2 paused, 3 the start is slow), the moment}.
local now, s = clock(), load()
local ceiling, burst, interactive = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3] == '1'
local ended, answered, lapsed, waits = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])

local function answer(granted, micros, why)
    if granted == 0 then
        waits = waits + 1
        s.waited_at = now
    end
    local lane = interactive and 'waits_interactive' or 'waits_bulk'
    s[lane] = s[lane] + waits
    s.granted, s.n, s.out = s.granted + granted, s.n + granted, s.out + granted
    save(s)
    return { granted, math.ceil(micros), why, now }
end

s.out = math.max(0, s.out - ended - lapsed)
s.n, s.granted = s.n - lapsed, s.granted - lapsed
if not is_paced(s) and now - s.cross > 5000000 then
    -- What the first 429 is measured by: the last five to ten seconds.
    s.mark, s.mark_n = s.cross, s.cross_n
    if s.mark == 0 then
        s.mark, s.moved = now, now
    end
    s.cross, s.cross_n = now, s.n
end
if s.phase == START then
    s.window = s.window + answered * WINDOW_GAIN
    if ended > 0 then
        s.moved = now
    end
    if s.window >= WINDOW_OPEN then
        s.phase = OPEN
    end
end

if s.paused > now then
    return answer(0, s.paused - now, 2)
end

if s.phase == START and s.out >= s.window then
    if now - s.moved < 1000000 then
        return answer(0, 3000, 3)
    end
    -- Nobody has ended a call for long: whoever held these is gone.
    s.out, s.moved = 0, now
end

local pace = is_paced(s) and s.pace or math.huge
if ceiling > 0 then
    pace = math.min(pace, ceiling)
end
if pace == math.huge then
    local batch = s.phase == OPEN and OPEN_BATCH or math.max(1, math.floor((s.window - s.out) / 8))
    return answer(batch, BATCH_LIFE, 0)
end

local per_call = 1000000 / pace
local behind, ahead
if is_paced(s) then
    behind, ahead = slack(s)
else
    ahead = math.max(1, math.floor(burst / 4))
    behind = math.max(1, burst - ahead)
    ahead = burst - behind
end
if is_paced(s) and s.arrival < now then
    s.idle = s.idle + (now - s.arrival) * s.rate / 1000000
end
local arrival = math.max(now, s.arrival) + per_call
local early = arrival - now - per_call * (interactive and behind + ahead or behind)
if early > 0.5 then
    return answer(0, early, 1)
end
s.arrival = arrival

if s.phase == HOLD and now >= s.test_at then
    begin_test(s)
elseif s.phase == TEST then
    local beyond = excess(s, now)
    -- Once the lead is spent the answer is due: a few calls decide.
    s.pace = s.pace + (beyond > 0 and math.max(s.step, GROWTH / 2) or s.step)
    if beyond > tolerance(s, s.n - s.cross_n) then
        -- No bucket of this rate had so much: the limit has risen.
        s.phase, s.mark, s.mark_n = GROW, now, s.n
    end
elseif s.phase == GROW then
    s.pace = s.pace + GROWTH
    if s.pace > RATE_OPEN then
        s.phase, s.window = OPEN, WINDOW_OPEN
    end
end
if ceiling > 0 then
    s.pace = math.min(s.pace, ceiling)
end
return answer(1, BATCH_LIFE, 0)
