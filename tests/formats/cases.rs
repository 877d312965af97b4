//! The files that are made, and what each must decode to.

use std::path::{Path, PathBuf};

use diting::types::BitOrder::{LeastFirst, MostFirst};
use diting::types::G726Rate::{Kbit16, Kbit24, Kbit32};
use diting::types::{AudioDeclaration, DeclaredCodec};

use super::encode;
use super::support::{ffmpeg, sox, write_source};

/// How a file is made of the source.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Make {
    Ffmpeg(&'static [&'static str]),
    Sox(&'static [&'static str]),
    Amr {
        wide: bool,
    },
    /// AMR, put into 3GP by ffmpeg.
    AmrIn3gp {
        wide: bool,
    },
    G729,
    G729InWav(u16),
    HeAac {
        two: bool,
    },
    /// HE-AAC, put into MP4 by ffmpeg.
    HeAacInMp4 {
        two: bool,
    },
    InvertedAlaw,
    /// VOX of sox behind a WAV header.
    VoxInWav(u16),
    /// An A-law WAV file whose header has this for a length.
    Size(u32),
}

/// One file.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    /// The first column of its row in the README.
    pub(crate) row: &'static str,
    pub(crate) file: &'static str,
    pub(crate) rate_hz: u32,
    pub(crate) num_channels: usize,
    pub(crate) codec: &'static str,
    pub(crate) make: Make,
    /// What ffmpeg has to be told to read it.
    pub(crate) input: &'static [&'static str],
    pub(crate) declared: Option<(DeclaredCodec, u32, u16)>,
    /// Least correlation with ffmpeg's decoding, and with the source.
    pub(crate) least: f64,
    pub(crate) least_source: f64,
    /// Most difference in length to ffmpeg's decoding, and most delay to the source, in milliseconds.
    pub(crate) length_ms: f64,
    pub(crate) delay_ms: f64,
}

impl Case {
    fn new(row: &'static str, file: &'static str, rate_hz: u32, codec: &'static str, make: Make) -> Self {
        Self {
            row,
            file,
            rate_hz,
            num_channels: 2,
            codec,
            make,
            input: &[],
            declared: None,
            least: 0.999,
            least_source: 0.97,
            length_ms: 1.0,
            delay_ms: 2.0,
        }
    }

    fn mono(self) -> Self {
        Self { num_channels: 1, ..self }
    }

