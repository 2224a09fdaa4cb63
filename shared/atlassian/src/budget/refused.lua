-- Learns from a 429, makes all workers pause, and answers for how many microseconds from now.
-- ARGV: the moment at which the refused call was granted, microseconds that the API asked for (0 = not told).
local now, s = clock(), load()
local granted_at, told = tonumber(ARGV[1]), tonumber(ARGV[2])

s.refused, s.refused_at, s.n = s.refused + 1, now, s.n - 1
if granted_at <= s.offence then
    -- This call left before the last 429 was known; calls in flight together are one offence. It was not let through then either.
    s.cross_n, s.mark_n = s.cross_n - 1, s.mark_n - 1
    if told > 0 then
        s.paused = math.max(s.paused, now + told)
    end
    save(s)
    return math.max(0, s.paused - now)
end

local let_through, seconds = s.n - s.cross_n, (now - s.cross) / 1000000
local since_mark, mark_seconds = s.n - s.mark_n, math.max(0.001, (now - s.mark) / 1000000)
local first = not is_paced(s)
if let_through <= 0 and not first then
    s.row = s.row + 1
else
    s.row = 0
end

local function begin_chain(rate)
    s.rate, s.doubt, s.mark, s.mark_n = math.max(rate, 0.01), FRESH, now, s.n
end

if s.phase == TOLD then
    s.strikes = now - s.offence < 10000000 and s.strikes + 1 or 0
    if s.strikes >= STRIKES then
        s.wrong, s.told, s.strikes = s.told, 0, 0
        begin_chain(s.rate / 2)
    end
elseif first or s.phase == GROW then
    -- What came through so far is flattered by what the bucket had stored; at first it was full.
    begin_chain((first and 0.8 or 0.65) * math.max(2, since_mark - (first and BUCKET or 0)) / mark_seconds)
    s.fell = 0
elseif s.doubt < SETTLED and s.idle > 2 then
    -- The bucket was fuller than the calls tell, so that they say nothing about the rate.
    s.mark, s.mark_n = now, s.n
elseif s.doubt < SETTLED and since_mark > CHAIN_KNOWN and excess(s, now) < 1.5 - math.max(2.7, tolerance(s, let_through)) then
    begin_chain(math.min(s.rate / 2, math.max(1, let_through) / math.max(0.1, seconds)))
    s.fell = now
else
    local guess = s.rate
    s.rate = math.max(1, since_mark) / mark_seconds
    s.doubt = clamp((1.5 + s.rate / 20) / math.max(1, since_mark), 0.002, FRESH - 0.01)
    -- What was in flight when a guess was found wrong spoils the count, so that the chain begins here.
    if math.abs(s.rate - guess) > guess / 4 or mark_seconds > 600 then
        s.mark, s.mark_n = now, s.n
    end
end

local pause = told
if pause == 0 then
    local least = s.doubt > SETTLED and PAUSE_FIRST or PAUSE_LEAST
    pause = math.min(math.max(least * 2 ^ s.row, 1000000 / s.rate), PAUSE_CEILING)
end
local is_told = s.phase == TOLD and s.told > 0
set_out(s, now, pause)
if is_told then
    s.phase, s.pace = TOLD, s.rate
end
save(s)
return s.paused - now
