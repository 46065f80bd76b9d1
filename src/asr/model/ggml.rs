//! Writes a Whisper model in whisper.cpp's ggml form with 8-bit weights (q8_0) from CTranslate2's variables.
//!
//! The file: a header of twelve numbers, the mel filters, the tokens, then each tensor with its name. Only matrices are
//! quantised; convolutions stay half floats, biases and positions single ones.

use std::collections::HashMap;
use std::io::{self, Write};

use half::f16;

use super::ct2::{FLOAT16, Variable};

type Variables<'a> = HashMap<String, Variable<'a>>;

/// Why a model cannot be converted.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    #[error("the model has no {0}")]
    Missing(String),
    #[error("{0} is not of the shape or kind that a Whisper model has")]
    Shape(String),
    #[error("cannot write: {0}")]
    Write(#[from] io::Error),
}

/// `ggml` in the order in which the file has its bytes.
pub const MAGIC: u32 = 0x6767_6d6c;
/// 8-bit weights, second version of their layout.
const MOSTLY_Q8_0: u32 = 7 + 2 * 1000;
/// Weights that share a scale.
const BLOCK: usize = 32;

/// A tensor's element type, by ggml's numbers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    F32 = 0,
    F16 = 1,
    Q8 = 8,
}

/// Writes the whole file. `tokens` are the bytes of each token, by number.
pub fn write(
    variables: &Variables<'_>,
    tokens: &[Vec<u8>],
    out: &mut impl Write,
) -> Result<(), ConvertError> {
    let shape = Shape::of(variables)?;
    shape.write(out)?;
    numbers(out, &[shape.mels as u32, BINS as u32])?;
    for weight in mel_filters(shape.mels) {
        out.write_all(&weight.to_le_bytes())?;
    }
    numbers(out, &[tokens.len() as u32])?;
    for token in tokens {
        numbers(out, &[token.len() as u32])?;
        out.write_all(token)?;
    }
    Tensors { variables, out }.all(&shape)
}

fn numbers(out: &mut impl Write, numbers: &[u32]) -> io::Result<()> {
    numbers.iter().try_for_each(|n| out.write_all(&n.to_le_bytes()))
}

fn get<'v, 'a>(all: &'v Variables<'a>, name: &str) -> Result<&'v Variable<'a>, ConvertError> {
    all.get(name).ok_or_else(|| ConvertError::Missing(name.to_owned()))
}

/// The sizes that the header tells.
struct Shape {
    vocabulary: usize,
    audio_frames: usize,
    state: usize,
    mels: usize,
    heads: usize,
    text_tokens: usize,
    encoder_layers: usize,
    decoder_layers: usize,
}

impl Shape {
    fn of(all: &Variables<'_>) -> Result<Shape, ConvertError> {
        let dim = |name: &str, n: usize| {
            let shape = &get(all, name)?.shape;
            shape.get(n).copied().ok_or_else(|| ConvertError::Shape(name.to_owned()))
        };
        let layers = |side: &str| {
            let has =
                |n: &usize| all.contains_key(&format!("{side}/layer_{n}/ffn/linear_0/weight"));
            (0..).take_while(has).count()
        };
        let heads = get(all, "decoder/num_heads")?.bytes;
        Ok(Shape {
            vocabulary: dim("decoder/embeddings/weight", 0)?,
            audio_frames: dim("encoder/position_encodings/encodings", 0)?,
            state: dim("encoder/conv1/weight", 0)?,
            mels: dim("encoder/conv1/weight", 1)?,
            heads: heads.iter().rev().fold(0, |sum, &byte| sum << 8 | usize::from(byte)),
            text_tokens: dim("decoder/position_encodings/encodings", 0)?,
            encoder_layers: layers("encoder"),
            decoder_layers: layers("decoder"),
        })
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let (encoder, decoder) = (self.encoder_layers as u32, self.decoder_layers as u32);
        let (state, heads) = (self.state as u32, self.heads as u32);
        let (vocabulary, mels) = (self.vocabulary as u32, self.mels as u32);
        let (frames, text) = (self.audio_frames as u32, self.text_tokens as u32);
        let audio = [MAGIC, vocabulary, frames, state, heads, encoder];
        numbers(out, &audio)?;
        numbers(out, &[text, state, heads, decoder, mels, MOSTLY_Q8_0])
    }
}

/// Copies tensors over under the names that whisper.cpp looks for.
struct Tensors<'v, 'a, W> {
    variables: &'v Variables<'a>,
    out: &'v mut W,
}

