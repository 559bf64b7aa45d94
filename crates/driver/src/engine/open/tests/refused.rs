//! Databases that are refused, and what an execution comes to with them.

use super::*;
use crate::job::Style;

#[tokio::test]
async fn what_is_wrong_with_one_database_keeps_no_other_from_going_on() {
    let bench = Bench::new(&["A", "C"]).await;
    bench.cluster.state().table("A", "T");
    bench.cluster.state().table("C", "U");
    let mut engine = bench.engine().await;
    bench.iterate(&mut engine).await;
    bench.cluster.state().remove("A", "T");
    bench.cluster.state().table("C", "U").window = Some(1);
    engine.open_iterations().await.expect("it is kept apart");
    assert!(engine.is_refused(0) && !engine.is_refused(1));
    assert_eq!(due(&engine, 1), [("U".to_owned(), None)]);
    assert_eq!(engine.live.len(), 1);
    assert!(engine.is_at_work(), "the other database is");
    assert!(
        engine.next_opening().is_none(),
        "the refused one does not wake it"
    );
}

/// A job of two databases that were copied, of which the second is refused then.
async fn refused(continuous: bool) -> (Bench, Engine) {
    let mut bench = Bench::new(&["A", "C"]).await;
    bench.cluster.state().table("A", "T");
    bench.cluster.state().table("C", "U");
    let mut engine = bench.engine().await;
    bench.iterate(&mut engine).await;
    engine.lease.give_up().await;
    bench.cluster.state().no_permission = Some("C".to_owned());
    bench.options.continuous = continuous;
    let mut engine = bench.engine().await;
    engine.pace = Pace::Step(Style::Economy);
    engine.control.start_now = Some("a wish".to_owned());
    engine.open_iterations().await.expect("it is kept apart");
    assert!(!engine.is_refused(0) && engine.is_refused(1));
    let store = Arc::clone(&bench.store);
    for side in 0..2 {
        // Nothing is due in the other.
        let database = &mut engine.sides[side].stored;
        if matches!(database.record.phase, DatabasePhase::Running { .. }) {
            let committed = database.apply(store.as_ref(), DatabaseEvent::Committed);
            committed.await.expect("is committed");
        }
    }
    (bench, engine)
}

#[tokio::test]
async fn a_job_of_which_a_database_was_refused_is_not_complete_and_names_it() {
    let (_bench, mut engine) = refused(false).await;
    assert!(!engine.is_at_work());
    let end = engine.verdict(false, false).expect("nothing is left");
    assert_eq!(end.state, JobState::Failed);
    assert_eq!(engine.cut().state, JobState::Failed);
    let error = engine.take_failure(false, false).expect("it is told");
    let text = chain(&error);
    assert!(text.contains("database 'C' cannot be copied"), "{text}");
    assert!(text.contains("no permission"), "{text}");
}

#[tokio::test]
async fn what_was_refused_is_told_until_an_iteration_was_opened() {
    let (bench, engine) = refused(false).await;
    engine.lease.give_up().await;
    let mut engine = bench.engine().await;
    engine.pace = Pace::Step(Style::Economy);
    engine.open_iterations().await.expect("nothing is due");
    let error = |engine: &Engine| report(engine).databases[1].error.clone();
    assert!(error(&engine).is_some_and(|error| error.contains("no permission")));
    bench.cluster.state().no_permission = None;
    engine.control.start_now = Some("another wish".to_owned());
    engine.open_iterations().await.expect("opens");
    assert_eq!(error(&engine), None);
}

#[tokio::test]
async fn whoever_asks_for_an_iteration_does_not_wait_for_the_pause_of_what_was_refused() {
    let (bench, mut engine) = refused(true).await;
    let open = |engine: &Engine| engine.sides[1].stored.record.open().is_some();
    engine.started = (Some("a wish".to_owned()), [0, 1].into());
    bench.cluster.state().no_permission = None;
    engine.open_iterations().await.expect("waits");
    assert!(!open(&engine), "it was refused a moment ago");
    engine.control.start_now = Some("another wish".to_owned());
    engine.open_iterations().await.expect("opens");
    assert!(open(&engine));
}

#[tokio::test]
async fn an_execution_over_a_replaced_source_ends_though_its_tables_wait() {
    let bench = Bench::new(&["A"]).await;
    bench.cluster.state().table("A", "T");
    let mut engine = bench.engine().await;
    engine.open_iterations().await.expect("opens");
    assert!(engine.is_at_work());
    engine.lease.give_up().await;
    bench.cluster.state().replaced = true;
    let mut engine = bench.engine().await;
    engine.open_iterations().await.expect("it is kept apart");
    assert!(engine.is_refused(0) && engine.live.is_empty());
    assert!(!engine.is_at_work(), "its table waits for a person");
    assert!(engine.verdict(false, false).is_some(), "the execution ends");
}
