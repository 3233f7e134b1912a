# shellcheck shell=bash disable=SC2034,SC2154 # sourced by `up`, after lib.sh
# Azure Blob Storage: Azurite, in memory. Two of them, since one speaks either HTTP or TLS, and takes logins (bearer tokens)
# with TLS only: `azure` and `azure_tls`.

azure_port=${SEALIFT_AZURE_PORT:-10000}
azure_port_variable=SEALIFT_AZURE_PORT
azure_tls_port=${SEALIFT_AZURE_TLS_PORT:-10001}
azure_tls_port_variable=SEALIFT_AZURE_TLS_PORT
azure_npm=$state/npm
azure_venv=$state/venv-azure

azure_install() {
  install_python azure "$azure_venv" "$here/requirements-azure.txt" azure-storage-blob
  mkdir -p "$state/bin"
  find_node azure
  install_npm azure "$azure_npm" "$here" "Azurite and AzCopy" azure_tool
}

# Makes .state/bin/azcopy of what npm brought. It is for Linux on x86-64; elsewhere AzCopy is to be had otherwise.
azure_tool() {
  local program=$azure_npm/node_modules/@azure-tools/azcopy-linux/dist/bin/azcopy_linux_amd64 libraries=''
  rm -rf "$state/bin/azcopy" "$azure_npm/lib"
  [[ -e $program && $(uname -s -m) == 'Linux x86_64' ]] || return 0
  chmod +x "$program"
  # It is linked to libsecret, the desktop's keyring, and calls it only for what `azcopy login` has kept there. Where it is
  # missing, as on most servers, an empty library lets the program start.
  if ! "$program" --version >/dev/null 2>&1; then
    mkdir -p "$azure_npm/lib"
    if ! echo 'int sealift_empty;' |
      "${CC:-cc}" -shared -fPIC -Wl,-soname,libsecret-1.so.0 -o "$azure_npm/lib/libsecret-1.so.0" -x c -; then
      say "azure: no azcopy: it needs libsecret (Debian and Ubuntu: apt install libsecret-1-0), or a C compiler to do without"
      return 0
    fi
    libraries="LD_LIBRARY_PATH=$azure_npm/lib "
  fi
  printf '#!/bin/sh\n%sexec "%s" "$@"\n' "$libraries" "$program" >"$state/bin/azcopy"
  chmod +x "$state/bin/azcopy"
  "$state/bin/azcopy" --version >/dev/null || {
    rm -f "$state/bin/azcopy"
    say "azure: no azcopy: it does not start on this machine"
  }
}

azurite() { # NAME PORT OPTION…
  local name=$1 port=$2 data=$state/data/$1
  shift 2
  mkdir -p "$data/home"
  spawn "$name" "$port" PATH="$PATH" HOME="$data/home" TMPDIR="$data" \
    -- "$node" --require "$here/services/keep_alive.cjs" "$azure_npm/node_modules/azurite/dist/src/blob/main.js" \
    --blobHost "$host" --blobPort "$port" --inMemoryPersistence \
    --skipApiVersionCheck --disableTelemetry --silent "$@"
}

azure_start() {
  azurite azure "$azure_port"
}

# Without credentials it refuses, and says who it is.
azurite_healthy() { # URL
  "$python" -I -c '
import ssl, sys, urllib.error, urllib.request
try:
    urllib.request.urlopen(sys.argv[1], timeout=5, context=ssl.create_default_context(cafile=sys.argv[2] or None))
except urllib.error.HTTPError as error:
    sys.exit(not error.headers.get("Server", "").startswith("Azurite-Blob"))
sys.exit(1)' "$1/devstoreaccount1?comp=list" "${2:-}" 2>/dev/null
}

azure_healthy() {
  azurite_healthy "http://$host:$azure_port"
}

azure_env() {
  printf 'export SEALIFT_TEST_AZURE_ENDPOINT=%q\n' "http://$host:$azure_port/devstoreaccount1"
}

azure_tls_install() {
  azure_install
  gcs_install # for the certificate
}

azure_tls_start() {
  azurite azure_tls "$azure_tls_port" --cert "$gcs_tls/server.pem" --key "$gcs_tls/server.key" --oauth basic
}

azure_tls_healthy() {
  azurite_healthy "https://$host:$azure_tls_port" "$gcs_tls/client.pem"
}

azure_tls_env() {
  printf 'export SEALIFT_TEST_AZURE_TLS_ENDPOINT=%q\n' "https://$host:$azure_tls_port/devstoreaccount1"
  printf 'export SEALIFT_TEST_CA=%q\n' "$gcs_tls/client.pem"
}
