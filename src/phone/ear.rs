//! Tells which prompts are heard in a stream of audio.
//!
//! A prompt is sent as the same G.711 bytes each time, so a few samples of it, taken where no other prompt has
//! them, give it away, and the rest of it is then compared sample by sample. It works on what a phone decoded
//! (any G.711 phone that does not resample), survives lost packets in all but those few samples, and hears
//! prompts that were cut short as such.

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::media::prompt::{ClipError, Library};
use crate::media::{Clip, Codec, SAMPLE_RATE};

/// Samples in a key: 4 ms, long enough to be rare and short enough to lie inside one packet.
const KEY: usize = 32;
/// Share of samples that must be right for a prompt to count as heard.
const LIKENESS: f64 = 0.8;
/// A key must hold this many different samples; silence and steady tones give nothing away.
const VARIETY: usize = 12;

/// A prompt that was heard from its beginning to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The prompt's id.
    pub id: String,
    /// Where it began, counted from the first sample given to the ear.
    pub at: Duration,
    /// Whether all of it was heard; `false` for one that was cut short.
    pub whole: bool,
}

struct Known {
    id: String,
    samples: Vec<i16>,
    /// Where the key lies in it.
    key_at: usize,
}

/// What the prompts sound like in one law, and how each is told from the others.
struct Prints {
    known: Vec<Known>,
    keys: HashMap<[i16; KEY], usize>,
    longest: usize,
}

/// The prompts that ears are to know. Looking for what tells them apart takes a while; it is done once for each law.
pub struct Repertoire {
    library: Library,
    pcma: OnceLock<Arc<Prints>>,
    pcmu: OnceLock<Arc<Prints>>,
}

impl Repertoire {
    /// Every clip of `library`.
    ///
    /// Clips with nothing of their own to tell them by (silence, tones) are never reported.
    pub fn new(library: Library) -> Repertoire {
        Repertoire { library, pcma: OnceLock::new(), pcmu: OnceLock::new() }
    }

    /// The clip of this id.
    pub fn clip(&self, id: &str) -> Option<Arc<Clip>> {
        self.library.get(id)
    }

    /// An ear for the prompts as they sound after `codec`.
    pub fn ear(&self, codec: Codec) -> Ear {
        let prints = match codec {
            Codec::Pcma => &self.pcma,
            Codec::Pcmu => &self.pcmu,
        };
        Ear::with(prints.get_or_init(|| Arc::new(Prints::new(self.library.iter(), codec))).clone())
    }
}

/// Listens for the prompts that it knows.
pub struct Ear {
    prints: Arc<Prints>,
    /// The last samples heard; `past` more came before them.
    heard: VecDeque<i16>,
    past: usize,
    /// Samples already searched for keys.
    searched: usize,
    /// Prompts whose key has been seen: which, and where each began.
    begun: Vec<(usize, usize)>,
}

impl Prints {
    fn new<'a>(clips: impl IntoIterator<Item = (&'a str, &'a Arc<Clip>)>, codec: Codec) -> Prints {
        let sounds: Vec<(String, Vec<i16>)> = clips
            .into_iter()
            .map(|(id, clip)| {
                let mut samples = Vec::new();
                codec.decode(clip.bytes(codec), &mut samples);
                (id.to_owned(), samples)
            })
            .collect();
        let common = common_windows(&sounds);
        let known: Vec<Known> = sounds
            .into_iter()
            .filter_map(|(id, samples)| {
                let key_at = key_of(&samples, &common)?;
                Some(Known { id, samples, key_at })
            })
            .collect();
        let keys =
            known.iter().enumerate().map(|(i, k)| (window(&k.samples, k.key_at), i)).collect();
        let longest = known.iter().map(|k| k.samples.len()).max().unwrap_or(0);
        Prints { known, keys, longest }
    }
}

impl Ear {
    /// An ear that knows no prompt.
    pub fn ignorant() -> Ear {
        Ear::with(Arc::new(Prints::new([], Codec::Pcma)))
    }

    fn with(prints: Arc<Prints>) -> Ear {
        Ear { prints, heard: VecDeque::new(), past: 0, searched: 0, begun: Vec::new() }
    }

