//! Which accidents a town meets, and how often: another set for each seed.
//!
//! A seed that has all kinds at once hides what two of them would show, so
//! each seed draws its own few.

use super::{pass::StepFault, rng::Rng};

/// The accidents of one town, each per mille.
#[derive(Debug, Clone, Default)]
pub(super) struct Swarm {
    pub(super) lost: u64,
    pub(super) unreported: u64,
    pub(super) twice: u64,
    pub(super) crash: u64,
    pub(super) half: u64,
    /// A role sleeps for long between two steps.
    pub(super) sleeps: u64,
    /// A question cannot be answered.
    pub(super) blind: u64,
    pub(super) gate_infra: u64,
    pub(super) gate_hang: u64,
    /// Weights of what happens to the whole town.
    pub(super) accidents: Vec<(Accident, u64)>,
    /// How far apart accidents are, in milliseconds.
    pub(super) accident_every: u64,
    /// How far apart a person's acts are, in milliseconds.
    pub(super) person_every: u64,
    /// Attempts at a bead that may go wrong at most.
    pub(super) bad_attempts: u64,
    /// How much quicker agents are than usual; quick ones make long queues.
    pub(super) rush: u64,
    /// How much longer gates take than usual, in parts of a hundred; long gates make long queues.
    pub(super) slow_gates: u64,
}

/// What can happen to the whole town.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Accident {
    Crash,
    Reboot,
    ShimLost,
    Clock,
    Push,
    PushRed,
    Hold,
    Short,
    Failing,
}

impl Accident {
    const ALL: [Self; 9] = [
        Self::Crash,
        Self::Reboot,
        Self::ShimLost,
        Self::Clock,
        Self::Push,
        Self::PushRed,
        Self::Hold,
        Self::Short,
        Self::Failing,
    ];
}

impl Swarm {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        let mut often = |most: u64| {
            if rng.chance(500) {
                rng.between(1, most)
            } else {
                0
            }
        };
        Self {
            lost: often(200),
            unreported: often(200),
            twice: often(200),
            crash: often(60),
            half: often(100),
            sleeps: often(12),
            blind: often(80),
            gate_infra: often(250),
            gate_hang: often(120),
            accidents: Accident::ALL
                .into_iter()
                .map(|accident| (accident, often(10)))
                .filter(|(_, weight)| *weight > 0)
                .collect(),
            accident_every: 5_000 + often(90_000),
            person_every: 8_000 + often(60_000),
            bad_attempts: often(4),
            rush: 1 + often(12),
            slow_gates: 100 + often(900),
        }
    }

    pub(super) fn step_fault(&self, rng: &mut Rng) -> StepFault {
        let mut drawn = rng.below(1_000);
        for (fault, often) in [
            (StepFault::Lost, self.lost),
            (StepFault::Unreported, self.unreported),
            (StepFault::Twice, self.twice),
            (StepFault::Crash, self.crash),
            (StepFault::Half, self.half),
        ] {
            if drawn < often {
                return fault;
            }
            drawn -= often;
        }
        StepFault::None
    }
}
