//! Tiket: everything about one report, and what may be done with it next (`steps`).

mod steps;

use askama::Template;
use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::access::Actor;
use super::error::PageError;
use super::evidence::{self, Suggestion};
use super::inbox::{self, Choice, Place};
use super::page::{Frame, Told, html};
use super::show::Due;
use super::transcript::{self, RecordingView};
use super::{App, Console, show};
use crate::store::{
    CategoryRow, MessageKind, Outgoing, Spoken, TicketRow, TicketScope, TicketView,
};
use crate::ticket::workflow::{Action, Status};
use crate::ticket::{Role, TicketCode};

/// What was typed into a form of the page and not saved, and why.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    pub error: String,
    /// Somebody else was quicker: both texts are shown.
    pub stale: bool,
    pub action: Option<Action>,
    pub note: String,
    pub answer: String,
    pub agency: String,
    pub parent: String,
    /// A remark, a place, a category.
    pub remark: String,
    pub place: Option<String>,
    pub category: Option<String>,
    pub class: Option<String>,
    /// The mended text of a segment, and which.
    pub mend: Option<(i64, i64, String)>,
    /// The segment that is mended next: of which recording, and where in it.
    pub next: Option<(i64, i64)>,
}

#[derive(Template)]
#[template(path = "ticket.html")]
struct TicketPage {
    frame: Frame,
    code: String,
    digits: String,
    version: i64,
    /// As [`crate::store::Touched`] counts it.
    revision: i64,
    /// Where in the inbox one came from, as [`Place::trail`].
    from: String,
    /// What that queue is called, and where it is.
    back: Option<(&'static str, String)>,
    head: Head,
    recordings: Vec<RecordingView>,
    hears: bool,
    messages: Vec<MessageView>,
    sent: Vec<SentView>,
    suggestions: Vec<Suggestion>,
    /// What happened last, for who was too slow.
    last: Option<String>,
    class_id: String,
    category_id: String,
    place: String,
    classes: Vec<Choice>,
    categories: Vec<Choice>,
    agencies: Vec<Choice>,
    steps: Vec<steps::StepForm>,
    /// Nothing more is expected of the office.
    over: bool,
    /// What was typed for a step that can no longer be taken.
    lost: Option<steps::Lost>,
    call: Option<CallView>,
    history: Vec<EventView>,
    may: May,
    draft: Draft,
}

/// What is at the head of the page.
struct Head {
    status: &'static str,
    tone: &'static str,
    class: &'static str,
    channel: &'static str,
    category: String,
    place: String,
    agency: String,
    assignee: String,
    reporter: String,
    asserted: bool,
    anonymous: bool,
    confidential: bool,
    due: Option<Due>,
    opened: String,
    age: String,
    updated: String,
    parent: Option<TicketCode>,
    /// What was merged into it.
    children: Vec<TicketCode>,
}

/// What this role may do here beside the steps.
struct May {
    change: bool,
    work: bool,
    take: bool,
}

struct MessageView {
    kind: &'static str,
    answer: bool,
    time: String,
    body: String,
}

/// A short message to the reporter.
struct SentView {
    kind: &'static str,
    time: String,
    state: &'static str,
    tone: &'static str,
    number: String,
    body: String,
}

struct EventView {
    time: String,
    who: String,
    what: String,
    status: &'static str,
    moved: bool,
    note: String,
}

struct CallView {
    href: String,
    outcome: &'static str,
    steps: Vec<(String, String, String)>,
}

/// The queue that the operator works through.
#[derive(Deserialize)]
pub(super) struct From {
    #[serde(default)]
    pub dari: String,
    /// The segment to be mended next, `RECORDING-POSITION`.
    #[serde(default)]
    pub perbaiki: String,
}

/// `GET /tiket/{code}`
pub(super) async fn show(
    State(console): App,
    Extension(actor): Extension<Actor>,
    Path(code): Path<String>,
    Query(from): Query<From>,
    Query(told): Query<Told>,
) -> Result<Response, PageError> {
    let view = load(&console, &actor, &code).await?;
    let next = from
        .perbaiki
        .split_once('-')
        .and_then(|(recording, position)| Some((recording.parse().ok()?, position.parse().ok()?)));
    page(&console, &actor, view, &from.dari, &told, Draft { next, ..Draft::default() }).await
}

/// A ticket as far as it is there for this person.
pub(super) async fn load(
    console: &Console,
    actor: &Actor,
    code: &str,
) -> Result<TicketView, PageError> {
    let code = TicketCode::parse(code).map_err(|_| PageError::NotFound)?;
    let view = console.store.ticket(&code).await?;
    view.filter(|view| actor.sees(view.ticket.agency.as_deref())).ok_or(PageError::NotFound)
}

/// The same without what belongs to it.
pub(super) async fn row(
    console: &Console,
    actor: &Actor,
    code: &str,
) -> Result<TicketRow, PageError> {
    let code = TicketCode::parse(code).map_err(|_| PageError::NotFound)?;
    let row = console.store.ticket_row(&code).await?;
    row.filter(|row| actor.sees(row.agency.as_deref())).ok_or(PageError::NotFound)
}

/// Whose a ticket is, as far as it is there for this person: for what pages ask again and again.
pub(super) async fn scope(
    console: &Console,
    actor: &Actor,
    code: &str,
) -> Result<TicketScope, PageError> {
    let code = TicketCode::parse(code).map_err(|_| PageError::NotFound)?;
    let scope = console.store.ticket_scope(&code).await?;
    scope.filter(|scope| actor.sees(scope.agency.as_deref())).ok_or(PageError::NotFound)
}

/// The page again, with what was typed and why it was not saved.
pub(super) async fn again(
    console: &Console,
    actor: &Actor,
    code: &str,
    from: &str,
    draft: Draft,
) -> Result<Response, PageError> {
    let view = load(console, actor, code).await?;
    let status = if draft.stale { StatusCode::CONFLICT } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = page(console, actor, view, from, &Told::default(), draft).await?;
    Ok((status, page).into_response())
}

async fn page(
    console: &Console,
    actor: &Actor,
    view: TicketView,
    from: &str,
    told: &Told,
    draft: Draft,
) -> Result<Response, PageError> {
    let (agencies, categories) =
        (console.store.agencies().await?, console.store.categories().await?);
    let ticket = &view.ticket;
    let code = ticket.code.to_string();
    let steps = steps::steps(actor, ticket.status, answered(&view), &draft);
    let recordings = transcript::recordings(console, actor, &view, &draft);
    html(TicketPage {
        frame: Frame::new(console, actor, &format!("Laporan {code}")).await?.with_notice(told),
        code,
        digits: ticket.code.digits().into(),
        version: ticket.version,
        revision: revision(&view),
        from: Place::tidy_trail(from),
        back: back(actor, from),
        head: Head {
            children: console.store.children(ticket.id, actor.agency.as_deref()).await?,
            ..head(console, actor, ticket, &categories)
        },
        lost: steps::lost(&draft, &steps, &agencies, &recordings),
        recordings,
        hears: actor.role.hears(ticket.anonymous),
        messages: messages(console, &view),
        sent: sent(console, actor, ticket).await?,
        suggestions: evidence::suggestions(console, &view, &categories),
        // A mend is no row of the history.
        last: view.history.last().filter(|_| draft.mend.is_none()).map(|event| {
            let (who, what) = (show::who(&event.actor), show::what(&event.what));
            format!("{who}, {what}, {}", console.time(event.at))
        }),
        class_id: inbox::class_id(ticket.class).into(),
        category_id: ticket.category.clone().unwrap_or_default(),
        place: draft.place.clone().or(ticket.place.clone()).unwrap_or_default(),
        classes: inbox::classes(
            draft.class.as_deref().and_then(crate::ticket::Class::parse).or(Some(ticket.class)),
        ),
        categories: chosen_category(
            &categories,
            draft.category.as_deref().or(ticket.category.as_deref()),
        ),
        agencies: inbox::agencies(
            agencies.clone(),
            &steps::usual_agency(ticket, &categories, &agencies, &draft),
        ),
        steps,
        over: ticket.status.is_over(),
        call: call(console, actor, ticket).await?,
        history: history(console, &view),
        may: May {
            change: actor.role.changes_tickets(),
            work: actor.role.changes_tickets() && actor.role != Role::AgencyOfficer,
            take: actor.role.changes_tickets()
                && actor.role != Role::AgencyOfficer
                && ticket.assignee.as_deref() != Some(&actor.login),
        },
        draft,
    })
}

/// The queue that one came from.
fn back(actor: &Actor, from: &str) -> Option<(&'static str, String)> {
    let place = Place::of_trail(from);
    let queue = crate::store::Queue::parse(&place.antrean)?;
    Some((inbox::label(actor.role, queue), place.address(queue, "")))
}

/// Everything on the page that can become more.
fn revision(view: &TicketView) -> i64 {
    let said = |spoken: &Spoken| usize::from(spoken.transcript.is_some()) + spoken.mends.len();
    let said: usize = view.spoken.iter().map(said).sum();
    view.ticket.version + (view.history.len() + view.messages.len() + said) as i64
}

fn head(console: &Console, actor: &Actor, ticket: &TicketRow, categories: &[CategoryRow]) -> Head {
    let category = categories.iter().find(|row| Some(&row.id) == ticket.category.as_ref());
    Head {
        status: ticket.status.word(),
        tone: tone(ticket.status),
        class: ticket.class.word(),
        channel: ticket.channel.word(),
        category: category.map(|row| row.name.clone()).unwrap_or_default(),
        place: ticket.place.clone().unwrap_or_default(),
        agency: ticket.agency_name.clone().unwrap_or_default(),
        assignee: ticket.assignee_name.clone().unwrap_or_default(),
        reporter: show::reporter(actor.role, ticket),
        asserted: ticket.asserted,
        anonymous: ticket.anonymous,
        confidential: ticket.confidential,
        due: ticket.due.map(|due| console.due(due)),
        opened: console.time(ticket.opened),
        age: console.age(ticket.opened),
        updated: console.time(ticket.updated),
        parent: ticket.parent.clone(),
        children: Vec::new(),
    }
}

/// Which of the few colours a status has.
pub(super) fn tone(status: Status) -> &'static str {
    match status {
        Status::Received | Status::Reopened | Status::Returned => "new",
        Status::Verifying | Status::Routed | Status::InProgress => "going",
        Status::NeedsData => "waiting",
        Status::Answered | Status::Closed => "done",
        Status::Archived | Status::Rejected | Status::Merged | Status::ReferredOut => "over",
    }
}

