//! Responses and the header fields that ours carry.

use rsipstack::dialog::dialog::TransactionHandle;
use rsipstack::sip::prelude::ToTypedHeader;
use rsipstack::sip::{Header, HeadersExt, Param, StatusCode};
use rsipstack::transaction::transaction::Transaction;
use tracing::debug;

use crate::sip::Refusal;
use crate::sip::policy::{ALLOW, SUPPORTED};

pub(super) fn allow() -> Header {
    Header::Allow(ALLOW.into())
}

pub(super) fn accept() -> Header {
    Header::Accept("application/sdp".into())
}

/// What we can do, for 200 to INVITE, UPDATE and OPTIONS (RFC 3261 section 11.2).
pub(super) fn capabilities() -> Vec<Header> {
    vec![allow(), accept(), Header::Supported(SUPPORTED.into())]
}

pub(super) fn retry_after(seconds: u32) -> Header {
    Header::RetryAfter(seconds.to_string().into())
}

/// RFC 3326; 16 is normal call clearing.
pub(super) fn reason(text: &str) -> Header {
    Header::Reason(format!("Q.850;cause=16;text=\"{}\"", quotable(text)).into())
}

pub(super) fn refusal_headers(refusal: &Refusal) -> Vec<Header> {
    let mut headers = Vec::new();
    if !refusal.reason.is_empty() {
        // 399: miscellaneous warning, for people to read (RFC 3261 section 20.43).
        headers.push(Header::Warning(
            format!("399 kentongan \"{}\"", quotable(&refusal.reason)).into(),
        ));
    }
    headers.extend(refusal.retry_after.map(retry_after));
    if refusal.status == 488 {
        headers.push(accept());
    }
    headers
}

/// Our text as it may stand between the quotes of a header field.
fn quotable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() && !matches!(c, '"' | '\\')).collect()
}

/// A header field under a name that rsipstack may or may not know.
pub(super) fn named(name: &str, value: String) -> Header {
    rsipstack::sip::headers::make_header(name, value)
}

/// A final status that refuses; 500 for what is none.
pub(super) fn final_status(status: u16) -> StatusCode {
    StatusCode::from(if (300..700).contains(&status) { status } else { 500 })
}

/// Answers a transaction in a task of its own: a stuck TCP peer must not hold up the caller.
pub(super) fn spawn(mut transaction: Box<Transaction>, status: u16, headers: Vec<Header>) {
    tokio::spawn(async move {
        if let Err(error) = transaction.reply_with(StatusCode::from(status), headers, None).await {
            debug!(%error, status, "response not sent");
        }
    });
}

/// Answers a request that rsipstack's dialog holds.
pub(super) async fn through(
    handle: &TransactionHandle,
    status: u16,
    headers: Vec<Header>,
    sdp: Option<String>,
) {
    let body = sdp.map(String::into_bytes);
    if handle.respond(StatusCode::from(status), Some(headers), body).await.is_err() {
        debug!(status, "the transaction was gone before its answer");
    }
}

/// Puts our tag into To, unless it has one.
pub(super) fn set_to_tag(message: &mut impl HeadersExt, tag: &str) {
    let Ok(header) = message.to_header_mut() else { return };
    let Ok(mut to) = header.typed() else { return };
    if !to.params.iter().any(|param| matches!(param, Param::Tag(_))) {
        to.params.push(Param::Tag(tag.to_owned().into()));
        *header = to.into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_cannot_break_out_of_its_header_field() {
        let refusal = Refusal::new(488, "no \"PCMA\"\r\nX-Evil: 1");
        let headers = refusal_headers(&refusal);
        assert_eq!(headers[0].to_string(), "Warning: 399 kentongan \"no PCMAX-Evil: 1\"");
    }

    #[test]
    fn only_final_refusals_leave_as_refusals() {
        assert_eq!(final_status(486).code(), 486);
        assert_eq!(final_status(200).code(), 500);
        assert_eq!(final_status(0).code(), 500);
    }
}
