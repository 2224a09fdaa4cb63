-- Grants one call, or says how long to wait. One round trip, one moment: the time is Redis's own.
-- KEYS: theoretical arrival time of the next call (GCRA), end of the shared pause; both in microseconds.
-- ARGV: microseconds between calls (0 = no rate), how many calls may come at once for this lane.
-- Answers {granted, microseconds to wait, whether it is for the pause}.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])

local pause = tonumber(redis.call('GET', KEYS[2]) or '0')
if pause > now then
    return {0, pause - now, 1}
end

local interval = tonumber(ARGV[1])
if interval == 0 then
    return {1, 0, 0}
end

local arrival = math.max(now, tonumber(redis.call('GET', KEYS[1]) or '0')) + interval
local early = arrival - now - interval * tonumber(ARGV[2])
if early > 0 then
    return {0, math.ceil(early), 0}
end
-- Lua would write the number in powers of ten and lose its end.
redis.call('SET', KEYS[1], string.format('%.0f', arrival), 'PX', math.ceil((arrival - now) / 1000))
return {1, 0, 0}