fn chosen_category(rows: &[CategoryRow], chosen: Option<&str>) -> Vec<Choice> {
    let choice = |row: &CategoryRow| Choice {
        value: row.id.clone(),
        label: row.name.clone(),
        chosen: Some(row.id.as_str()) == chosen,
    };
    rows.iter().map(choice).collect()
}

fn answered(view: &TicketView) -> bool {
    view.messages.iter().any(|message| message.kind == MessageKind::Answer)
}

fn messages(console: &Console, view: &TicketView) -> Vec<MessageView> {
    let message = |message: &crate::store::Message| MessageView {
        kind: show::message(message.kind),
        answer: message.kind == MessageKind::Answer,
        time: console.time(message.at),
        body: message.body.clone(),
    };
    view.messages.iter().map(message).collect()
}

async fn sent(
    console: &Console,
    actor: &Actor,
    ticket: &TicketRow,
) -> Result<Vec<SentView>, PageError> {
    let rows = console.store.sms_of_ticket(ticket.id).await?;
    let view = |row: Outgoing| SentView {
        kind: show::sms(row.kind),
        time: console.time(row.queued),
        state: row.state.word(),
        tone: show::sms_tone(row.state),
        number: show::number(actor.role, Some(&row.number), ticket.anonymous),
        body: row.body,
    };
    Ok(rows.into_iter().map(view).collect())
}

fn history(console: &Console, view: &TicketView) -> Vec<EventView> {
    let event = |event: &crate::store::TicketEvent| EventView {
        time: console.time(event.at),
        who: show::who(&event.actor).into(),
        what: show::what(&event.what).into(),
        status: event.to_status.word(),
        moved: event.from_status != Some(event.to_status),
        note: event.note.clone().unwrap_or_default(),
    };
    view.history.iter().map(event).collect()
}

async fn call(
    console: &Console,
    actor: &Actor,
    ticket: &TicketRow,
) -> Result<Option<CallView>, PageError> {
    // What somebody pressed is between them and the call centre.
    let Some(id) = ticket.call.filter(|_| actor.role != Role::AgencyOfficer) else {
        return Ok(None);
    };
    let path = console.store.path(id).await?;
    Ok(path.map(|path| CallView {
        href: format!("/panggilan/{}", id.0),
        outcome: show::outcome(path.end_reason),
        steps: super::calls::path(&path),
    }))
}
