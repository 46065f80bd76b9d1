//! Loading the model: one that cannot be loaded is not read again and again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::asr::{Config, OpenError, Transcriber, model};
use crate::clock::{Clock, Timestamp};

/// After so long one that could not be loaded is tried again: it may have been the memory.
const AGAIN: Duration = Duration::from_secs(600);

/// Brings the engine of one configuration.
pub(super) struct Loader {
    config: Config,
    clock: Arc<dyn Clock>,
    failed: Mutex<Option<Failed>>,
}

/// A model that is there and could not be loaded.
struct Failed {
    /// When its file was last written to.
    written: Option<SystemTime>,
    at: Timestamp,
    reason: String,
}

impl Loader {
    pub fn new(config: Config, clock: Arc<dyn Clock>) -> Loader {
        Loader { config, clock, failed: Mutex::default() }
    }

    /// What `open` makes of the configuration. A model that it found broken is left alone until its file is another
    /// one, or until ten minutes are over; a missing one is looked for each time.
    pub fn load(
        &self,
        open: impl Fn(&Config) -> Result<Arc<dyn Transcriber>, OpenError>,
    ) -> Result<Arc<dyn Transcriber>, String> {
        let (written, now) = (self.written(), self.clock.now());
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(failed) = &*failed
            && failed.written == written
            && now < failed.at + AGAIN
        {
            return Err(failed.reason.clone());
        }
        open(&self.config).map_err(|error| {
            let reason = error.to_string();
            *failed =
                error.is_broken().then(|| Failed { written, at: now, reason: reason.clone() });
            reason
        })
    }

    fn written(&self) -> Option<SystemTime> {
        let model = model::find(&self.config.models, &self.config.model)?;
        model.path.metadata().ok()?.modified().ok()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::fs::File;

    use super::*;
    use crate::clock::TestClock;

    #[test]
    fn a_broken_model_is_read_once_until_its_file_is_another_one() {
        let folder = tempfile::tempdir().unwrap();
        let config =
            Config { models: folder.path().into(), model: "mine".into(), ..Config::default() };
        let clock = Arc::new(TestClock::at(Timestamp(0)));
        let loader = Loader::new(config, clock.clone());
        let opened = Cell::new(0);
        let asked = || {
            let before = opened.get();
            let open = |config: &Config| {
                opened.set(opened.get() + 1);
                crate::asr::open(config)
            };
            let reason = loader.load(open).err().unwrap();
            (opened.get() - before, reason)
        };
        for _ in 0..3 {
            assert_eq!(asked().0, 1, "a missing one may have come");
        }
        let file = folder.path().join("mine/model.ggml");
        std::fs::create_dir(folder.path().join("mine")).unwrap();
        std::fs::write(&file, "no model").unwrap();
        let (times, reason) = asked();
        assert_eq!(times, 1);
        for _ in 0..3 {
            assert_eq!(asked(), (0, reason.clone()), "it is as it was");
        }
        let later = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
        File::options().write(true).open(&file).unwrap().set_modified(later).unwrap();
        assert_eq!(asked().0, 1, "somebody installed another one");
        assert_eq!(asked().0, 0);
        clock.advance(AGAIN);
        assert_eq!(asked().0, 1);
    }
}
