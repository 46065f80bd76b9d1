//! What a hotline that has ended left in its database.

use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};

use crate::hotline::Hotline;

/// A row of `call` with its key path.
#[derive(Debug)]
pub struct Call {
    pub end_reason: String,
    pub ended_by: String,
    pub packets_sent: i64,
    pub packets_lost: i64,
    /// Step and what happened in it.
    pub path: Vec<(String, String)>,
}

impl Call {
    pub fn did(&self, step: &str, what: &str) -> bool {
        self.path.iter().any(|(s, w)| s == step && w == what)
    }

    pub fn entered(&self, step: &str) -> bool {
        self.did(step, "enter")
    }
}

/// A ticket's recording: where its file is, under the data folder.
pub struct Recording {
    pub slot: String,
    pub file: String,
    pub duration_ms: i64,
}

/// All calls, the first first.
pub async fn calls(hotline: &Hotline) -> Vec<Call> {
    let pool = open(hotline).await;
    type Row = (i64, Option<String>, Option<String>, i64, i64);
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT id, end_reason, ended_by, packets_sent, packets_lost FROM call ORDER BY id",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    let mut calls = Vec::new();
    for (id, end_reason, ended_by, packets_sent, packets_lost) in rows {
        let path = sqlx::query_as("SELECT step, what FROM call_step WHERE call = $1 ORDER BY id")
            .bind(id)
            .fetch_all(&pool)
            .await
            .unwrap();
        let (end_reason, ended_by) = (end_reason.unwrap_or_default(), ended_by.unwrap_or_default());
        calls.push(Call { end_reason, ended_by, packets_sent, packets_lost, path });
    }
    calls
}

/// Every ticket's code, the first first.
pub async fn codes(hotline: &Hotline) -> Vec<String> {
    let codes: Vec<(String,)> = sqlx::query_as("SELECT code FROM ticket ORDER BY id")
        .fetch_all(&open(hotline).await)
        .await
        .unwrap();
    codes.into_iter().map(|(code,)| code).collect()
}

/// What was recorded for tickets.
pub async fn recordings(hotline: &Hotline) -> Vec<Recording> {
    let rows: Vec<(String, String, i64)> = sqlx::query_as(
        "SELECT slot, file, duration_ms FROM recording JOIN ticket_recording ON recording = recording.id",
    )
    .fetch_all(&open(hotline).await)
    .await
    .unwrap();
    rows.into_iter()
        .map(|(slot, file, duration_ms)| Recording { slot, file, duration_ms })
        .collect()
}

/// A message that came.
#[derive(Debug)]
pub struct SmsIn {
    pub external_id: String,
    pub body: String,
    /// In milliseconds, by the gateway's clock.
    pub sent: Option<i64>,
}

/// A message that goes.
#[derive(Debug)]
pub struct SmsOut {
    pub number: String,
    pub state: String,
    /// The row of the message that it answers.
    pub answers: Option<i64>,
}

/// What was written about tickets: code, who reports, text; the first first.
pub async fn reports(hotline: &Hotline) -> Vec<(String, String, String)> {
    let reports = "SELECT code, number, body FROM ticket JOIN message ON message.ticket = ticket.id
        WHERE message.kind = 'report' ORDER BY ticket.id";
    sqlx::query_as(reports).fetch_all(&open(hotline).await).await.unwrap()
}

/// All messages that came, the first first.
pub async fn sms_in(hotline: &Hotline) -> Vec<SmsIn> {
    type Row = (String, String, Option<i64>);
    let rows: Vec<Row> = sqlx::query_as("SELECT external_id, body, sent FROM sms_in ORDER BY id")
        .fetch_all(&open(hotline).await)
        .await
        .unwrap();
    rows.into_iter().map(|(external_id, body, sent)| SmsIn { external_id, body, sent }).collect()
}

/// All messages that go or went, the first first.
pub async fn sms_out(hotline: &Hotline) -> Vec<SmsOut> {
    type Row = (String, String, Option<i64>);
    let rows: Vec<Row> = sqlx::query_as("SELECT number, state, answers FROM sms_out ORDER BY id")
        .fetch_all(&open(hotline).await)
        .await
        .unwrap();
    rows.into_iter().map(|(number, state, answers)| SmsOut { number, state, answers }).collect()
}

async fn open(hotline: &Hotline) -> SqlitePool {
    let options = SqliteConnectOptions::new().filename(hotline.database());
    SqlitePool::connect_with(options).await.expect("the hotline left a database")
}
