use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::*;
use crate::clock::TestClock;
use crate::sms::reply::SHIPPED;
use crate::sms::segment::Alphabet;
use crate::store::{Addition, Outgoing, SmsKind, TicketView};

/// 2026-11-26 10:00 in Jakarta.
const NOW: Timestamp = Timestamp(1_795_662_000_000);
const CITIZEN: &str = "0812-0000-0001";
const OTHER: &str = "+62812 0000 0002";

struct Office {
    desk: Desk,
    clock: Arc<TestClock>,
    store: Store,
    posted: std::cell::Cell<u32>,
}

impl Office {
    async fn new() -> Office {
        Office::by(Config {
            keywords: vec!["KOTIM".into()],
            own_numbers: vec!["+62 811 0000 0000".into()],
            ..Config::default()
        })
        .await
    }

    async fn by(config: Config) -> Office {
        let (store, clock) = (Store::in_memory().await.unwrap(), Arc::new(TestClock::at(NOW)));
        let replies = Arc::new(Replies::parse(SHIPPED).unwrap());
        let zone = TimeZone::get("Asia/Jakarta").unwrap();
        let desk = Desk::new(&config, replies, zone, store.clone(), clock.clone());
        Office { desk, clock, store, posted: 0.into() }
    }

    fn message(&self, from: &str, text: &str) -> InboundMessage {
        self.posted.set(self.posted.get() + 1);
        InboundMessage {
            external_id: format!("m{}", self.posted.get()),
            from: from.into(),
            to: Some("1708".into()),
            text: text.into(),
            sent_at: Some(self.desk.now()),
            part: None,
        }
    }

    async fn post(&self, message: &InboundMessage) {
        self.desk.receive("kannel", message.clone()).await.unwrap();
    }

    /// What is answered to a message; a while later, so that no pause stands against it.
    async fn says(&self, from: &str, text: &str) -> Option<String> {
        let before = self.outbox().await.len();
        self.post(&self.message(from, text)).await;
        self.clock.advance(Duration::from_secs(60));
        let after = self.outbox().await;
        assert!(after.len() <= before + 1);
        (after.len() > before).then(|| after[0].body.clone())
    }

    /// Newest first.
    async fn outbox(&self) -> Vec<Outgoing> {
        self.store.sms_list(None, 1000).await.unwrap()
    }

    /// Reports something; tells the code.
    async fn reports(&self, from: &str, text: &str) -> TicketCode {
        let said = self.says(from, text).await.expect("an answer");
        let code = said.split("Kode ").nth(1).expect("a code");
        TicketCode::parse(&code[..9]).unwrap()
    }

    async fn ticket(&self, code: &TicketCode) -> TicketView {
        self.store.ticket(code).await.unwrap().expect("a ticket")
    }

    async fn tickets(&self) -> i64 {
        self.store.counts().await.unwrap().tickets
    }
}

#[tokio::test]
async fn a_report_becomes_a_ticket_and_its_code_goes_back() {
    let office = Office::new().await;
    let code = office.reports(CITIZEN, "LAPOR jalan rusak di depan pasar Baamang").await;
    let ticket = office.ticket(&code).await;
    assert_eq!((ticket.ticket.channel, ticket.ticket.asserted), (Channel::Sms, true));
    assert_eq!(ticket.ticket.number.as_deref(), Some("+6281200000001"));
    assert_eq!(ticket.messages[0].body, "jalan rusak di depan pasar Baamang");
    let answer = &office.outbox().await[0];
    assert_eq!((answer.kind, answer.number.as_str()), (SmsKind::Answer, "+6281200000001"));
    assert_eq!((answer.gateway.as_str(), answer.code.as_ref()), ("kannel", Some(&code)));
    assert_eq!((size(&answer.body).alphabet, answer.parts), (Alphabet::Gsm7, 1));
    assert!(answer.body.starts_with("Laporan Anda diterima. Kode "), "{}", answer.body);
    // As it came is kept too.
    let came = office.store.sms_received(1).await.unwrap();
    assert_eq!(came[0].body, "LAPOR jalan rusak di depan pasar Baamang");
    assert_eq!((came[0].outcome.as_str(), came[0].code.as_ref()), ("opened", Some(&code)));
}

#[tokio::test]
async fn a_message_posted_six_hundred_times_is_one_ticket_and_one_answer() {
    let office = Office::new().await;
    let message = office.message(CITIZEN, "sampah menumpuk di Jalan Merdeka");
    for _ in 0..300 {
        office.post(&message).await;
    }
    // The same under other names, as a gateway with a bad memory posts it; and written again by an impatient thumb.
    for n in 0..300 {
        let sent_at = Some(NOW + Duration::from_secs(n));
        office.post(&InboundMessage { sent_at, ..office.message(CITIZEN, &message.text) }).await;
    }
    assert_eq!((office.tickets().await, office.outbox().await.len()), (1, 1));
    // Another day it is another report.
    office.clock.advance(Duration::from_secs(24 * 3600));
    office.reports(CITIZEN, &message.text).await;
    assert_eq!(office.tickets().await, 2);
}

