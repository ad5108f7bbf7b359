-- The requests of wrk and the checks of the responses. The argument is a file that returns a table with method,
-- headers, bodies, expected and, for requests with the token of an earlier response, tokens.
-- `done` reads the globals of each thread.
wrong, example = 0, ""

local spec
local requests = {}
local sent = 0
local isBegun = false

function init(args)
  spec = dofile(args[1])
  wrk.method = spec.method
  for name, value in pairs(spec.headers) do wrk.headers[name] = value end
end

function request()
  if #spec.bodies == 0 then return wrk.format() end
  -- wrk inspects the first request and does not send it, so it must not consume a token.
  if not isBegun then
    isBegun = true
    return wrk.format(nil, nil, nil, spec.bodies[1])
  end
  local index = sent % #spec.bodies + 1
  sent = sent + 1
  if spec.tokens then
    local body = spec.bodies[index]:gsub("TOKEN", table.remove(spec.tokens, 1) or "")
    return wrk.format(nil, nil, nil, body)
  end
  requests[index] = requests[index] or wrk.format(nil, nil, nil, spec.bodies[index])
  return requests[index]
end

function response(status, _, body)
  if status ~= 200 or not body:find(spec.expected, 1, true) then
    wrong = wrong + 1
    if wrong == 1 then example = status .. " " .. body:sub(1, 300) end
  end
  if spec.tokens then table.insert(spec.tokens, body:match('"refreshToken":"([^"]+)"')) end
end

local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

--- Times in microseconds, as in wrk.
function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.timeout
  for _, thread in ipairs(threads) do
    failed = failed + thread:get("wrong")
    if thread:get("example") ~= "" then print("EXAMPLE " .. thread:get("example")) end
  end
  print(("RESULT %d %d %.0f %.0f %d"):format(
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), failed))
end
