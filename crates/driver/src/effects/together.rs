//! One answer for all who ask the same kind of question at about the same time.

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

/// Questions that may be asked together.
///
/// An answer is never older than a question: what is asked while others are being answered is
/// answered by the next turn. Whoever is cut off leaves nobody without an answer.
#[derive(Debug)]
pub(crate) struct Together<Q, A> {
    waiting: Mutex<Vec<(Q, oneshot::Sender<A>)>>,
    turn: tokio::sync::Mutex<()>,
}

impl<Q, A> Default for Together<Q, A> {
    fn default() -> Self {
        Self {
            waiting: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        }
    }
}

impl<Q: Clone, A> Together<Q, A> {
    /// Asks, after a moment in which others may join. `answer` gets all questions and gives each
    /// its answer, in their order.
    pub(crate) async fn ask<F>(
        &self,
        question: Q,
        moment: Duration,
        answer: impl Fn(Vec<Q>) -> F,
    ) -> A
    where
        F: Future<Output = Vec<A>>,
    {
        loop {
            let (tell, mut told) = oneshot::channel();
            self.waiting().push((question.clone(), tell));
            let _turn = self.turn.lock().await;
            match told.try_recv() {
                Ok(answer) => return answer,
                // Whoever had taken the question was cut off.
                Err(TryRecvError::Closed) => continue,
                Err(TryRecvError::Empty) => {}
            }
            if !moment.is_zero() {
                tokio::time::sleep(moment).await;
            }
            let mut taken = std::mem::take(&mut *self.waiting());
            taken.retain(|(_, tell)| !tell.is_closed());
            let (questions, tells): (Vec<Q>, Vec<_>) = taken.into_iter().unzip();
            for (tell, answer) in tells.into_iter().zip(answer(questions).await) {
                // Who was cut off meanwhile needs none.
                drop(tell.send(answer));
            }
            if let Ok(answer) = told.try_recv() {
                return answer;
            }
        }
    }

    /// No code panics while it holds the lock, so a poisoned list is whole.
    fn waiting(&self) -> MutexGuard<'_, Vec<(Q, oneshot::Sender<A>)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::future::join_all;
    use tokio::sync::{Notify, Semaphore};

    use super::*;

    const MOMENT: Duration = Duration::from_millis(10);

    async fn doubled(questions: Vec<u32>) -> Vec<u32> {
        questions.into_iter().map(|asked| asked * 2).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_within_a_moment_is_answered_together() {
        let together = Together::default();
        let turns = AtomicUsize::new(0);
        let ask = |number: u32| {
            together.ask(number, MOMENT, |questions| {
                turns.fetch_add(1, Ordering::Relaxed);
                doubled(questions)
            })
        };
        let answers = join_all((0..50).map(ask)).await;
        assert_eq!(
            answers,
            (0..50).map(|number| number * 2).collect::<Vec<_>>()
        );
        assert_eq!(turns.load(Ordering::Relaxed), 1);
    }

    /// The question that comes while an answer is made may be about something that happened after
    /// it was looked at.
    #[tokio::test]
    async fn an_answer_is_never_older_than_its_question() {
        let together = Arc::new(Together::default());
        let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Semaphore::new(0)));
        let clock = Arc::new(AtomicUsize::new(0));
        let ask = || {
            let (together, begun) = (Arc::clone(&together), Arc::clone(&begun));
            let (go_on, clock) = (Arc::clone(&go_on), Arc::clone(&clock));
            tokio::spawn(async move {
                together
                    .ask((), Duration::ZERO, |questions| {
                        let seen = clock.load(Ordering::SeqCst);
                        begun.notify_one();
                        let go_on = Arc::clone(&go_on);
                        async move {
                            go_on.acquire().await.expect("open").forget();
                            vec![seen; questions.len()]
                        }
                    })
                    .await
            })
        };
        let first = ask();
        begun.notified().await;
        clock.store(1, Ordering::SeqCst);
        let later = [ask(), ask()];
        while together.waiting().len() < 2 {
            tokio::task::yield_now().await;
        }
        go_on.add_permits(2);
        assert_eq!(first.await.expect("answers"), 0);
        for asked in later {
            assert_eq!(asked.await.expect("answers"), 1);
        }
        assert_eq!(go_on.available_permits(), 0, "both were answered at once");
    }

    #[tokio::test]
    async fn who_is_cut_off_leaves_nobody_without_an_answer() {
        let together = Arc::new(Together::default());
        let begun = Arc::new(Notify::new());
        let leads = {
            let (together, begun) = (Arc::clone(&together), Arc::clone(&begun));
            tokio::spawn(async move {
                together
                    .ask(1, Duration::ZERO, |_| {
                        begun.notify_one();
                        std::future::pending()
                    })
                    .await
            })
        };
        begun.notified().await;
        let waits = {
            let together = Arc::clone(&together);
            tokio::spawn(async move { together.ask(2, Duration::ZERO, doubled).await })
        };
        let gone = {
            let together = Arc::clone(&together);
            tokio::spawn(async move { together.ask(3, Duration::ZERO, doubled).await })
        };
        while together.waiting().len() < 2 {
            tokio::task::yield_now().await;
        }
        gone.abort();
        assert!(gone.await.is_err());
        leads.abort();
        assert!(leads.await.is_err());
        assert_eq!(waits.await.expect("answers"), 4);
    }

    /// Questions that somebody had taken before he was cut off are asked again.
    #[tokio::test(start_paused = true)]
    async fn questions_of_one_who_is_cut_off_are_asked_again() {
        let together = Arc::new(Together::default());
        let begun = Arc::new(Notify::new());
        let leads = {
            let (together, begun) = (Arc::clone(&together), Arc::clone(&begun));
            tokio::spawn(async move {
                together
                    .ask(1, MOMENT, |questions: Vec<u32>| {
                        assert_eq!(questions, [1, 2]);
                        begun.notify_one();
                        std::future::pending()
                    })
                    .await
            })
        };
        while together.waiting().is_empty() {
            tokio::task::yield_now().await;
        }
        let joins = {
            let together = Arc::clone(&together);
            tokio::spawn(async move { together.ask(2, MOMENT, doubled).await })
        };
        begun.notified().await;
        leads.abort();
        assert_eq!(joins.await.expect("answers"), 4);
    }
}
