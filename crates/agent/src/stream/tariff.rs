//! What a run costs where its program does not say.

use gtd_core::{Price, Usage, list_price};

use super::Account;

/// The prices of one run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tariff {
    /// That of its runtime, whatever the model is.
    pub price: Option<Price>,
    /// The model that the program was told to take, for programs that name none.
    pub model: Option<String>,
}

impl Tariff {
    /// Estimates what was used; none when that is nothing, or a price is not known.
    pub(super) fn of(&self, account: &Account) -> Option<u64> {
        let by_model = account.by_model.iter();
        let named = account.by_model.values();
        let named = named.fold(Usage::default(), |sum, usage| sum.plus(usage));
        let rest = account.usage.since(&named);
        let main = account.model.as_ref().or(self.model.as_ref());
        let mut sum = None;
        for (model, usage) in by_model
            .map(|(model, usage)| (Some(model), usage))
            .chain([(main, &rest)])
            .filter(|(_, usage)| usage.tokens() > 0)
        {
            let listed = || list_price(model?);
            let price = self.price.or_else(listed)?;
            *sum.get_or_insert(0) += price.of(usage);
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(model: Option<&str>, by_model: &[(&str, u64)], all: u64) -> Account {
        let input = |input| Usage {
            input,
            ..Usage::default()
        };
        let parts = by_model.iter();
        Account {
            model: model.map(str::to_owned),
            usage: input(all),
            by_model: parts
                .map(|(model, n)| ((*model).to_owned(), input(*n)))
                .collect(),
            ..Account::default()
        }
    }

    #[test]
    fn each_model_has_its_price_and_what_is_left_that_of_the_main_one() {
        let parts = [
            ("claude-haiku-4-5", 1_000_000),
            ("claude-opus-5", 1_000_000),
        ];
        let account = account(Some("claude-opus-5"), &parts, 3_000_000);
        assert_eq!(Tariff::default().of(&account), Some(11_000_000));
    }

    #[test]
    fn one_price_that_nobody_knows_leaves_no_estimate() {
        let parts = [("claude-opus-5", 1_000_000), ("house-llm", 1)];
        let of = account(None, &parts, 1_000_001);
        assert_eq!(Tariff::default().of(&of), None);
        let own = Tariff {
            price: Some(Price {
                input: 2_000_000,
                ..Price::default()
            }),
            model: None,
        };
        assert_eq!(
            own.of(&of),
            Some(2_000_002),
            "the price of the runtime holds for all"
        );
    }

    #[test]
    fn a_program_that_names_no_model_has_the_one_that_it_was_told() {
        let told = Tariff {
            price: None,
            model: Some("gpt-5.5".to_owned()),
        };
        assert_eq!(told.of(&account(None, &[], 200_000)), Some(1_000_000));
        assert_eq!(Tariff::default().of(&account(None, &[], 200_000)), None);
        assert_eq!(
            told.of(&account(None, &[], 0)),
            None,
            "nothing used is no cost"
        );
    }
}
