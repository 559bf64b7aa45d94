//! Loaded files become extents: rows in the order of the files, at most so many in an extent.

use arrow::record_batch::RecordBatch;

/// One file's rows.
#[derive(Clone, Debug)]
pub(super) struct Loaded {
    /// Its address, without secrets.
    pub(super) path: String,
    /// Its rows.
    pub(super) batches: Vec<RecordBatch>,
}

impl Loaded {
    /// Number of rows.
    pub(super) fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }
}

/// The rows of one extent and the files that they come from.
#[derive(Clone, Debug, Default)]
pub(super) struct Cut {
    /// Rows.
    pub(super) batches: Vec<RecordBatch>,
    /// Files, each as often as it was delivered into this extent.
    pub(super) paths: Vec<String>,
    rows: usize,
}

/// Cuts files into extents of at most `max_rows` rows (at least one). Files without rows are in none.
pub(super) fn cut(files: &[Loaded], max_rows: usize) -> Vec<Cut> {
    let max_rows = max_rows.max(1);
    let mut cuts: Vec<Cut> = Vec::new();
    let mut open = Cut::default();
    for file in files {
        let mut is_listed = false;
        for batch in &file.batches {
            let mut taken = 0;
            while taken < batch.num_rows() {
                if open.rows == max_rows {
                    cuts.push(std::mem::take(&mut open));
                    is_listed = false;
                }
                let length = (max_rows - open.rows).min(batch.num_rows() - taken);
                open.batches.push(batch.slice(taken, length));
                open.rows += length;
                taken += length;
                if !is_listed {
                    open.paths.push(file.path.clone());
                    is_listed = true;
                }
            }
        }
    }
    if open.rows > 0 {
        cuts.push(open);
    }
    cuts
}

/// Takes the first file twice; another with as many rows, if there is one, is left out. The row total
/// then looks right although it is not.
pub(super) fn deliver_twice(files: &mut Vec<Loaded>) {
    let pair = (0..files.len()).find_map(|kept| {
        let rows = files[kept].rows();
        let lost = (kept + 1..files.len()).find(|other| files[*other].rows() == rows)?;
        Some((kept, lost))
    });
    match pair {
        Some((kept, lost)) => files[lost] = files[kept].clone(),
        None => files.extend(files.first().cloned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::Int64Array;
    use arrow::datatypes::{DataType, Field, Schema};
    use std::sync::Arc;

    fn file(path: &str, rows: i64) -> Loaded {
        let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Int64, true)]));
        let values = Int64Array::from_iter_values(0..rows);
        let batch = RecordBatch::try_new(schema, vec![Arc::new(values)]).expect("one column");
        Loaded {
            path: path.to_owned(),
            batches: vec![batch],
        }
    }

    fn shape(cuts: &[Cut]) -> Vec<(usize, Vec<&str>)> {
        cuts.iter()
            .map(|cut| (cut.rows, cut.paths.iter().map(String::as_str).collect()))
            .collect()
    }

    #[test]
    fn extents_are_filled_in_the_order_of_the_files() {
        let files = [file("a", 3), file("b", 0), file("c", 4)];
        assert_eq!(
            shape(&cut(&files, 5)),
            [(5, vec!["a", "c"]), (2, vec!["c"])]
        );
        assert_eq!(shape(&cut(&files, 100)), [(7, vec!["a", "c"])]);
        assert!(cut(&[file("a", 0)], 5).is_empty());
    }

    #[test]
    fn a_file_delivered_twice_hides_one_of_equal_rows_if_it_can() {
        let mut files = vec![file("a", 3), file("b", 2), file("c", 3)];
        deliver_twice(&mut files);
        assert_eq!(shape(&cut(&files, 100)), [(8, vec!["a", "b", "a"])]);
        let mut files = vec![file("a", 3), file("b", 2)];
        deliver_twice(&mut files);
        assert_eq!(shape(&cut(&files, 100)), [(8, vec!["a", "b", "a"])]);
    }
}
