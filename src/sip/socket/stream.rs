//! TCP: between a connection and the stack lies a pair of sockets, and only what the stack can digest goes from one to the
//! other. Left to itself the stack closes a connection over the first message that it cannot read.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{Edge, Fate, count};
use crate::sip::repair::content_length;
use crate::sip::trace::Wire;

/// The longest message, as for a datagram.
const LONGEST: usize = 65_535;
/// What mending may add to a message.
const MENDED: usize = 1_024;

/// How long somebody may leave unread what we say to them: 64*T1, as long as a transaction.
const PATIENCE: Duration = Duration::from_secs(32);
/// How long a connection may be silent, pings counted: longer than a call, so that a BYE still finds the phone there.
const IDLE: Duration = Duration::from_secs(30 * 60);

/// What stands at the beginning of the bytes that have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Frame {
    /// Its header has no end yet.
    Headless,
    /// It will have so many bytes.
    Partial(usize),
    /// Line ends between messages, so many bytes.
    Blank(usize),
    /// A message of so many bytes, or a ping (RFC 5626 section 4.4.1).
    Message(usize),
    /// Where the next message begins cannot be told.
    Lost,
}

/// The bytes that came by a stream and are no whole message yet.
///
/// No byte is searched twice, be they sent one at a time.
#[derive(Default)]
struct Inflow {
    bytes: Vec<u8>,
    /// The header does not end before here.
    searched: usize,
    /// As many bytes as there must be before it is worth to look again.
    wanted: usize,
}

impl Inflow {
    /// Takes the next message, or else the bytes in which none can be found: `Err`.
    fn next(&mut self) -> Option<Result<Vec<u8>, Vec<u8>>> {
        while self.bytes.len() >= self.wanted.max(1) {
            match frame(&self.bytes, self.searched) {
                Frame::Headless => {
                    (self.searched, self.wanted) = (self.bytes.len(), self.bytes.len() + 1);
                }
                Frame::Partial(length) => (self.searched, self.wanted) = (0, length),
                Frame::Blank(length) => drop(self.take(length)),
                Frame::Message(length) => return Some(Ok(self.take(length))),
                Frame::Lost => return Some(Err(self.take(self.bytes.len()))),
            }
        }
        None
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        (self.searched, self.wanted) = (0, 0);
        self.bytes.drain(..length).collect()
    }
}

/// A pair of sockets: one for the edge, one for the stack, which takes it for a TCP connection.
pub fn pair() -> io::Result<(TcpStream, TcpStream)> {
    let (ours, stacks) = UnixStream::pair()?;
    let stream = |end: UnixStream| {
        end.set_nonblocking(true)?;
        TcpStream::from_std(std::net::TcpStream::from(OwnedFd::from(end)))
    };
    Ok((stream(ours)?, stream(stacks)?))
}

/// A connection, and the stack's end of it.
pub struct Stream {
    edge: Arc<Edge>,
    outside: TcpStream,
    stack: TcpStream,
    wire: Wire,
    /// Whether SIP was spoken.
    known: bool,
    patience: Duration,
    idle: Duration,
}

impl Stream {
    /// `stack` is the edge's half of a [`pair`], `peer` the address at the other end of `outside`.
    pub fn new(edge: Arc<Edge>, outside: TcpStream, stack: TcpStream, peer: SocketAddr) -> Self {
        let wire = Wire { peer, transport: "TCP" };
        Stream { edge, outside, stack, wire, known: false, patience: PATIENCE, idle: IDLE }
    }

    /// Carries messages both ways until either side closes, or what comes is no longer SIP.
    pub async fn carry(mut self) {
        if let Err(error) = self.try_carry().await {
            tracing::debug!(%error, "TCP connection lost");
        }
    }

