//! Bringing evidence to the disk, beside the hot path.
//!
//! What is committed is in the kernel and survives the death of the process;
//! only a power loss needs a sync, and a sync takes milliseconds. One thread
//! does it, at most once a second, and a failure poisons the log: after a
//! failed sync the kernel may have dropped the data.

use super::error::AuditError;
use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Shortest time between two syncs.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Syncer {
    send: Sender<Arc<File>>,
    shared: Arc<Shared>,
    worker: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    /// A request for the current file waits; another would say the same.
    waiting: AtomicBool,
    failed: OnceLock<String>,
}

impl Syncer {
    pub(super) fn start() -> Result<Self, AuditError> {
        Self::start_with(File::sync_data)
    }

    fn start_with(
        sync: impl Fn(&File) -> io::Result<()> + Send + 'static,
    ) -> Result<Self, AuditError> {
        let (send, receive) = channel();
        let shared = Arc::new(Shared::default());
        let worker = {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new()
                .name("audit-sync".to_owned())
                .stack_size(64 * 1024)
                .spawn(move || work(&receive, &shared, &sync))
                .map_err(AuditError::Thread)?
        };
        Ok(Self {
            send,
            shared,
            worker,
        })
    }

    /// Asks for a sync of the current file; tells of an earlier failure.
    pub(super) fn request(&self, file: &Arc<File>) -> Result<(), AuditError> {
        if !self.shared.waiting.swap(true, Ordering::AcqRel) {
            self.hand_over(file)?;
        }
        self.check()
    }

    /// Asks for a sync of a file that is not written any more, or a directory.
    pub(super) fn hand_over(&self, file: &Arc<File>) -> Result<(), AuditError> {
        let ended = |_| AuditError::Sync("the thread that does it has ended".to_owned());
        self.send.send(Arc::clone(file)).map_err(ended)
    }

    fn check(&self) -> Result<(), AuditError> {
        match self.shared.failed.get() {
            Some(failure) => Err(AuditError::Sync(failure.clone())),
            None => Ok(()),
        }
    }

    /// Ends the thread and syncs once more.
    pub(super) fn finish(self, file: &File) -> Result<(), AuditError> {
        drop(self.send);
        let ended = |_| AuditError::Sync("the thread that does it has panicked".to_owned());
        self.worker.join().map_err(ended)?;
        if let Some(failure) = self.shared.failed.get() {
            return Err(AuditError::Sync(failure.clone()));
        }
        file.sync_all().map_err(|e| AuditError::Sync(e.to_string()))
    }
}

fn work(requests: &Receiver<Arc<File>>, shared: &Shared, sync: &dyn Fn(&File) -> io::Result<()>) {
    let mut next = Instant::now();
    while let Ok(first) = requests.recv() {
        let mut files = vec![first];
        // Ends early when the log is closed.
        while let Some(left) = next.checked_duration_since(Instant::now())
            && let Ok(file) = requests.recv_timeout(left)
        {
            files.push(file);
        }
        // Cleared before the sync: what is written from now on asks again.
        shared.waiting.store(false, Ordering::Release);
        for file in files {
            if let Err(e) = sync(&file) {
                // The first failure stays.
                let _ = shared.failed.set(e.to_string());
            }
        }
        next = Instant::now() + PAUSE;
    }
}

#[cfg(test)]
mod tests {
    use super::{PAUSE, Syncer};
    use std::fs::File;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::{Duration, Instant};

    #[test]
    fn a_failed_sync_is_told() {
        let syncer = Syncer::start().unwrap();
        // A character device that cannot be synced.
        let file = Arc::new(File::open("/dev/null").unwrap());
        let end = Instant::now() + Duration::from_secs(10);
        while syncer.request(&file).is_ok() {
            assert!(Instant::now() < end, "no failure in ten seconds");
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(syncer.finish(&file).is_err());
    }

    #[test]
    fn many_requests_are_few_syncs_and_finish_does_not_wait_for_the_next() {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        let syncer = Syncer::start_with(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
            Ok(())
        })
        .unwrap();
        let file = Arc::new(tempfile::tempfile().unwrap());
        let start = Instant::now();
        while start.elapsed() < PAUSE / 2 {
            syncer.request(&file).unwrap();
        }
        let asked = start.elapsed();
        syncer.finish(&file).unwrap();
        // One at once, one for what came after it; more only on a slow machine.
        let most = 2 + usize::try_from(asked.as_secs()).unwrap();
        let count = count.load(Ordering::Relaxed);
        assert!((2..=most).contains(&count), "{count} syncs");
        assert!(start.elapsed() < asked + PAUSE / 2);
    }
}