#[tokio::test]
async fn a_code_is_answered_by_how_much_its_asker_may_know() {
    let office = Office::new().await;
    let code = office.reports(CITIZEN, "lampu jalan mati").await;
    let status = format!("Laporan {code}: Diterima, per 26 November 2026. Layanan Pengaduan");
    for (from, ask) in [
        (CITIZEN, format!("CEK {code}")),
        (OTHER, format!("status {}", code.digits())),
        (OTHER, code.digits().to_owned()),
    ] {
        assert_eq!(office.says(from, &ask).await.as_deref(), Some(status.as_str()), "{ask}");
    }
    let ticket = office.ticket(&code).await.ticket.id;
    let hidden = Addition { confidential: Some(true), ..Addition::default() };
    office.store.add_to_ticket(ticket, hidden, NOW).await.unwrap();
    let said = office.says(CITIZEN, &format!("CEK {code}")).await.unwrap();
    assert_eq!(
        said,
        format!("Laporan {code} sudah diterima dan sedang diproses. Layanan Pengaduan")
    );
    assert!(office.says(CITIZEN, "CEK 48217362").await.unwrap().starts_with("Kode itu tidak kami"));
    assert_eq!(office.tickets().await, 1);
}

#[tokio::test]
async fn guessing_codes_ends_as_it_does_by_telephone() {
    let office = Office::by(Config {
        limits: crate::sms::Limits { answers_per_day: 100, ..Default::default() },
        ..Config::default()
    })
    .await;
    let mut rng = StdRng::seed_from_u64(7);
    let mut told = Vec::new();
    for _ in 0..12 {
        let guess = TicketCode::generate(&mut rng);
        told.push(office.says(OTHER, &format!("CEK {guess}")).await.unwrap());
    }
    assert!(told[9].starts_with("Kode itu tidak kami temukan"), "{}", told[9]);
    assert!(told[10].starts_with("Terlalu banyak kode"), "{}", told[10]);
}

#[tokio::test]
async fn only_the_number_that_reported_adds_words() {
    let office = Office::new().await;
    let code = office.reports(CITIZEN, "pipa bocor").await;
    let add = format!("TAMBAH {code} sudah tiga hari, air sampai ke jalan");
    let said = office.says(OTHER, &add).await.unwrap();
    assert!(said.starts_with("Keterangan hanya bisa ditambahkan dari nomor yang"), "{said}");
    assert_eq!(office.ticket(&code).await.messages.len(), 1);
    let said = office.says(CITIZEN, &add).await.unwrap();
    assert!(said.starts_with("Keterangan Anda sudah ditambahkan"), "{said}");
    let messages = office.ticket(&code).await.messages;
    assert_eq!(messages[1].body, "sudah tiga hari, air sampai ke jalan");
}

#[tokio::test]
async fn whoever_asks_for_silence_gets_it() {
    let office = Office::new().await;
    assert!(office.says(CITIZEN, "STOP").await.unwrap().starts_with("Baik, kami tidak akan"));
    assert_eq!(office.says(CITIZEN, "pohon tumbang di jalan raya").await, None);
    // The report counts all the same.
    assert_eq!(office.tickets().await, 1);
    assert!(office.says(OTHER, "INFO").await.is_some());
    assert!(office.says(CITIZEN, "mulai").await.unwrap().starts_with("Baik, kami akan"));
    assert!(office.says(CITIZEN, "bantuan").await.unwrap().starts_with("Tulis LAPOR"));
}

#[tokio::test]
async fn machines_are_neither_answered_nor_taken_for_citizens() {
    let office = Office::new().await;
    for from in ["TELKOMSEL", "3636", "+62811-0000-0000", "", "\u{0}'; DROP TABLE ticket"] {
        assert_eq!(office.says(from, "Beli paket data sekarang!").await, None, "{from}");
    }
    // A message from the number that it went to.
    let mut own = office.message("081200000009", "halo");
    own.to = Some("+6281200000009".into());
    office.post(&own).await;
    assert_eq!((office.tickets().await, office.outbox().await.len()), (0, 0));
    assert_eq!(office.store.sms_received(100).await.unwrap().len(), 6);
}

#[tokio::test]
async fn two_machines_that_answer_each_other_fall_silent() {
    let office = Office::new().await;
    for n in 0..200 {
        office
            .post(&office.message(OTHER, &format!("Pesan Anda sudah kami terima nomor {n}")))
            .await;
        office.clock.advance(Duration::from_secs(20));
    }
    assert_eq!((office.tickets().await, office.outbox().await.len()), (200, 10));
    // Tomorrow there may be a person.
    office.clock.advance(Duration::from_secs(24 * 3600));
    assert!(office.says(OTHER, "INFO").await.is_some());
}

#[tokio::test]
async fn quick_questions_are_answered_one_after_the_other() {
    let office = Office::new().await;
    for text in ["INFO", "BANTUAN"] {
        office.post(&office.message(CITIZEN, text)).await;
    }
    let due: Vec<i64> = office.outbox().await.iter().rev().map(|o| o.due.0 - NOW.0).collect();
    assert_eq!(due, [0, 15_000]);
}

