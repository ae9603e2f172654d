# shellcheck shell=bash
# Where everything of local mode is: folders, ports, services and what each is told.

ROOT=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../../..")
LOCAL=$ROOT/.local
RUN=$LOCAL/run LOG=$LOCAL/log BIN=$LOCAL/bin

# Added to every port, for a second installation on the same machine.
OFFSET=${DLCS_LOCAL_PORT_OFFSET:-$(cat "$LOCAL/port-offset" 2>/dev/null || echo 0)}
EDGE_PORT=$((8080 + OFFSET)) ORIGIN_PORT=$((8090 + OFFSET))
POSTGRES_PORT=$((8432 + OFFSET)) RABBITMQ_PORT=$((8672 + OFFSET))

# In the order they are started: the gateway migrates the database.
SERVICES=(gateway fetcher processor status images)
declare -A LISTEN_PORT=([gateway]=$((8081 + OFFSET)) [status]=$((8082 + OFFSET)) [images]=$((8083 + OFFSET)))
declare -A ADMIN_PORT=([gateway]=$((9081 + OFFSET)) [status]=$((9082 + OFFSET)) [images]=$((9083 + OFFSET))
  [fetcher]=$((9085 + OFFSET)) [processor]=$((9086 + OFFSET)))

URL=http://localhost:$EDGE_PORT
IMAGES_URL=http://127.0.0.1:${LISTEN_PORT[images]}

# The first administrator's key and secret: made once, then kept.
admin_credentials() {
  [[ -f $LOCAL/admin ]] || printf '%s\n%s\n' "$(random_word)" "$(random_word)$(random_word)" | write_file "$LOCAL/admin" 600
  { read -r ADMIN_KEY && read -r ADMIN_SECRET; } <"$LOCAL/admin"
}

# What seals stored credentials: made once, then kept.
vault_key() {
  [[ -f $LOCAL/vault-keys ]] || echo "local:$(head -c 32 /dev/urandom | base64 -w 0)" | write_file "$LOCAL/vault-keys" 600
}

# service_environment NAME: sets the array ENVIRONMENT to the settings of one service.
service_environment() {
  local name=$1
  ENVIRONMENT=("DLCS_ADMIN_LISTEN=127.0.0.1:${ADMIN_PORT[$name]}" "DLCS_LOG_FORMAT=pretty"
    "DLCS_PUBLIC_URL=$URL" "DLCS_STORAGE_URL=file://$LOCAL/storage" "DLCS_AMQP_URL=$AMQP_URL"
    "DLCS_WORK_DIR=$LOCAL/work/$name" NO_COLOR=1)
  [[ -z ${LISTEN_PORT[$name]:-} ]] || ENVIRONMENT+=("DLCS_LISTEN=127.0.0.1:${LISTEN_PORT[$name]}")
  case $name in
    gateway)
      ENVIRONMENT+=("DLCS_DATABASE_URL=$DATABASE_URL" "DLCS_ADMIN_KEY=$ADMIN_KEY" "DLCS_ADMIN_SECRET=$ADMIN_SECRET"
        "DLCS_VAULT_KEY_FILE=$LOCAL/vault-keys") ;;
    fetcher)
      ENVIRONMENT+=("DLCS_DATABASE_URL=$DATABASE_URL" "DLCS_FETCH_ALLOW_NETWORKS=${DLCS_FETCH_ALLOW_NETWORKS:-127.0.0.0/8}"
        "DLCS_VAULT_KEY_FILE=$LOCAL/vault-keys") ;;
    processor | status)
      ENVIRONMENT+=("DLCS_DATABASE_URL=$DATABASE_URL") ;;
    # Clients come by way of the edge, which says who they are.
    images) ENVIRONMENT+=("DLCS_HTTP_TRUST_FORWARDED=true" "DLCS_IMAGES_CLIENT_LIMIT=enforce") ;;
  esac
}

# service_process NAME: sets PIDFILE, LOGFILE and MARKER, by which processes.sh knows a process.
service_process() {
  PIDFILE=$RUN/$1.pid LOGFILE=$LOG/$1.log
  case $1 in
    postgres) MARKER=$LOCAL/postgres/data ;;
    rabbitmq) MARKER=RABBITMQ_MNESIA_BASE=$LOCAL/rabbitmq/mnesia ;;
    nginx) MARKER=$LOCAL/nginx/nginx.conf ;;
    *) MARKER=DLCS_LOCAL_PROCESS=$PIDFILE ;;
  esac
}
