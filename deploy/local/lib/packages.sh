# shellcheck shell=bash
# Debian packages: only what is missing, and nothing that it brings is started or left enabled.

# What building and running the services takes.
# shellcheck disable=SC2034 # used by up and test
SERVICE_PACKAGES=("/usr/lib/postgresql/*/bin/postgres:postgresql" /usr/lib/rabbitmq/bin/rabbitmq-server:rabbitmq-server
  /usr/sbin/nginx:nginx-light cc:gcc c++:g++ /usr/include/stdlib.h:libc6-dev make:make cmake:cmake nasm:nasm
  curl:curl jq:jq ss:iproute2 /etc/ssl/certs/ca-certificates.crt:ca-certificates)

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
  update_package_lists
  quiet_installation
  local status=0
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 install --no-install-recommends "$@" >&2 || status=$?
  loud_installation
  ((status == 0)) || fail "apt-get install $* failed"
}

update_package_lists() { as_root apt-get -qq -o DPkg::Lock::Timeout=300 update >&2 || fail "apt-get update failed"; }

as_root() {
  if [[ $(id -u) == 0 ]]; then
    "$@"
  else
    command -v sudo >/dev/null || fail "neither root nor sudo here: have someone run this first: $*"
    sudo "$@"
  fi </dev/null
}

# Debian starts a server as soon as it is installed, and makes a database cluster. Ours are private: the system's must
# not appear on the machine only because we needed the program.
POLICY=/usr/sbin/policy-rc.d
CLUSTERS=/etc/postgresql-common/createcluster.conf

quiet_installation() {
  MADE=()
  if [[ ! -e $POLICY ]]; then
    as_root sh -c "printf '#!/bin/sh\nexit 101\n' >$POLICY && chmod 755 $POLICY"
    MADE+=("$POLICY")
  fi
  if [[ ! -e $CLUSTERS ]]; then
    as_root sh -c "mkdir -p '$(dirname $CLUSTERS)' && echo 'create_main_cluster = false' >$CLUSTERS"
    MADE+=("$CLUSTERS")
  fi
  UNITS_BEFORE=$(enabled_units)
}

loud_installation() {
  local unit
  ((${#MADE[@]} == 0)) || as_root rm -f "${MADE[@]}"
  for unit in $(comm -13 <(echo "$UNITS_BEFORE") <(enabled_units)); do as_root systemctl -q disable "$unit" || true; done
}

enabled_units() {
  [[ -d /run/systemd/system ]] || return 0
  systemctl list-unit-files --state=enabled --no-legend 'postgresql*' 'rabbitmq*' 'nginx*' 'epmd*' 'ssh*' 'vsftpd*' | awk '{print $1}' | sort
}