    fn input(self, input: &'static [&'static str]) -> Self {
        Self { input, ..self }
    }

    fn declared(self, codec: DeclaredCodec, rate_hz: u32) -> Self {
        let num_channels = self.num_channels as u16;
        Self { declared: Some((codec, rate_hz, num_channels)), ..self }
    }

    /// Lossy: least correlation with ffmpeg's decoding and with the source.
    fn least(self, least: f64, least_source: f64) -> Self {
        Self { least, least_source, ..self }
    }

    fn length(self, length_ms: f64) -> Self {
        Self { length_ms, ..self }
    }

    fn delay(self, delay_ms: f64) -> Self {
        Self { delay_ms, ..self }
    }

    pub(crate) fn declaration(&self) -> AudioDeclaration {
        let (codec, rate_hz, num_channels) = match self.declared {
            Some((codec, rate_hz, num_channels)) => (Some(codec), Some(rate_hz), Some(num_channels)),
            None => (None, None, None),
        };
        AudioDeclaration { file_name: Some(self.file.to_owned()), codec, rate_hz, num_channels }
    }

    /// Makes the file in `dir`; returns its path and the source's.
    pub(crate) fn write(&self, dir: &Path) -> (PathBuf, PathBuf) {
        let source = dir.join(format!("source_{}_{}.wav", self.rate_hz, self.num_channels));
        write_source(&source, self.rate_hz, self.num_channels);
        let to = dir.join(self.file);
        let between = |name: &str| dir.join(format!("{}.{name}", self.file));
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        match self.make {
            Make::Ffmpeg(arguments) => {
                let (from, to) = (text(&source), text(&to));
                ffmpeg(&[&["-i", &from], arguments, &[&to]].concat());
            }
            Make::Sox(arguments) => {
                let (from, to) = (text(&source), text(&to));
                sox(&[&[from.as_str()], arguments, &[&to]].concat());
            }
            Make::Amr { wide } => encode::amr(&source, &to, wide),
            Make::AmrIn3gp { wide } => {
                encode::amr(&source, &between("amr"), wide);
                ffmpeg(&["-i", &text(&between("amr")), "-c", "copy", &text(&to)]);
            }
            Make::G729 => encode::g729(&source, &to),
            Make::G729InWav(tag) => {
                encode::g729(&source, &between("g729"));
                encode::wrap(&between("g729"), &to, tag, 10);
            }
            Make::HeAac { two } => encode::he_aac(&source, &to, two),
            Make::HeAacInMp4 { two } => {
                encode::he_aac(&source, &between("aac"), two);
                ffmpeg(&["-i", &text(&between("aac")), "-c", "copy", &text(&to)]);
            }
            Make::InvertedAlaw => {
                ffmpeg(&["-i", &text(&source), "-f", "alaw", &text(&between("alaw"))]);
                encode::invert(&between("alaw"), &to);
            }
            Make::VoxInWav(tag) => {
                sox(&[&text(&source), &text(&between("vox"))]);
                encode::wrap(&between("vox"), &to, tag, 1);
            }
            Make::Size(size) => {
                ffmpeg(&["-i", &text(&source), "-c:a", "pcm_alaw", &text(&between("wav"))]);
                encode::resize(&between("wav"), &to, size);
            }
        }
        (to, source)
    }

    /// What ffmpeg or sox makes of the same bytes, as a WAV file.
    pub(crate) fn reference(&self, dir: &Path, file: &Path) -> PathBuf {
        let to = dir.join(format!("{}.reference.wav", self.file));
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let between = |name: &str| dir.join(format!("{}.{name}", self.file));
        let (input, from) = match self.make {
            // ffmpeg has no name for these; it reads what they were made of.
            Make::InvertedAlaw => (["-f", "alaw", "-ar", "8000", "-ac", "1"].as_slice(), between("alaw")),
            Make::Size(_) => ([].as_slice(), between("wav")),
            Make::G729InWav(_) => (["-f", "g729"].as_slice(), between("g729")),
            // Nor does it read VOX without a header.
            Make::Sox(_) if self.file.ends_with(".vox") || self.file.ends_with(".raw") => {
                let rate = self.rate_hz.to_string();
                sox(&["-t", "vox", "-r", &rate, &text(file), "-b", "16", &text(&to)]);
                return to;
            }
            Make::Ffmpeg(_)
            | Make::Sox(_)
            | Make::Amr { .. }
            | Make::AmrIn3gp { .. }
            | Make::G729
            | Make::HeAac { .. }
            | Make::HeAacInMp4 { .. }
            | Make::VoxInWav(_) => (self.input, file.to_owned()),
        };
        ffmpeg(&[input, &["-i", &text(&from), "-c:a", "pcm_f32le", &text(&to)]].concat());
        to
    }
}

