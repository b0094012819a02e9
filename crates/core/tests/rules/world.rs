//! One bead, in every phase that it can be in.

use gtd_core::{Approval, BeadId, Command, FaultClass, Outcome};

use crate::{
    commands::related,
    scene::{Scene, plan, seat},
};

names!(PHASES, phase_name: Phase {
    Draft, Open, Leased, Submitted, Landed, Returned, Parked, Closed,
});

/// A goal with two beads, and a bead beside it.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) scene: Scene,
    pub(crate) goal: BeadId,
    pub(crate) bead: BeadId,
    pub(crate) friend: BeadId,
}

impl World {
    fn new(approval: Approval) -> Self {
        let mut scene = Scene::new();
        let goal = scene.open_goal(
            Some(plan(&[("subject", &[]), ("sibling", &["subject"])])),
            approval,
        );
        let bead = scene.in_goal(&goal, "subject");
        let friend = scene.bead("the friend");
        scene.open_seat("spare");
        scene.tell(Command::SendMail {
            to: "ada".to_owned(),
            thread: None,
            text: "the first".to_owned(),
        });
        let mut world = Self {
            scene,
            goal,
            bead,
            friend,
        };
        let need = related(&world);
        world.tell(|bead| Command::Link { bead, need });
        world
    }

    pub(crate) fn draft() -> Self {
        Self::new(Approval::Needed)
    }

    pub(crate) fn open() -> Self {
        Self::new(Approval::NotNeeded)
    }

    fn after(act: impl FnOnce(&mut Scene, &BeadId)) -> Self {
        let mut world = Self::open();
        let bead = world.bead.clone();
        act(&mut world.scene, &bead);
        world
    }

    pub(crate) fn leased() -> Self {
        Self::after(|scene, bead| {
            scene.grant(bead);
        })
    }

    pub(crate) fn tell(&mut self, command: impl FnOnce(BeadId) -> Command) {
        let command = command(self.bead.clone());
        self.scene.tell(command);
    }

    /// The world once for each phase, and for each state in which a phase means something else.
    pub(crate) fn everywhere() -> Vec<(&'static str, Self)> {
        vec![
            ("draft", Self::draft()),
            ("open", Self::open()),
            ("leased", Self::leased()),
            (
                "claimed",
                Self::after(|scene, bead| {
                    scene.tell(Command::Claim {
                        bead: bead.clone(),
                        name: seat("eve"),
                    });
                }),
            ),
            (
                "submitted",
                Self::after(|scene, bead| {
                    scene.submit(bead);
                }),
            ),
            (
                "in_test",
                Self::after(|scene, bead| {
                    let member = scene.submit(bead);
                    scene.form(&[member]);
                }),
            ),
            ("landed", Self::after(Scene::land)),
            (
                "returned",
                Self::after(|scene, bead| scene.give_back(bead, FaultClass::Exit { code: 1 })),
            ),
            (
                "spent",
                Self::after(|scene, bead| {
                    for _ in 0..3 {
                        scene.fail(bead, FaultClass::Exit { code: 1 });
                    }
                }),
            ),
            ("parked", Self::after(Scene::park)),
            ("no_op", Self::after(Scene::finish)),
            (
                "failed",
                Self::after(|scene, bead| scene.close(bead, Outcome::Failed)),
            ),
            ("cancelled", Self::after(Scene::cancel)),
        ]
    }
}

#[test]
fn the_world_is_seen_in_every_phase() {
    let seen: std::collections::BTreeSet<&str> = World::everywhere()
        .iter()
        .map(|(_, world)| phase_name(&world.scene.at(&world.bead).phase))
        .collect();
    assert_eq!(seen, PHASES.iter().copied().collect());
}
