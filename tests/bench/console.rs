//! `make bench-console`: what the operators' pages cost beside a database of three years and beside calls.
//! README.md beside this file tells how to read it.
#![expect(clippy::disallowed_methods, reason = "a bench reads the clock")]

#[expect(dead_code, reason = "the load bench uses more of it")]
mod caller;
#[path = "../it/carrier.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod carrier;
#[expect(dead_code, reason = "the other benches use more of it")]
mod figures;
#[path = "../it/hotline.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod hotline;
#[path = "console/load.rs"]
mod load;
mod machine;
#[path = "console/pages.rs"]
mod pages;
mod peer;
mod posts;
#[path = "console/seed.rs"]
mod seed;
mod sipp;
#[path = "console/texts.rs"]
mod texts;
#[expect(dead_code, reason = "the other bench uses more of it")]
mod told;
#[expect(dead_code, reason = "the other bench uses more of it")]
mod voice;

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use tempfile::TempDir;
use tokio::task::JoinSet;

use caller::Plan;
use figures::Spread;
use hotline::Hotline;
use load::Shown;
use pages::Kind;
use peer::Peer;
use sipp::{Load, Sipp};

/// Asks a hotline on one core for pages, from another.
#[derive(Parser)]
struct Flags {
    /// Tickets in the database, with twice as many messages and three transcripts for ten of them.
    #[arg(long, default_value_t = 1_000_000)]
    tickets: u32,
    /// Pages a second.
    #[arg(long, default_value_t = 50)]
    rate: u32,
    /// Seconds of them, once without and once with calls.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Calls beside them; 0 leaves that part out.
    #[arg(long, default_value_t = 100)]
    calls: usize,
    /// Messages a second for the hook beside such a database; 0 leaves that part out.
    #[arg(long, default_value_t = 100)]
    messages: u32,
    /// Browsers on the event stream; 0 leaves that part out.
    #[arg(long, default_value_t = 200)]
    streams: usize,
    /// Only kinds of pages that have this in their names.
    #[arg(long, default_value = "")]
    only: String,
    /// Cargo passes it.
    #[arg(long, hide = true)]
    bench: bool,
}

/// Callers listen, speak for 20 seconds, and hear their code: all of them are up for a minute.
const PLAN: Plan =
    Plan::Report { greeting: Duration::from_secs(12), speech: Duration::from_secs(20) };

fn main() -> anyhow::Result<()> {
    let flags = Flags::parse();
    sipp::check()?;
    // Not pinned yet: making the database is nobody's load.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let database = runtime.block_on(seed::database(flags.tickets))?;
    machine::pin(machine::GENERATOR);
    println!(
        "kentongan serve on core {}, browsers and callers on core {}; {} tickets",
        machine::SERVER,
        machine::GENERATOR,
        flags.tickets
    );
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    std::fs::copy(&database, folder.path().join("kentongan.sqlite3"))?;
    runtime.block_on(measure(&flags, folder.path()))
}

async fn measure(flags: &Flags, data: &Path) -> anyhow::Result<()> {
    let mut rows = seed::connect(&data.join("kentongan.sqlite3")).await?;
    let hotline = start(flags, data)?;
    pages::sign_in(&mut rows).await?;
    let mut kinds = pages::kinds(&mut rows).await?;
    kinds.retain(|kind| kind.name.contains(&flags.only));
    let client = posts::client()?;
    let bench = Bench { flags, hotline: &hotline, client: &client, kinds: &kinds };
    println!("{:.1} MB resident after the start", megabytes(&hotline));
    let alone = bench.pages().await?;
    let beside = if flags.calls > 0 { bench.beside_calls().await? } else { Vec::new() };
    bench.report(&alone, &beside).await?;
    bench.streams().await?;
    bench.messages().await
}

fn start(flags: &Flags, data: &Path) -> anyhow::Result<Hotline> {
    let program = machine::pinned(machine::SERVER, env!("CARGO_BIN_EXE_kentongan"));
    let calls = flags.calls + 10;
    let begun = std::time::Instant::now();
    let posts = posts::configuration();
    let hotline =
        Hotline::start_by(program, &format!("data = {data:?}\ncalls.max = {calls}\n{posts}"))?;
    println!("ready after {:.1?}", begun.elapsed());
    Ok(hotline)
}

fn megabytes(hotline: &Hotline) -> f64 {
    machine::rss(hotline.pid()) as f64 / 1000.0
}

struct Bench<'b> {
    flags: &'b Flags,
    hotline: &'b Hotline,
    client: &'b reqwest::Client,
    kinds: &'b [Kind],
}

