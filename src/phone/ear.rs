//! Tells which prompts are heard in a stream of audio.
//!
//! A prompt is sent as the same G.711 bytes each time, so a few samples of it, taken where no other prompt has
//! them, give it away, and the rest of it is then compared sample by sample. It works on what a phone decoded
//! (any G.711 phone that does not resample), survives lost packets in all but those few samples, and hears
//! prompts that were cut short as such.

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::Path;
use std::sync::Arc;
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

/// The prompts that ears are to know. Looking for what tells them apart takes a while: it is done once, for all calls.
pub struct Repertoire {
    library: Library,
    laws: [Arc<Law>; Codec::ALL.len()],
}

/// The prompts as one codec carries them.
struct Law {
    codec: Codec,
    known: Vec<Known>,
    /// Fingerprint of a key to the prompt, and where in it the key lies.
    keys: HashMap<u64, (usize, usize)>,
    longest: usize,
}

struct Known {
    id: String,
    samples: Vec<i16>,
}

impl Repertoire {
    /// Learns every prompt of a library. Those with nothing of their own to tell them by (silence, tones) are never reported.
    pub fn new(library: Library) -> Repertoire {
        let laws = Codec::ALL.map(|codec| Arc::new(Law::new(&library, codec)));
        Repertoire { library, laws }
    }

    /// The prompt itself.
    pub fn clip(&self, id: &str) -> Option<Arc<Clip>> {
        self.library.get(id)
    }

    /// An ear for a call with this codec.
    pub fn ear(&self, codec: Codec) -> Ear {
        let law = self.laws.iter().find(|law| law.codec == codec).unwrap_or(&self.laws[0]);
        Ear { law: law.clone(), heard: VecDeque::new(), past: 0, searched: 0, begun: Vec::new() }
    }
}

impl Law {
    fn new(library: &Library, codec: Codec) -> Law {
        let known: Vec<Known> = library
            .iter()
            .map(|(id, clip)| {
                let mut samples = Vec::new();
                codec.decode(clip.bytes(codec), &mut samples);
                Known { id: id.to_owned(), samples }
            })
            .collect();
        let common = common_windows(&known);
        let mut keys = HashMap::new();
        for (which, known) in known.iter().enumerate() {
            for at in keys_of(&known.samples, &common) {
                keys.insert(fingerprint(&known.samples[at..at + KEY]), (which, at));
            }
        }
        let longest = known.iter().map(|k| k.samples.len()).max().unwrap_or(0);
        Law { codec, known, keys, longest }
    }
}

/// Listens for the prompts that it knows.
pub struct Ear {
    law: Arc<Law>,
    /// The last samples heard; `past` more came before them.
    heard: VecDeque<i16>,
    past: usize,
    /// Samples already searched for keys.
    searched: usize,
    /// Prompts of which a key has been heard: which, and where each began (before the first sample, for one
    /// whose beginning was missed).
    begun: Vec<(usize, i64)>,
}

impl Ear {
    /// An ear that knows no prompt.
    pub fn ignorant() -> Ear {
        Repertoire::new(Library::default()).ear(Codec::Pcma)
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
            let Some(&(which, key_at)) = self.law.keys.get(&fingerprint(candidate)) else {
                continue;
            };
            let begun = (which, (from + offset) as i64 - key_at as i64);
            if !self.begun.contains(&begun) {
                self.begun.push(begun);
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
            let over = (began + self.law.known[which].samples.len() as i64) as usize;
            if now < over && !end {
                self.begun.push((which, began));
                continue;
            }
            let whole = now >= over && self.likeness(which, began) >= LIKENESS;
            out.push(Heard {
                id: self.law.known[which].id.clone(),
                at: time_of(began.max(0) as usize),
                whole,
            });
        }
        out.sort_by_key(|h| h.at);
        out
    }

    /// The share of a prompt's samples that were heard in their places.
    fn likeness(&self, which: usize, began: i64) -> f64 {
        let samples = &self.law.known[which].samples;
        // What came before the first sample, or is forgotten, was not heard.
        let missed = (self.past as i64 - began).max(0) as usize;
        let from = (began - self.past as i64).max(0) as usize;
        if missed > samples.len() || from > self.heard.len() {
            return 0.0;
        }
        let same =
            samples[missed..].iter().zip(self.heard.range(from..)).filter(|(a, b)| a == b).count();
        same as f64 / samples.len() as f64
    }

