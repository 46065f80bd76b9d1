//! What open pages are told, and what they fetch again.

use axum::body::{BodyDataStream, HttpBody as _};
use futures_util::StreamExt as _;

use super::*;

/// An open stream.
struct Stream(BodyDataStream);

impl Stream {
    /// The next piece, as the browser reads it; `None` when the stream has ended.
    async fn next(&mut self) -> Option<String> {
        let piece = self.0.next().await?.unwrap();
        Some(String::from_utf8(piece.to_vec()).unwrap())
    }

    /// The names of the next events up to one of this name.
    async fn until(&mut self, name: &str) -> Vec<String> {
        let mut names = Vec::new();
        while names.last().is_none_or(|last: &String| !last.starts_with(name)) {
            let piece = self.next().await.expect("the stream ended");
            let field =
                |name: &str| piece.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
            if let (Some(name), Some(data)) = (field("event:"), field("data:")) {
                names.push(format!("{name} {data}"));
            }
        }
        names
    }

    async fn end(mut self) {
        while self.next().await.is_some() {}
    }
}

impl Office {
    async fn open_stream(&self, login: &str) -> Result<Stream, StatusCode> {
        let request =
            Request::get("/peristiwa").header(header::COOKIE, format!("kentongan={login}"));
        let request = request.body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        match response.status() {
            StatusCode::OK => Ok(Stream(response.into_body().into_data_stream())),
            status => Err(status),
        }
    }

    async fn stream(&self, login: &str) -> Stream {
        let mut stream = self.open_stream(login).await.unwrap();
        let first = stream.next().await.unwrap();
        assert!(first.contains("event: siap\n") && first.contains("retry: 3000\n"), "{first}");
        stream
    }
}

#[tokio::test]
async fn a_stream_tells_each_role_of_what_it_may_see() {
    let office = Office::new().await;
    let watching = tokio::spawn(watch(office.console.clone()));
    let foreign = office.wrote("lampu mati").await;
    let mut operator = office.stream("petugas").await;
    let mut officer = office.stream("petugas_opd").await;
    let ticket = office.wrote("jalan rusak").await;
    let told = operator.until(&format!("tiket {}", ticket.code.digits())).await;
    assert_eq!(told[0], "antrean -");
    assert!(told.contains(&"beranda -".into()), "{told:?}");
    office.route(&ticket).await;
    let told = officer.until("tiket").await;
    let revision = office.view(&ticket.code).await;
    let revision =
        revision.ticket.version + (revision.history.len() + revision.messages.len()) as i64;
    assert_eq!(told, ["antrean -", &format!("tiket {} {revision}", ticket.code.digits())]);
    assert!(!told.iter().any(|hint| hint.contains(foreign.code.digits())));
    let page = office.get("petugas_opd", &format!("/tiket/{}", ticket.code.digits())).await;
    assert!(page.text().contains(&format!("data-revision=\"{revision}\"")));
    watching.abort();
}

#[tokio::test]
async fn a_stream_of_somebody_who_was_sent_away_ends() {
    let office = Office::new().await;
    let stream = office.stream("petugas").await;
    let other = office.stream("penyelia").await;
    let page = office.post("admin", "/petugas/petugas/nonaktif", &[]).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    stream.end().await;
    assert!(!other.0.is_end_stream(), "whose session lives hears on");
    assert_eq!(office.open_stream("petugas").await.err(), Some(StatusCode::SEE_OTHER));
}

#[tokio::test]
async fn a_person_has_so_many_streams_and_no_more_and_all_end_when_the_program_does() {
    let office = Office::new().await;
    let mut streams = Vec::new();
    for _ in 0..8 {
        streams.push(office.stream("petugas").await);
    }
    let refused = office.open_stream("petugas").await.err();
    assert_eq!(refused, Some(StatusCode::TOO_MANY_REQUESTS));
    assert!(office.open_stream("auditor").await.is_ok(), "others have theirs");
    streams.pop();
    streams.push(office.stream("petugas").await);
    office.console.live.close();
    for stream in streams {
        stream.end().await;
    }
}

#[tokio::test]
async fn an_open_page_is_no_sign_of_life() {
    let office = Office::new().await;
    let minutes = |n: u64| office.clock.advance(Duration::from_secs(60 * n));
    for part in ["/hitungan", "/kotak-masuk/hitungan", "/panggilan/berlangsung"] {
        assert_eq!(office.get("petugas", part).await.status, StatusCode::OK, "{part}");
        minutes(8);
    }
    minutes(8);
    assert_eq!(office.get("petugas", "/kotak-masuk").await.status, StatusCode::SEE_OTHER);
    let part = Request::get("/hitungan")
        .header(header::COOKIE, "kentongan=petugas")
        .header("hx-request", "true");
    let part = office.ask(part.body(Body::empty()).unwrap()).await;
    assert_eq!(part.status, StatusCode::UNAUTHORIZED, "no sign-in page in the middle of another");
    assert!(part.body.is_empty());
}

