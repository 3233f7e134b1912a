# shellcheck shell=bash
# Shared by `up` and `down`, which source it: how any emulator is started, recognised, waited for and stopped. What is
# particular to one of them is in services/NAME.sh. Works with bash 3.2, which is what macOS has.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
state=$here/.state # everything made at run time
host=127.0.0.1
referee_secret=a-secret-that-must-not-be-shown # of those referees that can be told one; the tests look for it in all output

say() { printf '%s\n' "$*" >&2; }

die() {
  say "error: $*"
  exit 1
}

# Python makes the virtualenvs and does what bash cannot. The interpreter itself, since `python3` may be a wrapper that
# needs more of the environment than an emulator is given.
python=$("${SEALIFT_PYTHON:-python3}" -c 'import sys; print(sys.executable)') ||
  die "cannot run ${SEALIFT_PYTHON:-python3}. Install Python 3, or set SEALIFT_PYTHON to where it is"

# One `up` or `down` at a time. Descriptor 9 holds the lock, so it ends with this process, however that ends.
take_lock() {
  exec 9<"$here"
  "$python" -c '
import fcntl, sys
try:
    fcntl.flock(9, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    print("waiting for another up or down to finish", file=sys.stderr)
    fcntl.flock(9, fcntl.LOCK_EX)'
}

# spawn NAME PORT VARIABLE=VALUE… -- COMMAND…: starts an emulator in a session of its own, with these variables and no
# others, and none of our descriptors. Its output goes to NAME.log; NAME.pid gets its process id, its port, the arguments
# it is recognised by (not the command, which macOS shows under another name for some Pythons), and the signal that ends it
# (`end_by`, TERM where it is not set).
spawn() {
  local name=$1 port=$2 variables=()
  shift 2
  while [[ $1 != -- ]]; do
    variables+=("$1")
    shift
  done
  shift
  env -i "${variables[@]}" "$python" -I -c '
import os, sys
os.setsid()
os.closerange(3, 1024)
os.execv(sys.argv[1], sys.argv[1:])' "$@" </dev/null >"$state/$name.log" 2>&1 &
  printf '%s\n' "$!" "$port" "${*:2}" "${end_by:-TERM}" >"$state/$name.pid"
}

command_line() { # PID
  if [[ -d /proc/self ]]; then
    tr '\0' ' ' <"/proc/$1/cmdline"
  else
    ps -ww -o args= -p "$1"
  fi
}

# pid_of NAME: prints the process id, if what NAME.pid names is alive and is what we started. The number alone proves
# nothing: another process may have it by now.
pid_of() {
  local pid='' port='' arguments='' seen
  { read -r pid && read -r port && read -r arguments; } 2>/dev/null <"$state/$1.pid" || return 1
  [[ $pid =~ ^[1-9][0-9]*$ && -n $port && -n $arguments ]] || return 1
  seen=$(command_line "$pid" 2>/dev/null) || return 1
  [[ ${seen% } == *" $arguments" ]] || return 1
  printf '%s\n' "$pid"
}

# Whether at most a process's entry in the table is left: it may outlive its command line, still closing files and sockets,
# and its entry stays for as long as nobody asks how it ended.
ended() { # PID
  local status
  if [[ -d /proc/self ]]; then
    status=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
    status=${status##*) }
  else
    status=$(ps -o stat= -p "$1") || return 0
  fi
  [[ $status == [ZX]* ]]
}

ended_within() { # SECONDS PID
  local deadline=$((SECONDS + $1))
  until ended "$2"; do
    ((SECONDS < deadline)) || return 1
    sleep 0.1
  done
}

# stop NAME: ends its whole process group. Returns 1 if nothing of ours was running.
stop() {
  local name=$1 pid signal
  if ! pid=$(pid_of "$name"); then
    rm -f "$state/$name.pid"
    return 1
  fi
  signal=$(sed -n 4p "$state/$name.pid")
  kill "-${signal:-TERM}" -- "-$pid" 2>/dev/null || true
  ended_within 15 "$pid" || say "$name: still running 15 s after SIG${signal:-TERM}, killing it"
  kill -KILL -- "-$pid" 2>/dev/null || true # also for children that outlive their leader
  ended_within 5 "$pid" || die "$name: process $pid does not end"
  rm -f "$state/$name.pid"
}

# Exits, saying why, unless an emulator could listen there.
need_port() { # NAME PORT VARIABLE
  local why
  why=$("$python" -I -c '
import socket, sys
address = sys.argv[1], int(sys.argv[2])
try:
    socket.create_connection(address, timeout=2).close()
    sys.exit("another process listens on it")
except OSError:
    pass
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
try:
    listener.bind(address)
except OSError as error:
    sys.exit(error.strerror)' "$host" "$2" 2>&1) ||
    die "$1: port $2 on $host cannot be used: $why. Free it, or choose another: $3=PORT localstack/up"
}

# What a virtualenv holds, and where: its scripts name their interpreter by absolute path, so a moved checkout installs anew.
python_wanted() { # VENV REQUIREMENTS
  printf '%s\n' "$1"
  "$python" --version
  cat "$2"
}

# Installs what the file REQUIREMENTS names, unless VENV holds exactly that.
install_python() { # NAME VENV REQUIREMENTS WHAT
  local began=$SECONDS
  if "$2/bin/python" -c '' 2>/dev/null && python_wanted "$2" "$3" | cmp -s - "$2/installed"; then
    return
  fi
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    die "$1: needs Python 3.11 or later, and $python is $("$python" --version). Set SEALIFT_PYTHON to a newer one"
  say "$1: installing $4 into $2 (once)"
  # The first thing this removes is the stamp `installed`, the last thing written: an install cut short is begun again.
  rm -f "$2/installed"
  "$python" -m venv --clear "$2" || die "$1: cannot make a virtualenv (Debian and Ubuntu: apt install python3-venv)"
  "$2/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --no-compile \
    -r "$3" >"$state/install.log" 2>&1 || {
    tail -n 40 "$state/install.log" >&2
    die "$1: pip could not install what $3 names; the output above is also in $state/install.log"
  }
  python_wanted "$2" "$3" >"$2/installed"
  say "$1: installed after $((SECONDS - began)) s"
}

# Sets `node`: Node itself, since `node` may be a wrapper that needs more of the environment than an emulator is given.
find_node() { # NAME
  node=$("${SEALIFT_NODE:-node}" -p process.execPath) ||
    die "$1: cannot run ${SEALIFT_NODE:-node}. Install Node.js 20 or later, or set SEALIFT_NODE to where it is"
}

npm_wanted() { # FROM
  printf '%s\n' "$node"
  "$node" --version
  cat "$1/package.json" "$1/package-lock.json"
}

# Installs what the lock file in the folder FROM names, unless INTO holds exactly that; then runs THEN, if it is given.
install_npm() { # NAME INTO FROM WHAT [THEN]
  local began=$SECONDS npm=${SEALIFT_NPM:-npm}
  if npm_wanted "$3" | cmp -s - "$2/installed"; then
    return
  fi
  say "$1: installing $4 into $2 (once)"
  rm -rf "${2:?}"
  mkdir -p "$2"
  cp "$3/package.json" "$3/package-lock.json" "$2"
  # Nothing of what these packages would run at installation is needed, so nothing is run.
  (cd "$2" && "$npm" ci --ignore-scripts --no-audit --no-fund --loglevel error) >"$state/install.log" 2>&1 || {
    tail -n 40 "$state/install.log" >&2
    die "$1: npm could not install what $3/package.json names; the output above is also in $state/install.log"
  }
  ${5:-true}
  npm_wanted "$3" >"$2/installed"
  say "$1: installed after $((SECONDS - began)) s"
}

# Whether URL answers with this status and these words. For TLS, CA is the file of its authority.
answers_with() { # URL STATUS WORDS [CA]
  "$python" -I -c '
import ssl, sys, urllib.error, urllib.request
url, status, words, authority = sys.argv[1:]
try:
    answer = urllib.request.build_opener(
        urllib.request.ProxyHandler({}),
        urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=authority or None)),
    ).open(url, timeout=5)
except urllib.error.HTTPError as error:
    answer = error
sys.exit(answer.status != int(status) or words not in answer.read().decode())' "$1" "$2" "$3" "${4:-}" 2>/dev/null
}

