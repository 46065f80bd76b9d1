//! What the console can show of a call while it lasts.

use crate::loopback::{Loopback, phone, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_tells_where_the_caller_is_while_it_lasts() {
    let hotline = Loopback::start(|_| {}).await;
    let store = hotline.server.hotline().store.clone();
    assert_eq!(store.calls_going_on(9).await.unwrap(), []);
    let before = store.marks().await.unwrap();
    let caller = phone("+6281234567890").await;
    let call = caller.dial(&hotline.uri(), None, None).await.unwrap();
    let going_on = until("the first step", async || {
        let calls = store.calls_going_on(9).await.unwrap();
        calls.into_iter().find(|call| !call.step.is_empty())
    })
    .await;
    let during = store.marks().await.unwrap();
    assert_eq!((during.calls_open, during.steps > before.steps), (1, true));
    let row = hotline.call_from("+6281234567890").await;
    assert_eq!((going_on.id, row.ended), (row.id, None));
    call.hang_up().await;
    let row = hotline.ended_call_from("+6281234567890").await;
    assert_eq!(store.calls_going_on(9).await.unwrap(), []);
    let path = hotline.path_of(&row).await;
    assert_eq!(path[0].1, "enter", "{path:?}");
    let mut once = path.clone();
    once.dedup();
    assert_eq!(once, path, "what was written while it lasted is not written again at its end");
}
