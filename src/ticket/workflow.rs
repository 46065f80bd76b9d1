//! The life of a ticket as one table: from which state which action leads where, and what it takes.
//!
//! The states and their Indonesian names are those of the national complaint system's practice; who may act, and by
//! when, is decided elsewhere.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use Action::*;
use Need::*;
use Status::*;

/// Where a ticket stands. Rows, JSON and exports hold the Indonesian word ([`Status::id`]).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, sqlx::Type,
)]
#[sqlx(type_name = "text")]
pub enum Status {
    /// New, nobody has looked at it yet.
    #[serde(rename = "diterima")]
    #[sqlx(rename = "diterima")]
    Received,
    /// Being read and checked by the call centre.
    #[serde(rename = "verifikasi")]
    #[sqlx(rename = "verifikasi")]
    Verifying,
    /// Sent on to the agency in charge.
    #[serde(rename = "didisposisi")]
    #[sqlx(rename = "didisposisi")]
    Routed,
    /// The agency works on it.
    #[serde(rename = "ditindaklanjuti")]
    #[sqlx(rename = "ditindaklanjuti")]
    InProgress,
    /// The agency has answered; the reporter may object.
    #[serde(rename = "ditanggapi")]
    #[sqlx(rename = "ditanggapi")]
    Answered,
    /// Closed with an answer and evidence.
    #[serde(rename = "selesai")]
    #[sqlx(rename = "selesai")]
    Closed,
    /// Waits for something only the reporter can tell; the clock stands still.
    #[serde(rename = "perlu_data")]
    #[sqlx(rename = "perlu_data")]
    NeedsData,
    /// Waited for data in vain.
    #[serde(rename = "diarsipkan")]
    #[sqlx(rename = "diarsipkan")]
    Archived,
    /// Not for this government, not understandable, or abuse; with a reason.
    #[serde(rename = "ditolak")]
    #[sqlx(rename = "ditolak")]
    Rejected,
    /// The same matter as another ticket, which it now follows.
    #[serde(rename = "digabung")]
    #[sqlx(rename = "digabung")]
    Merged,
    /// The agency sent it back: not theirs.
    #[serde(rename = "dikembalikan")]
    #[sqlx(rename = "dikembalikan")]
    Returned,
    /// The reporter says that it is not solved.
    #[serde(rename = "dibuka_kembali")]
    #[sqlx(rename = "dibuka_kembali")]
    Reopened,
    /// Handed to somebody outside: 112, SP4N, Ombudsman, Aduan Konten, another government.
    #[serde(rename = "diteruskan_luar")]
    #[sqlx(rename = "diteruskan_luar")]
    ReferredOut,
}

impl Status {
    /// Every status, in the order of a ticket's life.
    pub const ALL: [Status; 13] = [
        Received,
        Verifying,
        Routed,
        InProgress,
        Answered,
        Closed,
        NeedsData,
        Archived,
        Rejected,
        Merged,
        Returned,
        Reopened,
        ReferredOut,
    ];

    /// Nothing more is expected of the office.
    pub fn is_over(self) -> bool {
        matches!(self, Closed | Archived | Rejected | Merged | ReferredOut)
    }

    /// The word in rows and exports, which is also the end of the prompt's name that says it.
    pub fn id(self) -> &'static str {
        match self {
            Received => "diterima",
            Verifying => "verifikasi",
            Routed => "didisposisi",
            InProgress => "ditindaklanjuti",
            Answered => "ditanggapi",
            Closed => "selesai",
            NeedsData => "perlu_data",
            Archived => "diarsipkan",
            Rejected => "ditolak",
            Merged => "digabung",
            Returned => "dikembalikan",
            Reopened => "dibuka_kembali",
            ReferredOut => "diteruskan_luar",
        }
    }

    /// What people read.
    pub fn word(self) -> &'static str {
        match self {
            Received => "Diterima",
            Verifying => "Sedang diperiksa",
            Routed => "Diteruskan ke instansi",
            InProgress => "Sedang ditindaklanjuti",
            Answered => "Sudah ditanggapi",
            Closed => "Selesai",
            NeedsData => "Menunggu data dari pelapor",
            Archived => "Diarsipkan",
            Rejected => "Tidak dapat diproses",
            Merged => "Digabung dengan laporan lain",
            Returned => "Dikembalikan oleh instansi",
            Reopened => "Dibuka kembali",
            ReferredOut => "Diteruskan ke lembaga lain",
        }
    }
}

