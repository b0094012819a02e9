//! What waits for what, drawn: as text in waves, for Mermaid, and for Graphviz.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

use gtd_core::{BeadId, BeadState};
use serde_json::{Value, json};

use crate::output::{Ink, Look, State};

/// The relation that needs no label.
const USUAL: &str = "blocks";

/// A bead as it is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    /// The title.
    pub(crate) title: String,
    /// The state, in a word.
    pub(crate) state: String,
}

/// One bead that waits for another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Edge {
    /// What is waited for.
    pub(crate) from: BeadId,
    /// What waits.
    pub(crate) to: BeadId,
    /// The relation, in a word.
    pub(crate) kind: String,
}

/// Beads with what they wait for.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    /// The beads.
    pub(crate) nodes: BTreeMap<BeadId, Node>,
    /// Who waits for whom; an end that is no node is not drawn.
    pub(crate) edges: BTreeSet<Edge>,
}

impl Graph {
    /// Leaves out every bead that is not wished, with its edges.
    pub(crate) fn retain(&mut self, wished: impl Fn(&BeadId, &Node) -> bool) {
        self.nodes.retain(|id, node| wished(id, node));
        let nodes = &self.nodes;
        self.edges
            .retain(|edge| nodes.contains_key(&edge.from) && nodes.contains_key(&edge.to));
    }

    /// Returns the wave of each bead: one more than the last wave of what it needs.
    ///
    /// Beads are read one by one while they change, so even a circle must come to an end here.
    pub(crate) fn waves(&self) -> BTreeMap<BeadId, usize> {
        let mut waves: BTreeMap<BeadId, usize> = BTreeMap::new();
        let mut open: Vec<&BeadId> = self.nodes.keys().collect();
        let mut needs: BTreeMap<&BeadId, Vec<&BeadId>> = BTreeMap::new();
        for edge in &self.edges {
            needs.entry(&edge.to).or_default().push(&edge.from);
        }
        let mut wave = 1;
        while !open.is_empty() {
            let is_met = |id: &&BeadId| {
                needs
                    .get(id)
                    .is_none_or(|needs| needs.iter().all(|need| waves.contains_key(*need)))
            };
            let (mut met, rest): (Vec<&BeadId>, Vec<&BeadId>) = open.into_iter().partition(is_met);
            open = rest;
            if met.is_empty() {
                met = std::mem::take(&mut open);
            }
            waves.extend(met.into_iter().map(|id| (id.clone(), wave)));
            wave += 1;
        }
        waves
    }

    /// Returns the longest chain of beads that have not ended, from the first to do to the last.
    pub(crate) fn critical_path(&self) -> Vec<BeadId> {
        let waves = self.waves();
        let mut order: Vec<&BeadId> = self.left().collect();
        order.sort_by_key(|id| waves.get(*id));
        let mut chains: BTreeMap<&BeadId, (usize, Option<&BeadId>)> = BTreeMap::new();
        for id in order {
            let before = self
                .edges
                .iter()
                .filter(|edge| edge.to == *id)
                .filter_map(|edge| Some((chains.get(&edge.from)?.0, &edge.from)))
                .max_by_key(|(length, _)| *length);
            let chain = before.map_or((1, None), |(length, from)| (length + 1, Some(from)));
            chains.insert(id, chain);
        }
        let longest = chains.iter().max_by_key(|(_, (length, _))| *length);
        let mut path = Vec::new();
        let mut next = longest.map(|(id, _)| *id);
        while let Some(id) = next {
            path.push(id.clone());
            next = chains.get(id).and_then(|(_, before)| *before);
        }
        path.reverse();
        // A chain of one says nothing.
        if path.len() < 2 { Vec::new() } else { path }
    }

    fn left(&self) -> impl Iterator<Item = &BeadId> {
        self.nodes
            .iter()
            .filter(|(_, node)| !has_ended(&node.state))
            .map(|(id, _)| id)
    }

