//! A recording as browsers get it: Ogg Opus (RFC 6716, RFC 7845), an eighth of the WAV. The WAV stays what was said.

use ogg::writing::{PacketWriteEndInfo, PacketWriter};
use opus_rs::{Application, OpusEncoder};

use super::SAMPLE_RATE;

/// Bits a second: speech of a telephone's band is as clear as the WAV.
const BITRATE: i32 = 16_000;
/// How hard the encoder tries, 0 to 10; more costs time and is not heard.
const COMPLEXITY: i32 = 5;
/// Samples in a packet: 20 ms.
const FRAME: usize = SAMPLE_RATE as usize / 50;
/// Packets in a page: a player jumps by the second.
const PAGE: usize = 50;
/// Opus counts at 48 kHz, whatever goes in.
const TICKS: usize = 48_000 / SAMPLE_RATE as usize;
/// Samples that come out before the first that went in (libopus's look-ahead of 6.5 ms).
const LOOK_AHEAD: usize = SAMPLE_RATE as usize * 13 / 2000;
/// The longest packet that the encoder makes.
const LONGEST_PACKET: usize = 1276;
/// A file holds one stream: any number names it.
const STREAM: u32 = 1;

/// Why samples could not be brought into this form.
#[derive(Debug, thiserror::Error)]
pub enum OpusError {
    #[error("the encoder refuses: {0}")]
    Encoder(&'static str),
    #[error("the pages cannot be put together: {0}")]
    Pages(#[from] std::io::Error),
}

/// A whole file of 8 kHz samples.
pub fn ogg_opus(samples: &[i16]) -> Result<Vec<u8>, OpusError> {
    let mut encoder =
        OpusEncoder::new(SAMPLE_RATE as i32, 1, Application::Voip).map_err(OpusError::Encoder)?;
    encoder.bitrate_bps = BITRATE;
    encoder.complexity = COMPLEXITY;
    let mut pages = PacketWriter::new(Vec::new());
    pages.write_packet(head(), STREAM, PacketWriteEndInfo::EndPage, 0)?;
    pages.write_packet(tags(), STREAM, PacketWriteEndInfo::EndPage, 0)?;
    let length = samples.len() + LOOK_AHEAD;
    let packets = length.div_ceil(FRAME);
    for number in 1..=packets {
        let packet = packet(&mut encoder, samples, number)?;
        let heard = (number * FRAME).min(length);
        pages.write_packet(packet, STREAM, end(number, packets), (heard * TICKS) as u64)?;
    }
    Ok(pages.into_inner())
}

/// The samples of one packet, filled up with silence behind the last.
fn packet(encoder: &mut OpusEncoder, samples: &[i16], number: usize) -> Result<Vec<u8>, OpusError> {
    let mut frame = [0; FRAME];
    let rest = samples.get((number - 1) * FRAME..).unwrap_or_default();
    let there = rest.len().min(FRAME);
    frame[..there].copy_from_slice(&rest[..there]);
    let mut packet = vec![0; LONGEST_PACKET];
    let length = encoder.encode_i16(&frame, FRAME, &mut packet).map_err(OpusError::Encoder)?;
    packet.truncate(length);
    Ok(packet)
}

fn end(number: usize, packets: usize) -> PacketWriteEndInfo {
    if number == packets {
        PacketWriteEndInfo::EndStream
    } else if number.is_multiple_of(PAGE) {
        PacketWriteEndInfo::EndPage
    } else {
        PacketWriteEndInfo::NormalPacket
    }
}

/// RFC 7845 section 5.1: version 1, one channel, what to skip at the beginning, the rate it came in, no gain, mono.
fn head() -> Vec<u8> {
    let mut head = b"OpusHead\x01\x01".to_vec();
    head.extend(((LOOK_AHEAD * TICKS) as u16).to_le_bytes());
    head.extend(SAMPLE_RATE.to_le_bytes());
    head.extend([0, 0, 0]);
    head
}

/// RFC 7845 section 5.2: who wrote it, and no comments.
fn tags() -> Vec<u8> {
    const WRITER: &[u8] = b"kentongan";
    let mut tags = b"OpusTags".to_vec();
    tags.extend((WRITER.len() as u32).to_le_bytes());
    tags.extend(WRITER);
    tags.extend(0_u32.to_le_bytes());
    tags
}

#[cfg(test)]
mod tests;