    fn forget(&mut self) {
        let surplus = self.heard.len().saturating_sub(self.law.longest + SAMPLE_RATE as usize);
        self.heard.drain(..surplus);
        self.past += surplus;
    }
}

fn time_of(samples: usize) -> Duration {
    Duration::from_micros(samples as u64 * 1_000_000 / u64::from(SAMPLE_RATE))
}

/// FNV-1a over the samples.
fn fingerprint(samples: &[i16]) -> u64 {
    samples.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &sample| {
        (hash ^ u64::from(sample as u16)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Windows that occur more than once, in one prompt or in several.
fn common_windows(known: &[Known]) -> HashSet<u64> {
    let mut seen = HashSet::new();
    let windows = known.iter().flat_map(|known| known.samples.windows(KEY));
    windows.map(fingerprint).filter(|&window| !seen.insert(window)).collect()
}

/// In each quarter of a prompt the first window that is lively and the prompt's own: one lost packet hides one key.
fn keys_of(samples: &[i16], common: &HashSet<u64>) -> Vec<usize> {
    let quarter = samples.len() / 4;
    let own = |at: &usize| {
        let key = &samples[*at..*at + KEY];
        key.iter().collect::<HashSet<_>>().len() >= VARIETY && !common.contains(&fingerprint(key))
    };
    (0..4)
        .filter_map(|q| {
            (q * quarter..((q + 1) * quarter).min(samples.len().saturating_sub(KEY))).find(own)
        })
        .collect()
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
    use std::sync::LazyLock;

    use super::*;
    use crate::media::prompt::write_wav;
    use crate::prompts::Catalogue;

    fn shipped() -> Library {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("prompts/id");
        let catalogue = Catalogue::read(&folder).expect("the shipped texts");
        Library::load(&folder, catalogue.ids()).expect("the shipped prompts")
    }

    static SHIPPED: LazyLock<(Library, Repertoire)> = LazyLock::new(|| {
        let library = shipped();
        let repertoire = Repertoire::new(library.clone());
        (library, repertoire)
    });

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
        let (library, prompts) = &*SHIPPED;
        let voices: Vec<&str> = library
            .ids()
            .filter(|id| !id.starts_with("jeda/") && !id.starts_with("bunyi/"))
            .collect();
        for codec in Codec::ALL {
            let heard = hear(&mut prompts.ear(codec), &sound(library, &voices, codec));
            let names: Vec<&str> = heard.iter().map(|h| h.id.as_str()).collect();
            assert_eq!(names, voices);
            assert!(heard.iter().all(|h| h.whole));
        }
    }

    #[test]
    fn prompts_in_a_row_are_heard_in_their_order_and_repeated_ones_each_time() {
        let (library, prompts) = &*SHIPPED;
        let said =
            ["kode/kode_anda", "angka/4", "angka/4", "jeda/pendek", "angka/8", "kode/sekali_lagi"];
        let mut ear = prompts.ear(Codec::Pcma);
        let heard = hear(&mut ear, &sound(library, &said, Codec::Pcma));
        let heard: Vec<&str> = heard.iter().map(|h| h.id.as_str()).collect();
        assert_eq!(heard, ["kode/kode_anda", "angka/4", "angka/4", "angka/8", "kode/sekali_lagi"]);
    }

    #[test]
    fn a_prompt_that_is_cut_short_is_heard_as_such() {
        let (library, prompts) = &*SHIPPED;
        let samples = sound(library, &["lapor/petunjuk"], Codec::Pcmu);
        let mut ear = prompts.ear(Codec::Pcmu);
        let heard = hear(&mut ear, &samples[..samples.len() / 2]);
        assert_eq!(heard.len(), 1);
        assert!(!heard[0].whole);
    }

    #[test]
    fn a_prompt_whose_first_packets_are_missing_is_heard_all_the_same() {
        let (library, prompts) = &*SHIPPED;
        let samples = sound(library, &["lapor/petunjuk"], Codec::Pcma);
        let heard = hear(&mut prompts.ear(Codec::Pcma), &samples[800..]);
        assert_eq!(heard, [Heard { id: "lapor/petunjuk".into(), at: Duration::ZERO, whole: true }]);
    }

    #[test]
    fn another_sound_is_not_taken_for_what_was_said() {
        let (library, _) = &*SHIPPED;
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
