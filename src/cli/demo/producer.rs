//! Sends rows to the source as devices and services would: by streaming ingestion.

use kusto_copy_kusto::{Call, Cluster};
use reqwest::{Client, Url};

use super::telemetry::{Batch, DATABASE, Telemetry};
use crate::cli::exit::Failure;

/// Something that writes into the source database.
pub(super) struct Producer {
    cluster: Cluster,
    address: Url,
    client: Client,
}

impl Producer {
    /// A producer for this cluster.
    ///
    /// # Errors
    /// When no HTTP client can be set up.
    pub(super) fn new(cluster: &Cluster) -> Result<Self, Failure> {
        let failed = || Failure::new("rows cannot be sent to the embedded cluster");
        let address =
            Url::parse(&cluster.uri().to_string()).map_err(|error| failed().because(&error))?;
        let client = Client::builder()
            .no_proxy()
            .build()
            .map_err(|error| failed().because(&error))?;
        Ok(Self {
            cluster: cluster.clone(),
            address,
            client,
        })
    }

    /// Creates all tables but those that appear later.
    ///
    /// # Errors
    /// When the cluster refuses one.
    pub(super) async fn create_tables(&self, telemetry: &Telemetry) -> Result<(), Failure> {
        for table in telemetry.tables() {
            self.create(table.name, &table.schema()).await?;
        }
        Ok(())
    }

    async fn create(
        &self,
        name: &str,
        schema: &kusto_copy_core::vocabulary::TableSchema,
    ) -> Result<(), Failure> {
        let call = Call::new("KC.demo.create", "kusto-copy demo create table");
        let database = self.cluster.database(DATABASE);
        database
            .create_table(&call, name, schema, "demo", "")
            .await?;
        Ok(database.enable_streaming(&call, name).await?)
    }

    /// Sends batches one after the other and returns the number of rows. Each is one ingestion,
    /// so that a table has several ingestion times.
    ///
    /// # Errors
    /// When the cluster refuses one.
    pub(super) async fn send(&self, batches: &[Batch]) -> Result<u64, Failure> {
        let mut rows = 0;
        for batch in batches {
            if batch.is_new_table {
                self.create(batch.table.name, &batch.table.schema()).await?;
            }
            rows += batch.rows();
            self.ingest(batch.table.name, batch.csv()).await?;
        }
        Ok(rows)
    }

    async fn ingest(&self, table: &str, csv: String) -> Result<(), Failure> {
        let failed = || Failure::new(format!("rows cannot be loaded into table '{table}'"));
        let mut address = self.address.clone();
        address
            .path_segments_mut()
            .map_err(|()| failed())?
            .extend(["v1", "rest", "ingest", DATABASE, table]);
        address.query_pairs_mut().append_pair("streamFormat", "csv");
        let answer = self.client.post(address).body(csv).send().await;
        let answer = answer.map_err(|error| failed().because(&error))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let text = answer.text().await.unwrap_or_default();
        Err(Failure::new(format!(
            "{}: {status} {text}",
            failed().message
        )))
    }
}
