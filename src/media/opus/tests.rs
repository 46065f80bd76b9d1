use std::io::Cursor;

use ogg::PacketReader;
use opus_rs::OpusDecoder;

use super::*;
use crate::media::prompt::Sound;

/// Fifteen seconds of somebody who complains.
fn complaint() -> Vec<i16> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/audio/aduan.wav");
    Sound::read(path.as_ref()).unwrap().samples_at_8_khz().unwrap()
}

/// What a player hears, and how many samples the file says it holds.
fn decoded(file: &[u8]) -> (Vec<f32>, usize) {
    let mut pages = PacketReader::new(Cursor::new(file));
    let head = pages.read_packet_expected().unwrap().data;
    assert_eq!((&head[..8], head[9]), (&b"OpusHead"[..], 1));
    let skip = usize::from(u16::from_le_bytes([head[10], head[11]])) / TICKS;
    assert_eq!(&pages.read_packet_expected().unwrap().data[..8], b"OpusTags");
    let mut decoder = OpusDecoder::new(SAMPLE_RATE as i32, 1).unwrap();
    let (mut heard, mut end) = (Vec::new(), 0);
    while let Some(packet) = pages.read_packet().unwrap() {
        let mut frame = [0.0; FRAME];
        assert_eq!(decoder.decode(&packet.data, FRAME, &mut frame).unwrap(), FRAME);
        heard.extend(frame);
        end = packet.absgp_page() as usize / TICKS;
    }
    heard.truncate(end);
    heard.drain(..skip);
    (heard, end - skip)
}

/// How alike two sounds are at their best place within 10 ms, and that place.
fn likeness(said: &[i16], heard: &[f32]) -> (f32, i32) {
    let at = |shift: i32| {
        let (mut product, mut own, mut there) = (0.0, 0.0, 0.0);
        for (n, said) in said.iter().enumerate() {
            let Some(heard) = (n as i32 + shift).try_into().ok().and_then(|n: usize| heard.get(n))
            else {
                continue;
            };
            let said = f32::from(*said) / 32_768.0;
            (product, own, there) =
                (product + said * heard, own + said * said, there + heard * heard);
        }
        product / f32::sqrt(own * there)
    };
    (-80..=80).map(|shift| (at(shift), shift)).max_by(|a, b| a.0.total_cmp(&b.0)).unwrap()
}

#[test]
fn what_a_player_hears_is_what_was_said_and_when_it_was_said() {
    let said = complaint();
    let file = ogg_opus(&said).unwrap();
    let (heard, length) = decoded(&file);
    assert_eq!((heard.len(), length), (said.len(), said.len()));
    let (alike, shift) = likeness(&said, &heard);
    assert!(alike > 0.9 && shift.abs() <= 2, "likeness {alike} at {shift}");
    assert!(file.len() * 6 < said.len() * 2, "{} bytes", file.len());
}

#[test]
fn the_same_samples_make_the_same_file() {
    let said = &complaint()[..8_000];
    assert_eq!(ogg_opus(said).unwrap(), ogg_opus(said).unwrap());
}

#[test]
fn any_length_comes_out_as_long_as_it_went_in() {
    let said = complaint();
    for length in [0, 1, FRAME - 1, FRAME, FRAME + 1, FRAME * PAGE - LOOK_AHEAD, FRAME * PAGE] {
        let (heard, told) = decoded(&ogg_opus(&said[..length]).unwrap());
        assert_eq!((heard.len(), told), (length, length));
    }
}

#[test]
fn the_loudest_noise_is_survived() {
    let square: Vec<i16> =
        (0..16_000).map(|n| if n / 7 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
    assert_eq!(decoded(&ogg_opus(&square).unwrap()).1, square.len());
}
