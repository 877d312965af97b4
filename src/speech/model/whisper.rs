//! Reads Whisper from a transformers.js export: two quantised ONNX files, `config.json` and `vocab.json`.
//!
//! Weights there are integers with one scale and zero point per tensor; matrices have lost their names, which the nodes
//! that use them give back, and lie transposed. What comes out has whisper.cpp's names, shapes and order of values.

use std::collections::HashMap;

use bytes::Bytes;
use serde::Deserialize;

use super::fault::Fault;
use super::ggml::WhisperHead;
use super::layout::{TensorSpec, WhisperShape};
use super::mel;
use super::onnx::{NodeProto, OnnxModel, Quantised};
use super::vocab;

/// The files of an export.
#[derive(Debug, Clone, Default)]
pub(super) struct WhisperExport {
    pub(super) config: Bytes,
    pub(super) vocab: Bytes,
    pub(super) encoder: Bytes,
    pub(super) decoder: Bytes,
}

/// An export whose tensors can be read.
#[derive(Debug)]
pub(super) struct WhisperWeights {
    pub(super) head: WhisperHead,
    encoder: Part,
    decoder: Part,
}

/// The part of `config.json` that sizes the model.
#[derive(Debug, Deserialize)]
struct ExportConfig {
    vocab_size: u64,
    max_source_positions: u64,
    d_model: u64,
    encoder_attention_heads: u64,
    encoder_layers: u64,
    max_target_positions: u64,
    decoder_attention_heads: u64,
    decoder_layers: u64,
    num_mel_bins: u16,
}

/// One ONNX file with the names of its weights found out.
#[derive(Debug)]
struct Part {
    model: OnnxModel,
    /// Where each weight lies, by the name it had in training.
    stored: HashMap<String, Stored>,
}

#[derive(Debug, Clone, PartialEq)]
enum Stored {
    /// Floats under this name.
    Plain(String),
    /// Integers, their scale and zero point under names that begin so.
    Quantised { stem: String, transposed: bool },
}

impl WhisperWeights {
    /// Reads everything but the weights themselves.
    pub(super) fn read(export: &WhisperExport) -> Result<Self, Fault> {
        let config: ExportConfig = serde_json::from_slice(&export.config)
            .map_err(|cause| Fault::Json { name: "config.json", cause })?;
        let shape = config.shape()?;
        let tokens = vocab::text_tokens(&export.vocab)?;
        let head = WhisperHead { shape, mel_filters: mel::filters(config.num_mel_bins), tokens };
        let encoder = Part::read(&export.encoder, "model.encoder.")?;
        let decoder = Part::read(&export.decoder, "model.")?;
        Ok(Self { head, encoder, decoder })
    }

    /// The values of one tensor of the ggml file.
    pub(super) fn values(&self, spec: &TensorSpec) -> Result<Vec<f32>, Fault> {
        let part = if spec.name.starts_with("encoder.") { &self.encoder } else { &self.decoder };
        part.values(&training_name(&spec.name), &spec.dims)
    }
}

impl ExportConfig {
    /// The shape, if it is that of a Whisper model.
    fn shape(&self) -> Result<WhisperShape, Fault> {
        let check = |field, value: u64, is_sane: bool| {
            if is_sane { Ok(()) } else { Err(Fault::Header { field, value: value.cast_signed() }) }
        };
        check("vocab_size", self.vocab_size, (51865..=51866).contains(&self.vocab_size))?;
        check("max_source_positions", self.max_source_positions, self.max_source_positions == 1500)?;
        check("max_target_positions", self.max_target_positions, self.max_target_positions == 448)?;
        check(
            "d_model",
            self.d_model,
            self.d_model <= 1280 && self.d_model >= 64 && self.d_model.is_multiple_of(64),
        )?;
        let heads = self.d_model / 64;
        check(
            "encoder_attention_heads",
            self.encoder_attention_heads,
            self.encoder_attention_heads == heads,
        )?;
        check(
            "decoder_attention_heads",
            self.decoder_attention_heads,
            self.decoder_attention_heads == heads,
        )?;
        check("encoder_layers", self.encoder_layers, [4, 6, 12, 24, 32].contains(&self.encoder_layers))?;
        check("decoder_layers", self.decoder_layers, (1..=32).contains(&self.decoder_layers))?;
        check("num_mel_bins", self.num_mel_bins.into(), [80, 128].contains(&self.num_mel_bins))?;
        Ok(WhisperShape {
            num_tokens: self.vocab_size,
            audio_ctx: self.max_source_positions,
            state: self.d_model,
            audio_heads: self.encoder_attention_heads,
            audio_layers: self.encoder_layers,
            text_ctx: self.max_target_positions,
            text_heads: self.decoder_attention_heads,
            text_layers: self.decoder_layers,
            num_mels: self.num_mel_bins.into(),
        })
    }
}

