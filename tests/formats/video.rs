//! Videos: which of their tracks is heard, and that its times are the picture's.

use std::path::{Path, PathBuf};

use diting::audio::{AudioError, Selection};
use diting::error::Classify;
use diting::types::AudioDeclaration;

use super::support::{align, decode, decoded, ffmpeg, start_of_picture, write_source};

/// A picture of `seconds`, as an input of ffmpeg.
fn picture(seconds: u32) -> String {
    format!("testsrc=size=160x120:rate=10:duration={seconds}")
}

/// Arguments that encode the tracks for a container.
fn encoders(extension: &str) -> &'static [&'static str] {
    match extension {
        "webm" => {
            &["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus", "-b:a", "64k"]
        }
        "mkv" => &["-c:v", "mpeg4", "-c:a", "aac", "-b:a", "64k"],
        _ => &["-c:v", "mpeg4", "-c:a", "aac", "-b:a", "64k"],
    }
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn source(&self, rate_hz: u32, num_channels: usize) -> PathBuf {
        let path = self.path(&format!("source_{rate_hz}_{num_channels}.wav"));
        write_source(&path, rate_hz, num_channels);
        path
    }

    /// A video of `seconds` whose picture and sound begin so many seconds late.
    fn video(&self, extension: &str, seconds: u32, picture_late: &str, sound_late: &str) -> PathBuf {
        let to = self.path(&format!("{picture_late}_{sound_late}.{extension}"));
        let (source, picture) = (self.source(16_000, 1), picture(seconds));
        let (source, target) = (source.to_str().unwrap(), to.to_str().unwrap());
        let inputs = [
            "-itsoffset",
            picture_late,
            "-f",
            "lavfi",
            "-i",
            &picture,
            "-itsoffset",
            sound_late,
            "-i",
            source,
        ];
        ffmpeg(&[&inputs, encoders(extension), &["-map", "0:v", "-map", "1:a", target]].concat());
        to
    }
}

/// How late the source is heard, in milliseconds, when it should be `late_s` seconds.
fn error_ms(source: &[f32], heard: &[f32], late_s: f64) -> f64 {
    let silence = (late_s * 16_000.0) as usize;
    let loudest =
        heard.iter().take(silence.saturating_sub(1600)).fold(0.0f32, |most, sample| most.max(sample.abs()));
    assert!(loudest < 0.01, "nothing is heard before the sound begins: {loudest}");
    let (correlation, lag) = align(source, heard.get(silence..).unwrap_or_default());
    assert!(correlation > 0.9, "it is the source: {correlation}");
    lag
}

#[test]
fn times_are_those_of_the_picture() {
    let folder = Folder::new();
    let source = decoded(&folder.source(16_000, 1));
    for (extension, seconds, picture_late, sound_late) in [
        ("mp4", 9, "0", "0"),
        ("mp4", 9, "0", "2"),
        ("mp4", 9, "1.5", "0"),
        ("mp4", 20, "0", "12.5"),
        ("mov", 9, "0", "2"),
        ("mkv", 9, "0", "0"),
        ("mkv", 9, "0", "2"),
        ("mkv", 9, "1.5", "0"),
        ("mkv", 20, "0", "12.5"),
        ("webm", 9, "0", "2"),
        ("webm", 20, "0", "12.5"),
    ] {
        let video = folder.video(extension, seconds, picture_late, sound_late);
        let heard = decoded(&video);
        // Matroska has no negative times: what the encoder puts before the sound moves the picture.
        let number = |text: &str| text.parse::<f64>().unwrap();
        let expected = start_of_picture(&video) + number(sound_late) - number(picture_late);
        let error = error_ms(&source[0], &heard[0], expected);
        println!("{extension}: picture {picture_late} s late, sound {sound_late} s late: {error:+.2} ms");
        assert!(error.abs() <= 10.0, "{extension} {sound_late}: {error} ms");
    }
}

/// A video with the same source on track 0 as it is and on track 1 backwards.
fn two_tracks(folder: &Folder, name: &str, arguments: &[&str]) -> PathBuf {
    let (source, backwards) = (folder.source(16_000, 1), folder.path("backwards.wav"));
    ffmpeg(&["-i", source.to_str().unwrap(), "-af", "areverse", backwards.to_str().unwrap()]);
    let (to, picture) = (folder.path(name), picture(7));
    let inputs =
        ["-f", "lavfi", "-i", &picture, "-i", source.to_str().unwrap(), "-i", backwards.to_str().unwrap()];
    let maps = ["-map", "0:v", "-map", "1:a", "-map", "2:a", "-c:v", "mpeg4"];
    ffmpeg(&[inputs.as_slice(), &maps, arguments, &[to.to_str().unwrap()]].concat());
    to
}

fn track(path: &Path, track: Option<u32>) -> Result<Vec<f32>, AudioError> {
    let (_, mut samples) = decode(path, &AudioDeclaration::default(), Selection { track, channels: &[] })?;
    Ok(samples.remove(0))
}

#[test]
fn the_track_that_is_asked_for_is_heard() {
    let folder = Folder::new();
    let forwards = decoded(&folder.source(16_000, 1)).remove(0);
    for name in ["two.mp4", "two.mkv"] {
        let video = two_tracks(&folder, name, &["-c:a", "aac", "-b:a", "64k"]);
        let backwards = decoded(&folder.path("backwards.wav")).remove(0);
        let is = |source: &[f32], chosen| align(source, &track(&video, chosen).unwrap()).0 > 0.95;
        assert!(is(&forwards, None) && is(&forwards, Some(0)) && is(&backwards, Some(1)), "{name}");
        let error = track(&video, Some(2)).unwrap_err();
        assert_eq!(error.reason(), "audio.no_such_track");
        assert!(error.to_string().contains("tracks 0 to 1"), "{error}");
    }
    let flags = ["-c:a", "aac", "-b:a", "64k", "-disposition:a:0", "0", "-disposition:a:1", "default"];
    let video = two_tracks(&folder, "default.mkv", &flags);
    let backwards = decoded(&folder.path("backwards.wav")).remove(0);
    assert!(align(&backwards, &track(&video, None).unwrap()).0 > 0.95, "the container's default is heard");
    let wav = folder.source(16_000, 1);
    let error = track(&wav, Some(1)).unwrap_err();
    assert!(error.to_string().contains("only track 0"), "{error}");
    assert!(track(&wav, Some(0)).is_ok());
}

#[test]
fn a_track_that_cannot_be_decoded_is_refused_only_when_it_is_asked_for() {
    let folder = Folder::new();
    let codecs = ["-c:a:0", "ac3", "-b:a:0", "96k", "-c:a:1", "aac", "-b:a:1", "64k"];
    for name in ["ac3.mp4", "ac3.mkv"] {
        let video = two_tracks(&folder, name, &codecs);
        let backwards = decoded(&folder.path("backwards.wav")).remove(0);
        assert!(align(&backwards, &track(&video, None).unwrap()).0 > 0.95, "{name}");
        let error = track(&video, Some(0)).unwrap_err();
        assert_eq!(error.reason(), "audio.unsupported_codec");
        assert!(error.to_string().contains("`ac3`") && error.to_string().contains("ffmpeg"), "{error}");
    }
    let silent = folder.path("silent.mp4");
    ffmpeg(&["-f", "lavfi", "-i", &picture(2), "-c:v", "mpeg4", silent.to_str().unwrap()]);
    assert_eq!(track(&silent, None).unwrap_err().reason(), "audio.no_audio_track");
}
