//! Judges conditions that rest on other conditions, other rules, the archive or what the sender declared.

use super::MatchMode;
use super::Verdict;
use super::compile::CompiledCondition;
use super::fact::{Fact, all_hold};
use super::found::{Found, Measured, Place, Said};
use super::history::{Counted, count};
use super::judge::{Judge, Outcome, fact_at, other_side};
use super::operator::{Flow, PastCalls, Since, WrongAnswer};
use super::rule::Condition;
use super::scene::Scene;
use crate::types::RuleId;

/// Met where the steps of a script are out of order or left out.
pub(super) fn flow_broken(judge: &Judge<'_>, flow: &Flow, notes: &mut Vec<String>) -> Outcome {
    let scene = judge.scene;
    let mut steps: Vec<Option<(Place, &Found)>> = Vec::with_capacity(flow.steps.len());
    let mut doubt = None;
    for index in &flow.steps {
        match judge.outcomes.get(*index) {
            Some(Outcome::Met(found)) => {
                let first = found.iter().filter_map(|found| Some((Place::of(&scene.script, found)?, found)));
                steps.push(first.min_by_key(|(place, _)| place.order()));
            }
            // A step that had no occasion was not taken.
            Some(Outcome::Unjudged("anchor_absent")) | None => steps.push(None),
            Some(Outcome::Unjudged(reason)) => return Outcome::Unjudged(reason),
            Some(Outcome::NotMet { doubt: own }) => {
                doubt = doubt.or(*own);
                steps.push(None);
            }
        }
    }
    let name = |step: usize| {
        let condition = flow.steps.get(step).and_then(|index| judge.compiled.rule.conditions.get(*index));
        condition.map_or(String::new(), |condition| condition.id.clone())
    };
    let script: Vec<String> = (0..steps.len()).map(name).collect();
    let script = script.join(" → ");
    let taken = steps.iter().filter(|step| step.is_some()).count();
    notes.push(format!("{taken}/{} 步，应为 {script}", steps.len()));
    let mut broken: Vec<Found> = Vec::new();
    let mut by_absence = false;
    for (later, step) in steps.iter().enumerate() {
        let Some((place, found)) = step else { continue };
        for (earlier, before) in steps.iter().enumerate().take(later) {
            let shown = match before {
                Some((first, _)) if first.order() <= place.order() => continue,
                Some(_) if flow.order => format!("“{}”在“{}”之前", name(later), name(earlier)),
                None if flow.order => {
                    by_absence = true;
                    format!("“{}”之前没有“{}”", name(later), name(earlier))
                }
                Some(_) | None => continue,
            };
            let value = later as f64 + 1.0;
            let fact = fact_at(scene, found, format!("按顺序：{script}"), shown, value);
            broken.push((*found).clone());
            broken.push(Found::Measured(fact));
            break;
        }
    }
    if flow.missing && taken > 0 {
        let last = steps.iter().rev().flatten().next();
        for (step, _) in steps.iter().enumerate().filter(|(_, step)| step.is_none()) {
            by_absence = true;
            let shown = format!("缺少“{}”", name(step));
            let limit = format!("步骤齐全：{script}");
            let missing = Measured {
                turn: None,
                sentence: None,
                between: false,
                span: None,
                limit,
                shown,
                value: step as f64 + 1.0,
            };
            // What was left out has no place; it is told once there was a script at all.
            if last.is_some() {
                broken.push(Found::Measured(missing));
            }
        }
    }
    match (broken.is_empty(), doubt) {
        (true, doubt) => Outcome::NotMet { doubt },
        (false, Some(reason)) if by_absence => Outcome::Unjudged(reason),
        (false, _) => Outcome::Met(broken),
    }
}

