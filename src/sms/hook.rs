//! The address that gateways post to: `/hooks/sms/NAME`.
//!
//! A 2xx goes out only when everything in the post is on disk. Until then the gateway keeps it, and posts it again.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::future::try_join_all;
use tracing::{error, warn};

use super::Gateways;
use super::desk::Desk;
use super::gateway::{Ack, Gateway, Incoming, Malformed, Request, Unverified};
use crate::store::OpenError;

/// Milliseconds between two lines in the log about posts that were refused: anybody may post.
const QUIET: i64 = 60_000;

struct Hook {
    desk: Arc<Desk>,
    gateways: Gateways,
    /// When each gateway's last refusal was logged.
    refused: BTreeMap<String, AtomicI64>,
}

/// Why a post was not taken.
enum Refused {
    Unverified(Unverified),
    Malformed(Malformed),
    Store(OpenError),
}

/// The routes, for the server of the console.
pub fn routes(desk: Arc<Desk>, gateways: Gateways) -> Router {
    let refused = gateways.keys().map(|name| (name.clone(), AtomicI64::new(i64::MIN))).collect();
    let hook = Arc::new(Hook { desk, gateways, refused });
    Router::new().route("/hooks/sms/{gateway}", get(post).post(post)).with_state(hook)
}

async fn post(
    State(hook): State<Arc<Hook>>,
    Path(name): Path<String>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(gateway) = hook.gateways.get(&name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let url = address(&headers, &uri.to_string());
    let request = Request {
        method: method.as_str(),
        url: &url,
        query: uri.query().unwrap_or_default(),
        headers: &headers,
        body: &body,
        peer: canonical(peer.ip()),
    };
    match hook.take(&name, gateway.as_ref(), &request).await {
        Ok(ack) => acknowledge(ack),
        Err(refused) => hook.refuse(&name, refused),
    }
}

/// Where a gateway posted to, as it sees it if nobody stands between.
fn address(headers: &HeaderMap, path: &str) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    format!("http://{host}{path}")
}

/// IPv4 in its own form: `::ffff:127.0.0.1` is in `127.0.0.0/8`.
fn canonical(peer: IpAddr) -> IpAddr {
    peer.to_canonical()
}

impl Hook {
    async fn take(
        &self,
        name: &str,
        gateway: &dyn Gateway,
        request: &Request<'_>,
    ) -> Result<Ack, Refused> {
        gateway.verify(request, self.desk.now()).map_err(Refused::Unverified)?;
        let incoming = gateway.parse(request).map_err(Refused::Malformed)?;
        self.keep(name, &incoming).await.map_err(Refused::Store)?;
        Ok(gateway.ack(&incoming))
    }

    async fn keep(&self, name: &str, incoming: &Incoming) -> Result<(), OpenError> {
        match incoming {
            Incoming::Messages(messages) => {
                // Together: they share a commit.
                let taking = messages.iter().map(|one| self.desk.receive(name, one.clone()));
                try_join_all(taking).await.map(drop)
            }
            Incoming::Reports(reports) => {
                let setting = reports.iter().map(|one| self.desk.report(name, one));
                try_join_all(setting).await.map(drop).map_err(OpenError::Store)
            }
            Incoming::Nothing | Incoming::Challenge(_) => Ok(()),
        }
    }

    fn refuse(&self, name: &str, refused: Refused) -> Response {
        let (reason, status) = match &refused {
            Refused::Unverified(Unverified::Address) => ("unverified", StatusCode::FORBIDDEN),
            Refused::Unverified(_) => ("unverified", StatusCode::UNAUTHORIZED),
            Refused::Malformed(_) => ("malformed", StatusCode::BAD_REQUEST),
            Refused::Store(_) => ("store", StatusCode::SERVICE_UNAVAILABLE),
        };
        metrics::counter!("kentongan_sms_refused_total", "gateway" => name.to_owned(), "reason" => reason)
            .increment(1);
        if self.may_log(name) {
            match &refused {
                Refused::Unverified(why) => warn!(gateway = name, "a post was refused: it {why}"),
                Refused::Malformed(why) => {
                    warn!(gateway = name, "a post cannot be understood: {why}");
                }
                Refused::Store(why) => {
                    error!(gateway = name, error = %why, "a post cannot be kept; its gateway has to repeat it");
                }
            }
        }
        (status, [(header::RETRY_AFTER, "10")]).into_response()
    }

    fn may_log(&self, name: &str) -> bool {
        let now = self.desk.now().0;
        self.refused.get(name).is_some_and(|last| {
            let before = last.load(Ordering::Relaxed);
            now.saturating_sub(before) >= QUIET
                && last.compare_exchange(before, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        })
    }
}

fn acknowledge(ack: Ack) -> Response {
    let status = StatusCode::from_u16(ack.status).unwrap_or(StatusCode::OK);
    (status, [(header::CONTENT_TYPE, ack.content_type)], ack.body).into_response()
}
