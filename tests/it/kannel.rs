//! A Kannel of its own for a test: bearerbox, smsbox, and as the network and all its telephones fakesmsc. What concerns
//! us in its configuration is what docs/sms-gateways.md says.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use kentongan::clock::Timestamp;
use kentongan::sms::gateway::{self, Gateway, OutboundMessage, Sent};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, percent_encode};

use crate::gateways::{Program, adapted, command, documented, hotline, until};
use crate::hotline::{Hotline, free_port, get};

/// The service's number.
pub const SERVICE: &str = "1708";

pub struct Kannel {
    /// Where the hotline's hook is.
    web_port: u16,
    sendsms_port: u16,
    // Dropped in this order: who is connected before whom it is connected to.
    network: Program,
    /// Messages that the network has brought.
    carried: usize,
    smsbox: Option<Program>,
    _bearerbox: Program,
    folder: tempfile::TempDir,
}

/// A message that arrived at a telephone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived {
    pub from: String,
    pub to: String,
    pub text: String,
    /// How many messages the network counts.
    pub parts: usize,
}

/// Of a piece of a long message: which message, which piece, of how many.
#[derive(Clone, Copy)]
pub struct Piece(pub u8, pub u8, pub u8);

impl Kannel {
    /// Starts it and waits until messages get through.
    pub async fn start() -> Kannel {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let [admin, boxes, fake, sendsms_port, web_port] = [(); 5].map(|()| free_port().unwrap());
        let ours = documented("Kannel")[1].clone();
        let ours = adapted(
            ours,
            &[
                ("group = core\n", &core(admin, boxes)),
                ("/var/spool/kannel", "spool"),
                ("/var/log/kannel/access.log", "access.log"),
                ("bearerbox-host = 127.0.0.1\n", &smsbox(boxes)),
                ("sendsms-port = 13013", &format!("sendsms-port = {sendsms_port}")),
                ("http-queue-delay = 10", "http-queue-delay = 1"),
                ("127.0.0.1:8080", &format!("127.0.0.1:{web_port}")),
            ],
        );
        std::fs::create_dir(folder.path().join("spool")).unwrap();
        std::fs::write(folder.path().join("kannel.conf"), ours + &smsc(fake)).unwrap();

        let log = |name| folder.path().join(name);
        let mut bearerbox = command("/usr/sbin/bearerbox");
        bearerbox.args(["-v", "1", "kannel.conf"]).current_dir(&folder);
        let bearerbox = Program::start(bearerbox, &log("bearerbox.out"));
        bearerbox.says("entering mainloop").await;
        let mut network = Command::new("/usr/lib/kannel/test/fakesmsc");
        network.args(["-H", "127.0.0.1", "-r", &fake.to_string(), "-i", "0.005", "-v", "0"]);
        network.stdin(Stdio::piped()).current_dir(&folder);
        let network = Program::start(network, &log("fakesmsc.out"));
        bearerbox.says("Fakesmsc client connected").await;
        let mut kannel = Kannel {
            web_port,
            sendsms_port,
            network,
            carried: 0,
            smsbox: None,
            _bearerbox: bearerbox,
            folder,
        };
        kannel.start_smsbox().await;
        kannel
    }

    /// A hotline behind it, as the documentation says.
    pub fn hotline(&self) -> Hotline {
        Hotline::start(&hotline(&self.settings(), self.web_port)).unwrap()
    }

    fn settings(&self) -> String {
        adapted(
            documented("Kannel")[0].clone(),
            &[
                ("127.0.0.1:13013", &format!("127.0.0.1:{}", self.sendsms_port)),
                ("127.0.0.1:8080", &format!("127.0.0.1:{}", self.web_port)),
            ],
        )
    }

    /// What a hotline sends by, with something behind its password.
    pub fn adapter(&self, wrong: &str) -> Box<dyn Gateway> {
        let settings = self.settings().replace("\"PASSWORD\"", &format!("\"PASSWORD{wrong}\""));
        let settings: toml::Table = toml::from_str(&settings).unwrap();
        let section = settings["sms"]["gateways"]["kannel"].clone();
        section.try_into::<gateway::Config>().unwrap().gateway().unwrap()
    }