impl Bench<'_> {
    /// The pages, and what the process used for them.
    async fn pages(&self) -> anyhow::Result<Vec<Shown>> {
        let (pid, port) = (self.hotline.pid(), self.hotline.web_port);
        let cpu = machine::cpu(pid);
        let time = Duration::from_secs(self.flags.seconds);
        let shown = load::run(self.client, port, self.kinds, self.flags.rate, time).await?;
        let cpu = (machine::cpu(pid) - cpu).as_secs_f64();
        println!(
            "{} pages: {:.1} CPU ms each, {:.0} % of the core, {:.1} MB resident",
            shown.len(),
            cpu * 1000.0 / shown.len() as f64,
            cpu * 100.0 / time.as_secs_f64(),
            megabytes(self.hotline)
        );
        Ok(shown)
    }

    /// The same while calls are up, and what the callers got.
    async fn beside_calls(&self) -> anyhow::Result<Vec<Shown>> {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
        let lines = peer::lines(self.flags.calls)?;
        let ports: Vec<u16> = lines.iter().map(|line| line.port).collect();
        let peer = Peer::start(lines, PLAN);
        // All up within five seconds, and until the pages have come.
        let hold = Duration::from_secs(self.flags.seconds.max(60) + 15);
        let now = Load { calls: self.flags.calls, rate: (self.flags.calls / 5).max(1), hold };
        let mut sipp = Sipp::start(self.hotline.sip_port, &ports, now, folder.path())?;
        tokio::time::sleep(Duration::from_secs(6)).await;
        let up = told::metric(self.hotline, "kentongan_calls_up")?;
        let shown = self.pages().await?;
        while sipp.running()? {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let callers = peer.stop()?;
        let gaps = Spread::new(callers.iter().flat_map(|c| c.ear.gaps.iter().copied()).collect());
        println!(
            "beside them {up} calls: {} failed, {} without a code, {} packets lost, gaps {} ms",
            sipp.outcome()?.failed,
            callers.iter().filter(|caller| !caller.done()).count(),
            callers.iter().map(|caller| caller.ear.lost).sum::<u32>(),
            gaps.four()
        );
        Ok(shown)
    }

    async fn report(&self, alone: &[Shown], beside: &[Shown]) -> anyhow::Result<()> {
        let columns = [
            "page                         ",
            "asked",
            "not 200",
            "alone p50 / p99 / p99.9 / max ms",
            "beside calls p50 / p99 / p99.9 / max ms",
            "page kB",
            "with assets",
            "queries",
        ];
        figures::head(&columns);
        for (n, kind) in self.kinds.iter().enumerate() {
            let of = |shown: &&Shown| shown.kind == n;
            let all: Vec<&Shown> = alone.iter().chain(beside).filter(of).collect();
            let page = load::text(self.client, self.hotline.web_port, kind, 0).await?;
            let assets = load::assets(self.client, self.hotline.web_port, &page).await?;
            let heaviest = all.iter().map(|shown| shown.bytes).max().unwrap_or(0);
            figures::row(
                &columns,
                &[
                    format!("{:29}", kind.name),
                    all.len().to_string(),
                    all.iter().filter(|shown| shown.status != 200).count().to_string(),
                    waits(alone.iter().filter(of)),
                    waits(beside.iter().filter(of)),
                    format!("{:.1}", heaviest as f64 / 1000.0),
                    format!("{:.1}", (heaviest + assets) as f64 / 1000.0),
                    self.queries(kind).await?.to_string(),
                ],
            );
        }
        println!("\nall pages alone: {} ms; beside calls: {} ms", waits(alone), waits(beside));
        Ok(())
    }

    /// Queries of a page, the session's included: the least of a few, since others ask the database too.
    async fn queries(&self, kind: &Kind) -> anyhow::Result<u64> {
        let mut least = u64::MAX;
        for n in 0..3 {
            let before = told::metric(self.hotline, "kentongan_store_reads_total")?;
            load::text(self.client, self.hotline.web_port, kind, n).await?;
            let after = told::metric(self.hotline, "kentongan_store_reads_total")?;
            // Asking for the metrics is a query by itself.
            least = least.min((after - before) as u64 - 1);
        }
        Ok(least)
    }

    /// What open pages cost that only listen, while rows change under them for a while.
    async fn streams(&self) -> anyhow::Result<()> {
        let before = megabytes(self.hotline);
        let mut open = JoinSet::new();
        for n in 0..self.flags.streams {
            let mut stream = load::listen(self.hotline.web_port, n).await?;
            // The first event says that it is open.
            stream.chunk().await?.context("a stream without an event")?;
            open.spawn(async move { while let Ok(Some(_)) = stream.chunk().await {} });
        }
        let (cpu, opened) = (machine::cpu(self.hotline.pid()), megabytes(self.hotline));
        posts::paced(self.client, self.hotline.web_port, 5, 1_000_000..1_000_050).await;
        let cpu = (machine::cpu(self.hotline.pid()) - cpu).as_secs_f64();
        println!(
            "\n{} streams: {:.1} MB more when open, {:.1} MB after 10 s with 5 new tickets a second, {:.0} % of the core",
            self.flags.streams,
            opened - before,
            megabytes(self.hotline) - before,
            cpu * 10.0
        );
        Ok(())
    }

    /// What comes in beside so many rows: tickets by short message.
    async fn messages(&self) -> anyhow::Result<()> {
        let (pid, rate) = (self.hotline.pid(), self.flags.messages);
        if rate == 0 {
            return Ok(());
        }
        let messages = rate as usize * 10;
        let cpu = machine::cpu(pid);
        let (waits, failed) =
            posts::paced(self.client, self.hotline.web_port, rate, 0..messages).await;
        let cpu = (machine::cpu(pid) - cpu).as_secs_f64();
        println!(
            "{rate} messages a second for 10 s: {failed} not taken, wait {} ms, {:.3} CPU ms each",
            waits.four(),
            cpu * 1000.0 / messages as f64
        );
        Ok(())
    }
}

fn waits<'s>(shown: impl IntoIterator<Item = &'s Shown>) -> String {
    Spread::new(shown.into_iter().map(|shown| shown.wait.as_micros() as u32).collect()).four()
}
