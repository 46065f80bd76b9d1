use super::{FRAME, Popped};

/// Hides small gaps: the last frame is heard once more, fading, and then silence.
///
/// It is repeated backwards, so that it joins on without a click.
#[derive(Clone, Debug)]
pub struct Concealer {
    last: [i16; FRAME],
}

impl Default for Concealer {
    fn default() -> Concealer {
        Concealer { last: [0; FRAME] }
    }
}

impl Concealer {
    /// Fills `frame` if it is a gap; remembers it if it is audio.
    pub fn conceal(&mut self, popped: Popped, frame: &mut [i16; FRAME]) {
        if popped == Popped::Audio {
            self.last = *frame;
            return;
        }
        let fading = (1..=FRAME as i32).rev().zip(self.last.iter().rev());
        let fading = fading.map(|(weight, &s)| (i32::from(s) * weight / FRAME as i32) as i16);
        frame.iter_mut().zip(fading).for_each(|(to, sample)| *to = sample);
        self.last = [0; FRAME];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_fades_out_from_the_last_sample_and_the_next_is_silent() {
        let mut concealer = Concealer::default();
        let mut frame: [i16; FRAME] = std::array::from_fn(|n| 1000 + n as i16 * 10);
        let heard = frame;
        concealer.conceal(Popped::Audio, &mut frame);
        assert_eq!(frame, heard);

        frame = [0; FRAME];
        concealer.conceal(Popped::Gap, &mut frame);
        assert_eq!(frame[0], heard[FRAME - 1], "no step where it joins");
        assert!(frame[FRAME - 1].abs() < 20, "nearly silent at its end");
        assert!(frame.is_sorted_by(|a, b| a >= b));

        frame = [7; FRAME];
        concealer.conceal(Popped::Gap, &mut frame);
        assert_eq!(frame, [0; FRAME]);
    }
}
