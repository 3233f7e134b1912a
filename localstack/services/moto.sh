# shellcheck shell=bash disable=SC2034,SC2154 # sourced by `up`, after lib.sh
# A referee: moto's server, S3 in memory.

moto_port=${SEALIFT_MOTO_PORT:-4610}
moto_port_variable=SEALIFT_MOTO_PORT
moto_venv=$state/venv-moto

moto_install() {
  install_python moto "$moto_venv" "$here/requirements-moto.txt" "moto's server"
}

moto_start() {
  local data=$state/data/moto
  spawn moto "$moto_port" PATH="$PATH" LANG=C.UTF-8 PYTHONUNBUFFERED=1 HOME="$data" TMPDIR="$data" \
    -- "$moto_venv/bin/python" -I "$moto_venv/bin/moto_server" -H "$host" -p "$moto_port"
}

moto_healthy() {
  answers_with "http://$host:$moto_port/moto-api/" 200 ''
}

moto_env() {
  printf 'export SEALIFT_TEST_REFEREE_MOTO=%q\n' "http://$host:$moto_port"
}