    /// Sends a message to the first telephone as a hotline does.
    pub fn sends(&self, gateway: &dyn Gateway, text: &str) -> Sent {
        let (reference, to, at) = ("r-1", "+6281200000001", Timestamp(0));
        let call = gateway.send(&OutboundMessage { reference, to, text, at });
        let path = call.url.split_once("/cgi-bin").unwrap().1;
        let (status, body) = get(self.sendsms_port, &format!("/cgi-bin{path}")).unwrap();
        gateway.sent(status, body.as_bytes())
    }

    pub async fn start_smsbox(&mut self) {
        let mut command = command("/usr/sbin/smsbox");
        command.args(["-v", "1", "kannel.conf"]).current_dir(&self.folder);
        let output = self.folder.path().join("smsbox.out");
        // Another run's "connected" is not this one's.
        let _ = std::fs::remove_file(&output);
        let smsbox = self.smsbox.insert(Program::start(command, &output));
        smsbox.says("Connected to bearerbox").await;
    }

    pub fn stop_smsbox(&mut self) {
        self.smsbox.take().expect("it runs").stop();
    }

    /// Waits until smsbox has tried in vain to give us messages, `times` times in all.
    pub async fn fails(&self, times: usize) {
        let smsbox = self.smsbox.as_ref().expect("it runs");
        // A report of delivery has no text.
        let failed = |line: &&str| line.contains("Couldn't fetch") && line.contains("&text=");
        until("failing fetches", async || {
            (smsbox.output().lines().filter(failed).count() >= times).then_some(())
        })
        .await;
    }

    /// Somebody writes.
    pub async fn writes(&mut self, from: &str, text: &str) {
        self.carries(&format!("{from} {SERVICE} text {text}")).await;
    }

    /// Somebody writes with letters that the GSM alphabet lacks.
    pub async fn writes_in_ucs2(&mut self, from: &str, text: &str) {
        let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let escaped = percent_encode(&units, NON_ALPHANUMERIC);
        self.carries(&format!("{from} {SERVICE} ucs2 {escaped}")).await;
    }

    /// A piece of a message that is too long for one.
    pub async fn writes_piece(
        &mut self,
        from: &str,
        Piece(reference, number, of): Piece,
        text: &str,
    ) {
        let header =
            percent_encode(&[5, 0, 3, reference, of, number], NON_ALPHANUMERIC).to_string();
        self.carries(&format!("{from} {SERVICE} udh-text {header} {text}")).await;
    }

    /// fakesmsc takes whatever a read brings for one line: half of one in two writes, and both if a second one comes
    /// before it has dealt with the first.
    async fn carries(&mut self, line: &str) {
        self.network.stdin().write_all(format!("{line}\n").as_bytes()).unwrap();
        self.carried += 1;
        self.network.says(&format!("sent message {}\n", self.carried)).await;
    }

    /// Everything that arrived at telephones, long messages put together.
    pub fn arrived(&self) -> Vec<Arrived> {
        put_together(self.network.output().lines().filter_map(piece))
    }

    /// Waits until `count` messages have arrived at that telephone.
    pub async fn arrived_at(&self, to: &str, count: usize) -> Vec<Arrived> {
        until(&format!("{count} messages at {to}"), async || {
            let mut all = self.arrived();
            all.retain(|message| message.to == to);
            (all.len() >= count).then_some(all)
        })
        .await
    }

    /// What Kannel wrote down about messages.
    pub fn access_log(&self) -> String {
        std::fs::read_to_string(self.access_log_file()).unwrap()
    }

    pub fn access_log_file(&self) -> PathBuf {
        self.folder.path().join("access.log")
    }
}

/// What a site's own core group has; what is documented follows.
fn core(admin: u16, boxes: u16) -> String {
    format!(
        "group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = rahasia
smsbox-port = {boxes}
smsbox-interface = 127.0.0.1
box-allow-ip = 127.0.0.1
box-deny-ip = \"*.*.*.*\"
dlr-storage = internal
"
    )
}

fn smsbox(boxes: u16) -> String {
    format!("bearerbox-host = 127.0.0.1\nbearerbox-port = {boxes}\n")
}

fn smsc(port: u16) -> String {
    format!(
        "
group = smsc
smsc = fake
smsc-id = FAKE
port = {port}
connect-allow-ip = 127.0.0.1
our-host = 127.0.0.1
"
    )
}

