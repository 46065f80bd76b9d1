//! The thread that writes recordings: one for an engine, so that a slow disk delays no packet.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;

use super::{CHUNK_SAMPLES, SPEC, duration_of};
use crate::media::{LegEvent, LegStats, RecordEnd, RecordTag, Recorded};

/// How often headers are brought up to date and the disk is asked to keep what it was given.
const FLUSH_EVERY: Duration = Duration::from_secs(1);

/// Chunks that may wait for the disk before recordings are given up: about 64 MB of memory.
const BACKLOG_LIMIT: usize = (64 << 20) / (CHUNK_SAMPLES * size_of::<i16>());

/// Empty buffers that are kept: many recordings take turns with few.
const SPARE: usize = 64;

/// Names one recording within an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TakeId(u64);

/// The last recording that could not be written, until one succeeds again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub kind: io::ErrorKind,
    /// What the system said, with the path.
    pub message: String,
}

/// What the media threads ask of the writer.
enum Job {
    Open {
        take: TakeId,
        tag: RecordTag,
        path: PathBuf,
        events: UnboundedSender<LegEvent>,
    },
    Samples {
        take: TakeId,
        chunk: Vec<i16>,
    },
    Close {
        take: TakeId,
        ended_by: RecordEnd,
        speech: Duration,
    },
    /// The last event of a leg that recorded, after its recording is complete.
    Farewell {
        events: UnboundedSender<LegEvent>,
        stats: LegStats,
    },
}

/// What both sides of the job queue see.
#[derive(Default)]
struct Shared {
    /// Chunks that wait for the disk.
    backlog: AtomicUsize,
    takes: AtomicU64,
    fault: Mutex<Option<Fault>>,
    /// Buffers on their way back to the media threads.
    spare: Mutex<Vec<Vec<i16>>>,
}

/// The writer thread. Ends when every [`RecorderHandle`] is gone; dropping it waits for that.
pub struct Recorder {
    handle: Option<RecorderHandle>,
    thread: Option<JoinHandle<()>>,
}

impl Recorder {
    /// Starts the thread.
    pub fn start() -> io::Result<Recorder> {
        let (jobs, queue) = channel();
        let shared = Arc::new(Shared::default());
        let writer = Writer { queue, shared: shared.clone(), tracks: HashMap::new() };
        let thread =
            std::thread::Builder::new().name("recorder".into()).spawn(move || writer.run())?;
        Ok(Recorder { handle: Some(RecorderHandle { jobs, shared }), thread: Some(thread) })
    }

    /// A way to hand recordings to the thread.
    pub fn handle(&self) -> RecorderHandle {
        self.handle.clone().expect("present until drop")
    }

    /// The error state: set by a recording that failed, cleared by one that succeeded or by [`Recorder::clear_fault`].
    pub fn fault(&self) -> Option<Fault> {
        self.handle.as_ref().and_then(|handle| lock(&handle.shared.fault).clone())
    }

