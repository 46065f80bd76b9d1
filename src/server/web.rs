//! The web server: the hooks that gateways post to and the operators' console, behind one address.

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Extension;
use axum::Router;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use ipnet::IpNet;

use super::tls::{Identity, Source};
use crate::clock::Clock;
use crate::config;
use crate::console::Encrypted;

/// How long a client may take over its request's head; whoever sends it letter by letter holds no connection for ever.
const HEAD: Duration = Duration::from_secs(15);
/// How long requests in progress may take when everything stops.
const GOODBYE: Duration = Duration::from_secs(5);
/// How long the whole request and the beginning of its answer may take.
const REQUEST: Duration = Duration::from_secs(60);
/// The largest body, unless a route says otherwise.
const BODY: usize = 256 * 1024;

/// How often the certificate is looked at.
const RENEW: Duration = Duration::from_secs(24 * 3600);

/// A web server that is up: plain for this machine, encrypted for the others.
pub struct Web {
    plain: Listening,
    tls: Option<Listening>,
    renewing: Option<tokio::task::JoinHandle<()>>,
}

/// One address that is served.
struct Listening {
    address: SocketAddr,
    handle: Handle<SocketAddr>,
    task: tokio::task::JoinHandle<()>,
}

impl Web {
    /// Listens where the configuration says.
    pub async fn serve(
        config: &config::Web,
        source: Source,
        clock: Arc<dyn Clock>,
        routes: Router,
    ) -> anyhow::Result<Web> {
        let proxies: Arc<[IpNet]> = config.proxies.clone().into();
        let routes = routes
            .layer(DefaultBodyLimit::max(BODY))
            .layer(middleware::from_fn(in_time))
            .layer(middleware::from_fn_with_state(proxies, name_the_client));
        let service = routes.clone().into_make_service_with_connect_info::<SocketAddr>();
        let (socket, address) = bind("[web] listen", config.listen)?;
        let handle = Handle::new();
        let mut server = axum_server::from_tcp(socket)?.handle(handle.clone());
        hurry(server.http_builder());
        let plain = Listening::start(address, handle, server.serve(service));
        if !config.tls.enabled {
            return Ok(Web { plain, tls: None, renewing: None });
        }
        let (socket, address) = bind("[web.tls] listen", config.tls.listen)?;
        let Identity { chain, key } = source.identity(clock.now())?;
        let rustls = RustlsConfig::from_pem(chain, key)
            .await
            .context("[web.tls] the certificate and its key cannot be used")?;
        let handle = Handle::new();
        let mut server =
            axum_server::from_tcp_rustls(socket, rustls.clone())?.handle(handle.clone());
        hurry(server.http_builder());
        let routes = routes.layer(Extension(Encrypted));
        let service = routes.into_make_service_with_connect_info::<SocketAddr>();
        let tls = Listening::start(address, handle, server.serve(service));
        let renewing = Some(tokio::spawn(renew(source, clock, rustls)));
        Ok(Web { plain, tls: Some(tls), renewing })
    }

    /// Where it is served plainly.
    pub fn address(&self) -> SocketAddr {
        self.plain.address
    }

    /// Where it is served encrypted, if it is.
    pub fn tls_address(&self) -> Option<SocketAddr> {
        self.tls.as_ref().map(|tls| tls.address)
    }

    /// Takes no more requests, and gives those in progress a moment.
    pub async fn stop(self) {
        if let Some(renewing) = self.renewing {
            renewing.abort();
        }
        let all = [Some(self.plain), self.tls];
        futures_util::future::join_all(all.into_iter().flatten().map(Listening::stop)).await;
    }
}

impl Listening {
    fn start(
        address: SocketAddr,
        handle: Handle<SocketAddr>,
        serving: impl Future<Output = std::io::Result<()>> + Send + 'static,
    ) -> Listening {
        let task = tokio::spawn(async move {
            if let Err(error) = serving.await {
                tracing::error!(%error, %address, "a web server ended");
            }
        });
        Listening { address, handle, task }
    }

    async fn stop(self) {
        self.handle.graceful_shutdown(Some(GOODBYE));
        if let Err(error) = self.task.await {
            tracing::warn!(%error, "a web server did not end in order");
        }
    }
}

fn bind(key: &str, address: SocketAddr) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).with_context(|| {
        format!("{key}: {address} cannot be bound; stop what uses it, or choose another")
    })?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Whoever sends a request's head letter by letter does not keep the connection.
fn hurry(builder: &mut Builder<TokioExecutor>) {
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD);
}

/// Makes the certificate anew each day: it lasts for months, and the machine's addresses change.
async fn renew(source: Source, clock: Arc<dyn Clock>, rustls: RustlsConfig) {
    let mut ticks = tokio::time::interval(RENEW);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let (source, now) = (source.clone(), clock.now());
        let made = tokio::task::spawn_blocking(move || source.identity(now)).await;
        let renewed = match made {
            Ok(Ok(Identity { chain, key })) => {
                rustls.reload_from_pem(chain, key).await.map_err(anyhow::Error::from)
            }
            Ok(Err(error)) => Err(error),
            Err(error) => Err(error.into()),
        };
        if let Err(error) = renewed {
            tracing::error!("the certificate cannot be renewed: {error:#}");
        }
    }
}

/// Whoever sends a request's body letter by letter holds nothing for ever either.
async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(REQUEST, next.run(request)).await {
        Ok(response) => response,
        Err(_) => StatusCode::REQUEST_TIMEOUT.into_response(),
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
