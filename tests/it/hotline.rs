//! A `kentongan serve` of its own for a test: ports that the kernel chose, a folder that goes away.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// Longer than any start.
const START: Duration = Duration::from_secs(30);

/// A hotline that is up. Ends, by its process id, when dropped.
pub struct Hotline {
    pub sip_port: u16,
    pub http_port: u16,
    pub web_port: u16,
    /// Where its rows and recordings are.
    pub data: PathBuf,
    child: Child,
    folder: tempfile::TempDir,
}

impl Hotline {
    /// Starts one and waits until it takes calls. `extra` is TOML laid over a configuration for loopback.
    pub fn start(extra: &str) -> anyhow::Result<Hotline> {
        Hotline::start_by(Command::new(env!("CARGO_BIN_EXE_kentongan")), extra)
    }

    /// The same, by a command line that ends in the program's name (`taskset -c 0 kentongan`).
    pub fn start_by(mut command: Command, extra: &str) -> anyhow::Result<Hotline> {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let (sip_port, http_port, web_port) = (free_port()?, free_port()?, free_port()?);
        let data = folder.path().join("data");
        let config = folder.path().join("kentongan.toml");
        std::fs::write(&config, configuration(&data, [sip_port, http_port, web_port], extra)?)?;
        let child = serve(&mut command, folder.path())?;
        let mut hotline = Hotline { sip_port, http_port, web_port, data, child, folder };
        hotline.wait_until_ready()?;
        Ok(hotline)
    }

    /// Ends it as a crash does (SIGKILL).
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Starts it again on what the last run left, and waits until it takes calls.
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        self.child = serve(&mut Command::new(env!("CARGO_BIN_EXE_kentongan")), self.folder.path())?;
        self.wait_until_ready()
    }

    /// Its configuration file.
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("kentongan.toml")
    }

    /// Whom to dial.
    pub fn uri(&self) -> String {
        format!("sip:hotline@127.0.0.1:{}", self.sip_port)
    }

    /// Waits until its log holds `text` for the `times`-th time.
    #[expect(clippy::disallowed_methods, reason = "it waits for a process, in real time")]
    pub async fn logs(&self, text: &str, times: usize) {
        let start = Instant::now();
        while self.log().matches(text).count() < times {
            assert!(start.elapsed() < START, "{text:?} was not logged:\n{}", self.log());
            // Another process: there is no event to wait for.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote to its log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// The SQLite file.
    pub fn database(&self) -> PathBuf {
        self.data.join("kentongan.sqlite3")
    }

    /// Asks it to end (SIGTERM) and waits until it has.
    pub fn stop(&mut self) -> anyhow::Result<ExitStatus> {
        self.signal(rustix::process::Signal::TERM);
        self.wait()
    }

    /// Waits until it has ended.
    pub fn wait(&mut self) -> anyhow::Result<ExitStatus> {
        Ok(self.child.wait()?)
    }

    /// Tells it something.
    pub fn signal(&self, signal: rustix::process::Signal) {
        if let Some(pid) = rustix::process::Pid::from_raw(self.pid() as i32) {
            // Gone already: then there is nothing to tell it.
            let _ = rustix::process::kill_process(pid, signal);
        }
    }

    #[expect(clippy::disallowed_methods, reason = "it waits for a process, in real time")]
    fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!("kentongan serve ended with {status}:\n{}", self.log());
            }
            let answer = get(self.http_port, "/readyz");
            if answer.as_ref().is_ok_and(|(status, _)| *status == 200) {
                return Ok(());
            }
            if start.elapsed() > START {
                bail!("kentongan serve is not ready: {answer:?}\n{}", self.log());
            }
            // Another process: there is no event to wait for.
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Runs the program's `serve` on the configuration in `folder`; its log goes there too.
fn serve(command: &mut Command, folder: &Path) -> anyhow::Result<Child> {
    let log = std::fs::OpenOptions::new().create(true).append(true).open(folder.join("log"))?;
    command
        .arg("serve")
        .arg("--config")
        .arg(folder.join("kentongan.toml"))
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .with_context(|| format!("cannot start {command:?}"))
}

impl Drop for Hotline {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Whether tests that need other programs and time are wanted; says so when not.
pub fn slow() -> bool {
    let wanted = std::env::var_os("KENTONGAN_SLOW").is_some_and(|value| value == "1");
    if !wanted {
        eprintln!("skipped: set KENTONGAN_SLOW=1");
    }
    wanted
}

/// Below what the kernel gives to whoever asks for any port (32768 and up), so that nobody takes it in the meantime.
const PORTS: std::ops::Range<u16> = 12_000..32_000;

/// A port that was free a moment ago, for UDP and TCP alike, and that this process has not given away yet.
pub fn free_port() -> anyhow::Result<u16> {
    free_ports(1)
}

/// The first of so many in a row.
pub fn free_ports(count: u16) -> anyhow::Result<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Other processes do the same: each begins somewhere else.
    let begin = (std::process::id() * 97 % PORTS.len() as u32) as u16;
    for _ in 0..512 {
        let step = NEXT.fetch_add(count, Ordering::Relaxed);
        let first = PORTS.start + (begin + step % PORTS.len() as u16) % PORTS.len() as u16;
        if (first..first + count).all(is_free) {
            return Ok(first);
        }
    }
    bail!("no free port")
}

fn is_free(port: u16) -> bool {
    PORTS.contains(&port)
        && TcpListener::bind(("127.0.0.1", port)).is_ok()
        && UdpSocket::bind(("127.0.0.1", port)).is_ok()
}

fn configuration(data: &Path, [sip, http, web]: [u16; 3], extra: &str) -> anyhow::Result<String> {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let base = format!(
        r#"
        data = {data:?}
        roles = ["calls"]
        [sip]
        listen = "127.0.0.1:{sip}"
        open = true
        [media]
        bind = "127.0.0.1"
        ports = "0-0"
        [calls]
        drain = 2
        [http]
        listen = "127.0.0.1:{http}"
        [web]
        listen = "127.0.0.1:{web}"
        [web.tls]
        enabled = false
        [ivr]
        script = {script:?}
        [prompts]
        folder = {prompts:?}
        "#,
        script = home.join("ivr-scripts/hotline.toml"),
        prompts = home.join("prompts/id"),
    );
    let mut table: toml::Table = toml::from_str(&base)?;
    lay_over(&mut table, toml::from_str(extra)?);
    Ok(toml::to_string(&table)?)
}

fn lay_over(table: &mut toml::Table, extra: toml::Table) {
    for (key, value) in extra {
        match (table.get_mut(&key), value) {
            (Some(toml::Value::Table(inner)), toml::Value::Table(value)) => lay_over(inner, value),
            (_, value) => {
                table.insert(key, value);
            }
        }
    }
}

/// Status and body of what an HTTP server on loopback answers.
pub fn get(port: u16, path: &str) -> anyhow::Result<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("not an HTTP answer")?;
    let status = head.split(' ').nth(1).context("no status")?.parse()?;
    Ok((status, body.to_owned()))
}