impl Part {
    fn read(bytes: &Bytes, prefix: &str) -> Result<Self, Fault> {
        let model = OnnxModel::parse(bytes)?;
        let mut stored = HashMap::new();
        for node in model.nodes() {
            if let Some((name, weight)) = quantised_weight(node, &model) {
                stored.entry(complete(&name, prefix)).or_insert(weight);
            }
        }
        for name in model.names() {
            // Both branches of the merged decoder share its tensors, which are marked so.
            let plain = name.replace("_merged_0", "");
            if plain.ends_with(".weight") || plain.ends_with(".bias") {
                stored.entry(complete(&plain, prefix)).or_insert_with(|| Stored::Plain(name.to_owned()));
            }
        }
        Ok(Self { model, stored })
    }

    /// The values of the weight `name`; `dims` are ggml's, fastest first.
    fn values(&self, name: &str, dims: &[u64]) -> Result<Vec<f32>, Fault> {
        let missing = || Fault::MissingTensor { name: name.to_owned() };
        // ggml gives a convolution's bias a first dimension of 1, which training does not.
        let dims: Vec<u64> = match dims {
            [1, len] => vec![*len],
            dims => dims.iter().rev().copied().collect(),
        };
        match self.stored.get(name).ok_or_else(missing)? {
            Stored::Plain(stored) => self.model.floats(stored, &dims),
            Stored::Quantised { stem, transposed: false } => {
                let (table, integers) = self.integers(stem, &dims)?;
                Ok(integers.iter().map(|&byte| table[usize::from(byte)]).collect())
            }
            Stored::Quantised { stem, transposed: true } => {
                let [rows, columns] = dims.as_slice() else { return Err(missing()) };
                let (table, integers) = self.integers(stem, &[*columns, *rows])?;
                let rows = usize::try_from(*rows).map_err(|_| Fault::Truncated)?;
                Ok(turned(integers, rows, &table))
            }
        }
    }

    /// The stored integers of a weight, and what each of the 256 means.
    ///
    /// There are up to a few hundred million of them, so their values are looked up rather than computed.
    fn integers(&self, stem: &str, dims: &[u64]) -> Result<([f32; 256], &[u8]), Fault> {
        let zero_point = self.model.integer(&format!("{stem}_zero_point"))?;
        let scale_name = format!("{stem}_scale");
        let scale = self.model.floats(&scale_name, &self.model.dims(&scale_name)?)?;
        let [scale] = scale.as_slice() else {
            return Err(Fault::Shape {
                name: scale_name,
                expected: vec![],
                actual: vec![scale.len() as u64],
            });
        };
        #[expect(clippy::cast_precision_loss, reason = "at most 383")]
        let value_of = |integer: i32| (integer - zero_point) as f32 * scale;
        Ok(match self.model.quantised(&format!("{stem}_quantized"), dims)? {
            Quantised::Unsigned(bytes) => (tabulate(|byte| value_of(byte.into())), bytes),
            Quantised::Signed(bytes) => (tabulate(|byte| value_of(byte.cast_signed().into())), bytes),
        })
    }
}

/// What `value_of` gives for every byte.
fn tabulate(value_of: impl Fn(u8) -> f32) -> [f32; 256] {
    let mut table = [0.0; 256];
    for byte in 0..=u8::MAX {
        table[usize::from(byte)] = value_of(byte);
    }
    table
}

/// Name and place of the stored weight that `node` uses, if it uses one.
fn quantised_weight(node: &NodeProto, model: &OnnxModel) -> Option<(String, Stored)> {
    let stem_of = |input: Option<&String>| {
        let name = input.filter(|name| model.contains(name))?;
        name.strip_suffix("_quantized").map(str::to_owned)
    };
    match node.op_type.as_str() {
        "MatMulInteger" | "ConvInteger" => {
            let stem = stem_of(node.input.get(1))?;
            let name = node.name.trim_matches('/').replace('/', ".");
            let name = name.strip_suffix("_quant").unwrap_or(&name);
            let name = name.strip_suffix(".MatMul").or_else(|| name.strip_suffix(".Conv")).unwrap_or(name);
            let transposed = node.op_type == "MatMulInteger";
            Some((format!("{name}.weight"), Stored::Quantised { stem, transposed }))
        }
        // The only stored matrix that rows are looked up in; the output projection is the same one.
        "Gather" => {
            let stem = stem_of(node.input.first())?;
            let name = "model.decoder.embed_tokens.weight".to_owned();
            Some((name, Stored::Quantised { stem, transposed: false }))
        }
        _ => None,
    }
}

