//! Learns what a recording is by decoding all of it once: length, levels, relation of its channels, what is wrong
//! with it. Keeps one byte per channel and tenth of a second, and no samples.

use std::path::Path;

use super::channels::Likeness;
use super::decode::{Decoder, Frames};
use super::level::LevelMeter;
use super::resample::rescale;
use super::{AudioConfig, AudioError, AudioProfile, ChannelLayout, SAMPLE_RATE_HZ, Selection};
use crate::types::{AudioDeclaration, Millis};

/// Share of samples at full scale from which a channel counts as clipped.
const CLIPPING_SHARE: f32 = 0.001;

/// Decodes the recording at `path` and describes it. `selection` chooses the track and the channels.
///
/// # Errors
/// [`AudioError`] as [`super::AudioStream::open`], and for what only shows while decoding: nothing decodable, or longer
/// than allowed.
pub fn survey<'a>(
    path: &Path,
    declaration: &AudioDeclaration,
    selection: impl Into<Selection<'a>>,
    config: &AudioConfig,
) -> Result<AudioProfile, AudioError> {
    let mut decoder = Decoder::open(path, declaration, selection.into(), config)?;
    let rate_hz = decoder.info().rate_hz;
    let full_scale = decoder.info().full_scale;
    let num_selected = decoder.selected().len();
    let mut meters: Vec<LevelMeter> =
        (0..num_selected).map(|_| LevelMeter::new(rate_hz, full_scale)).collect();
    let mut likeness = Likeness::new(rate_hz);
    let mut frames = Frames::new(num_selected);
    loop {
        frames.clear();
        let more = decoder.read(&mut frames)?;
        for (meter, channel) in meters.iter_mut().zip(&frames.channels) {
            meter.push(channel);
        }
        if let [left, right] = frames.channels.as_slice() {
            likeness.push(left, right);
        }
        if !more {
            break;
        }
    }
    let channels: Vec<_> =
        meters.into_iter().zip(decoder.selected()).map(|(meter, channel)| meter.finish(*channel)).collect();
    let mut warnings = decoder.warnings();
    if channels.iter().any(|channel| channel.clipped > CLIPPING_SHARE) {
        warnings.insert("audio.clipping");
    }
    let layout = match num_selected {
        0 | 1 => ChannelLayout::Mono,
        _ if likeness.is_dual_mono() => ChannelLayout::DualMono,
        _ => ChannelLayout::Stereo,
    };
    let duration = Millis::from_samples(rescale(decoder.num_frames(), rate_hz), SAMPLE_RATE_HZ);
    let info = decoder.info();
    Ok(AudioProfile {
        container: info.container.to_owned(),
        codec: info.codec.clone(),
        rate_hz,
        num_channels: info.num_channels,
        duration,
        layout,
        channels,
        warnings: warnings.into_iter().map(str::to_owned).collect(),
    })
}
