//! One invocation, from the request to what the host makes of the answer.

use std::future::{Future, pending};
use std::time::Duration;

use crate::answer::{self, Verdict, judge};
use crate::exchange::{Answer, Call, exchange};
use crate::handle::Handle;
use crate::invocation::{Invocation, Outcome};
use crate::journal::{Event, locked};
use crate::package::{Function, Output};

/// What ended the wait for an answer.
enum Ending<T> {
    Answered(T),
    Killed,
    TimedOut,
    Cut,
}

impl Handle {
    /// Sends the request to the handler `worker` and waits for what becomes of it. Outputs are
    /// sent on only after success.
    pub(crate) async fn invoke(
        &self,
        function: &Function,
        id: &str,
        call: Call,
        worker: usize,
    ) -> Invocation {
        let name = &function.name;
        let work = |port| async move {
            let answer = exchange(port, call).await?;
            match judge(&answer) {
                // The host waits for something that has come already.
                Verdict::Hangs => pending().await,
                verdict @ (Verdict::Done(_) | Verdict::Failed(_)) => Ok((answer, verdict)),
            }
        };
        let ended = self.watched(name, id, worker, work).await;
        let fresh = |outcome| Invocation::new(name, id, outcome);
        let failed = |reason: String| fresh(Outcome::Failed(reason));
        let invocation = match ended {
            Ok((Ending::Answered((answer, Verdict::Done(_))), true)) => {
                failed("the answer was lost".to_owned()).answered(&answer)
            }
            Ok((Ending::Answered((answer, Verdict::Done(said))), false)) => {
                fresh(Outcome::Succeeded).answered(&answer).said(said)
            }
            Ok((Ending::Answered((answer, Verdict::Failed(reason))), _)) => {
                failed(reason).answered(&answer)
            }
            Ok((Ending::Answered((answer, Verdict::Hangs)), _)) => {
                failed("the answer was never noticed".to_owned()).answered(&answer)
            }
            Ok((Ending::Killed, _)) => Invocation {
                killed: true,
                ..failed("the handler was killed".to_owned())
            },
            Ok((Ending::TimedOut, _)) => Invocation {
                killed: true,
                ..fresh(Outcome::TimedOut)
            },
            Ok((Ending::Cut, _)) => failed("the connection was cut".to_owned()),
            Err(reason) => failed(reason),
        };
        if invocation.succeeded() && !self.is_gone() {
            self.send_outputs(function, &invocation);
        }
        self.note_end(name, id, &invocation.outcome);
        invocation
    }

    /// Hands an HTTP request on as it is. The answer is the handler's, whatever it is.
    pub(crate) async fn forward(&self, name: &str, id: &str, call: Call) -> Result<Answer, String> {
        let ended = self.watched(name, id, 0, |port| exchange(port, call)).await;
        let result = match ended {
            Ok((Ending::Answered(_), true)) => Err("the answer was lost".to_owned()),
            Ok((Ending::Answered(answer), false)) => Ok(answer),
            Ok((Ending::Killed, _)) => Err("the handler was killed".to_owned()),
            Ok((Ending::TimedOut, _)) => Err("functionTimeout passed".to_owned()),
            Ok((Ending::Cut, _)) => Err("the connection was cut".to_owned()),
            Err(reason) => Err(reason),
        };
        let outcome = match &result {
            Ok(_) => Outcome::Succeeded,
            Err(reason) => Outcome::Failed(reason.clone()),
        };
        self.note_end(name, id, &outcome);
        result
    }

    /// Runs `work` at a ready handler until it ends, functionTimeout passes, or a fault strikes.
    /// The flag says that the answer shall be dropped.
    async fn watched<T, W, F>(
        &self,
        function: &str,
        id: &str,
        worker: usize,
        work: W,
    ) -> Result<(Ending<T>, bool), String>
    where
        W: FnOnce(u16) -> F,
        F: Future<Output = Result<T, String>>,
    {
        let running = self.ready(worker).await?;
        let faults = std::mem::take(&mut *locked(&self.0.faults));
        self.0.journal.note(Event::Invoked {
            function: function.to_owned(),
            id: id.to_owned(),
        });
        let limit = self
            .0
            .options
            .function_timeout
            .or(self.0.package.host.function_timeout);
        let ending = tokio::select! {
            result = work(running.port) => Ending::Answered(result?),
            () = after(faults.kill_after) => Ending::Killed,
            () = after(limit) => Ending::TimedOut,
            () = after(faults.cut_after) => Ending::Cut,
        };
        if matches!(ending, Ending::Killed | Ending::TimedOut) {
            self.worker(worker).kill(running.pid).await;
        }
        Ok((ending, faults.drop_answer))
    }

    fn send_outputs(&self, function: &Function, invocation: &Invocation) {
        let storage = &self.0.options.storage;
        for output in &function.outputs {
            let Output::Queue { name, queue } = output else {
                continue;
            };
            let value = if name == "$return" {
                invocation.return_value.as_ref()
            } else {
                invocation.outputs.get(name)
            };
            for text in value.map(answer::messages).unwrap_or_default() {
                storage.enqueue(queue, text, chrono::Utc::now());
            }
        }
    }

    fn note_end(&self, function: &str, id: &str, outcome: &Outcome) {
        self.0.journal.note(Event::Finished {
            function: function.to_owned(),
            id: id.to_owned(),
            outcome: match outcome {
                Outcome::Succeeded => "succeeded".to_owned(),
                Outcome::Failed(reason) => format!("failed: {reason}"),
                Outcome::TimedOut => "timed out; the handler was killed".to_owned(),
                Outcome::Collapsed => "collapsed".to_owned(),
            },
        });
    }
}

/// Never, without a time.
async fn after(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => pending().await,
    }
}