    /// Draws one line for each bead, in waves, with all that it needs.
    pub(crate) fn text(&self, look: Look) -> Vec<String> {
        let path = self.critical_path();
        let mut waves: BTreeMap<usize, Vec<&BeadId>> = BTreeMap::new();
        let of = self.waves();
        for (id, wave) in &of {
            waves.entry(*wave).or_default().push(id);
        }
        let marks = self.nodes.values().map(|node| State::of(&node.state));
        let width = marks
            .map(|state| state.text(look).chars().count())
            .max()
            .unwrap_or(0);
        let mut lines = Vec::new();
        for (wave, ids) in waves {
            lines.push(look.paint(Ink::Faint, &format!("wave {wave}")));
            for id in ids {
                let Some(node) = self.nodes.get(id) else {
                    continue;
                };
                let state = State::of(&node.state);
                let mark = look.paint(state.ink, &format!("{:<width$}", state.text(look)));
                let ink = if path.contains(id) {
                    Ink::Strong
                } else {
                    Ink::Plain
                };
                let name = look.paint(ink, &format!("{id}  {}", look.title(&node.title)));
                let needs = self.needs(id);
                let needs = look.paint(Ink::Faint, &needs);
                lines.push(format!("  {mark}  {name}{needs}"));
            }
        }
        if !path.is_empty() {
            let arrow = look.mark(" → ", " -> ");
            let ids: Vec<&str> = path.iter().map(BeadId::as_str).collect();
            lines.push(format!("longest chain left: {}", ids.join(arrow)));
        }
        lines
    }

    fn needs(&self, id: &BeadId) -> String {
        let needs: Vec<String> = self
            .edges
            .iter()
            .filter(|edge| edge.to == *id)
            .map(|edge| match edge.kind.as_str() {
                USUAL => edge.from.to_string(),
                kind => format!("{} ({kind})", edge.from),
            })
            .collect();
        if needs.is_empty() {
            String::new()
        } else {
            format!("  needs {}", needs.join(", "))
        }
    }

    /// Draws for Mermaid.
    pub(crate) fn mermaid(&self, look: Look) -> Vec<String> {
        let mut lines = vec!["flowchart LR".to_owned()];
        // An id may be a word of Mermaid, so nodes are numbered.
        let numbers: BTreeMap<&BeadId, usize> = self.nodes.keys().zip(0..).collect();
        for ((id, node), number) in self.nodes.iter().zip(0..) {
            let label = mermaid_text(&label(id, node, look));
            lines.push(format!("    n{number}[\"{label}\"]"));
        }
        for edge in &self.edges {
            if let (Some(from), Some(to)) = (numbers.get(&edge.from), numbers.get(&edge.to)) {
                let arrow = match edge.kind.as_str() {
                    USUAL => "-->".to_owned(),
                    kind => format!("-->|\"{}\"|", mermaid_text(kind)),
                };
                lines.push(format!("    n{from} {arrow} n{to}"));
            }
        }
        for id in self.critical_path() {
            if let Some(number) = numbers.get(&id) {
                lines.push(format!("    style n{number} stroke-width:3px"));
            }
        }
        lines
    }

    /// Draws for Graphviz.
    pub(crate) fn dot(&self, look: Look) -> Vec<String> {
        let path = self.critical_path();
        let mut lines = vec!["digraph beads {".to_owned(), "    rankdir=LR;".to_owned()];
        for (id, node) in &self.nodes {
            let label = dot_text(&label(id, node, look));
            let style = if path.contains(id) { " style=bold" } else { "" };
            let id = dot_text(id.as_str());
            lines.push(format!("    {id} [shape=box label={label}{style}];"));
        }
        for edge in &self.edges {
            let label = match edge.kind.as_str() {
                USUAL => String::new(),
                kind => format!(" [label={}]", dot_text(kind)),
            };
            let (from, to) = (dot_text(edge.from.as_str()), dot_text(edge.to.as_str()));
            lines.push(format!("    {from} -> {to}{label};"));
        }
        lines.push("}".to_owned());
        lines
    }

    /// Returns all of it for programs.
    pub(crate) fn document(&self) -> Value {
        let waves = self.waves();
        let node = |(id, node): (&BeadId, &Node)| json!({"id": id, "title": node.title, "state": node.state, "wave": waves.get(id)});
        let edge =
            |edge: &Edge| json!({"from": edge.from, "to": edge.to, "type": edge.kind.as_str()});
        json!({"kind": "BeadGraph", "api": gtd_core::API,
            "nodes": self.nodes.iter().map(node).collect::<Vec<_>>(),
            "edges": self.edges.iter().map(edge).collect::<Vec<_>>(),
            "critical_path": self.critical_path()})
    }
}

/// Tells whether a bead in this state has nothing before it any more.
pub(crate) fn has_ended(state: &str) -> bool {
    [
        BeadState::Landed,
        BeadState::Closed,
        BeadState::Failed,
        BeadState::Cancelled,
    ]
    .map(BeadState::word)
    .contains(&state)
}

fn label(id: &BeadId, node: &Node, look: Look) -> String {
    format!("{id} {} {}", State::of(&node.state).text(look), node.title)
}

