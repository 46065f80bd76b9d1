//! The people who work on tickets: what each role may see and do.

use serde::{Deserialize, Serialize};

use super::workflow::Action;

/// The row of somebody who works here.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, sqlx::Type,
)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct StaffId(pub i64);

/// What somebody is here for. Rows and addresses hold the Indonesian word ([`Role::id`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type)]
#[sqlx(type_name = "text")]
pub enum Role {
    /// Takes reports, checks them and sends them on.
    #[serde(rename = "petugas")]
    #[sqlx(rename = "petugas")]
    Operator,
    /// Answers for one agency, and sees its tickets only.
    #[serde(rename = "petugas_opd")]
    #[sqlx(rename = "petugas_opd")]
    AgencyOfficer,
    /// Watches over the operators.
    #[serde(rename = "penyelia")]
    #[sqlx(rename = "penyelia")]
    Supervisor,
    /// Reads, and changes nothing.
    #[serde(rename = "auditor")]
    #[sqlx(rename = "auditor")]
    Auditor,
    /// Also decides who works here.
    #[serde(rename = "admin")]
    #[sqlx(rename = "admin")]
    Admin,
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 5] =
        [Role::Operator, Role::AgencyOfficer, Role::Supervisor, Role::Auditor, Role::Admin];

    /// The word in rows, forms and on the command line.
    pub fn id(self) -> &'static str {
        match self {
            Role::Operator => "petugas",
            Role::AgencyOfficer => "petugas_opd",
            Role::Supervisor => "penyelia",
            Role::Auditor => "auditor",
            Role::Admin => "admin",
        }
    }

    /// What people read.
    pub fn word(self) -> &'static str {
        match self {
            Role::Operator => "Petugas",
            Role::AgencyOfficer => "Petugas OPD",
            Role::Supervisor => "Penyelia",
            Role::Auditor => "Auditor",
            Role::Admin => "Admin",
        }
    }

    /// The role of this [`Role::id`].
    pub fn parse(id: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.id() == id)
    }

    /// Whether it changes tickets at all.
    pub fn changes_tickets(self) -> bool {
        self != Role::Auditor
    }

    /// Whether a password is not enough for it: it says who works here, or sees everybody's work.
    pub fn needs_second_factor(self) -> bool {
        matches!(self, Role::Supervisor | Role::Admin)
    }

    /// Whether it sees reporters' numbers in full.
    pub fn sees_numbers(self) -> bool {
        !matches!(self, Role::AgencyOfficer | Role::Auditor)
    }

    /// Whether it may hear a report. A voice tells who somebody is: the agency that an anonymous reporter complains about
    /// reads what was said and does not hear it.
    pub fn hears(self, anonymous: bool) -> bool {
        !(self == Role::AgencyOfficer && anonymous)
    }

    /// Whether it takes a ticket this step on.
    pub fn may(self, action: Action) -> bool {
        match self {
            Role::Auditor => false,
            Role::AgencyOfficer => {
                matches!(action, Action::Start | Action::SendBack | Action::Answer)
            }
            Role::Operator | Role::Supervisor | Role::Admin => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_is_read_back_from_its_word() {
        for role in Role::ALL {
            assert_eq!(Role::parse(role.id()), Some(role));
        }
        assert_eq!(Role::parse("Admin"), None);
    }

    #[test]
    fn an_auditor_takes_no_step_and_an_agency_answers_but_does_not_close() {
        assert!(Action::ALL.iter().all(|&action| !Role::Auditor.may(action)));
        assert!(Role::AgencyOfficer.may(Action::Answer));
        assert!(!Role::AgencyOfficer.may(Action::Close));
        assert!(!Role::AgencyOfficer.may(Action::Route));
    }

    #[test]
    fn the_accused_does_not_hear_an_anonymous_voice() {
        assert!(!Role::AgencyOfficer.hears(true));
        assert!(Role::AgencyOfficer.hears(false) && Role::Operator.hears(true));
    }
}
