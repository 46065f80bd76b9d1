use std::sync::Arc;
use std::time::Duration;

use rand::CryptoRng;
use tokio::sync::Notify;

use super::inbox::reference;
use crate::clock::Timestamp;
use crate::store::db::{Tx, on_read, on_tx};
use crate::store::writer::Durability;
use crate::store::{LINE, Store, StoreError, TEXT, sql, tidy, tidy_lines};
use crate::ticket::{TicketCode, TicketId};

/// Why a message is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum SmsKind {
    /// The answer to a message.
    Answer,
    /// The code of a ticket that was opened by telephone.
    Code,
    /// What the office has to say.
    Notice,
}

/// How far a message of ours has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum SmsState {
    /// Waits for its time, for its turn, or for the gateway.
    Queued,
    /// Is being handed to the gateway.
    Sending,
    /// The gateway has it.
    Accepted,
    /// The network has it.
    Sent,
    /// The telephone has it.
    Delivered,
    /// Will not be sent any more.
    Failed,
    /// Nobody knows whether the gateway took it: it is not sent again unless somebody says so.
    Unsure,
}

impl SmsState {
    /// What an operator calls it.
    pub fn word(self) -> &'static str {
        match self {
            SmsState::Queued => "menunggu",
            SmsState::Sending => "sedang dikirim",
            SmsState::Accepted => "diterima operator SMS",
            SmsState::Sent => "terkirim",
            SmsState::Delivered => "sampai",
            SmsState::Failed => "gagal",
            SmsState::Unsure => "tidak pasti",
        }
    }
}

/// A message to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOutgoing {
    pub gateway: String,
    /// E.164.
    pub number: String,
    pub body: String,
    /// What the network counts it as.
    pub parts: i64,
    pub kind: SmsKind,
    pub ticket: Option<TicketId>,
    /// Not before this.
    pub due: Timestamp,
}

/// A message that whoever holds it is to send now.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct LeasedSms {
    pub id: i64,
    /// Ours; letters and digits only.
    pub reference: String,
    pub number: String,
    pub body: String,
    /// Which attempt this is, from 1.
    pub attempts: i64,
    pub queued: Timestamp,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The gateway has it, under this name.
    Accepted {
        gateway_id: Option<String>,
    },
    /// The gateway has it not; try again then.
    Later {
        due: Timestamp,
        reason: String,
    },
    Failed {
        reason: String,
    },
    /// The gateway may have it.
    Unsure {
        reason: String,
    },
}

/// A message as a row.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Outgoing {
    pub id: i64,
    pub reference: String,
    pub gateway: String,
    pub number: String,
    pub body: String,
    pub parts: i64,
    pub kind: SmsKind,
    /// Of the ticket that it is about.
    pub code: Option<TicketCode>,
    pub state: SmsState,
    pub attempts: i64,
    pub queued: Timestamp,
    pub due: Timestamp,
    pub accepted: Option<Timestamp>,
    pub settled: Option<Timestamp>,
    pub last_error: Option<String>,
}

/// A ticket whose reporter called from a mobile telephone and is to have its code in writing.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct CodeToTell {
    pub id: TicketId,
    pub code: TicketCode,
    pub number: String,
    /// When the call ended.
    pub ended: Timestamp,
}

/// How the outbox stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct SmsCounts {
    pub queued: i64,
    pub sending: i64,
    /// Since when the oldest one waits.
    pub oldest: Option<Timestamp>,
    pub unsure: i64,
    pub failed: i64,
    /// Why one of those that wait could not be sent.
    pub trouble: Option<String>,
}

