//! What a visitor tells at the counter: the report, its PIN, the form's mark and the audit's row, all or none.

use std::future::Future;
use std::sync::Arc;

use rand::CryptoRng;

use super::audit::{self, Deed, Doer};
use super::db::{Tx, on_tx};
use super::sql::staff as sql;
use super::tickets::{self, DRAWS, OpenRequest};
use super::work::claim_form;
use super::writer::Durability;
use super::{LINE, OpenError, Store, pins, tidy};
use crate::clock::Timestamp;
use crate::ticket::{Intake, TicketCode};

/// A report that somebody brings in person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalkIn {
    pub intake: Intake,
    /// What its reporter locks it with.
    pub pin: Option<String>,
    /// The form that it was typed into; the same one twice is one report.
    pub nonce: String,
}

impl Store {
    /// [`Store::open_ticket`] for whoever sits at the counter. Gives the report that the form opened, now or before.
    pub fn open_at_counter<'s>(
        &'s self,
        walk_in: WalkIn,
        doer: Doer,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> impl Future<Output = Result<TicketCode, OpenError>> + Send + use<'s> {
        let WalkIn { intake, pin, nonce } = walk_in;
        let codes = (0..DRAWS).map(|_| TicketCode::generate(rng)).collect();
        let by = doer.login.clone();
        let open = OpenRequest { intake, now, codes, zone: self.zone.clone(), by };
        async move {
            let pin_hash = match pin {
                // A report that cannot be locked is not opened: its reporter was told that it is.
                Some(pin) => Some(pins::hash(pin).await.ok_or(OpenError::NoLock)?),
                None => None,
            };
            let request = Arc::new((open, pin_hash, tidy(&nonce, LINE), doer));
            self.db
                .write(Durability::PowerCut, move |tx| {
                    let request = Arc::clone(&request);
                    Box::pin(async move {
                        let (open, pin_hash, nonce, doer) = &*request;
                        open_once(tx, open, pin_hash.as_deref(), nonce, doer).await
                    })
                })
                .await
        }
    }
}

async fn open_once(
    tx: &mut Tx,
    request: &OpenRequest,
    pin_hash: Option<&str>,
    nonce: &str,
    doer: &Doer,
) -> Result<TicketCode, OpenError> {
    let before: Option<TicketCode> = on_tx!(
        tx,
        conn,
        sqlx::query_scalar(sql::FORM_OUTCOME).bind(nonce).fetch_optional(conn).await?
    );
    if let Some(code) = before {
        return Ok(code);
    }
    let ticket = tickets::open(tx, request).await?;
    tickets::lock(tx, ticket.id, pin_hash).await?;
    claim_form(tx, nonce, ticket.code.digits(), request.now).await?;
    let deed = Deed::new("open", format!("ticket {}", ticket.code.digits()));
    audit::append(tx, doer, deed, request.now).await?;
    Ok(ticket.code)
}
