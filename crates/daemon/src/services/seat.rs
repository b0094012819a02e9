//! The crew's pen.

use gtd_wire::pb::seat::v1::{
    CloseRequest, CloseResponse, ConcludeRequest, ConcludeResponse, GrantRequest, GrantResponse,
    OpenRequest, OpenResponse, seat_service_server::SeatService,
};

super::writes::writes! {
    SeatService {
        open OpenRequest => OpenResponse;
        close CloseRequest => CloseResponse;
        grant GrantRequest => GrantResponse;
        conclude ConcludeRequest => ConcludeResponse;
    } also {}
}
