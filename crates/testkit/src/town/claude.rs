//! The claude of a town: a script that speaks as the real program does.

use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::json;

use super::Town;

impl Town {
    /// Makes a script the claude of the town.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn be_claude(&self, script: &str) {
        let program = self.path("claude");
        fs::write(&program, script).expect("write a program");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("make it run");
        fs::create_dir_all(self.path("home/config")).expect("make a folder");
        let config = format!(
            "schema = 1\n\n[runtimes.claude]\npreset = \"claude-code\"\ncommand = [\"{}\"]\n\
             env = {{ ANTHROPIC_API_KEY = \"none\" }}\n",
            program.display()
        );
        fs::write(self.path("home/config/config.toml"), config).expect("write the configuration");
    }
}

/// What claude prints in a session when it says this, has nothing more to do, and it has cost so
/// many dollars.
#[must_use]
pub fn claude_says(session: &str, answer: &str, usd: f64) -> String {
    let init = json!({"type": "system", "subtype": "init", "session_id": session, "model": "m"});
    let says = json!({"type": "assistant", "session_id": session, "message": {
        "id": "msg-1", "content": [{"type": "text", "text": answer}],
        "usage": {"input_tokens": 900, "output_tokens": 80},
    }});
    let result = json!({"type": "result", "subtype": "success", "is_error": false,
        "session_id": session, "result": answer, "total_cost_usd": usd,
        "usage": {"input_tokens": 900, "output_tokens": 80}});
    format!("{init}\n{says}\n{result}\n")
}

/// What claude prints when it begins a session.
#[must_use]
pub fn claude_begins(session: &str) -> String {
    let init = json!({"type": "system", "subtype": "init", "session_id": session,
        "model": "claude-opus-5-5"});
    format!("{init}\n")
}

/// What claude prints for one message of `claude-opus-5-5` that took so many tokens out, of which
/// a million cost twenty dollars.
#[must_use]
pub fn claude_uses(session: &str, message: &str, tokens: u64) -> String {
    let says = json!({"type": "assistant", "session_id": session, "message": {
        "id": message, "model": "claude-opus-5-5",
        "content": [{"type": "text", "text": "I go on."}],
        "usage": {"input_tokens": 0, "output_tokens": tokens},
    }});
    format!("{says}\n")
}
