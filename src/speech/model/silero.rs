//! Reads the Silero voice-activity detector (v5, v6; 16 kHz) from its ONNX file.
//!
//! ONNX keeps the gates of the recurrent layer in the order input, output, forget, cell and both biases in one row;
//! ggml wants input, forget, cell, output and two tensors.

use bytes::Bytes;

use super::fault::Fault;
use super::layout::{TensorSpec, VAD_HIDDEN, VAD_STFT_ROWS, VAD_STFT_WINDOW};
use super::onnx::OnnxModel;

/// Where each of ggml's four gates lies in ONNX.
const GATES: [usize; 4] = [0, 2, 3, 1];

/// A detector whose tensors can be read.
#[derive(Debug)]
pub(super) struct SileroWeights {
    model: OnnxModel,
    input_weights: String,
    hidden_weights: String,
    biases: String,
}

impl SileroWeights {
    pub(super) fn read(bytes: &Bytes) -> Result<Self, Fault> {
        let model = OnnxModel::parse(bytes)?;
        let mut recurrent = model.nodes().iter().filter(|node| node.op_type == "LSTM");
        let (Some(layer), None) = (recurrent.next(), recurrent.next()) else {
            return Err(Fault::UnknownKind);
        };
        let [_, input_weights, hidden_weights, biases, ..] = layer.input.as_slice() else {
            return Err(Fault::UnknownKind);
        };
        let names = [input_weights, hidden_weights, biases].map(String::clone);
        let [input_weights, hidden_weights, biases] = names;
        Ok(Self { model, input_weights, hidden_weights, biases })
    }

    /// The values of one tensor of the ggml file.
    pub(super) fn values(&self, spec: &TensorSpec) -> Result<Vec<f32>, Fault> {
        let gates = 4 * VAD_HIDDEN;
        match spec.name.trim_start_matches("_model.") {
            "decoder.rnn.weight_ih" => self.gates(&self.input_weights, &[1, gates, VAD_HIDDEN], 0, 1),
            "decoder.rnn.weight_hh" => self.gates(&self.hidden_weights, &[1, gates, VAD_HIDDEN], 0, 1),
            "decoder.rnn.bias_ih" => self.gates(&self.biases, &[1, 2 * gates], 0, 2),
            "decoder.rnn.bias_hh" => self.gates(&self.biases, &[1, 2 * gates], 1, 2),
            "decoder.decoder.2.weight" => self.model.floats("decoder.conv1d.weight", &[1, VAD_HIDDEN, 1]),
            "decoder.decoder.2.bias" => self.model.floats("decoder.conv1d.bias", &[1]),
            "stft.forward_basis_buffer" => {
                let name = "encoder.feature_extractor.forward_basis_buffer";
                self.model.floats(name, &[VAD_STFT_ROWS, 1, VAD_STFT_WINDOW])
            }
            convolution => {
                let name =
                    convolution.replace("encoder.", "encoder.conv_layers.").replace(".reparam_conv", "");
                let dims: Vec<u64> = spec.dims.iter().rev().copied().collect();
                self.model.floats(&name, &dims)
            }
        }
    }

    /// The `part`-th of `num_parts` equal parts of a tensor, its gates put in ggml's order.
    fn gates(&self, name: &str, dims: &[u64], part: usize, num_parts: usize) -> Result<Vec<f32>, Fault> {
        let values = self.model.floats(name, dims)?;
        let part = values.chunks(values.len() / num_parts).nth(part).unwrap_or_default();
        let gates: Vec<&[f32]> = part.chunks(part.len() / GATES.len()).collect();
        Ok(GATES.iter().flat_map(|&gate| gates.get(gate).copied().unwrap_or_default()).copied().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::onnx::tests::onnx;
    use super::*;

    #[test]
    fn gates_change_places() {
        let weights: Vec<f32> = (0_u16..512).flat_map(|row| [f32::from(row / 128); 128]).collect();
        let biases: Vec<f32> = (0_u16..1024).map(|i| f32::from(i / 128)).collect();
        let bytes = onnx(
            &[("w", &[1, 512, 128], weights), ("b", &[1, 1024], biases)],
            &[("LSTM", "rnn", &["x", "w", "w", "b"]), ("Add", "", &[])],
        );
        let silero = SileroWeights::read(&bytes).expect("it has one recurrent layer");
        let values = |name: &str| {
            let spec = super::super::layout::vad_tensors().into_iter().find(|spec| spec.name.ends_with(name));
            silero.values(&spec.expect("it is a tensor of the detector"))
        };
        let gates =
            |values: Vec<f32>| values.chunks(values.len() / 4).map(|gate| gate[0]).collect::<Vec<_>>();
        assert_eq!(gates(values("weight_ih").expect("it is there")), [0.0, 2.0, 3.0, 1.0]);
        assert_eq!(gates(values("bias_ih").expect("it is there")), [0.0, 2.0, 3.0, 1.0]);
        assert_eq!(gates(values("bias_hh").expect("it is there")), [4.0, 6.0, 7.0, 5.0]);
        assert!(matches!(values("decoder.2.bias"), Err(Fault::MissingTensor { .. })));
    }

    #[test]
    fn another_network_is_refused() {
        assert!(matches!(SileroWeights::read(&onnx(&[], &[("Add", "", &[])])), Err(Fault::UnknownKind)));
    }
}