impl Store {
    /// Queues a message; `false` if it is the code of a ticket whose code is queued already.
    pub fn queue_sms<'s>(
        &'s self,
        outgoing: NewOutgoing,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send + use<'s> {
        let about = Arc::new((outgoing, reference(rng)));
        async move {
            let queued = self
                .db
                .write(Durability::PowerCut, move |tx| {
                    let about = Arc::clone(&about);
                    Box::pin(async move {
                        let (outgoing, reference) = &*about;
                        Ok::<_, StoreError>(queue(tx, outgoing, reference, None, now).await?)
                    })
                })
                .await?;
            self.sms_changed.notify_waiters();
            Ok(queued.is_some())
        }
    }

    /// Takes the next message that is due at a gateway. Safe from a power cut when this returns, so that nothing is
    /// sent twice because nobody remembers that it was sent.
    pub async fn lease_sms(
        &self,
        gateway: &str,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Option<LeasedSms>, StoreError> {
        let gateway: Arc<str> = gateway.into();
        self.db
            .write(Durability::PowerCut, move |tx| {
                let gateway = Arc::clone(&gateway);
                Box::pin(async move {
                    Ok(on_tx!(
                        tx,
                        conn,
                        sqlx::query_as(sql::LEASE_SMS)
                            .bind(&*gateway)
                            .bind(now)
                            .bind(now + lease)
                            .fetch_optional(conn)
                            .await?
                    ))
                })
            })
            .await
    }

    /// Sets down how an attempt ended. A delivery report that was quicker stands.
    pub async fn settle_sms(
        &self,
        sms: &LeasedSms,
        settled: Settled,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let about = Arc::new((sms.id, sms.attempts, settled));
        self.db
            .write(Durability::Process, move |tx| Box::pin(settle(tx, Arc::clone(&about), now)))
            .await
    }

    /// What becomes of messages whose sender was ended in the middle: they are [`SmsState::Queued`] again where the
    /// gateway tells a second attempt from a second message, [`SmsState::Unsure`] elsewhere. Tells how many.
    pub async fn end_sms_leases(
        &self,
        gateway: &str,
        becomes: SmsState,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let gateway: Arc<str> = gateway.into();
        self.db
            .write(Durability::Process, move |tx| {
                let gateway = Arc::clone(&gateway);
                Box::pin(async move {
                    Ok(on_tx!(
                        tx,
                        conn,
                        sqlx::query(sql::SMS_LEASES_OVER)
                            .bind(&*gateway)
                            .bind(now)
                            .bind(becomes)
                            .bind("the program was ended while it was being sent")
                            .execute(conn)
                            .await?
                            .rows_affected()
                    ))
                })
            })
            .await
    }

    /// Sets down what a gateway reports of a message, named by our reference or by the gateway's own name for it. What
    /// has come further already is left; whether anything was changed is told.
    pub async fn report_sms(
        &self,
        gateway: &str,
        reference: &str,
        state: SmsState,
        reason: Option<&str>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let about = Arc::new((
            gateway.to_owned(),
            tidy(reference, LINE),
            reason.map(|reason| tidy(reason, LINE)),
        ));
        self.db
            .write(Durability::Process, move |tx| {
                let about = Arc::clone(&about);
                Box::pin(async move {
                    let (gateway, reference, reason) = &*about;
                    Ok(on_tx!(
                        tx,
                        conn,
                        sqlx::query(sql::SMS_REPORTED)
                            .bind(gateway)
                            .bind(reference)
                            .bind(state)
                            .bind(reason)
                            .bind(now)
                            .execute(conn)
                            .await?
                            .rows_affected()
                            > 0
                    ))
                })
            })
            .await
    }

    /// When the next message at a gateway is due, if one waits.
    pub async fn next_sms_due(&self, gateway: &str) -> Result<Option<Timestamp>, StoreError> {
        Ok(on_read!(
            &self.db,
            pool,
            sqlx::query_scalar(sql::SMS_NEXT_DUE).bind(gateway).fetch_one(pool).await?
        ))
    }

    /// Tickets opened by telephone whose code was not sent yet and whose call ended after `since`, `limit` at most.
    pub async fn codes_to_tell(
        &self,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<CodeToTell>, StoreError> {
        Ok(on_read!(
            &self.db,
            pool,
            sqlx::query_as(sql::SMS_CODES_TO_TELL)
                .bind(since)
                .bind(i64::from(limit))
                .fetch_all(pool)
                .await?
        ))
    }

    /// Messages of ours, newest first; of one state only if it is given.
    pub async fn sms_list(
        &self,
        state: Option<SmsState>,
        limit: u32,
    ) -> Result<Vec<Outgoing>, StoreError> {
        Ok(on_read!(
            &self.db,
            pool,
            sqlx::query_as(sql::SMS_LIST)
                .bind(state)
                .bind(i64::from(limit))
                .fetch_all(pool)
                .await?
        ))
    }

    /// Messages of ours about a ticket, oldest first.
    pub async fn sms_of_ticket(&self, ticket: TicketId) -> Result<Vec<Outgoing>, StoreError> {
        Ok(on_read!(
            &self.db,
            pool,
            sqlx::query_as(sql::SMS_OF_TICKET).bind(ticket).fetch_all(pool).await?
        ))
    }

    /// Queues a message again that failed, waits or is unsure; `false` if it is none of these.
    pub async fn send_sms_again(&self, id: i64, now: Timestamp) -> Result<bool, StoreError> {
        let again = self
            .db
            .write(Durability::Process, move |tx| {
                Box::pin(async move {
                    let rows = on_tx!(
                        tx,
                        conn,
                        sqlx::query(sql::SMS_AGAIN).bind(id).bind(now).execute(conn).await?
                    );
                    Ok::<_, StoreError>(rows.rows_affected() > 0)
                })
            })
            .await?;
        self.sms_changed.notify_waiters();
        Ok(again)
    }

    /// How the outbox stands.
    pub async fn sms_counts(&self) -> Result<SmsCounts, StoreError> {
        Ok(on_read!(&self.db, pool, sqlx::query_as(sql::SMS_COUNTS).fetch_one(pool).await?))
    }

    /// Wakes everybody who waits when this process has queued a message. What another process queued is found by
    /// looking.
    pub fn sms_changed(&self) -> &Notify {
        &self.sms_changed
    }
}

/// The row's id; `None` if there is one already that says the same.
pub(super) async fn queue(
    tx: &mut Tx,
    sms: &NewOutgoing,
    reference: &str,
    answers: Option<i64>,
    now: Timestamp,
) -> Result<Option<i64>, sqlx::Error> {
    Ok(on_tx!(
        tx,
        conn,
        sqlx::query_scalar(sql::QUEUE_SMS)
            .bind(reference)
            .bind(&sms.gateway)
            .bind(&sms.number)
            .bind(tidy_lines(&sms.body, TEXT))
            .bind(sms.parts)
            .bind(sms.kind)
            .bind(answers)
            .bind(sms.ticket)
            .bind(now)
            .bind(sms.due)
            .fetch_optional(conn)
            .await?
    ))
}

/// Whether this number wants no more messages.
pub(super) async fn stopped(tx: &mut Tx, number: &str) -> Result<bool, sqlx::Error> {
    let stopped: i64 =
        on_tx!(tx, conn, sqlx::query_scalar(sql::SMS_STOPPED).bind(number).fetch_one(conn).await?);
    Ok(stopped > 0)
}

async fn settle(
    tx: &mut Tx,
    about: Arc<(i64, i64, Settled)>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (id, attempts, settled) = &*about;
    let query = |statement| sqlx::query(statement).bind(id).bind(attempts);
    let query = match settled {
        Settled::Accepted { gateway_id } => {
            let gateway_id = gateway_id.as_deref().map(|id| tidy(id, LINE));
            query(sql::SMS_ACCEPTED).bind(now).bind(gateway_id)
        }
        Settled::Later { due, reason } => query(sql::SMS_LATER).bind(due).bind(tidy(reason, LINE)),
        Settled::Failed { reason } => {
            query(sql::SMS_SETTLED).bind(now).bind(tidy(reason, LINE)).bind(SmsState::Failed)
        }
        Settled::Unsure { reason } => {
            query(sql::SMS_SETTLED).bind(now).bind(tidy(reason, LINE)).bind(SmsState::Unsure)
        }
    };
    on_tx!(tx, conn, query.execute(conn).await?);
    Ok(())
}
