# shellcheck shell=bash disable=SC2034,SC2154 # sourced by `up`, after lib.sh
# A referee: SeaweedFS, all of it in one process. S3 is on the port that is named; its other parts talk to each other on the
# seven ports after it.

seaweedfs_port=${SEALIFT_SEAWEEDFS_PORT:-4600}
seaweedfs_port_variable=SEALIFT_SEAWEEDFS_PORT
seaweedfs_venv=$state/venv-seaweedfs

seaweedfs_install() {
  install_python seaweedfs "$seaweedfs_venv" "$here/requirements-seaweedfs.txt" SeaweedFS
}

seaweedfs_start() {
  local data=$state/data/seaweedfs port=$seaweedfs_port other
  for other in 1 2 3 4 5 6 7; do
    need_port seaweedfs $((port + other)) "$seaweedfs_port_variable"
  done
  mkdir -p "$data"/{home,store}
  cat >"$data/keys.json" <<EOF
{"identities": [{"name": "tests", "actions": ["Admin", "Read", "Write", "List", "Tagging"],
  "credentials": [{"accessKey": "test", "secretKey": "$referee_secret"}]}]}
EOF
  # Nothing is reported, nothing served that is not asked for here. Every bucket takes some volumes, which are as large as
  # what is in them. It ends its connections for 15 s when it is asked to end, for data that is removed the next moment, so
  # it is not asked.
  end_by=KILL spawn seaweedfs "$port" PATH="$PATH" HOME="$data/home" TMPDIR="$data/home" \
    -- "$seaweedfs_venv/bin/weed" server -dir="$data/store" -ip="$host" -ip.bind="$host" -master.telemetry=false \
    -s3 -s3.port="$port" -s3.config="$data/keys.json" -s3.port.iceberg=0 -s3.port.lance=0 \
    -master.port=$((port + 1)) -master.port.grpc=$((port + 2)) -volume.port=$((port + 3)) -volume.port.grpc=$((port + 4)) \
    -filer -filer.port=$((port + 5)) -filer.port.grpc=$((port + 6)) -s3.port.grpc=$((port + 7)) \
    -volume.max=1000 -master.volumeSizeLimitMB=128
}

# S3 answers before there is a volume to store in.
seaweedfs_healthy() {
  answers_with "http://$host:$seaweedfs_port/healthz" 200 '' &&
    answers_with "http://$host:$((seaweedfs_port + 1))/dir/assign" 200 '"fid"'
}

seaweedfs_env() {
  printf 'export SEALIFT_TEST_REFEREE_SEAWEEDFS=%q\n' "http://$host:$seaweedfs_port"
}
