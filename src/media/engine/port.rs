//! Pairs of UDP ports: RTP on the even one, RTCP on the next (RFC 3550 section 11).

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};

use socket2::{Domain, Protocol, Socket, Type};

use super::OpenError;

/// Bytes a socket may hold: a stall of half a second at 50 packets a second, with the kernel's overhead.
const RECEIVE_BUFFER: usize = 48 * 1024;

/// Tries to find an even port with a free neighbour when the system chooses.
const SYSTEM_TRIES: usize = 64;

/// The free port pairs of an engine. A pair given back waits behind all others, so that packets still under way to
/// an old call meet no new one.
pub struct Ports {
    bind: IpAddr,
    /// Even ports; `None` when the system chooses.
    free: Option<Mutex<VecDeque<u16>>>,
}

/// A pair of bound sockets. Drop the lease last: the ports are lent again as soon as it is gone.
pub struct PortPair {
    pub rtp: UdpSocket,
    pub rtcp: UdpSocket,
    pub lease: Lease,
}

/// Holds the even port of a pair out of the pool.
pub struct Lease {
    pub port: u16,
    home: Arc<Ports>,
}

impl Ports {
    /// The pairs that lie wholly in `range`; the range 0-0 leaves the choice to the system.
    pub fn new(bind: IpAddr, range: &RangeInclusive<u16>) -> Arc<Ports> {
        let (first, last) = (*range.start(), *range.end());
        let even = (first..last).filter(|port| port.is_multiple_of(2));
        let free = (last > 0).then(|| Mutex::new(even.collect()));
        Arc::new(Ports { bind, free })
    }

    /// Binds a pair; ports that another program holds are passed over.
    pub fn take(self: &Arc<Ports>) -> Result<PortPair, OpenError> {
        let Some(free) = &self.free else { return self.take_any() };
        let tries = free.lock().unwrap_or_else(PoisonError::into_inner).len();
        for _ in 0..tries {
            let next = free.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some(port) = next else { break };
            match self.bind_pair(port) {
                Ok(pair) => return Ok(pair),
                Err(error) => {
                    drop(self.lease(port));
                    if error.kind() != io::ErrorKind::AddrInUse {
                        return Err(self.refusal(error));
                    }
                }
            }
        }
        Err(OpenError::NoPort)
    }

    fn take_any(self: &Arc<Ports>) -> Result<PortPair, OpenError> {
        // Kept until the end, so that the system does not offer the same port again.
        let mut unfit = Vec::new();
        for _ in 0..SYSTEM_TRIES {
            let probe = bind(SocketAddr::new(self.bind, 0)).map_err(|error| self.refusal(error))?;
            let port = probe.local_addr().map_err(|error| self.refusal(error))?.port();
            if !port.is_multiple_of(2) {
                unfit.push(probe);
                continue;
            }
            // Bound anew by its number: a port that the system chose is lost when the socket is disconnected.
            drop(probe);
            if let Ok(pair) = self.bind_pair(port) {
                return Ok(pair);
            }
        }
        Err(OpenError::NoPort)
    }

    fn bind_pair(self: &Arc<Ports>, port: u16) -> io::Result<PortPair> {
        let rtp = bind(SocketAddr::new(self.bind, port))?;
        let rtcp = bind(SocketAddr::new(self.bind, port + 1))?;
        Ok(PortPair { rtp, rtcp, lease: self.lease(port) })
    }

    fn refusal(&self, error: io::Error) -> OpenError {
        match rustix::io::Errno::from_io_error(&error) {
            Some(rustix::io::Errno::MFILE | rustix::io::Errno::NFILE) => OpenError::NoDescriptor,
            _ => OpenError::Bind { address: self.bind, error },
        }
    }

    fn lease(self: &Arc<Ports>, port: u16) -> Lease {
        Lease { port, home: self.clone() }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(free) = &self.home.free {
            free.lock().unwrap_or_else(PoisonError::into_inner).push_back(self.port);
        }
    }
}

fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    /// Four ports that were free a moment ago.
    fn free_range() -> RangeInclusive<u16> {
        let any = Ports::new(LOOPBACK, &(0..=0)).take().unwrap();
        any.lease.port..=any.lease.port.saturating_add(3)
    }

    #[test]
    fn the_system_chooses_an_even_port_and_its_neighbour() {
        let pair = Ports::new(LOOPBACK, &(0..=0)).take().unwrap();
        assert_eq!(pair.lease.port % 2, 0);
        assert_eq!(pair.rtp.local_addr().unwrap().port(), pair.lease.port);
        assert_eq!(pair.rtcp.local_addr().unwrap().port(), pair.lease.port + 1);
    }

    #[test]
    fn only_whole_pairs_of_the_range_are_used() {
        let ports =
            |range| Ports::new(LOOPBACK, &range).free.as_ref().unwrap().lock().unwrap().clone();
        assert_eq!(ports(20001..=20006), [20002, 20004]);
        assert_eq!(ports(20000..=20003), [20000, 20002]);
        assert_eq!(ports(65534..=65535), [65534]);
    }

    #[test]
    fn a_pair_given_back_comes_last_and_none_is_lent_twice() {
        let ports = Ports::new(LOOPBACK, &free_range());
        let Ok(first) = ports.take() else { return };
        let number = first.lease.port;
        drop(first);
        let queue = ports.free.as_ref().unwrap().lock().unwrap().clone();
        assert_eq!(queue.back(), Some(&number));
        let held: Vec<_> = std::iter::from_fn(|| ports.take().ok()).collect();
        assert!(held.len() <= 2);
        assert!(matches!(ports.take(), Err(OpenError::NoPort)));
    }

    #[test]
    fn a_port_in_use_elsewhere_is_passed_over() {
        let range = free_range();
        let first = *range.start();
        let _other = UdpSocket::bind(SocketAddr::new(LOOPBACK, first + 1)).unwrap();
        let ports = Ports::new(LOOPBACK, &(first..=first + 1));
        assert!(matches!(ports.take(), Err(OpenError::NoPort)));
        assert_eq!(*ports.free.as_ref().unwrap().lock().unwrap(), [first]);
    }

    #[test]
    fn an_address_of_another_machine_is_told_as_such() {
        let elsewhere = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
        let refused = Ports::new(elsewhere, &(20000..=20001)).take();
        assert!(matches!(refused, Err(OpenError::Bind { address, .. }) if address == elsewhere));
    }
}
