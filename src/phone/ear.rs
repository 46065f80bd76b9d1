//! Tells which prompts are heard in a stream of audio.
//!
//! A prompt is sent as the same G.711 bytes each time, so a few samples of it, taken where no other prompt has
//! them, give it away, and the rest of it is then compared sample by sample. Every packet's length of a prompt has
//! such a key, so lost packets hide none; a network or a machine that stalls in mid-prompt moves what follows, and
//! the ear goes along. It works on what a phone decoded (any G.711 phone that does not resample), and hears prompts
//! that were cut short as such.

use std::collections::{HashMap, HashSet, VecDeque};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::media::prompt::{ClipError, Library};
use crate::media::{Clip, Codec, SAMPLE_RATE};

/// Samples in a key: 4 ms, long enough to be rare and short enough to lie inside one packet.
const KEY: usize = 32;
/// A prompt has at most one key in so many samples: a packet.
const KEY_EVERY: usize = 160;
/// Share of samples that must be right for a prompt to count as heard: of all of it, and of each of its [`PARTS`], so
/// that half a word lost somewhere is one thing and an end that never came another.
const LIKENESS: f64 = 0.6;
const PART_LIKENESS: f64 = 0.3;
const PARTS: usize = 3;
/// The rest of a prompt comes at most this much later or earlier than its beginning promised: samples.
const MOST_SHIFT: i64 = SAMPLE_RATE as i64;
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
    /// Prompts of which a key has been heard.
    begun: Vec<Begun>,
}

