//! Nobody speaks for more than ten minutes, and the real recogniser writes not one character.

use diting::eval::{Signal, listen_to};
use diting::speech::{SpeechConfig, VadConfig};
use diting::types::Millis;

use crate::weights;

#[test]
fn sounds_without_words_give_no_text() {
    let transcriber = weights::transcriber("base");
    let each = Millis(90_000);
    let heard: Vec<_> =
        Signal::ALL.into_iter().map(|signal| listen_to(signal, each, &transcriber).unwrap()).collect();
    assert!(each.0 * heard.len() as u64 >= 600_000, "less than ten minutes were played");
    let invented: Vec<_> = heard.iter().filter(|invented| invented.num_characters > 0).collect();
    assert!(invented.is_empty(), "text was invented: {invented:#?}");
}

/// What the detector lets through in error, the gates behind it must stop: here it lets everything through.
#[test]
fn nor_do_they_when_the_detector_takes_everything_for_speech() {
    let vad = VadConfig { threshold: 0.0, release_threshold: 0.0, ..VadConfig::default() };
    let config = SpeechConfig { model: "base".to_owned(), vad, ..SpeechConfig::default() };
    let transcriber = weights::load(&config);
    for signal in Signal::ALL {
        let invented = listen_to(signal, Millis(20_000), &transcriber).unwrap();
        assert!(invented.taken_for_speech > Millis(15_000), "{} was not let through", signal.name());
        assert_eq!(invented.num_characters, 0, "{}: {}", signal.name(), invented.text);
    }
}
