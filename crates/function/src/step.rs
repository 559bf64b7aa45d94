//! How jobs are asked with real clusters and storage.
//!
//! What is kept between two executions is only what cannot be wrong: connections, tokens, opened
//! containers and tables. After any failure a job's are opened again, so that what was deleted
//! meanwhile is made again, or told.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use kusto_copy_azure::Access;
use kusto_copy_azure::home::{self, Home, HomeError, HomeOptions};
use kusto_copy_azure::location::Location;
use kusto_copy_azure::tokens::{AzureTokens, Identity};
use kusto_copy_driver::complaint::Complaint;
use kusto_copy_driver::{
    Control, DriverError, Job, Report, Request, RunOptions, StepReport, Style,
};
use kusto_copy_kusto::{Credentials, StaticToken};
use kusto_copy_store::Store;
use tokio::sync::watch;

use crate::runner::Runner;
use crate::settings::{AccessSettings, JobSettings, Settings, Time};

/// How often a step that goes on says so.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// Bytes of a cluster's answer at most: the handler aims to stay below 128 MiB. Questions are cut so
/// that answers are far smaller; the largest is the schemas of thousands of tables.
const LARGEST_ANSWER: usize = 64 << 20;

/// The jobs of the app.
pub(crate) struct Jobs {
    style: Style,
    access: AccessSettings,
    credentials: Arc<dyn Credentials>,
    /// What all homes have in common: the transport of their requests.
    usual: HomeOptions,
    /// The identity's tokens for storage, shared by all jobs.
    identity: OnceLock<Access>,
    homes: Mutex<BTreeMap<String, Home>>,
    stores: Mutex<BTreeMap<String, Arc<dyn Store>>>,
}

impl Jobs {
    /// Prepares to ask them. Nothing is opened or sent.
    pub(crate) fn new(settings: &Settings) -> Self {
        let access = settings.access.clone();
        let usual = HomeOptions::new("");
        let credentials: Arc<dyn Credentials> = match &access.token {
            Some(token) => Arc::new(StaticToken::new(token.clone())),
            None => {
                let identity = access.identity.clone();
                let transport = usual.transport.clone();
                Arc::new(AzureTokens::new(Box::new(move || {
                    identity.credential(&transport)
                })))
            }
        };
        Self {
            style: settings.style,
            access,
            credentials,
            usual,
            identity: OnceLock::new(),
            homes: Mutex::default(),
            stores: Mutex::default(),
        }
    }

    fn options(&self, job: &JobSettings) -> Result<HomeOptions, HomeError> {
        Ok(HomeOptions {
            lake: job.lake.clone(),
            places: job.places.clone(),
            state: job.state.clone(),
            staging_access: job.staging_access.clone(),
            access: self.access(job)?,
            sas_lifetime: job.sas_lifetime.unwrap_or(self.usual.sas_lifetime),
            ..self.usual.clone()
        })
    }

    /// What opens the job's storage. `None` leaves Azurite to its published key.
    fn access(&self, job: &JobSettings) -> Result<Option<Access>, HomeError> {
        let given = home::development_access(
            &job.lake,
            self.access.storage_key.clone(),
            self.access.storage_sas.as_ref(),
        )?;
        if given.is_some() {
            return Ok(given);
        }
        let lake = Location::parse(&job.lake)?.location;
        let managed = matches!(self.access.identity, Identity::Managed { .. });
        if lake.is_local() && !(managed && lake.is_encrypted()) {
            return Ok(None);
        }
        if let Some(identity) = self.identity.get() {
            return Ok(Some(identity.clone()));
        }
        let identity = self.access.identity.renewable(&self.usual.transport)?;
        let identity = Access::Token(identity);
        Ok(Some(self.identity.get_or_init(|| identity).clone()))
    }

