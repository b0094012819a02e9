//! What wakes a role: a change of its own matter, and nothing else.

use gtd_core::{
    Actor, Ask, Command, Envelope, Graph, LandMode, MergeRules, Oid, PauseScope, RigName, RigRules,
    Target, Timestamp, WorkerRules, decide,
};

use gtd_plan::Refinery;

fn rig(name: &str) -> RigName {
    RigName::parse(name).expect("a name")
}

fn tell(graph: &mut Graph, command: Command) {
    let ask = Ask {
        by: Actor::Daemon,
        request: None,
        expected: None,
        command,
    };
    for event in decide(graph, &ask, Timestamp(1)).expect("what can be") {
        let envelope = Envelope {
            at: Timestamp(1),
            by: Actor::Daemon,
            request: None,
            cause: None,
            event,
        };
        graph.apply(graph.revision().next(), &envelope);
    }
}

fn trust(graph: &mut Graph, name: &str, digest: &str) {
    let rules = RigRules {
        prefix: name.to_owned(),
        branch: "main".to_owned(),
        gates: vec![],
        worker: WorkerRules::default(),
        merge: MergeRules::default(),
        schedules: vec![],
        questions: gtd_core::QuestionRules::default(),
        discovery: gtd_core::DiscoveryRules::default(),
        budget: Default::default(),
        replans: Default::default(),
        policies: Default::default(),
    };
    let (rig, digest) = (rig(name), digest.to_owned());
    tell(graph, Command::TrustRig { rig, rules, digest });
}

fn observe(graph: &mut Graph, name: &str, digit: char) {
    let target = Target {
        rig: rig(name),
        r#ref: "refs/heads/main".to_owned(),
        mode: LandMode::Local,
        branch: "main".to_owned(),
    };
    let tip = Oid::parse(&digit.to_string().repeat(40)).expect("an oid");
    tell(graph, Command::ObserveTarget { target, tip });
}

#[test]
fn a_refinery_is_woken_by_its_own_rig_by_pauses_and_by_a_stop() {
    let mut graph = Graph::default();
    trust(&mut graph, "mine", "");
    trust(&mut graph, "other", "");
    let pause = |name: &str| Command::Pause {
        scope: PauseScope::Rig(rig(name)),
        why: String::new(),
    };
    let resume = |name: &str| Command::Resume {
        scope: PauseScope::Rig(rig(name)),
    };
    let refinery = Refinery { rig: rig("mine") };
    let mut before = refinery.interest(&graph);
    let mut wakes = |graph: &Graph| {
        let now = refinery.interest(graph);
        std::mem::replace(&mut before, now) != now
    };
    assert!(!wakes(&graph));
    observe(&mut graph, "mine", '1');
    assert!(wakes(&graph), "its target moved");
    observe(&mut graph, "other", '1');
    assert!(!wakes(&graph), "another's target moved");
    trust(&mut graph, "mine", "new");
    assert!(wakes(&graph), "its rules are new");
    tell(&mut graph, pause("mine"));
    assert!(wakes(&graph), "a pause");
    tell(&mut graph, resume("mine"));
    tell(&mut graph, pause("other"));
    assert!(wakes(&graph), "one pause took the place of another");
    let why = String::new();
    tell(&mut graph, Command::Stop { why });
    assert!(wakes(&graph), "a stop");
}
