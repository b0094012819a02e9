//! Words between roles, agents and people; never control flow.

use gtd_core::{Actor, ListDoc, MailItem, Moment};
use gtd_wire::pb::mail::v1::{
    AckRequest, AckResponse, ReadRequest, ReadResponse, SendRequest, SendResponse,
    mail_service_server::MailService,
};
use serde::Serialize;
use tonic::{Request, Response, Status};

use super::{Api, caller_of, document};

/// Messages of one page, unless another number is asked for.
const PAGE: usize = 100;
const PAGE_MAX: usize = 1000;

/// One message.
#[derive(Debug, Serialize)]
struct MailDoc {
    number: u64,
    from: String,
    to: String,
    thread: Option<u64>,
    text: String,
    at: Moment,
    acked: bool,
}

impl From<&MailItem> for MailDoc {
    fn from(mail: &MailItem) -> Self {
        Self {
            number: mail.number,
            from: mail.from.to_string(),
            to: mail.to.clone(),
            thread: mail.thread,
            text: mail.text.clone(),
            at: Moment(mail.at),
            acked: mail.acked,
        }
    }
}

super::writes::writes! {
    MailService {
        send SendRequest => SendResponse;
        ack AckRequest => AckResponse;
    } also {
        async fn read(
            &self,
            request: Request<ReadRequest>,
        ) -> Result<Response<ReadResponse>, Status> {
            self.read_mail(request)
        }
    }
}

impl Api {
    fn read_mail(&self, request: Request<ReadRequest>) -> Result<Response<ReadResponse>, Status> {
        let caller = caller_of(&request)?.actor();
        let request = request.into_inner();
        let limit = super::reads::limit(request.limit, PAGE, PAGE_MAX);
        let (items, revision) = self.town.view(|view| {
            let names = if request.reader.is_empty() {
                names_of(&caller, view.graph)
            } else {
                vec![request.reader.clone()]
            };
            let items: Vec<MailDoc> = view
                .graph
                .mail()
                .filter(|mail| mail.number > request.after)
                .filter(|mail| names.contains(&mail.to))
                .filter(|mail| !(request.unread_only && mail.acked))
                .take(limit)
                .map(MailDoc::from)
                .collect();
            (items, view.graph.revision())
        });
        let next = match items.last() {
            Some(last) if items.len() == limit => last.number.to_string(),
            _ => String::new(),
        };
        document("MailList", ListDoc { items, next }, revision)
    }
}

/// Lists the names under which a caller gets mail.
fn names_of(caller: &Actor, graph: &gtd_core::Graph) -> Vec<String> {
    let mut names = vec![caller.to_string()];
    if let Actor::Lease { bead, .. } = caller {
        names.push(bead.to_string());
        let seat = graph.bead(bead).and_then(|bead| bead.phase.lease());
        names.extend(seat.map(|lease| lease.holder.name().to_string()));
    }
    names
}
