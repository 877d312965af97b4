//! Turns the tokens of a window into timed words of simplified Chinese, one list per piece of speech.

use std::ops::Range;
use std::sync::LazyLock;

use ferrous_opencc::OpenCC;
use ferrous_opencc::config::BuiltinConfig;

use super::decode::Token;
use super::hot_words::HotWords;
use super::segment::{Segment, Word};
use super::window::Window;
use crate::types::{Millis, TimeSpan};

/// A word said last in its piece, or before a pause, is not stretched beyond this.
const LONGEST_WORD: Millis = Millis(800);

/// A pause of this length ends a sentence, a shorter one a part of it.
const SENTENCE_PAUSE: Millis = Millis(700);

/// Traditional to simplified; the tables are part of the program.
static SIMPLIFY: LazyLock<Option<OpenCC>> = LazyLock::new(|| OpenCC::from_config(BuiltinConfig::T2s).ok());

/// A character with the samples of the window in which it is said, and its probability.
#[derive(Debug, Clone, PartialEq)]
struct Glyph {
    character: char,
    span: Range<usize>,
    probability: f32,
}

/// A word on its way to a time.
#[derive(Debug, Clone, PartialEq)]
struct Placed {
    text: String,
    span: Range<usize>,
    probability: f32,
}

/// The text of `tokens` as written, for judging it.
pub(super) fn text(tokens: &[Token]) -> String {
    let bytes: Vec<u8> = tokens.iter().flat_map(|token| token.bytes.iter().copied()).collect();
    simplify(&String::from_utf8_lossy(&bytes))
}

/// What was said in each piece of `window`, from its tokens; `None` where nothing was.
pub(super) fn segments(window: &Window, tokens: &[Token], hot_words: &HotWords) -> Vec<Option<Segment>> {
    let glyphs = put_hot_words(simplify_glyphs(strip_brackets(glyphs(tokens))), hot_words);
    let glyphs = punctuate(glyphs);
    let mut by_piece: Vec<Vec<Placed>> = vec![Vec::new(); window.pieces.len()];
    let mut piece = 0;
    for word in words(glyphs) {
        // Never back: attention wanders, speech does not.
        piece = window.piece_beginning_at(word.span.start).max(piece);
        if let Some(words) = by_piece.get_mut(piece) {
            words.push(word);
        }
    }
    let said =
        |(index, words): (usize, Vec<Placed>)| (!words.is_empty()).then(|| segment(window, index, words));
    by_piece.into_iter().enumerate().map(said).collect()
}

fn segment(window: &Window, index: usize, placed: Vec<Placed>) -> Segment {
    let mut words: Vec<Word> = Vec::with_capacity(placed.len());
    for Placed { text, span, probability } in placed {
        let end = window.time_in(index, span.end);
        // What is longer holds a pause, before the word or after it; the end is the surer side.
        let start = window.time_in(index, span.start).max(end.saturating_sub(LONGEST_WORD));
        let start = start.max(words.last().map_or(Millis::ZERO, |word| word.span.end));
        words.push(Word { text, span: TimeSpan::new(start, end), confidence: probability });
    }
    if let Some(last) = words.last_mut() {
        last.text.extend(mark_after(&last.text, window.pause_after(index)));
    }
    let text = words.iter().map(|word| word.text.as_str()).collect();
    let confidence = words.iter().map(|word| word.confidence).sum::<f32>() / words.len().max(1) as f32;
    let span = words.iter().map(|word| word.span).reduce(TimeSpan::union).unwrap_or_default();
    Segment { channel: window.channel, span, text, words, confidence }
}

/// The mark that a pause of this length puts after `word`, where the recogniser wrote none.
fn mark_after(word: &str, pause: Option<Millis>) -> Option<char> {
    let last = word.chars().next_back().filter(|c| c.is_alphanumeric())?;
    Some(match pause {
        _ if last == '吗' => '？',
        Some(pause) if pause < SENTENCE_PAUSE => '，',
        _ => '。',
    })
}

/// Joins token bytes into characters. One token may hold several characters, one character may need several tokens;
/// bytes that never become a character are dropped.
fn glyphs(tokens: &[Token]) -> Vec<Glyph> {
    let mut glyphs: Vec<Glyph> = Vec::new();
    let mut bytes: Vec<(u8, Range<usize>, f32)> = Vec::new();
    for token in tokens {
        let (start, length) = (token.span.start, token.bytes.len().max(1));
        let at = |position: usize| start + (token.span.end - start) * position / length;
        for (position, byte) in token.bytes.iter().enumerate() {
            bytes.push((*byte, at(position)..at(position + 1), token.probability));
        }
    }
    let mut rest = bytes.as_slice();
    while let Some((first, span, _)) = rest.first() {
        let length = match *first {
            0x00..=0x7f => 1,
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            _ => 0,
        };
        let raw: Vec<u8> = rest.iter().take(length).map(|(byte, _, _)| *byte).collect();
        match std::str::from_utf8(&raw).ok().and_then(|text| text.chars().next()) {
            Some(character) => {
                let used = rest.iter().take(length);
                let end = used.clone().map(|(_, span, _)| span.end).max().unwrap_or(span.end);
                let probability = used.map(|(_, _, probability)| *probability).fold(1.0, f32::min);
                glyphs.push(Glyph { character, span: span.start..end, probability });
                rest = rest.get(length..).unwrap_or_default();
            }
            None => rest = rest.get(1..).unwrap_or_default(),
        }
    }
    glyphs
}

