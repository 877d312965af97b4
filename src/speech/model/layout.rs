//! Which tensors a model consists of, with dimensions and storage, as whisper.cpp expects them.
//!
//! Both the import and the check of a finished file go by this list, so that no file with other shapes ever reaches
//! the recogniser, which trusts its input. Pure: reads nothing.

/// How a kept file stores the matrices of a Whisper model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Deserialize, serde::Serialize)]
pub enum Format {
    /// Half precision, as published.
    #[serde(rename = "f16")]
    F16,
    /// Blocks of 32 values with one scale: half the size, faster on CPUs, no measurable loss.
    #[serde(rename = "q8_0")]
    Q8_0,
}

impl Format {
    /// Its name, as typed after `--format`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F16 => "f16",
            Self::Q8_0 => "q8_0",
        }
    }
}

/// How one tensor may be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Storage {
    /// As the file's [`Format`] says.
    Matrix,
    /// Always f16: convolutions.
    Half,
    /// Always f32: biases, norms, positions.
    Full,
}

/// One tensor of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TensorSpec {
    /// Name in the ggml file.
    pub(super) name: String,
    /// Extents, fastest first, as ggml writes them.
    pub(super) dims: Vec<u64>,
    /// How it is stored.
    pub(super) storage: Storage,
}

impl TensorSpec {
    pub(super) fn new(name: impl Into<String>, dims: &[u64], storage: Storage) -> Self {
        Self { name: name.into(), dims: dims.to_vec(), storage }
    }

    /// Number of values.
    pub(super) fn num_values(&self) -> u64 {
        self.dims.iter().product()
    }
}

/// The sizes that a Whisper file begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WhisperShape {
    pub(super) num_tokens: u64,
    pub(super) audio_ctx: u64,
    pub(super) state: u64,
    pub(super) audio_heads: u64,
    pub(super) audio_layers: u64,
    pub(super) text_ctx: u64,
    pub(super) text_heads: u64,
    pub(super) text_layers: u64,
    pub(super) num_mels: u64,
}

impl WhisperShape {
    /// Every tensor of such a model, in the order in which it is written.
    pub(super) fn tensors(&self) -> Vec<TensorSpec> {
        let state = self.state;
        let full = |name: &str, dims: &[u64]| TensorSpec::new(name, dims, Storage::Full);
        let mut all = vec![
            full("encoder.positional_embedding", &[state, self.audio_ctx]),
            TensorSpec::new("encoder.conv1.weight", &[3, self.num_mels, state], Storage::Half),
            full("encoder.conv1.bias", &[1, state]),
            TensorSpec::new("encoder.conv2.weight", &[3, state, state], Storage::Half),
            full("encoder.conv2.bias", &[1, state]),
        ];
        for layer in 0..self.audio_layers {
            push_block(&mut all, &format!("encoder.blocks.{layer}"), state, &["attn"]);
        }
        all.push(full("encoder.ln_post.weight", &[state]));
        all.push(full("encoder.ln_post.bias", &[state]));
        all.push(full("decoder.positional_embedding", &[state, self.text_ctx]));
        all.push(TensorSpec::new(
            "decoder.token_embedding.weight",
            &[state, self.num_tokens],
            Storage::Matrix,
        ));
        for layer in 0..self.text_layers {
            push_block(&mut all, &format!("decoder.blocks.{layer}"), state, &["attn", "cross_attn"]);
        }
        all.push(full("decoder.ln.weight", &[state]));
        all.push(full("decoder.ln.bias", &[state]));
        all
    }
}

/// Adds one transformer block; keys have no bias in Whisper.
fn push_block(all: &mut Vec<TensorSpec>, block: &str, state: u64, attentions: &[&str]) {
    let full = |name: String, len: u64| TensorSpec::new(name, &[len], Storage::Full);
    let matrix = |name: String, dims: [u64; 2]| TensorSpec::new(name, &dims, Storage::Matrix);
    for attention in attentions {
        all.push(full(format!("{block}.{attention}_ln.weight"), state));
        all.push(full(format!("{block}.{attention}_ln.bias"), state));
        for part in ["query", "key", "value", "out"] {
            all.push(matrix(format!("{block}.{attention}.{part}.weight"), [state, state]));
            if part != "key" {
                all.push(full(format!("{block}.{attention}.{part}.bias"), state));
            }
        }
    }
    all.push(full(format!("{block}.mlp_ln.weight"), state));
    all.push(full(format!("{block}.mlp_ln.bias"), state));
    all.push(matrix(format!("{block}.mlp.0.weight"), [state, 4 * state]));
    all.push(full(format!("{block}.mlp.0.bias"), 4 * state));
    all.push(matrix(format!("{block}.mlp.2.weight"), [4 * state, state]));
    all.push(full(format!("{block}.mlp.2.bias"), state));
}

/// Samples of one spectrum column of the voice-activity detector.
pub(super) const VAD_STFT_WINDOW: u64 = 256;
/// Rows of its spectrum basis: real and imaginary parts of 129 frequencies.
pub(super) const VAD_STFT_ROWS: u64 = 258;
/// Input and output channels of its four convolutions; all kernels are 3 wide.
pub(super) const VAD_CONVOLUTIONS: [(u64, u64); 4] = [(129, 128), (128, 64), (64, 64), (64, 128)];
/// Kernel width of its convolutions.
pub(super) const VAD_KERNEL: u64 = 3;
/// Width of its recurrent layer.
pub(super) const VAD_HIDDEN: u64 = 128;

/// Every tensor of the 16 kHz Silero voice-activity detector, in the order in which it is written.
pub(super) fn vad_tensors() -> Vec<TensorSpec> {
    let gates = 4 * VAD_HIDDEN;
    let mut all = Vec::new();
    for (i, (from, to)) in VAD_CONVOLUTIONS.into_iter().enumerate() {
        let name = format!("_model.encoder.{i}.reparam_conv");
        all.push(TensorSpec::new(format!("{name}.weight"), &[VAD_KERNEL, from, to], Storage::Half));
        all.push(TensorSpec::new(format!("{name}.bias"), &[to], Storage::Full));
    }
    all.push(TensorSpec::new("_model.decoder.rnn.weight_ih", &[VAD_HIDDEN, gates], Storage::Full));
    all.push(TensorSpec::new("_model.decoder.rnn.weight_hh", &[VAD_HIDDEN, gates], Storage::Full));
    all.push(TensorSpec::new("_model.decoder.rnn.bias_ih", &[gates], Storage::Full));
    all.push(TensorSpec::new("_model.decoder.rnn.bias_hh", &[gates], Storage::Full));
    all.push(TensorSpec::new("_model.decoder.decoder.2.weight", &[VAD_HIDDEN], Storage::Half));
    all.push(TensorSpec::new("_model.decoder.decoder.2.bias", &[], Storage::Full));
    all.push(TensorSpec::new(
        "_model.stft.forward_basis_buffer",
        &[VAD_STFT_WINDOW, 1, VAD_STFT_ROWS],
        Storage::Half,
    ));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_has_the_tensors_of_the_published_file() {
        let base = WhisperShape {
            num_tokens: 51865,
            audio_ctx: 1500,
            state: 512,
            audio_heads: 8,
            audio_layers: 6,
            text_ctx: 448,
            text_heads: 8,
            text_layers: 6,
            num_mels: 80,
        };
        let tensors = base.tensors();
        assert_eq!(tensors.len(), 245);
        let num_values: u64 = tensors.iter().map(TensorSpec::num_values).sum();
        assert_eq!(
            num_values, 72_593_920,
            "the parameter count that OpenAI gives for base, positions included"
        );
    }
}
