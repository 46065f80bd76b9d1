//! A hotline in this process, a phone that rings it on loopback, and the rows that are left.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use kentongan::clock::{Clock, SystemClock, Timestamp};
use kentongan::config::Config;
use kentongan::media::Clip;
use kentongan::phone::Phone;
use kentongan::phone::ear::Repertoire;
use kentongan::server::{Server, voice};
use kentongan::store::CallRow;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};

/// How long a row may take to be written.
const ROW: Duration = Duration::from_secs(15);

/// What every ear knows: made once for all tests.
pub static PROMPTS: LazyLock<Repertoire> = LazyLock::new(|| {
    let config = paths(Config::default());
    Repertoire::new(voice::load(&config).expect("the shipped voice").prompts)
});

/// A hotline on ports that the kernel chose, in a folder that goes away.
pub struct Loopback {
    pub server: Server,
    pub rows: SqlitePool,
    pub folder: tempfile::TempDir,
}

/// A clock that is some time ahead of the machine's.
struct Ahead(i64);

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        Timestamp(SystemClock.now().0 + self.0)
    }
}

/// A ticket as its row tells.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct TicketRow {
    pub id: i64,
    pub code: String,
    pub class: String,
    pub number: Option<String>,
    pub asserted: bool,
    pub anonymous: bool,
    pub confidential: bool,
}

impl Loopback {
    /// Starts one at the present time. `change` makes it another than the usual one.
    pub async fn start(change: impl FnOnce(&mut Config)) -> Loopback {
        Loopback::start_at(SystemClock.now(), change).await
    }

    /// Starts one whose clock says `at` now.
    pub async fn start_at(at: Timestamp, change: impl FnOnce(&mut Config)) -> Loopback {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let mut config = paths(Config { data: folder.path().join("data"), ..Config::default() });
        config.sip.listen = ([127, 0, 0, 1], 0).into();
        config.http.listen = ([127, 0, 0, 1], 0).into();
        config.web.listen = ([127, 0, 0, 1], 0).into();
        config.web.tls.enabled = false;
        config.media.bind = [127, 0, 0, 1].into();
        config.media.ports = 0..=0;
        config.calls.drain = 0;
        std::fs::create_dir(&config.data).unwrap();
        change(&mut config);
        let clock = Arc::new(Ahead(at.0 - SystemClock.now().0));
        let database = config.store().path;
        let server = Server::start_by(clock, config).await.expect("the hotline starts");
        let options = SqliteConnectOptions::new().filename(database);
        let rows = SqlitePool::connect_with(options).await.unwrap();
        Loopback { server, rows, folder }
    }

    pub fn uri(&self) -> String {
        format!("sip:112@{}", self.server.sip_address())
    }

    /// Where a row's file lies.
    pub fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join("data").join(file)
    }

    /// The latest call from this number.
    pub async fn call_from(&self, number: &str) -> CallRow {
        until("the call's row", async || {
            let calls = self.server.hotline().store.calls_recent(100).await.unwrap();
            calls.into_iter().find(|call| call.number.as_deref() == Some(number))
        })
        .await
    }

    /// The same once it is closed.
    pub async fn ended_call_from(&self, number: &str) -> CallRow {
        until("the call's end", async || {
            Some(self.call_from(number).await).filter(|call| call.ended.is_some())
        })
        .await
    }

    /// The tickets that were opened in a call, the first first.
    pub async fn tickets_of(&self, call: &CallRow) -> Vec<TicketRow> {
        sqlx::query_as(
            "SELECT id, code, class, number, asserted, anonymous, confidential FROM ticket
             WHERE call = $1 ORDER BY id",
        )
        .bind(call.id)
        .fetch_all(&self.rows)
        .await
        .unwrap()
    }

    /// Slots of the recordings that belong to a ticket.
    pub async fn slots_of(&self, ticket: &TicketRow) -> Vec<String> {
        sqlx::query_scalar(
            "SELECT slot FROM recording JOIN ticket_recording ON recording = recording.id
             WHERE ticket = $1 ORDER BY recording.id",
        )
        .bind(ticket.id)
        .fetch_all(&self.rows)
        .await
        .unwrap()
    }

    /// The key path: steps and what happened in them.
    pub async fn path_of(&self, call: &CallRow) -> Vec<(String, String)> {
        let steps = self.server.hotline().store.steps(call.id).await.unwrap();
        steps.into_iter().map(|step| (step.step, step.what)).collect()
    }

    pub async fn execute(&self, statement: &str) {
        let statement = sqlx::AssertSqlSafe(statement.to_owned());
        sqlx::raw_sql(statement).execute(&self.rows).await.unwrap();
    }
}

/// Waits for a row: another task writes it, and tells nobody.
pub async fn until<T>(what: &str, look: impl AsyncFn() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let found = tokio::time::timeout(ROW, looking).await;
    found.unwrap_or_else(|_| panic!("{what} did not come"))
}

pub async fn phone(number: &str) -> Phone {
    Phone::new([127, 0, 0, 1].into(), number).await.unwrap()
}

/// Something like speech: syllables of many lengths and levels, pauses between words. The same for the same `seed`, and
/// a shorter one is the beginning of a longer one.
pub fn voice(seed: u64, length: Duration) -> Arc<Clip> {
    let wanted = (length.as_secs_f32() * 8000.0) as usize;
    let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut chance = move || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 40) as f32 / (1u64 << 24) as f32
    };
    let mut samples: Vec<i16> = Vec::with_capacity(wanted);
    while samples.len() < wanted {
        let length = (800.0 + 1600.0 * chance()) as usize;
        let (level, pitch, brightness) =
            (2000.0 + 5000.0 * chance(), 100.0 + 80.0 * chance(), 0.7 + 0.25 * chance());
        samples.extend((0..length).map(|n| {
            let swell = (std::f32::consts::PI * n as f32 / length as f32).sin();
            let buzz: f32 = (2..16)
                .map(|k| {
                    brightness.powi(k)
                        * (std::f32::consts::TAU * pitch * k as f32 * n as f32 / 8000.0).sin()
                })
                .sum();
            (level * swell * buzz) as i16
        }));
        let pause = if chance() < 0.3 { 900.0 + 1200.0 * chance() } else { 160.0 };
        samples.extend(std::iter::repeat_n(0, pause as usize));
    }
    samples.truncate(wanted);
    Arc::new(Clip::from_samples(&samples))
}

fn paths(mut config: Config) -> Config {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    config.ivr.script = home.join("ivr-scripts/hotline.toml");
    config.prompts.folder = home.join("prompts/id");
    config
}