impl<W: Write> Tensors<'_, '_, W> {
    fn all(&mut self, shape: &Shape) -> Result<(), ConvertError> {
        self.positions("encoder")?;
        for conv in ["conv1", "conv2"] {
            let (from, to) = (format!("encoder/{conv}"), format!("encoder.{conv}"));
            self.part(&format!("{from}/weight"), &format!("{to}.weight"), Form::F16, 0..1, 1)?;
            let bias = get(self.variables, &format!("{from}/bias"))?;
            let column = [bias.shape.first().copied().unwrap_or(0), 1];
            self.tensor(&format!("{to}.bias"), &column, Form::F32, bias.bytes)?;
        }
        for layer in 0..shape.encoder_layers {
            self.block("encoder", layer)?;
        }
        self.norm("encoder/layer_norm", "encoder.ln_post")?;
        self.positions("decoder")?;
        self.matrix("decoder/embeddings", "decoder.token_embedding")?;
        for layer in 0..shape.decoder_layers {
            self.block("decoder", layer)?;
        }
        self.norm("decoder/layer_norm", "decoder.ln")
    }

    fn positions(&mut self, side: &str) -> Result<(), ConvertError> {
        let from = format!("{side}/position_encodings/encodings");
        self.part(&from, &format!("{side}.positional_embedding"), Form::F32, 0..1, 1)
    }

    fn block(&mut self, side: &str, layer: usize) -> Result<(), ConvertError> {
        let (from, to) = (format!("{side}/layer_{layer}"), format!("{side}.blocks.{layer}"));
        let own = format!("{from}/self_attention");
        let attn = format!("{to}.attn");
        // Query, key and value stand in one matrix, one below the other.
        self.shared(&format!("{own}/linear_0"), &format!("{attn}.query"), 0, 3)?;
        self.weights(&format!("{own}/linear_0"), &format!("{attn}.key"), 1, 3)?;
        self.shared(&format!("{own}/linear_0"), &format!("{attn}.value"), 2, 3)?;
        self.linear(&format!("{own}/linear_1"), &format!("{attn}.out"))?;
        self.norm(&format!("{own}/layer_norm"), &format!("{to}.attn_ln"))?;
        if side == "decoder" {
            let (cross, attn) = (format!("{from}/attention"), format!("{to}.cross_attn"));
            self.linear(&format!("{cross}/linear_0"), &format!("{attn}.query"))?;
            self.weights(&format!("{cross}/linear_1"), &format!("{attn}.key"), 0, 2)?;
            self.shared(&format!("{cross}/linear_1"), &format!("{attn}.value"), 1, 2)?;
            self.linear(&format!("{cross}/linear_2"), &format!("{attn}.out"))?;
            self.norm(&format!("{cross}/layer_norm"), &format!("{to}.cross_attn_ln"))?;
        }
        self.linear(&format!("{from}/ffn/linear_0"), &format!("{to}.mlp.0"))?;
        self.linear(&format!("{from}/ffn/linear_1"), &format!("{to}.mlp.2"))?;
        self.norm(&format!("{from}/ffn/layer_norm"), &format!("{to}.mlp_ln"))
    }

    fn norm(&mut self, from: &str, to: &str) -> Result<(), ConvertError> {
        self.part(&format!("{from}/gamma"), &format!("{to}.weight"), Form::F32, 0..1, 1)?;
        self.part(&format!("{from}/beta"), &format!("{to}.bias"), Form::F32, 0..1, 1)
    }

    fn matrix(&mut self, from: &str, to: &str) -> Result<(), ConvertError> {
        self.weights(from, to, 0, 1)
    }

    fn linear(&mut self, from: &str, to: &str) -> Result<(), ConvertError> {
        self.shared(from, to, 0, 1)
    }

    /// The `n`th of `of` layers that share one matrix and one bias.
    fn shared(&mut self, from: &str, to: &str, n: usize, of: usize) -> Result<(), ConvertError> {
        self.weights(from, to, n, of)?;
        let bias = format!("{from}/bias");
        self.part(&bias, &format!("{to}.bias"), Form::F32, n..n + 1, of)
    }

    /// The same for a layer without a bias: Whisper's keys.
    fn weights(&mut self, from: &str, to: &str, n: usize, of: usize) -> Result<(), ConvertError> {
        let weight = format!("{from}/weight");
        self.part(&weight, &format!("{to}.weight"), Form::Q8, n..n + 1, of)
    }