/// A message, or a piece of one, as fakesmsc tells it.
struct Got {
    from: String,
    to: String,
    /// The same in all pieces; empty when it is whole.
    reference: Vec<u8>,
    number: u8,
    of: usize,
    body: Vec<u8>,
}

/// `... Got message 1: <1708 +62812... text Halo>`, `ucs-2 %00H...`, or `udh %05%00%03%02%02%01 data Halo`.
fn piece(line: &str) -> Option<Got> {
    let message = line.split_once(" Got message ")?.1.split_once(": <")?.1.strip_suffix('>')?;
    let mut words = message.splitn(4, ' ');
    let (from, to, kind, rest) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let mut got = Got {
        from: from.to_owned(),
        to: to.to_owned(),
        reference: Vec::new(),
        number: 1,
        of: 1,
        body: rest.as_bytes().to_vec(),
    };
    match kind {
        "text" => {}
        "ucs-2" | "data" => got.body = decoded(rest),
        "udh" => {
            let (header, body) = rest.split_once(" data ")?;
            let header = decoded(header);
            let [5, 0, 3, reference, of, number] = header[..] else { panic!("{line}") };
            (got.reference, got.number, got.of) = (vec![reference], number, of.into());
            got.body = decoded(body);
        }
        _ => panic!("fakesmsc said {line:?}"),
    }
    Some(got)
}

fn decoded(escaped: &str) -> Vec<u8> {
    percent_decode_str(&escaped.replace('+', " ")).collect()
}

/// Whole messages in the order in which their first pieces came.
fn put_together(pieces: impl Iterator<Item = Got>) -> Vec<Arrived> {
    let mut messages: Vec<Vec<Got>> = Vec::new();
    for piece in pieces {
        let same = |message: &&mut Vec<Got>| {
            let first = &message[0];
            message.len() < first.of
                && (&first.to, &first.reference) == (&piece.to, &piece.reference)
        };
        match messages.iter_mut().find(same) {
            Some(message) => message.push(piece),
            None => messages.push(vec![piece]),
        }
    }
    messages.retain(|message| message.len() == message[0].of);
    messages.into_iter().map(whole).collect()
}

fn whole(mut pieces: Vec<Got>) -> Arrived {
    pieces.sort_by_key(|piece| piece.number);
    let body: Vec<u8> = pieces.iter().flat_map(|piece| piece.body.clone()).collect();
    let Got { from, to, .. } = &pieces[0];
    Arrived { from: from.clone(), to: to.clone(), text: letters(&body), parts: pieces.len() }
}

/// fakesmsc does not tell which alphabet a body is in. Only UTF-16 has bytes of zero.
fn letters(body: &[u8]) -> String {
    if !body.contains(&0) {
        return String::from_utf8_lossy(body).into_owned();
    }
    let units: Vec<u16> =
        body.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
    String::from_utf16_lossy(&units)
}

#[test]
fn what_telephones_got_is_read_as_fakesmsc_tells_it() {
    let said = "2026-11-26 07:46:43 [2] [0] DEBUG: Got message 1: <1708 +6281200000002 text Kode 4821-7360. a + b>
2026-11-26 07:46:43 [2] [0] DEBUG: Got message 2: <1708 +6281200000002 ucs-2 %00H%00a+%1C%D8%3D%DEO>
2026-11-26 07:46:43 [2] [0] DEBUG: Got message 3: <1708 +6281200000003 udh %05%00%03%02%02%02 data kedua>
2026-11-26 07:46:43 [2] [0] DEBUG: Got message 4: <1708 +6281200000003 udh %05%00%03%02%02%01 data pertama%2C+>
2026-11-26 07:46:43 [2] [0] DEBUG: Got message 5: <1708 +6281200000003 udh %05%00%03%03%02%01 data %00s>";
    let told = put_together(said.lines().filter_map(piece));
    let told: Vec<(&str, &str, usize)> =
        told.iter().map(|one| (one.to.as_str(), one.text.as_str(), one.parts)).collect();
    assert_eq!(
        told,
        [
            ("+6281200000002", "Kode 4821-7360. a + b", 1),
            ("+6281200000002", "Ha“🙏", 1),
            ("+6281200000003", "pertama, kedua", 2),
        ]
    );
}
