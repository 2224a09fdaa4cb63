-- Ends one delivery that was not done: the entry is delayed, or goes to the back of its stream, or is set aside.
-- KEYS: stream, delayed set, dead stream.
-- ARGV: group, consumer, id, fate (delay | return | dead), attempts used up, fate's detail (ms | unused | reason), lane, length of the dead stream.
-- Only the delivery's owner may do it, so that whoever lost its lease can't make a second copy of a job that another one works on.
-- What adds comes before what removes: if Redis refuses the first, the entry stays.
local stream, delayed, dead = KEYS[1], KEYS[2], KEYS[3]
local group, consumer, id, fate, attempts, detail = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]

local owned = redis.pcall('XPENDING', stream, group, id, id, 1, consumer)
if owned.err or not owned[1] then return 0 end

local entry = redis.call('XRANGE', stream, id, id)[1]
if entry then
  local fields = {}
  for i = 1, math.min(#entry[2], 2000), 2 do -- Lua can't spread more than some thousands of values into a call
    if entry[2][i] ~= 'attempts' then
      fields[#fields + 1] = entry[2][i]
      fields[#fields + 1] = entry[2][i + 1]
    end
  end
  fields[#fields + 1] = 'attempts'
  fields[#fields + 1] = attempts
  if fate == 'delay' then
    local now = redis.call('TIME')
    local due = now[1] * 1000 + math.floor(now[2] / 1000) + detail
    redis.call('ZADD', delayed, string.format('%.0f', due), cmsgpack.pack({ id, unpack(fields) }))
  elseif fate == 'return' then
    redis.call('XADD', stream, '*', unpack(fields))
  else
    redis.call('XADD', dead, 'MAXLEN', '~', ARGV[8], '*', 'reason', detail, 'lane', ARGV[7], 'id', id, unpack(fields))
  end
end
redis.call('XACK', stream, group, id)
redis.call('XDEL', stream, id)
return 1
