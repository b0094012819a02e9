//! The door: tokens, leases, and processes below a run.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use gtd_client::{Caller, Client, Token, TownKey, WriteContext};
use gtd_core::{BeadId, Command as Ask, Epoch, Oid, Rejection, RoleName, SeatName};

use crate::town::{PATIENCE, Town, block_on, spec};

fn speaking(town: &Town, caller: Caller) -> Client {
    Client::open(town.places.socket(), caller).with_deadline(PATIENCE)
}

fn is_refused<T: std::fmt::Debug>(answer: Result<T, gtd_client::ClientError>) -> bool {
    matches!(
        answer.unwrap_err().rejection(),
        Some(Rejection::NotYours { .. })
    )
}

#[test]
fn a_token_opens_its_own_door_and_no_other() {
    let town = Town::started();
    let key = TownKey::load(&town.places.key_file()).unwrap();
    block_on(async {
        let stop = || Ask::Stop { why: "x".into() };
        let witness = speaking(&town, key.role(RoleName::parse("witness").unwrap()));
        let escalate = Ask::Escalate {
            about: "a".into(),
            text: "b".into(),
        };
        witness.tell(escalate).await.unwrap();
        assert!(is_refused(witness.tell(stop()).await));
        let forged = Caller::Role {
            name: RoleName::parse("refinery").unwrap(),
            token: Token::parse(&"0".repeat(64)).unwrap(),
        };
        let liar = speaking(&town, forged);
        assert!(is_refused(liar.hello().await));
        let land = Ask::Land {
            candidate: gtd_core::CandidateId::parse("mr-1").unwrap(),
        };
        assert!(is_refused(town.person().tell(land).await));
    });
}

#[test]
fn a_lease_holder_touches_its_own_lease_only() {
    let town = Town::started();
    block_on(async {
        let person = town.person();
        let rig = {
            let path = town.repository("api", None);
            person
                .add_rig(&path, None, WriteContext::default())
                .await
                .unwrap();
            gtd_core::RigName::parse("api").unwrap()
        };
        // Without a script or a runtime nothing but a claim begins such a bead.
        let create = |title: &str| Ask::CreateBead {
            rig: rig.clone(),
            goal: None,
            spec: spec(title),
            needs: vec![],
        };
        let one = person.tell(create("one")).await.unwrap().ids.remove(0);
        let two = person.tell(create("two")).await.unwrap().ids.remove(0);
        let (one, two) = (BeadId::parse(&one).unwrap(), BeadId::parse(&two).unwrap());
        let claim = Ask::Claim {
            bead: one.clone(),
            name: SeatName::parse("anna").unwrap(),
        };
        let claimed = person.tell(claim).await.unwrap();
        assert_eq!(claimed.ids, [one.to_string()]);
        let (epoch, token) = (claimed.epoch.unwrap(), claimed.lease_token.unwrap());
        let holder = speaking(
            &town,
            Caller::Lease {
                bead: one.clone(),
                epoch,
                token: token.clone(),
            },
        );
        let brief = holder.brief(&one, epoch).await.unwrap();
        assert_eq!(brief["kind"], "Brief");
        assert_eq!(brief["bead"]["title"], "one");
        assert!(is_refused(holder.brief(&two, epoch).await));
        let submit = |bead: &BeadId, epoch| Ask::Submit {
            bead: bead.clone(),
            epoch,
            head: Oid::parse(&"a".repeat(40)).unwrap(),
            base: Oid::parse(&"b".repeat(40)).unwrap(),
            summary: String::new(),
            checks: vec![],
        };
        assert!(is_refused(holder.tell(submit(&two, epoch)).await));
        assert!(is_refused(holder.tell(submit(&one, Epoch(9))).await));
        assert!(is_refused(holder.tell(Ask::Stop { why: "x".into() }).await));
        let note = Ask::AddNote {
            bead: one.clone(),
            text: "found it".into(),
        };
        holder.tell(note.clone()).await.unwrap();
        let forged = Caller::Lease {
            bead: one.clone(),
            epoch: Epoch(2),
            token,
        };
        assert!(is_refused(
            speaking(&town, forged).tell(submit(&one, Epoch(2))).await
        ));
        let next = person
            .claim_next(
                &rig,
                &SeatName::parse("anna2").unwrap(),
                std::time::Duration::ZERO,
                WriteContext::default(),
            )
            .await
            .unwrap();
        assert_eq!(next.ids, [two.to_string()]);
        let nothing = person
            .claim_next(
                &rig,
                &SeatName::parse("anna3").unwrap(),
                std::time::Duration::from_millis(50),
                WriteContext::default(),
            )
            .await
            .unwrap_err();
        assert!(matches!(
            nothing.rejection(),
            Some(Rejection::NothingReady { .. })
        ));
        // The lease ends, and its pen with it.
        let back = Ask::Return {
            bead: one.clone(),
            epoch,
            why: gtd_core::Fault {
                class: gtd_core::FaultClass::GivenBack,
                text: String::new(),
                evidence: String::new(),
                run: None,
            },
        };
        holder.tell(back).await.unwrap();
        let late = holder.tell(note).await.unwrap_err();
        assert!(matches!(
            late.rejection(),
            Some(Rejection::StaleEpoch { .. })
        ));
    });
}

