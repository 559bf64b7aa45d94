//! Rows of a result for several files or extents.

use arrow::record_batch::RecordBatch;

/// Divides rows into at most `parts` (at least one) runs of about equal length, in their order.
/// There is no part without rows.
pub(crate) fn split(batches: &[RecordBatch], parts: usize) -> Vec<Vec<RecordBatch>> {
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let length = rows.div_ceil(parts.max(1)).max(1);
    let mut runs: Vec<Vec<RecordBatch>> = Vec::new();
    let mut room = 0;
    for batch in batches {
        let mut taken = 0;
        while taken < batch.num_rows() {
            if room == 0 {
                runs.push(Vec::new());
                room = length;
            }
            let count = room.min(batch.num_rows() - taken);
            if let Some(part) = runs.last_mut() {
                part.push(batch.slice(taken, count));
            }
            taken += count;
            room -= count;
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::Int64Array;
    use arrow::datatypes::{DataType, Field, Schema};
    use std::sync::Arc;

    #[test]
    fn rows_are_shared_out_and_none_is_lost() {
        let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Int64, true)]));
        let batch = |rows: i64| {
            let values = Int64Array::from_iter_values(0..rows);
            RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(values)]).expect("one column")
        };
        let lengths = |batches: &[RecordBatch], writers| -> Vec<usize> {
            let parts = split(batches, writers);
            let rows = |part: &Vec<RecordBatch>| part.iter().map(RecordBatch::num_rows).sum();
            parts.iter().map(rows).collect()
        };
        let batches = [batch(3), batch(0), batch(4)];
        assert_eq!(lengths(&batches, 1), [7]);
        assert_eq!(lengths(&batches, 2), [4, 3]);
        assert_eq!(lengths(&batches, 4), [2, 2, 2, 1]);
        assert_eq!(lengths(&batches, 100), [1; 7]);
        assert!(lengths(&[batch(0)], 4).is_empty());
    }
}
