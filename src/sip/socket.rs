//! The UDP socket that rsipstack reads from: drops strangers, limits rates, repairs datagrams and answers what the
//! policy refuses, so that the stack sees only what it can digest.

use std::net::SocketAddr;
use std::sync::Arc;

use ipnet::IpNet;
use rsipstack::platform::net::UdpSocket;

use super::policy::Gate;

pub use limiter::Limiter;

/// Loss, duplicates and reordering on purpose: an instrument for tests.
pub mod faults;
mod limiter;

/// Who may send, and how much.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Networks that may talk to us; others are dropped without an answer. Empty: everyone.
    pub allow: Vec<IpNet>,
    /// Networks whose rate is not limited: the trunks.
    pub unlimited: Vec<IpNet>,
    /// Datagrams a second that each other source may send in the long run.
    pub rate: f64,
    /// Datagrams that each other source may send at once.
    pub burst: u32,
}

/// Wraps the socket handed to `UdpConnection::from_socket`.
pub struct EdgeSocket {
    inner: Arc<dyn UdpSocket>,
    config: Config,
    gate: Arc<Gate>,
}

impl EdgeSocket {
    /// Wraps `inner`; `gate` is shared with the other transports.
    pub fn new(inner: Arc<dyn UdpSocket>, config: Config, gate: Arc<Gate>) -> EdgeSocket {
        todo!()
    }
}

#[async_trait::async_trait]
impl UdpSocket for EdgeSocket {
    async fn recv_from(&self, buf: &mut [u8]) -> rsipstack::Result<(usize, SocketAddr)> {
        todo!()
    }

    async fn send_to(&self, buf: &[u8], addr: SocketAddr) -> rsipstack::Result<usize> {
        self.inner.send_to(buf, addr).await
    }

    fn local_addr(&self) -> rsipstack::Result<SocketAddr> {
        self.inner.local_addr()
    }
}