/// Mermaid has no escapes but the numbers of characters.
fn mermaid_text(text: &str) -> String {
    let mut safe = String::new();
    for c in text.chars() {
        match c {
            '"' | '#' | '<' | '>' | '&' | '`' | '\\' | '|' => {
                // Writing to a string cannot fail.
                let _ = write!(safe, "#{};", u32::from(c));
            }
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

fn dot_text(text: &str) -> String {
    let mut safe = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => safe.extend(['\\', c]),
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe.push('"');
    safe
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::output::{ColorWhen, GlyphSet, Wishes};

    fn id(text: &str) -> BeadId {
        BeadId::parse(text).unwrap()
    }

    fn look() -> Look {
        let wishes = Wishes {
            color: ColorWhen::Never,
            glyphs: Some(GlyphSet::Unicode),
            ..Wishes::default()
        };
        Look::of(wishes, |_| None, false, false)
    }

    fn graph(nodes: &[(&str, &str, &str)], edges: &[(&str, &str)]) -> Graph {
        let node = |(name, state, title): &(&str, &str, &str)| {
            let (title, state) = ((*title).to_owned(), (*state).to_owned());
            (id(name), Node { title, state })
        };
        let edge = |(from, to): &(&str, &str)| Edge {
            from: id(from),
            to: id(to),
            kind: USUAL.to_owned(),
        };
        Graph {
            nodes: nodes.iter().map(node).collect(),
            edges: edges.iter().map(edge).collect(),
        }
    }

    fn night() -> Graph {
        graph(
            &[
                ("api-1c4", "landed", "Schema"),
                ("api-7k2", "running", "OAuth login"),
                ("api-9x1", "queued", "Say \"hi\" \\ <b>#1</b>"),
                ("api-d0f", "waiting", "Docs"),
            ],
            &[
                ("api-1c4", "api-7k2"),
                ("api-1c4", "api-9x1"),
                ("api-1c4", "api-d0f"),
                ("api-7k2", "api-d0f"),
                ("api-9x1", "api-d0f"),
            ],
        )
    }

    fn check(lines: &[String], expected: &Expect) {
        expected.assert_eq(&lines.join("\n"));
    }

    #[test]
    fn text_names_every_edge_and_the_longest_chain() {
        check(
            &night().text(look()),
            &expect![[r#"
            wave 1
              ✓ landed   api-1c4  Schema
            wave 2
              ● running  api-7k2  OAuth login  needs api-1c4
              ◈ queued   api-9x1  Say "hi" \ <b>#1</b>  needs api-1c4
            wave 3
              ◐ waiting  api-d0f  Docs  needs api-1c4, api-7k2, api-9x1
            longest chain left: api-9x1 → api-d0f"#]],
        );
    }

    #[test]
    fn titles_cannot_break_out_of_mermaid() {
        check(
            &night().mermaid(look()),
            &expect![[r#"
            flowchart LR
                n0["api-1c4 ✓ landed Schema"]
                n1["api-7k2 ● running OAuth login"]
                n2["api-9x1 ◈ queued Say #34;hi#34; #92; #60;b#62;#35;1#60;/b#62;"]
                n3["api-d0f ◐ waiting Docs"]
                n0 --> n1
                n0 --> n2
                n0 --> n3
                n1 --> n3
                n2 --> n3
                style n2 stroke-width:3px
                style n3 stroke-width:3px"#]],
        );
    }

    #[test]
    fn titles_cannot_break_out_of_dot() {
        check(
            &night().dot(look()),
            &expect![[r#"
            digraph beads {
                rankdir=LR;
                "api-1c4" [shape=box label="api-1c4 ✓ landed Schema"];
                "api-7k2" [shape=box label="api-7k2 ● running OAuth login"];
                "api-9x1" [shape=box label="api-9x1 ◈ queued Say \"hi\" \\ <b>#1</b>" style=bold];
                "api-d0f" [shape=box label="api-d0f ◐ waiting Docs" style=bold];
                "api-1c4" -> "api-7k2";
                "api-1c4" -> "api-9x1";
                "api-1c4" -> "api-d0f";
                "api-7k2" -> "api-d0f";
                "api-9x1" -> "api-d0f";
            }"#]],
        );
    }

    #[test]
    fn a_circle_is_drawn_and_not_walked_forever() {
        let nodes = [("api-1c4", "waiting", "A"), ("api-7k2", "waiting", "B")];
        let circle = graph(&nodes, &[("api-1c4", "api-7k2"), ("api-7k2", "api-1c4")]);
        assert_eq!(circle.waves().len(), 2);
        assert_eq!(circle.text(look()).len(), 4);
    }
}
