//! HE-AAC, versions 1 and 2: AAC whose upper band (SBR) and second channel (PS) are described and not sampled.
//!
//! A stream may keep quiet about them in its header, so the first packet of all AAC with a core of up to 24 kHz is
//! looked at here.

use fdk_aac::dec::{Decoder, Transport};
use symphonia::core::codecs::audio::AudioCodecParameters;

use super::decode::Frames;

const RATES_HZ: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000, 7350];

/// Highest rate of a core that has an upper band.
const MAX_CORE_RATE_HZ: u32 = 24_000;

const LC: u8 = 2;
const SBR: u8 = 5;
const PS: u8 = 29;

/// Room for 2048 samples of eight channels.
const MAX_SAMPLES: usize = 16_384;

fn rate_index(config: &[u8]) -> Option<(u8, usize)> {
    let [first, second, ..] = *config else { return None };
    Some((first >> 3, usize::from(((first & 0b111) << 1) | (second >> 7))))
}

/// The rate of the core, in Hz, by the header.
pub(super) fn core_rate_hz(params: &AudioCodecParameters) -> Option<u32> {
    match params.extra_data.as_deref().and_then(rate_index) {
        Some((_, index)) => RATES_HZ.get(index).copied(),
        None => params.sample_rate,
    }
}

/// Whether the header says that there is an upper band.
pub(super) fn is_declared(config: &[u8]) -> bool {
    rate_index(config).is_some_and(|(object, _)| [SBR, PS].contains(&object))
}

/// The configuration to open the decoder with; `None` for AAC that has no upper band.
pub(super) fn config(params: &AudioCodecParameters) -> Option<Vec<u8>> {
    let core_rate_hz = core_rate_hz(params)?;
    match params.extra_data.as_deref() {
        Some(config) => {
            let (object, _) = rate_index(config)?;
            let may_be = match object {
                SBR | PS => true,
                LC => core_rate_hz <= MAX_CORE_RATE_HZ,
                _ => false,
            };
            may_be.then(|| config.to_vec())
        }
        None if core_rate_hz <= MAX_CORE_RATE_HZ => {
            let index = RATES_HZ.iter().position(|rate_hz| *rate_hz == core_rate_hz)?;
            let channels = params.channels.as_ref()?.count();
            // An index is at most 12 and a channel count of more than two has no upper band that matters here.
            let (index, channels) = (u8::try_from(index).ok()?, u8::try_from(channels).ok()?);
            (1..=2)
                .contains(&channels)
                .then(|| vec![(LC << 3) | (index >> 1), (index << 7) | (channels << 3)])
        }
        None => None,
    }
}

/// Decodes packets of AAC with or without an upper band.
pub(super) struct HeAac {
    decoder: Decoder,
    samples: Vec<i16>,
    last: Vec<u8>,
    flushed: bool,
}

impl HeAac {
    /// `None` when the decoder does not take the configuration.
    pub(super) fn open(config: &[u8]) -> Option<Self> {
        let mut decoder = Decoder::new(Transport::Raw);
        decoder.config_raw(config).ok()?;
        Some(Self { decoder, samples: vec![0; MAX_SAMPLES], last: Vec::new(), flushed: false })
    }

    /// Rate and frames of a packet; `None` when it is damaged.
    pub(super) fn decode(&mut self, packet: &[u8]) -> Option<(u32, Frames)> {
        packet.clone_into(&mut self.last);
        self.decoder.fill(packet).ok()?;
        self.decoder.decode_frame(&mut self.samples).ok()?;
        let info = self.decoder.stream_info();
        let rate_hz = u32::try_from(info.sampleRate).ok().filter(|rate_hz| *rate_hz > 0)?;
        let num_channels = usize::try_from(info.numChannels).ok().filter(|count| (1..=8).contains(count))?;
        let num_frames = usize::try_from(info.frameSize).ok()?;
        let interleaved = self.samples.get(..num_frames.checked_mul(num_channels)?)?;
        let channel = |index| {
            interleaved
                .iter()
                .skip(index)
                .step_by(num_channels)
                .map(|sample| f32::from(*sample) / 32_768.0)
                .collect()
        };
        (num_frames > 0).then(|| (rate_hz, Frames { channels: (0..num_channels).map(channel).collect() }))
    }

    /// Whether the packets so far have an upper band. A second channel that is described needs one.
    pub(super) fn has_upper_band(&self) -> bool {
        let info = self.decoder.stream_info();
        info.sampleRate > info.aacSampleRate
    }

    /// The frames that the decoder still holds at the end: as many as it put before the first.
    pub(super) fn flush(&mut self) -> Option<Frames> {
        if std::mem::replace(&mut self.flushed, true) {
            return None;
        }
        let (delay, last) = (usize::try_from(self.delay()).ok()?, std::mem::take(&mut self.last));
        let mut all: Option<Frames> = None;
        while all.as_ref().is_none_or(|all| all.len() < delay) {
            // Any packet pushes out what is held.
            let (_, mut frames) = self.decode(&last)?;
            match &mut all {
                Some(all) => all.append(&mut frames),
                None => all = Some(frames),
            }
        }
        let mut all = all?;
        all.truncate(delay);
        (all.len() > 0).then_some(all)
    }

