//! Faults whose answer says less, or something else, than what was done.

use kusto_emulator_values::Value;

use super::{Cluster, text};

const MOVE: &str = ".move async extents all from table A to table B";

/// Two extents in `A`, none in `B`.
async fn cluster(fault: &str) -> Cluster {
    let cluster = Cluster::new();
    cluster.table("A", &[&[1], &[2]]).await;
    cluster.table("B", &[]).await;
    cluster.fault(fault);
    cluster
}

#[tokio::test]
async fn an_operation_can_fail_after_all_was_done() {
    let cluster = cluster("fail_after_effect").await;
    assert_eq!(cluster.ended(MOVE).await.1, "Failed");
    assert_eq!((cluster.rows("A"), cluster.rows("B")), (0, 2));
}

#[tokio::test]
async fn an_operation_can_be_done_after_it_failed() {
    let cluster = cluster("late_effect").await;
    assert_eq!(cluster.ended(MOVE).await.1, "Failed");
    let mut looks = 0;
    while cluster.rows("B") == 0 {
        looks += 1;
        assert!(looks < 100_000, "the effect never comes");
        tokio::task::yield_now().await;
    }
    assert_eq!((cluster.rows("A"), cluster.rows("B")), (0, 2));
}

#[tokio::test]
async fn an_operation_can_answer_no_rows() {
    let cluster = cluster("empty_result").await;
    let answer = cluster.run(&MOVE.replace(" async", "")).await;
    assert!(answer.is_empty());
    assert_eq!((cluster.rows("A"), cluster.rows("B")), (0, 2));
}

#[tokio::test]
async fn a_move_can_complete_and_move_nothing() {
    let cluster = cluster("fail_moved_rows").await;
    let (id, state) = cluster.ended(MOVE).await;
    assert_eq!(state, "Completed");
    let rows = cluster.run(&format!(".show operation {id} details")).await;
    let results: Vec<String> = rows.iter().map(|row| text(&row[1])).collect();
    assert_eq!(results, ["Failed", "Failed"]);
    assert_eq!((cluster.rows("A"), cluster.rows("B")), (2, 0));
}

#[tokio::test]
async fn an_ingestion_can_leave_a_file_out_and_say_so() {
    let cluster = cluster("partial_ingestion").await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let files = ["1,a\n", "2,b\n"].map(|line| {
        let path = folder.path().join(format!("{}.csv", &line[..1]));
        std::fs::write(&path, line).expect("the folder can be written");
        format!("'{}'", path.display())
    });
    let command = format!(".ingest into table B ({})", files.join(", "));
    let rows = cluster.run(&command).await;
    assert_eq!(rows[0][3], Value::Bool(true));
    assert_eq!(cluster.rows("B"), 1);
    let rows = cluster.run(&command).await;
    assert_eq!(rows[0][3], Value::Bool(false));
    assert_eq!(cluster.rows("B"), 3);
}
