//! Kotak masuk: queues with their counts, filters, and the search; where one is stands in the address.

use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::response::{Redirect, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::access::Actor;
use super::error::PageError;
use super::page::{Frame, Told, html, waiting};
use super::show::Due;
use super::{App, Console, show};
use crate::clock::Timestamp;
use crate::store::{
    After, AgencyRow, Cursor, Filter, Hit, MessageKind, Order, Piece, Queue, QueueCounts, QueueRow,
    Source,
};
use crate::ticket::{Channel, Class, Role, Status, TicketCode, TicketId};

/// Rows on a page.
const PAGE: usize = 50;
/// The longest excerpt, in characters.
const EXCERPT: usize = 150;

/// Where somebody is in the inbox. What cannot be read is as if it were not there.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Place {
    pub(super) antrean: String,
    urut: String,
    jenis: String,
    saluran: String,
    status: String,
    opd: String,
    cari: String,
    /// Behind which row the page begins.
    setelah: String,
}

impl Place {
    pub(super) fn filter(&self, actor: &Actor, now: Timestamp) -> Filter {
        let unset = if actor.agency.is_some() { Queue::WithAgency } else { Queue::New };
        let chosen = Some(self.opd.clone()).filter(|id| !id.is_empty());
        Filter {
            queue: Queue::parse(&self.antrean).unwrap_or(unset),
            staff: Some(actor.staff),
            // An officer sees one agency, whatever the address says.
            agency: actor.agency.clone().or(chosen),
            class: Class::parse(&self.jenis),
            channel: channel(&self.saluran),
            status: status(&self.status),
            order: if self.urut == "terbaru" { Order::NewestFirst } else { Order::OldestFirst },
            now,
        }
    }

    fn after(&self) -> Option<After> {
        let (at, id) = self.setelah.split_once('-')?;
        Some(After { at: Timestamp(at.parse().ok()?), id: TicketId(id.parse().ok()?) })
    }

