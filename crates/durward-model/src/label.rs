//! What kind of sensitive data a column holds.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A kind of sensitive data. Policy, masks and evidence speak of columns by their labels.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Label {
    /// An email address.
    Email,
    /// A telephone number.
    Phone,
    /// A person's name, whole or in part.
    PersonName,
    /// Street and house number, or a whole postal address.
    StreetAddress,
    /// A postal code.
    Postcode,
    /// A date of birth.
    BirthDate,
    /// A number that a state gives to each person.
    NationalId,
    /// A passport's number.
    Passport,
    /// A driving licence's number.
    DrivingLicence,
    /// A tax number.
    TaxId,
    /// A payment card's number.
    CardNumber,
    /// A payment card's security code.
    CardCode,
    /// An international bank account number.
    Iban,
    /// A bank account's number in a national form.
    BankAccount,
    /// An IP address.
    IpAddress,
    /// A hardware address.
    MacAddress,
    /// A precise place on earth.
    Location,
    /// The name that somebody logs in by.
    Username,
    /// What is said of somebody's health.
    Health,
    /// What somebody earns.
    Salary,
    /// A password.
    Password,
    /// What is kept of a password.
    PasswordHash,
    /// A key, token or other credential.
    Secret,
    /// Text written by people, in which anything may stand.
    FreeText,
    /// JSON some of whose keys hold labelled values.
    Json,
    /// Text from strangers, which may try to instruct whoever reads it.
    Untrusted,
    /// A label of the organisation's own.
    Custom(Arc<str>),
}

impl Label {
    /// Every label of the product's own, in the order in which they are documented.
    pub const BUILT_IN: [Self; 26] = [
        Self::Email,
        Self::Phone,
        Self::PersonName,
        Self::StreetAddress,
        Self::Postcode,
        Self::BirthDate,
        Self::NationalId,
        Self::Passport,
        Self::DrivingLicence,
        Self::TaxId,
        Self::CardNumber,
        Self::CardCode,
        Self::Iban,
        Self::BankAccount,
        Self::IpAddress,
        Self::MacAddress,
        Self::Location,
        Self::Username,
        Self::Health,
        Self::Salary,
        Self::Password,
        Self::PasswordHash,
        Self::Secret,
        Self::FreeText,
        Self::Json,
        Self::Untrusted,
    ];

    /// The word for it on the command line, in policies and in records.
    pub fn word(&self) -> &str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
            Self::PersonName => "person_name",
            Self::StreetAddress => "street_address",
            Self::Postcode => "postcode",
            Self::BirthDate => "birth_date",
            Self::NationalId => "national_id",
            Self::Passport => "passport",
            Self::DrivingLicence => "driving_licence",
            Self::TaxId => "tax_id",
            Self::CardNumber => "card_number",
            Self::CardCode => "card_code",
            Self::Iban => "iban",
            Self::BankAccount => "bank_account",
            Self::IpAddress => "ip_address",
            Self::MacAddress => "mac_address",
            Self::Location => "location",
            Self::Username => "username",
            Self::Health => "health",
            Self::Salary => "salary",
            Self::Password => "password",
            Self::PasswordHash => "password_hash",
            Self::Secret => "secret",
            Self::FreeText => "free_text",
            Self::Json => "json",
            Self::Untrusted => "untrusted",
            Self::Custom(word) => word,
        }
    }

    /// The label of a word. Unknown words are labels of the organisation's own.
    pub fn of_word(word: &str) -> Self {
        Self::BUILT_IN
            .into_iter()
            .find(|label| label.word() == word)
            .unwrap_or_else(|| Self::Custom(word.into()))
    }

    /// Whether it is a credential: never shown in part, never looked up by equality.
    pub const fn is_secret(&self) -> bool {
        matches!(
            self,
            Self::Password | Self::PasswordHash | Self::Secret | Self::CardCode
        )
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::Label;

    #[test]
    fn every_word_names_its_label() {
        for label in Label::BUILT_IN {
            assert_eq!(Label::of_word(label.word()), label);
        }
        assert_eq!(Label::of_word("project_names"), Label::Custom("project_names".into()));
    }
}
