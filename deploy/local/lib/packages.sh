# shellcheck shell=bash
# Debian packages: only what is missing, and nothing that it brings is started or left enabled.

# require_packages PROBE:PACKAGE...: a probe is a command's name or a file (a pattern is allowed).
require_packages() {
  local pair missing=()
  for pair in "$@"; do
    probe_found "${pair%%:*}" || missing+=("${pair#*:}")
  done
  ((${#missing[@]})) || return 0
  say "installing ${missing[*]}"
  install_packages "${missing[@]}"
}

probe_found() {
  if [[ $1 == /* ]]; then compgen -G "$1" >/dev/null; else command -v "$1" >/dev/null; fi
}

install_packages() {
  local root=()
  if [[ $(id -u) != 0 ]]; then
    command -v sudo >/dev/null || fail "not root, and no sudo: have someone run: apt-get install $*"
    root=(sudo)
  fi
  local apt=("${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300)
  "${apt[@]}" update >&2 </dev/null || fail "apt-get update failed"
  quiet_installation "${root[@]}"
  local status=0
  "${apt[@]}" install --no-install-recommends "$@" >&2 </dev/null || status=$?
  loud_installation "${root[@]}"
  ((status == 0)) || fail "apt-get install $* failed"
}

# Debian starts a server as soon as it is installed, and makes a database cluster. Ours are private: the system's must
# not appear on the machine only because we needed the program.
POLICY=/usr/sbin/policy-rc.d
CLUSTERS=/etc/postgresql-common/createcluster.conf

quiet_installation() {
  QUIET_FILES=()
  if [[ ! -e $POLICY ]]; then
    printf '#!/bin/sh\nexit 101\n' | "$@" tee $POLICY >/dev/null
    "$@" chmod 755 $POLICY
    QUIET_FILES+=("$POLICY")
  fi
  if [[ ! -e $CLUSTERS ]]; then
    "$@" mkdir -p "$(dirname $CLUSTERS)"
    echo 'create_main_cluster = false' | "$@" tee $CLUSTERS >/dev/null
  fi
  UNITS_BEFORE=$(enabled_units)
}

loud_installation() {
  local file unit
  for file in "${QUIET_FILES[@]}"; do "$@" rm -f "$file"; done
  for unit in $(comm -13 <(echo "$UNITS_BEFORE") <(enabled_units)); do "$@" systemctl -q disable "$unit" || true; done
}

enabled_units() {
  [[ -d /run/systemd/system ]] || return 0
  systemctl list-unit-files --state=enabled --no-legend 'postgresql*' 'rabbitmq*' 'nginx*' 'epmd*' | awk '{print $1}' | sort
}
