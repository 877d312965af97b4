//! Turns text into the characters that count.

use unicode_normalization::UnicodeNormalization as _;

/// The characters of `text` that an error rate is counted in.
///
/// Width is folded, Latin letters become lower case, punctuation and spaces go, and digits are written out one by one
/// (`25` becomes 二五, 幺 becomes 一). A number written as a word on one side and in digits on the other therefore still
/// costs: 二十五 against 25 is one deletion. Script is not converted: recognition promises simplified characters, and a
/// traditional one is an error.
///
/// ```
/// let counted: String = diting::eval::characters("拨打 １２３78，OK？").into_iter().collect();
/// assert_eq!(counted, "拨打一二三七八ok");
/// ```
#[must_use]
pub fn characters(text: &str) -> Vec<char> {
    text.nfkc().flat_map(char::to_lowercase).filter(|char| char.is_alphanumeric()).map(spoken_digit).collect()
}

fn spoken_digit(char: char) -> char {
    match char {
        '0' | '〇' => '零',
        '1' | '幺' => '一',
        '2' => '二',
        '3' => '三',
        '4' => '四',
        '5' => '五',
        '6' => '六',
        '7' => '七',
        '8' => '八',
        '9' => '九',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn punctuation_and_spaces_do_not_count() {
        assert_eq!(characters(" 您好，请问…… “在吗”？\n"), "您好请问在吗".chars().collect::<Vec<_>>());
        assert_eq!(characters("，。！%"), Vec::<char>::new());
    }

    #[test]
    fn digits_are_spelt_one_by_one() {
        assert_eq!(characters("25％"), ['二', '五']);
        assert_eq!(characters("幺二〇"), ['一', '二', '零']);
    }
}
