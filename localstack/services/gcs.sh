# shellcheck shell=bash disable=SC2034,SC2154 # sourced by `up`, after lib.sh
# Google Cloud Storage, its JSON API: gcp-storage-emulator, in memory, with the corrections of gcs.py.

gcs_port=${SEALIFT_GCS_PORT:-9023}
gcs_port_variable=SEALIFT_GCS_PORT
gcs_venv=$state/venv-gcs
gcs_tls=$state/tls # client.pem is the authority, server.pem and server.key are for 127.0.0.1

gcs_install() {
  install_python gcs "$gcs_venv" "$here/requirements-gcs.txt" "gcp-storage-emulator, google-cloud-storage and gsutil"
  mkdir -p "$state/bin"
  ln -sf "$gcs_venv/bin/gsutil" "$state/bin/gsutil"
  if [[ ! -e $gcs_tls/client.pem ]]; then # the last one written
    mkdir -p "$gcs_tls"
    "$gcs_venv/bin/python" -I -m trustme --quiet --dir "$gcs_tls" --identities "$host" localhost
  fi
}

gcs_start() {
  spawn gcs "$gcs_port" PATH="$PATH" LANG=C.UTF-8 PYTHONUNBUFFERED=1 TMPDIR="$state/data/gcs" \
    -- "$gcs_venv/bin/python" -I "$here/services/gcs.py" "$host" "$gcs_port" "$gcs_tls/server.pem" "$gcs_tls/server.key"
}

gcs_healthy() {
  "$python" -I -c '
import http.client, json, sys
connection = http.client.HTTPConnection(sys.argv[1], int(sys.argv[2]), timeout=5)
connection.request("GET", "/storage/v1/b")
sys.exit(json.load(connection.getresponse())["kind"] != "storage#buckets")' "$host" "$gcs_port" 2>/dev/null
}

gcs_env() {
  printf 'export SEALIFT_TEST_GCS_ENDPOINT=%q\n' "http://$host:$gcs_port"
}
