-- Shoppers with a ticket ask, or claim: a sign of life. ARGV has three for each: customer, arrival number, draw. Who is
-- not known here (Redis was emptied, the lease ran out, they were silent) stands again by the ticket's arrival number;
-- who left or has claimed does not.
if not config.version then return {} end
local over = closed()

local function turn_away(member)
  redis.call('ZREM', SEEN, member)
  if redis.call('ZREM', WAITING, member) + redis.call('ZREM', ACTIVE, member) > 0 then
    redis.call('HINCRBY', STATS, 'rejected', 1)
  end
end

local function visit(member, arrival, draw)
  if over ~= '' then
    turn_away(member)
    return answer('CLOSED', arrival, 0, over)
  end
  if redis.call('SISMEMBER', GONE, member) == 1 then return answer('LEFT', arrival, 0, '') end
  redis.call('HSETNX', ARRIVALS, member, arrival)
  return answer(stand(member, tonumber(redis.call('HGET', ARRIVALS, member)), draw))
end

local answers = {}
for i = 1, #ARGV, 3 do
  answers[#answers + 1] = visit(ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]))
end
return answers
