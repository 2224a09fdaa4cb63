-- Pauses all workers after a 429, and answers for how many microseconds from now.
-- KEYS: end of the shared pause in microseconds, 429s in a row that named no time.
-- ARGV: microseconds asked for (0 = not told), the first back-off, the longest, after how many milliseconds a row is forgotten.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local pause = tonumber(redis.call('GET', KEYS[1]) or '0')
local wait = tonumber(ARGV[1])

if wait == 0 then
    if pause > now then
        -- This call left before the pause began; calls in flight together are one offence.
        return pause - now
    end
    local row = redis.call('INCR', KEYS[2])
    redis.call('PEXPIRE', KEYS[2], ARGV[4])
    wait = math.min(tonumber(ARGV[2]) * 2 ^ (row - 1), tonumber(ARGV[3]))
end

local ends = math.max(pause, now + wait)
redis.call('SET', KEYS[1], string.format('%.0f', ends), 'PX', math.ceil((ends - now) / 1000))
return ends - now
