//! Reads the kept file of the voice-activity detector into the network that runs it.

use std::path::Path;

use diting_kernels::{Silero, SileroWeights};

use super::error::ModelError;
use super::fault::Fault;
use super::ggml::GgmlFile;
use super::layout::vad_tensors;
use super::manifest::ModelKind;

/// The detector kept at `path`.
pub(in crate::speech) fn read_detector(path: &Path) -> Result<Silero, ModelError> {
    let mut file = GgmlFile::open(path)?;
    let invalid = ModelError::invalid(path);
    if file.kind() != ModelKind::Vad {
        return Err(invalid(Fault::UnknownKind));
    }
    weights(&mut file)
        .and_then(|weights| Silero::new(&weights).map_err(|_| Fault::UnknownKind))
        .map_err(invalid)
}

fn weights(file: &mut GgmlFile) -> Result<SileroWeights, Fault> {
    let mut weights = SileroWeights::default();
    for spec in vad_tensors() {
        let values = file.values(&spec)?;
        match spec.name.trim_start_matches("_model.") {
            "stft.forward_basis_buffer" => weights.transform = values,
            "decoder.rnn.weight_ih" => weights.input = values,
            "decoder.rnn.weight_hh" => weights.hidden = values,
            "decoder.rnn.bias_ih" => weights.biases.0 = values,
            "decoder.rnn.bias_hh" => weights.biases.1 = values,
            "decoder.decoder.2.weight" => weights.output = values,
            "decoder.decoder.2.bias" => weights.output_bias = values,
            convolution => {
                let number = convolution.split('.').nth(1).and_then(|number| number.parse::<usize>().ok());
                let Some(place) = number.and_then(|number| weights.convolutions.get_mut(number)) else {
                    return Err(Fault::UnknownKind);
                };
                if convolution.ends_with("bias") { place.1 = values } else { place.0 = values }
            }
        }
    }
    Ok(weights)
}
