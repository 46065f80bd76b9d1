//! Sockets, and the addresses by which the others are to reach us.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, PoisonError};

use rsipstack::dialog::dialog::Dialog as StackDialog;
use rsipstack::dialog::invite_dialog::InviteDialog;
use rsipstack::sip::uri::ParamsExt;
use rsipstack::sip::{
    Auth, Host, HostWithPort, Param, Request, Scheme, ToTypedHeader as _, Transport, Uri,
};
use rsipstack::transport::SipAddr;
use rsipstack::transport::stream::StreamConnectionInner;
use rsipstack::transport::tcp::TcpConnection;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::config::is_private;
use super::{BindError, Shared, wire};
use crate::sip::socket::stream::{self, Stream};
use crate::sip::text;

/// Bursts of INVITEs wait here while the dispatcher is busy: some 10,000 datagrams.
const RECEIVE_BUFFER: usize = 8 << 20;

/// Tries at finding a port that is free on UDP and TCP alike, when the kernel chooses.
const PORT_TRIES: usize = 16;

/// Binds UDP, and TCP on the same port if wanted.
pub(super) fn bind(
    listen: SocketAddr,
    tcp: bool,
) -> Result<(UdpSocket, Option<TcpListener>), BindError> {
    let mut tries = if listen.port() == 0 { PORT_TRIES } else { 1 };
    loop {
        tries -= 1;
        let udp = bind_udp(listen).map_err(|source| BindError::Udp { listen, source })?;
        if !tcp {
            return Ok((udp, None));
        }
        let listen = udp.local_addr().map_err(|source| BindError::Udp { listen, source })?;
        match bind_tcp(listen) {
            Ok(listener) => return Ok((udp, Some(listener))),
            Err(source) if tries == 0 => return Err(BindError::Tcp { listen, source }),
            Err(_) => {}
        }
    }
}

fn bind_udp(listen: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(listen), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    socket.bind(&listen.into())?;
    // The kernel reports double of what it grants, and cuts at net.core.rmem_max without a word.
    let granted = socket.recv_buffer_size()? / 2;
    if granted < RECEIVE_BUFFER {
        debug!(granted, wanted = RECEIVE_BUFFER, "net.core.rmem_max limits the SIP receive buffer");
    }
    UdpSocket::from_std(socket.into())
}

fn bind_tcp(listen: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(listen), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    // A restart must not wait for the connections of the run before.
    socket.set_reuse_address(true)?;
    socket.bind(&listen.into())?;
    socket.listen(128)?;
    TcpListener::from_std(socket.into())
}

/// TCP connections at a time; a trunk needs one, each phone one.
const CONNECTIONS: usize = 1024;

