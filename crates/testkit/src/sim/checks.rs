//! The promises, looked at after every event, and once more at the end.

use std::collections::{BTreeMap, BTreeSet};

use gtd_core::{
    Actor, BeadId, Candidate, CandidateId, Envelope, Epoch, Event, GateRun, Graph, LandedCommit,
    Oid, Phase, Proven, REFINERY_EMAIL, Verdict, prove,
};

use super::{
    git::{Change, changes},
    runs::State,
    world::World,
};

/// What was handed in: the commit and where the work began.
#[derive(Debug, Clone)]
struct Submission {
    head: Oid,
    base: Oid,
}

/// What the log has said so far.
#[derive(Debug, Default)]
pub(super) struct Checks {
    epochs: BTreeMap<BeadId, Epoch>,
    /// The lease in effect of each bead.
    leases: BTreeMap<BeadId, Epoch>,
    submissions: BTreeMap<(BeadId, Epoch), Submission>,
    candidates: BTreeMap<CandidateId, Candidate>,
    gates: BTreeMap<CandidateId, Vec<GateRun>>,
    landed: BTreeMap<BeadId, Epoch>,
}

type Kept = Result<(), String>;

fn want(is_so: bool, otherwise: impl FnOnce() -> String) -> Kept {
    if is_so { Ok(()) } else { Err(otherwise()) }
}

impl Checks {
    /// Looks at one event, after it was applied.
    pub(super) fn event(&mut self, world: &World, graph: &Graph, envelope: &Envelope) -> Kept {
        match &envelope.event {
            Event::LeaseGranted { bead, lease } => {
                let last = self.epochs.get(bead).copied().unwrap_or_default();
                want(lease.epoch == last.next(), || {
                    format!("{bead} is granted epoch {} after {last}", lease.epoch)
                })?;
                want(!self.landed.contains_key(bead), || {
                    format!("{bead} is granted after it landed")
                })?;
                want(!self.leases.contains_key(bead), || {
                    format!("{bead} is granted to two owners")
                })?;
                self.epochs.insert(bead.clone(), lease.epoch);
                self.leases.insert(bead.clone(), lease.epoch);
            }
            Event::RunStarted { bead, epoch, .. } => self.holds(bead, *epoch)?,
            Event::WorkSubmitted {
                bead,
                epoch,
                head,
                base,
                ..
            } => {
                self.holds(bead, *epoch)?;
                by_its_lease(&envelope.by, bead, *epoch)?;
                self.leases.remove(bead);
                own_work(world, bead, *epoch, base, head)?;
                let submission = Submission {
                    head: head.clone(),
                    base: base.clone(),
                };
                self.submissions.insert((bead.clone(), *epoch), submission);
            }
            Event::WorkReturned {
                bead, epoch, why, ..
            } => {
                self.holds(bead, *epoch)?;
                by_its_lease(&envelope.by, bead, *epoch)?;
                self.leases.remove(bead);
                has_reason(bead, &why.text)?;
            }
            Event::LeaseExpired {
                bead, epoch, why, ..
            } => {
                self.holds(bead, *epoch)?;
                self.leases.remove(bead);
                has_reason(bead, &why.text)?;
                let run = gtd_plan::work_run(bead, *epoch);
                // One that begins just as the witness gives it up costs a try and nothing else.
                let is_late = why.text.contains("never began");
                let lives = world.runs.get(&run).is_some_and(|proc| {
                    proc.state == State::Live && proc.is_healthy && proc.stop_at.is_none()
                });
                want(is_late || !lives, || {
                    format!("the lease of {run} is ended ({}), and it gets on", why.text)
                })?;
            }
            Event::WorkClosed {
                bead, epoch, why, ..
            } => {
                self.holds(bead, *epoch)?;
                by_its_lease(&envelope.by, bead, *epoch)?;
                self.leases.remove(bead);
                has_reason(bead, why)?;
            }
            Event::BeadParked { bead, why } | Event::BeadQuarantined { bead, why } => {
                self.leases.remove(bead);
                has_reason(bead, &why.text)?;
            }
            Event::BeadClosed { bead, why, .. } => {
                self.leases.remove(bead);
                has_reason(bead, why)?;
            }
            Event::SubmissionReturned { bead, why, .. } => has_reason(bead, &why.text)?,
            Event::CandidateFormed { candidate } => {
                self.candidates
                    .insert(candidate.id.clone(), candidate.clone());
                self.gates.remove(&candidate.id);
            }
            Event::CandidateJudged {
                candidate, gates, ..
            } => {
                self.gates.insert(candidate.clone(), gates.clone());
            }
            Event::CandidateLanded { candidate, .. } => self.land(world, graph, candidate)?,
            _ => {}
        }
        Ok(())
    }

