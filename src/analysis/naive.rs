//! Every measuring and placing operator against a naive reference, on random dialogues.
//!
//! A reference is written from docs/rules.md over the turns as generated; it shares no code with what it checks, but for
//! similarity and mood, which have references of their own.

use proptest::prelude::*;

use super::similar::Profile;
use super::{Finding, RuleSet, Verdict, WrittenTurn, dialogue_from, mood};
use crate::types::{CallMetadata, Millis, SpeakerRole, TimeSpan};

/// One generated turn: the agent speaks or the customer, from, to, loudness, text.
#[derive(Debug, Clone)]
struct Line {
    agent: bool,
    from: u64,
    to: u64,
    loudness: f32,
    text: String,
}

/// Turns one after the other, with pauses of up to six seconds, or so much overlap.
fn lines(overlap: u64) -> impl Strategy<Value = Vec<Line>> {
    let turn = (
        any::<bool>(),
        0_u64..6_000 + overlap,
        200_u64..5_000,
        -40_i32..-10,
        "[甲乙丙您你那个然后嗯，好气死谢]{1,14}",
    );
    proptest::collection::vec(turn, 1..14).prop_map(move |turns| {
        let (mut end, mut lines) = (0_u64, Vec::new());
        for (agent, pause, length, loudness, text) in turns {
            let from = (end + pause).saturating_sub(overlap);
            // Ends never go back, so that only neighbours overlap.
            let to = (from + length).max(end + 1);
            end = to;
            lines.push(Line { agent, from, to, loudness: loudness as f32, text });
        }
        lines
    })
}

fn judge(condition: &str, lines: &[Line], length: Option<u64>) -> Finding {
    judge_rule("", condition, lines, length)
}

/// The finding of a rule of the agent with these fields and conditions.
fn judge_rule(fields: &str, conditions: &str, lines: &[Line], length: Option<u64>) -> Finding {
    let text = format!(
        "version = 2\n[pack]\nname = \"p\"\nrevision = \"1\"\n[[rule]]\nid = \"R\"\nname = \"n\"\nkind = \"process\"\nrole = \"agent\"\n\
         level = \"S3\"\ndimension = \"服务规范\"\nhits = [\"客服: 好\"]\nmisses = [\"客服: 好\"]\n{fields}\n[[rule.condition]]\n{conditions}\n"
    );
    let set = RuleSet::compile("p.toml", &text).expect("the rule is well formed");
    let turns = lines
        .iter()
        .map(|line| WrittenTurn {
            role: if line.agent { SpeakerRole::Agent } else { SpeakerRole::Customer },
            span: Some(TimeSpan::new(Millis(line.from), Millis(line.to))),
            loudness_dbfs: Some(line.loudness),
            text: line.text.clone(),
        })
        .collect();
    let dialogue = dialogue_from(turns, false, length.map(Millis));
    set.evaluate(&dialogue, &CallMetadata::default()).findings.remove(0)
}

fn verdict(met: bool) -> Verdict {
    if met { Verdict::Hit } else { Verdict::Miss }
}

fn of_agent(lines: &[Line]) -> impl Iterator<Item = &Line> {
    lines.iter().filter(|line| line.agent)
}

/// Characters without marks; fillers count or not.
fn chars(text: &str, fillers: bool) -> usize {
    text.chars().filter(|char| *char != '，' && (fillers || *char != '嗯')).count()
}

