-- Decides a batch of requests in one round trip. KEYS and ARGV are consumed in order; a request has three arguments:
-- microseconds between requests at the allowed rate (0: no limit), microseconds of the window, 1 if it has a session.
-- A limited request has a key rl:…, one with a session a key revoked:…, in that order.
-- Answers five numbers a request: revoked, allowed, remaining, microseconds until the full quota, microseconds to wait.
-- The limit is GCRA: one number a client, the time at which its bucket would be full again.
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local answers, k = {}, 0
for i = 1, #ARGV, 3 do
  local step, window = tonumber(ARGV[i]), tonumber(ARGV[i + 1])
  local limit_key
  if step > 0 then
    k = k + 1
    limit_key = KEYS[k]
  end
  local revoked = 0
  if ARGV[i + 2] == '1' then
    k = k + 1
    revoked = redis.call('EXISTS', KEYS[k])
  end
  local allowed, remaining, reset, wait = 1, 0, 0, 0
  if limit_key and revoked == 0 then
    local full_at = math.max(tonumber(redis.call('GET', limit_key)) or 0, now)
    local next_full_at = full_at + step
    wait = next_full_at - window - now
    if wait > 0.5 then
      allowed = 0
      next_full_at = full_at
    else
      wait = 0
      redis.call('SET', limit_key, string.format('%.0f', next_full_at), 'PX', math.ceil((next_full_at - now) / 1000))
    end
    reset = next_full_at - now
    remaining = math.floor((window - reset) / step + 0.001)
  end
  local n = #answers
  answers[n + 1], answers[n + 2], answers[n + 3], answers[n + 4], answers[n + 5] = revoked, allowed, remaining, reset, wait
end
return answers
