//! The errors of the services, as the programs know them.
//!
//! The texts, types and headers are those that claude and codex look for; the
//! services themselves were not asked, so a change of theirs is not seen here.

use std::time::{SystemTime, UNIX_EPOCH};

use hyper::StatusCode;
use serde_json::{Value, json};

/// Seconds until a limit of a subscription is over, when a step does not say.
const RESETS: u64 = 3600;

/// An answer with an error status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// 401: the key counts no longer.
    Key,
    /// 403: the key may not do this.
    Forbidden,
    /// 404: there is no such model.
    Model,
    /// 400: nothing is left to pay with.
    Credit,
    /// 400: the conversation is longer than the model's window.
    Long,
    /// 413: the request is too large to be read.
    Large,
    /// 429: too many requests now; perhaps with the seconds to wait.
    Often { after: Option<u64> },
    /// 429: the window of a subscription is used up; over in so many seconds.
    Limit { resets: u64 },
    /// 429: the month's budget is used up.
    Quota,
    /// 500: the service broke.
    Broken,
    /// 529 (Anthropic) or 503 (others): the service has too much to do.
    Overloaded,
}

/// The services whose errors are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Vendor {
    /// Errors as Anthropic writes them.
    Anthropic,
    /// Errors as `OpenAI` writes them.
    OpenAi,
}

/// An error as it goes over the wire.
pub(super) struct Refusal {
    /// The HTTP status.
    pub(super) status: StatusCode,
    /// Headers beside the usual ones.
    pub(super) headers: Vec<(&'static str, String)>,
    /// The body.
    pub(super) body: Value,
}

impl Failure {
    /// Reads `WHAT` of the step `fail WHAT`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (name, option) = text.split_once(' ').unwrap_or((text, ""));
        let number = |key: &str| -> Result<Option<u64>, String> {
            match option.split_once('=') {
                None if option.is_empty() => Ok(None),
                Some((found, value)) if found == key => value
                    .parse()
                    .map(Some)
                    .map_err(|_| format!("`{value}` is no number of seconds")),
                _ => Err(format!("`fail {name}` has no option `{option}`")),
            }
        };
        let failure = match name {
            "401" => Self::Key,
            "403" => Self::Forbidden,
            "404" => Self::Model,
            "400-credit" => Self::Credit,
            "400-long" => Self::Long,
            "413" => Self::Large,
            "429" => Self::Often {
                after: number("after")?,
            },
            "429-limit" => Self::Limit {
                resets: number("resets")?.unwrap_or(RESETS),
            },
            "429-quota" => Self::Quota,
            "500" => Self::Broken,
            "529" => Self::Overloaded,
            _ => return Err(format!("there is no failure `{name}`")),
        };
        if !matches!(failure, Self::Often { .. } | Self::Limit { .. }) {
            number("")?;
        }
        Ok(failure)
    }

