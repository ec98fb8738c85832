// Scripts on one room: its set of session ids (KEYS[1]) and their places. A place's key is made from KEYS[1], so it is in
// the same slot, and Redis runs scripts one at a time, so each of these is atomic.

const PLACES = `
local function place(id) return KEYS[1] .. ':o:' .. id end

-- The set lives as long as the longest-lived place in it.
local function keep(ttlMs)
  if redis.call('PTTL', KEYS[1]) < ttlMs then redis.call('PEXPIRE', KEYS[1], ttlMs) end
end

local function forget(id)
  redis.call('DEL', place(id))
  redis.call('SREM', KEYS[1], id)
end
`;

/**
 * ARGV: sessionId, node, userId, deviceId, generation, epoch, joinedAs, capacity, ttlMs.
 * Answers { 'joined', people, superseded places }, { 'full', people } or { 'superseded', people, the newer place }.
 */
export const JOIN_ROOM = `${PLACES}
local sessionId, userId, deviceId, generation = ARGV[1], ARGV[3], ARGV[4], tonumber(ARGV[5])
local seen, people, older, newer = {}, 0, {}, nil
for _, id in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  local other = redis.call('HMGET', place(id), 'userId', 'deviceId', 'generation')
  if not other[1] then
    redis.call('SREM', KEYS[1], id)
  else
    if not seen[other[1]] then
      seen[other[1]] = true
      people = people + 1
    end
    if id ~= sessionId and other[1] == userId and other[2] == deviceId then
      local otherGeneration = tonumber(other[3])
      if otherGeneration > generation or (otherGeneration == generation and id > sessionId) then
        newer = id
      else
        older[#older + 1] = id
      end
    end
  end
end
if newer then return {'superseded', people, redis.call('HGETALL', place(newer))} end
if not seen[userId] then
  if people >= tonumber(ARGV[8]) then return {'full', people} end
  people = people + 1
end
local superseded = {}
for _, id in ipairs(older) do
  superseded[#superseded + 1] = redis.call('HGETALL', place(id))
  forget(id)
end
redis.call('HSET', place(sessionId), 'sessionId', sessionId, 'node', ARGV[2], 'userId', userId, 'deviceId', deviceId,
  'generation', ARGV[5], 'epoch', ARGV[6], 'joinedAs', ARGV[7])
redis.call('PEXPIRE', place(sessionId), ARGV[9])
redis.call('SADD', KEYS[1], sessionId)
keep(tonumber(ARGV[9]))
return {'joined', people, superseded}
`;

/**
 * ARGV: sessionId, node, epoch, ttlMs. Renews a place and lets it name the node that holds the session now, unless the
 * place knows a later claim. Answers 1 when the session has a place.
 */
export const RENEW_PLACE = `${PLACES}
local key = place(ARGV[1])
local epoch = tonumber(redis.call('HGET', key, 'epoch') or '0')
if epoch == 0 then return 0 end
if epoch <= tonumber(ARGV[3]) then
  redis.call('HSET', key, 'node', ARGV[2], 'epoch', ARGV[3])
  redis.call('PEXPIRE', key, ARGV[4])
  keep(tonumber(ARGV[4]))
end
return 1
`;

/**
 * ARGV: sessionId, node ('' for any), greatest epoch ('' for any), userId ('' when unknown, '*' when nobody asks).
 * Answers { 1 when the person has another place, the place removed or nothing }.
 */
export const REMOVE_PLACE = `${PLACES}
local held = redis.call('HMGET', place(ARGV[1]), 'node', 'epoch', 'userId')
local userId, removed = ARGV[4], {}
if held[1] and (ARGV[2] == '' or held[1] == ARGV[2]) and (ARGV[3] == '' or tonumber(held[2]) <= tonumber(ARGV[3])) then
  if userId == '' then userId = held[3] end
  removed = redis.call('HGETALL', place(ARGV[1]))
  forget(ARGV[1])
end
if userId ~= '' and userId ~= '*' then
  for _, id in ipairs(redis.call('SMEMBERS', KEYS[1])) do
    if redis.call('HGET', place(id), 'userId') == userId then return {1, removed} end
  end
end
return {0, removed}
`;

/** Answers the places, and drops the ids whose place has run out. */
export const LIST_PLACES = `${PLACES}
local places = {}
for _, id in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  local found = redis.call('HGETALL', place(id))
  if #found == 0 then
    redis.call('SREM', KEYS[1], id)
  else
    places[#places + 1] = found
  end
end
return places
`;
