//! A ticket and what it takes to open one. Pure: rows are `store`'s, voices are `call`'s.

pub mod code;
pub mod contact;
pub mod disclosure;
pub mod sla;
pub mod staff;
pub mod stem;
pub mod suggest;
pub mod transcript;
pub mod words;
pub mod workflow;

use serde::de::IntoDeserializer;
use serde::{Deserialize, Serialize};

pub use code::TicketCode;
pub use staff::{Role, StaffId};
pub use workflow::Status;

/// The door a report came in by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Channel {
    /// A telephone call.
    Phone,
    /// A short message.
    Sms,
    /// A visitor at the counter, typed in by an operator.
    Counter,
}

impl Channel {
    /// What an operator calls it.
    pub fn word(self) -> &'static str {
        match self {
            Channel::Phone => "telepon",
            Channel::Sms => "SMS",
            Channel::Counter => "loket",
        }
    }
}

/// What kind of report it is (the classes of the national complaint system, with content reports and emergencies).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Class {
    /// Pengaduan tidak berkadar pengawasan.
    Complaint,
    /// Pengaduan berkadar pengawasan: alleged abuse, goes to the Inspektorat.
    OversightComplaint,
    /// Aspirasi.
    Aspiration,
    /// Permintaan informasi publik (PPID).
    InformationRequest,
    /// Aduan konten.
    ContentReport,
    /// Darurat: belongs to 112, kept here so that nobody is turned away.
    Emergency,
}

impl Class {
    /// The class of this name, as scripts and rows write it (`information_request`).
    pub fn parse(name: &str) -> Option<Class> {
        let name: serde::de::value::StrDeserializer<'_, serde::de::value::Error> =
            name.into_deserializer();
        Class::deserialize(name).ok()
    }

    /// What an operator calls it.
    pub fn word(self) -> &'static str {
        match self {
            Class::Complaint => "Pengaduan tidak berkadar pengawasan",
            Class::OversightComplaint => "Pengaduan berkadar pengawasan",
            Class::Aspiration => "Aspirasi",
            Class::InformationRequest => "Permintaan informasi",
            Class::ContentReport => "Aduan konten",
            Class::Emergency => "Darurat",
        }
    }
}

/// Who is reporting, as far as the line tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contact {
    /// The number in E.164 (`+6281234567890`) or a short code as it came; `None` when withheld.
    pub number: Option<String>,
    /// Whether a trusted trunk vouches for the number (P-Asserted-Identity, RFC 3325).
    pub asserted: bool,
}

/// Everything needed to open a ticket; phone, SMS and counter all fill the same one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intake {
    pub channel: Channel,
    pub class: Class,
    pub contact: Contact,
    /// The call it was spoken in, if it was.
    pub call: Option<crate::ticket::CallId>,
    /// What was said, if it was recorded.
    pub recordings: Vec<RecordingId>,
    /// What was written, if it was.
    pub text: Option<String>,
    /// Anonim: the reporter's identity is hidden from the reported party and the public.
    pub anonymous: bool,
    /// Rahasia: the whole report is hidden from the public.
    pub confidential: bool,
}

/// The row of a call.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, sqlx::Type,
)]
#[sqlx(transparent)]
pub struct CallId(pub i64);

/// The row of a recording.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, sqlx::Type,
)]
#[sqlx(transparent)]
pub struct RecordingId(pub i64);

/// The row of a ticket.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, sqlx::Type,
)]
#[sqlx(transparent)]
pub struct TicketId(pub i64);
