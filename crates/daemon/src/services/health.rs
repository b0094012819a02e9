//! The witness's pen.

use gtd_wire::pb::health::v1::{
    EscalateRequest, EscalateResponse, ExpireRequest, ExpireResponse, QuarantineRequest,
    QuarantineResponse, TripBreakerRequest, TripBreakerResponse,
    health_service_server::HealthService,
};

super::writes::writes! {
    HealthService {
        expire ExpireRequest => ExpireResponse;
        quarantine QuarantineRequest => QuarantineResponse;
        trip_breaker TripBreakerRequest => TripBreakerResponse;
        escalate EscalateRequest => EscalateResponse;
    } also {}
}