    fn holds(&self, bead: &BeadId, epoch: Epoch) -> Kept {
        want(self.leases.get(bead) == Some(&epoch), || {
            format!("a write of {bead} epoch {epoch} is taken without its lease")
        })
    }

    fn land(&mut self, world: &World, graph: &Graph, id: &CandidateId) -> Kept {
        let candidate = &self.candidates[id];
        want(world.tree_of(&candidate.commit) == candidate.tree, || {
            format!("{id} lands with another tree than it was formed with")
        })?;
        let gates = self.gates.get(id).map_or(&[][..], Vec::as_slice);
        let wanted = graph
            .rig(&candidate.target.rig)
            .into_iter()
            .flat_map(|rig| &rig.rules.gates)
            .filter(|gate| gate.when.is_for_merge());
        for gate in wanted {
            let run = gates
                .iter()
                .find(|run| run.gate == gate.name && run.verdict == Verdict::Passed)
                .ok_or_else(|| format!("{id} lands without gate {}", gate.name))?;
            let proc = world
                .runs
                .get(&run.run)
                .ok_or_else(|| format!("{id} lands on gate run {}, which never was", run.run))?;
            let is_green = matches!(&proc.state, State::Ended(end) if end.code == Some(0) && end.infra.is_none());
            want(is_green, || format!("{id} lands on {}, not green", run.run))?;
            let is_same =
                proc.began_on == candidate.tree && proc.ended_on.as_ref() == Some(&candidate.tree);
            want(is_same, || {
                format!("gate run {} was not on the tree of {id}", run.run)
            })?;
        }
        has_evidence(world, candidate)?;
        let tip = world.git.refs.get(&candidate.target.r#ref);
        want(
            tip.is_some_and(|tip| world.git.is_ancestor(&candidate.commit, tip)),
            || format!("{id} is called landed and is not on its target"),
        )?;
        let tree = changes(&world.git.tree(&candidate.commit));
        for member in &candidate.members {
            let bead = &member.bead;
            let submission = self
                .submissions
                .get(&(bead.clone(), member.epoch))
                .ok_or_else(|| format!("{bead} lands and was never handed in"))?;
            want(submission.head == member.head, || {
                format!("{bead} lands as another commit than was handed in")
            })?;
            want(
                self.landed.insert(bead.clone(), member.epoch).is_none(),
                || format!("{bead} lands twice"),
            )?;
            self.leases.remove(bead);
            want(
                world.git.is_ancestor(&member.head, &candidate.commit),
                || format!("{bead} lands without its commit"),
            )?;
            want(wishes(world, submission).is_subset(&tree), || {
                format!("{bead} lands without its changes")
            })?;
            want(
                graph
                    .bead(bead)
                    .is_some_and(|bead| matches!(bead.phase, Phase::Landed { .. })),
                || format!("{bead} is on the target and is not called landed"),
            )?;
        }
        Ok(())
    }

    /// Looks at everything when all has ended.
    pub(super) fn end(&self, world: &World, graph: &Graph) -> Kept {
        let mut tips: BTreeSet<&Oid> = BTreeSet::new();
        for (bead, epoch) in &self.landed {
            let record = graph.bead(bead).expect("what landed is a bead");
            let target = graph.target_of(record).expect("it has a target");
            let tip = &world.git.refs[&target.r#ref];
            let submission = &self.submissions[&(bead.clone(), *epoch)];
            want(world.git.is_ancestor(&submission.head, tip), || {
                format!("{bead} landed and is not on {}", target.r#ref)
            })?;
            let there = changes(&world.git.tree(tip));
            want(wishes(world, submission).is_subset(&there), || {
                format!("the changes of {bead} are gone from {}", target.r#ref)
            })?;
        }
        for name in ["refs/heads/main", "refs/heads/gtd/integration/main"] {
            tips.extend(world.git.refs.get(name));
        }
        for bead in graph.beads() {
            let merged: BTreeSet<String> = world
                .git
                .commits()
                .iter()
                .filter(|commit| {
                    tips.iter()
                        .any(|tip| world.git.is_ancestor(&commit.oid, tip))
                })
                .flat_map(|commit| commit.authors.iter())
                .filter_map(|run| epoch_of(run.as_str(), &bead.id))
                .collect();
            let landed = self.landed.get(&bead.id).map(|epoch| format!("e{epoch}"));
            let allowed: BTreeSet<String> = landed.into_iter().collect();
            want(merged.is_subset(&allowed), || {
                format!(
                    "{} is on a target by the attempts {merged:?}, and landed by {allowed:?}",
                    bead.id
                )
            })?;
        }
        self.nothing_lost(world)
    }

    /// Every write of an agent is in a commit, in a snapshot or still on the disk.
    fn nothing_lost(&self, world: &World) -> Kept {
        for (run, file, change) in &world.written {
            let has = |tree: &super::git::Tree| {
                tree.get(file)
                    .is_some_and(|set: &BTreeSet<Change>| set.contains(change))
            };
            let is_kept = world.git.commits().iter().any(|commit| has(&commit.tree))
                || world.snapshots.iter().any(has)
                || world.slots.values().any(|slot| has(&slot.tree));
            want(is_kept, || format!("what {run} wrote is lost: {change:?}"))?;
        }
        let _ = self;
        Ok(())
    }
}

/// What landed carries a note that holds against what the repository has.
fn has_evidence(world: &World, candidate: &Candidate) -> Kept {
    let commit = LandedCommit {
        oid: candidate.commit.clone(),
        tree: world.tree_of(&candidate.commit),
        base: Some(candidate.base.clone()),
        author: String::new(),
        committer_email: REFINERY_EMAIL.to_owned(),
        subject: String::new(),
        note: world
            .notes
            .get(&candidate.commit)
            .cloned()
            .unwrap_or_default(),
        heads: Some(candidate.members.iter().map(|m| m.head.clone()).collect()),
        signature: None,
    };
    match prove(&commit) {
        Proven::ByEvidence(_) => Ok(()),
        other => Err(format!("{} lands unproven: {other:?}", candidate.id)),
    }
}

/// Lists what a submission changes.
fn wishes(world: &World, submission: &Submission) -> BTreeSet<(u8, Change)> {
    let base = changes(&world.git.tree(&submission.base));
    let head = changes(&world.git.tree(&submission.head));
    head.difference(&base).copied().collect()
}

fn by_its_lease(by: &Actor, bead: &BeadId, epoch: Epoch) -> Kept {
    let is_its = match by {
        Actor::Lease {
            bead: of,
            epoch: at,
        } => of == bead && *at == epoch,
        Actor::Person(_) => true,
        Actor::Role(_) | Actor::Daemon => false,
    };
    want(is_its, || format!("{by} writes for {bead} epoch {epoch}"))
}

/// Only the runs of the lease itself wrote what is handed in.
fn own_work(world: &World, bead: &BeadId, epoch: Epoch, base: &Oid, head: &Oid) -> Kept {
    let own = format!("{bead}.e{epoch}.");
    let foreign = world
        .git
        .since(base, head)
        .flat_map(|commit| commit.authors.iter())
        .find(|run| !run.as_str().starts_with(&own));
    want(foreign.is_none(), || {
        format!("{bead} epoch {epoch} hands in work of {foreign:?}")
    })
}

fn has_reason(bead: &BeadId, why: &str) -> Kept {
    want(!why.trim().is_empty(), || {
        format!("{bead} stands still without a reason")
    })
}

/// Reads the epoch off a run of a bead.
fn epoch_of(run: &str, bead: &BeadId) -> Option<String> {
    let rest = run.strip_prefix(bead.as_str())?.strip_prefix('.')?;
    Some(rest.split_once('.')?.0.to_owned())
}