    /// Returns the name by which a step and the ledger call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Key => "401",
            Self::Forbidden => "403",
            Self::Model => "404",
            Self::Credit => "400-credit",
            Self::Long => "400-long",
            Self::Large => "413",
            Self::Often { .. } => "429",
            Self::Limit { .. } => "429-limit",
            Self::Quota => "429-quota",
            Self::Broken => "500",
            Self::Overloaded => "529",
        }
    }

    /// Writes the error as one of the services would.
    pub(super) fn write(self, vendor: Vendor, model: &str, request: &str) -> Refusal {
        match vendor {
            Vendor::Anthropic => self.anthropic(model, request),
            Vendor::OpenAi => self.openai(model),
        }
    }

    fn anthropic(self, model: &str, request: &str) -> Refusal {
        let (status, kind, message) = match self {
            Self::Key => (401, "authentication_error", "invalid x-api-key".to_owned()),
            Self::Forbidden => (
                403,
                "permission_error",
                "Your account does not have permission to use this resource.".to_owned(),
            ),
            Self::Model => (404, "not_found_error", format!("model: {model}")),
            Self::Credit => (
                400,
                "invalid_request_error",
                "Your credit balance is too low to access the Anthropic API. \
                 Please go to Plans & Billing to upgrade or purchase credits."
                    .to_owned(),
            ),
            Self::Long => (
                400,
                "invalid_request_error",
                "prompt is too long: 215000 tokens > 200000 maximum".to_owned(),
            ),
            Self::Large => (
                413,
                "request_too_large",
                "Request exceeds the maximum allowed number of bytes.".to_owned(),
            ),
            Self::Often { .. } => (
                429,
                "rate_limit_error",
                "This request would exceed the rate limit for your organization.".to_owned(),
            ),
            Self::Limit { .. } => (
                429,
                "rate_limit_error",
                "This request would exceed your account's rate limit. Please try again later."
                    .to_owned(),
            ),
            Self::Quota => (
                429,
                "rate_limit_error",
                "You have reached your specified API usage limits. You will regain access on \
                 2026-12-01 at 00:00 UTC."
                    .to_owned(),
            ),
            Self::Broken => (500, "api_error", "Internal server error".to_owned()),
            Self::Overloaded => (529, "overloaded_error", "Overloaded".to_owned()),
        };
        Refusal {
            status: code(status),
            headers: self.headers(Vendor::Anthropic),
            body: json!({
                "type": "error",
                "error": {"type": kind, "message": message},
                "request_id": request,
            }),
        }
    }

    fn openai(self, model: &str) -> Refusal {
        let (status, kind, name, message) = match self {
            Self::Key => (
                401,
                "invalid_request_error",
                "invalid_api_key",
                "Incorrect API key provided.".to_owned(),
            ),
            Self::Forbidden => (
                403,
                "invalid_request_error",
                "model_not_allowed",
                format!("Project does not have access to model `{model}`."),
            ),
            Self::Model => (
                404,
                "invalid_request_error",
                "model_not_found",
                format!("The model `{model}` does not exist or you do not have access to it."),
            ),
            Self::Credit => (
                400,
                "invalid_request_error",
                "billing_hard_limit_reached",
                "Billing hard limit has been reached.".to_owned(),
            ),
            Self::Long => (
                400,
                "invalid_request_error",
                "context_length_exceeded",
                "Your input exceeds the context window of this model. \
                 Please adjust your input and try again."
                    .to_owned(),
            ),
            Self::Large => (
                413,
                "invalid_request_error",
                "request_too_large",
                "The request is too large.".to_owned(),
            ),
            Self::Often { .. } => (
                429,
                "tokens",
                "rate_limit_exceeded",
                format!("Rate limit reached for {model} on tokens per min (TPM)."),
            ),
            Self::Limit { resets } => {
                return Refusal {
                    status: code(429),
                    headers: self.headers(Vendor::OpenAi),
                    body: json!({"error": {
                        "type": "usage_limit_reached",
                        "message": "The usage limit has been reached",
                        "plan_type": "pro",
                        "resets_at": epoch() + resets,
                        "resets_in_seconds": resets,
                    }}),
                };
            }
            Self::Quota => (
                429,
                "insufficient_quota",
                "insufficient_quota",
                "You exceeded your current quota, please check your plan and billing details."
                    .to_owned(),
            ),
            Self::Broken => (
                500,
                "server_error",
                "server_error",
                "The server had an error while processing your request. Sorry about that!"
                    .to_owned(),
            ),
            Self::Overloaded => (
                503,
                "service_unavailable_error",
                "server_is_overloaded",
                "Our servers are currently overloaded. Please try again later.".to_owned(),
            ),
        };
        Refusal {
            status: code(status),
            headers: self.headers(Vendor::OpenAi),
            body: json!({
                "error": {"message": message, "type": kind, "param": null, "code": name},
            }),
        }
    }

    fn headers(self, vendor: Vendor) -> Vec<(&'static str, String)> {
        match (self, vendor) {
            (Self::Often { after: Some(after) }, _) => vec![("retry-after", after.to_string())],
            (Self::Limit { resets }, Vendor::Anthropic) => {
                let mut headers = window("rejected", "1.0", epoch() + resets);
                headers.push(("retry-after", resets.to_string()));
                headers
            }
            (Self::Limit { resets }, Vendor::OpenAi) => gauge("100", epoch() + resets),
            _ => Vec::new(),
        }
    }
}

/// The headers with which Anthropic tells a subscription how much of its window is used.
pub(super) fn window(status: &str, used: &str, resets_at: u64) -> Vec<(&'static str, String)> {
    let resets_at = resets_at.to_string();
    let claim = "five_hour".to_owned();
    vec![
        ("anthropic-ratelimit-unified-status", status.to_owned()),
        ("anthropic-ratelimit-unified-reset", resets_at.clone()),
        ("anthropic-ratelimit-unified-representative-claim", claim),
        ("anthropic-ratelimit-unified-5h-status", status.to_owned()),
        (
            "anthropic-ratelimit-unified-5h-utilization",
            used.to_owned(),
        ),
        ("anthropic-ratelimit-unified-5h-reset", resets_at),
    ]
}

/// The headers with which `OpenAI` tells codex how much of its window is used.
pub(super) fn gauge(used: &str, resets_at: u64) -> Vec<(&'static str, String)> {
    vec![
        ("x-codex-primary-used-percent", used.to_owned()),
        ("x-codex-primary-window-minutes", "300".to_owned()),
        ("x-codex-primary-reset-at", resets_at.to_string()),
    ]
}

/// Returns the seconds since 1970.
pub(super) fn epoch() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

fn code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).expect("a status of the table above")
}
