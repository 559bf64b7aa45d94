//! The job's lease: one worker at a time, fenced by an epoch that only grows.
//!
//! The lease saves work; what keeps rows exact is that every write names the version it replaces
//! and that taking over rewrites the heads of activities under the new epoch.

use std::path::Path;
use std::time::Duration;

use kusto_copy_core::vocabulary::Millis;
use kusto_copy_store::Store;
use kusto_copy_store::lease::{Acquisition, Lease, Renewal, acquire, release, renew};

use crate::clock::now;
use crate::error::DriverError;
use crate::persist::lease_key;

/// How long a lease runs unless renewed.
const TERM: Duration = Duration::from_secs(60);
/// After how many milliseconds it is renewed.
const RENEW_AFTER: u64 = 15_000;

/// A held lease.
pub(crate) struct JobLease {
    lease: Lease,
    renewed: Millis,
}

impl JobLease {
    /// Takes the lease.
    ///
    /// A holder on this very machine whose process is gone cannot come back, so its lease is
    /// ended at once: a killed copier starts again without waiting. Were that wrong (another
    /// process space that looks like ours), the fences would still hold.
    pub(crate) async fn take(store: &dyn Store) -> Result<Self, DriverError> {
        let (key, owner) = (lease_key()?, owner());
        let mut taken = acquire(store, &key, &owner, TERM).await?;
        if let Acquisition::Busy { holder, .. } = &taken
            && is_dead(holder.owner())
        {
            release(store, holder).await?;
            taken = acquire(store, &key, &owner, TERM).await?;
        }
        match taken {
            Acquisition::Acquired(lease) => Ok(Self {
                lease,
                renewed: now(),
            }),
            Acquisition::Busy { holder, store_time } => {
                let left = holder
                    .expires()
                    .unix_millis()
                    .saturating_sub(store_time.unix_millis());
                Err(DriverError::Busy {
                    seconds: u64::try_from(left / 1_000).unwrap_or(0) + 1,
                })
            }
        }
    }

    /// Renews it when it is time; whether it was.
    pub(crate) async fn keep(&mut self, store: &dyn Store) -> Result<bool, DriverError> {
        let moment = now();
        if moment.since(self.renewed) < RENEW_AFTER {
            return Ok(false);
        }
        match renew(store, &self.lease, TERM).await {
            Ok(Renewal::Renewed(lease)) => {
                self.lease = lease;
                self.renewed = moment;
                Ok(true)
            }
            Ok(Renewal::Lost) => Err(DriverError::TakenOver),
            Err(error) if error.is_unavailable() || error.is_ambiguous() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Ends it, so that the next worker need not wait.
    pub(crate) async fn give_up(self, store: &dyn Store) {
        if let Err(error) = release(store, &self.lease).await {
            tracing::debug!(%error, "the lease was left to expire");
        }
    }

    /// The epoch.
    pub(crate) fn epoch(&self) -> u64 {
        self.lease.epoch()
    }
}

/// `<process space> <process> <its start> <random>`.
fn owner() -> String {
    let process = std::process::id();
    format!(
        "{} {process} {} {:032x}",
        process_space(),
        started(process).unwrap_or_default(),
        uuid::Uuid::new_v4().as_u128()
    )
}

/// What tells process numbers of one boot and container from those of another; empty where the
/// system does not say.
fn process_space() -> String {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let space = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    format!("{}{}", boot.trim(), space.display()).replace(' ', "")
}

/// When a process started, in the system's own count; `None` when there is no such process.
fn started(process: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let after_name = stat.rsplit_once(')')?.1;
    after_name.split_whitespace().nth(19).map(str::to_owned)
}

fn is_dead(owner: &str) -> bool {
    let mut words = owner.split(' ');
    let (Some(space), Some(process), Some(start)) = (words.next(), words.next(), words.next())
    else {
        return false;
    };
    let here = process_space();
    if here.is_empty() || space != here || !Path::new("/proc/self/stat").exists() {
        return false;
    }
    process
        .parse()
        .is_ok_and(|process| started(process).as_deref() != Some(start))
}

#[cfg(test)]
mod tests {
    use super::{is_dead, owner, process_space};

    #[test]
    fn only_a_process_of_this_space_that_is_gone_is_dead() {
        assert!(!is_dead(&owner()), "we live");
        assert!(!is_dead("elsewhere 1 1 x"), "another space is unknown");
        assert!(!is_dead(""), "no words tell nothing");
        if !process_space().is_empty() {
            assert!(
                is_dead(&format!("{} {} 1 x", process_space(), std::process::id())),
                "a number used again"
            );
        }
    }
}
