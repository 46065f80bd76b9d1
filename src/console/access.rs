//! Who asks: the session behind the cookie, whether this role may use this address, and whether a form is from our own pages.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Extensions, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::error::PageError;
use super::{Console, secret};
use crate::store::{Doer, Stage, Worker};
use crate::ticket::workflow::Action;
use crate::ticket::{Role, StaffId};

/// Who may use an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Anyone,
    /// Whoever has come so far at the door, and not yet further.
    Midway(Stage),
    Roles(&'static [Role]),
}

/// What a request to an address tells of the one whose session it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// They are at work.
    ByPerson,
    /// They left a page open, which asks by itself: no sign of life.
    ByPage,
}

/// The one who is signed in, or about to be. Not to be printed: it may hold a secret.
#[derive(Clone)]
pub(super) struct Actor {
    pub staff: StaffId,
    pub login: String,
    pub name: String,
    pub role: Role,
    pub agency: Option<String>,
    pub agency_name: Option<String>,
    pub must_change: bool,
    pub address: Address,
    /// The hash of the session's token.
    pub session: String,
    pub stage: Stage,
    /// The secret of a second factor that this session sets up.
    pub secret: Option<String>,
}

impl Actor {
    pub fn doer(&self) -> Doer {
        Doer { login: self.login.clone(), address: self.address.text.clone() }
    }

    pub fn worker(&self) -> Worker {
        Worker { staff: self.staff, doer: self.doer(), agency: self.agency.clone() }
    }

    /// The address that comes before all others.
    fn first(&self) -> Option<&'static str> {
        match self.stage {
            Stage::Code => Some("/masuk/kode"),
            Stage::Enrol => Some("/masuk/pasang"),
            Stage::Full => self.must_change.then_some("/sandi"),
        }
    }

    /// Whether a ticket of this agency is there for them.
    pub fn sees(&self, agency: Option<&str>) -> bool {
        self.agency.is_none() || self.agency.as_deref() == agency
    }

    pub fn may(&self, action: Action) -> bool {
        self.role.may(action)
    }
}

/// What each request to an address goes through.
pub(super) async fn guard(
    State((console, access, asked)): State<(Arc<Console>, Access, Asked)>,
    mut request: Request,
    next: Next,
) -> Result<Response, PageError> {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD);
    if !safe && !is_ours(&console, request.headers()) {
        return Err(PageError::ForeignForm);
    }
    let encrypted = console.config.tls() || request.extensions().get::<Encrypted>().is_some();
    let address = Address { text: address(request.extensions()), encrypted };
    if access != Access::Anyone {
        let Some(actor) = actor(&console, request.headers(), &address, asked).await? else {
            return Ok(elsewhere(&request, to_sign_in(&request)));
        };
        if let Some(to) = sent_away(&actor, access, request.uri().path())? {
            return Ok(elsewhere(&request, Redirect::to(to)));
        }
        request.extensions_mut().insert(actor);
    }
    request.extensions_mut().insert(address);
    Ok(next.run(request).await)
}

/// Where this address is not for somebody now; an error where it never is.
fn sent_away(actor: &Actor, access: Access, path: &str) -> Result<Option<&'static str>, PageError> {
    match access {
        Access::Anyone => Ok(None),
        Access::Midway(stage) => Ok((actor.stage != stage).then_some("/")),
        Access::Roles(roles) => match actor.first() {
            Some(first) if path != first && path != "/keluar" => Ok(Some(first)),
            _ if !roles.contains(&actor.role) => Err(PageError::Forbidden),
            _ => Ok(None),
        },
    }
}

/// The browser's address, and whether what it sends is encrypted.
#[derive(Clone, Debug)]
pub(super) struct Address {
    pub text: String,
    pub encrypted: bool,
}

impl Address {
    /// Passwords and cookies go over a wire that others may read.
    pub fn in_clear_text(&self) -> bool {
        let here = self.text.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
        !self.encrypted && !here
    }
}

/// Laid upon each request that came by TLS to this program itself.
#[derive(Clone, Copy, Debug)]
pub struct Encrypted;

async fn actor(
    console: &Console,
    headers: &HeaderMap,
    address: &Address,
    asked: Asked,
) -> Result<Option<Actor>, PageError> {
    let Some(token) = cookie(address, headers) else { return Ok(None) };
    let session = secret::hash(token);
    let (store, idle, now) = (&console.store, console.config.idle(), console.now());
    let row = match asked {
        Asked::ByPerson => store.session(&session, idle, now).await?,
        Asked::ByPage => store.session_of(&session, idle, now).await?,
    };
    Ok(row.map(|row| Actor {
        staff: row.id,
        login: row.login,
        name: row.name,
        role: row.role,
        agency: row.agency,
        agency_name: row.agency_name,
        must_change: row.must_change,
        address: address.clone(),
        session,
        stage: row.stage,
        secret: row.secret,
    }))
}

