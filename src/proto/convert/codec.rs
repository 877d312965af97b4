//! Codings of headerless audio.

use crate::proto::v1;
use crate::types::BitOrder::{LeastFirst, MostFirst};
use crate::types::DeclaredCodec;
use crate::types::G726Rate::{Kbit16, Kbit24, Kbit32, Kbit40};

pub(super) fn codec_to_wire(codec: Option<DeclaredCodec>) -> v1::AudioCodec {
    let Some(codec) = codec else { return v1::AudioCodec::Unspecified };
    match codec {
        DeclaredCodec::Alaw => v1::AudioCodec::Alaw,
        DeclaredCodec::Ulaw => v1::AudioCodec::Ulaw,
        DeclaredCodec::PcmS16Le => v1::AudioCodec::PcmS16le,
        DeclaredCodec::PcmU8 => v1::AudioCodec::PcmU8,
        DeclaredCodec::PcmS16Be => v1::AudioCodec::PcmS16be,
        DeclaredCodec::AlawInverted => v1::AudioCodec::AlawInverted,
        DeclaredCodec::Vox => v1::AudioCodec::Vox,
        DeclaredCodec::Gsm => v1::AudioCodec::Gsm,
        DeclaredCodec::G722 => v1::AudioCodec::G722,
        DeclaredCodec::G726(Kbit16, LeastFirst) => v1::AudioCodec::G72616,
        DeclaredCodec::G726(Kbit24, LeastFirst) => v1::AudioCodec::G72624,
        DeclaredCodec::G726(Kbit32, LeastFirst) => v1::AudioCodec::G72632,
        DeclaredCodec::G726(Kbit40, LeastFirst) => v1::AudioCodec::G72640,
        DeclaredCodec::G726(Kbit16, MostFirst) => v1::AudioCodec::Aal2G72616,
        DeclaredCodec::G726(Kbit24, MostFirst) => v1::AudioCodec::Aal2G72624,
        DeclaredCodec::G726(Kbit32, MostFirst) => v1::AudioCodec::Aal2G72632,
        DeclaredCodec::G726(Kbit40, MostFirst) => v1::AudioCodec::Aal2G72640,
        DeclaredCodec::G729 => v1::AudioCodec::G729,
    }
}

pub(super) fn codec_from_wire(codec: v1::AudioCodec) -> Option<DeclaredCodec> {
    Some(match codec {
        v1::AudioCodec::Unspecified => return None,
        v1::AudioCodec::Alaw => DeclaredCodec::Alaw,
        v1::AudioCodec::Ulaw => DeclaredCodec::Ulaw,
        v1::AudioCodec::PcmS16le => DeclaredCodec::PcmS16Le,
        v1::AudioCodec::PcmU8 => DeclaredCodec::PcmU8,
        v1::AudioCodec::PcmS16be => DeclaredCodec::PcmS16Be,
        v1::AudioCodec::AlawInverted => DeclaredCodec::AlawInverted,
        v1::AudioCodec::Vox => DeclaredCodec::Vox,
        v1::AudioCodec::Gsm => DeclaredCodec::Gsm,
        v1::AudioCodec::G722 => DeclaredCodec::G722,
        v1::AudioCodec::G72616 => DeclaredCodec::G726(Kbit16, LeastFirst),
        v1::AudioCodec::G72624 => DeclaredCodec::G726(Kbit24, LeastFirst),
        v1::AudioCodec::G72632 => DeclaredCodec::G726(Kbit32, LeastFirst),
        v1::AudioCodec::G72640 => DeclaredCodec::G726(Kbit40, LeastFirst),
        v1::AudioCodec::Aal2G72616 => DeclaredCodec::G726(Kbit16, MostFirst),
        v1::AudioCodec::Aal2G72624 => DeclaredCodec::G726(Kbit24, MostFirst),
        v1::AudioCodec::Aal2G72632 => DeclaredCodec::G726(Kbit32, MostFirst),
        v1::AudioCodec::Aal2G72640 => DeclaredCodec::G726(Kbit40, MostFirst),
        v1::AudioCodec::G729 => DeclaredCodec::G729,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_codec_comes_back_as_itself() {
        let all: Vec<v1::AudioCodec> =
            (0..=100).filter_map(|number| v1::AudioCodec::try_from(number).ok()).collect();
        assert!(all.len() >= 19);
        for codec in all {
            assert_eq!(codec_to_wire(codec_from_wire(codec)), codec);
        }
    }
}