pub(crate) fn all() -> Vec<Case> {
    use Make::{Ffmpeg, Sox};
    let new = Case::new;
    let mut cases = vec![
        new("WAV, PCM", "u8.wav", 8000, "pcm_u8", Ffmpeg(&["-c:a", "pcm_u8"])),
        new("WAV, PCM", "s16.wav", 44_100, "pcm_s16le", Ffmpeg(&["-c:a", "pcm_s16le"])),
        new("WAV, PCM", "s24.wav", 48_000, "pcm_s24le", Ffmpeg(&["-c:a", "pcm_s24le"])),
        new("WAV, PCM", "s32.wav", 16_000, "pcm_s32le", Ffmpeg(&["-c:a", "pcm_s32le"])),
        new("WAV, PCM", "f32.wav", 16_000, "pcm_f32le", Ffmpeg(&["-c:a", "pcm_f32le"])),
        new("WAV, PCM", "f64.wav", 22_050, "pcm_f64le", Ffmpeg(&["-c:a", "pcm_f64le"])),
        new("WAV, G.711", "alaw.wav", 8000, "pcm_alaw", Ffmpeg(&["-c:a", "pcm_alaw"])),
        new("WAV, G.711", "ulaw.wav", 8000, "pcm_mulaw", Ffmpeg(&["-c:a", "pcm_mulaw"])),
        new("WAV, G.711", "alaw_16k.wav", 16_000, "pcm_alaw", Ffmpeg(&["-c:a", "pcm_alaw"])),
        new("WAV, G.711", "size_0.wav", 8000, "pcm_alaw", Make::Size(0)),
        new("WAV, G.711", "size_max.wav", 8000, "pcm_alaw", Make::Size(u32::MAX)),
        new("WAV, G.711", "size_2g.wav", 8000, "pcm_alaw", Make::Size(0x7fff_ffff)),
        new("WAV, ADPCM", "ima.wav", 8000, "adpcm_ima_wav", Ffmpeg(&["-c:a", "adpcm_ima_wav"])),
        new("WAV, ADPCM", "ms.wav", 8000, "adpcm_ms", Ffmpeg(&["-c:a", "adpcm_ms"])),
        new("WAV, ADPCM", "ima_sox.wav", 8000, "adpcm_ima_wav", Sox(&["-e", "ima-adpcm"])),
        new("WAV, ADPCM", "ms_sox.wav", 8000, "adpcm_ms", Sox(&["-e", "ms-adpcm"])),
        new("WAV, VOX", "vox_17.wav", 8000, "adpcm_ima_oki", Make::VoxInWav(0x17)).mono(),
        new("WAV, VOX", "vox_10.wav", 8000, "adpcm_ima_oki", Make::VoxInWav(0x10)).mono(),
        new("WAV, GSM", "wav49.wav", 8000, "gsm", Ffmpeg(&["-c:a", "libgsm_ms"]))
            .mono()
            .least(0.999, 0.9)
            .delay(6.0),
        new("WAV, G.722", "g722.wav", 16_000, "g722", Ffmpeg(&["-c:a", "g722"])).mono(),
        new("WAV, G.726", "g726_16.wav", 8000, "g726", Ffmpeg(&["-c:a", "g726", "-b:a", "16k"]))
            .mono()
            .least(0.999, 0.9),
        new("WAV, G.726", "g726_24.wav", 8000, "g726", Ffmpeg(&["-c:a", "g726", "-b:a", "24k"]))
            .mono()
            .least(0.995, 0.97),
        new("WAV, G.726", "g726_32.wav", 8000, "g726", Ffmpeg(&["-c:a", "g726", "-b:a", "32k"]))
            .mono()
            .least(0.995, 0.97),
        new("WAV, G.729", "g729_83.wav", 8000, "g729", Make::G729InWav(0x83))
            .mono()
            .least(0.99, 0.4)
            .delay(11.0),
        new("WAV, G.729", "g729_133.wav", 8000, "g729", Make::G729InWav(0x133))
            .mono()
            .least(0.99, 0.4)
            .delay(11.0),
        new("WAV, MP3", "mp3.wav", 16_000, "mp3", Ffmpeg(&["-c:a", "libmp3lame", "-b:a", "64k"]))
            .length(72.0),
        new("RF64, BW64", "rf64.wav", 8000, "pcm_alaw", Ffmpeg(&["-c:a", "pcm_alaw", "-rf64", "always"])),
        new("Wave64", "s16.w64", 44_100, "pcm_s16le", Ffmpeg(&["-c:a", "pcm_s16le"])),
        new("Wave64", "ulaw.w64", 8000, "pcm_mulaw", Ffmpeg(&["-c:a", "pcm_mulaw"])),
        new("Wave64", "gsm.w64", 8000, "gsm", Ffmpeg(&["-c:a", "libgsm_ms"]))
            .mono()
            .least(0.999, 0.9)
            .delay(6.0),
        new("FLAC", "flac.flac", 44_100, "flac", Ffmpeg(&["-c:a", "flac"])),
        new("FLAC", "flac_8k.flac", 8000, "flac", Ffmpeg(&["-c:a", "flac"])),
        new("MP3, MP2", "mp3_8k.mp3", 8000, "mp3", Ffmpeg(&["-c:a", "libmp3lame", "-b:a", "32k"])),
        new("MP3, MP2", "mp3_16k.mp3", 16_000, "mp3", Ffmpeg(&["-c:a", "libmp3lame", "-b:a", "64k"])),
        new("MP3, MP2", "mp3_44k.mp3", 44_100, "mp3", Ffmpeg(&["-c:a", "libmp3lame", "-q:a", "4"])),
        new("MP3, MP2", "mp2.mp2", 48_000, "mp2", Ffmpeg(&["-c:a", "mp2", "-b:a", "192k"]))
            .least(0.99, 0.97)
            .length(24.0),
        new("AAC (ADTS)", "adts_16k.aac", 16_000, "aac", Ffmpeg(&["-c:a", "aac", "-b:a", "64k"]))
            .length(65.0),
        new("AAC (ADTS)", "adts_44k.aac", 44_100, "aac", Ffmpeg(&["-c:a", "aac", "-b:a", "96k"]))
            .least(0.99, 0.97)
            .length(24.0),
        new("HE-AAC", "he.aac", 44_100, "aac", Make::HeAac { two: false })
            .least(0.99, 0.95)
            .length(50.0)
            .delay(60.0),
        new("HE-AAC", "he_mono.aac", 32_000, "aac", Make::HeAac { two: false })
            .mono()
            .least(0.99, 0.95)
            .length(65.0)
            .delay(70.0),
        new("HE-AAC", "he_2.aac", 44_100, "aac", Make::HeAac { two: true })
            .least(0.99, 0.4)
            .length(50.0)
            .delay(150.0),
        new("HE-AAC", "he.m4a", 44_100, "aac", Make::HeAacInMp4 { two: false })
            .least(0.99, 0.95)
            .length(50.0)
            .delay(120.0),
        new("HE-AAC", "he_2.m4a", 44_100, "aac", Make::HeAacInMp4 { two: true })
            .least(0.99, 0.4)
            .length(50.0)
            .delay(150.0),
        new("Ogg", "flac.ogg", 16_000, "flac", Ffmpeg(&["-c:a", "flac"])),
        new("Ogg", "vorbis_8k.ogg", 8000, "vorbis", Ffmpeg(&["-c:a", "libvorbis", "-q:a", "4"])).length(10.0),
        new("Ogg", "vorbis_44k.ogg", 44_100, "vorbis", Ffmpeg(&["-c:a", "libvorbis", "-q:a", "4"]))
            .length(10.0),
        new("Ogg", "opus_8k.opus", 8000, "opus", Ffmpeg(&["-c:a", "libopus", "-b:a", "32k"]))
            .least(0.99, 0.95)
            .length(10.0),
        new("Ogg", "opus_16k.opus", 16_000, "opus", Ffmpeg(&["-c:a", "libopus", "-b:a", "64k"]))
            .least(0.99, 0.95)
            .length(10.0),
        new(
            "Ogg",
            "opus_60ms.ogg",
            48_000,
            "opus",
            Ffmpeg(&["-c:a", "libopus", "-b:a", "64k", "-frame_duration", "60"]),
        )
        .least(0.99, 0.95)
        .length(10.0),
        new(
            "Ogg",
            "opus_2ms.ogg",
            48_000,
            "opus",
            Ffmpeg(&["-c:a", "libopus", "-b:a", "96k", "-frame_duration", "2.5"]),
        )
        .least(0.99, 0.95)
        .length(10.0),
        new("MP4, M4A, MOV", "aac_8k.m4a", 8000, "aac", Ffmpeg(&["-c:a", "aac", "-b:a", "32k"]))
            .least(0.999, 0.93)
            .length(10.0),
        new("MP4, M4A, MOV", "aac_16k.m4a", 16_000, "aac", Ffmpeg(&["-c:a", "aac", "-b:a", "64k"]))
            .length(10.0),
        new("MP4, M4A, MOV", "aac_44k.m4a", 44_100, "aac", Ffmpeg(&["-c:a", "aac", "-b:a", "96k"]))
            .least(0.99, 0.97)
            .length(24.0),
        new(
            "MP4, M4A, MOV",
            "aac_fast.m4a",
            16_000,
            "aac",
            Ffmpeg(&["-c:a", "aac", "-b:a", "64k", "-movflags", "+faststart"]),
        )
        .length(10.0),
        new(
            "MP4, M4A, MOV",
            "aac_frag.mp4",
            16_000,
            "aac",
            Ffmpeg(&["-c:a", "aac", "-b:a", "64k", "-movflags", "frag_keyframe+empty_moov"]),
        )
        .length(70.0),
        new("MP4, M4A, MOV", "opus.mp4", 16_000, "opus", Ffmpeg(&["-c:a", "libopus", "-b:a", "64k"]))
            .least(0.99, 0.95)
            .length(10.0),
        new("MP4, M4A, MOV", "mp3.mp4", 16_000, "mp3", Ffmpeg(&["-c:a", "libmp3lame", "-b:a", "64k"]))
            .length(75.0),
        new("MP4, M4A, MOV", "alac.m4a", 44_100, "alac", Ffmpeg(&["-c:a", "alac"])),
        new("MP4, M4A, MOV", "pcm.mov", 8000, "pcm_s16le", Ffmpeg(&["-c:a", "pcm_s16le"])),
        new("MP4, M4A, MOV", "alaw.mov", 8000, "pcm_alaw", Ffmpeg(&["-c:a", "pcm_alaw"])),
        new("3GP", "amr.3gp", 8000, "amr_nb", Make::AmrIn3gp { wide: false })
            .mono()
            .least(0.99, 0.4)
            .delay(11.0),
        new("3GP", "amr_wb.3gp", 16_000, "amr_wb", Make::AmrIn3gp { wide: true })
            .mono()
            .least(0.99, 0.4)
            .delay(11.0),
        new("Matroska, WebM", "vorbis.webm", 16_000, "vorbis", Ffmpeg(&["-c:a", "libvorbis", "-q:a", "4"]))
            .length(70.0),
        new("Matroska, WebM", "opus.webm", 16_000, "opus", Ffmpeg(&["-c:a", "libopus", "-b:a", "64k"]))
            .least(0.99, 0.95)
            .length(21.0),
        new("Matroska, WebM", "opus.mkv", 8000, "opus", Ffmpeg(&["-c:a", "libopus", "-b:a", "64k"]))
            .least(0.99, 0.95)
            .length(21.0),
        new("Matroska, WebM", "aac.mkv", 16_000, "aac", Ffmpeg(&["-c:a", "aac", "-b:a", "64k"])).length(65.0),
        new("Matroska, WebM", "mp3.mkv", 16_000, "mp3", Ffmpeg(&["-c:a", "libmp3lame", "-b:a", "64k"]))
            .length(75.0),
        new("Matroska, WebM", "pcm.mkv", 8000, "pcm_s16le", Ffmpeg(&["-c:a", "pcm_s16le"])),
        new("Matroska, WebM", "alaw.mkv", 8000, "pcm_alaw", Ffmpeg(&["-c:a", "pcm_alaw"])),
        new("Matroska, WebM", "flac.mkv", 16_000, "flac", Ffmpeg(&["-c:a", "flac"])),
        new("AIFF, CAF", "aiff.aiff", 44_100, "pcm_s16be", Ffmpeg(&["-c:a", "pcm_s16be"])),
        new("AIFF, CAF", "caf.caf", 16_000, "pcm_s16le", Ffmpeg(&["-c:a", "pcm_s16le"])),
        new("AMR", "nb.amr", 8000, "amr_nb", Make::Amr { wide: false }).mono().least(0.99, 0.4).delay(11.0),
        new("AMR", "wb.awb", 16_000, "amr_wb", Make::Amr { wide: true }).mono().least(0.99, 0.4).delay(11.0),
    ];
    cases.extend(headerless());
    cases
}