/// A page goes there; a script that wants a part of a page hears only that it does not get it.
fn elsewhere(request: &Request, to: Redirect) -> Response {
    match request.headers().contains_key("hx-request") {
        true => StatusCode::UNAUTHORIZED.into_response(),
        false => to.into_response(),
    }
}

/// To the sign-in page, and back to where somebody wanted to go.
fn to_sign_in(request: &Request) -> Redirect {
    let uri = request.uri();
    let wanted = match *request.method() {
        Method::GET => uri.path_and_query().map_or("/", |p| p.as_str()),
        _ => page_of_form(uri.path()),
    };
    if wanted == "/" {
        return Redirect::to("/masuk");
    }
    // Whoever sent a form is told that it is not lost.
    let typed = if *request.method() == Method::GET { "" } else { "&isian=ada" };
    let wanted = utf8_percent_encode(wanted, NON_ALPHANUMERIC);
    Redirect::to(&format!("/masuk?ke={wanted}{typed}"))
}

/// The page that a form stood on, where that keeps what was typed (`drafts.js`). The form itself is lost.
fn page_of_form(path: &str) -> &str {
    let ticket = path.strip_prefix("/tiket/").and_then(|rest| rest.find('/'));
    ticket.map_or("/", |end| &path[.."/tiket/".len() + end])
}

/// Where to go after signing in: one of our own paths, whatever the address said.
pub(super) fn own_path(wanted: &str) -> &str {
    let ours = wanted.starts_with('/')
        && !wanted.starts_with("//")
        && wanted.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    if ours { wanted } else { "/" }
}

/// Whether a form was sent from one of our own pages. Browsers say so by themselves, and a foreign page cannot change
/// either header; a browser that says neither is refused.
fn is_ours(console: &Console, headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text(HeaderName::from_static("sec-fetch-site")) {
        return site == "same-origin";
    }
    let Some(origin) = text(header::ORIGIN) else { return false };
    match &console.config.origin {
        Some(ours) => origin == ours.trim_end_matches('/'),
        None => {
            let host = text(header::HOST).unwrap_or_default();
            let named = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
            !host.is_empty() && named == Some(host)
        }
    }
}

/// The browser's address; behind a proxy `server::web` has put the browser's in the proxy's place.
fn address(extensions: &Extensions) -> String {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>();
    peer.map_or_else(String::new, |ConnectInfo(peer)| peer.ip().to_canonical().to_string())
}

/// With this name browsers take a cookie over TLS only, from this very host: nobody in between plants one.
fn cookie_name(address: &Address) -> &'static str {
    if address.encrypted { "__Host-kentongan" } else { "kentongan" }
}

/// The session's token that the browser sent.
pub(super) fn cookie<'h>(address: &Address, headers: &'h HeaderMap) -> Option<&'h str> {
    let name = cookie_name(address);
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
}

/// Hands the browser a new token.
pub(super) fn set_cookie(address: &Address, token: &str) -> [(HeaderName, String); 1] {
    let secure = if address.encrypted { "; Secure" } else { "" };
    let name = cookie_name(address);
    [(header::SET_COOKIE, format!("{name}={token}; Path=/; HttpOnly; SameSite=Lax{secure}"))]
}

/// Takes it away.
pub(super) fn clear_cookie(address: &Address) -> [(HeaderName, String); 1] {
    let [(name, value)] = set_cookie(address, "");
    [(name, format!("{value}; Max-Age=0"))]
}

/// What each answer tells the browser not to do.
const HEADERS: [(&str, &str); 7] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; \
         connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    // With less, browsers say `Origin: null` on our own forms too; over plain http to a name nothing else tells them apart.
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
];

/// Behind a name with a certificate that browsers know, nothing is asked for in clear text again. Where our own authority
/// vouches this is left out: it would take the way to `/percaya` from whoever does not trust that yet.
const TLS_ONLY: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Adds them where a page says nothing else, and keeps pages out of every cache.
pub(super) async fn harden(
    State(console): State<Arc<Console>>,
    mut response: Response,
) -> Response {
    let headers = response.headers_mut();
    if console.config.tls() {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, TLS_ONLY);
    }
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    let keep = headers.entry(header::CACHE_CONTROL);
    keep.or_insert(HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behind_a_form_somebody_comes_back_to_the_page_that_kept_it() {
        assert_eq!(page_of_form("/tiket/48217362/rekaman/1/bagian/0"), "/tiket/48217362");
        for elsewhere in ["/loket", "/tiket/48217362", "/sandi", "/"] {
            assert_eq!(page_of_form(elsewhere), "/", "{elsewhere}");
        }
    }

    #[test]
    fn one_is_sent_back_to_our_own_pages_only() {
        for ours in ["/", "/tiket/48217362?dari=baru"] {
            assert_eq!(own_path(ours), ours);
        }
        for foreign in
            ["", "//jahat.example", "/\\jahat.example", "https://jahat.example", "/a\r\nb"]
        {
            assert_eq!(own_path(foreign), "/", "{foreign:?}");
        }
    }
}