/// Drops what stands in brackets: sounds that the recogniser names, such as `(音乐)` or `[BLANK_AUDIO]`, and notes.
fn strip_brackets(glyphs: Vec<Glyph>) -> Vec<Glyph> {
    let mut kept = Vec::with_capacity(glyphs.len());
    let mut rest = glyphs.as_slice();
    while let Some((glyph, after)) = rest.split_first() {
        let close = match glyph.character {
            '(' | '（' => Some([')', '）']),
            '[' | '【' => Some([']', '】']),
            _ => None,
        };
        let skipped = close.and_then(|close| after.iter().position(|g| close.contains(&g.character)));
        match skipped {
            Some(position) => rest = after.get(position + 1..).unwrap_or_default(),
            None => {
                if !matches!(glyph.character, '♪' | '♫' | '\u{fffd}') && close.is_none() {
                    kept.push(glyph.clone());
                }
                rest = after;
            }
        }
    }
    kept
}

fn simplify(text: &str) -> String {
    SIMPLIFY.as_ref().map_or_else(|| text.to_owned(), |opencc| opencc.convert(text))
}

fn simplify_glyphs(mut glyphs: Vec<Glyph>) -> Vec<Glyph> {
    let text: String = glyphs.iter().map(|glyph| glyph.character).collect();
    let simplified: Vec<char> = simplify(&text).chars().collect();
    // The tables keep lengths for all but a few rare phrases; those go character by character.
    if simplified.len() == glyphs.len() {
        for (glyph, character) in glyphs.iter_mut().zip(simplified) {
            glyph.character = character;
        }
    } else {
        for glyph in &mut glyphs {
            let mut single = simplify(glyph.character.encode_utf8(&mut [0; 4])).chars().collect::<Vec<_>>();
            if let (Some(character), true) = (single.pop(), single.is_empty()) {
                glyph.character = character;
            }
        }
    }
    glyphs
}

fn put_hot_words(mut glyphs: Vec<Glyph>, hot_words: &HotWords) -> Vec<Glyph> {
    let mut text: Vec<char> = glyphs.iter().map(|glyph| glyph.character).collect();
    let probabilities: Vec<f32> = glyphs.iter().map(|glyph| glyph.probability).collect();
    hot_words.correct(&mut text, &probabilities);
    for (glyph, character) in glyphs.iter_mut().zip(text) {
        glyph.character = character;
    }
    glyphs
}

/// Full-width punctuation beside Chinese, and none twice.
fn punctuate(glyphs: Vec<Glyph>) -> Vec<Glyph> {
    let has_han = glyphs.iter().any(|glyph| is_han(glyph.character));
    let following: Vec<_> = glyphs.iter().skip(1).map(|glyph| Some(glyph.character)).chain([None]).collect();
    let mut written: Vec<Glyph> = Vec::with_capacity(glyphs.len());
    for (mut glyph, after) in glyphs.into_iter().zip(following) {
        let before = written.last().map(|glyph| glyph.character);
        let follows_chinese = before.is_some_and(|c| is_han(c) || is_punctuation(c));
        // After a digit or a letter: the comma in 1,000 stays, the one in 12378,像 does not.
        if follows_chinese || (has_han && after.is_none_or(is_han)) {
            glyph.character = full_width(glyph.character);
        }
        let repeats = is_punctuation(glyph.character) && before.is_none_or(is_punctuation);
        let stray_space = glyph.character == ' ' && !before.is_some_and(|c| c.is_ascii_alphanumeric());
        if !repeats && !stray_space {
            written.push(glyph);
        }
    }
    written
}

fn full_width(character: char) -> char {
    match character {
        ',' => '，',
        '.' => '。',
        '?' => '？',
        '!' => '！',
        ':' => '：',
        ';' => '；',
        other => other,
    }
}

