# shellcheck shell=bash
# A customer with a key and a space, made through the API as anybody would; and .local/env, which names them.

ENV_FILE=$LOCAL/env
CUSTOMER_NAME=local SPACE_NAME=samples

# api USER:PASSWORD METHOD PATH [BODY]: prints the answer's body; 1 if the answer is an error.
api() {
  local body=()
  [[ -z ${4:-} ]] || body=(-H 'Content-Type: application/json' -d "$4")
  curl -sS -m 60 --fail-with-body -u "$1" -X "$2" "${body[@]}" "$URL$3"
}

# The last segment of an answer's @id: the number of what was made.
number() { jq -r '."@id" | split("/") | last'; }

prepare_account() {
  # shellcheck source=/dev/null # written by an earlier run
  if [[ -f $ENV_FILE ]] && . "$ENV_FILE" && [[ -n ${DLCS_SPACE:-} ]] &&
    api "$DLCS_KEY:$DLCS_SECRET" GET "/customers/$DLCS_CUSTOMER/spaces/$DLCS_SPACE" >/dev/null 2>&1; then
    write_env
    return
  fi
  say "a customer, a key and a space"
  local admin=$ADMIN_KEY:$ADMIN_SECRET key
  DLCS_CUSTOMER=$(find_customer "$admin")
  key=$(api "$admin" POST "/customers/$DLCS_CUSTOMER/keys") || fail "no key could be made: $key"
  DLCS_KEY=$(jq -r .key <<<"$key") DLCS_SECRET=$(jq -r .secret <<<"$key")
  DLCS_SPACE=$(find_space "$DLCS_KEY:$DLCS_SECRET")
  write_env
}

# What an earlier run made and could not write down is found again by its name.
find_customer() { find_or_make "$1" /customers "{\"name\":\"$CUSTOMER_NAME\",\"displayName\":\"Local\"}" "$CUSTOMER_NAME"; }
find_space() { find_or_make "$1" "/customers/$DLCS_CUSTOMER/spaces" "{\"name\":\"$SPACE_NAME\"}" "$SPACE_NAME"; }

find_or_make() {
  local credentials=$1 path=$2 body=$3 name=$4 list found
  list=$(api "$credentials" GET "$path?pageSize=1000") || fail "$path cannot be read: $list"
  found=$(jq --arg name "$name" 'first(.member[] | select(.name == $name))' <<<"$list")
  if [[ -z $found ]]; then found=$(api "$credentials" POST "$path" "$body") || fail "$path refuses: $found"; fi
  number <<<"$found"
}

write_env() {
  write_file "$ENV_FILE" 600 <<ENV
export DLCS_URL='$URL'
export DLCS_IMAGES_URL='$IMAGES_URL'
export DLCS_ADMIN_KEY='$ADMIN_KEY'
export DLCS_ADMIN_SECRET='$ADMIN_SECRET'
export DLCS_CUSTOMER='$DLCS_CUSTOMER'
export DLCS_KEY='$DLCS_KEY'
export DLCS_SECRET='$DLCS_SECRET'
export DLCS_SPACE='$DLCS_SPACE'
export DLCS_DATABASE_URL='$DATABASE_URL'
export DLCS_AMQP_URL='$AMQP_URL'
export DLCS_SAMPLES_URL='http://127.0.0.1:$ORIGIN_PORT'
ENV
}