/// What somebody does to a ticket.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, sqlx::Type,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Action {
    /// Periksa: begin to read and check.
    Verify,
    /// Minta kelengkapan data.
    RequestData,
    /// Lengkapi: the missing data came.
    CompleteData,
    /// Arsipkan: the time to complete it has run out.
    Archive,
    /// Tolak.
    Reject,
    /// Gabungkan with the ticket it repeats.
    Merge,
    /// Disposisi to an agency.
    Route,
    /// Kembalikan to the call centre: the agency is not in charge.
    SendBack,
    /// Tindak lanjuti: the agency starts work.
    Start,
    /// Tanggapi: the agency answers.
    Answer,
    /// Selesaikan.
    Close,
    /// Buka kembali: the reporter is not content, or the office was mistaken.
    Reopen,
    /// Teruskan to somebody outside.
    ReferOut,
}

impl Action {
    /// Every action, in the order in which they are offered.
    pub const ALL: [Action; 13] = [
        CompleteData,
        Route,
        Verify,
        Start,
        Answer,
        Close,
        RequestData,
        SendBack,
        Reopen,
        Merge,
        Reject,
        Archive,
        ReferOut,
    ];

    /// The word in rows and forms.
    pub fn id(self) -> &'static str {
        match self {
            Verify => "verify",
            RequestData => "request_data",
            CompleteData => "complete_data",
            Archive => "archive",
            Reject => "reject",
            Merge => "merge",
            Route => "route",
            SendBack => "send_back",
            Start => "start",
            Answer => "answer",
            Close => "close",
            Reopen => "reopen",
            ReferOut => "refer_out",
        }
    }

    /// The action of this [`Action::id`].
    pub fn parse(id: &str) -> Option<Action> {
        Action::ALL.into_iter().find(|action| action.id() == id)
    }

    /// What people read on the button.
    pub fn label(self) -> &'static str {
        match self {
            Verify => "Periksa",
            RequestData => "Minta data",
            CompleteData => "Data sudah lengkap",
            Archive => "Arsipkan",
            Reject => "Tolak",
            Merge => "Gabungkan",
            Route => "Disposisi ke instansi",
            SendBack => "Kembalikan ke pusat pengaduan",
            Start => "Mulai tindak lanjut",
            Answer => "Tanggapi",
            Close => "Selesaikan",
            Reopen => "Buka kembali",
            ReferOut => "Teruskan ke lembaga lain",
        }
    }

    /// What people read in the history.
    pub fn word(self) -> &'static str {
        match self {
            Verify => "diperiksa",
            RequestData => "dimintai kelengkapan data",
            CompleteData => "dilengkapi",
            Archive => "diarsipkan",
            Reject => "ditolak",
            Merge => "digabung",
            Route => "didisposisi",
            SendBack => "dikembalikan",
            Start => "ditindaklanjuti",
            Answer => "ditanggapi",
            Close => "diselesaikan",
            Reopen => "dibuka kembali",
            ReferOut => "diteruskan ke lembaga lain",
        }
    }
}

/// What an action takes besides the wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// A reason that the reporter may hear.
    Reason,
    /// The agency in charge.
    Agency,
    /// The written answer (tanggapan).
    AnswerText,
    /// Something that shows the work done: a photograph, a letter.
    Evidence,
    /// The ticket that it repeats.
    Parent,
    /// What the reporter is to tell.
    Question,
    /// Who takes it over outside.
    Recipient,
}

impl Need {
    /// What people read where it is asked for.
    pub fn word(self) -> &'static str {
        match self {
            Reason => "alasan",
            Agency => "instansi",
            AnswerText => "isi tanggapan",
            Evidence => "bukti",
            Parent => "laporan induk",
            Question => "pertanyaan",
            Recipient => "penerima",
        }
    }
}

/// One line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    pub from: Status,
    pub action: Action,
    pub to: Status,
    pub needs: &'static [Need],
}

