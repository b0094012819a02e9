//! How far each conversation has come.

use std::collections::HashMap;

use super::{
    answer::Usage,
    asked::Asked,
    script::{Script, Step},
};

/// The tokens at the end of a prompt that are never kept.
const TAIL: u64 = 4;

/// All conversations, by their names.
#[derive(Debug, Default)]
pub(super) struct Conversations {
    known: HashMap<String, Conversation>,
}

/// One conversation.
#[derive(Debug)]
pub(super) struct Conversation {
    /// Which one it is, from 1.
    number: usize,
    n_chosen: usize,
    script: Script,
    position: usize,
    n_answers: u64,
    /// Tokens of the prompt that the service keeps.
    kept: u64,
}

impl Conversations {
    /// Returns the conversation of a request; a prompt that chooses begins its
    /// scenario anew, even when it chooses the same one again.
    pub(super) fn enter(&mut self, asked: &Asked, script: Script) -> &mut Conversation {
        let number = self.known.len() + 1;
        let conversation = self
            .known
            .entry(asked.conversation.clone())
            .or_insert_with(|| Conversation {
                number,
                n_chosen: asked.n_chosen,
                script: script.clone(),
                position: 0,
                n_answers: 0,
                kept: 0,
            });
        if conversation.n_chosen != asked.n_chosen {
            conversation.n_chosen = asked.n_chosen;
            conversation.script = script;
            conversation.position = 0;
        }
        conversation
    }
}

impl Conversation {
    /// Returns the step that is next.
    pub(super) fn next(&self) -> &Step {
        self.script.step(self.position)
    }

    /// Goes on by one step.
    pub(super) fn step(&mut self) -> Step {
        let step = self.script.step(self.position).clone();
        self.position += 1;
        step
    }

    /// Makes a name for the next answer.
    pub(super) fn name_answer(&mut self) -> String {
        self.n_answers += 1;
        format!("{:04}{:04}", self.number, self.n_answers)
    }

    /// Tells what an answer costs, and keeps its prompt for the next.
    pub(super) fn charge(&mut self, asked: &Asked, output: u64) -> Usage {
        if !asked.is_cached {
            return Usage {
                input: asked.tokens,
                output,
                ..Usage::default()
            };
        }
        let cache_read = self.kept.min(asked.tokens.saturating_sub(TAIL));
        let input = TAIL.min(asked.tokens);
        let cache_write = asked.tokens - input - cache_read;
        self.kept = cache_read + cache_write;
        Usage {
            input,
            cache_read,
            cache_write,
            output,
        }
    }
}
