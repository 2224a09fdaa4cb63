-- Takes over entries whose lease has run out.
-- KEYS: stream.  ARGV: group, consumer, lease in ms, how many at most.
-- Returns {id, deliveries so far, fields} for each: XAUTOCLAIM would not tell how often an entry was delivered, and a job that kills
-- every worker it meets could not be told from one that had bad luck once.
local taken = {}
local idle = redis.call('XPENDING', KEYS[1], ARGV[1], 'IDLE', ARGV[3], '-', '+', ARGV[4])
for _, pending in ipairs(idle) do
  local entry = redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[3], pending[1])[1]
  if entry then
    taken[#taken + 1] = { entry[1], pending[4], entry[2] }
  else
    -- Deleted while it was delivered: nothing is left to do, but the delivery would be found again for ever.
    redis.call('XACK', KEYS[1], ARGV[1], pending[1])
  end
end
return taken
