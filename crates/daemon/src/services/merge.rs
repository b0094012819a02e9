//! The refinery's pen.

use gtd_wire::pb::merge::v1::{
    ConcludeLandingRequest, ConcludeLandingResponse, FormRequest, FormResponse, JudgeBaseRequest,
    JudgeBaseResponse, JudgeRequest, JudgeResponse, LandRequest, LandResponse,
    ObserveTargetRequest, ObserveTargetResponse, SendBackRequest, SendBackResponse, VoidRequest,
    VoidResponse, merge_service_server::MergeService,
};

super::writes::writes! {
    MergeService {
        form FormRequest => FormResponse;
        judge JudgeRequest => JudgeResponse;
        land LandRequest => LandResponse;
        void VoidRequest => VoidResponse;
        send_back SendBackRequest => SendBackResponse;
        observe_target ObserveTargetRequest => ObserveTargetResponse;
        judge_base JudgeBaseRequest => JudgeBaseResponse;
        conclude_landing ConcludeLandingRequest => ConcludeLandingResponse;
    } also {}
}
