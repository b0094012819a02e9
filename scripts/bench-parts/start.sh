#!/usr/bin/env bash
# From the hand-over of a goal to the first line of its agent's process.

town start
gtd goal "warm" --run 'echo warm > warm' --wait --progress quiet >/dev/null
for i in $(seq 11); do
  from=$(now_us)
  goal=$(gtd goal "start $i" --run "date +%s%6N > started" -q | head -1)
  gtd wait "$goal" --timeout 60s >/dev/null 2>&1
  echo $(($(git show main:started) - from))
done | sort -n >"$place/started"
row "submit to the start of the agent's process" "<= 30 ms" \
  "$(awk '{ t[NR] = $1 } END { printf "%.1f ms (worst %.1f)", t[6] / 1000, t[NR] / 1000 }' "$place/started")"
gtd down --now >/dev/null 2>&1

if has_pueue; then
  pueue_begin 8
  for i in $(seq 11); do
    rm -f "$place/started"
    from=$(now_us)
    pueue -c "$place/pueue.yml" add -- "date +%s%6N > $place/started.$i" >/dev/null
    pueue -c "$place/pueue.yml" wait --quiet
    echo $(($(cat "$place/started.$i") - from))
  done | sort -n >"$place/queued-start"
  row "the same by pueue, without a worktree" "" \
    "$(awk '{ t[NR] = $1 } END { printf "%.1f ms (worst %.1f)", t[6] / 1000, t[NR] / 1000 }' "$place/queued-start")"
  pueue_end
else
  row "the same by pueue" "" "NOT RUN (not installed)"
fi
