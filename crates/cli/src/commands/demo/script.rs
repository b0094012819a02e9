//! What is played: the shop, its gates and the plan, made from the seed. Pure.

use std::{collections::BTreeSet, fmt::Write as _, path::Path};

use super::Break;
use crate::exit::Exit;

/// The goods of all shops; the seed chooses.
const GOODS: [&str; 8] = [
    "plums", "figs", "quinces", "cherries", "peaches", "grapes", "melons", "dates",
];
/// The streets of all shops.
const STREETS: [&str; 5] = [
    "Mill Lane",
    "Harbour Row",
    "Bell Street",
    "The Green",
    "Low Gate",
];

/// A play: everything that differs from one demo to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Script {
    breaks: BTreeSet<Break>,
    goods: [&'static str; 2],
    street: &'static str,
    /// How long an agent pretends to think, in milliseconds.
    think_ms: u64,
}

impl Script {
    /// Writes the play of a seed.
    pub(super) fn new(seed: u64, speed: u32, breaks: BTreeSet<Break>) -> Self {
        let mut state = seed ^ 0x9e37_79b9_7f4a_7c15;
        let mut pick = |n: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            usize::try_from(state >> 33).map_or(0, |number| number % n)
        };
        let first = pick(GOODS.len());
        let second = (first + 1 + pick(GOODS.len() - 1)) % GOODS.len();
        let street = STREETS[pick(STREETS.len())];
        let think = 300 + 50 * u64::try_from(pick(5)).unwrap_or_default();
        Self {
            breaks,
            goods: [GOODS[first], GOODS[second]],
            street,
            think_ms: think / u64::from(speed),
        }
    }

    /// Tells whether something goes wrong in this play.
    pub(super) fn has(&self, what: Break) -> bool {
        self.breaks.contains(&what)
    }

    /// Returns the beads that must be handed in before the first gate goes on.
    pub(super) fn crowd(&self) -> [&'static str; 3] {
        [self.goods[1], "open", "closed"]
    }

    /// Returns the shop's own test suite.
    pub(super) fn suite() -> &'static str {
        "#!/bin/sh\n# Every line is a name and a number, no name stands twice, and one sign hangs out.\n\
         set -eu\n\
         awk 'NF != 2 || $2 !~ /^[0-9]+$/ { print \"bad line: \" $0; bad = 1 } \
         seen[$1]++ { print \"twice: \" $1; bad = 1 } END { exit bad }' stock.txt\n\
         if test -e open.txt && test -e closed.txt; then echo 'open and closed at once'; exit 1; fi\n"
    }

    /// Returns what holds the first gate until the crowd is there.
    pub(super) fn hold(cues: &Path) -> String {
        format!(
            "#!/bin/sh\n: > '{c}/held'\nn=0\n\
             until test -e '{c}/go' || test $n -ge 400; do sleep 0.05; n=$((n+1)); done\n",
            c = cues.display()
        )
    }

    /// Returns the gate that is red once when the seed's play says so.
    pub(super) fn scales(&self, cues: &Path) -> String {
        let cue = cues.join("scales-were-red");
        match self.has(Break::Gate) {
            true => format!(
                "#!/bin/sh\nif test -e shelf.txt && ! test -e '{c}'; then : > '{c}'; \
                 echo 'the scales did not answer in time'; exit 1; fi\n",
                c = cue.display()
            ),
            false => "#!/bin/sh\ntest -e stock.txt\n".to_owned(),
        }
    }

    /// Returns the plan.
    pub(super) fn plan(&self, cues: &Path, gtd: &Path, home: &Path) -> String {
        let think = format!("sleep {}.{:03}", self.think_ms / 1000, self.think_ms % 1000);
        let c = cues.display();
        let cue = |name: &str| {
            format!(
                "n=0; until test -e '{c}/{name}' || test $n -ge 400; do sleep 0.05; n=$((n+1)); done"
            )
        };
        let [first, second] = self.goods;
        let merge = self.has(Break::Merge);
        let shelf_of_second = if merge { "stock.txt" } else { "late.txt" };
        // Who comes second sees on the new tip what the other did, and finds a way out.
        let open = match merge {
            true => {
                "if test -e closed.txt; then echo 'open 9 to 5' > hours.txt; else echo open > open.txt; fi"
            }
            false => "echo open > open.txt",
        };
        let closed = match merge {
            true => {
                "if test -e open.txt; then echo 'open 9 to 5' > hours.txt; else echo closed > closed.txt; fi"
            }
            false => "echo 'open 9 to 5' > hours.txt",
        };
        let courier = match self.has(Break::Agent) {
            true => format!(
                "if test \"$GTD_EPOCH\" = 1; then : > '{c}/courier'; echo 'on the road'; exec sleep 30; fi\necho boxes > boxes.txt"
            ),
            false => "echo boxes > boxes.txt".to_owned(),
        };
        // The daemon may be on its way back: an agent whose question found nobody asks again.
        let ask = format!(
            ": > '{c}/asking'\n{wait}\nn=0\nuntil GTD_HOME='{home}' GTD_TOKEN=$(cat '{c}/token') '{gtd}' ask 'May the shop be called Corner of {street}?'\ndo code=$?; test $code = {away} && test $n -lt 100 || exit $code; n=$((n+1)); sleep 0.1; done\n: > '{c}/asked'\nexec sleep 30",
            away = Exit::Unreachable.code(),
            wait = cue("token"),
            home = home.display(),
            gtd = gtd.display(),
            street = self.street,
        );
        let beads: [(&str, String, &[&str], String); 9] = [
            (
                first,
                format!("Stock {first}"),
                &[],
                format!("{think}\necho '{first} 7' >> stock.txt"),
            ),
            (
                second,
                format!("Stock {second}"),
                &[],
                format!("{}\necho '{second} 2' >> {shelf_of_second}", cue("held")),
            ),
            (
                "open",
                "Hang out the sign: open".to_owned(),
                &[],
                format!("{}\n{open}", cue("held")),
            ),
            (
                "closed",
                "Hang out the sign: closed".to_owned(),
                &[],
                format!("{}\n{closed}", cue("held")),
            ),
            (
                "front",
                format!("Paint the front in {}", self.street),
                &[],
                format!(
                    "echo 'the first coat'\n: > '{c}/painting'\n{}\n{think}\necho green > front.txt",
                    cue("dry")
                ),
            ),
            ("boxes", "Send for boxes".to_owned(), &[], courier),
            ("name", "Paint the name above the door".to_owned(), &[], ask),
            (
                "count",
                "Write the number of kinds".to_owned(),
                &[first, second],
                format!("{think}\nawk 'END {{ print NR }}' stock.txt > kinds.txt"),
            ),
            (
                "shelf",
                "Build a shelf for all of it".to_owned(),
                &["count"],
                format!("{think}\ncat kinds.txt > shelf.txt"),
            ),
        ];
        let mut text = "schema = 1\ntitle = \"Open the shop\"\n\
             acceptance = [{ text = \"the stock is in order\", check = \"sh check.sh\" }]\n"
            .to_owned();
        for (id, title, needs, run) in beads {
            // Writing to a string cannot fail.
            let _always = write!(
                text,
                "\n[[bead]]\nid = \"{id}\"\ntitle = \"{title}\"\nneeds = {needs:?}\nrun = '''\n{run}\n'''\n"
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(seed: u64, breaks: &[Break]) -> String {
        Script::new(seed, 1, breaks.iter().copied().collect()).plan(
            Path::new("/d/cues"),
            Path::new("/bin/gtd"),
            Path::new("/d/home"),
        )
    }

    #[test]
    fn the_same_seed_writes_the_same_play() {
        assert_eq!(plan(3, &[Break::Merge]), plan(3, &[Break::Merge]));
        assert_ne!(plan(3, &[]), plan(4, &[]));
    }

    #[test]
    fn every_play_has_two_goods_of_different_names() {
        for seed in 0..200 {
            let script = Script::new(seed, 1, BTreeSet::new());
            assert_ne!(script.goods[0], script.goods[1], "seed {seed}");
        }
    }
}
