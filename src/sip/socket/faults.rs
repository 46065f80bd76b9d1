//! A socket that loses, doubles and reorders datagrams as a bad line does, by a seed that repeats it. For tests.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rsipstack::platform::net::UdpSocket;
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::timeout;

/// How bad the line is: chances from 0 to 1, for each datagram in either direction.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Plan {
    pub lose: f64,
    pub double: f64,
    /// The datagram is overtaken by the next one, or is late by [`LATE`] if none comes.
    pub reorder: f64,
}

/// How late a datagram comes that nothing overtook.
pub const LATE: Duration = Duration::from_millis(30);

type Datagram = (Vec<u8>, SocketAddr);

/// A bad line in front of another socket.
pub struct Faults {
    inner: Arc<dyn UdpSocket>,
    plan: Plan,
    chance: Mutex<StdRng>,
    /// Received and due to be handed on.
    due: AsyncMutex<VecDeque<Datagram>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    Lost,
    Doubled,
    Overtaken,
}

impl Faults {
    /// The same `seed` and order of datagrams give the same faults.
    pub fn new(inner: Arc<dyn UdpSocket>, plan: Plan, seed: u64) -> Faults {
        let chance = Mutex::new(StdRng::seed_from_u64(seed));
        Faults { inner, plan, chance, due: AsyncMutex::default() }
    }

    fn next_fault(&self) -> Fault {
        let mut chance = self.chance.lock().unwrap_or_else(PoisonError::into_inner);
        let throw: f64 = chance.random();
        let Plan { lose, double, reorder } = self.plan;
        match throw {
            t if t < lose => Fault::Lost,
            t if t < lose + double => Fault::Doubled,
            t if t < lose + double + reorder => Fault::Overtaken,
            _ => Fault::None,
        }
    }

    async fn receive(&self, buf: &mut [u8]) -> rsipstack::Result<Datagram> {
        let (len, source) = self.inner.recv_from(buf).await?;
        Ok((buf[..len].to_vec(), source))
    }
}

#[async_trait::async_trait]
impl UdpSocket for Faults {
    async fn recv_from(&self, buf: &mut [u8]) -> rsipstack::Result<(usize, SocketAddr)> {
        let mut due = self.due.lock().await;
        while due.is_empty() {
            let datagram = self.receive(buf).await?;
            match self.next_fault() {
                Fault::Lost => {}
                Fault::None => due.push_back(datagram),
                Fault::Doubled => due.extend([datagram.clone(), datagram]),
                Fault::Overtaken => {
                    due.push_back(datagram);
                    if let Ok(next) = timeout(LATE, self.receive(buf)).await {
                        due.push_front(next?);
                    }
                }
            }
        }
        let (bytes, source) =
            due.pop_front().unwrap_or_else(|| (Vec::new(), ([0, 0, 0, 0], 0).into()));
        let len = bytes.len().min(buf.len());
        buf[..len].copy_from_slice(&bytes[..len]);
        Ok((len, source))
    }

    async fn send_to(&self, buf: &[u8], addr: SocketAddr) -> rsipstack::Result<usize> {
        match self.next_fault() {
            Fault::Lost => {}
            Fault::None => drop(self.inner.send_to(buf, addr).await?),
            Fault::Doubled => {
                self.inner.send_to(buf, addr).await?;
                self.inner.send_to(buf, addr).await?;
            }
            Fault::Overtaken => {
                let (inner, late) = (self.inner.clone(), buf.to_vec());
                tokio::spawn(async move {
                    tokio::time::sleep(LATE).await;
                    inner.send_to(&late, addr).await
                });
            }
        }
        Ok(buf.len())
    }

    fn local_addr(&self) -> rsipstack::Result<SocketAddr> {
        self.inner.local_addr()
    }
}