# bring_up NAME: when this returns, the emulator described in services/NAME.sh runs and answers. That file sets NAME_port and
# NAME_port_variable, and defines NAME_install, NAME_start (calls spawn), NAME_healthy (asks once) and NAME_env (prints the
# exports).
bring_up() {
  local name=$1 port=${1}_port variable=${1}_port_variable running_on deadline began
  port=${!port} variable=${!variable}
  if [[ ! $port =~ ^[1-9][0-9]{0,4}$ ]] || ((port > 65535)); then
    die "$variable=$port is not a port number"
  fi
  mkdir -p "$state"

  if pid_of "$name" >/dev/null; then
    running_on=$(sed -n 2p "$state/$name.pid")
    [[ $running_on == "$port" ]] ||
      die "$name: already running, on port $running_on. Set $variable=$running_on, or run localstack/down first"
    if "${name}_healthy"; then
      say "$name: already running on $host:$port"
      return
    fi
    say "$name: already running on $host:$port, but does not answer yet"
    began=$SECONDS
  else
    need_port "$name" "$port" "$variable"
    "${name}_install"
    rm -rf "${state:?}/data/$name" # left by a run that was killed; an emulator starts empty
    mkdir -p "$state/data/$name"
    began=$SECONDS
    # shellcheck disable=SC2064 # the name as it is now
    trap "stop $name || true" EXIT # an emulator that did not come up is not left behind
    "${name}_start"
  fi

  deadline=$((began + 90))
  until "${name}_healthy"; do
    pid_of "$name" >/dev/null || not_up "$name" "ended while starting"
    ((SECONDS < deadline)) || not_up "$name" "does not answer on $host:$port after 90 s"
    sleep 0.3
  done
  pid_of "$name" >/dev/null || not_up "$name" "ended, and something else answers on $host:$port"
  trap - EXIT
  say "$name: ready on $host:$port after $((SECONDS - began)) s"
}

not_up() { # NAME WHAT
  say "--- the end of $state/$1.log:"
  tail -n 30 "$state/$1.log" >&2 || true
  say "---"
  stop "$1" || true
  die "$1: $2"
}
