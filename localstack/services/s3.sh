# shellcheck shell=bash disable=SC2034,SC2154 # sourced by `up`, after lib.sh
# S3: LocalStack on the host, with its S3 service only.

s3_port=${SEALIFT_S3_PORT:-4566}
s3_port_variable=SEALIFT_S3_PORT
s3_venv=$state/venv

# What is installed, and where: its scripts name their interpreter by absolute path, so a moved checkout installs anew.
s3_wanted() {
  printf '%s\n' "$s3_venv"
  "$python" --version
  cat "$here/requirements.txt"
}

s3_install() {
  local began=$SECONDS
  if "$s3_venv/bin/python" -c '' 2>/dev/null && s3_wanted | cmp -s - "$s3_venv/installed"; then
    return
  fi
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    die "s3: needs Python 3.11 or later, and $python is $("$python" --version). Set SEALIFT_PYTHON to a newer one"
  say "s3: installing LocalStack into $s3_venv (once, takes about a minute)"
  # The first thing this removes is the stamp `installed`, the last thing written: an install cut short is begun again.
  rm -f "$s3_venv/installed"
  "$python" -m venv --clear "$s3_venv" || die "s3: cannot make a virtualenv (Debian and Ubuntu: apt install python3-venv)"
  "$s3_venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --no-compile \
    -r "$here/requirements.txt" >"$state/install.log" 2>&1 || {
    tail -n 40 "$state/install.log" >&2
    die "s3: pip could not install what localstack/requirements.txt names; the output above is also in $state/install.log"
  }
  s3_wanted >"$s3_venv/installed"
  say "s3: installed after $((SECONDS - began)) s"
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