    /// Frames that the decoder puts before the first.
    pub(super) fn delay(&self) -> u64 {
        self.decoder.stream_info().outputDelay.into()
    }
}

#[cfg(test)]
mod tests {
    use fdk_aac::enc::{AudioObjectType, BitRate, ChannelMode, Encoder, EncoderParams};
    use symphonia::core::audio::Channels;
    use symphonia::core::codecs::audio::well_known::CODEC_ID_AAC;

    use super::*;

    fn with_config(config: &[u8]) -> AudioCodecParameters {
        let mut params = AudioCodecParameters::new();
        params.for_codec(CODEC_ID_AAC).with_extra_data(config.into());
        params
    }

    #[test]
    fn only_aac_that_may_have_an_upper_band_goes_here() {
        // HE-AAC with a core at 24 kHz (index 6); its header is passed on as it is.
        let explicit = [0x2b, 0x11, 0x88, 0x00];
        assert_eq!(config(&with_config(&explicit)), Some(explicit.to_vec()));
        assert_eq!(core_rate_hz(&with_config(&explicit)), Some(24_000));
        // LC at 16 kHz (index 8) may have one, LC at 44.1 kHz (index 4) has none, nor has the Main profile.
        assert_eq!(config(&with_config(&[0x14, 0x08])), Some(vec![0x14, 0x08]));
        assert_eq!(config(&with_config(&[0x12, 0x10])), None);
        assert_eq!(config(&with_config(&[0x0c, 0x08])), None);
        assert_eq!(config(&with_config(&[0x14])), None);
    }

    #[test]
    fn a_stream_without_a_header_gets_one() {
        let mut params = AudioCodecParameters::new();
        params.for_codec(CODEC_ID_AAC).with_sample_rate(16_000).with_channels(Channels::Discrete(1));
        assert_eq!(config(&params), Some(vec![0x14, 0x08]));
        params.with_sample_rate(48_000);
        assert_eq!(config(&params), None);
    }

    #[test]
    fn the_upper_band_is_decoded_whether_the_header_names_it_or_not() {
        let params = EncoderParams {
            bit_rate: BitRate::Cbr(32_000),
            sample_rate: 44_100,
            transport: fdk_aac::enc::Transport::Raw,
            channels: ChannelMode::Mono,
            audio_object_type: AudioObjectType::Mpeg4HeAac,
        };
        let encoder = Encoder::new(params).expect("it can encode");
        let step = 440.0 * std::f64::consts::TAU / 44_100.0;
        let tone: Vec<i16> =
            (0..44_100).map(|index| (8000.0 * (step * f64::from(index)).sin()) as i16).collect();
        let packets: Vec<Vec<u8>> = tone
            .chunks_exact(2048)
            .map(|frame| {
                let mut packet = vec![0; 4096];
                let done = encoder.encode(frame, &mut packet).expect("it can encode");
                packet.truncate(done.output_size);
                packet
            })
            .filter(|packet| !packet.is_empty())
            .collect();
        // Both with a core at 22.05 kHz (index 7) and one channel; the first names the upper band at 44.1 kHz (index 4).
        for (config, declared) in [(&[0x2b, 0x8a, 0x08, 0x00][..], true), (&[0x13, 0x88], false)] {
            assert_eq!(is_declared(config), declared);
            let mut decoder = HeAac::open(config).expect("it is a configuration");
            let mut samples = Vec::new();
            for packet in &packets {
                let (rate_hz, frames) = decoder.decode(packet).expect("it is a packet");
                assert_eq!((rate_hz, decoder.has_upper_band()), (44_100, true));
                samples.extend(frames.channels.into_iter().next().unwrap_or_default());
            }
            let held = decoder.flush().expect("the last frames are held");
            assert_eq!(held.len() as u64, decoder.delay());
            let middle = &samples[20_000..30_000];
            let power: f32 = middle.iter().map(|sample| sample * sample).sum::<f32>() / middle.len() as f32;
            assert!((power.sqrt() - 8000.0 / 32_768.0 / 2f32.sqrt()).abs() < 0.02, "{power}");
        }
    }

    #[test]
    fn any_packet_is_decoded_or_refused() {
        let mut decoder = HeAac::open(&[0x14, 0x08]).expect("it is a configuration");
        let mut state = 1u32;
        for len in 0..400 {
            let packet: Vec<u8> = (0..len)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 24) as u8
                })
                .collect();
            if let Some((rate_hz, frames)) = decoder.decode(&packet) {
                assert!(rate_hz > 0 && frames.len() > 0);
            }
        }
        assert!(HeAac::open(&[0xff; 40]).is_none());
        assert!(decoder.flush().is_none_or(|frames| frames.len() < 10_000) && decoder.flush().is_none());
    }
}
