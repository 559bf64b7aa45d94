//! The clusters of a job.

use std::sync::Arc;

use kusto_copy_kusto::{Call, Cluster, ClusterUri, Settings};

use crate::cost::Meter;
use crate::error::DriverError;
use crate::job::{Job, JobDefinition};

/// The clusters of a job.
pub(crate) struct Clusters {
    /// Where rows come from.
    pub(crate) source: Cluster,
    /// Where they go.
    pub(crate) destination: Cluster,
}

impl Clusters {
    /// Makes clients of both; nothing is sent.
    pub(crate) fn connect(job: &Job, meter: &Meter) -> Result<Self, DriverError> {
        Ok(Self {
            source: cluster(&job.definition.source, job, meter)?,
            destination: cluster(&job.definition.destination, job, meter)?,
        })
    }

    /// Makes sure that each is a query endpoint and knows its databases.
    pub(crate) async fn check(&self, definition: &JobDefinition) -> Result<(), DriverError> {
        let call = Call::new("KC.connect", "kusto-copy connect");
        tokio::try_join!(self.source.version(&call), self.destination.version(&call))?;
        for pair in &definition.databases {
            let source = self.source.database(&pair.source);
            source.identity(&call).await?;
            let destination = self.destination.database(&pair.destination);
            destination.identity(&call).await?;
        }
        Ok(())
    }
}

fn cluster(uri: &str, job: &Job, meter: &Meter) -> Result<Cluster, DriverError> {
    let (uri, _) = ClusterUri::parse(uri).map_err(|error| DriverError::Preflight {
        what: error.to_string(),
        remedy:
            "give the query endpoint, for example https://mycluster.westeurope.kusto.windows.net"
                .to_owned(),
    })?;
    let settings = Settings {
        allow_row_level_security: job.options.force_incomplete_reads,
        traffic: Arc::clone(&meter.traffic),
        ..Settings::default()
    };
    Cluster::connect(uri, Arc::clone(&job.credentials), settings).map_err(|error| {
        DriverError::Preflight {
            what: error.to_string(),
            remedy: "correct what the message names, then start again".to_owned(),
        }
    })
}
