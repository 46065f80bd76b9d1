//! Short messages as rows: what came and what was done with it (`inbox`), pieces of long ones (`parts`), what goes and
//! how far it has come (`outbox`).

mod inbox;
mod outbox;
mod parts;

pub use inbox::{Answering, Done, NewSms, ReceivedSms, StoredSms, Taken, Wish, Words};
pub use outbox::{
    CodeToTell, LeasedSms, NewOutgoing, Outgoing, Settled, SmsCounts, SmsKind, SmsState,
};
pub use parts::{NewPart, Whole};
