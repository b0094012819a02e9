//! The crew's pen.

use gtd_wire::pb::seat::v1::{
    BeginTurnRequest, BeginTurnResponse, CloseRequest, CloseResponse, ConcludeRequest,
    ConcludeResponse, EndTurnRequest, EndTurnResponse, GrantRequest, GrantResponse, OpenRequest,
    OpenResponse, seat_service_server::SeatService,
};

super::writes::writes! {
    SeatService {
        open OpenRequest => OpenResponse;
        close CloseRequest => CloseResponse;
        grant GrantRequest => GrantResponse;
        conclude ConcludeRequest => ConcludeResponse;
        begin_turn BeginTurnRequest => BeginTurnResponse;
        end_turn EndTurnRequest => EndTurnResponse;
    } also {}
}
