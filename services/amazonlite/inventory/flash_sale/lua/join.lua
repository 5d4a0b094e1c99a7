-- A shopper comes to the queue; who is in it already keeps the place.
local member, draw = ARGV[1], tonumber(ARGV[2])
if not config.version then return {'UNSEEDED'} end
if closed() ~= '' then
  redis.call('HINCRBY', STATS, 'rejected', 1)
  return answer('CLOSED', 0, 0, closed())
end
if config.state == 'SCHEDULED' then return answer('NOT_OPEN', 0, 0, '') end
local arrival = tonumber(redis.call('HGET', ARRIVALS, member))
if not arrival then
  arrival = math.max(now, (tonumber(config.last_arrival) or 0) + 1)
  redis.call('HSET', CONFIG, 'last_arrival', arrival)
  redis.call('HSET', ARRIVALS, member, arrival)
end
redis.call('SREM', GONE, member)
return answer(stand(member, arrival, draw))
