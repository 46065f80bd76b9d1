//! Percaya: how a browser comes to trust this site's own authority. For anyone, since nobody signs in before that.

use askama::Template;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest as _, Sha256};

use super::error::PageError;
use super::page::html;
use super::{App, assets};

/// The certificate of the authority that vouches for the console; its key is not here.
#[derive(Clone, Debug)]
pub struct Authority {
    /// As DER, which every system opens.
    der: Vec<u8>,
}

impl Authority {
    /// The authority with this certificate.
    pub fn new(der: Vec<u8>) -> Authority {
        Authority { der }
    }

    /// SHA-256 in pairs, as browsers show it, in lines that fit a telephone's screen.
    fn fingerprint(&self) -> Vec<String> {
        let digest = Sha256::digest(&self.der);
        let line = |bytes: &[u8]| {
            bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
        };
        digest.chunks(8).map(line).collect()
    }
}

#[derive(Template)]
#[template(path = "trust.html")]
struct TrustPage {
    style: String,
    fingerprint: Vec<String>,
}

/// `GET /percaya`
pub(super) async fn show(State(console): App) -> Result<Response, PageError> {
    let authority = console.authority.as_ref().ok_or(PageError::NotFound)?;
    html(TrustPage { style: assets::address("style.css"), fingerprint: authority.fingerprint() })
}

/// `GET /percaya/otoritas.crt`
pub(super) async fn certificate(State(console): App) -> Result<Response, PageError> {
    let authority = console.authority.as_ref().ok_or(PageError::NotFound)?;
    let headers = [
        (header::CONTENT_TYPE, "application/x-x509-ca-cert"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"kentongan-otoritas.crt\""),
    ];
    Ok((headers, authority.der.clone()).into_response())
}