    /// Ends the error state: somebody tried the disk and it takes what it is given. A newer fault stays.
    pub fn clear_fault(&self, tried: &Fault) {
        if let Some(handle) = &self.handle {
            lock(&handle.shared.fault).take_if(|fault| fault == tried);
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.handle = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A media thread's side of the recorder. Nothing here waits for the disk.
#[derive(Clone)]
pub struct RecorderHandle {
    jobs: Sender<Job>,
    shared: Arc<Shared>,
}

impl RecorderHandle {
    /// Creates the file. The end is told on `events`, once, be it good or bad.
    pub fn open(&self, tag: RecordTag, path: PathBuf, events: UnboundedSender<LegEvent>) -> TakeId {
        let take = TakeId(self.shared.takes.fetch_add(1, Ordering::Relaxed));
        self.submit(Job::Open { take, tag, path, events });
        take
    }

    /// Appends samples; when the disk has fallen hopelessly behind, ends the recording instead.
    pub fn write(&self, take: TakeId, chunk: Vec<i16>) {
        if self.shared.backlog.fetch_add(1, Ordering::Relaxed) < BACKLOG_LIMIT {
            self.submit(Job::Samples { take, chunk });
        } else {
            self.shared.backlog.fetch_sub(1, Ordering::Relaxed);
            let ended_by = RecordEnd::Failed(io::ErrorKind::TimedOut);
            self.submit(Job::Close { take, ended_by, speech: Duration::ZERO });
        }
    }

    /// Completes the file and tells so.
    pub fn close(&self, take: TakeId, ended_by: RecordEnd, speech: Duration) {
        self.submit(Job::Close { take, ended_by, speech });
    }

    /// Tells the end of a leg after all that its recordings have to say.
    pub fn farewell(&self, events: UnboundedSender<LegEvent>, stats: LegStats) {
        self.submit(Job::Farewell { events, stats });
    }

    /// An empty buffer for a chunk, used before if there is one.
    pub fn buffer(&self) -> Vec<i16> {
        lock(&self.shared.spare).pop().unwrap_or_else(|| Vec::with_capacity(CHUNK_SAMPLES))
    }

    fn submit(&self, job: Job) {
        // The writer outlives every handle, so the queue is open.
        let _ = self.jobs.send(job);
    }
}

/// One file being written.
struct Track {
    tag: RecordTag,
    path: PathBuf,
    events: UnboundedSender<LegEvent>,
    file: Arc<File>,
    wav: hound::WavWriter<Arc<File>>,
    dirty: bool,
}

struct Writer {
    queue: Receiver<Job>,
    shared: Arc<Shared>,
    tracks: HashMap<TakeId, Track>,
}

impl Writer {
    #[expect(clippy::disallowed_methods, reason = "the writer thread keeps its own flush interval")]
    fn run(mut self) {
        let mut flush_at = Instant::now() + FLUSH_EVERY;
        loop {
            let wait = flush_at.saturating_duration_since(Instant::now());
            match self.queue.recv_timeout(wait) {
                Ok(job) => self.handle(job),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            let now = Instant::now();
            if now >= flush_at {
                self.flush();
                // A disk that needs long for it is asked less often, so that it can keep up with the samples.
                flush_at = Instant::now() + FLUSH_EVERY.max(now.elapsed() * 4);
            }
        }
    }

    fn handle(&mut self, job: Job) {
        match job {
            Job::Open { take, tag, path, events } => self.open(take, tag, path, events),
            Job::Samples { take, chunk } => self.write(take, chunk),
            Job::Close { take, ended_by, speech } => self.close(take, ended_by, speech),
            Job::Farewell { events, stats } => {
                let _ = events.send(LegEvent::Closed(stats));
            }
        }
    }

    fn open(
        &mut self,
        take: TakeId,
        tag: RecordTag,
        path: PathBuf,
        events: UnboundedSender<LegEvent>,
    ) {
        match create(&path) {
            Ok((file, wav)) => {
                let track = Track { tag, path, events, file, wav, dirty: true };
                self.tracks.insert(take, track);
            }
            Err(error) => self.report_failure(tag, path, &events, 0, &error),
        }
    }

    /// Appends to the file; a take that has failed already is not there any more.
    fn write(&mut self, take: TakeId, chunk: Vec<i16>) {
        self.shared.backlog.fetch_sub(1, Ordering::Relaxed);
        if let Some(track) = self.tracks.get_mut(&take)
            && let Err(error) = track.append(&chunk)
        {
            self.fail(take, &error);
        }
        self.recycle(chunk);
    }

    fn recycle(&self, chunk: Vec<i16>) {
        let mut spare = lock(&self.shared.spare);
        if spare.len() < SPARE {
            spare.push(chunk);
        }
    }

    fn close(&mut self, take: TakeId, ended_by: RecordEnd, speech: Duration) {
        let Some(track) = self.tracks.remove(&take) else { return };
        if let RecordEnd::Failed(kind) = ended_by {
            let error = io::Error::new(kind, "the disk has fallen behind");
            let Track { tag, path, events, wav, .. } = track;
            let samples = wav.duration().into();
            drop(wav);
            return self.report_failure(tag, path, &events, samples, &error);
        }
        let Track { tag, path, events, file, wav, .. } = track;
        let samples = u64::from(wav.duration());
        match finish(wav, &file) {
            Ok(()) => {
                *lock(&self.shared.fault) = None;
                metrics::counter!("kentongan_media_recordings_total", "outcome" => "complete")
                    .increment(1);
                let duration = duration_of(samples);
                let recorded = Recorded { tag, path, ended_by, duration, speech };
                let _ = events.send(LegEvent::Recorded(recorded));
            }
            Err(error) => self.report_failure(tag, path, &events, samples, &error),
        }
    }

    fn fail(&mut self, take: TakeId, error: &io::Error) {
        if let Some(Track { tag, path, events, wav, .. }) = self.tracks.remove(&take) {
            let samples = wav.duration().into();
            // Its last act is to write the header: whoever is told next may mend the file.
            drop(wav);
            self.report_failure(tag, path, &events, samples, error);
        }
    }

    fn report_failure(
        &self,
        tag: RecordTag,
        path: PathBuf,
        events: &UnboundedSender<LegEvent>,
        samples: u64,
        error: &io::Error,
    ) {
        let message = format!("{}: {error}", path.display());
        tracing::error!(recording.error = %message, "a recording cannot be written");
        metrics::counter!("kentongan_media_recordings_total", "outcome" => "failed").increment(1);
        *lock(&self.shared.fault) = Some(Fault { kind: error.kind(), message });
        let _ = events.send(LegEvent::Recorded(Recorded {
            tag,
            path,
            ended_by: RecordEnd::Failed(error.kind()),
            duration: duration_of(samples),
            speech: Duration::ZERO,
        }));
    }

    /// Brings every header up to date, then asks the file system once to keep it all through a power cut.
    fn flush(&mut self) {
        let failed: Vec<_> = self
            .tracks
            .iter_mut()
            .filter_map(|(take, track)| track.flush().err().map(|error| (*take, error)))
            .collect();
        for (take, error) in failed {
            self.fail(take, &error);
        }
        if let Some(track) = self.tracks.values().next()
            && let Err(error) = rustix::fs::syncfs(&track.file)
        {
            tracing::warn!(%error, "the disk does not confirm that recordings are kept");
        }
    }
}

impl Track {
    fn append(&mut self, chunk: &[i16]) -> io::Result<()> {
        self.dirty = true;
        for piece in chunk.chunks(CHUNK_SAMPLES) {
            let mut samples = self.wav.get_i16_writer(piece.len() as u32);
            piece.iter().for_each(|sample| samples.write_sample(*sample));
            samples.flush().map_err(io_error)?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        match std::mem::take(&mut self.dirty) {
            true => self.wav.flush().map_err(io_error),
            false => Ok(()),
        }
    }
}

fn create(path: &Path) -> io::Result<(Arc<File>, hound::WavWriter<Arc<File>>)> {
    let file = Arc::new(File::create(path)?);
    let wav = hound::WavWriter::new(file.clone(), SPEC).map_err(io_error)?;
    Ok((file, wav))
}

/// Complete and on the disk, not only in its cache.
fn finish(wav: hound::WavWriter<Arc<File>>, file: &File) -> io::Result<()> {
    wav.finalize().map_err(io_error)?;
    file.sync_data()
}

fn io_error(error: hound::Error) -> io::Error {
    match error {
        hound::Error::IoError(error) => error,
        other => io::Error::other(other),
    }
}

/// A panic elsewhere leaves plain values behind; they are still good.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

    use super::*;

    fn recorded(events: &mut UnboundedReceiver<LegEvent>) -> Recorded {
        match events.blocking_recv() {
            Some(LegEvent::Recorded(recorded)) => recorded,
            other => panic!("not a recording: {other:?}"),
        }
    }

    #[test]
    fn a_recording_is_complete_on_disk_when_it_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.wav");
        let (events, mut told) = unbounded_channel();
        let recorder = Recorder::start().unwrap();
        let handle = recorder.handle();
        let take = handle.open(7, path.clone(), events);
        handle.write(take, (0..4000).collect());
        handle.write(take, (4000..4800).collect());
        handle.close(take, RecordEnd::Silence, Duration::from_millis(400));

        let expected = Recorded {
            tag: 7,
            path: path.clone(),
            ended_by: RecordEnd::Silence,
            duration: Duration::from_millis(600),
            speech: Duration::from_millis(400),
        };
        assert_eq!(recorded(&mut told), expected);
        let samples: Vec<i16> =
            hound::WavReader::open(&path).unwrap().samples().map(Result::unwrap).collect();
        assert_eq!(samples, (0..4800).collect::<Vec<i16>>());
        assert_eq!(recorder.fault(), None);
    }

    #[test]
    fn samples_are_in_the_file_before_it_is_closed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.wav");
        let (events, _told) = unbounded_channel();
        let recorder = Recorder::start().unwrap();
        let handle = recorder.handle();
        let take = handle.open(1, path.clone(), events);
        handle.write(take, vec![5; 4000]);
        // A second take that ends stands behind the first one's samples in the queue.
        let (other, mut told) = unbounded_channel();
        let take = handle.open(2, dir.path().join("b.wav"), other);
        handle.close(take, RecordEnd::Stopped, Duration::ZERO);
        recorded(&mut told);

        // What a killed process leaves: a file as it is now, without the header of its end.
        let copy = dir.path().join("killed.wav");
        std::fs::copy(&path, &copy).unwrap();
        let repaired = super::super::repair(&copy).unwrap();
        assert_eq!(repaired.duration, Duration::from_millis(500));
    }

    #[test]
    fn a_full_disk_ends_the_recording_and_sets_the_error_state_until_one_succeeds() {
        let dir = tempfile::tempdir().unwrap();
        let full = dir.path().join("full.wav");
        std::os::unix::fs::symlink("/dev/full", &full).unwrap();
        let (events, mut told) = unbounded_channel();
        let recorder = Recorder::start().unwrap();
        let handle = recorder.handle();
        let take = handle.open(1, full, events.clone());
        handle.write(take, vec![1; 4000]);
        handle.close(take, RecordEnd::Stopped, Duration::ZERO);
        handle.farewell(events.clone(), LegStats::default());
        let failed = RecordEnd::Failed(io::ErrorKind::StorageFull);
        assert_eq!(recorded(&mut told).ended_by, failed);
        assert_eq!(told.blocking_recv(), Some(LegEvent::Closed(LegStats::default())));
        assert_eq!(recorder.fault().map(|fault| fault.kind), Some(io::ErrorKind::StorageFull));

        let take = handle.open(2, dir.path().join("b.wav"), events);
        handle.close(take, RecordEnd::Stopped, Duration::ZERO);
        assert_eq!(recorded(&mut told).ended_by, RecordEnd::Stopped);
        assert_eq!(recorder.fault(), None);
    }

    #[test]
    fn a_directory_that_is_not_there_fails_at_once() {
        let (events, mut told) = unbounded_channel();
        let recorder = Recorder::start().unwrap();
        recorder.handle().open(1, "/nonexistent/a.wav".into(), events);
        assert_eq!(recorded(&mut told).ended_by, RecordEnd::Failed(io::ErrorKind::NotFound));
    }
}
