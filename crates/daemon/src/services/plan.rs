//! The mayor's pen.

use gtd_wire::pb::plan::v1::{
    CloseRequest, CloseResponse, ProposeRequest, ProposeResponse, plan_service_server::PlanService,
};

super::writes::writes! {
    PlanService {
        propose ProposeRequest => ProposeResponse;
        close CloseRequest => CloseResponse;
    } also {}
}
