//! Queue functions: at least once, poison after too many failures.

use std::time::Duration;

use chrono::{TimeDelta, Utc};

use crate::handle::Handle;
use crate::invocation::{Invocation, new_id};
use crate::package::{Function, Trigger};
use crate::payload;

/// How often an idle stand-in looks; the real host goes up to a minute.
const LOOKS_EVERY: Duration = Duration::from_millis(100);

impl Handle {
    /// Delivers the first visible message. After success it is deleted, unless it shall be
    /// forgotten to; after failure it comes back or becomes poison.
    pub(crate) async fn deliver_next(
        &self,
        function: &Function,
        forget_to_delete: bool,
    ) -> Option<Invocation> {
        let Trigger::Queue { name, queue } = &function.trigger else {
            return None;
        };
        let storage = &self.0.options.storage;
        let message = storage.receive(queue, Utc::now())?;
        let id = new_id();
        let data = payload::queue(&function.name, name, &message, Utc::now());
        let call = payload::post(&function.name, &id, &data, false);
        let invocation = self.invoke(function, &id, call, 0).await;
        let host = &self.0.package.host;
        if self.is_gone() {
            return Some(invocation);
        }
        if !invocation.succeeded() {
            let hidden = TimeDelta::from_std(host.visibility_timeout).unwrap_or_default();
            let visible = Utc::now() + hidden;
            storage.give_back(queue, &message, host.max_dequeue_count, visible);
        } else if forget_to_delete {
            storage.reveal(Utc::now());
        } else {
            storage.delete(queue, &message);
        }
        Some(invocation)
    }
}

/// Delivers whatever comes, for as long as the host runs, `batchSize` at once.
pub(crate) async fn run(handle: Handle, function: Function) {
    let batch = handle.0.package.host.batch_size.max(1);
    let one = |_| async {
        loop {
            if handle.deliver_next(&function, false).await.is_none() {
                tokio::time::sleep(LOOKS_EVERY).await;
            }
        }
    };
    let all: Vec<()> = futures::future::join_all((0..batch).map(one)).await;
    drop(all);
}
