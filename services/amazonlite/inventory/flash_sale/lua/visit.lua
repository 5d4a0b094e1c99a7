-- A shopper with a ticket asks, or claims: a sign of life. Who is not known here (Redis was emptied, the lease ran out,
-- they were silent) stands again by the ticket's arrival number; who left or has claimed does not.
local member, arrival, draw = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
if not config.version then return {'UNSEEDED'} end
if redis.call('SISMEMBER', GONE, member) == 1 then return answer('LEFT', arrival, 0, '') end
if closed() ~= '' then
  redis.call('ZREM', SEEN, member)
  if redis.call('ZREM', WAITING, member) + redis.call('ZREM', ACTIVE, member) > 0 then
    redis.call('HINCRBY', STATS, 'rejected', 1)
  end
  return answer('CLOSED', arrival, 0, closed())
end
redis.call('HSETNX', ARRIVALS, member, arrival)
return stand(member, tonumber(redis.call('HGET', ARRIVALS, member)), draw)