/// A prompt under way.
struct Begun {
    which: usize,
    /// Where it began (before the first sample, for one whose beginning was missed), and where it would have begun by
    /// each piece of it that came out of place.
    starts: Vec<i64>,
    /// The furthest key of it that was heard.
    furthest: usize,
    /// It has been heard, and told.
    told: bool,
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
            self.follow(which, key_at, (from + offset) as i64 - key_at as i64);
        }
        self.searched = (end + 1).saturating_sub(KEY).max(from);
    }

    /// A key was heard: of a prompt under way, of its rest that comes out of place, or of another.
    fn follow(&mut self, which: usize, key_at: usize, start: i64) {
        let mut same = self.begun.iter_mut().filter(|begun| begun.which == which);
        let known = same.find(|begun| {
            begun.starts.contains(&start)
                || (key_at > begun.furthest
                    && begun.starts.iter().all(|known| (start - known).abs() <= MOST_SHIFT))
        });
        let Some(begun) = known else {
            self.begun.push(Begun { which, starts: vec![start], furthest: key_at, told: false });
            return;
        };
        begun.furthest = begun.furthest.max(key_at);
        if !begun.starts.contains(&start) {
            begun.starts.push(start);
        }
    }

    /// Those of `begun` that were heard to their end, told once each; and those that will not be, or at the `end` all.
    fn ended(&mut self, end: bool) -> Vec<Heard> {
        let now = (self.past + self.heard.len()) as i64;
        let mut out = Vec::new();
        for mut begun in std::mem::take(&mut self.begun) {
            let length = self.law.known[begun.which].samples.len();
            let over = begun.starts.iter().max().map_or(now, |start| start + length as i64);
            let whole = !begun.told && now >= over && self.hears_all(&begun);
            // The rest may still come out of place.
            let given_up = end || now >= over + MOST_SHIFT;
            if !begun.told && (whole || given_up) {
                begun.told = true;
                out.push(Heard {
                    id: self.law.known[begun.which].id.clone(),
                    at: time_of(begun.starts[0].max(0) as usize),
                    whole,
                });
            }
            if !given_up {
                self.begun.push(begun);
            }
        }
        out.sort_by_key(|h| h.at);
        out
    }

    fn hears_all(&self, begun: &Begun) -> bool {
        let length = self.law.known[begun.which].samples.len();
        let parts = (0..PARTS).map(|n| n * length / PARTS..(n + 1) * length / PARTS);
        let right: Vec<(usize, usize)> =
            parts.map(|part| (self.right(begun, part.clone()), part.len())).collect();
        let enough = |right: usize, of: usize, share: f64| right as f64 >= of as f64 * share;
        right.iter().all(|&(right, of)| enough(right, of, PART_LIKENESS))
            && enough(right.iter().map(|(right, _)| right).sum(), length, LIKENESS)
    }

    /// How many of these samples of a prompt were heard, in one of the places where its pieces came.
    fn right(&self, begun: &Begun, part: Range<usize>) -> usize {
        let samples = &self.law.known[begun.which].samples;
        part.filter(|&at| {
            begun.starts.iter().any(|start| {
                // What came before the first sample, or is forgotten, was not heard.
                let place = usize::try_from(start + at as i64 - self.past as i64).ok();
                place.and_then(|place| self.heard.get(place)) == Some(&samples[at])
            })
        })
        .count()
    }

    fn forget(&mut self) {
        let surplus = self.heard.len().saturating_sub(self.law.longest + 2 * MOST_SHIFT as usize);
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

/// In each packet's length of a prompt the first window that is lively and the prompt's own.
fn keys_of(samples: &[i16], common: &HashSet<u64>) -> Vec<usize> {
    let windows = (samples.len() + 1).saturating_sub(KEY);
    let own = |at: &usize| {
        let key = &samples[*at..*at + KEY];
        !common.contains(&fingerprint(key)) && key.iter().collect::<HashSet<_>>().len() >= VARIETY
    };
    let stretches = (0..windows).step_by(KEY_EVERY);
    stretches.filter_map(|from| (from..windows.min(from + KEY_EVERY)).find(own)).collect()
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

    /// The packets that a network which loses every `nth` at random leaves; what is lost is silence.
    fn lossy(samples: &[i16], nth: u64, seed: u64) -> Vec<i16> {
        let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut lost = || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (random >> 40).is_multiple_of(nth)
        };
        samples
            .chunks(160)
            .flat_map(|p| if lost() { vec![0; p.len()] } else { p.to_vec() })
            .collect()
    }

    #[test]
    fn a_code_is_heard_over_a_line_that_loses_a_packet_in_twelve() {
        let (library, prompts) = &*SHIPPED;
        let digits: Vec<String> = (0..10).map(|digit| format!("angka/{digit}")).collect();
        let said: Vec<&str> = digits.iter().flat_map(|id| [id.as_str(), "jeda/digit"]).collect();
        for seed in 0..100 {
            let samples = sound(library, &said, Codec::Pcma);
            // Wherever the packets begin.
            let heard =
                hear(&mut prompts.ear(Codec::Pcma), &lossy(&samples[seed..], 12, seed as u64));
            let heard: Vec<(&str, bool)> = heard.iter().map(|h| (h.id.as_str(), h.whole)).collect();
            let all: Vec<(&str, bool)> = digits.iter().map(|id| (id.as_str(), true)).collect();
            assert_eq!(heard, all, "seed {seed}");
        }
    }

    #[test]
    fn a_prompt_that_stalls_in_its_middle_is_heard_once_and_whole() {
        let (library, prompts) = &*SHIPPED;
        let samples = sound(library, &["angka/4", "lapor/petunjuk", "angka/7"], Codec::Pcma);
        for stall in [1, 3, 10, 45] {
            for at in (0..samples.len()).step_by(16 * 160 + 3) {
                let mut stalled = samples[..at].to_vec();
                stalled.extend(vec![0; stall * 160]);
                stalled.extend(&samples[at..]);
                let heard = hear(&mut prompts.ear(Codec::Pcma), &stalled);
                let heard: Vec<(&str, bool)> =
                    heard.iter().map(|h| (h.id.as_str(), h.whole)).collect();
                let said = ["angka/4", "lapor/petunjuk", "angka/7"].map(|id| (id, true));
                assert_eq!(heard, said, "{stall} packets at {at}");
            }
        }
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
