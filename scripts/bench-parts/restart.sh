#!/usr/bin/env bash
# The first answers after a start, in a town that has worked for long.

events=${EVENTS:-1000000}
export GTD_HOME="$place/long/home"
towns+=("$GTD_HOME")
mkdir -p "$place/long"
cd "$place/long"
"$bin/examples/long_log" "$GTD_HOME" "$events" $((events / 10)) 7 >/dev/null

# Starts the daemon and prints when the first read and the first write were answered: start_again TITLE
start_again() {
  local from read
  from=$(now_us)
  setsid gtdd >/dev/null 2>&1 &
  until gtd bead list -L 1 >/dev/null 2>&1; do sleep 0.01; done
  read=$(ms_since "$from")
  row "first read after $1, $events events" "<= 1000 ms" "$read"
  gtd --rig api bead create "first write" --defer 2099-01-01T00:00:00Z -q >/dev/null
  row "first write after $1" "<= 3000 ms" "$(ms_since "$from")"
}

start_again "a whole fold of the log"
pid=$(daemon_pid)
# A town that grew to this has sealed all the way; this one was written at once, and does it now.
from=$(now_us)
until [ "$(stat -c %s "$GTD_HOME/data/store/journal.jsonl")" -lt 67108864 ] || [ $(($(now_us) - from)) -gt 300000000 ]; do sleep 0.2; done
row "sealing all of it, while the town goes on" "" "$(ms_since "$from")"
gtd down --now >/dev/null 2>&1
start_again "a start in good order"
pid=$(daemon_pid)
row "memory of the daemon at $((events / 10)) beads" "" "$(rss_mib "$pid") MiB"
row "status at $((events / 10)) beads, most of them ended" "<= 10 ms" "$(times 21 gtd --rig api status)"
row "bead list at $((events / 10)) beads, most of them ended" "<= 10 ms" "$(times 21 gtd --rig api bead list)"
row "bead create at $((events / 10)) beads" "<= 5 ms" "$(times 21 gtd --rig api bead create more --defer 2099-01-01T00:00:00Z)"
kill -9 "$pid"
start_again "kill -9"
row "journal, database, both copies of the segments, index and snapshots on the disk" "" "$(du -sm "$GTD_HOME"/data/store/{journal.jsonl,sled,segments,segments-copy,requests.idx,snapshots} | awk '{ printf "%s%s MiB", sep, $1; sep = ", " }')"
gtd down --now >/dev/null 2>&1
