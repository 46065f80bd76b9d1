//! The kinds of pages that are asked for, each with addresses enough that no cache answers them all.

use kentongan::clock::{Clock, SystemClock};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use sha2::{Digest as _, Sha256};
use sqlx::SqliteConnection;

use super::texts;

/// Pages of one kind.
pub struct Kind {
    pub name: &'static str,
    /// Whose session: a login, which is the token too.
    pub who: &'static str,
    paths: Vec<String>,
}

impl Kind {
    /// The `n`-th address of it, round and round.
    pub fn path(&self, n: usize) -> &str {
        &self.paths[n % self.paths.len()]
    }
}

const OPERATOR: &str = "petugas7";
const OFFICER: &str = "opd-dpupr";
const SUPERVISOR: &str = "penyelia";
const AUDITOR: &str = "auditor";
/// Addresses of a kind.
const EACH: usize = 120;

/// Signs everybody in. Their tokens are no secrets.
pub async fn sign_in(rows: &mut SqliteConnection) -> anyhow::Result<()> {
    let now = SystemClock.now().0;
    sqlx::query("DELETE FROM session").execute(&mut *rows).await?;
    let people: Vec<String> =
        sqlx::query_scalar("SELECT login FROM staff").fetch_all(&mut *rows).await?;
    for login in people {
        let hash: String =
            Sha256::digest(login.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        sqlx::query(
            "INSERT INTO session (token, staff, started, seen, ends, address)
             SELECT $1, id, $2, $2, $2 + 40000000, '127.0.0.1' FROM staff WHERE login = $3",
        )
        .bind(hash)
        .bind(now)
        .bind(login)
        .execute(&mut *rows)
        .await?;
    }
    Ok(())
}

/// The kinds, with what is in this database.
pub async fn kinds(rows: &mut SqliteConnection) -> anyhow::Result<Vec<Kind>> {
    let mut rng = StdRng::seed_from_u64(7);
    let tickets: i64 =
        sqlx::query_scalar("SELECT MAX(id) FROM ticket").fetch_one(&mut *rows).await?;
    let audit: i64 = sqlx::query_scalar("SELECT MAX(id) FROM audit").fetch_one(&mut *rows).await?;
    let any = sample(
        rows,
        &mut rng,
        tickets,
        "SELECT code, number, opened, id FROM ticket WHERE id >= $1 LIMIT 1",
    )
    .await?;
    let spoken = sample(
        rows,
        &mut rng,
        tickets,
        "SELECT code, number, opened, id FROM ticket WHERE id >= $1 AND call IS NOT NULL LIMIT 1",
    )
    .await?;
    let theirs = sample(
        rows,
        &mut rng,
        tickets,
        "SELECT code, number, opened, id FROM ticket WHERE id >= $1 AND agency = 'dpupr' LIMIT 1",
    )
    .await?;
    let place = |ticket: &Sampled| format!("{}-{}", ticket.2, ticket.3);
    let mut name = || texts::name(&mut rng).to_lowercase();
    let names: Vec<String> = (0..EACH).map(|_| name()).collect();
    let each = |of: &[Sampled], path: &dyn Fn(&Sampled) -> String| of.iter().map(path).collect();
    let words = |path: &dyn Fn(&str) -> String| -> Vec<String> {
        texts::COMMON.iter().map(|word| path(word)).collect()
    };
    let queues = |rest: &str| -> Vec<String> { vec![format!("/kotak-masuk?antrean={rest}")] };
    let page20 = twentieth(rows).await?;
    let kind = |name, who, paths: Vec<String>| Kind { name, who, paths };
    Ok(vec![
        kind("inbox: new", OPERATOR, queues("baru")),
        kind("inbox: new, page 20", OPERATOR, queues(&format!("baru&setelah={page20}"))),
        kind("inbox: mine", OPERATOR, queues("saya")),
        kind("inbox: with agencies", OPERATOR, queues("opd")),
        kind("inbox: all, newest", OPERATOR, queues("semua&urut=terbaru")),
        kind(
            "inbox: all, anywhere",
            SUPERVISOR,
            each(&any, &|t| {
                format!("/kotak-masuk?antrean=semua&urut=terbaru&setelah={}", place(t))
            }),
        ),
        kind("inbox: officer", OFFICER, queues("opd")),
        kind(
            "inbox: officer, all, anywhere",
            OFFICER,
            each(&any, &|t| format!("/kotak-masuk?antrean=semua&setelah={}", place(t))),
        ),
        kind(
            "filter: class",
            SUPERVISOR,
            each(&any, &|t| {
                format!("/kotak-masuk?antrean=semua&jenis=emergency&setelah={}", place(t))
            }),
        ),
        kind(
            "filter: status",
            SUPERVISOR,
            each(&any, &|t| {
                format!(
                    "/kotak-masuk?antrean=semua&status=digabung&urut=terbaru&setelah={}",
                    place(t)
                )
            }),
        ),
        kind(
            "filter: four at once",
            SUPERVISOR,
            each(&any, &|t| {
                format!(
                    "/kotak-masuk?antrean=semua&status=ditolak&jenis=content_report&saluran=loket&opd=dishub&setelah={}",
                    place(t)
                )
            }),
        ),
        kind(
            "filter: nothing fits",
            SUPERVISOR,
            queues("opd&jenis=emergency&saluran=loket&opd=pln&status=didisposisi"),
        ),
        kind("search: common word", OPERATOR, words(&|word| format!("/kotak-masuk?cari={word}+"))),
        kind("search: being typed", OPERATOR, words(&|word| format!("/kotak-masuk?cari={word}"))),
        kind(
            "search: beginning",
            OPERATOR,
            names.iter().map(|n| format!("/kotak-masuk?cari={}", &n[..4])).collect(),
        ),
        kind(
            "search: two letters",
            OPERATOR,
            names.iter().map(|n| format!("/kotak-masuk?cari={}", &n[..2])).collect(),
        ),
        kind(
            "search: two words",
            OPERATOR,
            words(&|word| format!("/kotak-masuk?cari={word}+banjir+")),
        ),
        kind(
            "search: phrase",
            OPERATOR,
            words(&|word| format!("/kotak-masuk?cari=%22jalan+{word}%22")),
        ),
        kind(
            "search: phrase of nobody",
            OPERATOR,
            words(&|word| format!("/kotak-masuk?cari=%22{word}+jalan%22")),
        ),
        kind(
            "search: name",
            OPERATOR,
            names.iter().map(|n| format!("/kotak-masuk?cari={n}+")).collect(),
        ),
        kind(
            "search: common and rare",
            OPERATOR,
            names.iter().map(|n| format!("/kotak-masuk?cari=jalan+{n}")).collect(),
        ),
        kind(
            "search: other forms",
            OPERATOR,
            vec!["/kotak-masuk?cari=perbaikan+".into(), "/kotak-masuk?cari=kerusakan+".into()],
        ),
        kind("search: code", OPERATOR, each(&any, &|t| format!("/kotak-masuk?cari={}", t.0))),
        kind(
            "search: number",
            OPERATOR,
            each(&any, &|t| format!("/kotak-masuk?cari={}", t.1.replace('+', "0"))),
        ),
        kind(
            "search: officer, common",
            OFFICER,
            words(&|word| format!("/kotak-masuk?cari={word}+")),
        ),
        kind(
            "search: officer, name",
            OFFICER,
            names.iter().map(|n| format!("/kotak-masuk?cari={n}+")).collect(),
        ),
        kind("ticket", OPERATOR, each(&any, &|t| format!("/tiket/{}?dari=baru", t.0))),
        kind("ticket, spoken", OPERATOR, each(&spoken, &|t| format!("/tiket/{}", t.0))),
        kind("ticket, officer", OFFICER, each(&theirs, &|t| format!("/tiket/{}", t.0))),
        kind("part: counts", OPERATOR, vec!["/hitungan".into()]),
        kind("part: inbox's counts", OPERATOR, vec!["/kotak-masuk/hitungan?antrean=baru".into()]),
        kind("part: calls going on", SUPERVISOR, vec!["/panggilan/berlangsung".into()]),
        kind("calls", SUPERVISOR, vec!["/panggilan".into()]),
        kind("calls, anywhere", AUDITOR, each(&any, &|t| format!("/panggilan?sebelum={}", t.3))),
        kind("call", SUPERVISOR, each(&spoken, &|t| format!("/panggilan/{}", t.3))),
        kind("wall", SUPERVISOR, vec!["/beranda".into()]),
        kind("audit", AUDITOR, vec!["/audit".into()]),
        kind(
            "audit, anywhere",
            AUDITOR,
            each(&any, &|t| format!("/audit?sebelum={}", t.3 % audit + 1)),
        ),
        kind("staff", "admin", vec!["/petugas".into()]),
    ])
}

/// Code, number, time and row of a ticket.
type Sampled = (String, String, i64, i64);

async fn sample(
    rows: &mut SqliteConnection,
    rng: &mut StdRng,
    most: i64,
    statement: &'static str,
) -> anyhow::Result<Vec<Sampled>> {
    let mut found = Vec::with_capacity(EACH);
    while found.len() < EACH {
        let from = rng.random_range(1..=most);
        found.extend(
            sqlx::query_as::<_, Sampled>(statement).bind(from).fetch_optional(&mut *rows).await?,
        );
    }
    Ok(found)
}

/// Behind which row the twentieth page of the new ones begins.
async fn twentieth(rows: &mut SqliteConnection) -> anyhow::Result<String> {
    let (opened, id): (i64, i64) = sqlx::query_as(
        "SELECT opened, id FROM ticket WHERE status IN ('diterima', 'verifikasi', 'dikembalikan', 'dibuka_kembali')
         ORDER BY opened, id LIMIT 1 OFFSET (SELECT MIN(949, COUNT(*) / 2) FROM ticket
            WHERE status IN ('diterima', 'verifikasi', 'dikembalikan', 'dibuka_kembali'))",
    )
    .fetch_one(rows)
    .await?;
    Ok(format!("{opened}-{id}"))
}
