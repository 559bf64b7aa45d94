//! Equality, asked from both clusters: row counts and a fingerprint of the content of every table.

use kusto_copy_core::vocabulary::TableSchema;
use kusto_copy_driver::complaint::chain;
use kusto_copy_kusto::commands::values::Bucket;
use kusto_copy_kusto::{Call, Cluster, Database, KustoError};

use super::telemetry::DATABASE;
use crate::cli::exit::Failure;
use crate::cli::output::Proof;

/// Compares every table of the source with the table of its name at the destination.
///
/// # Errors
/// When a cluster cannot answer.
pub(super) async fn all(source: &Cluster, destination: &Cluster) -> Result<Vec<Proof>, Failure> {
    let (source, destination) = (source.database(DATABASE), destination.database(DATABASE));
    let call = Call::new("KC.demo.compare", "kusto-copy demo compare");
    let mut proofs = Vec::new();
    for table in source.schemas(&call).await? {
        let schema = table.schema.map_err(|error| {
            Failure::new(format!(
                "the columns of table '{}' cannot be read",
                table.name
            ))
            .because(&error)
        })?;
        let there = destination.table_schema(&call, &table.name).await?;
        let left = buckets(&source, &call, &table.name, &schema).await?;
        let right = match &there {
            Some(_) => buckets(&destination, &call, &table.name, &schema).await?,
            None => Vec::new(),
        };
        proofs.push(proof(
            table.name,
            there.as_ref() == Some(&schema),
            &left,
            &right,
        ));
    }
    Ok(proofs)
}

async fn buckets(
    database: &Database,
    call: &Call,
    table: &str,
    schema: &TableSchema,
) -> Result<Vec<Bucket>, Failure> {
    let mut buckets = database.buckets(call, table, schema, None).await?;
    buckets.sort_by_key(|bucket| bucket.bucket);
    Ok(buckets)
}

fn proof(table: String, same_columns: bool, left: &[Bucket], right: &[Bucket]) -> Proof {
    let rows = |buckets: &[Bucket]| buckets.iter().map(|bucket| bucket.rows).sum();
    let parts = |buckets: &[Bucket]| -> Vec<(u64, u64, u64, u64)> {
        let part = |b: &Bucket| (b.bucket, b.rows, b.low, b.high);
        buckets.iter().map(part).collect()
    };
    Proof {
        table,
        source_rows: rows(left),
        destination_rows: rows(right),
        fingerprints: (digest(left), digest(right)),
        equal: same_columns && parts(left) == parts(right),
    }
}

/// One number for people out of all buckets; equality is judged by the buckets themselves.
fn digest(buckets: &[Bucket]) -> u64 {
    buckets
        .iter()
        .flat_map(|bucket| [bucket.bucket, bucket.rows, bucket.low, bucket.high])
        .fold(0xcbf2_9ce4_8422_2325, |hash, part| {
            (hash ^ part)
                .wrapping_mul(0x0000_0100_0000_01b3)
                .rotate_left(29)
        })
}

impl From<KustoError> for Failure {
    fn from(error: KustoError) -> Self {
        Self::new(chain(&error)).remedy(error.remedy())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(bucket: u64, rows: u64, low: u64) -> Bucket {
        Bucket {
            bucket,
            rows,
            low,
            high: 3,
        }
    }

    #[test]
    fn rows_content_and_columns_must_all_be_equal() {
        let left = [bucket(1, 2, 7), bucket(2, 5, 9)];
        let equal = |right: &[Bucket]| proof("T".to_owned(), true, &left, right).equal;
        assert!(equal(&left));
        assert!(!equal(&[bucket(1, 2, 7)]));
        assert!(!equal(&[bucket(1, 2, 7), bucket(2, 5, 8)]));
        assert!(!equal(&[bucket(1, 3, 7), bucket(2, 4, 9)]));
        let proof = proof("T".to_owned(), false, &left, &left);
        assert!(!proof.equal);
        assert_eq!((proof.source_rows, proof.destination_rows), (7, 7));
        assert_eq!(proof.fingerprints.0, proof.fingerprints.1);
    }
}
