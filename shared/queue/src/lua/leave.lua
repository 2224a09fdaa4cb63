-- Deregisters a consumer. Whatever it still holds goes to the back of the stream at once, with no attempt counted: XGROUP DELCONSUMER
-- alone would forget these deliveries, and their entries would never be delivered again.
-- KEYS: stream.  ARGV: group, consumer, size of a slice.  Returns how many deliveries were handed back.
local held = redis.pcall('XPENDING', KEYS[1], ARGV[1], '-', '+', ARGV[3], ARGV[2])
if held.err then return 0 end
for _, pending in ipairs(held) do
  local entry = redis.call('XRANGE', KEYS[1], pending[1], pending[1])[1]
  if entry then redis.call('XADD', KEYS[1], '*', unpack(entry[2])) end
  redis.call('XACK', KEYS[1], ARGV[1], pending[1])
  redis.call('XDEL', KEYS[1], pending[1])
end
if #held < tonumber(ARGV[3]) then redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2]) end
return #held
