# shellcheck shell=bash
# What every script here uses: words for the person at the terminal, waiting, ports, files.

say() { printf '==> %s\n' "$*" >&2; }
warn() { printf 'warning: %s\n' "$*" >&2; }
fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# wait_for SECONDS WHAT COMMAND...: until COMMAND succeeds; tells every 5 s that it still waits. 1 when time is up.
wait_for() {
  local limit=$1 what=$2 start=$SECONDS told=$SECONDS
  shift 2
  until "$@"; do
    ((SECONDS - start < limit)) || return 1
    if ((SECONDS - told >= 5)); then
      told=$SECONDS
      say "waiting for $what ($((SECONDS - start)) s)"
    fi
    sleep 0.1
  done
}

# The process that listens on a TCP port, for people; nothing if the port is free.
port_owner() {
  local line
  line=$(ss -Hltnp "sport = :$1" | head -n 1)
  [[ -n $line ]] || return 0
  if [[ $line =~ \"([^\"]+)\",pid=([0-9]+) ]]; then
    echo "${BASH_REMATCH[1]} (pid ${BASH_REMATCH[2]})"
  else
    echo "a process of another user"
  fi
}

# require_free_port PORT FOR
require_free_port() {
  local owner
  owner=$(port_owner "$1")
  [[ -z $owner ]] || fail "port $1, needed for $2, is taken by $owner; stop it or choose other ports (see --help)"
}

# free_ports FIRST COUNT: the first of COUNT free ports in a row, at FIRST or above, below the range of client ports.
free_ports() {
  local first=$1 count=$2 port
  for ((; first + count < 32768; first += count)); do
    for ((port = first; port < first + count; port++)); do
      [[ -z $(port_owner "$port") ]] || continue 2
    done
    echo "$first"
    return
  done
  fail "no $count free ports in a row above $1"
}

# write_file FILE MODE: standard input becomes FILE, whole or not at all.
write_file() {
  (umask 077 && cat >"$1.new")
  chmod "$2" "$1.new"
  mv -f "$1.new" "$1"
}

random_word() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }

# run_as USER FOLDER: sets the array AS, the words to put before a command so that it runs as USER when this script is
# root's: the servers refuse to be root's. A folder USER cannot reach, as below /root, costs one capability.
run_as() {
  local user=$1 folder=$2 capability
  AS=()
  [[ $(id -u) == 0 ]] || return 0
  local switch=(setpriv --reuid="$user" --regid="$user" --init-groups)
  AS=("${switch[@]}" --)
  reaches "$folder" && return
  for capability in dac_read_search dac_override; do
    AS=("${switch[@]}" --inh-caps="+$capability" --ambient-caps="+$capability" --)
    reaches "$folder" && return
  done
  fail "the user $user cannot reach $folder: allow it to pass the folders above (chmod a+x)"
}

# Opens instead of asking: access(2), which test(1) calls, does not count capabilities.
reaches() { "${AS[@]}" stat "$1/." >/dev/null 2>&1; }