    /// What narrows the queue down, and its order.
    fn filters(&self) -> [(&'static str, &str); 5] {
        [
            ("urut", &self.urut),
            ("jenis", &self.jenis),
            ("saluran", &self.saluran),
            ("status", &self.status),
            ("opd", &self.opd),
        ]
    }

    /// The address of this place with something else behind `setelah`.
    pub(super) fn address(&self, queue: Queue, after: &str) -> String {
        let pairs = [("antrean", queue.id())].into_iter().chain(self.filters());
        let pairs: Vec<_> =
            pairs.chain([("cari", self.cari.as_str()), ("setelah", after)]).collect();
        let pairs = pairs.iter().filter(|(_, value)| !value.is_empty());
        let pairs = pairs
            .map(|(key, value)| format!("{key}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)));
        format!("/kotak-masuk?{}", pairs.collect::<Vec<_>>().join("&"))
    }
}

impl Place {
    /// This place in one word that any address and any form can carry: `baru.urut~terbaru.jenis~complaint`.
    pub(super) fn trail(&self, queue: Queue) -> String {
        let word = |text: &str| {
            text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
        };
        let filters = self.filters();
        let filters = filters.iter().filter(|(_, value)| !value.is_empty() && word(value));
        filters.fold(queue.id().to_owned(), |trail, (key, value)| format!("{trail}.{key}~{value}"))
    }

    /// The place of a trail; what cannot be read is as if it were not there.
    pub(super) fn of_trail(trail: &str) -> Place {
        let mut parts = trail.split('.');
        let antrean = parts.next().unwrap_or_default().to_owned();
        let mut place = Place { antrean, ..Place::default() };
        for (key, value) in parts.filter_map(|part| part.split_once('~')) {
            let field = match key {
                "urut" => &mut place.urut,
                "jenis" => &mut place.jenis,
                "saluran" => &mut place.saluran,
                "status" => &mut place.status,
                "opd" => &mut place.opd,
                _ => continue,
            };
            value.clone_into(field);
        }
        place
    }

    /// A trail as it came from a browser, made fit for an address; nothing if it names no queue.
    pub(super) fn tidy_trail(trail: &str) -> String {
        let place = Place::of_trail(trail);
        Queue::parse(&place.antrean).map(|queue| place.trail(queue)).unwrap_or_default()
    }

    /// Where the list of this place is asked what is new since then.
    fn news_address(&self, queue: Queue, since: i64) -> String {
        let list = self.address(queue, "");
        format!("{}&sejak={since}", list.replacen("/kotak-masuk?", "/kotak-masuk/hitungan?", 1))
    }
}

fn channel(id: &str) -> Option<Channel> {
    [Channel::Phone, Channel::Sms, Channel::Counter].into_iter().find(|c| channel_id(*c) == id)
}

fn status(id: &str) -> Option<Status> {
    Status::ALL.into_iter().find(|status| status.id() == id)
}

fn channel_id(channel: Channel) -> &'static str {
    match channel {
        Channel::Phone => "telepon",
        Channel::Sms => "sms",
        Channel::Counter => "loket",
    }
}

/// A line of a list to choose from.
pub(super) struct Choice {
    pub value: String,
    pub label: String,
    pub chosen: bool,
}

/// The classes in the order in which they are offered, with their words in forms.
const CLASSES: [(&str, Class); 6] = [
    ("complaint", Class::Complaint),
    ("oversight_complaint", Class::OversightComplaint),
    ("aspiration", Class::Aspiration),
    ("information_request", Class::InformationRequest),
    ("content_report", Class::ContentReport),
    ("emergency", Class::Emergency),
];

/// A class as forms write it.
pub(super) fn class_id(class: Class) -> &'static str {
    CLASSES.iter().find(|(_, c)| *c == class).map_or("", |(id, _)| id)
}

/// The classes, one of them chosen.
pub(super) fn classes(chosen: Option<Class>) -> Vec<Choice> {
    let choice = |(id, class): (&str, Class)| Choice {
        value: id.into(),
        label: class.word().into(),
        chosen: Some(class) == chosen,
    };
    CLASSES.into_iter().map(choice).collect()
}

/// The agencies, one of them chosen.
pub(super) fn agencies(rows: Vec<AgencyRow>, chosen: &str) -> Vec<Choice> {
    let choice =
        |row: AgencyRow| Choice { chosen: row.id == chosen, value: row.id, label: row.name };
    rows.into_iter().map(choice).collect()
}

#[derive(Template)]
#[template(path = "inbox.html")]
struct InboxPage {
    frame: Frame,
    tabs: Vec<Tab>,
    queue: &'static str,
    newest: bool,
    classes: Vec<Choice>,
    channels: Vec<Choice>,
    statuses: Vec<Choice>,
    agencies: Vec<Choice>,
    search: String,
    filtered: bool,
    /// What the search form carries, to come back to.
    carried: Vec<(&'static str, String)>,
    /// The queue behind a search.
    back: String,
    rows: Vec<Row>,
    /// Columns that say something on this page.
    shows: Shows,
    next: Option<String>,
}

/// Columns that are left out where they would be empty.
struct Shows {
    agency: bool,
    assignee: bool,
}

/// What is fetched again when something changed: the counts, and how many rows the list does not show.
#[derive(Template)]
#[template(path = "inbox_news.html")]
struct NewsPart {
    waiting: String,
    tabs: Vec<Tab>,
    fresh: i64,
    href: String,
}

/// The count beside the menu, on every other page.
#[derive(Template)]
#[template(path = "counts.html")]
struct CountsPart {
    waiting: String,
}

struct Tab {
    id: &'static str,
    label: &'static str,
    href: String,
    count: String,
    here: bool,
}

struct Row {
    href: String,
    code: String,
    excerpt: Vec<Piece>,
    subject: String,
    /// Where a search found it.
    source: &'static str,
    agency: String,
    status: &'static str,
    tone: &'static str,
    assignee: String,
    due: Option<Due>,
    age: String,
    time: String,
    confidential: bool,
    channel: &'static str,
}

/// `GET /`
pub(super) async fn home() -> Redirect {
    Redirect::to("/kotak-masuk")
}

/// `GET /kotak-masuk`
pub(super) async fn show(
    State(console): App,
    Extension(actor): Extension<Actor>,
    Query(place): Query<Place>,
    Query(told): Query<Told>,
) -> Result<Response, PageError> {
    let filter = place.filter(&actor, console.now());
    // Before the rows: what comes meanwhile is told twice rather than never.
    let since = console.store.marks().await?.events;
    let counts = console.queue_counts(&actor).await?;
    let (rows, next) = if place.cari.trim().is_empty() {
        queue(&console, &place, &filter).await?
    } else {
        found(&console, &actor, &place, &filter).await?
    };
    let frame = Frame::around(&actor, "Kotak masuk", &counts).with_notice(&told);
    let agency_rows =
        if actor.agency.is_some() { Vec::new() } else { console.store.agencies().await? };
    html(InboxPage {
        frame: Frame { counts: place.news_address(filter.queue, since), ..frame },
        tabs: tabs(&actor, &place, &filter, &counts),
        queue: filter.queue.id(),
        newest: filter.order == Order::NewestFirst,
        classes: classes(filter.class),
        channels: channels(filter.channel),
        statuses: statuses(filter.status),
        agencies: agencies(agency_rows, &place.opd),
        filtered: filter.class.is_some()
            || filter.channel.is_some()
            || filter.status.is_some()
            || !place.opd.is_empty(),
        carried: [("antrean", filter.queue.id())]
            .into_iter()
            .chain(place.filters())
            .filter(|(_, value)| !value.is_empty())
            .map(|(key, value)| (key, value.to_owned()))
            .collect(),
        back: Place { cari: String::new(), ..place.clone() }.address(filter.queue, ""),
        search: place.cari,
        shows: Shows {
            // To an officer all of them are the same agency's.
            agency: actor.agency.is_none() && rows.iter().any(|row| !row.agency.is_empty()),
            assignee: rows.iter().any(|row| !row.assignee.is_empty()),
        },
        rows,
        next,
    })
}

#[derive(Deserialize)]
pub(super) struct Since {
    #[serde(default)]
    sejak: i64,
}

/// `GET /kotak-masuk/hitungan`: the list stays as it is under the reader; how much is new is said above it.
pub(super) async fn news(
    State(console): App,
    Extension(actor): Extension<Actor>,
    Query(place): Query<Place>,
    Query(since): Query<Since>,
) -> Result<Response, PageError> {
    let filter = place.filter(&actor, console.now());
    let counts = console.queue_counts(&actor).await?;
    let fresh = match place.cari.is_empty() {
        true => console.store.new_in_queue(&filter, since.sejak).await?,
        false => 0,
    };
    let shown = Place {
        // Where the list is longer than a page, the new ones are on the first page only by this order.
        urut: if counts.of(filter.queue) > PAGE as i64 {
            "terbaru".into()
        } else {
            place.urut.clone()
        },
        ..place.clone()
    };
    html(NewsPart {
        waiting: waiting(&actor, &counts),
        tabs: tabs(&actor, &place, &filter, &counts),
        fresh,
        href: shown.address(filter.queue, ""),
    })
}

/// `GET /hitungan`
pub(super) async fn counts(
    State(console): App,
    Extension(actor): Extension<Actor>,
) -> Result<Response, PageError> {
    let counts = console.queue_counts(&actor).await?;
    html(CountsPart { waiting: waiting(&actor, &counts) })
}

impl Console {
    /// How many tickets wait for somebody, in each queue.
    pub(super) async fn queue_counts(&self, actor: &Actor) -> Result<QueueCounts, PageError> {
        let agency = actor.agency.as_deref();
        Ok(self.store.queue_counts(actor.staff, agency, self.now()).await?)
    }
}

fn tabs(actor: &Actor, place: &Place, filter: &Filter, counts: &QueueCounts) -> Vec<Tab> {
    let tab = |queue: Queue| Tab {
        id: queue.id(),
        label: label(actor.role, queue),
        href: Place { cari: String::new(), ..place.clone() }.address(queue, ""),
        count: show::up_to(QueueCounts::MOST, counts.of(queue)),
        here: place.cari.is_empty() && queue == filter.queue,
    };
    Queue::ALL.into_iter().filter(|queue| offers(actor.role, *queue)).map(tab).collect()
}

fn channels(chosen: Option<Channel>) -> Vec<Choice> {
    let choice = |channel: Channel| Choice {
        value: channel_id(channel).into(),
        label: channel.word().into(),
        chosen: Some(channel) == chosen,
    };
    [Channel::Phone, Channel::Sms, Channel::Counter].into_iter().map(choice).collect()
}

fn statuses(chosen: Option<Status>) -> Vec<Choice> {
    let choice = |status: Status| Choice {
        value: status.id().into(),
        label: status.word().into(),
        chosen: Some(status) == chosen,
    };
    Status::ALL.into_iter().map(choice).collect()
}

/// An officer's tickets are all with the agency already, and an auditor takes none.
fn offers(role: Role, queue: Queue) -> bool {
    match queue {
        Queue::New | Queue::Unheard => role != Role::AgencyOfficer,
        Queue::Mine => !matches!(role, Role::AgencyOfficer | Role::Auditor),
        Queue::WithAgency | Queue::Overdue | Queue::All => true,
    }
}

pub(super) fn label(role: Role, queue: Queue) -> &'static str {
    match queue {
        Queue::WithAgency if role == Role::AgencyOfficer => "Perlu ditangani",
        Queue::New => "Baru",
        Queue::Mine => "Milik saya",
        Queue::WithAgency => "Menunggu OPD",
        Queue::Overdue => "Lewat tenggat",
        Queue::Unheard => "Perlu didengar",
        Queue::All => "Semua",
    }
}

type Rows = (Vec<Row>, Option<String>);

async fn queue(console: &Console, place: &Place, filter: &Filter) -> Result<Rows, PageError> {
    // One more than fits tells whether there is a next page.
    let mut found = console.store.queue(filter, place.after(), PAGE as i64 + 1).await?;
    let more = found.len() > PAGE;
    found.truncate(PAGE);
    let key = |row: &QueueRow| filter.queue.key(row.opened, row.due);
    let last = found.last().filter(|_| more).map(|row| format!("{}-{}", key(row).0, row.id.0));
    let next = last.map(|after| place.address(filter.queue, &after));
    let trail = place.trail(filter.queue);
    Ok((found.into_iter().map(|row| listed(console, &trail, row)).collect(), next))
}

fn listed(console: &Console, trail: &str, row: QueueRow) -> Row {
    let said = show::excerpt(&row.excerpt, EXCERPT);
    let said = match said.is_empty() {
        false => said,
        true if row.unheard => "(tidak terbaca oleh mesin; mohon didengarkan)".into(),
        true => "(belum ada teks)".into(),
    };
    let subject = [row.category_name.as_deref(), row.place.as_deref()];
    let subject: Vec<&str> = subject.into_iter().flatten().collect();
    // What nearly all reports are need not stand beside each.
    let class = if row.class == Class::Complaint { "" } else { row.class.word() };
    Row {
        href: match trail.is_empty() {
            true => format!("/tiket/{}", row.code.digits()),
            false => format!("/tiket/{}?dari={trail}", row.code.digits()),
        },
        code: row.code.to_string(),
        excerpt: vec![Piece { text: said, hit: false }],
        subject: if subject.is_empty() { class.into() } else { subject.join(" · ") },
        source: "",
        agency: row.agency_name.unwrap_or_default(),
        status: row.status.word(),
        tone: super::ticket::tone(row.status),
        assignee: row.assignee_name.unwrap_or_default(),
        due: row.due.map(|due| console.due(due)),
        age: console.age(row.opened),
        time: console.time(row.opened),
        confidential: row.confidential,
        channel: row.channel.word(),
    }
}

/// What a search finds, as far as it is there for this person.
async fn found(
    console: &Console,
    actor: &Actor,
    place: &Place,
    filter: &Filter,
) -> Result<Rows, PageError> {
    let after: Option<Cursor> = serde_json::from_str(&place.setelah).ok();
    let hits = match &actor.agency {
        Some(agency) => console.store.search_of_agency(agency, &place.cari, after, PAGE).await?,
        None => console.store.search(&place.cari, after, PAGE).await?,
    };
    let named = TicketCode::parse(&place.cari).is_ok();
    // Who does not see numbers must not learn by searching whose a report is.
    let visible = |hit: &Hit| hit.source != Source::Ticket || named || actor.role.sees_numbers();
    let next = hits.next.and_then(|cursor| serde_json::to_string(&cursor).ok());
    let rows = hits.hits.into_iter().filter(visible).map(|hit| hit_row(console, hit));
    Ok((rows.collect(), next.map(|after| place.address(filter.queue, &after))))
}

fn hit_row(console: &Console, hit: Hit) -> Row {
    let source = match hit.source {
        Source::Ticket => "",
        Source::Recording(_) => "dari rekaman",
        Source::Message(MessageKind::Answer) => "dari tanggapan",
        Source::Message(MessageKind::Report | MessageKind::Addition) => "dari teks",
        Source::Place => "dari tempat",
    };
    let (age, time) = (console.age(hit.at), console.time(hit.at));
    Row { excerpt: hit.snippet, source, age, time, ..listed(console, "", hit.ticket) }
}
