-- Puts delayed entries whose time has come back on their stream, a slice at a time.
-- KEYS: stream and delayed set of each lane.  ARGV: size of a slice.  Returns the size of the largest slice moved.
local clock = redis.call('TIME')
local now = string.format('%.0f', clock[1] * 1000 + math.floor(clock[2] / 1000))
local most = 0
for k = 1, #KEYS, 2 do
  local due = redis.call('ZRANGEBYSCORE', KEYS[k + 1], '-inf', now, 'LIMIT', 0, ARGV[1])
  for _, member in ipairs(due) do
    redis.call('XADD', KEYS[k], '*', unpack(cmsgpack.unpack(member), 2))
    redis.call('ZREM', KEYS[k + 1], member)
  end
  most = math.max(most, #due)
end
return most