/// Takes TCP connections from those who may speak to us, until the agent stops.
pub(super) async fn accept(shared: Arc<Shared>, listener: TcpListener, local: SocketAddr) {
    loop {
        let accepted = tokio::select! {
            () = shared.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) if shared.config.admits(peer.ip()) => {
                take(&shared, stream, local, peer);
            }
            Ok(_) => {}
            Err(error) => {
                // Out of file descriptors, most likely: a pause, lest this spins.
                warn!(%error, "TCP connection not accepted");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
    }
}

/// Opens a TCP connection to `peer` unless there is one. The stack would do so by itself, but what came by a connection
/// of its own would pass no edge.
pub(super) async fn reach(shared: &Shared, peer: SocketAddr) -> io::Result<()> {
    if shared.is_connected(peer) {
        return Ok(());
    }
    let outside = TcpStream::connect(peer).await?;
    let local = outside.local_addr()?;
    take(shared, outside, local, peer);
    Ok(())
}

/// The same for the other side of a dialog, unless the connection that it began with lives: the stack sends by that one.
/// A proxy that is known by name only is left to the stack.
pub(super) async fn reach_target(shared: &Shared, dialog: &InviteDialog, flow: Flow) {
    if flow.transport == Transport::Tcp && shared.is_connected(flow.peer) {
        return;
    }
    let dialog = dialog.snapshot();
    let route = dialog.route_set.first().and_then(|route| route.typed().ok());
    let uri = route.map_or(dialog.remote_uri, |route| route.uri);
    let peer = SipAddr::try_from(&uri).ok().filter(|to| to.r#type == Some(Transport::Tcp));
    let Some(peer) = peer.and_then(|peer| peer.get_socketaddr().ok()) else { return };
    // The kernel would try for two minutes.
    match tokio::time::timeout(shared.patience(), reach(shared, peer)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(%error, "TCP connection not opened"),
        Err(_) => debug!("TCP connection not opened in time"),
    }
}

fn take(shared: &Shared, outside: TcpStream, local: SocketAddr, peer: SocketAddr) {
    let transport = &shared.endpoint.transport_layer;
    if transport.connections_count() >= CONNECTIONS {
        warn!("TCP connection refused: too many");
        return;
    }
    let _ = outside.set_nodelay(true);
    let (ours, stacks) = match stream::pair() {
        Ok(pair) => pair,
        Err(error) => return warn!(%error, "TCP connection not taken"),
    };
    let stream = Stream::new(shared.edge.clone(), outside, ours, peer);
    let connected = shared.connected.clone();
    connected.lock().unwrap_or_else(PoisonError::into_inner).insert(peer);
    // It ends with either end: the stack closes its own when the agent stops.
    tokio::spawn(async move {
        stream.carry().await;
        connected.lock().unwrap_or_else(PoisonError::into_inner).remove(&peer);
    });
    transport.add_connection(connection(stacks, local, peer, shared.stop.child_token()).into());
}

/// What the stack takes for a TCP connection with `peer`.
fn connection(
    stream: TcpStream,
    local: SocketAddr,
    peer: SocketAddr,
    stop: CancellationToken,
) -> TcpConnection {
    let (read, write) = tokio::io::split(stream);
    let inner = StreamConnectionInner::new(tcp_address(local), tcp_address(peer), read, write);
    TcpConnection { inner: Arc::new(inner), cancel_token: Some(stop) }
}

fn tcp_address(address: SocketAddr) -> SipAddr {
    SipAddr { r#type: Some(Transport::Tcp), addr: address.into() }
}

/// Looks up the advertised `host[:port]`.
pub(super) async fn advertised(text: &str, port: u16) -> Result<SocketAddr, BindError> {
    let fault = |source| BindError::Advertised { advertised: text.to_owned(), source };
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok(address);
    }
    if let Ok(ip) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
        return Ok(SocketAddr::new(ip, port));
    }
    let target = if text.contains(':') { text.to_owned() } else { format!("{text}:{port}") };
    let mut found = tokio::net::lookup_host(target).await.map_err(fault)?;
    found.next().ok_or_else(|| fault(io::ErrorKind::NotFound.into()))
}

/// The URI by which a peer reaches this agent, for Contact.
pub(super) fn contact(address: SocketAddr, transport: Transport) -> Uri {
    let params = match transport {
        Transport::Udp => vec![],
        other => vec![Param::Transport(other)],
    };
    Uri {
        scheme: Some(Scheme::Sip),
        auth: Some(Auth { user: "kentongan".to_owned(), password: None }),
        host_with_port: address.into(),
        params,
        headers: vec![],
    }
}

/// The address that packets to `peer` leave from; asks the kernel's routes without sending anything.
pub fn source_towards(peer: SocketAddr, port: u16) -> Option<SocketAddr> {
    let any: IpAddr = match peer {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = std::net::UdpSocket::bind((any, 0)).ok()?;
    socket.connect(peer).ok()?;
    Some(SocketAddr::new(socket.local_addr().ok()?.ip(), port))
}

/// Where the other side's first message came from, and by what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flow {
    pub peer: SocketAddr,
    pub transport: Transport,
}

/// Turns requests within the dialog to where this INVITE, re-INVITE or UPDATE says (RFC 3261 section 12.1.1).
///
/// A peer behind NAT writes its private address into Contact, where nothing of ours arrives; the address that its packets
/// come from does work. Behind a proxy (Record-Route) the proxy sees to it.
pub(super) fn retarget(dialog: &InviteDialog, request: &Request, flow: Flow) {
    let Some(mut target) = contact_of(request) else { return };
    if flow.transport != Transport::Udp && target.transport().is_none() {
        target.params.push(Param::Transport(flow.transport));
    }
    let known = dialog.snapshot();
    if known.route_set.is_empty() && unreachable_from_here(&target.host_with_port.host, flow.peer) {
        target.host_with_port = HostWithPort::from(flow.peer);
    }
    StackDialog::Invite(dialog.clone()).set_remote_target(target, known.remote_contact);
}

fn contact_of(request: &Request) -> Option<Uri> {
    let headers = wire::headers(&request.headers);
    uri(text::NameAddr::read(headers.elements("Contact").next()?)?.uri)
}

/// rsipstack's reader ends the user at its first `;`, where a number may carry parameters (RFC 3261 section 19.1.6), and its
/// writer escapes what is escaped.
fn uri(text: &str) -> Option<Uri> {
    let plain = || Uri::try_from(text).ok();
    let Some((scheme, rest)) = text.split_once(':') else { return plain() };
    let Some((user, rest)) = rest.split_once('@') else { return plain() };
    let mut uri = Uri::try_from(format!("{scheme}:x@{rest}")).ok()?;
    let (user, password) = match user.split_once(':') {
        Some((user, password)) => (user, Some(password)),
        None => (user, None),
    };
    let read = |text: &str| text::unescape(text).unwrap_or_else(|| text.to_owned());
    uri.auth = Some(Auth { user: read(user), password: password.map(read) });
    Some(uri)
}

fn unreachable_from_here(host: &Host, peer: SocketAddr) -> bool {
    match host {
        Host::IpAddr(ip) => {
            ip.to_canonical() != peer.ip().to_canonical()
                && is_private(*ip)
                && !is_private(peer.ip())
        }
        // RFC 7118 section 5: clients that cannot know their address name one that does not exist.
        Host::Domain(name) => name.0.to_ascii_lowercase().ends_with(".invalid"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> Host {
        text.parse().unwrap()
    }

    #[test]
    fn only_a_private_contact_seen_from_outside_is_replaced() {
        let public = "203.0.113.9:1024".parse().unwrap();
        let private = "192.168.1.20:5060".parse().unwrap();
        assert!(unreachable_from_here(&host("192.168.8.4"), public));
        assert!(unreachable_from_here(&host("df7jal23ls0d.invalid"), public));
        assert!(!unreachable_from_here(&host("203.0.113.9"), public));
        assert!(!unreachable_from_here(&host("192.168.8.4"), private));
        assert!(!unreachable_from_here(&host("198.51.100.4"), private));
        assert!(!unreachable_from_here(&host("sip.example.net"), public));
    }

    #[test]
    fn a_contact_is_written_as_it_was_read() {
        for text in [
            "sip:+62812;tgrp=a;trunk-context=b@10.1.2.3",
            "sip:u%40realm@h:5070;transport=TCP",
            "sip:a:b@h",
            "sip:h:5070",
            "sip:[::1]:5070",
        ] {
            assert_eq!(uri(text).unwrap().to_string(), text);
        }
        assert_eq!(
            uri("sip:+62812;tgrp=a@10.1.2.3").unwrap().host_with_port,
            HostWithPort::from(IpAddr::from([10, 1, 2, 3]))
        );
    }

    #[test]
    fn the_kernel_tells_which_address_a_peer_sees() {
        let seen = source_towards("127.0.0.1:9".parse().unwrap(), 5060);
        assert_eq!(seen, Some("127.0.0.1:5060".parse().unwrap()));
    }

    #[tokio::test]
    async fn an_advertised_address_may_leave_out_its_port() {
        let with = advertised("203.0.113.5:5070", 5060).await.unwrap();
        assert_eq!(with, "203.0.113.5:5070".parse().unwrap());
        let without = advertised("203.0.113.5", 5060).await.unwrap();
        assert_eq!(without, "203.0.113.5:5060".parse().unwrap());
        assert!(advertised("no such host", 5060).await.is_err());
    }
}
