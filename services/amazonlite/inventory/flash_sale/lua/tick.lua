-- Takes over what MySQL says of the sale, unless a newer version is here, and admits. An empty Redis starts anew and
-- gives those who hold tickets `grace` microseconds to come back to their ranks before anybody is admitted.
local version, state, max_active, rate, order, starts, ends, free, reason, grace, admitted, rejected = unpack(ARGV)
local stored = tonumber(config.version)
if not stored or stored < tonumber(version) then
  redis.call('HSET', CONFIG, 'version', version, 'state', state, 'max_active', max_active, 'rate', rate,
    'order', order, 'starts', starts, 'ends', ends)
end
if not stored then
  redis.call('HSET', CONFIG, 'rebuilt', now + grace)
  redis.call('HSETNX', STATS, 'admitted', admitted)
  redis.call('HSETNX', STATS, 'rejected', rejected)
end
if not stored or stored <= tonumber(version) then
  redis.call('HSET', CONFIG, 'free', free, 'closed', reason)
end
for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, 3600) end
load_config()
purge_silent()
admit()
return redis.call('HMGET', STATS, 'admitted', 'rejected')