fn complete(name: &str, prefix: &str) -> String {
    if name.starts_with("model.") { name.to_owned() } else { format!("{prefix}{name}") }
}

/// The name in training of a tensor that whisper.cpp calls `name`.
fn training_name(name: &str) -> String {
    const PARTS: [(&str, &str); 14] = [
        ("positional_embedding", "embed_positions.weight"),
        ("token_embedding", "embed_tokens"),
        ("ln_post", "layer_norm"),
        ("decoder.ln.", "decoder.layer_norm."),
        ("blocks.", "layers."),
        (".cross_attn_ln.", ".encoder_attn_layer_norm."),
        (".cross_attn.", ".encoder_attn."),
        (".attn_ln.", ".self_attn_layer_norm."),
        (".attn.", ".self_attn."),
        (".mlp_ln.", ".final_layer_norm."),
        (".mlp.0.", ".fc1."),
        (".mlp.2.", ".fc2."),
        (".query.", ".q_proj."),
        (".key.", ".k_proj."),
    ];
    let renamed = PARTS.iter().fold(name.to_owned(), |name, (ours, theirs)| name.replace(ours, theirs));
    format!("model.{}", renamed.replace(".value.", ".v_proj.").replace("attn.out.", "attn.out_proj."))
}

/// Turns a matrix of `columns` bytes a row around, and looks up what they mean.
fn turned(bytes: &[u8], columns: usize, table: &[f32; 256]) -> Vec<f32> {
    let rows = bytes.len() / columns;
    let mut values = vec![0.0; bytes.len()];
    for (column, row_of_result) in values.chunks_mut(rows).enumerate() {
        let mut at = column;
        for value in row_of_result {
            *value = table[usize::from(bytes[at])];
            at += columns;
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_training() {
        for (ours, theirs) in [
            ("encoder.positional_embedding", "model.encoder.embed_positions.weight"),
            ("encoder.conv1.bias", "model.encoder.conv1.bias"),
            ("encoder.ln_post.weight", "model.encoder.layer_norm.weight"),
            ("encoder.blocks.3.attn.query.weight", "model.encoder.layers.3.self_attn.q_proj.weight"),
            ("encoder.blocks.11.mlp_ln.bias", "model.encoder.layers.11.final_layer_norm.bias"),
            ("decoder.token_embedding.weight", "model.decoder.embed_tokens.weight"),
            ("decoder.ln.bias", "model.decoder.layer_norm.bias"),
            (
                "decoder.blocks.0.cross_attn_ln.weight",
                "model.decoder.layers.0.encoder_attn_layer_norm.weight",
            ),
            ("decoder.blocks.0.cross_attn.key.weight", "model.decoder.layers.0.encoder_attn.k_proj.weight"),
            ("decoder.blocks.0.cross_attn.out.bias", "model.decoder.layers.0.encoder_attn.out_proj.bias"),
            ("decoder.blocks.5.attn.value.bias", "model.decoder.layers.5.self_attn.v_proj.bias"),
            ("decoder.blocks.5.mlp.0.weight", "model.decoder.layers.5.fc1.weight"),
            ("decoder.blocks.5.mlp.2.bias", "model.decoder.layers.5.fc2.bias"),
        ] {
            assert_eq!(training_name(ours), theirs);
        }
    }

    #[test]
    fn matrices_are_turned_around() {
        let values = turned(&[1, 2, 3, 4, 5, 6], 3, &tabulate(f32::from));
        assert_eq!(values, [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    }

    #[test]
    fn a_config_of_another_model_is_refused() {
        let config = |d_model: u64| {
            format!(
                r#"{{"vocab_size": 51865, "max_source_positions": 1500, "d_model": {d_model},
                "encoder_attention_heads": 8, "encoder_layers": 6, "max_target_positions": 448,
                "decoder_attention_heads": 8, "decoder_layers": 6, "num_mel_bins": 80}}"#
            )
        };
        let shape =
            |text: String| serde_json::from_str::<ExportConfig>(&text).expect("it is a config").shape();
        assert!(shape(config(512)).is_ok());
        for d_model in [0, 500, 576, u64::MAX] {
            assert!(shape(config(d_model)).is_err(), "{d_model}");
        }
        let export = WhisperExport { config: Bytes::from_static(b"{}"), ..WhisperExport::default() };
        assert!(matches!(WhisperWeights::read(&export), Err(Fault::Json { .. })));
    }
}
