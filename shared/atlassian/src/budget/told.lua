-- Takes the limit that an answer's headers tell, and steers by what they say is left.
-- ARGV: calls per minute (0 = the limit is not told any more), calls left (-1 = not told).
local now, s = clock(), load()
local limit, left = tonumber(ARGV[1]), tonumber(ARGV[2])

if limit > 0 and limit ~= s.wrong and limit ~= s.told then
    s.told, s.rate, s.strikes, s.fell = limit, limit / 60, 0, 0
    s.lead, s.idle, s.doubt = clamp(2 * s.rate, LEAD_MIN, LEAD_MAX), 0, 0.01
    if not is_paced(s) then
        s.arrival = now
    end
    s.phase, s.cross, s.cross_n, s.mark, s.mark_n = TOLD, now, s.n, now, s.n
    s.pace = s.rate
end
if s.phase == TOLD and left >= 0 then
    -- A little more than the limit, and the less the less is left: the bucket never overflows, and the lead stays in it.
    s.pace = s.rate * 1.03
    if left < s.lead then
        s.arrival = math.max(now, s.arrival) + (1 - left / s.lead) / 10 * 1000000 / s.rate
    end
end
save(s)
return 0
