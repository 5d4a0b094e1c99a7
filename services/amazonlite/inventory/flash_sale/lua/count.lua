-- Who is where now, and how many were admitted and turned away in all.
purge_leases()
local stats = redis.call('HMGET', STATS, 'admitted', 'rejected')
return {redis.call('ZCARD', WAITING), redis.call('ZCARD', ACTIVE), tonumber(stats[1]) or 0, tonumber(stats[2]) or 0}
