//! Random histories of the core with a model of two clusters: each ends equal and exactly once.

use std::collections::BTreeMap;

use kusto_copy_sim::history::History;

/// One seed, from the environment: to see a failure again.
const REPLAY: &str = "KUSTO_COPY_SIM_SEED";
/// How many seeds.
const COUNT: &str = "KUSTO_COPY_SIM_HISTORIES";

/// What must have happened somewhere in a thousand histories.
const WANTED: &[(&str, &str)] = &[
    ("none", "planned"),
    ("none", "expired"),
    ("abandoning", "held"),
    ("group", "member"),
    ("exporting", "planned"),
    ("exporting", "replanning"),
    ("exported", "replanning"),
    ("exported", "planned"),
    ("ingesting", "exported"),
    ("ingesting", "abandoning"),
    ("abandoning", "planned"),
    ("abandoning", "exported"),
    ("abandoning", "replanning"),
    ("moving", "again"),
    ("moving", "moved"),
    ("failure", "lost answer"),
    ("failure", "operation"),
    ("failure", "timed out"),
    ("failure", "forgotten"),
    ("failure", "count"),
    ("failure", "files"),
    ("failure", "group"),
];

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn random_histories_end_equal_and_exactly_once() {
    let seeds = match number(REPLAY) {
        Some(seed) => seed..seed + 1,
        None => 0..number(COUNT).unwrap_or(2_000),
    };
    let mut seen: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    let many = seeds.end - seeds.start >= 1_000;
    for seed in seeds {
        let mut history = History::random(seed);
        let standing = |history: &History| {
            format!(
                "seed {seed} (replay with {REPLAY}={seed}):\n{}",
                history.standing()
            )
        };
        match history.run() {
            Ok(summary) => {
                assert!(summary.stuck.is_none(), "stuck: {}", standing(&history));
                for (what, count) in summary.seen {
                    *seen.entry(what).or_default() += count;
                }
            }
            Err(violation) => panic!("{violation}\n{}", standing(&history)),
        }
    }
    // Histories in which nothing goes wrong would prove nothing.
    for what in WANTED {
        assert!(
            !many || seen.contains_key(what),
            "no history had {what:?}: {seen:?}"
        );
    }
}
