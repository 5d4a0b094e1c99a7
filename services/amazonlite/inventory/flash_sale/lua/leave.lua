-- These shoppers are done here: they left, or they have what they came for. Their places are free at once.
for _, member in ipairs(ARGV) do
  redis.call('ZREM', ACTIVE, member)
  redis.call('ZREM', WAITING, member)
  redis.call('ZREM', SEEN, member)
  redis.call('HDEL', ARRIVALS, member)
  redis.call('SADD', GONE, member)
end
if config.version then admit() end
return #ARGV
