//! The thread that owns the connection, so that no async thread ever waits for the disk.

use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::open;
use crate::error::StoreError;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

pub(super) struct Worker {
    jobs: mpsc::Sender<Job>,
    ended: oneshot::Receiver<()>,
    location: Arc<str>,
}

impl Worker {
    pub(super) async fn start(path: PathBuf, location: Arc<str>) -> Result<Self, StoreError> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let (opened, is_open) = oneshot::channel();
        let (ending, ended) = oneshot::channel::<()>();
        let thread = thread::Builder::new().name("state-file".to_owned());
        thread
            .spawn(move || {
                match open::open(&path) {
                    Err(error) => drop(opened.send(Err(error))),
                    Ok(mut connection) => {
                        drop(opened.send(Ok(())));
                        for job in queue {
                            job(&mut connection);
                        }
                    }
                }
                drop(ending);
            })
            .map_err(|source| StoreError::Failed {
                location: location.to_string(),
                reason: "no thread can be started; end other programs, then start again".into(),
                source: Some(Box::new(source)),
            })?;
        is_open.await.map_err(|source| StoreError::Failed {
            location: location.to_string(),
            reason: "its thread ended; start again".to_owned(),
            source: Some(Box::new(source)),
        })??;
        Ok(Self {
            jobs,
            ended,
            location,
        })
    }

    /// Runs something that may be repeated.
    pub(super) async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let answer = self.send(work)?;
        answer.await.map_err(|_| self.gone())?
    }

    /// Runs something whose fate is unknown when its answer is lost.
    pub(super) async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let answer = self.send(work)?;
        answer.await.map_err(|source| StoreError::Ambiguous {
            source: Some(Box::new(source)),
        })?
    }

    fn send<T, F>(&self, work: F) -> Result<oneshot::Receiver<Result<T, StoreError>>, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (sender, answer) = oneshot::channel();
        let job: Job = Box::new(move |connection| drop(sender.send(work(connection))));
        self.jobs.send(job).map_err(|_| self.gone())?;
        Ok(answer)
    }

    fn gone(&self) -> StoreError {
        StoreError::Failed {
            location: self.location.to_string(),
            reason: "its thread ended; start again".to_owned(),
            source: None,
        }
    }

    pub(super) async fn stop(self) {
        drop(self.jobs);
        // The thread never sends: its half is dropped when the file is closed.
        drop(self.ended.await);
    }
}
