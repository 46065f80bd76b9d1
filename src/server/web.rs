//! The web server: the hooks that gateways post to and the operators' console, behind one address.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Request, State};
use axum::http::HeaderMap;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum_server::Handle;
use hyper_util::rt::TokioTimer;
use ipnet::IpNet;

use crate::config;

/// How long a client may take over its request's head; whoever sends it letter by letter holds no connection for ever.
const HEAD: Duration = Duration::from_secs(15);
/// How long requests in progress may take when everything stops.
const GOODBYE: Duration = Duration::from_secs(5);
/// The largest body, unless a route says otherwise.
const BODY: usize = 256 * 1024;

/// A web server that is up.
pub struct Web {
    address: SocketAddr,
    handle: Handle<SocketAddr>,
    task: tokio::task::JoinHandle<()>,
}

impl Web {
    /// Listens where the configuration says.
    pub fn serve(config: &config::Web, routes: Router) -> anyhow::Result<Web> {
        let address = config.listen;
        let listener = std::net::TcpListener::bind(address)
            .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
            .with_context(|| format!("[web] listen: {address} cannot be bound"))?;
        let address = listener.local_addr()?;
        let handle = Handle::new();
        let mut server = axum_server::from_tcp(listener)?.handle(handle.clone());
        server.http_builder().http1().timer(TokioTimer::new()).header_read_timeout(HEAD);
        let proxies: Arc<[IpNet]> = config.proxies.clone().into();
        let routes = routes
            .layer(DefaultBodyLimit::max(BODY))
            .layer(middleware::from_fn_with_state(proxies, name_the_client));
        let service = routes.into_make_service_with_connect_info::<SocketAddr>();
        let task = tokio::spawn(async move {
            if let Err(error) = server.serve(service).await {
                tracing::error!(%error, "the web server ended");
            }
        });
        Ok(Web { address, handle, task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more requests, and gives those in progress a moment.
    pub async fn stop(self) {
        self.handle.graceful_shutdown(Some(GOODBYE));
        if let Err(error) = self.task.await {
            tracing::warn!(%error, "the web server did not end in order");
        }
    }
}

/// Behind a reverse proxy the peer is the proxy: from here on it is whom the proxy names.
async fn name_the_client(
    State(proxies): State<Arc<[IpNet]>>,
    mut request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0);
    if let Some(client) = peer.and_then(|peer| client(peer.ip(), request.headers(), &proxies)) {
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(client, 0)));
    }
    next.run(request).await
}

/// The last address in X-Forwarded-For that is not a proxy's of ours, if a proxy of ours wrote it: what stands before it
/// came from outside and may say anything.
fn client(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> Option<IpAddr> {
    let is_ours = |ip: &IpAddr| proxies.iter().any(|proxy| proxy.contains(&ip.to_canonical()));
    if !is_ours(&peer) {
        return None;
    }
    let lines = headers.get_all("x-forwarded-for").iter().filter_map(|line| line.to_str().ok());
    let chain: Vec<&str> = lines.flat_map(|line| line.split(',')).collect();
    let addresses = chain.iter().rev().map_while(|text| text.trim().parse::<IpAddr>().ok());
    addresses.into_iter().find(|ip| !is_ours(ip))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(peer: &str, lines: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let proxies = ["127.0.0.0/8", "10.0.0.0/8"].map(|net| net.parse().unwrap());
        client(peer.parse().unwrap(), &headers, &proxies).map(|ip| ip.to_string())
    }

    #[test]
    fn only_our_own_proxies_are_believed() {
        let outside = Some("203.0.113.9".to_owned());
        assert_eq!(named("127.0.0.1", &["203.0.113.9"]), outside);
        assert_eq!(named("::ffff:127.0.0.1", &["203.0.113.9, 10.0.0.2"]), outside);
        // Whoever is outside writes what they like before it.
        assert_eq!(named("127.0.0.1", &["127.0.0.1", "6.6.6.6, 203.0.113.9"]), outside);
        assert_eq!(named("203.0.113.9", &["127.0.0.1"]), None);
        for nothing in [&[][..], &["unknown"], &["203.0.113.9, rubbish"], &["10.0.0.1"]] {
            assert_eq!(named("127.0.0.1", nothing), None, "{nothing:?}");
        }
    }
}