    /// Takes what was heard next; tells the prompts that ended in it.
    pub fn hear(&mut self, samples: &[i16]) -> Vec<Heard> {
        self.heard.extend(samples);
        self.find_keys();
        let ended = self.ended(false);
        self.forget();
        ended
    }

    /// No more will come: tells the prompts that were cut short.
    pub fn end(&mut self) -> Vec<Heard> {
        self.ended(true)
    }

    /// How much has been heard so far.
    pub fn position(&self) -> Duration {
        time_of(self.past + self.heard.len())
    }

    fn find_keys(&mut self) {
        let end = self.past + self.heard.len();
        let from = self.searched.max(self.past);
        let fresh: Vec<i16> = self.heard.iter().skip(from - self.past).copied().collect();
        for (offset, candidate) in fresh.windows(KEY).enumerate() {
            let Some(&which) =
                <&[i16; KEY]>::try_from(candidate).ok().and_then(|k| self.prints.keys.get(k))
            else {
                continue;
            };
            if let Some(began) = (from + offset).checked_sub(self.prints.known[which].key_at) {
                self.begun.push((which, began));
            }
        }
        self.searched = (end + 1).saturating_sub(KEY).max(from);
    }

    /// Takes out those of `begun` that have run their length, and at the `end` all.
    fn ended(&mut self, end: bool) -> Vec<Heard> {
        let now = self.past + self.heard.len();
        let mut out = Vec::new();
        let begun = std::mem::take(&mut self.begun);
        for (which, began) in begun {
            let over = began + self.prints.known[which].samples.len();
            if now < over && !end {
                self.begun.push((which, began));
                continue;
            }
            let whole = now >= over && self.likeness(which, began) >= LIKENESS;
            out.push(Heard { id: self.prints.known[which].id.clone(), at: time_of(began), whole });
        }
        out.sort_by_key(|h| h.at);
        out
    }

    fn likeness(&self, which: usize, began: usize) -> f64 {
        let samples = &self.prints.known[which].samples;
        let Some(from) = began.checked_sub(self.past) else { return 0.0 };
        let same = samples.iter().zip(self.heard.range(from..)).filter(|(a, b)| a == b).count();
        same as f64 / samples.len() as f64
    }

    fn forget(&mut self) {
        let surplus = self.heard.len().saturating_sub(self.prints.longest + SAMPLE_RATE as usize);
        self.heard.drain(..surplus);
        self.past += surplus;
    }
}

fn time_of(samples: usize) -> Duration {
    Duration::from_micros(samples as u64 * 1_000_000 / u64::from(SAMPLE_RATE))
}

fn window(samples: &[i16], at: usize) -> [i16; KEY] {
    let mut key = [0; KEY];
    key.copy_from_slice(&samples[at..at + KEY]);
    key
}

/// Windows that occur more than once, in one clip or in several.
fn common_windows(sounds: &[(String, Vec<i16>)]) -> HashSet<[i16; KEY]> {
    let mut seen = HashSet::new();
    let mut common = HashSet::new();
    for (_, samples) in sounds {
        for at in 0..samples.len().saturating_sub(KEY) {
            let key = window(samples, at);
            if !seen.insert(key) {
                common.insert(key);
            }
        }
    }
    common
}

/// The earliest window that is lively and the clip's own.
fn key_of(samples: &[i16], common: &HashSet<[i16; KEY]>) -> Option<usize> {
    (0..samples.len().saturating_sub(KEY)).find(|&at| {
        let key = window(samples, at);
        key.iter().collect::<HashSet<_>>().len() >= VARIETY && !common.contains(&key)
    })
}

/// How well `said` is found in a recording: the best normalised correlation over all offsets, 1 for the same sound.
///
/// It works over another law, lost packets and a shifted start, and takes no sound for another.
pub fn likeness(recording: &Path, said: &Clip) -> Result<f64, ClipError> {
    let recorded = pcm(&Clip::from_wav(recording)?);
    let said = pcm(said);
    Ok(best_correlation(&envelope(&recorded), &envelope(&said)))
}

fn pcm(clip: &Clip) -> Vec<i16> {
    let mut samples = Vec::new();
    Codec::Pcma.decode(clip.bytes(Codec::Pcma), &mut samples);
    samples
}

