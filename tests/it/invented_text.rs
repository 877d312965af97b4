//! Nobody speaks for more than ten minutes, and the real recogniser writes not one character.

use diting::eval::{Signal, listen_to};
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
