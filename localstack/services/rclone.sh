# shellcheck shell=bash disable=SC2034,SC2154 # sourced by `up`, after lib.sh
# A referee: `rclone serve s3` on a folder, twice: over HTTP, and over TLS with an authority of its own on a second port. Both
# show the same buckets.

rclone_port=${SEALIFT_RCLONE_PORT:-4620}
rclone_port_variable=SEALIFT_RCLONE_PORT
rclone_tls_port=${SEALIFT_RCLONE_TLS_PORT:-4621}
rclone_venv=$state/venv-rclone
rclone_tls=$state/tls-rclone # client.pem is the authority, server.pem and server.key are for 127.0.0.1

rclone_install() {
  install_python rclone "$rclone_venv" "$here/requirements-rclone.txt" rclone
  if [[ ! -e $rclone_tls/client.pem ]]; then # the last one written
    mkdir -p "$rclone_tls"
    "$rclone_venv/bin/python" -I -m trustme --quiet --dir "$rclone_tls" --identities "$host" localhost
  fi
}

rclone_start() {
  local data=$state/data/rclone
  need_port rclone "$rclone_tls_port" SEALIFT_RCLONE_TLS_PORT
  mkdir -p "$data"/{home,buckets}
  spawn rclone "$rclone_port" PATH="$PATH" HOME="$data/home" TMPDIR="$data/home" RCLONE_CONFIG=/dev/null \
    -- "$rclone_venv/bin/rclone" serve s3 --addr "http://$host:$rclone_port" --addr "tls://$host:$rclone_tls_port" \
    --cert "$rclone_tls/server.pem" --key "$rclone_tls/server.key" --auth-key "test,$referee_secret" "$data/buckets"
}

# To a request that is not signed it answers 400, in S3's words.
rclone_healthy() {
  answers_with "http://$host:$rclone_port" 400 '<Error>' &&
    answers_with "https://$host:$rclone_tls_port" 400 '<Error>' "$rclone_tls/client.pem"
}

rclone_env() {
  printf 'export SEALIFT_TEST_REFEREE_RCLONE=%q\n' "http://$host:$rclone_port"
  printf 'export SEALIFT_TEST_REFEREE_RCLONE_TLS=%q\n' "https://$host:$rclone_tls_port"
  printf 'export SEALIFT_TEST_REFEREE_RCLONE_CA=%q\n' "$rclone_tls/client.pem"
}
