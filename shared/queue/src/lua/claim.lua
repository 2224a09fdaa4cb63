-- Takes over entries whose lease has run out.
-- KEYS: stream.  ARGV: group, consumer, lease in ms, how many at most, ids that this consumer is still at.
-- Returns {id, deliveries so far, fields} for each: XAUTOCLAIM would not tell how often an entry was delivered, and a job that kills
-- every worker it meets could not be told from one that had bad luck once.
-- A consumer that was held up for longer than its lease meets its own deliveries here. It renews those: no new delivery, none counted.
local at_work = {}
for i = 5, #ARGV do at_work[ARGV[i]] = true end
local taken = {}
local idle = redis.call('XPENDING', KEYS[1], ARGV[1], 'IDLE', ARGV[3], '-', '+', ARGV[4])
for _, pending in ipairs(idle) do
  local id = pending[1]
  if at_work[id] and pending[2] == ARGV[2] then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[3], id, 'JUSTID')
  else
    local entry = redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[3], id)[1]
    if entry then
      taken[#taken + 1] = { entry[1], pending[4], entry[2] }
    else
      -- Deleted while it was delivered: nothing is left to do, but the delivery would be found again for ever.
      redis.call('XACK', KEYS[1], ARGV[1], id)
    end
  end
end
return taken
