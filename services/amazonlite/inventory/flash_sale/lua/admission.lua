-- The queue of one sale; this part is put before each of the other scripts, and every script runs atomically.
-- Time is Redis's own, in microseconds. Whoever is in `active` may claim until the score there, a lease, runs out.
-- `admitted` has when each was first let in: nobody keeps others out for longer than TENURE by asking without claiming.
-- Whoever is in `waiting` stands there by rank; `seen` has when they last asked. `arrivals` has each one's arrival
-- number, which their ticket has too, so that an emptied Redis is filled again by the tickets of those who ask.

local CONFIG, WAITING, ACTIVE, ADMITTED, SEEN, ARRIVALS, GONE, BUCKET, STATS = unpack(KEYS)
local LEASE, TENURE, PATIENCE, WINDOW = 4e6, 60e6, 60e6, 10e6
local MOST_AT_ONCE = 1000

local time = redis.call('TIME')
local now = time[1] * 1e6 + time[2]
local config, rate_known

local function load_config()
  config = {}
  local flat = redis.call('HGETALL', CONFIG)
  for i = 1, #flat, 2 do config[flat[i]] = flat[i + 1] end
end

local function closed()
  if config.closed ~= '' then return config.closed end
  return now >= tonumber(config.ends) and 'ended' or ''
end

-- Who came before the start of a Random sale stands by lot; a draw is always lower than an arrival number.
local function rank(arrival, draw)
  if config.order == 'Random' and arrival < tonumber(config.starts) then return draw end
  return arrival
end

local function purge_leases()
  redis.call('ZREMRANGEBYSCORE', ACTIVE, '-inf', now)
end

-- Who has not asked for long would only block a place; asking again, they stand where they stood.
local function purge_silent()
  local silent = redis.call('ZRANGEBYSCORE', SEEN, '-inf', now - PATIENCE, 'LIMIT', 0, MOST_AT_ONCE)
  if #silent > 0 then
    redis.call('ZREM', WAITING, unpack(silent))
    redis.call('ZREM', SEEN, unpack(silent))
  end
end

local function compute_rate()
  local sum, at, since = unpack(redis.call('HMGET', BUCKET, 'sum', 'sum_at', 'since'))
  if not sum then return 0 end
  local weight = 1 - math.exp(-math.max(1e6, now - since) / WINDOW)
  return sum * math.exp(-(now - at) / WINDOW) / (WINDOW / 1e6 * weight)
end

-- The same for all whom one script answers, until it admits somebody.
local function measured_rate()
  rate_known = rate_known or tostring(compute_rate())
  return rate_known
end

local function remember_rate(admitted)
  local sum, at = unpack(redis.call('HMGET', BUCKET, 'sum', 'sum_at'))
  sum = sum and sum * math.exp(-(now - at) / WINDOW) or 0
  redis.call('HSETNX', BUCKET, 'since', now)
  redis.call('HSET', BUCKET, 'sum', sum + admitted, 'sum_at', now)
  rate_known = nil
end

local function tokens()
  local rate = tonumber(config.rate)
  local burst = math.max(1, rate)
  local left, at = unpack(redis.call('HMGET', BUCKET, 'tokens', 'tokens_at'))
  return left and math.min(burst, left + math.max(0, now - at) * rate / 1e6) or burst
end

local function may_admit()
  return config.state == 'LIVE' and closed() == ''
    and now >= tonumber(config.starts) and now >= tonumber(config.rebuilt)
end

-- Lets in as many as there are places, tokens and waiting shoppers; nobody is let in while nothing is free.
local function admit()
  purge_leases()
  if not may_admit() then return end
  local had = tokens()
  local places = math.min(tonumber(config.max_active), tonumber(config.free)) - redis.call('ZCARD', ACTIVE)
  local count = math.min(places, math.floor(had), MOST_AT_ONCE)
  if count <= 0 then return end
  local next = redis.call('ZPOPMIN', WAITING, count)
  local admitted = #next / 2
  if admitted == 0 then return end
  for i = 1, #next, 2 do
    redis.call('ZADD', ACTIVE, now + LEASE, next[i])
    redis.call('HSETNX', ADMITTED, next[i], now)
    redis.call('ZREM', SEEN, next[i])
  end
  redis.call('HSET', BUCKET, 'tokens', had - admitted, 'tokens_at', now)
  redis.call('HINCRBY', STATS, 'admitted', admitted)
  remember_rate(admitted)
end

local function answer(state, arrival, position, reason)
  return {state, arrival, position, reason, measured_rate(), config.rate, config.starts, config.state, now}
end

local function forget(member)
  redis.call('ZREM', ACTIVE, member)
  redis.call('ZREM', WAITING, member)
  redis.call('ZREM', SEEN, member)
  redis.call('HDEL', ARRIVALS, member)
  redis.call('HDEL', ADMITTED, member)
  redis.call('SADD', GONE, member)
end

-- Where the shopper stands now, as `answer` takes it: admitted with a fresh lease, or waiting and heard of.
local function stand(member, arrival, draw)
  purge_leases()
  if now - (redis.call('HGET', ADMITTED, member) or now) > TENURE then
    forget(member)
    return 'LEFT', arrival, 0, ''
  end
  if not redis.call('ZSCORE', ACTIVE, member) then
    redis.call('ZADD', WAITING, 'NX', rank(arrival, draw), member)
    redis.call('ZADD', SEEN, now, member)
    admit()
  end
  if redis.call('ZSCORE', ACTIVE, member) then
    redis.call('ZADD', ACTIVE, now + LEASE, member)
    return 'ADMITTED', arrival, 0, ''
  end
  return 'WAITING', arrival, redis.call('ZRANK', WAITING, member) + 1, ''
end

load_config()
