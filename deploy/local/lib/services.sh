# shellcheck shell=bash
# Building, starting and stopping: the services, the servers they need, and the edge in front.

build_services() {
  local target name
  command -v cargo >/dev/null || fail "cargo is not installed: see https://rustup.rs"
  say "building the services (the first time takes some minutes)"
  (cd "$ROOT" && cargo build --release --locked --workspace --bins 9>&-) || fail "the build failed"
  target=$(cd "$ROOT" && cargo metadata --no-deps --format-version 1 | jq -r .target_directory)
  mkdir -p "$BIN"
  for name in "${SERVICES[@]}"; do ln -sfn "$target/release/$name" "$BIN/$name"; done
}

# Before anything is started: no port that will be needed is taken by something else.
require_ports() {
  local name
  for name in "${SERVICES[@]}"; do
    service_process "$name"
    process_runs "$PIDFILE" "$MARKER" && continue
    require_free_port "${ADMIN_PORT[$name]}" "$name's admin port"
    [[ -z ${LISTEN_PORT[$name]:-} ]] || require_free_port "${LISTEN_PORT[$name]}" "$name"
  done
  service_process nginx
  process_runs "$PIDFILE" "$MARKER" && return
  end_edge
  require_free_port "$EDGE_PORT" "the public root"
  require_free_port "$ORIGIN_PORT" "the origin of the samples"
}

start_servers() {
  local name
  for name in postgres rabbitmq; do
    mkdir -p "$LOCAL/$name"
    ln -sfn "../$name/pid" "$RUN/$name.pid"
    ln -sfn "../$name/log" "$LOG/$name.log"
  done
  say "PostgreSQL on port $POSTGRES_PORT"
  "$ROOT/deploy/local/lib/postgres" start "$LOCAL/postgres" "$POSTGRES_PORT" 9>&-
  say "RabbitMQ on port $RABBITMQ_PORT, management on $((RABBITMQ_PORT + 2))"
  "$ROOT/deploy/local/lib/rabbitmq" start "$LOCAL/rabbitmq" "$RABBITMQ_PORT" 9>&-
  DATABASE_URL=$("$ROOT/deploy/local/lib/postgres" url "$LOCAL/postgres" "$POSTGRES_PORT")
  AMQP_URL=$("$ROOT/deploy/local/lib/rabbitmq" url "$LOCAL/rabbitmq" "$RABBITMQ_PORT")
}

start_services() {
  local name
  end_outdated
  # The gateway first and alone: it migrates the database that the others expect.
  start_service gateway
  await_service gateway
  for name in "${SERVICES[@]:1}"; do start_service "$name"; done
  for name in "${SERVICES[@]:1}"; do await_service "$name"; done
}

# A process whose program was built anew since it started is ended, to be started again from the new one.
end_outdated() {
  local name pid
  for name in "${SERVICES[@]}"; do
    service_process "$name"
    pid=$(process_pid "$PIDFILE" "$MARKER") || continue
    if [[ $(readlink "/proc/$pid/exe") != "$(realpath "$BIN/$name")" ]]; then
      say "$name was built anew: restarting it"
      process_end "$PIDFILE" "$MARKER" TERM 40
    fi
  done
}

start_service() {
  service_process "$1"
  if process_runs "$PIDFILE" "$MARKER"; then return; fi
  say "$1"
  service_environment "$1"
  process_start "$PIDFILE" "$LOGFILE" env "$MARKER" "${ENVIRONMENT[@]}" "$BIN/$1"
}

await_service() {
  service_process "$1"
  process_ready "$PIDFILE" "$LOGFILE" 60 "$1" answers "http://127.0.0.1:${ADMIN_PORT[$1]}/readyz"
}

answers() { curl -sf -m 5 -o /dev/null "$1"; }

start_edge() {
  local conf=$LOCAL/nginx/nginx.conf
  mkdir -p "$LOCAL"/nginx/{body,proxy,other} "$LOCAL/samples"
  write_edge "$conf"
  service_process nginx
  if process_runs "$PIDFILE" "$MARKER"; then return; fi
  say "nginx on port $EDGE_PORT"
  process_start "$PIDFILE" "$LOGFILE" /usr/sbin/nginx -c "$conf" -e stderr
  process_ready "$PIDFILE" "$LOGFILE" 20 nginx answers "http://127.0.0.1:$ORIGIN_PORT/"
}

# A master that was killed leaves workers behind, which go on listening.
end_edge() {
  local pid
  service_process nginx
  process_end "$PIDFILE" "$MARKER" TERM 10
  for pid in $(processes_in "$LOCAL/nginx" nginx); do kill -KILL "$pid" 2>/dev/null || true; done
  wait_for 10 "nginx's workers to end" nobody_works_in "$LOCAL/nginx" nginx || fail "nginx's workers do not end"
}

write_edge() {
  local listen="127.0.0.1:$EDGE_PORT" edge user=""
  # `localhost` is both addresses for some clients, and some of them do not try the second.
  if grep -qs '^0\{31\}1 ' /proc/net/if_inet6; then listen+="; listen [::1]:$EDGE_PORT"; fi
  edge=$(<"$ROOT/deploy/nginx/dlcs.conf.template")
  edge=${edge//\$\{DLCS_EDGE_LISTEN\}/$listen}
  edge=${edge//\$\{DLCS_GATEWAY\}/127.0.0.1:${LISTEN_PORT[gateway]}}
  edge=${edge//\$\{DLCS_STATUS\}/127.0.0.1:${LISTEN_PORT[status]}}
  edge=${edge//\$\{DLCS_IMAGES\}/127.0.0.1:${LISTEN_PORT[images]}}
  [[ $(id -u) != 0 ]] || user="user root;"
  write_file "$1" 644 <<CONF
$user
daemon off;
worker_processes 2;
pid "$LOCAL/nginx/pid";
working_directory "$LOCAL/nginx";
events { worker_connections 4096; }
http {
  types { image/jpeg jpg jpeg; image/png png; image/tiff tif; text/html html; }
  default_type application/octet-stream;
  access_log off;
  sendfile on;
  tcp_nopush on;
  client_body_temp_path "$LOCAL/nginx/body";
  proxy_temp_path "$LOCAL/nginx/proxy";
  fastcgi_temp_path "$LOCAL/nginx/other";
  uwsgi_temp_path "$LOCAL/nginx/other";
  scgi_temp_path "$LOCAL/nginx/other";

  # The origin that the sample images are fetched from.
  server { listen 127.0.0.1:$ORIGIN_PORT; root "$LOCAL/samples"; autoindex on; }

$edge
}
CONF
}

# Everything that runs, the edge first, so that nobody is served by half of a system.
stop_all() {
  local name
  end_edge
  for name in "${SERVICES[@]}"; do
    service_process "$name"
    ! PID=$(process_pid "$PIDFILE" "$MARKER") || kill -TERM "$PID" 2>/dev/null || true
  done
  for name in "${SERVICES[@]}"; do
    service_process "$name"
    process_end "$PIDFILE" "$MARKER" TERM 40
  done
  # Never begun is as good as stopped, also where the programs are not installed.
  [[ ! -d $LOCAL/rabbitmq/mnesia ]] || "$ROOT/deploy/local/lib/rabbitmq" stop "$LOCAL/rabbitmq" "$RABBITMQ_PORT"
  [[ ! -d $LOCAL/postgres/data ]] || "$ROOT/deploy/local/lib/postgres" stop "$LOCAL/postgres" "$POSTGRES_PORT"
  rm -f "$RUN"/{postgres,rabbitmq}.pid
}
