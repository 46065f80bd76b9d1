//! Debian's Gammu SMSD with a modem that is a folder, and the running hotline, with the script of docs/sms-gateways.md.
//!
//! With `KENTONGAN_SLOW=1` only: SMSD looks at its modem once a second.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use kentongan::sms::gateway::gammu::inbox;

use crate::gateways::{Program, adapted, code_in, command, documented, hotline, until};
use crate::hotline::{Hotline, free_port, slow};
use crate::rows;

/// SMSD and its modem.
struct Gammu {
    web_port: u16,
    smsd: Program,
    /// Files that the modem has been given.
    given: usize,
    folder: tempfile::TempDir,
}

/// Of a piece of a long message: which message, which piece, of how many.
struct Piece(u8, u8, u8);

impl Gammu {
    /// Starts it and waits until it has found its modem.
    async fn start() -> Gammu {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let web_port = free_port().unwrap();
        for inside in ["modem/sms/1", "inbox", "outbox", "sent", "error", "kept"] {
            std::fs::create_dir_all(folder.path().join(inside)).unwrap();
        }
        let [_, run, script, ..] = &documented("Gammu")[..] else { panic!("other blocks") };
        let script = adapted(
            script.clone(),
            &[
                ("/var/spool/gammu/kentongan", folder.path().join("kept").to_str().unwrap()),
                ("127.0.0.1:8080", &format!("127.0.0.1:{web_port}")),
            ],
        );
        let program = folder.path().join("kentongan-sms");
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o700)).unwrap();
        let run =
            adapted(run.clone(), &[("/usr/local/bin/kentongan-sms", program.to_str().unwrap())]);
        std::fs::write(folder.path().join("smsdrc"), smsdrc(folder.path(), &run)).unwrap();

        let mut smsd = command("gammu-smsd");
        smsd.arg("-c").arg(folder.path().join("smsdrc")).env("LC_ALL", "C.UTF-8");
        let smsd = Program::start(smsd, &folder.path().join("smsd.out"));
        let gammu = Gammu { web_port, smsd, given: 0, folder };
        until("a modem that is ready", async || {
            gammu.log().contains("Starting phone communication").then_some(())
        })
        .await;
        gammu
    }

    /// A hotline behind it, as the documentation says.
    fn hotline(&self) -> Hotline {
        let smsdrc = self.path("smsdrc");
        let settings = adapted(
            documented("Gammu")[0].clone(),
            &[("/etc/gammu-smsdrc", smsdrc.to_str().unwrap())],
        );
        Hotline::start(&hotline(&settings, self.web_port)).unwrap()
    }

    fn path(&self, inside: &str) -> PathBuf {
        self.folder.path().join(inside)
    }

    /// What SMSD tells of itself.
    fn log(&self) -> String {
        let log = std::fs::read_to_string(self.path("smsd.log")).unwrap_or_default();
        format!("{}{log}", self.smsd.output())
    }

    /// Somebody writes.
    fn writes(&mut self, from: &str, text: &str) {
        self.gives(from, text, None);
    }

    fn writes_piece(&mut self, from: &str, piece: Piece, text: &str) {
        self.gives(from, text, Some(piece));
    }

    /// Puts a message into the modem, whole: it is looked at all the time.
    fn gives(&mut self, from: &str, text: &str, piece: Option<Piece>) {
        self.given += 1;
        let whole = self.path("message");
        std::fs::write(&whole, backup(from, text, piece)).unwrap();
        std::fs::rename(whole, self.path("modem/sms/1").join(self.given.to_string())).unwrap();
    }

    /// Runs the documented program as cron does.
    fn posts_what_is_kept(&self) {
        let status = command(self.path("kentongan-sms").to_str().unwrap()).status().unwrap();
        assert!(status.success());
    }

    /// Waits until this many messages are kept for later.
    async fn keeps(&self, count: usize) {
        until(&format!("{count} kept messages"), async || {
            (files(&self.path("kept")).len() == count).then_some(())
        })
        .await;
    }

    /// Waits until `count` messages went to that number; their texts.
    async fn sent_to(&self, to: &str, count: usize) -> Vec<String> {
        until(&format!("{count} messages to {to}"), async || {
            let sent = files(&self.path("sent"));
            let texts: Vec<String> = sent
                .values()
                .filter(|file| file.contains(&format!("Number = \"{to}\"")))
                .map(|file| sent_text(file))
                .collect();
            (texts.len() >= count).then_some(texts)
        })
        .await
    }
}

fn smsdrc(folder: &Path, run: &str) -> String {
    let folder = folder.display();
    format!(
        "[gammu]
device = {folder}/modem
connection = none
model = dummy
gammuloc = /dev/null

[smsd]
service = files
logfile = {folder}/smsd.log
debuglevel = 0
inboxpath = {folder}/inbox/
outboxpath = {folder}/outbox/
sentsmspath = {folder}/sent/
errorsmspath = {folder}/error/
ReceiveFrequency = 1
StatusFrequency = 0
LoopSleep = 1
CommTimeout = 1
CheckSecurity = 0
CheckBattery = 0
CheckSignal = 0
CheckNetwork = 0
{run}"
    )
}

