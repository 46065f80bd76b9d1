//! Debian's Kannel and the running hotline, with the settings of docs/sms-gateways.md: what people write becomes
//! tickets, what they are told arrives at their telephones, and whoever of the three goes down in between, nothing is
//! lost and nothing is there twice, but for what the documentation says that Kannel loses.
//!
//! With `KENTONGAN_SLOW=1` only: three programs for each test, and gateways that try again when they see fit.

use std::ops::RangeInclusive;

use jiff::tz::TimeZone;
use kentongan::sms::gateway::Sent;
use kentongan::sms::gateway::kannel::access_log;

use crate::caller::kentongan;
use crate::gateways::{code_in, until};
use crate::hotline::{Hotline, slow};
use crate::kannel::{Kannel, Piece, SERVICE};
use crate::rows;

/// Telephones that nobody has.
fn telephone(n: usize) -> String {
    format!("+62812000000{n:02}")
}

#[tokio::test]
async fn a_report_gets_a_code_and_its_code_a_status() {
    if !slow() {
        return;
    }
    let mut kannel = Kannel::start().await;
    let hotline = kannel.hotline();
    kannel.writes("+6281200000001", "LAPOR Jalan berlubang di depan Pasar Inpres, RT 03").await;
    let answer = kannel.arrived_at("+6281200000001", 1).await.remove(0);
    assert_eq!((answer.from.as_str(), answer.parts), (SERVICE, 1));
    let code = code_in(&answer.text);
    kannel.writes("+6281200000001", &format!("cek {code}")).await;
    let answers = kannel.arrived_at("+6281200000001", 2).await;
    assert!(answers[1].text.starts_with(&format!("Laporan {code}: ")), "{answers:?}");

    let text = "Jalan berlubang di depan Pasar Inpres, RT 03".to_owned();
    let ticket = (code.replace('-', ""), "+6281200000001".to_owned(), text);
    assert_eq!(rows::reports(&hotline).await, [ticket]);
    // Reports of the network: both messages are where they should be.
    until("two reports", async || {
        let out = rows::sms_out(&hotline).await;
        (out.len() == 2 && out.iter().all(|sms| sms.state == "delivered")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn pieces_in_any_order_are_one_report() {
    if !slow() {
        return;
    }
    let mut kannel = Kannel::start().await;
    let hotline = kannel.hotline();
    kannel.writes_piece("+6281200000001", Piece(7, 3, 3), "Melati, RT 05.").await;
    kannel.writes_piece("+6281200000001", Piece(7, 1, 3), "LAPOR Lampu jalan ").await;
    kannel.writes_piece("+6281200000002", Piece(7, 2, 2), "sejak Senin.").await;
    kannel.writes_piece("+6281200000001", Piece(7, 2, 3), "mati di gang ").await;
    kannel.writes_piece("+6281200000002", Piece(7, 1, 2), "LAPOR Air mati ").await;
    for n in 1..=2 {
        kannel.arrived_at(&telephone(n), 1).await;
    }
    let reports = rows::reports(&hotline).await;
    let mut told: Vec<(&str, &str)> =
        reports.iter().map(|(_, number, text)| (number.as_str(), text.as_str())).collect();
    // smsbox brings them side by side.
    told.sort_unstable();
    assert_eq!(
        told,
        [
            ("+6281200000001", "Lampu jalan mati di gang Melati, RT 05."),
            ("+6281200000002", "Air mati sejak Senin."),
        ]
    );
}

#[tokio::test]
async fn every_letter_comes_and_goes() {
    if !slow() {
        return;
    }
    let mut kannel = Kannel::start().await;
    let hotline = kannel.hotline();
    let said = "LAPOR Banjir 🙏 di “Sampit” – {RT 05} é 100% & naik + cepat?";
    kannel.writes_in_ucs2("+6281200000001", said).await;
    kannel.writes("+6281200000002", "LAPOR Café [tutup] 100% & naik + cepat, id=1?").await;
    for n in 1..=2 {
        kannel.arrived_at(&telephone(n), 1).await;
    }
    let mut came: Vec<String> =
        rows::sms_in(&hotline).await.into_iter().map(|sms| sms.body).collect();
    came.sort_unstable();
    assert_eq!(came, [said, "LAPOR Café [tutup] 100% & naik + cepat, id=1?"]);

    let long = "Perbaikan jalan dimulai Senin, 30 November, pukul 08.00. ".repeat(4);
    let told = ["{RT 05} é & 100% + [ya]?", long.trim_end()];
    for text in told {
        send(&hotline, "+6281200000003", text);
    }
    let arrived = kannel.arrived_at("+6281200000003", 2).await;
    let got: Vec<(&str, usize)> =
        arrived.iter().map(|one| (one.text.as_str(), one.parts)).collect();
    assert_eq!(got, [(told[0], 1), (told[1], 2)]);
}

/// An operator writes to somebody.
fn send(hotline: &Hotline, to: &str, text: &str) {
    let config = hotline.config();
    let config = config.to_str().unwrap();
    let (output, said) = kentongan(&["--config", config, "sms", "send", "--now", to, text], "");
    assert!(output.status.success(), "{said}");
}

#[tokio::test]
async fn what_the_adapter_asks_for_is_what_kannel_sends() {
    if !slow() {
        return;
    }
    let kannel = Kannel::start().await;
    let gateway = kannel.adapter("");
    let long = "Terima kasih 🙏 sudah melapor. ".repeat(4);
    let texts = [("Terima kasih 🙏", 1), (long.trim_end(), 2), ("Harga €5 {naik}", 1)];
    for (text, _) in texts {
        assert_eq!(
            kannel.sends(gateway.as_ref(), text),
            Sent::Accepted { gateway_id: None },
            "{text}"
        );
    }
    let arrived = kannel.arrived_at(&telephone(1), 3).await;
    let got: Vec<(&str, usize)> =
        arrived.iter().map(|one| (one.text.as_str(), one.parts)).collect();
    assert_eq!(got, texts);

    let wrong = kannel.sends(kannel.adapter("KELIRU").as_ref(), "Halo");
    assert!(matches!(&wrong, Sent::Later { reason } if reason.starts_with("403")), "{wrong:?}");
}

#[tokio::test]
async fn what_comes_while_the_hotline_is_down_comes_later_and_once() {
    if !slow() {
        return;
    }
    let mut kannel = Kannel::start().await;
    let mut hotline = kannel.hotline();
    assert!(hotline.stop().unwrap().success(), "{}", hotline.log());
    writes(&mut kannel, 1..=3).await;
    // Each more than once.
    kannel.fails(7).await;
    hotline.start_again().unwrap();
    for n in 1..=3 {
        kannel.arrived_at(&telephone(n), 1).await;
    }
    hotline.kill().unwrap();
    writes(&mut kannel, 4..=6).await;
    kannel.fails(14).await;
    hotline.start_again().unwrap();
    for n in 4..=6 {
        kannel.arrived_at(&telephone(n), 1).await;
    }
    each_once(&mut kannel, &hotline, 6).await;
}

#[tokio::test]
async fn what_comes_and_goes_while_smsbox_is_down_does_so_later_and_once() {
    if !slow() {
        return;
    }
    let mut kannel = Kannel::start().await;
    let hotline = kannel.hotline();
    kannel.writes(&telephone(1), "LAPOR Jalan rusak nomor 1").await;
    let code = code_in(&kannel.arrived_at(&telephone(1), 1).await[0].text);
    kannel.stop_smsbox();
    writes(&mut kannel, 2..=3).await;
    until("both in Kannel's hands", async || {
        (kannel.access_log().matches("Receive SMS").count() == 3).then_some(())
    })
    .await;
    send(&hotline, &telephone(9), &code);
    hotline.logs("a message was not sent", 1).await;
    kannel.start_smsbox().await;
    for n in [2, 3, 9] {
        kannel.arrived_at(&telephone(n), 1).await;
    }
    each_once(&mut kannel, &hotline, 3).await;
    assert_eq!(kannel.arrived_at(&telephone(9), 1).await.len(), 1);
}

/// Each of these telephones reports something.
async fn writes(kannel: &mut Kannel, telephones: RangeInclusive<usize>) {
    for n in telephones {
        kannel.writes(&telephone(n), &format!("LAPOR Jalan rusak nomor {n}")).await;
    }
}

/// Telephones 1 to `count` have a ticket and its code each, and nothing is there twice; also not a little later.
async fn each_once(kannel: &mut Kannel, hotline: &Hotline, count: usize) {
    // What stood in any queue before this has come when its answer has.
    kannel.writes("+6281200000099", "LAPOR yang terakhir").await;
    kannel.arrived_at("+6281200000099", 1).await;
    let reports = rows::reports(hotline).await;
    assert_eq!(reports.len(), count + 1, "{reports:?}");
    assert_eq!(rows::sms_in(hotline).await.len(), count + 1);
    for n in 1..=count {
        let number = telephone(n);
        let theirs: Vec<_> =
            reports.iter().filter(|(_, reporter, _)| *reporter == number).collect();
        let [(code, _, text)] = theirs[..] else { panic!("{number}: {theirs:?}") };
        assert_eq!(*text, format!("Jalan rusak nomor {n}"));
        let arrived = kannel.arrived_at(&number, 1).await;
        assert_eq!(arrived.len(), 1, "{arrived:?}");
        assert_eq!(code_in(&arrived[0].text).replace('-', ""), *code);
    }
}

#[tokio::test]
async fn kills_in_the_middle_of_thirty_messages_lose_and_double_nothing() {
    if !slow() {
        return;
    }
    let mut kannel = Kannel::start().await;
    let mut hotline = kannel.hotline();
    let count = 30;
    writes(&mut kannel, 1..=8).await;
    hotline.kill().unwrap();
    writes(&mut kannel, 9..=20).await;
    hotline.start_again().unwrap();
    // They come all at once: in the middle of the answers to them comes the second kill.
    until("some answers", async || (kannel.arrived().len() >= 10).then_some(())).await;
    hotline.kill().unwrap();
    let (stored, answered) = (rows::sms_in(&hotline).await.len(), kannel.arrived().len());
    eprintln!("killed with {stored} of 20 stored and {answered} answered");
    assert!(answered < 20, "the kill came too late to prove anything");
    writes(&mut kannel, 21..=count).await;
    hotline.start_again().unwrap();
    // Kannel gives up none: they all come. An answer may have been on its way when a kill came.
    // The network's reports come too, however often nobody was there to take them.
    let out = until("all answers at their telephones", async || {
        let out = rows::sms_out(&hotline).await;
        let done = |sms: &rows::SmsOut| ["delivered", "sending", "unsure"].contains(&&*sms.state);
        (out.len() == count && out.iter().all(done)).then_some(out)
    })
    .await;
    assert_eq!(rows::sms_in(&hotline).await.len(), count);
    let mut answered: Vec<_> = out.iter().filter_map(|sms| sms.answers).collect();
    answered.dedup();
    assert_eq!(answered.len(), count, "{out:?}");
    let unknown: Vec<&str> =
        out.iter().filter(|sms| sms.state != "delivered").map(|sms| sms.number.as_str()).collect();
    assert!(unknown.len() <= 2, "one is sent at a time: {unknown:?}");

    let reports = rows::reports(&hotline).await;
    for n in 1..=count {
        let number = telephone(n);
        let theirs = reports.iter().filter(|(_, reporter, _)| *reporter == number).count();
        assert_eq!(theirs, 1, "tickets of {number}");
        if !unknown.contains(&number.as_str()) {
            assert_eq!(kannel.arrived_at(&number, 1).await.len(), 1, "answers at {number}");
        }
    }
    let all = kannel.arrived();
    assert!(all.len() <= count, "more answers than messages: {all:?}");
}

#[tokio::test]
async fn what_kannel_loses_is_found_in_its_own_log() {
    if !slow() {
        return;
    }
    let mut kannel = Kannel::start().await;
    let mut hotline = kannel.hotline();
    hotline.kill().unwrap();
    kannel.writes(&telephone(1), "LAPOR Jalan rusak, hilang").await;
    kannel.writes_in_ucs2(&telephone(2), "LAPOR Banjir 🙏, hilang").await;
    kannel.fails(3).await;
    kannel.stop_smsbox();
    kannel.start_smsbox().await;
    hotline.start_again().unwrap();
    kannel.writes(&telephone(3), "LAPOR Jalan rusak, sampai").await;
    kannel.arrived_at(&telephone(3), 1).await;

    let log = access_log::read(&kannel.access_log(), &TimeZone::UTC);
    let told: Vec<(&str, &str)> =
        log.received.iter().map(|one| (one.from.as_str(), one.text.as_str())).collect();
    assert_eq!(
        told,
        [
            (&*telephone(1), "LAPOR Jalan rusak, hilang"),
            (&*telephone(2), "LAPOR Banjir 🙏, hilang"),
            (&*telephone(3), "LAPOR Jalan rusak, sampai"),
        ]
    );
    // The id and the time are the ones that the hook is told.
    let [came] = &rows::sms_in(&hotline).await[..] else { panic!("more than one came") };
    assert_eq!(log.received[2].id.as_ref(), Some(&came.external_id));
    assert_eq!(log.received[2].at.map(|at| at.0), came.sent);

    let (found, said) = reconcile(&kannel, &hotline, &[]);
    assert!(!found && said.contains("2 of them missing"), "{said}");
    let (found, said) = reconcile(&kannel, &hotline, &["--take"]);
    assert!(found, "{said}");
    for n in 1..=3 {
        kannel.arrived_at(&telephone(n), 1).await;
    }
    let (found, said) = reconcile(&kannel, &hotline, &["--take"]);
    assert!(found && said.contains("0 of them missing"), "{said}");
    let mut texts: Vec<String> =
        rows::reports(&hotline).await.into_iter().map(|(_, _, text)| text).collect();
    texts.sort_unstable();
    assert_eq!(texts, ["Banjir 🙏, hilang", "Jalan rusak, hilang", "Jalan rusak, sampai"]);
    assert_eq!(kannel.arrived().len(), 3);
}

/// Whether nothing is missing, and what is said about it.
fn reconcile(kannel: &Kannel, hotline: &Hotline, extra: &[&str]) -> (bool, String) {
    let (config, log) = (hotline.config(), kannel.access_log_file());
    let args = ["--config", config.to_str().unwrap(), "sms", "reconcile", "--gateway", "kannel"];
    let (output, said) = kentongan(&[&args[..], &[log.to_str().unwrap()], extra].concat(), "");
    (output.status.success(), said)
}
