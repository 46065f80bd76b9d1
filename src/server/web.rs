//! The web server: the hooks that gateways post to and the operators' console, behind one address.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum_server::Handle;
use hyper_util::rt::TokioTimer;

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
    /// Listens at `address`.
    pub fn serve(address: SocketAddr, routes: Router) -> anyhow::Result<Web> {
        let listener = std::net::TcpListener::bind(address)
            .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
            .with_context(|| format!("[web] listen: {address} cannot be bound"))?;
        let address = listener.local_addr()?;
        let handle = Handle::new();
        let mut server = axum_server::from_tcp(listener)?.handle(handle.clone());
        server.http_builder().http1().timer(TokioTimer::new()).header_read_timeout(HEAD);
        let routes = routes.layer(DefaultBodyLimit::max(BODY));
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
