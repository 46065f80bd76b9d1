//! How fast rows are written: `KENTONGAN_BENCH=1 cargo test --lib store::tests::bench -- --nocapture`.

use std::time::Instant;

use super::*;

/// Tasks at once.
const TASKS: usize = 200;

#[test]
#[expect(clippy::disallowed_methods, reason = "a stopwatch")]
fn calls_and_tickets_a_second() {
    if std::env::var_os("KENTONGAN_BENCH").is_none() {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        // Beside the target folder: /tmp may be memory, where a trip to the disk costs nothing.
        let dir = tempfile::tempdir_in(std::env::current_exe().unwrap().parent().unwrap()).unwrap();
        let store = Store::open(&Config::at(dir.path().join("bench.db"))).await.unwrap();

        let (wall, cpu) = (Instant::now(), cpu_seconds());
        each_of(TASKS, 100, &store, |store: Store, _| async move {
            let call = store.begin_call(new_call()).await.unwrap();
            store.answer_call(call, "PCMA", after(1)).await.unwrap();
            store.end_call(call, call_end(after(30))).await.unwrap();
        })
        .await;
        report("begin, answer, end (2 steps)", TASKS * 100, wall, cpu);

        let (wall, cpu) = (Instant::now(), cpu_seconds());
        each_of(TASKS, 20, &store, |store: Store, n| async move {
            let (call, recording) = call_with_story(&store).await;
            let mut rng = StdRng::seed_from_u64(n);
            store.open_ticket(intake(call, &[recording]), NOW, &mut rng).await.unwrap();
        })
        .await;
        report("begin, record, open", TASKS * 20, wall, cpu);

        let (wall, cpu) = (Instant::now(), cpu_seconds());
        each_of(1, 300, &store, |store: Store, _| async move {
            store.begin_call(new_call()).await.unwrap();
        })
        .await;
        report("begin, one after the other", 300, wall, cpu);

        let mut stories = Vec::new();
        for _ in 0..300 {
            stories.push(call_with_story(&store).await);
        }
        let (wall, cpu) = (Instant::now(), cpu_seconds());
        let mut rng = StdRng::seed_from_u64(1 << 40);
        for (call, recording) in stories {
            store.open_ticket(intake(call, &[recording]), NOW, &mut rng).await.unwrap();
        }
        report("open, one after the other", 300, wall, cpu);

        let (wall, cpu) = (Instant::now(), cpu_seconds());
        each_of(TASKS, 20, &store, |store: Store, _| async move {
            store.look_up("48217362", asker(None), NOW).await.unwrap();
        })
        .await;
        report("look up", TASKS * 20, wall, cpu);
    });
}

async fn each_of<F, W>(tasks: usize, times: u64, store: &Store, work: F)
where
    F: Fn(Store, u64) -> W + Copy + Send + 'static,
    W: Future<Output = ()> + Send,
{
    let mut running = tokio::task::JoinSet::new();
    for task in 0..tasks as u64 {
        let store = store.clone();
        running.spawn(async move {
            for time in 0..times {
                work(store.clone(), task * times + time).await;
            }
        });
    }
    running.join_all().await;
}

#[expect(clippy::disallowed_methods, reason = "a stopwatch")]
fn report(what: &str, n: usize, since: Instant, cpu_before: f64) {
    let wall = Instant::now().duration_since(since).as_secs_f64();
    let cpu = cpu_seconds() - cpu_before;
    let n = n as f64;
    println!(
        "{what}: {:.0}/s, {:.3} ms each in turn, {:.3} ms CPU each",
        n / wall,
        wall * 1000.0 / n,
        cpu * 1000.0 / n
    );
}

/// CPU time of this process.
fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// A week of 20,000 calls: what counting costs each call, and what the page asks for. It reads no key path, so that older
/// calls do not matter.
#[test]
#[expect(clippy::disallowed_methods, reason = "a stopwatch")]
fn a_weeks_ways() {
    if std::env::var_os("KENTONGAN_BENCH").is_none() {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let dir = tempfile::tempdir_in(std::env::current_exe().unwrap().parent().unwrap()).unwrap();
        let store = Store::open(&Config::at(dir.path().join("bench.db"))).await.unwrap();
        let (wall, cpu) = (Instant::now(), cpu_seconds());
        each_of(TASKS, 100, &store, |store: Store, n| async move {
            let call = store.begin_call(new_call()).await.unwrap();
            let at = after(n * 7 * 24 * 3_600 / 20_000);
            store
                .end_call(call, CallEnd { steps: long_path(n, at), ..call_end(at) })
                .await
                .unwrap();
        })
        .await;
        report("begin, end (20 steps, counted)", TASKS * 100, wall, cpu);

        let last = after(7 * 24 * 3_600);
        let (wall, cpu) = (Instant::now(), cpu_seconds());
        let week_ago = Timestamp(last.0 - 7 * 24 * 3_600_000);
        let mut ways = 0;
        for _ in 0..100 {
            ways = store.ways_since(week_ago).await.unwrap().1.len();
        }
        report("the ways of a week", 100, wall, cpu);
        println!("{ways} ways");
    });
}

/// Ten steps of a menu of sixty, with their keys.
fn long_path(n: u64, at: Timestamp) -> Vec<Step> {
    let step =
        |step: u64, what: &str| Step { at, step: format!("langkah_{step}"), what: what.into() };
    (0..10)
        .flat_map(|depth| {
            let here = (n * 7 + depth * depth * 3) % 60;
            [step(here, "enter"), step(here, &format!("key {}", (n + depth) % 4))]
        })
        .collect()
}
