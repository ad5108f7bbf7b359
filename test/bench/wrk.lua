-- The requests of wrk and the checks of the responses. The argument is a file that returns a table with requests,
-- expected and, for requests with the token of an earlier response, tokens.
-- `done` reads the globals of each thread.
wrong, overloaded, example = 0, 0, ""

local spec
local formatted = {}
local sent = 0
local isBegun = false

function init(args)
  spec = dofile(args[1])
end

local function format(request, token)
  local body = request.body
  if token then body = body:gsub("REFRESH_TOKEN", token) end
  return wrk.format(request.method, request.path, request.headers, body)
end

function request()
  -- wrk inspects the first request and does not send it, so it must not consume a token.
  if not isBegun then
    isBegun = true
    return format(spec.requests[1])
  end
  local index = sent % #spec.requests + 1
  sent = sent + 1
  if spec.tokens then return format(spec.requests[index], table.remove(spec.tokens, 1) or "") end
  formatted[index] = formatted[index] or format(spec.requests[index])
  return formatted[index]
end

function response(status, _, body)
  if status ~= 200 or not body:find(spec.expected, 1, true) then
    if body:find("OVERLOADED", 1, true) then
      overloaded = overloaded + 1
    else
      wrong = wrong + 1
      if wrong == 1 then example = status .. " " .. body:sub(1, 300) end
    end
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
  local refused = 0
  for _, thread in ipairs(threads) do
    failed = failed + thread:get("wrong")
    refused = refused + thread:get("overloaded")
    if thread:get("example") ~= "" then print("EXAMPLE " .. thread:get("example")) end
  end
  print(("RESULT %d %d %.0f %.0f %d %d"):format(
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), failed, refused))
end
