# shellcheck shell=bash disable=SC2034,SC2154 # sourced by `up`, after lib.sh
# A referee: localbucket, S3 on a folder.

localbucket_port=${SEALIFT_LOCALBUCKET_PORT:-4640}
localbucket_port_variable=SEALIFT_LOCALBUCKET_PORT
localbucket_venv=$state/venv-localbucket

localbucket_install() {
  install_python localbucket "$localbucket_venv" "$here/requirements-localbucket.txt" localbucket
}

localbucket_start() {
  local data=$state/data/localbucket
  spawn localbucket "$localbucket_port" PATH="$PATH" LANG=C.UTF-8 PYTHONUNBUFFERED=1 HOME="$data" TMPDIR="$data" \
    -- "$localbucket_venv/bin/python" -I "$localbucket_venv/bin/localbucket" \
    --host "$host" --port "$localbucket_port" "$data"
}

localbucket_healthy() {
  answers_with "http://$host:$localbucket_port" 200 ListAllMyBucketsResult
}

localbucket_env() {
  printf 'export SEALIFT_TEST_REFEREE_LOCALBUCKET=%q\n' "http://$host:$localbucket_port"
}