    async fn try_carry(&mut self) -> io::Result<()> {
        let (mut heard, mut said) = (Inflow::default(), Inflow::default());
        // Who has said nothing yet that the stack may have is not waited for that long: connections are few.
        let mut idle = Box::pin(tokio::time::sleep(self.patience));
        loop {
            tokio::select! {
                () = &mut idle => return Ok(()),
                length = self.outside.read_buf(&mut heard.bytes) => {
                    if length? == 0 || !self.hear(&mut heard).await? {
                        return Ok(());
                    }
                    if self.known {
                        idle.as_mut().reset(tokio::time::Instant::now() + self.idle);
                    }
                }
                length = self.stack.read_buf(&mut said.bytes) => {
                    let length = length?;
                    if length == 0 {
                        return Ok(());
                    }
                    self.note(&mut said, length).await?;
                    // Somebody is spoken to, over a connection of theirs or of ours.
                    self.known = true;
                    idle.as_mut().reset(tokio::time::Instant::now() + self.idle);
                }
            }
        }
    }

    /// Judges each whole message that has come. Gives whether the next one can be found.
    async fn hear(&mut self, heard: &mut Inflow) -> io::Result<bool> {
        while let Some(message) = heard.next() {
            match message {
                Ok(message) => self.judge(message).await?,
                Err(rest) => {
                    self.judge(rest).await?;
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    async fn judge(&mut self, mut message: Vec<u8>) -> io::Result<()> {
        let length = message.len();
        message.resize(length + MENDED, 0);
        match self.edge.judge(&mut message, length, self.wire, now()) {
            Fate::Through { length, .. } => {
                count("passed");
                self.known = true;
                self.stack.write_all(&message[..length]).await
            }
            Fate::Answer { response, .. } => {
                count("answered");
                self.edge.traces.sent(&response, self.wire, now());
                self.tell(&response).await
            }
            Fate::Nothing(why) => {
                count(why);
                Ok(())
            }
        }
    }

    /// Sends on the last `length` bytes of what the stack said, and shows the traces each whole message.
    async fn note(&mut self, said: &mut Inflow, length: usize) -> io::Result<()> {
        self.tell(&said.bytes[said.bytes.len() - length..]).await?;
        while let Some(message) = said.next() {
            if let Ok(message) = message {
                self.edge.traces.sent(&message, self.wire, now());
            }
        }
        Ok(())
    }

    async fn tell(&mut self, bytes: &[u8]) -> io::Result<()> {
        tokio::time::timeout(PATIENCE, self.outside.write_all(bytes)).await?
    }
}

#[expect(clippy::disallowed_methods, reason = "the edge reads the clock for the pure gate")]
fn now() -> Instant {
    Instant::now()
}

/// Finds the end of the first message, by its Content-Length (RFC 3261 section 18.3); without one it has no body.
/// Its header is known not to end in the first `searched` bytes.
fn frame(bytes: &[u8], searched: usize) -> Frame {
    const PING: &[u8] = b"\r\n\r\n";
    if bytes.starts_with(PING) {
        return Frame::Message(PING.len());
    }
    match bytes.iter().take_while(|b| b"\r\n".contains(b)).count() {
        0 => {}
        // Half a ping, perhaps.
        blanks if blanks == bytes.len() && blanks < 4 => return Frame::Headless,
        blanks => return Frame::Blank(blanks),
    }
    let from = searched.saturating_sub(3);
    let Some(end) = bytes[from..].windows(4).position(|four| four == b"\r\n\r\n") else {
        return if bytes.len() > LONGEST { Frame::Lost } else { Frame::Headless };
    };
    let end = from + end;
    let head = end + 4;
    match body_length(&bytes[..end]) {
        Some(body) if head + body > LONGEST => Frame::Lost,
        Some(body) if bytes.len() < head + body => Frame::Partial(head + body),
        Some(body) => Frame::Message(head + body),
        None => Frame::Lost,
    }
}

/// `None` for one that is no number, or given twice differently.
fn body_length(head: &[u8]) -> Option<usize> {
    let mut lengths = head
        .split(|b| *b == b'\n')
        .filter_map(|line| std::str::from_utf8(line).ok().and_then(content_length));
    let Some(first) = lengths.next() else { return Some(0) };
    if first.is_empty() || !first.bytes().all(|b| b.is_ascii_digit()) || lengths.any(|l| l != first)
    {
        return None;
    }
    // A number that fits nowhere is larger than any message.
    Some(first.parse().unwrap_or(usize::MAX).min(LONGEST + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_found_one_after_the_other() {
        let one = b"OPTIONS sip:a SIP/2.0\r\nL : 3\r\n\r\nabc";
        let mut inflow = Inflow { bytes: [&one[..], b"\r\nBYE"].concat(), ..Inflow::default() };
        assert_eq!(inflow.next(), Some(Ok(one.to_vec())));
        assert_eq!(inflow.next(), None);
        assert_eq!(inflow.bytes, b"BYE");
    }

    #[test]
    fn messages_that_come_byte_by_byte_are_found_too() {
        let one = b"OPTIONS sip:a SIP/2.0\r\nL : 3\r\n\r\nabc";
        let mut inflow = Inflow::default();
        let mut found = Vec::new();
        for byte in one.iter().chain(b"\r\n").chain(one) {
            inflow.bytes.push(*byte);
            found.extend(inflow.next());
        }
        assert_eq!(found, [Ok(one.to_vec()), Ok(one.to_vec())]);
    }

    /// The far end of a connection, the stack's end, and what is between them.
    fn connection() -> (TcpStream, TcpStream, Stream) {
        let (outside, far) = pair().unwrap();
        let (ours, stacks) = pair().unwrap();
        let traces = Arc::new(crate::sip::trace::Traces::new(0));
        let edge = Arc::new(Edge::new(crate::sip::socket::Config::default(), Vec::new(), traces));
        let peer = "127.0.0.1:9".parse().unwrap();
        (far, stacks, Stream::new(edge, outside, ours, peer))
    }

    #[tokio::test]
    async fn a_silent_connection_ends_before_and_after_it_has_spoken() {
        let (_far, _stack, mut silent) = connection();
        silent.patience = Duration::ZERO;
        silent.carry().await;

        let (mut far, mut stack, mut spoken) = connection();
        spoken.idle = Duration::ZERO;
        let options = "OPTIONS sip:112@h SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\n\
                       To: <sip:112@h>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
        far.write_all(options.as_bytes()).await.unwrap();
        spoken.carry().await;
        let mut buf = Vec::new();
        stack.read_to_end(&mut buf).await.unwrap();
        assert_eq!(buf, options.as_bytes());
    }

    #[test]
    fn a_ping_is_told_from_a_line_end() {
        let frame = |bytes| frame(bytes, 0);
        assert_eq!(frame(b"\r\n\r\nBYE"), Frame::Message(4));
        assert_eq!(frame(b"\r\n"), Frame::Headless);
        assert_eq!(frame(b"\r\nBYE"), Frame::Blank(2));
        assert_eq!(frame(b"\n\n\n\n"), Frame::Blank(4));
    }

    #[test]
    fn a_length_that_is_none_loses_the_connection_and_a_missing_one_does_not() {
        let of = |field: &str| frame(format!("BYE sip:a SIP/2.0\r\n{field}\r\n\r\n").as_bytes(), 0);
        assert!(matches!(of("X: 1"), Frame::Message(_)));
        assert!(matches!(of("Content-Length: 0\r\nl: 0"), Frame::Message(_)));
        assert!(
            matches!(of("Subject: a\r\n l: 300"), Frame::Message(_)),
            "a folded line is no field"
        );
        for field in [
            "Content-Length: x",
            "Content-Length:",
            "l: -1",
            "l: 1\r\nl: 2",
            "l: 99999999999999999999",
            "l: 18446744073709551615",
        ] {
            assert_eq!(of(field), Frame::Lost, "{field}");
        }
        assert_eq!(frame(&[b'x'; LONGEST + 1], 0), Frame::Lost);
    }
}
