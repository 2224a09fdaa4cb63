-- Counts the workers that were heard of.
-- KEYS: workers.  ARGV: within how many ms.
local clock = redis.call('TIME')
return redis.call('ZCOUNT', KEYS[1], clock[1] * 1000 + math.floor(clock[2] / 1000) - ARGV[1], '+inf')
