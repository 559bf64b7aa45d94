//! What a cluster does by itself: merges, retention, cursor values.

use std::sync::Arc;
use std::time::Duration;

use crate::capacity::Resource;
use crate::clock::{now_ticks, ticks_of_ms};
use crate::engine::Engine;
use crate::error::KustoError;
use crate::settings::Merge;

/// Time between two looks at the settings and the clock.
const TICK: Duration = Duration::from_millis(50);

/// Runs until it is dropped.
pub(crate) async fn run(engine: Arc<Engine>) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut merged, mut retained) = (now_ticks(), now_ticks());
    loop {
        ticks.tick().await;
        let (settings, now) = (engine.settings(), now_ticks());
        for database in engine.databases() {
            database.settle_cursors(now);
        }
        if is_due(merged, settings.merge.every_ms, now) {
            merged = now;
            report("merge", merge_all(&engine, &settings.merge).await.map(drop));
        }
        if is_due(retained, settings.retention.every_ms, now) {
            retained = now;
            report("retention", drop_expired(&engine));
        }
    }
}

fn is_due(last: i64, every_ms: u64, now: i64) -> bool {
    every_ms > 0 && now.saturating_sub(last) >= ticks_of_ms(every_ms)
}

fn report(what: &str, result: Result<(), KustoError>) {
    if let Err(error) = result {
        tracing::warn!(%error, what, "background work failed");
    }
}

/// One round of merges in all databases; returns the number of extents made.
pub(crate) async fn merge_all(engine: &Arc<Engine>, settings: &Merge) -> Result<usize, KustoError> {
    let total = || Resource::Merge.total(&engine.settings().capacity);
    let slot = engine
        .capacity
        .acquire(Resource::Merge, total, Duration::ZERO)
        .await;
    if slot.is_none() {
        return Ok(0);
    }
    let mut made = 0;
    for database in engine.databases() {
        made += database.commit(engine.commit_settings(), |transaction| {
            transaction.merge_all(settings)
        })?;
    }
    Ok(made)
}

/// One round of retention in all databases.
pub(crate) fn drop_expired(engine: &Engine) -> Result<(), KustoError> {
    let now = now_ticks();
    for database in engine.databases() {
        if database.read(|held| held.expired(now).is_empty()) {
            continue;
        }
        database.commit(engine.commit_settings(), |transaction| {
            transaction.drop_expired()
        })?;
    }
    Ok(())
}