/// A message as the modem has it, in Gammu's own form of a backup.
fn backup(from: &str, text: &str, piece: Option<Piece>) -> String {
    let letters = hex(text);
    let coding = if text.is_ascii() { "Default" } else { "Unicode" };
    let mut file = format!(
        "[SMSBackup000]
PDU = Deliver
DateTime = 20261126T080000
State = UnRead
Number = \"{from}\"
NumberUnicode = {}
Coding = {coding}_No_Compression
Folder = 1
Length = {}
Class = -1
ReplySMSC = False
RejectDuplicates = False
ReplaceMessage = 0
MessageReference = 0
",
        hex(from),
        letters.len() / 4,
    );
    if let Some(Piece(reference, number, of)) = piece {
        writeln!(file, "UDH = 050003{reference:02X}{of:02X}{number:02X}").unwrap();
    }
    for (n, line) in letters.as_bytes().chunks(200).enumerate() {
        writeln!(file, "Text{n:02} = {}", str::from_utf8(line).unwrap()).unwrap();
    }
    file
}

fn hex(text: &str) -> String {
    text.encode_utf16().map(|unit| format!("{unit:04X}")).collect()
}

/// What a file in `sent` says. SMSD writes each piece twice, before and after the modem had it.
fn sent_text(file: &str) -> String {
    let mut pieces = BTreeMap::new();
    for section in file.split("[SMSBackup000]").skip(1) {
        for message in section.split("\n[") {
            let value = |key: &str| {
                message.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "))
            };
            let lines = (0..).map_while(|n| value(&format!("Text{n:02}")));
            pieces.insert(value("UDH").unwrap_or_default().to_owned(), lines.collect::<String>());
        }
    }
    let digits: Vec<char> = pieces.into_values().collect::<String>().chars().collect();
    let units: Vec<u16> = digits
        .chunks(4)
        .map(|unit| u16::from_str_radix(&unit.iter().collect::<String>(), 16).unwrap())
        .collect();
    String::from_utf16(&units).unwrap()
}

/// Names and contents of what is in a folder and not hidden.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, std::fs::read_to_string(entry.path()).unwrap_or_default())
        })
        .filter(|(name, _)| !name.starts_with('.'))
        .collect()
}

#[tokio::test]
async fn a_report_by_modem_gets_a_code_and_its_code_a_status() {
    if !slow() {
        return;
    }
    let mut gammu = Gammu::start().await;
    let hotline = gammu.hotline();
    let said = "LAPOR Banjir 🙏 di \"Sampit\", $HOME `id` \\ 100% & 'naik' + cepat?";
    gammu.writes("+6281200000001", said);
    let answer = gammu.sent_to("+6281200000001", 1).await.remove(0);
    let code = code_in(&answer);
    gammu.writes("+6281200000001", &format!("CEK {code}"));
    let answers = gammu.sent_to("+6281200000001", 2).await;
    let status = format!("Laporan {code}: ");
    assert!(answers.iter().any(|answer| answer.starts_with(&status)), "{answers:?}");
    let reports = rows::reports(&hotline).await;
    let ticket = (code.replace('-', ""), "+6281200000001".to_owned(), said[6..].to_owned());
    assert_eq!(reports, [ticket]);
    let out = rows::sms_out(&hotline).await;
    assert!(out.len() == 2 && out.iter().all(|sms| sms.state == "accepted"), "{out:?}");
}

#[tokio::test]
async fn pieces_that_the_modem_gets_in_any_order_are_one_report() {
    if !slow() {
        return;
    }
    let mut gammu = Gammu::start().await;
    let hotline = gammu.hotline();
    gammu.writes_piece("+6281200000001", Piece(7, 2, 2), "mati di gang Melati.");
    gammu.writes_piece("+6281200000001", Piece(7, 1, 2), "LAPOR Lampu jalan ");
    gammu.sent_to("+6281200000001", 1).await;
    let reports = rows::reports(&hotline).await;
    assert_eq!(reports.len(), 1, "{reports:?}");
    assert_eq!(reports[0].2, "Lampu jalan mati di gang Melati.");

    // Both files of SMSD's inbox are names of this message.
    let came = rows::sms_in(&hotline).await;
    let mut names: Vec<&str> = came[0].external_id.split(' ').collect();
    names.sort_unstable();
    let files = files(&gammu.path("inbox"));
    assert_eq!(names, files.keys().collect::<Vec<_>>());
    for (name, contents) in &files {
        let logged = inbox::read(name, contents.as_bytes(), &TimeZone::UTC).unwrap();
        assert_eq!(logged.from, "+6281200000001");
    }
}

#[tokio::test]
async fn what_the_modem_gets_while_the_hotline_is_down_comes_later_and_once() {
    if !slow() {
        return;
    }
    let mut gammu = Gammu::start().await;
    let mut hotline = gammu.hotline();
    hotline.kill().unwrap();
    for n in 1..=2 {
        gammu.writes(&format!("+628120000000{n}"), &format!("LAPOR Jalan rusak nomor {n}"));
        gammu.keeps(n).await;
    }
    hotline.start_again().unwrap();
    gammu.posts_what_is_kept();
    gammu.keeps(0).await;
    gammu.posts_what_is_kept();
    for n in 1..=2 {
        let sent = gammu.sent_to(&format!("+628120000000{n}"), 1).await;
        assert_eq!(sent.len(), 1, "{sent:?}");
    }
    // What comes now brings nothing back.
    gammu.writes("+6281200000003", "LAPOR Jalan rusak nomor 3");
    gammu.sent_to("+6281200000003", 1).await;
    let texts: Vec<String> =
        rows::reports(&hotline).await.into_iter().map(|(_, _, text)| text).collect();
    assert_eq!(texts, ["Jalan rusak nomor 1", "Jalan rusak nomor 2", "Jalan rusak nomor 3"]);
    assert_eq!(files(&gammu.path("sent")).len(), 3);
}