/// Every step a ticket can take; what is not here is refused.
#[rustfmt::skip]
pub const TRANSITIONS: &[Transition] = &[
    step(Received,   Verify,       Verifying,   &[]),
    step(Received,   ReferOut,     ReferredOut, &[Recipient]),
    step(Verifying,  Route,        Routed,      &[Agency]),
    step(Verifying,  RequestData,  NeedsData,   &[Question]),
    step(Verifying,  Reject,       Rejected,    &[Reason]),
    step(Verifying,  Merge,        Merged,      &[Parent]),
    step(Verifying,  ReferOut,     ReferredOut, &[Recipient]),
    step(NeedsData,  CompleteData, Verifying,   &[]),
    step(NeedsData,  Archive,      Archived,    &[Reason]),
    step(NeedsData,  ReferOut,     ReferredOut, &[Recipient]),
    step(Routed,     Start,        InProgress,  &[]),
    step(Routed,     SendBack,     Returned,    &[Reason]),
    step(Routed,     ReferOut,     ReferredOut, &[Recipient]),
    step(Returned,   Route,        Routed,      &[Agency]),
    step(Returned,   ReferOut,     ReferredOut, &[Recipient]),
    step(InProgress, Answer,       Answered,    &[AnswerText]),
    step(InProgress, ReferOut,     ReferredOut, &[Recipient]),
    step(Answered,   Close,        Closed,      &[AnswerText, Evidence]),
    step(Answered,   Reopen,       Reopened,    &[]),
    step(Answered,   ReferOut,     ReferredOut, &[Recipient]),
    step(Closed,     Reopen,       Reopened,    &[]),
    step(Closed,     ReferOut,     ReferredOut, &[Recipient]),
    step(Reopened,   Route,        Routed,      &[Agency]),
    step(Reopened,   ReferOut,     ReferredOut, &[Recipient]),
    step(Archived,   Reopen,       Verifying,   &[Reason]),
    step(Archived,   ReferOut,     ReferredOut, &[Recipient]),
    step(Rejected,   Reopen,       Verifying,   &[Reason]),
    step(Rejected,   ReferOut,     ReferredOut, &[Recipient]),
    step(Merged,     Reopen,       Verifying,   &[Reason]),
    step(Merged,     ReferOut,     ReferredOut, &[Recipient]),
];

const fn step(from: Status, action: Action, to: Status, needs: &'static [Need]) -> Transition {
    Transition { from, action, to, needs }
}

/// An action that the ticket's state does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("laporan berstatus \"{}\" tidak dapat {}", status.word(), action.word())]
pub struct Refused {
    pub status: Status,
    pub action: Action,
}

/// Where `action` leads from `status`. That its [`Need`]s are met is the caller's part.
pub fn apply(status: Status, action: Action) -> Result<Status, Refused> {
    transition(status, action).map(|t| t.to)
}

/// What somebody hands in with an action.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// Reason, question, recipient or evidence, whichever the action takes; with the others, a remark.
    pub note: Option<String>,
    /// The agency's id.
    pub agency: Option<String>,
    /// The written answer.
    pub answer: Option<String>,
    /// The ticket that this one repeats.
    pub parent: Option<super::TicketCode>,
    /// The ticket has an answer already.
    pub answered: bool,
}

impl Given {
    /// The first of `needs` that is not met.
    pub fn missing(&self, needs: &[Need]) -> Option<Need> {
        let written = |text: &Option<String>| text.as_deref().is_some_and(|t| !t.trim().is_empty());
        needs.iter().copied().find(|need| match need {
            Reason | Question | Recipient | Evidence => !written(&self.note),
            Agency => !written(&self.agency),
            AnswerText => !written(&self.answer) && !self.answered,
            Parent => self.parent.is_none(),
        })
    }
}

/// What `action` needs from `status`, or why it is refused.
pub fn transition(status: Status, action: Action) -> Result<&'static Transition, Refused> {
    TRANSITIONS
        .iter()
        .find(|t| t.from == status && t.action == action)
        .ok_or(Refused { status, action })
}

/// The steps by which `action` is taken from `status`: one, or the check before it where nobody has checked yet. Whoever
/// decides what becomes of a new report has read it.
pub fn way(status: Status, action: Action) -> Result<Vec<&'static Transition>, Refused> {
    let direct = transition(status, action);
    let checked = transition(status, Verify)
        .and_then(|check| Ok(vec![check, transition(check.to, action)?]))
        .map_err(|_| Refused { status, action });
    direct.map(|step| vec![step]).or(checked)
}

/// What may be done at `status`, as [`Action::ALL`] orders it: the last step of each [`way`].
pub fn steps_from(status: Status) -> Vec<&'static Transition> {
    let last = |action| way(status, action).ok()?.pop();
    Action::ALL.into_iter().filter_map(last).collect()
}

