//! Somebody who directs a hotline that is up, signed in at its console.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use kentongan::clock::{Clock as _, SystemClock};
use kentongan::store::{Config, Doer, NewSession, NewStaff, Password, Stage, Store};
use kentongan::ticket::Role;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest as _, Sha256};

use crate::hotline::Hotline;

/// What the browser holds.
const TOKEN: &str = "0123456789abcdef";

/// `siti`, and the way to her console.
pub struct Supervisor {
    port: u16,
}

impl Supervisor {
    /// Takes her in and signs her in, beside the hotline.
    pub async fn of(hotline: &Hotline) -> Supervisor {
        let store = Store::open(&Config::at(hotline.database())).await.unwrap();
        let (now, doer) = (SystemClock.now(), Doer { login: "cli".into(), address: String::new() });
        let new = NewStaff {
            login: "siti".into(),
            name: "Siti Aminah".into(),
            role: Role::Supervisor,
            agency: None,
            password: Password { hash: "none".into(), must_change: false },
        };
        let staff = store.add_staff(new, doer.clone(), now).await.unwrap();
        let session = NewSession {
            token: Sha256::digest(TOKEN).iter().map(|byte| format!("{byte:02x}")).collect(),
            replaces: None,
            staff,
            doer,
            stage: Stage::Full,
            secret: None,
            browser: String::new(),
            ends: now + Duration::from_secs(3600),
        };
        store.begin_session(session, now).await.unwrap();
        store.close().await;
        Supervisor { port: hotline.web_port }
    }

    /// Hands in a form; gives the whole answer.
    pub fn submit(&self, path: &str, fields: &[(&str, &str)]) -> String {
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let pairs: Vec<String> =
            fields.iter().map(|(key, value)| format!("{key}={}", encoded(value))).collect();
        self.post(path, "application/x-www-form-urlencoded", pairs.join("&").as_bytes())
    }

    /// Posts anything; gives the whole answer.
    pub fn post(&self, path: &str, kind: &str, body: &[u8]) -> String {
        let more = format!("Content-Type: {kind}\r\nContent-Length: {}\r\n", body.len());
        let mut stream = self.ask("POST", path, &more);
        stream.write_all(body).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Asks for an address and leaves the answer to be read.
    pub fn get(&self, path: &str) -> TcpStream {
        self.ask("GET", path, "")
    }

    fn ask(&self, method: &str, path: &str, more: &str) -> TcpStream {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: http://127.0.0.1:{port}\r\n\
             Cookie: kentongan={TOKEN}\r\nConnection: close\r\n{more}\r\n",
            port = self.port,
        )
        .unwrap();
        stream
    }
}
