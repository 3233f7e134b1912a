# shellcheck shell=bash disable=SC2034,SC2154 # sourced by `up`, after lib.sh
# S3: LocalStack on the host, with its S3 service only.

s3_port=${SEALIFT_S3_PORT:-4566}
s3_port_variable=SEALIFT_S3_PORT
s3_venv=$state/venv

s3_install() {
  install_python s3 "$s3_venv" "$here/requirements.txt" LocalStack
}

s3_start() {
  local data=$state/data/s3
  mkdir -p "$data"/{home,tmp,objects}
  # HOME and XDG_CACHE_HOME: LocalStack finds its parts through a cache in the user's cache folder (macOS: under HOME), which
  # would otherwise be shared with every other LocalStack of this user, and a stale one makes it find none.
  # OVERRIDE_IN_DOCKER: in anything that looks like a container it would ignore the folders named here and use /var/lib.
  # The rest: S3 only, loaded before it says it is ready; no DNS server; nothing downloaded, nothing reported.
  spawn s3 "$s3_port" \
    PATH="$PATH" LANG=C.UTF-8 PYTHONUNBUFFERED=1 \
    HOME="$data/home" XDG_CACHE_HOME="$state/cache" TMPDIR="$data/tmp" \
    CONFIG_DIR="$data/home" LOCALSTACK_VOLUME_DIR="$data/volume" FILESYSTEM_ROOT="$state/cache/root" \
    OVERRIDE_IN_DOCKER=0 \
    SERVICES=s3 EAGER_SERVICE_LOADING=1 \
    GATEWAY_LISTEN="$host:$s3_port" LOCALSTACK_HOST="$host:$s3_port" DNS_ADDRESS=0 \
    DISABLE_EVENTS=1 SKIP_SSL_CERT_DOWNLOAD=1 LS_LOG="${LS_LOG:-}" \
    -- "$s3_venv/bin/python" -I "$here/services/s3.py" "$host" "$data/objects"
}

s3_healthy() {
  "$python" -I -c '
import http.client, json, sys
connection = http.client.HTTPConnection(sys.argv[1], int(sys.argv[2]), timeout=5)
connection.request("GET", "/_localstack/health")
status = json.load(connection.getresponse())["services"]["s3"]
sys.exit(status not in ("available", "running"))' "$host" "$s3_port" 2>/dev/null
}

s3_env() {
  cat <<EOF
export AWS_ENDPOINT_URL_S3=http://$host:$s3_port
export AWS_ACCESS_KEY_ID=test
export AWS_SECRET_ACCESS_KEY=test
export AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1
EOF
}
