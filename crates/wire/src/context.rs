//! What surrounds a write on its way in and on its way back.

use gtd_core::{Epoch, RequestId, Revision};

use crate::{Malformed, Token, pb::common::v1 as pb};

/// The name of a write, and what its caller has seen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WriteContext {
    /// The caller's name for the write.
    pub request: Option<RequestId>,
    /// The revision that the caller has seen; a later change of the subject refuses the write.
    pub expected: Option<Revision>,
}

impl WriteContext {
    pub(crate) fn take(wire: Option<pb::WriteContext>) -> Result<Self, Malformed> {
        let Some(wire) = wire else {
            return Ok(Self::default());
        };
        let request = if wire.request_id.is_empty() {
            None
        } else {
            let parsed = RequestId::parse(&wire.request_id)
                .map_err(|invalid| Malformed::name("context.request_id", &invalid))?;
            Some(parsed)
        };
        Ok(Self {
            request,
            expected: wire.expected_revision.map(Revision),
        })
    }
}

impl TryFrom<pb::WriteContext> for WriteContext {
    type Error = Malformed;
    fn try_from(wire: pb::WriteContext) -> Result<Self, Malformed> {
        Self::take(Some(wire))
    }
}

impl From<WriteContext> for pb::WriteContext {
    fn from(context: WriteContext) -> Self {
        Self {
            request_id: context
                .request
                .map(|request| request.as_str().to_owned())
                .unwrap_or_default(),
            expected_revision: context.expected.map(|revision| revision.0),
        }
    }
}

/// The answer to a write.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Written {
    /// The revision of the log that holds the write.
    pub revision: Revision,
    /// The ids of what was created, in order.
    pub ids: Vec<String>,
    /// The epoch, when a lease was granted to the caller.
    pub epoch: Option<Epoch>,
    /// The token that writes under that lease must carry.
    pub lease_token: Option<Token>,
}

impl TryFrom<pb::Written> for Written {
    type Error = Malformed;
    fn try_from(wire: pb::Written) -> Result<Self, Malformed> {
        let lease_token = if wire.lease_token.is_empty() {
            None
        } else {
            Some(Token::parse(&wire.lease_token).map_err(|error| error.under("written"))?)
        };
        Ok(Self {
            revision: Revision(wire.revision),
            ids: wire.ids,
            epoch: wire.epoch.map(Epoch),
            lease_token,
        })
    }
}

impl From<Written> for pb::Written {
    fn from(written: Written) -> Self {
        Self {
            revision: written.revision.0,
            ids: written.ids,
            epoch: written.epoch.map(|epoch| epoch.0),
            lease_token: written
                .lease_token
                .map(|token| token.as_str().to_owned())
                .unwrap_or_default(),
        }
    }
}
