#!/usr/bin/env bash
# Real servers for the contract suites: Redis, and a server speaking MongoDB's protocol.
#
#   scripts/services.sh install   what is missing on a Debian machine: redis-server by apt, FerretDB by go
#   scripts/services.sh start     starts both on loopback (again: does nothing) and waits until they answer
#   scripts/services.sh env       prints the exports for the suites:  eval "$(scripts/services.sh env)"
#   scripts/services.sh stop      stops what start has started (again: does nothing)
#
# A mongod on the PATH is taken; without one FerretDB 1.24 over SQLite (scripts/services/ferretdb), which needs go 1.22 or later to build.
# Binaries, data, logs and pids are kept in .services, which git ignores; deleting it while stopped loses nothing of value.

set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
home=$root/.services
redis_port=46379
mongo_port=47017

say() { printf 'services: %s\n' "$*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

running() { # name: is the process that start has started alive? (Its number may be somebody else's after a reboot.)
  local pid
  pid=$(cat "$home/$1.pid" 2>/dev/null) && ps -o args= -p "$pid" 2>/dev/null | grep -q "$redis_port\|$mongo_port"
}

build_ferretdb() {
  [ -x "$home/bin/ferretdb" ] && [ "$home/bin/ferretdb" -nt "$root/scripts/services/ferretdb/main.go" ] && return
  have go || { say "no mongod on the PATH and no go (1.22 or later) to build FerretDB: install one of them"; return 1; }
  say "building FerretDB (a minute the first time)"
  mkdir -p "$home/bin"
  (cd "$root/scripts/services/ferretdb" && CGO_ENABLED=0 go build -tags ferretdb_sqlite -o "$home/bin/ferretdb" .)
}

install() {
  if ! have redis-server; then
    as_root apt-get update -q
    as_root apt-get install -q -y --no-install-recommends redis-server
  fi
  have mongod || build_ferretdb
}

launch() { # name port command...
  local name=$1 port=$2
  shift 2
  if running "$name"; then return; fi
  if listening "$port"; then
    say "port $port is taken by a process that is not ours"
    return 1
  fi
  setsid "$@" >"$home/$name.log" 2>&1 </dev/null &
  echo $! >"$home/$name.pid"
  for _ in $(seq 100); do
    listening "$port" && { say "$name listens on 127.0.0.1:$port"; return; }
    # Not running(): the child may not have become the server yet.
    kill -0 "$(cat "$home/$name.pid")" 2>/dev/null || break
    sleep 0.1
  done
  say "$name did not come up:"
  tail -n 5 "$home/$name.log" >&2
  return 1
}

start() {
  mkdir -p "$home/data/redis" "$home/data/mongod" "$home/data/ferretdb"
  have redis-server || { say "no redis-server: run scripts/services.sh install"; return 1; }
  launch redis "$redis_port" redis-server --port "$redis_port" --bind 127.0.0.1 --save "" --appendonly no \
    --dir "$home/data/redis"
  if have mongod; then
    launch mongodb "$mongo_port" mongod --port "$mongo_port" --bind_ip 127.0.0.1 --dbpath "$home/data/mongod" --quiet
  else
    build_ferretdb
    launch mongodb "$mongo_port" "$home/bin/ferretdb" -listen "127.0.0.1:$mongo_port" -data "$home/data/ferretdb"
  fi
}

stop_one() {
  local pid
  if running "$1"; then
    pid=$(cat "$home/$1.pid")
    kill "$pid"
    for _ in $(seq 50); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.1
    done
    kill -9 "$pid" 2>/dev/null && say "$1 had to be killed"
    say "$1 stopped"
  fi
  rm -f "$home/$1.pid"
}

case "${1:-}" in
  install) install ;;
  start) start ;;
  stop)
    stop_one redis
    stop_one mongodb
    ;;
  env)
    echo "export REDIS_URL=redis://127.0.0.1:$redis_port MONGODB_URL=mongodb://127.0.0.1:$mongo_port REQUIRE_SERVICES=1"
    ;;
  *)
    echo "usage: $0 {install|start|env|stop}" >&2
    exit 2
    ;;
esac