/// The part of this test that runs below a process named `gtd-shim`.
#[test]
fn child_of_a_run_calls_the_town() {
    let Some(socket) = std::env::var_os("GTD_TEST_SOCKET") else {
        return;
    };
    block_on(async {
        let person = Caller::Person {
            name: "anna".into(),
        };
        let client = Client::open(std::path::Path::new(&socket), person);
        client.status().await.unwrap();
        assert!(is_refused(client.tell(Ask::Stop { why: "x".into() }).await));
    });
}

/// The part of the test below that runs as an agent: with the token of a lease, below a shim.
#[test]
fn agent_with_a_lease_uses_its_verbs() {
    let variable = |key: &str| std::env::var(key).ok();
    let Some(socket) = variable("GTD_TEST_LEASE_SOCKET") else {
        return;
    };
    let bead = BeadId::parse(&variable("GTD_BEAD").unwrap()).unwrap();
    let epoch = Epoch(variable("GTD_EPOCH").unwrap().parse().unwrap());
    let token = Token::parse(&variable("GTD_TOKEN").unwrap()).unwrap();
    let caller = Caller::Lease {
        bead: bead.clone(),
        epoch,
        token,
    };
    block_on(async {
        let agent = Client::open(std::path::Path::new(&socket), caller);
        agent.status().await.unwrap();
        agent.brief(&bead, epoch).await.unwrap();
        let discover = Ask::Discover {
            bead: bead.clone(),
            epoch,
            spec: spec("a crack in the wall"),
        };
        agent.tell(discover).await.unwrap();
        let note = Ask::AddNote {
            bead: bead.clone(),
            text: "not for this role".into(),
        };
        let refused = agent.tell(note).await.unwrap_err();
        let text = refused.rejection().unwrap().to_string();
        assert!(text.contains("the verb `bead note`"), "{text}");
        let asked = agent
            .ask(&bead, epoch, "why?".into(), WriteContext::default())
            .await;
        assert!(is_refused(asked));
        // No verb stands for what the worker role does for its lease.
        assert!(is_refused(agent.tell(Ask::Heartbeat { bead, epoch }).await));
    });
}

