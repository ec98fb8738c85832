// Scripts on one session's hash (KEYS[1]). Each is one atomic step; redis-presence.ts says in which order steps are taken.

/** ARGV: now at least this (Redis's own clock, so that lost data cannot lead back to small numbers), kept for a day. */
export const NEXT_GENERATION = `
local time = redis.call('TIME')
local nowMs = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local value = math.max(tonumber(redis.call('GET', KEYS[1]) or '0') + 1, nowMs)
redis.call('SET', KEYS[1], string.format('%.0f', value), 'PX', 86400000)
return value
`;

/** Answers the record; empty when there is none. */
export const READ_SESSION = `
return redis.call('HGETALL', KEYS[1])
`;

/** ARGV: sessionId, node, userId, deviceId, generation, epoch, ttlMs. Answers { status, previous node, record }. */
export const PUT_SESSION = `
local held = redis.call('HMGET', KEYS[1], 'node', 'epoch')
local epoch = tonumber(ARGV[6])
if held[1] then
  local heldEpoch = tonumber(held[2])
  if heldEpoch > epoch or (heldEpoch == epoch and held[1] ~= ARGV[2]) then
    return {'stale', '', redis.call('HGETALL', KEYS[1])}
  end
  redis.call('HSET', KEYS[1], 'node', ARGV[2], 'epoch', ARGV[6])
else
  redis.call('HSET', KEYS[1], 'sessionId', ARGV[1], 'node', ARGV[2], 'userId', ARGV[3],
    'deviceId', ARGV[4], 'generation', ARGV[5], 'epoch', ARGV[6])
end
redis.call('PEXPIRE', KEYS[1], ARGV[7])
return {'claimed', held[1] or '', redis.call('HGETALL', KEYS[1])}
`;

/** ARGV: node, ttlMs. Answers { epoch, room or '' }, or nothing when the session is not this node's. */
export const REFRESH_SESSION = `
local held = redis.call('HMGET', KEYS[1], 'node', 'epoch', 'roomId')
if held[1] ~= ARGV[1] then return false end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {held[2], held[3] or ''}
`;

/** ARGV: node, epoch ('' for any). Answers { 'removed', record }, { 'absent' } or { 'other' }. */
export const REMOVE_SESSION = `
local held = redis.call('HMGET', KEYS[1], 'node', 'epoch')
if not held[1] then return {'absent'} end
if held[1] ~= ARGV[1] or (ARGV[2] ~= '' and held[2] ~= ARGV[2]) then return {'other'} end
local record = redis.call('HGETALL', KEYS[1])
redis.call('DEL', KEYS[1])
return {'removed', record}
`;

/** ARGV: roomId, joinedAs. Notes where the session is going. Answers { time left, room before or '', joinedAs before or '', record }. */
export const ENTER_ROOM = `
if redis.call('EXISTS', KEYS[1]) == 0 then return false end
local before = redis.call('HMGET', KEYS[1], 'roomId', 'joinedAs')
redis.call('HSET', KEYS[1], 'roomId', ARGV[1], 'joinedAs', ARGV[2])
return {redis.call('PTTL', KEYS[1]), before[1] or '', before[2] or '', redis.call('HGETALL', KEYS[1])}
`;

/** ARGV: roomId, room before or '', joinedAs before or ''. Takes ENTER_ROOM back, unless the session has gone elsewhere since. */
export const RESTORE_ROOM = `
if redis.call('HGET', KEYS[1], 'roomId') ~= ARGV[1] then return 0 end
if ARGV[2] == '' then
  redis.call('HDEL', KEYS[1], 'roomId', 'joinedAs')
else
  redis.call('HSET', KEYS[1], 'roomId', ARGV[2], 'joinedAs', ARGV[3])
end
return 1
`;
