//! What was said by SIP, for the call's row.

use std::time::Duration;

use super::line::CallClock;
use crate::sip::trace::{Direction, Trace, Traced};
use crate::store::{CallTrace, TracedMessage};

/// How long a call waits with its end for the answer to its BYE, which a peer that is gone never gives.
const LAST_ANSWER: Duration = Duration::from_millis(500);

/// The messages of a call that is over, with those that are just on their way.
pub(super) async fn of(trace: Option<Trace>, clock: CallClock) -> CallTrace {
    let Some(trace) = trace else { return CallTrace::default() };
    let _ = tokio::time::timeout(LAST_ANSWER, trace.over()).await;
    let record = trace.take();
    let message = |traced: Traced| TracedMessage {
        at: clock.at(traced.at),
        from_caller: traced.direction == Direction::Received,
        peer: traced.wire.peer.to_string(),
        transport: traced.wire.transport.into(),
        // `take` has made text of it.
        text: String::from_utf8_lossy(&traced.bytes).into_owned(),
    };
    let messages = record.messages.into_iter().map(message).collect();
    CallTrace { messages, left_out: record.left_out }
}