#[tokio::test]
async fn pieces_are_joined_in_whatever_order_they_come() {
    let office = Office::new().await;
    let texts = [
        "LAPOR jembatan gantung di Desa Pelangsian ",
        "putus sejak tadi malam, ",
        "warga memutar 12 km",
    ];
    let piece = |number: u16, name: &str| InboundMessage {
        part: Some(Part { reference: "7".into(), number, of: 3 }),
        external_id: name.into(),
        ..office.message(CITIZEN, texts[usize::from(number) - 1])
    };
    let pieces = [piece(3, "c"), piece(1, "a"), piece(1, "a"), piece(2, "b")];
    for one in &pieces {
        assert_eq!(office.tickets().await, 0);
        office.post(one).await;
    }
    // Its gateway never heard that we have the last one.
    office.post(&pieces[3]).await;
    assert_eq!((office.tickets().await, office.outbox().await.len()), (1, 1));
    let found = office.store.search("gantung", None, 10).await.unwrap();
    let ticket = office.ticket(&found.hits[0].ticket.code).await;
    assert_eq!(ticket.messages[0].body, texts.concat().trim_start_matches("LAPOR "));
    // The same few bits name the sender's next long message.
    let next = |number, name: &str, text: &str| InboundMessage {
        part: Some(Part { reference: "7".into(), number, of: 3 }),
        external_id: name.into(),
        ..office.message(CITIZEN, text)
    };
    for one in [next(2, "e", "dua "), next(1, "d", "satu "), next(3, "f", "tiga")] {
        office.post(&one).await;
    }
    assert_eq!(office.tickets().await, 2);
    assert_eq!(office.store.search("\"satu dua tiga\"", None, 10).await.unwrap().hits.len(), 1);
}

#[tokio::test]
async fn a_piece_that_never_comes_holds_the_others_back_for_a_day_only() {
    let office = Office::new().await;
    for (number, name, text) in [(1, "a", "atap SD Negeri 4 "), (3, "c", "tolong segera")] {
        let part = Some(Part { reference: "9".into(), number, of: 4 });
        let external_id = name.into();
        office.post(&InboundMessage { part, external_id, ..office.message(CITIZEN, text) }).await;
    }
    office.clock.advance(Duration::from_secs(23 * 3600));
    office.desk.take_unfinished().await.unwrap();
    assert_eq!(office.tickets().await, 0);
    office.clock.advance(Duration::from_secs(2 * 3600));
    for _ in 0..2 {
        office.desk.take_unfinished().await.unwrap();
    }
    assert_eq!(office.tickets().await, 1);
    let found = office.store.search("atap", None, 10).await.unwrap();
    let ticket = office.ticket(&found.hits[0].ticket.code).await;
    assert_eq!(ticket.messages[0].body, "atap SD Negeri 4 [...]tolong segera[...]");
}

#[tokio::test]
async fn a_delivery_report_is_set_down_and_never_taken_back() {
    let office = Office::new().await;
    office.says(CITIZEN, "INFO").await;
    let sent = office.store.lease_sms("kannel", office.desk.now(), PIECES).await.unwrap().unwrap();
    let report = async |state| {
        let report = DeliveryReport { reference: sent.reference.clone(), state, reason: None };
        office.desk.report("kannel", &report).await.unwrap();
        office.outbox().await[0].state
    };
    // Reports overtake the gateway's own answer, and each other.
    assert_eq!(report(gateway::Delivery::Sent).await, SmsState::Sent);
    let accepted = crate::store::Settled::Accepted { gateway_id: None };
    office.store.settle_sms(&sent, accepted, office.desk.now()).await.unwrap();
    assert_eq!(office.outbox().await[0].state, SmsState::Sent);
    assert_eq!(report(gateway::Delivery::Delivered).await, SmsState::Delivered);
    assert_eq!(report(gateway::Delivery::Sent).await, SmsState::Delivered);
    assert_eq!(report(gateway::Delivery::Failed).await, SmsState::Delivered);
    let strange = DeliveryReport {
        reference: "ffffffffffffffff".into(),
        state: gateway::Delivery::Failed,
        reason: None,
    };
    office.desk.report("kannel", &strange).await.unwrap();
    let elsewhere = DeliveryReport { reference: sent.reference.clone(), ..strange };
    office.desk.report("lain", &elsewhere).await.unwrap();
    assert_eq!(office.outbox().await[0].state, SmsState::Delivered);
}

#[test]
fn dates_are_those_on_the_readers_wall() {
    let zone = |name| TimeZone::get(name).unwrap();
    // 23:30 on the 30th in Jakarta, the 31st already in Jayapura.
    let at = Timestamp(1_780_158_600_000);
    assert_eq!(date(at, &zone("Asia/Jakarta")), "30 Mei 2026");
    assert_eq!(date(at, &zone("Asia/Jayapura")), "31 Mei 2026");
}
