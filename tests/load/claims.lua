-- Sends one claim a shopper. Arguments after `--`: file of "token ticket key" lines, the first line to use.
local lines, at = {}, 0

function init(arguments)
  for line in io.lines(arguments[1]) do lines[#lines + 1] = line end
  at = tonumber(arguments[2])
end

function request()
  at = at + 1
  local token, ticket, key = lines[at]:match("(%S+) (%S+) (%S+)")
  return wrk.format("POST", nil, {
    ["Authorization"] = "Bearer " .. token,
    ["X-Queue-Ticket"] = ticket,
    ["Idempotency-Key"] = key,
    ["Content-Type"] = "application/json",
  }, '{"quantity":1}')
end

function done(summary, latency)
  local failed = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout
  print(string.format("RESULT %d %d %f %d", summary.requests, summary.duration, latency:percentile(95) / 1000, failed))
end
