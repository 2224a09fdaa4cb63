-- Says that a worker is there, whether it has work or not: XINFO knows only those that were ever given an entry.
-- KEYS: workers.  ARGV: consumer, after how many silent ms others are forgotten.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
