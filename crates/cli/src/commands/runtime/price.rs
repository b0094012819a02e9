//! What the tokens of a runtime or a model cost, for people and programs.

use gtd_core::{Dollars, Price, usd};
use serde_json::{Value, json};

/// Says what a million tokens cost.
pub(super) fn price(price: Price) -> String {
    let read = price.cache_read.unwrap_or(price.input);
    format!(
        "{} in, {} from the cache, {} out for a million tokens",
        usd(price.input),
        usd(read),
        usd(price.output)
    )
}

/// Makes the document of a price.
pub(super) fn document(price: Price) -> Value {
    json!({
        "input_usd_per_mtok": Dollars(price.input),
        "output_usd_per_mtok": Dollars(price.output),
        "cache_read_usd_per_mtok": price.cache_read.map(Dollars),
        "cache_write_usd_per_mtok": price.cache_write.map(Dollars),
    })
}
