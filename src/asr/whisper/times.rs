//! When the words of a segment are said.
//!
//! whisper.cpp 1.8.3 has times for tokens too, but for every segment after the first of a piece it looks for the voice in
//! the wrong stretch of the audio (`timestamp_to_sample` counts from the segment's start). So only the segment's own
//! times are taken from it: the words share the voiced time between them by their length, and no word lies in a pause.

use std::ops::Range;

use crate::asr::audio::SAMPLE_RATE;

/// Samples that are judged together: 20 ms.
const FRAME: usize = SAMPLE_RATE as usize / 50;
const FRAME_MS: f32 = 20.0;
/// Voice is what lies so far above the quietest tenth of a segment, on the way to its loudest tenth.
const VOICED: f32 = 0.2;

/// When each word is said, in milliseconds like `within`. A word's weight tells how long it takes beside the others.
pub fn of_words(samples: &[f32], within: Range<u32>, weights: &[f32]) -> Vec<Range<u32>> {
    let voiced = voiced(samples, &within);
    let all: f32 = weights.iter().sum::<f32>().max(f32::MIN_POSITIVE);
    let place = |share: f32| share / all * voiced.len() as f32;
    let mut before = 0.0;
    let mut times = Vec::with_capacity(weights.len());
    for weight in weights {
        let (start, end) = (place(before), place(before + weight));
        before += weight;
        times.push(
            at(&voiced, start, start.floor(), &within)..at(&voiced, end, end.ceil() - 1.0, &within),
        );
    }
    times
}

/// The moment at `place` among the voiced frames, as the frame of this number has it.
fn at(voiced: &[usize], place: f32, frame: f32, within: &Range<u32>) -> u32 {
    let Some(last) = voiced.len().checked_sub(1) else { return within.start };
    let number = (frame.max(0.0) as usize).min(last);
    let ms = (voiced[number] as f32 + (place - number as f32).clamp(0.0, 1.0)) * FRAME_MS;
    (within.start + ms as u32).min(within.end)
}

/// The frames in which somebody speaks, counted from the start of `within`; all of them where none stands out.
fn voiced(samples: &[f32], within: &Range<u32>) -> Vec<usize> {
    let sample = |ms: u32| (ms as usize * SAMPLE_RATE as usize / 1000).min(samples.len());
    let frames =
        samples[sample(within.start)..sample(within.end).max(sample(within.start))].chunks(FRAME);
    let levels: Vec<f32> =
        frames.map(|f| f.iter().map(|s| s.abs()).sum::<f32>() / f.len() as f32).collect();
    let mut sorted = levels.clone();
    sorted.sort_by(f32::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return Vec::new() };
    let (quiet, loud) = (sorted[last / 10], sorted[last * 9 / 10]);
    let least = quiet + VOICED * (loud - quiet);
    (0..levels.len()).filter(|n| levels[*n] >= least).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: usize = SAMPLE_RATE as usize;

    /// Four seconds, in which somebody speaks at these.
    fn spoken(at: &[Range<f32>]) -> Vec<f32> {
        let loud = |n: usize| at.iter().any(|range| range.contains(&(n as f32 / SECOND as f32)));
        let wave = |n: usize| if n % 40 < 20 { 0.5 } else { -0.5 };
        (0..4 * SECOND).map(|n| if loud(n) { wave(n) } else { 0.0 }).collect()
    }

    #[test]
    fn words_lie_where_the_voice_is_and_pauses_between_them() {
        let samples = spoken(&[1.0..2.0, 3.0..3.5]);
        let times = of_words(&samples, 0..4_000, &[5.0, 5.0, 5.0]);
        assert_eq!(times, [1_000..1_500, 1_500..2_000, 3_000..3_500]);
    }

    #[test]
    fn without_a_pause_or_a_sound_words_share_the_segment() {
        for samples in [vec![0.0; 4 * SECOND], spoken(&[0.0..4.0])] {
            assert_eq!(of_words(&samples, 1_000..3_000, &[1.0, 3.0]), [1_000..1_500, 1_500..3_000]);
        }
    }

    proptest! {
        #[test]
        fn times_are_in_order_and_inside(
            seconds in prop::collection::vec(0.0f32..4.0, 0..6),
            from in 0u32..5_000,
            length in 0u32..5_000,
            weights in prop::collection::vec(0.0f32..20.0, 0..12),
        ) {
            let at: Vec<Range<f32>> = seconds.iter().map(|s| *s..s + 0.3).collect();
            let times = of_words(&spoken(&at), from..from + length, &weights);
            prop_assert_eq!(times.len(), weights.len());
            let mut now = from;
            for time in times {
                prop_assert!(now <= time.start + 20 && time.start <= time.end, "{:?}", time);
                prop_assert!(time.end <= from + length);
                now = time.start;
            }
        }
    }
}
