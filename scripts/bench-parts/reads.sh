#!/usr/bin/env bash
# Whole processes of gtd at some sizes of the town, beside pueue with as many tasks.

never=2099-01-01T00:00:00Z
town reads
row "a process that does nothing (floor)" "" "$(times 51 true)"
row "gtd --version (no daemon)" "" "$(times 51 gtd --version)"
row "gtd version --json (one call)" "" "$(times 51 gtd version --json)"
have=0
for size in ${SIZES:-100 10000}; do
  from=$(now_us)
  seq $((size - have)) | xargs -P 32 -I{} gtd bead create "bead {}" --defer $never -q >/dev/null
  row "creates/s by 32 processes, $have to $size beads" ">= 500" "$(((size - have) * 1000000 / ($(now_us) - from + 1)))/s"
  have=$size
  pid=$(daemon_pid)
  row "status at $size beads" "<= 6, 10 ms" "$(times 21 gtd status)"
  row "bead list at $size beads" "<= 6, 10 ms" "$(times 21 gtd bead list)"
  row "bead create at $size beads" "<= 5 ms" "$(times 21 gtd bead create one-more --defer $never)"
  row "why of one bead at $size beads" "" "$(times 21 gtd why "$(gtd bead list -q -L 1 | head -1)")"
  row "memory of the daemon at $size beads" "<= 60 (10k)" "$(rss_mib "$pid") MiB"
  row "processor of this town at rest, of one core" "< 0.5 %" "$(core_share "$pid" 10)"
done
gtd down --now >/dev/null 2>&1

if has_pueue; then
  pueue_begin 8
  have=0
  for size in 100 1000; do
    seq $((size - have)) | xargs -P 32 -I{} pueue -c "$place/pueue.yml" add --stashed -- true >/dev/null
    have=$size
    row "pueue status at $size tasks" "" "$(times 21 pueue -c "$place/pueue.yml" status)"
    row "pueue add at $size tasks" "" "$(times 21 pueue -c "$place/pueue.yml" add --stashed -- true)"
  done
  pueue_end
else
  row "pueue status and add" "" "NOT RUN (not installed)"
fi
