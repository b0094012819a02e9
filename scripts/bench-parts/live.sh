#!/usr/bin/env bash
# What a town costs while 200 agents live, and while nothing is ready.

town live 200
{
  echo 'title = "live"'
  for i in $(seq 200); do
    printf '\n[[bead]]\nid = "b%s"\ntitle = "bead %s"\nrun = "while :; do sleep 600; done"\n' "$i" "$i"
  done
} >"$place/live/plan.toml"
pid=$(daemon_pid)
row "memory of the daemon with nothing to do" "" "$(rss_mib "$pid") MiB"
row "processor of an idle town, of one core" "< 0.5 %" "$(core_share "$pid" 10)"
from=$(now_us)
goal=$(gtd goal --plan "$place/live/plan.toml" -q | head -1)
until [ "$(gtd ps --json | grep -o '"state": *"running"' | wc -l)" -ge 200 ] || [ $(($(now_us) - from)) -gt 120000000 ]; do sleep 0.2; done
row "from the goal to 200 live runs" "" "$(ms_since "$from") ($(pgrep -c gtd-shim || true) shims)"
sleep 5
row "memory of the daemon with 200 live runs" "" "$(rss_mib "$pid") MiB"
row "memory of one shim (its own part)" "" "$(awk '/Pss:/ { s += $2 } END { print s " KiB" }' "/proc/$(pgrep gtd-shim | head -1)/smaps_rollup")"
row "processor of the daemon with 200 silent runs, of one core" "" "$(core_share "$pid" 10)"
row "status with 200 live runs" "" "$(times 21 gtd status)"
gtd stop "$goal" >/dev/null 2>&1 || true
gtd stop --all -m "end of the measurement" >/dev/null 2>&1 || true
gtd down --now >/dev/null 2>&1 || true
