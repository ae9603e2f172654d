# shellcheck shell=bash
# Processes that outlive the script which starts them. A pid file holds the bare pid. A pid counts only while the
# process's command line or environment holds its marker, so that a pid which the system gave to another process
# is never signalled.

# process_pid PIDFILE MARKER: the pid, if that process runs.
process_pid() {
  local pid
  pid=$(cat "$1" 2>/dev/null) || return 1
  [[ $pid =~ ^[0-9]+$ ]] || return 1
  grep -qzsF -e "$2" "/proc/$pid/cmdline" "/proc/$pid/environ" || return 1
  echo "$pid"
}

process_runs() { process_pid "$@" >/dev/null; }

# process_start PIDFILE LOG COMMAND...: in a session of its own, with no terminal and no open files of ours.
process_start() {
  local pidfile=$1 log=$2
  shift 2
  mkdir -p "$(dirname "$pidfile")" "$(dirname "$log")"
  setsid -- "$@" </dev/null >>"$log" 2>&1 9>&- &
  local pid=$!
  # So that the shell does not report its end.
  disown "$pid"
  echo "$pid" | write_file "$pidfile" 644
}

# process_ready PIDFILE LOG SECONDS NAME PROBE...: until PROBE succeeds; fails, with the end of the log, when the
# process ends before that or time is up.
process_ready() {
  local pidfile=$1 log=$2 limit=$3 name=$4 pid
  shift 4
  pid=$(cat "$pidfile")
  # shellcheck disable=SC2317 # called by wait_for
  ready_or_dead() { "$@" || ! kill -0 "$pid" 2>/dev/null; }
  if wait_for "$limit" "$name" ready_or_dead "$@" && kill -0 "$pid" 2>/dev/null; then return; fi
  tail -n 20 "$log" >&2
  fail "$name did not start; the end of its log, $log, is above"
}

# process_end PIDFILE MARKER SIGNAL SECONDS: asks with SIGNAL, insists with KILL after SECONDS. Fine if it is not there.
process_end() {
  local pidfile=$1 marker=$2 signal=$3 limit=$4 pid
  if pid=$(process_pid "$pidfile" "$marker"); then
    kill "-$signal" "$pid" 2>/dev/null || true
    if ! wait_for "$limit" "the end of process $pid" process_gone "$pidfile" "$marker"; then
      warn "process $pid did not end within $limit s of SIG$signal: killed"
      kill -KILL "$pid" 2>/dev/null || true
      wait_for 10 "the end of process $pid" process_gone "$pidfile" "$marker" || fail "process $pid cannot be killed"
    fi
  fi
  rm -f "$pidfile"
}

process_gone() { ! process_runs "$@"; }

# processes_in FOLDER PROGRAM: the pids of PROGRAM's processes that work in FOLDER, children of a killed one included.
processes_in() {
  local cwd pid
  for cwd in /proc/[0-9]*/cwd; do
    [[ $(readlink "$cwd" 2>/dev/null) == "$1" ]] || continue
    pid=${cwd//[^0-9]/}
    [[ $(readlink "/proc/$pid/exe" 2>/dev/null) != */"$2"* ]] || echo "$pid"
  done
}

nobody_works_in() { [[ -z $(processes_in "$@") ]]; }
