#!/usr/bin/env bash
# What all parts of scripts/bench share: the programs, a place that goes away, rows and times.

cargo build --quiet --release --locked --workspace --bins --examples
target=$(cd "${CARGO_TARGET_DIR:-target}" && pwd)
bin=$target/release
project=$PWD
place=$(mktemp -d "${TMPDIR:-/tmp}/gtd-bench-XXXXXX")
unset GTD_TOWN GTD_HOST GTD_DIR GTD_RIG GTD_AGENT GTD_FAULT
export GTD_GTDD="$bin/gtdd" GTD_SHIM="$bin/gtd-shim" PATH="$bin:$PATH:$target/peers/bin"
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
towns=()

cleanup() {
  local town
  for town in "${towns[@]}"; do GTD_HOME=$town gtd down --now >/dev/null 2>&1 || true; done
  if has_pueue; then pueue -c "$place/pueue.yml" shutdown >/dev/null 2>&1 || true; fi
  rm -rf "$place"
}
trap cleanup EXIT

row() { printf '%-62s %-14s %s\n' "$1" "$2" "$3"; }
now_us() { echo $((${EPOCHREALTIME/[.,]/})); }
ms_since() { awk -v t=$(($(now_us) - $1)) 'BEGIN { printf "%.0f ms", t / 1000 }'; }
has_pueue() { command -v pueue >/dev/null && command -v pueued >/dev/null; }

# Prints the median and the worst of some runs of a command, in milliseconds: times RUNS COMMAND…
times() {
  local runs=$1 from
  shift
  for _ in $(seq "$runs"); do
    from=$(now_us)
    "$@" >/dev/null
    echo $(($(now_us) - from))
  done | sort -n | awk '{ t[NR] = $1 } END { printf "%.1f ms (worst %.1f)\n", t[int((NR + 1) / 2)] / 1000, t[NR] / 1000 }'
}

# Makes a repository whose branch main is not checked out, so that work may land on it.
repository() {
  git init --quiet --initial-branch=main "$1"
  git -C "$1" config user.name Bench
  git -C "$1" config user.email bench@example.invalid
  echo begin >"$1/README"
  git -C "$1" add -A
  git -C "$1" commit --quiet -m begin
  git -C "$1" checkout --quiet --detach
}

# Begins a town of its own with one rig, and goes into its repository: town NAME [SEATS]
town() {
  export GTD_HOME="$place/$1/home" GTD_ROLES__WORKER__MAX=${2:-8}
  towns+=("$GTD_HOME")
  mkdir -p "$place/$1"
  repository "$place/$1/repo"
  cd "$place/$1/repo"
  gtd init --no-detect --gate test=true >/dev/null 2>&1
}

daemon_pid() { gtd version --json | sed -n 's/.*"pid": *\([0-9]*\).*/\1/p'; }
rss_mib() { awk '/VmRSS/ { printf "%.0f", $2 / 1024 }' "/proc/$1/status"; }
ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }

# Prints how much of one core a process uses during some seconds: core_share PID SECONDS
core_share() {
  local was
  was=$(ticks "$1")
  sleep "$2"
  awk -v t=$(($(ticks "$1") - was)) -v hz="$(getconf CLK_TCK)" -v s="$2" 'BEGIN { printf "%.2f %%", t / hz / s * 100 }'
}

pueue_begin() {
  mkdir -p "$place/pueue/run"
  printf 'shared:\n  pueue_directory: %s\n  use_unix_socket: true\n  runtime_directory: %s\nclient: {}\ndaemon: {}\nprofiles: {}\n' \
    "$place/pueue" "$place/pueue/run" >"$place/pueue.yml"
  pueued -c "$place/pueue.yml" -d >/dev/null
  until pueue -c "$place/pueue.yml" status >/dev/null 2>&1; do sleep 0.05; done
  pueue -c "$place/pueue.yml" parallel "$1" >/dev/null
}

pueue_end() {
  local pid
  pid=$(cat "$place/pueue/run/pueue.pid")
  pueue -c "$place/pueue.yml" shutdown >/dev/null
  # It writes its state once more on its way out.
  while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
  rm -rf "$place/pueue"
}
