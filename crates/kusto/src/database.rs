//! A database of a cluster: what the typed commands hang on.

use crate::call::Call;
use crate::client::Cluster;
use crate::error::{Details, KustoError};
use crate::kql::Text;
use crate::redact::{redact, shortened};
use crate::rows::{FromCell, FromRow, ReadError, Row, Table};

/// A handle on one database. Cheap to clone; making one asks nothing of the cluster.
#[derive(Debug, Clone)]
pub struct Database {
    cluster: Cluster,
    name: String,
}

impl Cluster {
    /// A handle on a database of this cluster.
    #[must_use]
    pub fn database(&self, name: impl Into<String>) -> Database {
        Database {
            cluster: self.clone(),
            name: name.into(),
        }
    }
}

impl Database {
    /// The database's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its cluster.
    #[must_use]
    pub const fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Sends a text and returns its primary result.
    ///
    /// # Errors
    /// See [`KustoError`].
    pub async fn run(&self, call: &Call, text: &Text) -> Result<Table, KustoError> {
        self.cluster.send(&self.name, call, text).await
    }

    /// The same, each row read into `T`.
    pub(crate) async fn rows<T: FromRow>(
        &self,
        call: &Call,
        text: &Text,
    ) -> Result<Vec<T>, KustoError> {
        let table = self.run(call, text).await?;
        let rows: Result<Vec<T>, ReadError> = table.iter().map(|row| T::from_row(&row)).collect();
        rows.map_err(|error| self.protocol(call, text, error.to_string()))
    }

    /// The same, where exactly one row is due.
    pub(crate) async fn one<T: FromRow>(&self, call: &Call, text: &Text) -> Result<T, KustoError> {
        let table = self.run(call, text).await?;
        let row = self.single(call, text, &table)?;
        T::from_row(&row).map_err(|error| self.protocol(call, text, error.to_string()))
    }

    /// The one row of a result.
    pub(crate) fn single<'a>(
        &self,
        call: &Call,
        text: &Text,
        table: &'a Table,
    ) -> Result<Row<'a>, KustoError> {
        let mut rows = table.iter();
        match (rows.next(), rows.next()) {
            (Some(row), None) => Ok(row),
            _ => {
                let message = format!("{} rows came where one was due", table.rows.len());
                Err(self.protocol(call, text, message))
            }
        }
    }

    /// One cell of a row.
    pub(crate) fn cell<T: FromCell>(
        &self,
        call: &Call,
        text: &Text,
        row: &Row<'_>,
        column: &str,
    ) -> Result<T, KustoError> {
        row.get(column)
            .map_err(|error| self.protocol(call, text, error.to_string()))
    }

    /// An answer that cannot be understood.
    pub(crate) fn protocol(&self, call: &Call, text: &Text, message: String) -> KustoError {
        KustoError::Protocol {
            details: self.details(call, text, message),
        }
    }

    /// An answer that says, in its rows, that the command failed.
    pub(crate) fn permanent(&self, call: &Call, text: &Text, message: String) -> KustoError {
        KustoError::Permanent {
            details: self.details(call, text, message),
        }
    }

    fn details(&self, call: &Call, text: &Text, message: String) -> Box<Details> {
        Box::new(Details {
            cluster: self.cluster.uri().authority(),
            what: text.what(),
            message: shortened(redact(&message, text.secrets())),
            request_id: call.request_id.clone(),
            ..Details::default()
        })
    }
}
