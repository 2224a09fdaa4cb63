-- Counts one lane. Finished entries are deleted, so the length of the stream is what is ready and what is delivered.
-- KEYS: stream, delayed set.  ARGV: group.  Returns {in the stream, delivered, delayed, age of the oldest in ms or -1}.
local delivered = redis.pcall('XPENDING', KEYS[1], ARGV[1])
delivered = delivered.err and 0 or delivered[1]
local oldest = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
local age = -1
if oldest then
  local clock = redis.call('TIME')
  local added = tonumber(string.match(oldest[1], '^(%d+)'))
  age = math.max(0, clock[1] * 1000 + math.floor(clock[2] / 1000) - added)
end
return { redis.call('XLEN', KEYS[1]), delivered, redis.call('ZCARD', KEYS[2]), age }
