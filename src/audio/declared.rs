//! What headerless bytes are, as their sender declares it or as an unambiguous file extension says.

use super::AudioError;
use super::frame::FrameCodec;
use super::limits::MAX_CHANNELS;
use super::raw::SampleFormat;
use crate::types::{AudioDeclaration, BitOrder, DeclaredCodec, G726Rate};

/// How the bytes turn into samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// Each sample by itself.
    Samples(SampleFormat),
    /// Frames of a codec, one channel.
    Frames(FrameCodec),
}

impl Coding {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Samples(format) => format.name(),
            Self::Frames(codec) => codec.name(),
        }
    }
}

impl From<DeclaredCodec> for Coding {
    fn from(codec: DeclaredCodec) -> Self {
        match codec {
            DeclaredCodec::Alaw => Self::Samples(SampleFormat::Alaw),
            DeclaredCodec::Ulaw => Self::Samples(SampleFormat::Ulaw),
            DeclaredCodec::PcmS16Le => Self::Samples(SampleFormat::S16),
            DeclaredCodec::PcmU8 => Self::Samples(SampleFormat::U8),
            DeclaredCodec::PcmS16Be => Self::Samples(SampleFormat::S16Be),
            DeclaredCodec::AlawInverted => Self::Samples(SampleFormat::AlawInverted),
            DeclaredCodec::Vox => Self::Frames(FrameCodec::Vox),
            DeclaredCodec::Gsm => Self::Frames(FrameCodec::Gsm),
            DeclaredCodec::G722 => Self::Frames(FrameCodec::G722),
            DeclaredCodec::G726(rate, order) => Self::Frames(FrameCodec::G726(rate, order)),
            DeclaredCodec::G729 => Self::Frames(FrameCodec::G729),
        }
    }
}

/// All that has to be known about headerless bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) coding: Coding,
    pub(super) rate_hz: u32,
    pub(super) num_channels: u16,
}

/// What the sender says about headerless bytes, all of it or an error.
pub(super) fn by_declaration(declaration: &AudioDeclaration) -> Result<Option<Layout>, AudioError> {
    let Some(codec) = declaration.codec else {
        return match (declaration.rate_hz, declaration.num_channels) {
            (None, None) => Ok(None),
            _ => Err(AudioError::IncompleteDeclaration { missing: "the codec" }),
        };
    };
    let coding = Coding::from(codec);
    let fixed_rate_hz = match coding {
        Coding::Samples(_) => None,
        Coding::Frames(codec) => codec.fixed_rate_hz(),
    };
    let fixed_channels = fixed_rate_hz.map(|_| 1);
    let Some(rate_hz) = declaration.rate_hz.or(fixed_rate_hz) else {
        return Err(AudioError::IncompleteDeclaration { missing: "the rate" });
    };
    let Some(num_channels) = declaration.num_channels.or(fixed_channels) else {
        return Err(AudioError::IncompleteDeclaration { missing: "the number of channels" });
    };
    if num_channels == 0 || num_channels > MAX_CHANNELS {
        return Err(AudioError::IncompleteDeclaration { missing: "a sensible number of channels" });
    }
    let has_frames = matches!(coding, Coding::Frames(_));
    if fixed_rate_hz.is_some_and(|fixed| fixed != rate_hz) || (has_frames && num_channels != 1) {
        return Err(AudioError::ImpossibleLayout { codec: coding.name(), rate_hz: fixed_rate_hz });
    }
    Ok(Some(Layout { coding, rate_hz, num_channels }))
}

/// What endings of names, in lower case, say about headerless bytes of one channel, with their samples per second.
pub(super) const HEADERLESS: [(&str, Coding, u32); 25] = {
    use Coding::{Frames, Samples};
    use FrameCodec::{G722, G726, G729, Gsm, Vox};
    use SampleFormat::{Alaw, AlawInverted, S16, Ulaw};
    [
        ("ul", Samples(Ulaw), 8000),
        ("ulaw", Samples(Ulaw), 8000),
        ("pcmu", Samples(Ulaw), 8000),
        ("al", Samples(Alaw), 8000),
        ("alaw", Samples(Alaw), 8000),
        ("pcma", Samples(Alaw), 8000),
        ("cal", Samples(AlawInverted), 8000),
        ("sln", Samples(S16), 8000),
        ("sln8", Samples(S16), 8000),
        ("sln12", Samples(S16), 12_000),
        ("sln16", Samples(S16), 16_000),
        ("sln24", Samples(S16), 24_000),
        ("sln32", Samples(S16), 32_000),
        ("sln44", Samples(S16), 44_100),
        ("sln48", Samples(S16), 48_000),
        ("sln96", Samples(S16), 96_000),
        ("sln192", Samples(S16), 192_000),
        ("vox", Frames(Vox), 8000),
        ("gsm", Frames(Gsm), 8000),
        ("g722", Frames(G722), 16_000),
        ("g726-16", Frames(G726(G726Rate::Kbit16, BitOrder::LeastFirst)), 8000),
        ("g726-24", Frames(G726(G726Rate::Kbit24, BitOrder::LeastFirst)), 8000),
        ("g726-32", Frames(G726(G726Rate::Kbit32, BitOrder::LeastFirst)), 8000),
        ("g726-40", Frames(G726(G726Rate::Kbit40, BitOrder::LeastFirst)), 8000),
        ("g729", Frames(G729), 8000),
    ]
};

/// What an extension, in lower case, says about headerless bytes; `None` when it may mean several things.
pub(super) fn by_extension(extension: &str) -> Option<Layout> {
    let (_, coding, rate_hz) = HEADERLESS.iter().find(|(known, ..)| *known == extension)?;
    Some(Layout { coding: *coding, rate_hz: *rate_hz, num_channels: 1 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Classify;

    fn declared(codec: DeclaredCodec, rate_hz: Option<u32>, num_channels: Option<u16>) -> AudioDeclaration {
        AudioDeclaration { file_name: None, codec: Some(codec), rate_hz, num_channels }
    }

    #[test]
    fn a_codec_with_one_layout_needs_no_more_and_takes_no_other() {
        let gsm = by_declaration(&declared(DeclaredCodec::Gsm, None, None)).expect("it is complete");
        assert_eq!(gsm.map(|layout| (layout.rate_hz, layout.num_channels)), Some((8000, 1)));
        assert!(DeclaredCodec::Gsm.has_one_layout() && !DeclaredCodec::Vox.has_one_layout());
        let reason = |declaration| by_declaration(&declaration).expect_err("it is wrong").reason();
        assert_eq!(reason(declared(DeclaredCodec::Gsm, Some(16_000), Some(1))), "audio.impossible_layout");
        assert_eq!(reason(declared(DeclaredCodec::Vox, Some(8000), Some(2))), "audio.impossible_layout");
        assert_eq!(reason(declared(DeclaredCodec::Vox, None, None)), "audio.incomplete_declaration");
        assert_eq!(
            reason(declared(DeclaredCodec::Alaw, Some(8000), Some(0))),
            "audio.incomplete_declaration"
        );
        let vox = by_declaration(&declared(DeclaredCodec::Vox, Some(6000), Some(1))).expect("it is complete");
        assert_eq!(vox.map(|layout| layout.rate_hz), Some(6000));
    }

    #[test]
    fn an_extension_that_may_mean_anything_says_nothing() {
        for extension in ["pcm", "raw", "dat", "bin", "g726", "wav", ""] {
            assert_eq!(by_extension(extension), None, "{extension}");
        }
    }
}
