//! What programs say in English about an error, where they have no word of their own for it.

use gtd_core::RuntimeFault;

use super::fault_of_status;

/// Sorts what a program says in English about an error into a class.
pub(super) fn fault_of_words(text: &str) -> Option<RuntimeFault> {
    let words = text.to_lowercase();
    let says = |needles: &[&str]| needles.iter().any(|needle| words.contains(needle));
    if says(&["too long", "model limit", "contextoverflow"]) {
        return Some(RuntimeFault::ContextFull);
    }
    if let Some(fault) = fault_of_status(status_in(&words), text) {
        return Some(fault);
    }
    if says(&["api key", "authentication", "unauthorized", "log in"]) {
        return Some(RuntimeFault::Auth);
    }
    if says(&["rate limit", "too many requests"]) {
        return Some(RuntimeFault::RateLimited { until: None });
    }
    if says(&["overloaded", "internal server error", "at capacity"]) {
        return Some(RuntimeFault::Overloaded);
    }
    if says(&["model not found", "modelnotfound", "does not exist"]) {
        return Some(RuntimeFault::ModelMissing);
    }
    let is_network = says(&[
        "fetch failed",
        "connection error",
        "connect",
        "network",
        "timed out",
    ]);
    is_network.then_some(RuntimeFault::Network)
}

/// Finds an HTTP status among the words of an error.
fn status_in(words: &str) -> Option<u64> {
    words
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| word.len() == 3)
        .filter_map(|word| word.parse().ok())
        .find(|status| (400..600).contains(status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_known_by_its_status_or_its_words() {
        let check = |text: &str, word: &str| {
            let fault = fault_of_words(text);
            let found = fault.as_ref().map_or("none", RuntimeFault::word);
            assert_eq!(found, word, "{text}");
        };
        check("401 Incorrect API key provided.", "auth");
        check("Internal error: Incorrect API key provided.", "auth");
        check(
            "Authentication failed with provider at http://127.0.0.1:40919/v1 (HTTP 401).",
            "auth",
        );
        check("429 Too many of them", "rate_limited");
        check("Client error '503 Service Unavailable'", "overloaded");
        check(
            "The provider rejected the prompt as too long",
            "context_full",
        );
        check(
            "exceeds model limit even after stripping media",
            "context_full",
        );
        check("model not found: large", "model_missing");
        check("fetch failed", "network");
        check("It is broken", "none");
    }
}
