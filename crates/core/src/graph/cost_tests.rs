//! A change costs the size of its own neighbourhood, in a town of any size.
//!
//! Counted, not timed: which beads an index names differently afterwards, and
//! how many the fold looked at.

use std::{collections::BTreeSet, sync::Arc};

use super::Graph;
use crate::{
    Actor, Ask, BeadId, BeadSpec, Command, Envelope, Epoch, Event, HostName, MergeRules, Need,
    Outcome, Reserved, Revision, RigName, RigRules, SeatName, Timestamp, WorkerRules, decide,
};

const NOW: Timestamp = Timestamp(1_000);

struct Town {
    graph: Graph,
    follower: Option<Graph>,
    revision: Revision,
}

impl Town {
    fn apply(&mut self, event: Event) {
        self.revision = self.revision.next();
        let envelope = Envelope {
            at: NOW,
            by: Actor::Daemon,
            request: None,
            cause: None,
            event,
        };
        self.graph.apply(self.revision, &envelope);
        if let Some(follower) = &mut self.follower {
            follower.follow(&self.graph, self.revision, &envelope);
        }
    }

    fn tell(&mut self, command: Command) {
        let ask = Ask {
            by: Actor::Daemon,
            request: None,
            expected: None,
            command,
        };
        for event in decide(&self.graph, &ask, NOW).unwrap() {
            self.apply(event);
        }
    }

    /// Lists the beads that an index names differently after `command`, and those that it changed.
    fn touched(&mut self, command: Command) -> (BTreeSet<BeadId>, Vec<BeadId>) {
        let sets = |graph: &Graph| -> [BTreeSet<BeadId>; 4] {
            [
                graph.ready(&rig(), NOW).map(|b| b.id.clone()).collect(),
                graph.leased().map(|b| b.id.clone()).collect(),
                graph.unfinished().map(|b| b.id.clone()).collect(),
                graph.parked().map(|b| b.id.clone()).collect(),
            ]
        };
        let (before, seen) = (sets(&self.graph), self.revision);
        self.tell(command);
        let after = sets(&self.graph);
        let differs = before
            .iter()
            .zip(&after)
            .flat_map(|(before, after)| before.symmetric_difference(after).cloned())
            .collect();
        let changed = self.graph.beads().filter(|bead| bead.changed > seen);
        (differs, changed.map(|bead| bead.id.clone()).collect())
    }
}

fn rig() -> RigName {
    RigName::parse("api").unwrap()
}

fn seat() -> SeatName {
    SeatName::parse("quartz").unwrap()
}

fn id(n: usize) -> BeadId {
    BeadId::parse(&format!("gt-{n:06}")).unwrap()
}

/// A town in which every tenth bead has nine that wait for it.
fn town(n: usize) -> Town {
    let mut town = Town {
        graph: Graph::default(),
        follower: None,
        revision: Revision(0),
    };
    town.apply(Event::RigTrusted {
        rig: rig(),
        rules: RigRules {
            prefix: "gt".to_owned(),
            branch: "main".to_owned(),
            gates: vec![],
            worker: WorkerRules::default(),
            merge: MergeRules::default(),
            schedules: vec![],
            questions: crate::QuestionRules::default(),
            discovery: crate::DiscoveryRules::default(),
            budget: Default::default(),
            replans: Default::default(),
            policies: Default::default(),
        },
        digest: String::new(),
    });
    town.tell(Command::CreateBead {
        rig: rig(),
        goal: None,
        spec: BeadSpec {
            title: "one of many".to_owned(),
            ..BeadSpec::default()
        },
        needs: vec![],
    });
    let template = town.graph.beads().next().unwrap().clone();
    for n in 0..n {
        let mut bead = template.clone();
        bead.id = id(n);
        bead.ordinal = 2 + u64::try_from(n).unwrap();
        if n % 10 > 0 {
            bead.needs = vec![Need::blocks(id(n - n % 10))];
        }
        town.apply(Event::BeadOpened { bead });
    }
    town.tell(Command::OpenSeat {
        seat: seat(),
        rig: rig(),
        host: HostName::parse("here").unwrap(),
    });
    town
}

#[test]
fn a_grant_among_a_hundred_thousand_beads_touches_its_neighbourhood() {
    let mut town = town(100_000);
    let bead = id(50_000);
    let neighbours = town.graph.index.affected(&town.graph.facts, &bead);
    let nine: Vec<BeadId> = (50_001..50_010).map(id).collect();
    assert_eq!(neighbours, nine);

    let (differs, changed) = town.touched(Command::Grant {
        bead: bead.clone(),
        seat: seat(),
        epoch: Epoch(1),
        reserved: Reserved::default(),
    });
    assert_eq!(differs, [bead.clone()].into());
    assert_eq!(changed, std::slice::from_ref(&bead));

    // Its end frees the nine, and nobody else.
    let (differs, changed) = town.touched(Command::Finish {
        bead: bead.clone(),
        epoch: Epoch(1),
        outcome: Outcome::NoOp,
        why: String::new(),
    });
    let ten: BTreeSet<BeadId> = (50_000..50_010).map(id).collect();
    assert_eq!(differs, ten);
    assert_eq!(changed, [bead]);
    assert!(town.graph.index_is_true());
}

#[test]
fn a_graph_that_follows_another_holds_its_beads_and_no_copies() {
    let mut town = town(100);
    town.follower = Some(town.graph.clone());
    let bead = id(50);
    town.tell(Command::Grant {
        bead: bead.clone(),
        seat: seat(),
        epoch: Epoch(1),
        reserved: Reserved::default(),
    });
    town.tell(Command::Finish {
        bead,
        epoch: Epoch(1),
        outcome: Outcome::NoOp,
        why: String::new(),
    });
    let follower = town.follower.unwrap();
    assert_eq!(follower, town.graph);
    assert!(follower.index_is_true());
    let both = follower
        .facts
        .beads
        .values()
        .zip(town.graph.facts.beads.values());
    let copies = both.filter(|(own, theirs)| !Arc::ptr_eq(own, theirs));
    assert_eq!(copies.count(), 0);
}
