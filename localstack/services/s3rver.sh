# shellcheck shell=bash disable=SC2034,SC2154 # sourced by `up`, after lib.sh
# A referee: s3rver, S3 on a folder.

s3rver_port=${SEALIFT_S3RVER_PORT:-4630}
s3rver_port_variable=SEALIFT_S3RVER_PORT
s3rver_npm=$state/npm-s3rver

s3rver_install() {
  find_node s3rver
  install_npm s3rver "$s3rver_npm" "$here/s3rver" s3rver
}

s3rver_start() {
  local data=$state/data/s3rver
  mkdir -p "$data"/{home,buckets}
  spawn s3rver "$s3rver_port" PATH="$PATH" HOME="$data/home" TMPDIR="$data/home" \
    -- "$node" "$s3rver_npm/node_modules/s3rver/bin/s3rver.js" \
    --address "$host" --port "$s3rver_port" --directory "$data/buckets"
}

s3rver_healthy() {
  answers_with "http://$host:$s3rver_port" 200 ListAllMyBucketsResult
}

s3rver_env() {
  printf 'export SEALIFT_TEST_REFEREE_S3RVER=%q\n' "http://$host:$s3rver_port"
}
