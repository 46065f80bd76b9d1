//! What may be done with a report next: the forms, and what was typed into one.

use super::super::access::Actor;
use super::super::transcript::RecordingView;
use super::Draft;
use crate::store::{AgencyRow, CategoryRow, TicketRow};
use crate::ticket::workflow::{Action, Need, Status, Transition, steps_from};

/// A step that may be taken, and what its form asks for.
pub(super) struct StepForm {
    pub id: &'static str,
    pub label: &'static str,
    pub to: &'static str,
    /// The first one is what usually comes next.
    pub first: bool,
    pub open: bool,
    /// The draft belongs to it.
    pub mine: bool,
    /// The field to go on at when the draft was refused.
    pub focus: &'static str,
    /// What the text field is called; `None` when it is a remark that may be left out.
    pub must_note: Option<&'static str>,
    pub agency: bool,
    pub answer: bool,
    pub parent: bool,
}

/// A draft whose form is gone: shown to be copied.
pub(super) struct Lost {
    pub step: &'static str,
    /// What each field was called, and what stood in it.
    pub fields: Vec<(&'static str, String)>,
}

/// The agency that a routing form begins with: what was chosen, or whoever answers for the category.
pub(super) fn usual_agency(
    ticket: &TicketRow,
    categories: &[CategoryRow],
    agencies: &[AgencyRow],
    draft: &Draft,
) -> String {
    if !draft.agency.is_empty() {
        return draft.agency.clone();
    }
    let category = categories.iter().find(|row| Some(&row.id) == ticket.category.as_ref());
    let agency = category.map(|row| row.agency.clone()).or(ticket.agency.clone());
    agency.filter(|id| agencies.iter().any(|row| row.id == *id)).unwrap_or_default()
}

/// The steps that this person may take, the likeliest first.
pub(super) fn steps(actor: &Actor, status: Status, answered: bool, draft: &Draft) -> Vec<StepForm> {
    let allowed: Vec<_> =
        steps_from(status).into_iter().filter(|step| actor.may(step.action)).collect();
    let drafted = draft.action.filter(|action| allowed.iter().any(|step| step.action == *action));
    // What is over is left alone unless somebody looks for a way on.
    let over = status.is_over();
    let form = |(n, step): (usize, &Transition)| StepForm {
        id: step.action.id(),
        label: step.action.label(),
        to: step.to.word(),
        first: n == 0 && !over,
        focus: if draft.error.is_empty() { "" } else { focus(step, draft) },
        mine: drafted == Some(step.action),
        open: drafted == Some(step.action) || (n == 0 && drafted.is_none() && !over),
        must_note: step.needs.iter().find_map(|need| note_label(step.action, *need)),
        agency: step.needs.contains(&Need::Agency),
        answer: step.needs.contains(&Need::AnswerText)
            && !(answered && step.action == Action::Close),
        parent: step.needs.contains(&Need::Parent),
    };
    allowed.into_iter().enumerate().map(form).collect()
}

/// The first field of a step that is still empty, or the last that it asks for.
fn focus(step: &Transition, draft: &Draft) -> &'static str {
    let field = |need: &Need| match need {
        Need::Agency => ("instansi", &draft.agency),
        Need::AnswerText => ("tanggapan", &draft.answer),
        Need::Parent => ("induk", &draft.parent),
        Need::Reason | Need::Question | Need::Recipient | Need::Evidence => {
            ("catatan", &draft.note)
        }
    };
    let mut fields: Vec<_> = step.needs.iter().map(field).collect();
    let last = fields.pop().map_or("", |(name, _)| name);
    fields.into_iter().find(|(_, text)| text.trim().is_empty()).map_or(last, |(name, _)| name)
}

/// What was typed and has no form any more, since somebody else took the ticket elsewhere, or an engine wrote the recording
/// down again in fewer parts.
pub(super) fn lost(
    draft: &Draft,
    steps: &[StepForm],
    agencies: &[AgencyRow],
    recordings: &[RecordingView],
) -> Option<Lost> {
    if let Some((.., text)) = &draft.mend {
        let there = recordings.iter().flat_map(|r| &r.segments).any(|s| s.draft.is_some());
        let fields = vec![("Teks Anda", text.clone())];
        return (!there).then_some(Lost { step: "Perbaiki", fields });
    }
    let action = draft.action.filter(|_| !steps.iter().any(|step| step.mine))?;
    let agency = agencies.iter().find(|row| row.id == draft.agency);
    let fields = [
        ("Tanggapan untuk pelapor", draft.answer.clone()),
        ("Catatan", draft.note.clone()),
        ("Instansi", agency.map(|row| row.name.clone()).unwrap_or_default()),
        ("Kode laporan induk", draft.parent.clone()),
    ];
    let fields: Vec<_> = fields.into_iter().filter(|(_, text)| !text.trim().is_empty()).collect();
    Some(Lost { step: action.label(), fields })
}

/// What the text field is called where a need is met by a text.
fn note_label(action: Action, need: Need) -> Option<&'static str> {
    match need {
        Need::Reason if action == Action::Reject => {
            Some("Alasan (dapat disampaikan kepada pelapor)")
        }
        Need::Reason => Some("Alasan"),
        Need::Question => Some("Data yang diminta"),
        Need::Recipient => Some("Diteruskan kepada"),
        Need::Evidence => Some("Bukti: nomor surat, foto, atau berita acara"),
        Need::Agency | Need::AnswerText | Need::Parent => None,
    }
}