#[tokio::test]
async fn a_deadline_that_passes_is_counted_though_nothing_happened() {
    let office = Office::new().await;
    office.wrote("lampu mati").await;
    let page = office.get("petugas", "/kotak-masuk").await;
    let asks = page.text();
    let asks = asks.split("id=\"kabar\"").nth(1).unwrap().split('>').next().unwrap();
    assert!(asks.contains("hx-trigger=\"kabar-antrean from:body, every 60s\""), "{asks}");
    let late = async || {
        let counts = office.store().queue_counts(StaffId(1), None, office.clock.now()).await;
        counts.unwrap().overdue
    };
    assert_eq!(late().await, 0);
    office.clock.advance(Duration::from_secs(90 * 24 * 3600));
    assert_eq!(late().await, 1);
}

/// What the page fetches again: the address that it names itself.
fn news_of(page: &Page) -> String {
    let text = page.text();
    let address = text.split("hx-get=\"/kotak-masuk/hitungan").nth(1).unwrap();
    let address = address.split('"').next().unwrap();
    format!("/kotak-masuk/hitungan{}", address.replace("&amp;", "&").replace("&#38;", "&"))
}

#[tokio::test]
async fn new_reports_are_counted_above_the_list_and_only_those_that_belong_into_it() {
    let office = Office::new().await;
    office.wrote("lampu mati").await;
    let mut pages = Vec::new();
    for (login, list) in [
        ("petugas", "/kotak-masuk"),
        ("petugas", "/kotak-masuk?antrean=semua&jenis=complaint&saluran=loket"),
        ("petugas", "/kotak-masuk?antrean=opd"),
        ("petugas_opd", "/kotak-masuk"),
    ] {
        pages.push((login, list, news_of(&office.get(login, list).await)));
    }
    let fresh = async |expected: [Option<&str>; 4]| {
        for ((login, list, news), expected) in pages.iter().zip(expected) {
            let text = office.get(login, news).await.text();
            let told = text.split(" laporan baru, tampilkan").next().unwrap();
            let told = told.rsplit('>').next().filter(|_| text.contains("laporan baru,"));
            assert_eq!(told, expected, "{login} {list}: {text}");
        }
    };
    fresh([None; 4]).await;
    let ticket = office.wrote("jalan rusak").await;
    office.wrote("got mampet").await;
    fresh([Some("2"), None, None, None]).await;
    office.route(&ticket).await;
    fresh([Some("1"), None, Some("1"), Some("1")]).await;
    let counts = office.get("petugas", &pages[0].2).await;
    insta::assert_snapshot!("inbox_news", counts.steady());
}

#[tokio::test]
async fn two_people_at_one_ticket_see_each_other_until_one_of_them_is_gone() {
    let office = Office::new().await;
    office.hire("rina", Role::Operator).await;
    let ticket = office.wrote("jalan rusak").await;
    let path = format!("/tiket/{}/hadir", ticket.code.digits());
    let here = async |login: &str| office.get(login, &path).await.text().trim().to_owned();
    assert_eq!(here("petugas").await, "");
    assert_eq!(here("petugas").await, "", "nobody sees themselves");
    assert_eq!(here("auditor").await, "Siti Aminah sedang membuka laporan ini.");
    let mut stream = office.stream("petugas").await;
    assert_eq!(here("rina").await, "Siti Aminah sedang membuka laporan ini.");
    assert_eq!(stream.until("hadir").await, [format!("hadir {}", ticket.code.digits())]);
    assert_eq!(here("penyelia").await, "Siti Aminah dan Siti Aminah sedang membuka laporan ini.");
    assert_eq!(office.get("petugas_opd", &path).await.status, StatusCode::NOT_FOUND);
    office.clock.advance(Duration::from_secs(36));
    assert_eq!(here("rina").await, "", "and the auditor was never told of");
}

#[tokio::test]
async fn calls_that_go_on_are_shown_with_their_step() {
    let office = Office::new().await;
    let store = office.store();
    let call = office.begun().await;
    let step = Step { at: NOW, step: "menu_utama".into(), what: "enter".into() };
    store.add_steps(call, vec![step]).await.unwrap();
    office.clock.advance(Duration::from_secs(75));
    insta::assert_snapshot!(
        "calls_live",
        office.get("auditor", "/panggilan/berlangsung").await.steady()
    );
    let refused = office.get("petugas_opd", "/panggilan/berlangsung").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let end = CallEnd {
        at: NOW,
        reason: EndReason::HungUp,
        ended_by: EndedBy::Caller,
        packets_sent: 0,
        packets_received: 0,
        packets_lost: 0,
        first_audio: None,
        trace: CallTrace::default(),
        steps: Vec::new(),
    };
    store.end_call(call, end).await.unwrap();
    let text = office.get("petugas", "/panggilan/berlangsung").await.text();
    assert!(text.contains("Tidak ada panggilan yang sedang berlangsung."), "{text}");
}
