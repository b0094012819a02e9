//! Role hosts in processes of their own.

use std::process::Stdio;

use gtd_client::Client;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::town::{Town, block_on};

async fn wait_for_host(client: &Client, role: &str, host: &str) {
    loop {
        let roles = client.roles(Some(role)).await.unwrap();
        if roles["items"][0]["host"] == host {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[test]
fn a_host_of_its_own_takes_roles_from_the_built_in_one_and_its_end_gives_them_back() {
    let mut town = Town::started();
    block_on(async {
        let client = town.person();
        wait_for_host(&client, "witness", "local").await;
        let mut far = town
            .gtdd()
            .args(["host", "--roles", "witness,refinery", "--name", "far"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        wait_for_host(&client, "witness", "far").await;
        wait_for_host(&client, "refinery", "far").await;
        wait_for_host(&client, "crew", "local").await;
        let pid = Pid::from_raw(i32::try_from(far.id()).unwrap());
        kill(pid, Signal::SIGTERM).unwrap();
        assert!(far.wait().unwrap().success());
        wait_for_host(&client, "witness", "local").await;
        let unknown = client.roles(Some("baker")).await;
        assert!(unknown.is_err());
    });
    town.end();
}
