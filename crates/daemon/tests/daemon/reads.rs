//! Documents: single things, lists, reasons, reports.

use gtd_client::GoalWish;
use gtd_core::{Plan, Rejection};
use gtd_wire::pb::graph::v1::QueryRequest;

use crate::town::{Town, block_on, named, script, spec};

#[test]
fn a_town_can_be_read_from_every_side() {
    let town = Town::started();
    block_on(async {
        let client = town.person();
        let rig = town.quiet_rig(&client).await;
        let mut wish = GoalWish::new(rig.clone(), spec("three things"));
        let mut beads: Vec<_> = ["a", "b", "c"].map(|id| script(id, "true")).into();
        beads[2].needs = vec!["a".into(), "b".into()];
        beads[0].spec.labels.insert("ui".into());
        wish.plan = Some(Plan {
            beads,
            ..Plan::default()
        });
        let made = client.submit_goal(wish, named("goal")).await.unwrap();
        let (goal, ids) = made.written.ids.split_first().unwrap();

        let convoy = client.get(goal).await.unwrap();
        assert_eq!(convoy["kind"], "Convoy");
        assert_eq!(convoy["beads"].as_array().unwrap().len(), 3);
        let bead = client.get(&ids[2]).await.unwrap();
        assert_eq!(bead["kind"], "Bead");
        assert_eq!(bead["state"], "waiting");
        let ambiguous = client.get("api-").await.unwrap_err();
        assert!(
            matches!(ambiguous.rejection(), Some(Rejection::AmbiguousId { candidates, .. }) if candidates.len() == 4)
        );
        let missing = client.get("api-zzzzzz").await.unwrap_err();
        assert!(matches!(
            missing.rejection(),
            Some(Rejection::NoBead { .. })
        ));

        let mut seen = Vec::new();
        let mut page_token = String::new();
        loop {
            let page = client
                .query(QueryRequest {
                    kind: "beads".into(),
                    limit: 2,
                    page_token,
                    ..QueryRequest::default()
                })
                .await
                .unwrap();
            assert_eq!(page.document["kind"], "BeadList");
            for item in page.document["items"].as_array().unwrap() {
                seen.push(item["id"].as_str().unwrap().to_owned());
            }
            match page.next {
                Some(token) => page_token = token,
                None => break,
            }
        }
        let mut all = ids.to_vec();
        all.sort();
        assert_eq!(seen, all);
        for (kind, doc, n_items) in [
            ("convoys", "ConvoyList", 1),
            ("ready", "BeadList", 0),
            ("rigs", "RigList", 1),
            ("agents", "AgentList", 0),
            ("inbox", "InboxList", 1),
        ] {
            let request = QueryRequest {
                kind: kind.into(),
                rig: "api".into(),
                ..QueryRequest::default()
            };
            let page = client.query(request).await.unwrap().document;
            assert_eq!(page["kind"], doc);
            assert_eq!(page["items"].as_array().unwrap().len(), n_items, "{kind}");
        }
        let labelled = QueryRequest {
            goal: goal.clone(),
            labels: vec!["ui".into()],
            states: vec!["waiting".into()],
            ..QueryRequest::default()
        };
        let page = client.query(labelled).await.unwrap().document;
        assert_eq!(page["items"][0]["id"], ids[0].as_str());
        assert_eq!(page["items"].as_array().unwrap().len(), 1);

        let why = client.why(Some(&ids[2])).await.unwrap();
        assert_eq!(why["kind"], "Why");
        let all = client.why(None).await.unwrap();
        assert_eq!(all["kind"], "WhyList");
        assert_eq!(all["unfinished"], 3);
        let counted: u64 = all["groups"]
            .as_array()
            .unwrap()
            .iter()
            .map(|group| group["count"].as_u64().unwrap())
            .sum();
        assert_eq!(counted, 3);
        let status = client.status().await.unwrap();
        assert_eq!(status["kind"], "Status");
        assert_eq!(status["convoys"].as_array().unwrap().len(), 1);
        assert_eq!(status["daemon"]["pid"], town.pid());
        let report = client.report(None, None, None).await.unwrap();
        assert_eq!(report["kind"], "Report");
        assert_eq!(report["not_done"].as_array().unwrap().len(), 3);
        let roles = client.roles(None).await.unwrap();
        let items = roles["items"].as_array().unwrap();
        let names: Vec<&str> = items.iter().map(|r| r["name"].as_str().unwrap()).collect();
        assert_eq!(
            names.join(" "),
            "mayor crew worker refinery witness deacon reviewer"
        );
        assert_eq!(items[2]["layer"], "builtin");
        assert_eq!(items[6]["state"], "ok");
        let gates = client.gates(Some(&rig)).await.unwrap();
        assert_eq!(gates["kind"], "GateList");
        let runs = client
            .runs(gtd_wire::pb::run::v1::ListRequest::default())
            .await
            .unwrap();
        assert_eq!(runs["kind"], "RunList");
    });
}
