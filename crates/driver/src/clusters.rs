//! The clusters of a job.

use std::sync::Arc;

use kusto_copy_kusto::{Call, Cluster, ClusterUri, KustoError, Settings};

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

    /// Makes sure that each is a query endpoint and knows its databases, and that no database is
    /// to be copied into itself.
    pub(crate) async fn check(&self, definition: &JobDefinition) -> Result<(), DriverError> {
        let call = Call::new("KC.connect", "kusto-copy connect");
        tokio::try_join!(self.source.version(&call), self.destination.version(&call))?;
        for pair in &definition.databases {
            let source = identity(&self.source, &pair.source, "source", &call).await?;
            let destination = &pair.destination;
            let there = identity(&self.destination, destination, "destination", &call).await?;
            // One cluster may have several addresses.
            if source == there {
                return Err(DriverError::Preflight {
                    what: format!(
                        "source and destination are the same database `{destination}`: clusters {} \
                         and {} are one",
                        self.source.uri(),
                        self.destination.uri()
                    ),
                    remedy: "give another cluster with --destination".to_owned(),
                });
            }
        }
        Ok(())
    }
}

/// The identity of a database, which is its own for ever.
async fn identity(
    cluster: &Cluster,
    database: &str,
    side: &str,
    call: &Call,
) -> Result<String, DriverError> {
    match cluster.database(database).identity(call).await {
        Ok(identity) => Ok(identity.id),
        Err(KustoError::NotFound { .. }) => Err(DriverError::Preflight {
            what: format!(
                "{side} cluster {} has no database `{database}`",
                cluster.uri()
            ),
            remedy: "check the spelling, create the database, or have it shown to this identity: \
                     what one may not see is not there"
                .to_owned(),
        }),
        Err(error) => Err(error.into()),
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
        largest_answer: job.options.largest_answer,
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

#[cfg(test)]
mod tests {
    use kusto_copy_kusto::NoCredentials;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::job::RunOptions;

    #[tokio::test]
    async fn an_answer_above_the_jobs_bound_is_not_taken() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it has an address");
        let job = Job {
            definition: JobDefinition {
                source: format!("http://{address}"),
                destination: "http://127.0.0.1:1".to_owned(),
                databases: Vec::new(),
            },
            options: RunOptions {
                largest_answer: 9,
                ..RunOptions::default()
            },
            credentials: Arc::new(NoCredentials),
        };
        let answer = async {
            let (mut stream, _) = listener.accept().await.expect("somebody asks");
            stream.read_u8().await.expect("it asks");
            let ten = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{\"a\":\"bcd\"";
            stream.write_all(ten).await.expect("it listens");
            stream
        };
        let clusters = Clusters::connect(&job, &Meter::default()).expect("addresses");
        let call = Call::new("KC.test", "test");
        let (asked, _stream) = tokio::join!(clusters.source.version(&call), answer);
        let error = asked.expect_err("the answer is too large");
        assert!(error.to_string().contains("larger than 9 bytes"), "{error}");
    }
}
