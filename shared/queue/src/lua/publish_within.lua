-- Adds jobs while the lane has room; asking and adding are one step, so that several publishers can't overfill it together.
-- KEYS: stream, delayed set.  ARGV: window, trace context or '', jobs.  Returns how many were added, from the first on.
local room = ARGV[1] - redis.call('XLEN', KEYS[1]) - redis.call('ZCARD', KEYS[2])
local added = 0
for i = 3, math.min(#ARGV, room + 2) do
  if ARGV[2] == '' then
    redis.call('XADD', KEYS[1], '*', 'job', ARGV[i])
  else
    redis.call('XADD', KEYS[1], '*', 'job', ARGV[i], 'trace', ARGV[2])
  end
  added = added + 1
end
return added
