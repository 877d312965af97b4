//! Reads numbers as people say and write them: 三万五千, 1.5万, 百分之三点五, 两百.
//!
//! Invariant: what has no value as a number has none here; nothing is guessed.

/// The value of `text`, all of which must be a number.
pub(super) fn value(text: &str) -> Option<f64> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    // 1.5万, 3亿: a written number with a spoken unit.
    let plain = text.trim_end_matches(['万', '亿', '千', '百']);
    if plain.chars().next().is_some_and(|char| char.is_ascii_digit()) {
        if let Ok(number) = plain.parse::<f64>() {
            let units = text.get(plain.len()..).unwrap_or_default();
            return Some(units.chars().fold(number, |sum, char| sum * unit(char).unwrap_or(1.0)));
        }
        // 3万5千: each pair on its own.
        return mixed(text);
    }
    if let Some((whole, part)) = text.split_once('点') {
        let whole = value(whole)?;
        let mut digits = String::from("0.");
        for char in part.chars() {
            digits.push(char::from_digit(digit(char)?, 10)?);
        }
        return digits.parse::<f64>().ok().filter(|_| digits.len() > 2).map(|part| whole + part);
    }
    spoken(text)
}

/// Digits one by one (三五) or with units (三万五千零二).
fn spoken(text: &str) -> Option<f64> {
    let chars: Vec<char> = text.chars().collect();
    if chars.iter().all(|char| digit(*char).is_some()) {
        return chars.iter().try_fold(0.0, |sum, char| Some(sum * 10.0 + f64::from(digit(*char)?)));
    }
    let (mut total, mut section, mut last) = (0.0, 0.0, None::<f64>);
    let mut last_unit = 1.0;
    for char in &chars {
        if let Some(digit) = digit(*char) {
            if last.is_some() {
                return None;
            }
            // 零 only holds a place.
            if digit > 0 {
                last = Some(f64::from(digit));
            } else {
                last_unit = 1.0;
            }
            continue;
        }
        let unit = unit(*char)?;
        if unit >= 10_000.0 {
            let own = section + last.take().unwrap_or(0.0);
            // 亿 multiplies what was before, 万 only its own section: 一亿三千万.
            total = if unit > 10_000.0 { (total + own) * unit } else { total + own * unit };
            section = 0.0;
        } else {
            section += last.take().unwrap_or(1.0) * unit;
        }
        last_unit = unit;
    }
    // 三万五 is 35,000 and 两百五 is 250.
    let rest = last.map_or(0.0, |digit| if last_unit >= 100.0 { digit * last_unit / 10.0 } else { digit });
    Some(total + section + rest)
}

/// Written digits with spoken units: 3万5千.
fn mixed(text: &str) -> Option<f64> {
    let (mut sum, mut number) = (0.0, String::new());
    for char in text.chars() {
        if char.is_ascii_digit() || char == '.' {
            number.push(char);
        } else {
            sum += number.parse::<f64>().ok()? * unit(char)?;
            number.clear();
        }
    }
    let rest = if number.is_empty() { 0.0 } else { number.parse::<f64>().ok()? };
    Some(sum + rest)
}

fn digit(char: char) -> Option<u32> {
    Some(match char {
        '0'..='9' => char.to_digit(10)?,
        '零' | '〇' => 0,
        '一' | '幺' => 1,
        '二' | '两' => 2,
        '三' => 3,
        '四' => 4,
        '五' => 5,
        '六' => 6,
        '七' => 7,
        '八' => 8,
        '九' => 9,
        _ => return None,
    })
}

fn unit(char: char) -> Option<f64> {
    Some(match char {
        '十' => 10.0,
        '百' => 100.0,
        '千' => 1_000.0,
        '万' => 10_000.0,
        '亿' => 100_000_000.0,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_read_as_they_are_meant() {
        for (text, wanted) in [
            ("三", 3.0),
            ("十", 10.0),
            ("十五", 15.0),
            ("二十", 20.0),
            ("一百零五", 105.0),
            ("两百五", 250.0),
            ("三千零五", 3_005.0),
            ("三万五千", 35_000.0),
            ("三万五", 35_000.0),
            ("两千零五", 2_005.0),
            ("一亿三千万", 130_000_000.0),
            ("三点五", 3.5),
            ("零点零五", 0.05),
            ("1.5万", 15_000.0),
            ("3万5千", 35_000.0),
            ("100", 100.0),
            ("三五", 35.0),
        ] {
            assert_eq!(value(text), Some(wanted), "{text}");
        }
        for text in ["", "元", "三元", "点五点", "三点"] {
            assert_eq!(value(text), None, "{text}");
        }
    }

    /// `number` below a hundred million as people say it.
    fn say(number: u32) -> String {
        const DIGITS: [char; 10] = ['零', '一', '二', '三', '四', '五', '六', '七', '八', '九'];
        fn below_myriad(number: u32, inside: bool) -> String {
            let mut text = String::new();
            let mut zero = inside;
            for (unit, name) in [(1_000, "千"), (100, "百"), (10, "十"), (1, "")] {
                let digit = number / unit % 10;
                if digit == 0 {
                    zero = zero || !text.is_empty();
                    continue;
                }
                if zero && (!text.is_empty() || inside) && (number / unit / 10).is_multiple_of(10) {
                    text.push('零');
                }
                text.push(DIGITS[digit as usize]);
                text.push_str(name);
                zero = false;
            }
            text
        }
        let (high, low) = (number / 10_000, number % 10_000);
        let mut text = String::new();
        if high > 0 {
            text.push_str(&below_myriad(high, false));
            text.push('万');
        }
        text + &below_myriad(low, high > 0)
    }

    proptest! {
        #[test]
        fn what_is_said_is_read_back(number in 1_u32..99_999_999) {
            prop_assert_eq!(value(&say(number)), Some(f64::from(number)), "{}", say(number));
        }

        #[test]
        fn no_text_makes_it_fail(text in "[零一二两三十百千万亿点0-9.元]{0,10}") {
            prop_assert!(value(&text).is_none_or(|value| value >= 0.0));
        }
    }
}