    /// The job's lake and store, made when they are missing. Two at once make them twice, which
    /// finds what is there.
    async fn home(&self, job: &JobSettings) -> Result<Home, HomeError> {
        let known = lock(&self.homes).get(&job.name).cloned();
        if let Some(home) = known {
            return Ok(home);
        }
        let home = home::open(self.options(job)?).await?;
        lock(&self.homes).insert(job.name.clone(), home.clone());
        Ok(home)
    }

    /// The job's store when there is one; nothing is made.
    async fn store(&self, job: &JobSettings) -> Result<Option<Arc<dyn Store>>, HomeError> {
        let known = lock(&self.homes)
            .get(&job.name)
            .map(|home| Arc::clone(&home.store));
        let known = known.or_else(|| lock(&self.stores).get(&job.name).cloned());
        if known.is_some() {
            return Ok(known);
        }
        match home::open_existing(self.options(job)?).await {
            Ok(store) => {
                lock(&self.stores).insert(job.name.clone(), Arc::clone(&store));
                Ok(Some(store))
            }
            Err(HomeError::NoState { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The job as one step drives it.
    fn driven(&self, job: &JobSettings, time: Time) -> Job {
        Job {
            definition: job.definition.clone(),
            options: RunOptions {
                budget: Some(time.budget),
                grace: time.grace,
                style: self.style,
                largest_answer: LARGEST_ANSWER,
                ..job.options.clone()
            },
            credentials: Arc::clone(&self.credentials),
        }
    }

    /// Opens them again next time.
    fn forget(&self, job: &JobSettings) {
        lock(&self.homes).remove(&job.name);
        lock(&self.stores).remove(&job.name);
    }

    /// What came of asking a store: nothing stored is no failure.
    fn asked<T>(
        &self,
        job: &JobSettings,
        answer: Result<T, DriverError>,
    ) -> Result<Option<T>, Complaint> {
        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(DriverError::NotARun) => Ok(None),
            Err(error) => {
                self.forget(job);
                Err(error.into())
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tells from time to time how far a long step is.
async fn tell(reports: watch::Receiver<Report>) -> Infallible {
    loop {
        tokio::time::sleep(TELL_EVERY).await;
        let (lag_ms, rpo_ms, cost) = {
            let report = reports.borrow();
            (report.lag_ms, report.rpo_ms, report.cost)
        };
        tracing::info!(
            event = "progress",
            lag_ms,
            rpo_ms,
            rows_moved = cost.map(|cost| cost.rows_moved),
            blocks_moved = cost.map(|cost| cost.blocks_moved),
            "at work"
        );
    }
}

fn not_opened(error: HomeError) -> Complaint {
    Complaint::with_remedy_inside(&error)
}

#[async_trait]
impl Runner for Jobs {
    async fn step(
        &self,
        job: &JobSettings,
        time: Time,
        stop: watch::Receiver<bool>,
    ) -> Result<StepReport, Complaint> {
        let home = self.home(job).await.map_err(not_opened)?;
        let driven = self.driven(job, time);
        let (progress, reports) = watch::channel(Report::default());
        let control = Control { progress, stop };
        let step = kusto_copy_driver::step(driven, home.store, home.lake, control);
        let stepped = tokio::select! {
            stepped = step => stepped,
            never = tell(reports) => match never {},
        };
        stepped.map_err(|error| {
            self.forget(job);
            error.into()
        })
    }

    async fn status(&self, job: &JobSettings) -> Result<Option<Report>, Complaint> {
        match self.store(job).await.map_err(not_opened)? {
            Some(store) => self.asked(job, kusto_copy_driver::status(store).await),
            None => Ok(None),
        }
    }

    async fn request(&self, job: &JobSettings, request: Request) -> Result<bool, Complaint> {
        match self.store(job).await.map_err(not_opened)? {
            Some(store) => {
                let answer = kusto_copy_driver::request(store, request).await;
                Ok(self.asked(job, answer)?.is_some())
            }
            None => Ok(false),
        }
    }
}

#[cfg(test)]
mod tests;
