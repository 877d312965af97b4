//! Time zones, as people write them.
//!
//! **Invariant**: one reading for every command, request and setting.

use jiff::tz::{Offset, TimeZone};

/// The zone that China keeps.
const CHINA: &str = "Asia/Shanghai";

/// The zone that `text` names: a name of the IANA (`Asia/Shanghai`) or an offset (`+08:00`, `+0800`, `-5`) of at most 14
/// hours; `None` when it is neither, or when this machine has no table of zones.
#[must_use]
pub fn time_zone(text: &str) -> Option<TimeZone> {
    if let Some(offset) = offset(text) {
        return Some(TimeZone::fixed(offset));
    }
    match TimeZone::get(text) {
        Ok(zone) => Some(zone),
        // China has had one offset since 1991, so that this needs no table of zones on the machine.
        Err(_) if text == CHINA => Some(TimeZone::fixed(Offset::constant(8))),
        Err(_) => None,
    }
}

/// How `zone` is written: what [`time_zone`] reads; empty for a zone of this machine that has no name.
#[must_use]
pub fn zone_name(zone: &TimeZone) -> String {
    if let Some(name) = zone.iana_name() {
        return name.to_owned();
    }
    let Ok(offset) = zone.to_fixed_offset() else { return String::new() };
    let minutes = offset.seconds() / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
}

fn offset(text: &str) -> Option<Offset> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = match rest.split_once(':') {
        Some(parts) => parts,
        None if rest.len() == 4 => rest.split_at_checked(2)?,
        None => (rest, "0"),
    };
    let number = |text: &str| {
        let is_number = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        if is_number { text.parse::<i32>().ok() } else { None }
    };
    let seconds = number(hours)? * 3600 + number(minutes).filter(|minutes| *minutes < 60)? * 60;
    if seconds > 14 * 3600 { None } else { Offset::from_seconds(sign * seconds).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_read_by_name_and_by_offset() {
        let seconds = |text: &str| {
            let zone = time_zone(text).unwrap_or_else(|| panic!("{text}"));
            zone.to_offset("2026-11-23T00:00:00Z".parse().expect("a time")).seconds()
        };
        for text in ["Asia/Shanghai", "+08:00", "+0800", "+8"] {
            assert_eq!(seconds(text), 8 * 3600, "{text}");
        }
        assert_eq!((seconds("-05:30"), seconds("UTC")), (-19_800, 0));
        for text in ["Asia/Shanghai", "+08:00", "-05:30", "UTC"] {
            assert_eq!(zone_name(&time_zone(text).expect("a zone")), text);
        }
        for wrong in ["", "+", "+14:01", "+8:60", "++8:00", "+8:", "Asia/Nowhere", "东八区", "+东八"] {
            assert!(time_zone(wrong).is_none(), "{wrong}");
        }
    }
}
