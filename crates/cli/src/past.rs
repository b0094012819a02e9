//! The log as it was written: found by moment, read page by page.

use gtd_client::{Client, Recorded};
use gtd_core::{Revision, Timestamp};

use crate::error::CliError;

/// Records of one page.
const PAGE: u32 = 2_000;

/// Finds the last revision before a moment; moments never fall along the log.
pub(crate) async fn before(client: &Client, moment: Timestamp) -> Result<Revision, CliError> {
    let mut low = 0;
    let mut high = client.hello().await?.revision.0;
    while low < high {
        let middle = low + (high - low) / 2;
        let page = client.log(Revision(middle), 1, None).await?;
        match page.records.first() {
            Some(record) if record.envelope.at < moment => low = middle + 1,
            _ => high = middle,
        }
    }
    Ok(Revision(low))
}

/// Reads the records after a revision up to another one, in order.
pub(crate) async fn between(
    client: &Client,
    after: Revision,
    until: Revision,
) -> Result<Vec<Recorded>, CliError> {
    let mut records = Vec::new();
    let mut after = after;
    while after < until {
        let page = client.log(after, PAGE, Some(until)).await?;
        let Some(last) = page.records.last() else {
            break;
        };
        after = last.revision;
        records.extend(page.records);
    }
    Ok(records)
}
