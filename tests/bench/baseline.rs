//! The yardstick: a plain loop that sends and receives a packet for each socket every 20 ms, and does nothing else.

use std::net::UdpSocket;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::caller::{PACKET, Plan};
use crate::figures::Spread;
use crate::peer::{self, Peer};
use crate::{machine, workspace};

const TIME: Duration = Duration::from_secs(10);

/// What the loop costs and how even it is: the rest of a hotline's figures is its own.
pub struct Plain {
    /// CPU seconds for a call-minute.
    pub cost: f64,
    pub gaps: Spread,
}

/// Runs the loop in a process of its own, with this many sockets.
pub fn measure(calls: usize) -> anyhow::Result<Plain> {
    let folder = workspace()?;
    let lines = peer::lines(calls)?;
    let ports: String = lines.iter().map(|line| format!("{}\n", line.port)).collect();
    let list = folder.path().join("ports");
    std::fs::write(&list, ports)?;
    let peer = Peer::start(lines, Plan::Listen);
    let output = loop_process(&std::env::current_exe()?, &list)
        .output()
        .context("cannot start the plain loop")?;
    let callers = peer.stop()?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let spent: f64 = printed.trim().parse().with_context(|| {
        format!("the plain loop failed: {}", String::from_utf8_lossy(&output.stderr))
    })?;
    Ok(Plain {
        cost: spent / (calls as f64 * TIME.as_secs_f64() / 60.0),
        gaps: Spread::new(callers.into_iter().flat_map(|caller| caller.ear.gaps).collect()),
    })
}

fn loop_process(myself: &Path, list: &Path) -> Command {
    let mut command = machine::pinned(machine::SERVER, &myself.display().to_string());
    command.arg("--plain-loop").arg(list);
    command
}

/// Runs the loop against the ports in `list`; prints the CPU seconds it took.
pub fn run(list: &Path) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(list)?;
    let sockets =
        text.lines().map(|port| connected(port.parse()?)).collect::<anyhow::Result<Vec<_>>>()?;
    let start = Instant::now();
    let before = machine::cpu(std::process::id());
    let mut packet = [0; PACKET];
    packet[0] = 0x80;
    packet[1] = 8;
    let mut heard = [0; 2048];
    for tick in 1..=TIME.as_millis() as u32 / 20 {
        packet[2..4].copy_from_slice(&(tick as u16).to_be_bytes());
        for socket in &sockets {
            let _ = socket.send(&packet);
            let _ = socket.recv(&mut heard);
        }
        std::thread::sleep(
            (start + tick * Duration::from_millis(20)).saturating_duration_since(Instant::now()),
        );
    }
    println!("{}", (machine::cpu(std::process::id()) - before).as_secs_f64());
    Ok(())
}

fn connected(port: u16) -> anyhow::Result<UdpSocket> {
    let socket = UdpSocket::bind(("127.0.0.1", 0))?;
    socket.set_nonblocking(true)?;
    socket.connect(("127.0.0.1", port))?;
    Ok(socket)
}