fn percent(part: usize, whole: usize) -> f64 {
    part as f64 * 100.0 / whole as f64
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn silences(lines in lines(0), seconds in 1_u64..6, count in 1_usize..4) {
        let long = lines.windows(2).filter(|pair| pair[1].from - pair[0].to >= seconds * 1000).count();
        let found = judge(&format!("count = {count}\nsilence = {{ min_seconds = {seconds} }}"), &lines, None);
        prop_assert_eq!(found.verdict, verdict(long >= count));
    }

    #[test]
    fn instant_replies(lines in lines(0), tenths in 0_u64..30) {
        let is_instant = |pair: &[Line]| !pair[0].agent && pair[1].agent && pair[1].from - pair[0].to <= tenths * 100;
        let found = judge(
            &format!("silence = {{ max_seconds = {}.{}, speaker_before = \"customer\", speaker_after = \"agent\" }}",
                tenths / 10, tenths % 10),
            &lines,
            None,
        );
        prop_assert_eq!(found.verdict, verdict(lines.windows(2).any(is_instant)));
    }

    #[test]
    fn paces(lines in lines(0), limit in 60_u64..600, least in 1_usize..8) {
        let fast = of_agent(&lines).any(|line| {
            let pace = chars(&line.text, false) as u64 * 60_000;
            chars(&line.text, true) >= least && pace as f64 / (line.to - line.from) as f64 > limit as f64 + 0.001
        });
        let slow_edge = of_agent(&lines).any(|line| {
            (chars(&line.text, false) as f64 * 60_000.0 / (line.to - line.from) as f64 - limit as f64).abs() < 0.001
        });
        prop_assume!(!slow_edge);
        let found = judge(&format!("pace = {{ faster_than = {limit}, min_chars = {least} }}"), &lines, None);
        let expected = if lines.iter().any(|line| line.agent) || lines.is_empty() { verdict(fast) } else { Verdict::Miss };
        prop_assert_eq!(found.verdict, expected);
    }

    #[test]
    fn interruptions(lines in lines(4_000), tenths in 0_u64..30, before in 0_u64..20, least in 1_usize..6) {
        let interrupts = |pair: &[Line]| {
            let (one, other) = (&pair[0], &pair[1]);
            other.agent && other.from < one.to
                && one.to.min(other.to) - other.from >= tenths * 100
                && other.from.saturating_sub(one.from) >= before * 100
                && chars(&other.text, false) >= least
        };
        let found = judge(
            &format!("overlap = {{ min_seconds = {}.{}, min_chars = {least}, spoken_before_seconds = {}.{} }}",
                tenths / 10, tenths % 10, before / 10, before % 10),
            &lines,
            None,
        );
        prop_assert_eq!(found.verdict, verdict(lines.windows(2).any(interrupts)));
    }

    #[test]
    fn first_responses_and_ends(lines in lines(0), limit in 0_u64..9, more in 0_u64..9_000) {
        let first = of_agent(&lines).next().map(|line| line.from);
        let found = judge(&format!("first_response = {{ over_seconds = {limit} }}"), &lines, None);
        let expected = first.map_or(Verdict::NotApplicable, |first| verdict(first > limit * 1000));
        prop_assert_eq!(found.verdict, expected);
        let last = lines.last().expect("there is a turn");
        let length = last.to + more;
        let found = judge(
            &format!("hang_up = {{ over_seconds = {limit}, last_speaker = \"customer\" }}"), &lines, Some(length));
        prop_assert_eq!(found.verdict, verdict(!last.agent && more > limit * 1000));
        let seconds = length / 1000;
        let found = judge(&format!("duration = {{ over_seconds = {seconds} }}"), &lines, Some(length));
        prop_assert_eq!(found.verdict, verdict(length > seconds * 1000));
    }

    #[test]
    fn counts_and_shares(lines in lines(0), limit in 0_usize..8, share in 1_u32..99) {
        let said = of_agent(&lines).filter(|line| chars(&line.text, true) > 0).count();
        let found = judge(&format!("sentence_count = {{ at_most = {limit} }}"), &lines, None);
        prop_assert_eq!(found.verdict, verdict(said <= limit));
        let talk = |agent: bool| -> u64 {
            lines.iter().filter(|line| line.agent == agent).map(|line| line.to - line.from).sum()
        };
        let own = talk(true) as f64 * 100.0 / (talk(true) + talk(false)) as f64;
        prop_assume!((own - f64::from(share)).abs() > 1e-6);
        let found = judge(&format!("talk_share = {{ over_percent = {share} }}"), &lines, None);
        prop_assert_eq!(found.verdict, verdict(own > f64::from(share)));
    }

    #[test]
    fn fillers_and_politeness(lines in lines(0), limit in 0_usize..600, share in 1_usize..99) {
        let mut text = String::new();
        let (mut fillers, mut polite, mut plain, mut length) = (0, 0, 0, 0);
        for line in of_agent(&lines) {
            fillers += line.text.matches("那个").count() + line.text.matches('嗯').count();
            polite += line.text.matches('您').count();
            plain += line.text.matches('你').count();
            length += chars(&line.text, true);
            text.push_str(&line.text);
        }
        let found = judge(
            &format!("filler_density = {{ words = [\"那个\", \"嗯\"], over_per_1000 = {limit}, min_chars = 10 }}"),
            &lines, None);
        let expected = match length < 10 {
            true => Verdict::NotApplicable,
            false => verdict(fillers * 1000 > limit * length),
        };
        prop_assert_eq!(found.verdict, expected);
        let found = judge(&format!("polite_share = {{ under_percent = {share}, min_uses = 2 }}"), &lines, None);
        let expected = match polite + plain < 2 {
            true => Verdict::NotApplicable,
            false => verdict(percent(polite, polite + plain) < share as f64),
        };
        prop_assert_eq!(found.verdict, expected);
    }

    #[test]
    fn loudness(lines in lines(0), limit in 1_i32..10) {
        // What the agent says in this channel: its levels as the page defines them.
        let mut all: Vec<f32> = of_agent(&lines).map(|line| line.loudness).collect();
        all.sort_by(f32::total_cmp);
        let enough = all.len() >= 3;
        let median = all.get((all.len().max(1) - 1) / 2).copied().unwrap_or(0.0);
        let levels: Vec<i32> = of_agent(&lines)
            .map(|line| (5 + ((line.loudness - median) / 3.0).round() as i32).clamp(1, 10))
            .collect();
        let of = |met: bool| if enough { verdict(met) } else { Verdict::NotApplicable };
        let found = judge(&format!("loudness = {{ at_least_level = {limit} }}"), &lines, None);
        prop_assert_eq!(found.verdict, of(levels.iter().any(|level| *level >= limit)));
        let found = judge(&format!("loudness = {{ rise = {limit} }}"), &lines, None);
        prop_assert_eq!(found.verdict, of(levels.windows(2).any(|pair| pair[1] - pair[0] >= limit)));
        let found = judge(&format!("loudness = {{ span = {limit} }}"), &lines, None);
        let span = levels.iter().max().zip(levels.iter().min()).map_or(0, |(most, least)| most - least);
        prop_assert_eq!(found.verdict, of(span >= limit));
        let found = judge(&format!("loudness = {{ at_most_level = {limit}, share_percent = 40 }}"), &lines, None);
        let talk = |quiet: bool| -> u64 {
            of_agent(&lines)
                .zip(&levels)
                .filter(|(_, level)| !quiet || **level <= limit)
                .map(|(line, _)| line.to - line.from)
                .sum()
        };
        let is_quiet = levels.iter().any(|level| *level <= limit) && talk(true) * 100 >= talk(false) * 40;
        prop_assert_eq!(found.verdict, of(is_quiet));
    }

    #[test]
    fn moods(lines in lines(0), points in 1_u32..100) {
        let said: Vec<&Line> = of_agent(&lines).filter(|line| chars(&line.text, true) > 0).collect();
        let negative = |part: &[&Line]| {
            percent(part.iter().filter(|line| mood::of(&line.text) == mood::Mood::Negative).count(), part.len())
        };
        let size = (said.len() as f64 * 0.5).ceil() as usize;
        let found = judge(
            &format!("sentiment = {{ worse_by = {points}, part_percent = 50, min_sentences = 1 }}"), &lines, None);
        let expected = if size == 0 || size * 2 > said.len() {
            Verdict::NotApplicable
        } else {
            verdict(negative(&said[said.len() - size..]) - negative(&said[..size]) >= f64::from(points))
        };
        prop_assert_eq!(found.verdict, expected);
    }

    #[test]
    fn repetitions(lines in lines(0), back in 1_usize..6, count in 1_usize..3) {
        let bare = |line: &Line| line.text.chars().filter(|char| *char != '，' && *char != '嗯').collect::<Vec<char>>();
        let said: Vec<Vec<char>> = of_agent(&lines).map(bare).filter(|text| text.len() >= 4).collect();
        let like = |one: &Vec<char>, other: &Vec<char>| Profile::new(one, false).similarity(&Profile::new(other, false));
        let repeated = (0..said.len())
            .filter(|index| said[index.saturating_sub(back)..*index].iter().any(|earlier| like(earlier, &said[*index]) >= 0.6))
            .count();
        let found = judge(
            &format!("count = {count}\nrepeat = {{ score = 0.6, min_chars = 4, sentences = {back} }}"), &lines, None);
        prop_assert_eq!(found.verdict, verdict(repeated >= count));
    }

    #[test]
    fn steps_in_order(lines in lines(0), missing in any::<bool>()) {
        let first = |word: char| of_agent(&lines).flat_map(|line| line.text.chars()).position(|char| char == word);
        let (one, two, three) = (first('甲'), first('乙'), first('丙'));
        let late = |earlier: Option<usize>, later: Option<usize>| {
            later.is_some_and(|later| earlier.is_none_or(|earlier| earlier > later))
        };
        let disordered = late(one, two) || late(one, three) || late(two, three);
        let some = one.is_some() || two.is_some() || three.is_some();
        let left_out = some && (one.is_none() || two.is_none() || three.is_none());
        let by = if missing { "[\"missing\"]" } else { "[\"order\"]" };
        let step = |id: char| format!("id = \"{id}\"\nregex = '{id}'\n[[rule.condition]]\n");
        let conditions = format!(
            "{}{}{}flow_broken = {{ steps = [\"甲\", \"乙\", \"丙\"], by = {by} }}", step('甲'), step('乙'), step('丙'));
        let found = judge_rule("", &conditions, &lines, None);
        prop_assert_eq!(found.verdict, verdict(if missing { left_out } else { disordered }));
    }

    #[test]
    fn places(lines in lines(0), from in -5_i64..6, to in -5_i64..6, side in 0..3, part in 0_u32..100) {
        prop_assume!(from != 0 && to != 0 && (from.signum() != to.signum() || from <= to));
        let own: Vec<&Line> = of_agent(&lines).collect();
        let index = |number: i64| if number < 0 { own.len() as i64 + number } else { number - 1 };
        let length = lines.last().map_or(0, |line| line.to) as f64;
        let inside = |position: usize, line: &Line| match side {
            0 => (index(from)..=index(to)).contains(&(position as i64)),
            1 => line.from < u64::from(part) * 200,
            _ => line.to as f64 > length * f64::from(part) / 100.0,
        };
        let met = own.iter().enumerate().any(|(position, line)| inside(position, line) && line.text.contains('甲'));
        let place = match side {
            0 => format!("sentences = [{from}, {to}]"),
            1 => format!("first_seconds = {}.{}", part * 2 / 10, part * 2 % 10),
            _ => format!("percent = [{part}, 100]"),
        };
        let found = judge(&format!("{place}\nregex = '甲'"), &lines, None);
        prop_assert_eq!(found.verdict, verdict(met));
    }

    #[test]
    fn anchors(lines in lines(0), distance in 1_usize..5, side in 0..3, hit in 0_usize..4) {
        // The customer says 甲 somewhere; the agent says 乙 within so many sentences of his own.
        let hits = |index: usize| match lines[index].agent {
            true => 0,
            false => lines[index].text.matches('甲').count(),
        };
        let marks: Vec<usize> =
            (0..lines.len()).flat_map(|index| std::iter::repeat_n(index, hits(index))).collect();
        let chosen: Vec<usize> = match hit {
            0 => marks.clone(),
            3 => marks.last().copied().into_iter().collect(),
            nth => marks.get(nth - 1).copied().into_iter().collect(),
        };
        let near = |mark: usize| {
            let after = || (mark + 1..lines.len()).filter(|index| lines[*index].agent).take(distance).collect::<Vec<_>>();
            let before = || (0..mark).rev().filter(|index| lines[*index].agent).take(distance).collect::<Vec<_>>();
            match side {
                0 => after(),
                1 => before(),
                _ => [before(), after()].concat(),
            }
        };
        let met = chosen.iter().any(|mark| near(*mark).iter().any(|index| lines[*index].text.contains('乙')));
        let side = ["after", "before", "around"][side as usize];
        let hit = ["\"any\"", "1", "2", "\"last\""][hit];
        let conditions = format!(
            "id = \"a\"\nrole = \"customer\"\nregex = '甲'\n[[rule.condition]]\n\
             {side} = {{ condition = \"a\", sentences = {distance}, hit = {hit} }}\nregex = '乙'");
        let found = judge_rule("", &conditions, &lines, None);
        let expected = if chosen.is_empty() { Verdict::NotApplicable } else { verdict(met) };
        prop_assert_eq!(found.verdict, expected);
    }

    #[test]
    fn expressions_agree_with_their_parts(lines in lines(0)) {
        let has = |word: char| of_agent(&lines).any(|line| line.text.contains(word));
        let step = |id: char| format!("id = \"{id}\"\nregex = '{id}'\n");
        let conditions =
            format!("{}[[rule.condition]]\n{}[[rule.condition]]\n{}", step('甲'), step('乙'), step('丙'));
        let found = judge_rule("when = \"甲 && !乙 || 丙\"", &conditions, &lines, None);
        prop_assert_eq!(found.verdict, verdict(has('甲') && !has('乙') || has('丙')));
    }
}
