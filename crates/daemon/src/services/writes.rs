//! What all writes have in common.

use gtd_core::{Command, Holder};
use gtd_wire::{Caller, WriteContext, WriteRequest, Written};
use tonic::{Request, Response, Status};
use tracing::Instrument as _;

use super::{Api, caller_of, malformed};
use crate::ledger::{Answer, Order};

impl Api {
    /// Writes the command that a request carries.
    pub(super) async fn write<R: WriteRequest>(
        &self,
        request: Request<R>,
    ) -> Result<Response<R::Response>, Status> {
        let caller = caller_of(&request)?;
        let (command, context) = request.into_inner().command().map_err(malformed)?;
        let written = self
            .commit(&caller, context, vec![command])
            .instrument(tracing::debug_span!("rpc", method = R::NAME, by = %caller.actor()))
            .await?;
        Ok(Response::new(written.into()))
    }

    /// Has commands decided on one state, all or none.
    pub(super) async fn commit(
        &self,
        caller: &Caller,
        context: WriteContext,
        commands: Vec<Command>,
    ) -> Result<Written, Status> {
        let order = order(caller, context, commands);
        let answer = self.town.ledger.write(order).await?;
        Ok(self.written(answer))
    }

    /// Makes the wire's answer; a lease that was granted to its claimant comes with its token.
    pub(super) fn written(&self, answer: Answer) -> Written {
        let Answer {
            revision,
            mut ids,
            granted,
        } = answer;
        let epoch = granted.as_ref().map(|granted| granted.epoch);
        let claimed = granted.filter(|granted| matches!(granted.holder, Holder::Claimant { .. }));
        let lease_token = claimed.map(|granted| {
            ids.push(granted.bead.to_string());
            self.town.key.lease_token(&granted.bead, granted.epoch)
        });
        Written {
            revision,
            ids,
            epoch,
            lease_token,
        }
    }
}

/// Makes the order of a caller.
pub(super) fn order(caller: &Caller, context: WriteContext, commands: Vec<Command>) -> Order {
    Order {
        by: caller.actor(),
        request: context.request,
        expected: context.expected,
        commands,
    }
}

/// Implements a service whose rpcs all carry a command, but for those written out below `also`.
macro_rules! writes {
    ($service:path {
        $($method:ident $request:ty => $response:ty;)*
    } also { $($rest:tt)* }) => {
        #[tonic::async_trait]
        impl $service for $crate::services::Api {
            $(
                async fn $method(
                    &self,
                    request: tonic::Request<$request>,
                ) -> Result<tonic::Response<$response>, tonic::Status> {
                    self.write(request).await
                }
            )*
            $($rest)*
        }
    };
}
pub(super) use writes;