/// The mean level of each 10 ms: what is left of a sound that phase and law do not change.
fn envelope(samples: &[i16]) -> Vec<f64> {
    samples
        .chunks(SAMPLE_RATE as usize / 100)
        .map(|chunk| chunk.iter().map(|&s| f64::from(s).abs()).sum::<f64>() / chunk.len() as f64)
        .collect()
}

fn best_correlation(long: &[f64], short: &[f64]) -> f64 {
    // The beginning may be missing, and the end: seven eighths must be there.
    let core = &short[short.len() / 16..short.len() - short.len() / 16];
    long.windows(core.len().max(1)).map(|window| correlation(window, core)).fold(0.0, f64::max)
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
    let (ma, mb) = (mean(a), mean(b));
    let dot: f64 = a.iter().zip(b).map(|(x, y)| (x - ma) * (y - mb)).sum();
    let power = |x: &[f64], m: f64| x.iter().map(|v| (v - m).powi(2)).sum::<f64>();
    dot / (power(a, ma) * power(b, mb)).sqrt().max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::prompt::write_wav;
    use crate::prompts::Catalogue;

    fn shipped() -> Library {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("prompts/id");
        let catalogue = Catalogue::read(&folder).expect("the shipped texts");
        Library::load(&folder, catalogue.ids()).expect("the shipped prompts")
    }

    fn sound(library: &Library, ids: &[&str], codec: Codec) -> Vec<i16> {
        let mut samples = Vec::new();
        for id in ids {
            codec.decode(library.get(id).expect("a shipped prompt").bytes(codec), &mut samples);
        }
        samples
    }

    fn hear(ear: &mut Ear, samples: &[i16]) -> Vec<Heard> {
        let mut heard: Vec<Heard> = samples.chunks(160).flat_map(|frame| ear.hear(frame)).collect();
        heard.extend(ear.end());
        heard
    }

    #[test]
    fn every_shipped_prompt_that_is_a_voice_is_heard_for_what_it_is() {
        let library = shipped();
        let voices: Vec<&str> = library
            .ids()
            .filter(|id| !id.starts_with("jeda/") && !id.starts_with("bunyi/"))
            .collect();
        for codec in Codec::ALL {
            let heard = hear(
                &mut Repertoire::new(library.clone()).ear(codec),
                &sound(&library, &voices, codec),
            );
            let names: Vec<&str> = heard.iter().map(|h| h.id.as_str()).collect();
            assert_eq!(names, voices);
            assert!(heard.iter().all(|h| h.whole));
        }
    }

    #[test]
    fn prompts_in_a_row_are_heard_in_their_order_and_repeated_ones_each_time() {
        let library = shipped();
        let said =
            ["kode/kode_anda", "angka/4", "angka/4", "jeda/pendek", "angka/8", "kode/sekali_lagi"];
        let mut ear = Repertoire::new(library.clone()).ear(Codec::Pcma);
        let heard = hear(&mut ear, &sound(&library, &said, Codec::Pcma));
        let heard: Vec<&str> = heard.iter().map(|h| h.id.as_str()).collect();
        assert_eq!(heard, ["kode/kode_anda", "angka/4", "angka/4", "angka/8", "kode/sekali_lagi"]);
    }

    #[test]
    fn a_prompt_that_is_cut_short_is_heard_as_such() {
        let library = shipped();
        let samples = sound(&library, &["lapor/petunjuk"], Codec::Pcmu);
        let mut ear = Repertoire::new(library.clone()).ear(Codec::Pcmu);
        let heard = hear(&mut ear, &samples[..samples.len() / 2]);
        assert_eq!(heard.len(), 1);
        assert!(!heard[0].whole);
    }

    #[test]
    fn another_sound_is_not_taken_for_what_was_said() {
        let library = shipped();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a.wav");
        let said = library.get("lapor/petunjuk").expect("a shipped prompt");
        let samples: Vec<f32> = pcm(&said).iter().map(|&s| f32::from(s) / 32768.0).collect();
        write_wav(&path, &samples).expect("a writable folder");
        assert!(likeness(&path, &said).expect("a WAV") > 0.99);
        let other = library.get("periksa/pilihan").expect("a shipped prompt");
        assert!(likeness(&path, &other).expect("a WAV") < 0.6);
    }
}