    /// The rows of one part out of `of` equal ones.
    fn part(
        &mut self,
        from: &str,
        to: &str,
        form: Form,
        part: std::ops::Range<usize>,
        of: usize,
    ) -> Result<(), ConvertError> {
        let wrong = || ConvertError::Shape(from.to_owned());
        let variable = get(self.variables, from)?;
        let mut shape = variable.shape.clone();
        let product = shape.iter().try_fold(2_usize, |all, &n| all.checked_mul(n));
        let rows = shape.first_mut().ok_or_else(wrong)?;
        if variable.kind != FLOAT16
            || product != Some(variable.bytes.len())
            || !rows.is_multiple_of(of)
        {
            return Err(wrong());
        }
        *rows /= of;
        let len = variable.bytes.len() / of;
        self.tensor(to, &shape, form, &variable.bytes[part.start * len..part.end * len])
    }

    fn tensor(
        &mut self,
        name: &str,
        shape: &[usize],
        form: Form,
        halves: &[u8],
    ) -> Result<(), ConvertError> {
        if form == Form::Q8 && !(halves.len() / 2).is_multiple_of(BLOCK) {
            return Err(ConvertError::Shape(name.to_owned()));
        }
        numbers(self.out, &[shape.len() as u32, name.len() as u32, form as u32])?;
        let dims: Vec<u32> = shape.iter().rev().map(|&n| n as u32).collect();
        numbers(self.out, &dims)?;
        self.out.write_all(name.as_bytes())?;
        match form {
            Form::F16 => self.out.write_all(halves)?,
            Form::F32 => {
                floats(halves).try_for_each(|value| self.out.write_all(&value.to_le_bytes()))?;
            }
            Form::Q8 => {
                for block in halves.chunks(2 * BLOCK) {
                    let values: Vec<f32> = floats(block).collect();
                    self.out.write_all(&quantised(&values))?;
                }
            }
        }
        Ok(())
    }
}

fn floats(halves: &[u8]) -> impl Iterator<Item = f32> + '_ {
    halves.as_chunks::<2>().0.iter().map(|&half| f16::from_le_bytes(half).to_f32())
}

/// A block as q8_0 keeps it: the scale as a half float, then each weight as a multiple of it.
fn quantised(block: &[f32]) -> Vec<u8> {
    let largest = block.iter().fold(0.0_f32, |max, value| max.max(value.abs()));
    let scale = largest / 127.0;
    let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
    let mut bytes = f16::from_f32(scale).to_le_bytes().to_vec();
    bytes.extend(block.iter().map(|value| (value * inverse).round_ties_even() as i8 as u8));
    bytes
}

/// Frequencies of a window of 400 samples.
const BINS: usize = 201;

/// Slaney's mel filters for 16 kHz and windows of 400 samples, a row of [`BINS`] weights each: linear below 1 kHz,
/// logarithmic above, of equal area (Slaney, Auditory Toolbox, 1998).
fn mel_filters(mels: usize) -> Vec<f32> {
    let step = 6.4_f64.ln() / 27.0;
    let linear = 200.0 / 3.0;
    let knee = 1000.0 / linear;
    let top = knee + (8000.0_f64 / 1000.0).ln() / step;
    let hertz = |n: usize| {
        let mel = if n == mels + 1 { top } else { n as f64 * (top / (mels + 1) as f64) };
        if mel >= knee { 1000.0 * (step * (mel - knee)).exp() } else { linear * mel }
    };
    let mut weights = Vec::with_capacity(mels * BINS);
    for row in 0..mels {
        let [low, middle, high] = [hertz(row), hertz(row + 1), hertz(row + 2)];
        for bin in 0..BINS {
            let frequency = bin as f64 * 40.0;
            // The known sum holds the sign of the first weight's zero too.
            let rise = -(low - frequency) / (middle - low);
            let height = rise.min((high - frequency) / (high - middle));
            let weight = if height < 0.0 { 0.0 } else { height } as f32;
            weights.push((f64::from(weight) * (2.0 / (high - low))) as f32);
        }
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_keeps_its_scale_and_its_weights() {
        let mut block = [0.0_f32; BLOCK];
        (block[0], block[1], block[2]) = (127.0, -63.5, 2.5);
        let bytes = quantised(&block);
        assert_eq!(f16::from_le_bytes([bytes[0], bytes[1]]).to_f32(), 1.0);
        // Halves go to the even neighbour.
        assert_eq!(bytes[2..5], [127, -64_i8 as u8, 2]);
        assert_eq!(quantised(&[0.0; BLOCK]), [0; BLOCK + 2]);
    }

    #[test]
    fn a_model_without_its_parts_is_an_error() {
        let error = write(&HashMap::new(), &[], &mut Vec::new()).unwrap_err();
        assert!(error.to_string().contains("has no"), "{error}");
    }
}