pub(super) fn is_han(character: char) -> bool {
    matches!(character, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{2fa1f}')
}

pub(super) fn is_punctuation(character: char) -> bool {
    !character.is_alphanumeric()
        && character != ' '
        && !matches!(character, '%' | '+' | '@' | '#' | '&' | '¥' | '$')
}

/// Words with place and probability: one Chinese character or digit each, or a run of letters; the punctuation and
/// spaces after a word belong to it.
fn words(glyphs: Vec<Glyph>) -> Vec<Placed> {
    let mut words: Vec<Placed> = Vec::new();
    let mut before: Option<char> = None;
    for Glyph { character, span, probability } in glyphs {
        let is_mark = is_punctuation(character) || character == ' ';
        let is_letter = |c: char| !is_han(c) && !is_punctuation(c) && c != ' ' && !c.is_ascii_digit();
        let continues = |before: char| is_letter(character) && is_letter(before);
        match words.last_mut() {
            Some(word) if is_mark => word.text.push(character),
            Some(word) if before.is_some_and(continues) => {
                word.text.push(character);
                word.span.end = span.end;
                word.probability = word.probability.min(probability);
            }
            None if is_mark => continue,
            _ => words.push(Placed { text: character.to_string(), span, probability }),
        }
        before = Some(character);
    }
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::speech::vad::Piece;
    use crate::speech::window::Packer;
    use crate::types::ChannelIndex;

    /// What was said, piece by piece, without the silent ones.
    fn said(window: &Window, tokens: &[Token]) -> Vec<Segment> {
        segments(window, tokens, &HotWords::default()).into_iter().flatten().collect()
    }

    fn token(bytes: &[u8], span: Range<usize>) -> Token {
        Token { id: 0, bytes: bytes.to_vec(), probability: 0.5, span }
    }

    fn window(lengths: &[usize]) -> Window {
        let mut packer = Packer::new(ChannelIndex(0), Millis(30_000));
        let mut start = 0;
        for len in lengths {
            packer.push(Piece { start, samples: vec![0.0; *len], padding: (0, 0) });
            start += *len as u64 + 160_000;
        }
        packer.finish().expect("the window holds at least one piece")
    }

    #[test]
    fn a_character_spread_over_tokens_is_one_word() {
        let bank = "银行".as_bytes();
        let tokens =
            [token(&bank[..2], 0..1_600), token(&bank[2..4], 1_600..3_200), token(&bank[4..], 3_200..4_800)];
        let segments = said(&window(&[16_000]), &tokens);
        assert_eq!(segments.len(), 1);
        let words: Vec<_> = segments[0].words.iter().map(|word| word.text.as_str()).collect();
        assert_eq!(words, ["银", "行。"]);
    }

    #[test]
    fn traditional_text_becomes_simplified_with_full_width_punctuation() {
        let tokens = [token("您好,這裡是VISA 卡 中心.".as_bytes(), 0..16_000)];
        assert_eq!(said(&window(&[16_000]), &tokens)[0].text, "您好，这里是VISA 卡中心。");
    }

    #[test]
    fn punctuation_inside_numbers_stays() {
        let tokens = [token("我要打12378,向他要1,000.5元.".as_bytes(), 0..16_000)];
        assert_eq!(said(&window(&[16_000]), &tokens)[0].text, "我要打12378，向他要1,000.5元。");
    }

    #[test]
    fn named_sounds_are_not_text() {
        let tokens = [token("(音乐)[BLANK_AUDIO]♪".as_bytes(), 0..16_000)];
        assert_eq!(said(&window(&[16_000]), &tokens), []);
        let tokens = [token("好的（笑声）再见".as_bytes(), 0..16_000)];
        assert_eq!(said(&window(&[16_000]), &tokens)[0].text, "好的再见。");
    }

    #[test]
    fn words_go_to_the_piece_in_which_they_are_said() {
        let tokens = [
            token("您好。".as_bytes(), 0..14_400),
            token("再".as_bytes(), 14_400..28_000),
            token("见".as_bytes(), 28_000..32_000),
        ];
        let segments = said(&window(&[16_000, 16_000]), &tokens);
        assert_eq!(segments.len(), 2);
        assert_eq!((segments[0].text.as_str(), segments[1].text.as_str()), ("您好。", "再见。"));
        // The full stop takes the last third of its token.
        assert_eq!(segments[0].span.end, Millis(600));
        // The second piece begins at 11 s; the pause before it is not part of the word.
        assert_eq!(segments[1].span.start, Millis(11_000));
    }

    proptest! {
        #[test]
        fn any_bytes_give_ordered_words_whose_texts_join(
            tokens in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..6), 0usize..4_000), 0..40),
        ) {
            let mut start = 0;
            let timed = tokens.iter().map(|(bytes, length)| {
                start += length;
                token(bytes, start - length..start)
            });
            let tokens: Vec<_> = timed.collect();
            for segment in said(&window(&[16_000, 32_000]), &tokens) {
                let joined: String = segment.words.iter().map(|word| word.text.as_str()).collect();
                prop_assert_eq!(&joined, &segment.text);
                for pair in segment.words.windows(2) {
                    prop_assert!(pair[0].span.end <= pair[1].span.start);
                }
            }
        }
    }
}