/// The table in Markdown, for the handbook.
pub fn markdown() -> String {
    let mut page = String::from("| dari | tindakan | menjadi | perlu |\n|---|---|---|---|\n");
    for t in TRANSITIONS {
        let needs = t.needs.iter().map(|n| n.word()).collect::<Vec<_>>().join(", ");
        let needs = if needs.is_empty() { "–" } else { &needs };
        // Writing into a String cannot fail.
        let _ = writeln!(
            page,
            "| {} | {} | {} | {needs} |",
            t.from.word(),
            t.action.word(),
            t.to.word()
        );
    }
    page
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn an_ordinary_ticket_goes_from_received_to_closed() {
        let mut status = Received;
        for (action, next) in [
            (Verify, Verifying),
            (Route, Routed),
            (Start, InProgress),
            (Answer, Answered),
            (Close, Closed),
        ] {
            status = apply(status, action).unwrap();
            assert_eq!(status, next);
        }
        assert_eq!(apply(status, Reopen), Ok(Reopened));
        assert_eq!(apply(Reopened, Route), Ok(Routed));
    }

    #[test]
    fn a_new_report_is_checked_on_the_way_to_what_becomes_of_it() {
        let taken = |status, action| -> Vec<Action> {
            way(status, action).unwrap().iter().map(|step| step.action).collect()
        };
        assert_eq!(taken(Received, Route), [Verify, Route]);
        assert_eq!(taken(Received, Verify), [Verify]);
        assert_eq!(taken(Received, ReferOut), [ReferOut]);
        assert_eq!(taken(Verifying, Route), [Route]);
        let refused = way(Received, Close).unwrap_err();
        assert_eq!((refused.status, refused.action), (Received, Close));
        let offered: Vec<Action> = steps_from(Received).iter().map(|step| step.action).collect();
        assert_eq!(offered, [Route, Verify, RequestData, Merge, Reject, ReferOut]);
        assert!(steps_from(ReferredOut).is_empty());
    }

    #[test]
    fn what_was_ended_by_mistake_is_opened_again_with_a_reason() {
        for status in [Rejected, Merged, Archived] {
            let step = transition(status, Reopen).unwrap();
            assert_eq!((step.to, step.needs), (Verifying, &[Reason][..]), "{status:?}");
        }
    }

    #[test]
    fn what_is_not_in_the_table_is_refused_in_words() {
        let refused = apply(Received, Close).unwrap_err();
        assert_eq!(refused.to_string(), "laporan berstatus \"Diterima\" tidak dapat diselesaikan");
        assert!(apply(ReferredOut, Verify).is_err());
    }

    #[test]
    fn each_action_is_read_back_from_its_word_which_is_the_one_in_json() {
        for t in TRANSITIONS {
            assert_eq!(Action::parse(t.action.id()), Some(t.action));
            let json = serde_json::to_string(&t.action).unwrap();
            assert_eq!(json, format!("\"{}\"", t.action.id()));
        }
    }

    #[test]
    fn what_is_missing_is_named_and_blanks_are_nothing() {
        let close = transition(Answered, Close).unwrap().needs;
        let mut given = Given { note: Some(" ".into()), ..Given::default() };
        assert_eq!(given.missing(close), Some(AnswerText));
        given.answered = true;
        assert_eq!(given.missing(close), Some(Evidence));
        given.note = Some("foto".into());
        assert_eq!(given.missing(close), None);
    }

    #[test]
    fn no_state_and_action_stand_twice() {
        let mut seen = HashSet::new();
        for t in TRANSITIONS {
            assert!(seen.insert((t.from, t.action)), "{t:?}");
            assert_ne!(t.from, t.to, "{t:?}");
        }
    }

    #[test]
    fn every_state_can_be_reached_and_every_report_can_be_handed_on() {
        let mut reached = vec![Received];
        let mut next = 0;
        while let Some(&from) = reached.get(next) {
            for t in TRANSITIONS.iter().filter(|t| t.from == from) {
                if !reached.contains(&t.to) {
                    reached.push(t.to);
                }
            }
            next += 1;
        }
        for status in Status::ALL {
            assert!(reached.contains(&status), "{status:?} is never reached");
            assert_eq!(apply(status, ReferOut).is_ok(), status != ReferredOut, "{status:?}");
        }
    }

    #[test]
    fn refusing_ending_and_sending_on_never_goes_without_a_word() {
        for t in TRANSITIONS {
            let silent = matches!(
                t.to,
                Rejected | Archived | Merged | Routed | Answered | Closed | ReferredOut
            );
            assert!(!(silent && t.needs.is_empty()), "{t:?}");
        }
    }

    #[test]
    fn json_and_rows_hold_the_same_word() {
        for status in Status::ALL {
            assert_eq!(serde_json::to_string(&status).unwrap(), format!("\"{}\"", status.id()));
        }
    }

    #[test]
    fn the_table_prints_as_markdown() {
        insta::assert_snapshot!(markdown());
    }
}
