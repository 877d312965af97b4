//! Tells invented text from heard text. Whisper writes fluent sentences on noise, music and its own loops; scoring them
//! would accuse people of words that nobody said.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::decode::Decoded;
use super::words;
use crate::types::Millis;

/// Why a text is not believed. The names are public: they appear in results as `speech.…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Doubt {
    /// The same words over and over.
    Loop,
    /// More characters than a person can say in the time.
    TooFast,
    /// The recogniser itself is unsure of most of it.
    LowConfidence,
    /// The text is the prompt, said back.
    PromptEcho,
    /// A phrase from the subtitles the model was trained on.
    PhantomPhrase,
    /// Whisper's own token says that nobody speaks.
    NoSpeech,
}

impl Doubt {
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Loop => "speech.loop",
            Self::TooFast => "speech.too_fast",
            Self::LowConfidence => "speech.low_confidence",
            Self::PromptEcho => "speech.prompt_echo",
            Self::PhantomPhrase => "speech.phantom_phrase",
            Self::NoSpeech => "speech.no_speech",
        }
    }
}

/// Text this much smaller when compressed repeats itself. Chinese prose of a window stays below 1.6.
const MAX_COMPRESSION: f64 = 2.4;
/// Fast readers reach 8 characters a second; more, over a stretch this long, was not said.
const MAX_CHARS_PER_SEC: f64 = 11.0;
/// Mean log-probability below which a text is doubted, as in Whisper.
const MIN_LOG_PROBABILITY: f32 = -1.0;
/// A unit said this often in a row is a loop when it also fills most of the text.
const LOOP_REPEATS: usize = 4;

/// Sentences of the training subtitles. Nobody says them on the telephone.
const PHANTOMS: [&str; 22] = [
    "请不吝点赞",
    "点赞订阅转发打赏",
    "订阅转发打赏",
    "明镜与点点",
    "明镜需要您的支持",
    "字幕由",
    "字幕提供",
    "字幕制作",
    "字幕志愿者",
    "字幕组",
    "字幕by",
    "字幕校对",
    "中文字幕",
    "amaraorg",
    "谢谢观看",
    "感谢观看",
    "谢谢大家观看",
    "感谢您的观看",
    "下次再见吧我们下期",
    "优优独播剧场",
    "杨茜茜",
    "李宗盛",
];

/// Judges one decoded window that holds `speech` of speech. `None`: believed.
pub(super) fn doubt(decoded: &Decoded, speech: Millis, prompt: &str) -> Option<Doubt> {
    let text = bare(&words::text(&decoded.tokens));
    if text.is_empty() {
        return None;
    }
    if is_phantom(&text) {
        return Some(Doubt::PhantomPhrase);
    }
    if is_echo(&text, &bare(prompt)) {
        return Some(Doubt::PromptEcho);
    }
    if decoded.is_cut_off || is_loop(&text) {
        return Some(Doubt::Loop);
    }
    let num_chars = text.chars().count();
    if num_chars > 6 && num_chars as f64 > MAX_CHARS_PER_SEC * speech.as_secs_f64() + 3.0 {
        return Some(Doubt::TooFast);
    }
    (decoded.mean_log_probability < MIN_LOG_PROBABILITY).then_some(Doubt::LowConfidence)
}

/// The text without punctuation, spaces and case.
pub(super) fn bare(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn is_phantom(text: &str) -> bool {
    PHANTOMS.iter().any(|phantom| text.contains(phantom))
}

/// Whether the text is made of the prompt: it holds the whole of it, or is a good part of it.
fn is_echo(text: &str, prompt: &str) -> bool {
    if prompt.chars().count() < 4 {
        return false;
    }
    text.contains(prompt) || (text.chars().count() >= 4 && prompt.contains(text))
}

fn is_loop(text: &str) -> bool {
    compression(text) > MAX_COMPRESSION || repeats(text)
}

/// How many times smaller zlib makes the text.
fn compression(text: &str) -> f64 {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    let written = encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish());
    written.map_or(1.0, |compressed| text.len() as f64 / compressed.len().max(1) as f64)
}

/// Whether a unit of up to 10 characters, said at least [`LOOP_REPEATS`] times in a row, fills more than half the text
/// and more than people repeat: 对对对对 is speech, a dozen characters of 与 are not.
fn repeats(text: &str) -> bool {
    let characters: Vec<char> = text.chars().collect();
    let longest = (1..=10).map(|unit| longest_run(&characters, unit)).max().unwrap_or(0);
    longest >= 12 && longest * 2 > characters.len()
}

/// Characters in the longest run of at least [`LOOP_REPEATS`] copies of a unit of `unit` characters.
fn longest_run(characters: &[char], unit: usize) -> usize {
    let (mut longest, mut same) = (0, 0);
    for (this, earlier) in characters.iter().skip(unit).zip(characters) {
        same = if this == earlier { same + 1 } else { 0 };
        longest = longest.max(same + unit);
    }
    if longest >= unit * LOOP_REPEATS { longest } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::speech::decode::Token;

    fn decoded(text: &str) -> Decoded {
        let tokens = vec![Token { id: 0, bytes: text.as_bytes().to_vec(), probability: 0.9, span: 0..0 }];
        Decoded { tokens, mean_log_probability: -0.2, is_cut_off: false }
    }

    fn judge(text: &str, seconds: u64) -> Option<Doubt> {
        doubt(&decoded(text), Millis(seconds * 1000), "以下是普通话的句子。")
    }

    #[test]
    fn known_inventions_are_doubted() {
        assert_eq!(judge("请不吝点赞 订阅 转发 打赏支持明镜与点点栏目", 5), Some(Doubt::PhantomPhrase));
        assert_eq!(judge("謝謝觀看!", 5), Some(Doubt::PhantomPhrase));
        assert_eq!(judge("以下是普通话的句子。以下是普通话的句子。", 5), Some(Doubt::PromptEcho));
        assert_eq!(judge(&"与".repeat(40), 20), Some(Doubt::Loop));
        assert_eq!(judge(&"我们的产品".repeat(12), 20), Some(Doubt::Loop));
        assert_eq!(judge("我们的产品收益非常稳定风险完全可控", 1), Some(Doubt::TooFast));
    }

    #[test]
    fn what_people_say_is_believed() {
        for text in ["对对对对对", "好的好的好的，谢谢您。", "嗯。", "您的卡号是6222 0000 0000 1234对吗？"]
        {
            assert_eq!(judge(text, 8), None, "{text}");
        }
        let sentence =
            "根据新基金法的授权和要求，对相关条款的适用予以进一步细化和明确，还有一种方式就是针对某一群体";
        assert_eq!(judge(sentence, 12), None);
    }

    #[test]
    fn an_unsure_recogniser_is_doubted() {
        let unsure = Decoded { mean_log_probability: -1.4, ..decoded("保本") };
        assert_eq!(doubt(&unsure, Millis(2000), ""), Some(Doubt::LowConfidence));
    }
}