/// Met by questions of the list that got no answer of the list.
pub(super) fn wrong_answer(
    judge: &Judge<'_>,
    condition: &Condition,
    parts: &CompiledCondition,
    check: &WrongAnswer,
) -> Outcome {
    let scene = judge.scene;
    let asker = other_side(condition.role);
    let heard = |said: &Said, answer: bool| {
        let role = scene.script.streams.get(said.stream).map(|stream| stream.role);
        role.is_some_and(|role| if answer { condition.hears(role) } else { asker.includes(role) })
    };
    let mut next = parts.samples.start;
    let mut range = |length: usize| {
        let from = next;
        next += u32::try_from(length).unwrap_or(0);
        from..next
    };
    let (mut wrong, mut asked) = (Vec::new(), false);
    for item in &check.items {
        let questions = judge.similar(range(item.questions.len()));
        let answers = judge.similar(range(item.answers.len()));
        for question in questions.into_iter().filter(|said| heard(said, false)) {
            let Some(place) = Place::of_chars(&scene.script, question.stream, question.from, question.to)
            else {
                continue;
            };
            asked = true;
            let until = scene.script.rank(place.sentences.1, condition.role) + check.sentences;
            let follows =
                |index: u32| index > place.sentences.1 && scene.script.rank(index, condition.role) <= until;
            let right = answers.iter().filter(|said| heard(said, true)).any(|said| {
                Place::of_chars(&scene.script, said.stream, said.from, said.to)
                    .is_some_and(|answer| follows(answer.sentences.0))
            });
            if right {
                continue;
            }
            wrong.push(Found::Said(question));
            let given = scene.script.sentences.iter().enumerate().find(|(index, sentence)| {
                follows(u32::try_from(*index).unwrap_or(u32::MAX))
                    && condition.hears(sentence.role)
                    && sentence.chars.0 < sentence.chars.1
            });
            if let Some((_, sentence)) = given {
                wrong.push(Found::Said(Said {
                    stream: sentence.stream,
                    from: sentence.chars.0,
                    to: sentence.chars.1,
                    pattern: item.answers.first().cloned().unwrap_or_default(),
                    mode: MatchMode::Similar,
                    tolerances: Vec::new(),
                    score: None,
                }));
            }
        }
    }
    if !asked {
        return Outcome::Unjudged("anchor_absent");
    }
    match (wrong.is_empty(), scene.doubt(condition.role)) {
        (true, _) => Outcome::not_met(),
        (false, Some(reason)) => Outcome::Unjudged(reason),
        (false, None) => Outcome::Met(wrong),
    }
}

/// Met when this call is at least the Nth of its kind.
pub(super) fn past_calls(scene: &Scene<'_>, wanted: &PastCalls, notes: &mut Vec<String>) -> Outcome {
    let hit_now = match wanted.rule.as_ref().map(|id| scene.judged(id)) {
        None => true,
        Some(Some(judged)) => match (judged.verdict, judged.reason) {
            (Verdict::Hit, _) => true,
            (Verdict::Miss, _) | (Verdict::NotApplicable, None) => false,
            (Verdict::NotApplicable, Some(reason)) => return Outcome::Unjudged(reason),
        },
        Some(None) => false,
    };
    let offset = scene.set.scheme.utc_offset_minutes;
    let number = match count(wanted, scene.history, scene.metadata, offset, hit_now) {
        Counted::Unknown(reason) => return Outcome::Unjudged(reason),
        Counted::Calls(number) => number,
    };
    let period = match wanted.since {
        Since::Today => "当天".to_owned(),
        Since::Within(length) => format!("{:.0} 小时内", length.as_secs_f64() / 3_600.0),
    };
    let shown = format!("{period}第 {number} 次");
    if number < wanted.at_least {
        notes.push(shown);
        return Outcome::not_met();
    }
    Outcome::Met(vec![Found::Measured(Measured {
        turn: None,
        sentence: None,
        between: false,
        span: None,
        limit: format!("{period}少于 {} 次", wanted.at_least),
        shown,
        value: f64::from(number),
    })])
}

/// Met when what the sender declared is so.
pub(super) fn metadata(scene: &Scene<'_>, facts: &[Fact]) -> Outcome {
    match all_hold(facts, scene.metadata, scene.local) {
        Some(true) => Outcome::Met(Vec::new()),
        Some(false) => Outcome::not_met(),
        None => Outcome::Unjudged("metadata_absent"),
    }
}

/// Met when another rule hit, by its hits.
pub(super) fn rule_hit(scene: &Scene<'_>, id: &RuleId) -> Outcome {
    let Some(judged) = scene.judged(id) else { return Outcome::not_met() };
    match judged.verdict {
        Verdict::Hit => Outcome::Met(judged.found.clone()),
        Verdict::Miss => Outcome::not_met(),
        Verdict::NotApplicable => match judged.reason {
            // A rule that had no occasion did not hit.
            Some("prerequisite_absent" | "anchor_absent" | "not_in_scope" | "not_in_force" | "excepted")
            | None => Outcome::not_met(),
            Some(reason) => Outcome::Unjudged(reason),
        },
    }
}
