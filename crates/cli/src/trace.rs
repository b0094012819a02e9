//! `-vv`: what the client does, on stderr: folders, socket, and every call with its duration.

use std::{
    io::{self, Write as _},
    time::{Duration, Instant},
};

use gtd_client::{Called, Listener};

use crate::{context::Context, exit::Exit};

/// Makes what tells each call.
pub(crate) fn listener() -> Listener {
    Listener::new(|called: &Called<'_>| {
        let failed = called
            .failed
            .map_or_else(String::new, |error| format!("  {error}"));
        tell(
            "call",
            &format!("{:<24}{}{failed}", called.method, ms(called.took)),
        );
    })
}

/// Tells where everything is.
pub(crate) fn begin(ctx: &Context) {
    if ctx.listener.is_none() {
        return;
    }
    let places = &ctx.places;
    tell("town", &places.town);
    for (name, folder) in [
        ("config", &places.config),
        ("data", &places.data),
        ("state", &places.state),
    ] {
        tell(name, &folder.display().to_string());
    }
    tell("socket", &format!("unix:{}", places.socket().display()));
    tell("here", &ctx.folder.display().to_string());
    if let Ok(Some(rig)) = ctx.rig() {
        tell("rig", rig.as_str());
    }
}

/// Tells how the command ended.
pub(crate) fn end(ctx: &Context, exit: Exit, began: Instant) {
    if ctx.listener.is_some() {
        let took = ms(began.elapsed());
        tell("exit", &format!("{} after {took}", exit.code()));
    }
}

fn ms(took: Duration) -> String {
    format!("{:.1} ms", took.as_secs_f64() * 1e3)
}

fn tell(what: &str, text: &str) {
    // Whoever has closed stderr does not want to read it.
    let _nobody = writeln!(io::stderr(), "gtd: {what:<8}{text}");
}
