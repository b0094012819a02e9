#!/usr/bin/env bash
# The same trivial work three times: by the ring, by a loop of the bare git work of it, and by pueue.

ring=${RING:-1000}
seats=8

# What the ring does for one bead, without a record, a retry, or a look at what others land.
# A file, because pueue hands no function of this shell on.
one=$place/one
cat >"$one" <<'END'
#!/usr/bin/env bash
git worktree add --quiet -b "w$1" "../w$1" main
(cd "../w$1" && sh -c "echo $1 > f$1.txt" && git add -A && git commit --quiet -m "bead $1" && sh -c true)
flock ../merge.lock sh -c "
  tree=\$(git merge-tree --write-tree main w$1) &&
  commit=\$(git commit-tree -p main -p w$1 -m 'merge $1' \$tree) &&
  git update-ref refs/heads/main \$commit"
git worktree remove --force "../w$1"
END
chmod +x "$one"
count() { git -C "$1" ls-tree --name-only main | grep -c '^f[0-9]*\.txt$' || true; }

town ring "$seats"
{
  echo 'title = "ring"'
  for i in $(seq "$ring"); do
    printf '\n[[bead]]\nid = "b%s"\ntitle = "bead %s"\nrun = "echo %s > f%s.txt"\n' "$i" "$i" "$i" "$i"
  done
} >"$place/ring/plan.toml"
from=$(now_us)
goal=$(gtd goal --plan "$place/ring/plan.toml" -q | head -1)
gtd wait "$goal" --timeout 1200s >/dev/null 2>&1 || true
by_ring=$(($(now_us) - from))
gtd down --now >/dev/null 2>&1

mkdir "$place/loop"
repository "$place/loop/repo"
cd "$place/loop/repo"
from=$(now_us)
seq "$ring" | xargs -P "$seats" -I{} "$one" {} 2>/dev/null || true
by_loop=$(($(now_us) - from))

row "$ring beads through the ring, $seats seats" "" "$((by_ring / 1000)) ms ($(count "$place/ring/repo") landed)"
row "the same git work by xargs -P $seats, without a record" "" "$((by_loop / 1000)) ms ($(count "$place/loop/repo") merged)"
row "ring against loop" "<= 1.3" "$(awk -v a=$by_ring -v b=$by_loop 'BEGIN { printf "%.2f x", a / b }')"
if has_pueue; then
  mkdir "$place/queued"
  repository "$place/queued/repo"
  cd "$place/queued/repo"
  pueue_begin "$seats"
  from=$(now_us)
  seq "$ring" | xargs -P "$seats" -I{} pueue -c "$place/pueue.yml" add -- "$one" {} >/dev/null
  timeout 1200 pueue -c "$place/pueue.yml" wait --quiet
  row "the same git work by pueue, 8 at once" "" "$((($(now_us) - from) / 1000)) ms ($(count "$place/queued/repo") merged)"
  pueue_end
else
  row "the same git work by pueue" "" "NOT RUN (not installed)"
fi
