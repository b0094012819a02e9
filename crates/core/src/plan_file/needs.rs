//! Whether the needs of a plan can ever be met: nothing dangles, nothing goes in a circle.

use std::collections::BTreeMap;

use super::parse::ReadBead;
use crate::{
    Diagnostic,
    toml_text::{TomlText, nearest, quoted},
};

/// Checks every need of every bead.
pub(super) fn check(
    source: &TomlText<'_>,
    beads: &[ReadBead],
    exists: &dyn Fn(&str) -> bool,
) -> Result<(), Diagnostic> {
    let place_of: BTreeMap<&str, usize> = beads
        .iter()
        .enumerate()
        .map(|(place, bead)| (bead.local_id.as_str(), place))
        .collect();
    for bead in beads {
        for (need, span) in &bead.needs {
            if *need == bead.local_id {
                return Err(source
                    .mistake(span.clone(), &format!("`{need}` needs itself"))
                    .with_help("take it out of `needs`"));
            }
            if !place_of.contains_key(need.as_str()) && !exists(need) {
                let names = beads
                    .iter()
                    .map(|other| other.local_id.as_str())
                    .filter(|name| *name != bead.local_id);
                let rule = "a need is the id of a bead of this plan, or of one that exists";
                return Err(source
                    .mistake(
                        span.clone(),
                        &format!(
                            "`{}` needs {}, which is not there",
                            bead.local_id,
                            quoted(need)
                        ),
                    )
                    .with_help(&match nearest(need, names) {
                        Some(near) => format!("did you mean `{near}`?   {rule}"),
                        None => rule.to_owned(),
                    }));
            }
        }
    }
    match circle(beads, &place_of) {
        None => Ok(()),
        Some(path) => Err(circle_mistake(source, beads, &path)),
    }
}

/// Finds a circle: the places of its beads, each of which needs the next, and the last the first.
fn circle(beads: &[ReadBead], place_of: &BTreeMap<&str, usize>) -> Option<Vec<usize>> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        OnPath,
        Done,
    }
    let edges: Vec<Vec<usize>> = beads
        .iter()
        .map(|bead| {
            bead.needs
                .iter()
                .filter_map(|(need, _)| place_of.get(need.as_str()).copied())
                .collect()
        })
        .collect();
    let mut marks = vec![Mark::New; beads.len()];
    for start in 0..beads.len() {
        if marks[start] != Mark::New {
            continue;
        }
        // Each step of the path: the bead, and how many of its needs were followed.
        let mut path = vec![(start, 0_usize)];
        marks[start] = Mark::OnPath;
        while let Some((bead, followed)) = path.last_mut() {
            let bead = *bead;
            let Some(next) = edges[bead].get(*followed).copied() else {
                marks[bead] = Mark::Done;
                path.pop();
                continue;
            };
            *followed += 1;
            match marks[next] {
                Mark::Done => {}
                Mark::New => {
                    marks[next] = Mark::OnPath;
                    path.push((next, 0));
                }
                Mark::OnPath => {
                    return Some(
                        path.iter()
                            .map(|(bead, _)| *bead)
                            .skip_while(|bead| *bead != next)
                            .collect(),
                    );
                }
            }
        }
    }
    None
}

fn circle_mistake(source: &TomlText<'_>, beads: &[ReadBead], path: &[usize]) -> Diagnostic {
    const SHOWN: usize = 12;
    let name = |place: usize| beads[place].local_id.as_str();
    let (first, last) = (path[0], path[path.len() - 1]);
    let mut names: Vec<&str> = path.iter().map(|place| name(*place)).collect();
    if names.len() > SHOWN {
        names.splice(SHOWN / 2..names.len() - SHOWN / 2, ["…"]);
    }
    names.push(name(first));
    let span = beads[last]
        .needs
        .iter()
        .find(|(need, _)| need == name(first))
        .map_or(beads[last].header.clone(), |(_, span)| span.clone());
    source
        .mistake(
            span,
            &format!("the needs go in a circle: {}", names.join(" needs ")),
        )
        .with_help("leave out one of these needs")
}
