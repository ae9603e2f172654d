# shellcheck shell=bash
# Sample images: photographs out of a Debian package, served by the edge's second port, registered as a batch.

SAMPLES_PACKAGE=mate-backgrounds
SAMPLES=(nature/Aqua.jpg nature/Blinds.jpg nature/Dune.jpg nature/Garden.jpg nature/LadyBird.jpg nature/RainDrops.jpg
  nature/TwoWings.jpg nature/Wood.jpg abstract/Elephants_5640x3172.jpg abstract/Flow.png)

prepare_samples() {
  fetch_samples || {
    warn "the sample images could not be fetched (package $SAMPLES_PACKAGE); everything else is ready"
    return
  }
  local missing
  missing=$(missing_samples)
  if [[ -z $missing ]]; then return; fi
  register_samples "$missing"
}

fetch_samples() {
  local folder=$LOCAL/samples work=$LOCAL/samples.new file
  compgen -G "$folder/*.jpg" >/dev/null && return
  say "fetching sample images (package $SAMPLES_PACKAGE, 45 MB)"
  rm -rf "$work" && mkdir -p "$work"
  # Without package lists, as on a new machine, there is nothing to download from.
  download_package "$work" || { update_package_lists && download_package "$work"; } || return 1
  dpkg-deb --fsys-tarfile "$work/$SAMPLES_PACKAGE"_*.deb |
    tar -x -C "$work" --strip-components=6 "${SAMPLES[@]/#/./usr/share/backgrounds/mate/}" || return 1
  for file in "${SAMPLES[@]##*/}"; do mv "$work/$file" "$folder/${file,,}"; done
  rm -rf "$work"
}

download_package() { (cd "$1" && apt-get -qq download "$SAMPLES_PACKAGE" </dev/null >"$LOG/samples.log" 2>&1); }

# The names of the samples that are not served yet, one a line.
missing_samples() {
  local file id
  for file in "$LOCAL"/samples/*.*; do
    id=$(sample_id "$file")
    answers "$IMAGES_URL/iiif-img/$DLCS_CUSTOMER/$DLCS_SPACE/$id/info.json" || basename "$file"
  done
}

sample_id() {
  local name=${1##*/}
  echo "${name%.*}"
}

register_samples() {
  local body batch name
  body=$(while read -r name; do
    jq -n --arg id "$(sample_id "$name")" --arg origin "http://127.0.0.1:$ORIGIN_PORT/$name" \
      --argjson space "$DLCS_SPACE" '{id: $id, space: $space, origin: $origin, tags: ["sample"]}'
  done <<<"$1" | jq -s '{"@type": "Collection", member: .}')
  say "registering $(wc -l <<<"$1") sample images"
  batch=$(api "$DLCS_KEY:$DLCS_SECRET" POST "/customers/$DLCS_CUSTOMER/queue" "$body") || fail "the samples were refused: $batch"
  BATCH=$(jq -r '."@id"' <<<"$batch")
  wait_for 300 "the samples" batch_finished || fail "the samples are not finished after 300 s: see $LOG"
}

batch_finished() {
  local batch errors
  # Asked twice a second, and quietly: what does not answer now may do so the next time.
  sleep 0.4
  batch=$(api "$DLCS_KEY:$DLCS_SECRET" GET "/${BATCH#*://*/}" 2>>"$LOG/samples.log") || return 1
  jq -e .finished <<<"$batch" >/dev/null || return 1
  errors=$(jq -r .errors <<<"$batch")
  ((errors == 0)) || warn "$errors of the samples failed: curl -u \"\$DLCS_KEY:\$DLCS_SECRET\" $BATCH/errorImages"
}
