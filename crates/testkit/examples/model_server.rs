//! Serves models on loopback for real agent programs: `model_server [DEFAULT [NAME=STEPS]...]`.
//!
//! Prints one JSON line with its address and serves until its standard input
//! ends, so that it never outlives the script that started it.

use std::{env, io::Read as _, process::ExitCode};

use gtd_testkit::model::{ModelServer, NAMES};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if arguments.iter().any(|text| text.starts_with('-')) {
        return fail(&format!(
            "usage: model_server [DEFAULT [NAME=STEPS]...]\nscenarios: {}",
            NAMES.join(" ")
        ));
    }
    match serve(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string()),
    }
}

fn serve(arguments: &[String]) -> Result<(), Box<dyn std::error::Error>> {
    let default = arguments.first().map_or("write", String::as_str);
    let server = ModelServer::start(default)?;
    for named in arguments.iter().skip(1) {
        let (name, steps) = named.split_once('=').ok_or("a scenario is NAME=STEPS")?;
        server.set(name, steps)?;
    }
    tell(&format!(
        r#"{{"url":"{}","port":{},"pid":{}}}"#,
        server.url(),
        server.port(),
        std::process::id()
    ));
    let mut rest = [0; 64];
    while std::io::stdin().read(&mut rest)? > 0 {}
    Ok(())
}

#[expect(clippy::print_stderr, reason = "a program that a script calls")]
fn fail(why: &str) -> ExitCode {
    eprintln!("{why}");
    ExitCode::FAILURE
}

#[expect(clippy::print_stdout, reason = "a program that a script calls")]
fn tell(told: &str) {
    println!("{told}");
}