fn headerless() -> Vec<Case> {
    use Make::{Ffmpeg, Sox};
    let new = Case::new;
    const ALAW: &[&str] = &["-f", "alaw"];
    const ULAW: &[&str] = &["-f", "mulaw"];
    const S16: &[&str] = &["-f", "s16le"];
    let mut cases = vec![
        new("Headerless VOX", "call.vox", 8000, "adpcm_ima_oki", Sox(&[])).mono(),
        new("Headerless VOX", "vox_6k.raw", 6000, "adpcm_ima_oki", Sox(&["-t", "vox"]))
            .mono()
            .declared(DeclaredCodec::Vox, 6000),
        new("Headerless GSM", "call.gsm", 8000, "gsm", Ffmpeg(&["-c:a", "libgsm"]))
            .mono()
            .least(0.999, 0.9)
            .delay(6.0),
        new("Headerless GSM", "gsm.raw", 8000, "gsm", Ffmpeg(&["-c:a", "libgsm", "-f", "gsm"]))
            .mono()
            .input(&["-f", "gsm"])
            .declared(DeclaredCodec::Gsm, 8000)
            .least(0.999, 0.9)
            .delay(6.0),
        new("Headerless G.722", "call.g722", 16_000, "g722", Ffmpeg(&["-c:a", "g722"])).mono(),
        new("Headerless G.722", "g722.raw", 16_000, "g722", Ffmpeg(&["-c:a", "g722", "-f", "g722"]))
            .mono()
            .input(&["-f", "g722"])
            .declared(DeclaredCodec::G722, 16_000),
        new("Headerless G.729", "call.g729", 8000, "g729", Make::G729)
            .mono()
            .input(&["-f", "g729"])
            .least(0.99, 0.4)
            .delay(11.0),
        new("Headerless G.711", "call.cal", 8000, "pcm_alaw_inverted", Make::InvertedAlaw).mono(),
        new("Headerless G.711", "stereo.raw", 8000, "pcm_alaw", Ffmpeg(ALAW))
            .input(&["-f", "alaw", "-ar", "8000", "-ac", "2"])
            .declared(DeclaredCodec::Alaw, 8000),
        new("Headerless G.711", "ulaw.bin", 16_000, "pcm_mulaw", Ffmpeg(ULAW))
            .input(&["-f", "mulaw", "-ar", "16000", "-ac", "2"])
            .declared(DeclaredCodec::Ulaw, 16_000),
        new("Headerless PCM", "s16.pcm", 16_000, "pcm_s16le", Ffmpeg(S16))
            .input(&["-f", "s16le", "-ar", "16000", "-ac", "2"])
            .declared(DeclaredCodec::PcmS16Le, 16_000),
        new("Headerless PCM", "s16be.raw", 8000, "pcm_s16be", Ffmpeg(&["-f", "s16be"]))
            .input(&["-f", "s16be", "-ar", "8000", "-ac", "2"])
            .declared(DeclaredCodec::PcmS16Be, 8000),
        new("Headerless PCM", "u8.dat", 8000, "pcm_u8", Ffmpeg(&["-f", "u8"]))
            .input(&["-f", "u8", "-ar", "8000", "-ac", "2"])
            .declared(DeclaredCodec::PcmU8, 8000),
    ];
    for file in ["a.ul", "a.ulaw", "a.pcmu"] {
        cases.push(
            new("Headerless G.711", file, 8000, "pcm_mulaw", Ffmpeg(ULAW))
                .mono()
                .input(&["-f", "mulaw", "-ar", "8000"]),
        );
    }
    for file in ["a.al", "a.alaw", "a.pcma"] {
        cases.push(
            new("Headerless G.711", file, 8000, "pcm_alaw", Ffmpeg(ALAW))
                .mono()
                .input(&["-f", "alaw", "-ar", "8000"]),
        );
    }
    let sln: [(&str, u32, &'static [&'static str]); 10] = [
        ("a.sln", 8000, &["-f", "s16le", "-ar", "8000"]),
        ("a.sln8", 8000, &["-f", "s16le", "-ar", "8000"]),
        ("a.sln12", 12_000, &["-f", "s16le", "-ar", "12000"]),
        ("a.sln16", 16_000, &["-f", "s16le", "-ar", "16000"]),
        ("a.sln24", 24_000, &["-f", "s16le", "-ar", "24000"]),
        ("a.sln32", 32_000, &["-f", "s16le", "-ar", "32000"]),
        ("a.sln44", 44_100, &["-f", "s16le", "-ar", "44100"]),
        ("a.sln48", 48_000, &["-f", "s16le", "-ar", "48000"]),
        ("a.sln96", 96_000, &["-f", "s16le", "-ar", "96000"]),
        ("a.sln192", 192_000, &["-f", "s16le", "-ar", "192000"]),
    ];
    for (file, rate_hz, input) in sln {
        cases.push(new("Headerless PCM", file, rate_hz, "pcm_s16le", Ffmpeg(S16)).mono().input(input));
    }
    // Not 40 kbit/s: there ffmpeg's predictor leaks as at the other rates, against the standard.
    // By extension as RFC 3551 packs it, and declared in either order.
    const LEAST: &[&[&str]] = &[
        &["-c:a", "g726le", "-b:a", "16k", "-f", "g726le"],
        &["-c:a", "g726le", "-b:a", "24k", "-f", "g726le"],
        &["-c:a", "g726le", "-b:a", "32k", "-f", "g726le"],
    ];
    const MOST: &[&[&str]] = &[
        &["-c:a", "g726", "-b:a", "16k", "-f", "g726"],
        &["-c:a", "g726", "-b:a", "24k", "-f", "g726"],
        &["-c:a", "g726", "-b:a", "32k", "-f", "g726"],
    ];
    const READ_LEAST: &[&[&str]] = &[
        &["-f", "g726le", "-code_size", "2", "-sample_rate", "8000"],
        &["-f", "g726le", "-code_size", "3", "-sample_rate", "8000"],
        &["-f", "g726le", "-code_size", "4", "-sample_rate", "8000"],
    ];
    const READ_MOST: &[&[&str]] = &[
        &["-f", "g726", "-code_size", "2", "-sample_rate", "8000"],
        &["-f", "g726", "-code_size", "3", "-sample_rate", "8000"],
        &["-f", "g726", "-code_size", "4", "-sample_rate", "8000"],
    ];
    let rates = [
        (Kbit16, ["a.g726-16", "le16.raw", "be16.raw"], 0.9),
        (Kbit24, ["a.g726-24", "le24.raw", "be24.raw"], 0.97),
        (Kbit32, ["a.g726-32", "le32.raw", "be32.raw"], 0.97),
    ];
    for (index, (rate, [named, least, most], least_source)) in rates.into_iter().enumerate() {
        let case = |file, make: &'static [&'static str], read| {
            new("Headerless G.726", file, 8000, "g726", Ffmpeg(make))
                .mono()
                .input(read)
                .least(0.995, least_source)
        };
        cases.push(case(named, LEAST[index], READ_LEAST[index]));
        cases.push(
            case(least, LEAST[index], READ_LEAST[index])
                .declared(DeclaredCodec::G726(rate, LeastFirst), 8000),
        );
        cases.push(
            case(most, MOST[index], READ_MOST[index]).declared(DeclaredCodec::G726(rate, MostFirst), 8000),
        );
    }
    cases
}
