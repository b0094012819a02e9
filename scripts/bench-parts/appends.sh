#!/usr/bin/env bash
# Durable writes a second over gRPC, by callers that each wait for their answers.

town appends
socket=$(gtd config path --json | sed -n 's/.*"socket": *"\([^"]*\)".*/\1/p')
for callers in 1 8 32; do
  goal=""
  [ "$callers" -lt 32 ] || goal=">= 15000"
  row "durable appends by $callers callers" "$goal" "$("$bin/examples/append_load" "$socket" repo "$callers" "${SECONDS_OF_LOAD:-5}")"
done
pid=$(daemon_pid)
row "memory of the daemon after that" "" "$(rss_mib "$pid") MiB"
gtd down --now >/dev/null 2>&1