#[test]
fn an_agent_below_a_run_has_the_verbs_of_its_role_file_and_the_worker_role_has_all() {
    let mut town = Town::new();
    let roles = town.places.config.join("roles");
    fs::create_dir_all(&roles).unwrap();
    fs::write(
        roles.join("worker.toml"),
        "extends = \"builtin:worker\"\n[access]\ngtd = [\"bead show\", \"bead create\"]\n",
    )
    .unwrap();
    town.start();
    let shim = town.folder.path().join("gtd-shim");
    copy_of_sh(&shim);
    block_on(async {
        let person = town.person();
        let path = town.repository("api", None);
        person
            .add_rig(&path, None, WriteContext::default())
            .await
            .unwrap();
        let create = Ask::CreateBead {
            rig: gtd_core::RigName::parse("api").unwrap(),
            goal: None,
            spec: spec("one"),
            needs: vec![],
        };
        let bead = person.tell(create).await.unwrap().ids.remove(0);
        let bead = BeadId::parse(&bead).unwrap();
        let claim = Ask::Claim {
            bead: bead.clone(),
            name: SeatName::parse("anna").unwrap(),
        };
        let claimed = person.tell(claim).await.unwrap();
        let (epoch, token) = (claimed.epoch.unwrap(), claimed.lease_token.unwrap());
        let output = Command::new(&shim)
            .arg("-c")
            .arg("\"$0\" --exact access::agent_with_a_lease_uses_its_verbs --nocapture; exit $?")
            .arg(std::env::current_exe().unwrap())
            .env("GTD_TEST_LEASE_SOCKET", town.places.socket())
            .env("GTD_BEAD", bead.to_string())
            .env("GTD_EPOCH", epoch.to_string())
            .env("GTD_TOKEN", token.as_str())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        assert!(
            String::from_utf8_lossy(&output.stdout).contains("1 passed"),
            "{output:?}"
        );
        // Whoever drives the lease from outside of a run has the whole pen.
        let holder = speaking(
            &town,
            Caller::Lease {
                bead: bead.clone(),
                epoch,
                token,
            },
        );
        let note = Ask::AddNote {
            bead: bead.clone(),
            text: "found it".into(),
        };
        holder.tell(note).await.unwrap();
        holder.tell(Ask::Heartbeat { bead, epoch }).await.unwrap();
    });
}

/// Copies the shell in another process: a child that another test forks meanwhile would hold our
/// descriptor of the copy, and what is open for writing cannot be started.
fn copy_of_sh(to: &Path) {
    let copied = Command::new("cp").arg("/bin/sh").arg(to).status();
    assert!(copied.unwrap().success());
}

#[test]
fn a_process_below_a_run_is_never_a_person() {
    let town = Town::started();
    // A shell under the name of the shim stands for a shim: only the name of the program counts.
    let shim = town.folder.path().join("gtd-shim");
    copy_of_sh(&shim);
    let test = std::env::current_exe().unwrap();
    let output = Command::new(&shim)
        .arg("-c")
        .arg("\"$0\" --exact access::child_of_a_run_calls_the_town --nocapture; exit $?")
        .arg(&test)
        .env("GTD_TEST_SOCKET", town.places.socket())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(
        String::from_utf8_lossy(&output.stdout).contains("1 passed"),
        "{output:?}"
    );
    // The same process without a run above it is a person.
    block_on(async {
        let stop = Ask::Pause {
            scope: gtd_core::PauseScope::Town,
            why: "x".into(),
        };
        town.person().tell(stop).await.unwrap();
    });
}

#[test]
fn row_39_a_client_of_a_neighbouring_level_is_served_and_one_far_away_is_told() {
    let town = Town::started();
    let hello = |api_level| gtd_wire::pb::town::v1::HelloRequest {
        client_version: "7.7.7".to_owned(),
        api_level,
    };
    let ours = gtd_wire::API_LEVEL;
    block_on(async {
        let client = town.person();
        for level in [ours, ours + 1] {
            let answer = client.call(hello(level)).await.unwrap();
            assert_eq!(answer.api_level, ours);
        }
        for level in [0, ours + 2] {
            let error = client.call(hello(level)).await.unwrap_err();
            let told = format!("{error:?}");
            assert!(told.contains("use programs of one version"), "{told}");
            assert!(told.contains("7.7.7"), "{told}");
        }
    });
}
