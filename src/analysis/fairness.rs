//! The failures that make such systems hated, each as a test on the bank pack, and what no input may do.

use proptest::prelude::*;
use serde_json::json;

use super::{Analysis, CallInput, Finding, MatchMode, RuleKind, RuleSet, Verdict, dialogue_of};
use crate::dialogue::{Dialogue, Turn, Unheard};
use crate::types::{CallMetadata, ChannelIndex, Media, Millis, RoleSource, Score, SpeakerRole, TimeSpan};

thread_local! {
    static BANK: RuleSet = RuleSet::bank();
}

fn judge(dialogue: &Dialogue) -> Analysis {
    BANK.with(|bank| bank.evaluate(dialogue, &CallMetadata::default()))
}

fn judge_turns(turns: &[&str]) -> Analysis {
    judge(&dialogue_of(turns, false).expect("the turns are well formed"))
}

fn finding<'a>(analysis: &'a Analysis, id: &str) -> &'a Finding {
    analysis.findings.iter().find(|finding| finding.rule_id.as_str() == id).expect("the pack has the rule")
}

#[test]
fn the_bank_pack_passes_its_own_tests() {
    let outcomes = BANK.with(RuleSet::run_tests);
    let failures: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.failure.as_deref()).collect();
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn every_bank_rule_has_three_tests_each_way_unless_acoustic() {
    BANK.with(|bank| {
        assert!(bank.rules().count() >= 40);
        for rule in bank.rules().filter(|rule| !matches!(rule.id.as_str(), "A05S" | "A06")) {
            let count = |verdict| rule.tests.iter().filter(|test| test.expect == verdict).count();
            assert!(count(Verdict::Hit) >= 3, "{} has too few positive tests", rule.id);
            assert!(count(Verdict::Miss) >= 3, "{} has too few negative tests", rule.id);
        }
    });
}

#[test]
fn a_forbidden_phrase_in_the_customers_mouth_is_not_held_against_the_agent() {
    let analysis = judge_turns(&["客户: 你们上次说保本保息", "客服: 我为您核实一下"]);
    assert_eq!(finding(&analysis, "S01").verdict, Verdict::Miss);
}

#[test]
fn denying_and_quoting_promise_nothing() {
    for turn in ["客服: 理财不保本", "客服: 我们不能承诺保本保息", "客服: 您刚才说的保本保息"]
    {
        assert_eq!(finding(&judge_turns(&[turn]), "S01").verdict, Verdict::Miss, "{turn}");
    }
}

#[test]
fn a_required_phrase_spelt_as_a_homophone_counts_and_says_so() {
    let analysis = judge_turns(&["客户: 你好", "客服: 感谢您的来店，在见"]);
    let closing = finding(&analysis, "B12");
    assert_eq!(closing.verdict, Verdict::Miss);
    assert!(closing.evidence.iter().any(|one| one.mode == MatchMode::Homophone));
    assert!(closing.explanation.contains("读音"), "{}", closing.explanation);
}

#[test]
fn a_forbidden_phrase_that_only_sounds_right_never_vetoes() {
    let by_sound = judge_turns(&["客服: 这个产品宝本"]);
    let sold = finding(&by_sound, "S01");
    assert_eq!((sold.verdict, sold.veto), (Verdict::Hit, false));
    assert_eq!(sold.score_delta, Score::from_points(-15));
    let said = judge_turns(&["客服: 这个产品保本"]);
    assert!(finding(&said, "S01").veto && said.scorecard.vetoed);
    assert_eq!(said.scorecard.score, Score::ZERO);
}

#[test]
fn a_phrase_split_over_two_turns_is_found_in_both() {
    let analysis = judge_turns(&["客服: 这款产品是保", "客户: 嗯", "客服: 本的您放心"]);
    let split: Vec<_> =
        finding(&analysis, "S01").evidence.iter().map(|one| (one.turn, one.text.as_str())).collect();
    assert_eq!(split, [(0, "保"), (2, "本")]);
}

#[test]
fn a_mono_call_is_not_scored_for_interruptions() {
    let turns = ["客户@0-5: 我想问一下这个", "客服@2.5-6: 您先听我说完"];
    let analysis = judge(&dialogue_of(&turns, true).expect("the turns are well formed"));
    let finding = finding(&analysis, "A05");
    assert_eq!(finding.verdict, Verdict::NotApplicable);
    assert_eq!(finding.not_applicable_reason.as_deref(), Some("mono"));
}

#[test]
fn with_unknown_roles_nobody_is_punished() {
    let analysis = judge_turns(&["未知: 这款产品保本保息", "未知: 我要投诉到银保监"]);
    for finding in analysis.findings.iter().filter(|finding| finding.kind != RuleKind::Watch) {
        assert_ne!(finding.verdict, Verdict::Hit, "{}", finding.rule_id);
    }
    assert_eq!(finding(&analysis, "S01").not_applicable_reason.as_deref(), Some("role_unknown"));
    let threat = finding(&analysis, "W01");
    assert_eq!((threat.verdict, threat.evidence[0].role), (Verdict::Hit, SpeakerRole::Unknown));
    assert!(threat.explanation.contains("说话人未知"), "{}", threat.explanation);
    assert!(!analysis.scorecard.scored);
}

#[test]
fn names_and_order_of_the_texts_do_not_change_the_revision() {
    let bank = BANK.with(|bank| bank.revision().to_owned());
    let mut sources: Vec<(String, &str)> = RuleSet::bank_sources()
        .iter()
        .map(|(name, text)| (name.replace("bank/", "models/"), *text))
        .collect();
    sources.reverse();
    assert_eq!(RuleSet::compile_all(&sources).expect("the pack is well formed").revision(), bank);
    sources.pop();
    assert_ne!(RuleSet::compile_all(&sources).map(|set| set.revision().to_owned()).ok(), Some(bank));
}

#[test]
fn an_unknown_speaker_is_no_known_other_one() {
    let analysis = judge_turns(&["客服: 我要打12378投诉", "未知: 您好"]);
    assert_eq!(finding(&analysis, "W01").verdict, Verdict::Miss);
}

#[test]
fn a_required_phrase_that_somebody_unknown_may_have_said_is_not_missing() {
    let analysis = judge_turns(&["客服: 喂", "未知: 您好本次通话将被录音"]);
    assert_eq!(finding(&analysis, "B03").not_applicable_reason.as_deref(), Some("role_unknown"));
}

#[test]
fn with_declared_roles_that_the_words_contradict_nobody_is_punished_and_threats_still_show() {
    let turns = ["客服: 这款产品保本保息", "客户: 我要投诉到银保监"];
    let mut dialogue = dialogue_of(&turns, false).expect("the turns are well formed");
    dialogue.role_confidence = 0.05;
    let analysis = judge(&dialogue);
    assert_eq!(finding(&analysis, "S01").not_applicable_reason.as_deref(), Some("role_disputed"));
    assert_eq!(analysis.scorecard.unscored_reason.as_deref(), Some("role_disputed"));
    assert_eq!(analysis.scorecard.final_score(), None);
    assert_eq!(finding(&analysis, "W01").verdict, Verdict::Hit);
}

#[test]
fn who_is_never_heard_has_left_nothing_out() {
    let mut silence = dialogue_of::<&str>(&[], false).expect("no turn is well formed");
    silence.layout = Some(crate::audio::ChannelLayout::Stereo);
    (silence.timing.duration, silence.timing.silence) = (Millis(600_000), Millis(600_000));
    let one_sided = dialogue_of(&["客户@0-40: 喂你好听得到吗", "客户@50-90: 没有声音啊"], false);
    for dialogue in [silence, one_sided.expect("the turns are well formed")] {
        let analysis = judge(&dialogue);
        assert_eq!(analysis.scorecard.unscored_reason.as_deref(), Some("too_little_speech"));
        assert_eq!(analysis.scorecard.final_score(), None);
        assert_eq!(finding(&analysis, "B01").not_applicable_reason.as_deref(), Some("no_speech"));
    }
}

#[test]
fn what_could_not_be_made_out_is_not_a_missing_phrase_nor_a_late_greeting() {
    let turns = ["客户@15-18: 你好我想问一下", "客服@19-25: 请问您要办理什么业务", "客户@26-40: 挂失"];
    let mut dialogue = dialogue_of(&turns, false).expect("the turns are well formed");
    assert_eq!(finding(&judge(&dialogue), "B01").verdict, Verdict::Hit);
    assert_eq!(finding(&judge(&dialogue), "A10").verdict, Verdict::Hit);
    let channel = dialogue.turns.get(1).map(|turn| turn.channel).expect("the agent speaks second");
    let span = TimeSpan::new(Millis(200), Millis(9_000));
    dialogue.unheard.push(Unheard { channel, span, reason: "speech.loop".to_owned() });
    for id in ["B01", "A10"] {
        let analysis = judge(&dialogue);
        assert_eq!(finding(&analysis, id).not_applicable_reason.as_deref(), Some("unheard"), "{id}");
    }
}

#[test]
fn words_that_must_be_absent_may_have_been_said_by_somebody_unknown() {
    let pack = r#"
        version = 2
        [pack]
        name = "p"
        revision = "1"
        [[rule]]
        id = "P1"
        name = "没有确认"
        kind = "process"
        role = "agent"
        level = "S3"
        dimension = "服务规范"
        hits = ["客服: 您好"]
        misses = ["客服: 我跟您确认一下"]
        [[rule.condition]]
        keyword = { none = ["确认"] }
    "#;
    let pack = RuleSet::compile("pack.toml", pack).expect("the pack is well formed");
    for (turns, verdict) in [
        (["客服: 您好", "客户: 确认一下"], Verdict::Hit),
        (["客服: 您好", "未知: 确认一下"], Verdict::NotApplicable),
    ] {
        let dialogue = dialogue_of(&turns, false).expect("the turns are well formed");
        let analysis = pack.evaluate(&dialogue, &CallMetadata::default());
        assert_eq!(finding(&analysis, "P1").verdict, verdict, "{turns:?}");
    }
}

fn one_rule(scheme: &str, fields: &str, condition: &str) -> RuleSet {
    let text = format!(
        "version = 2\n{scheme}\n[[rule]]\nid = \"R1\"\nname = \"n\"\nkind = \"forbidden\"\nrole = \"agent\"\nlevel = \"S3\"\n\
         dimension = \"服务规范\"\nhits = [\"客服: 好\"]\nmisses = [\"客服: 好\"]\n{fields}\n[[rule.condition]]\n{condition}\n"
    );
    RuleSet::compile("pack.toml", &text).expect("the pack is well formed")
}

#[test]
fn while_a_call_runs_only_live_rules_are_judged_and_only_hits_are_told() {
    let dialogue = dialogue_of(&["客服: 这款产品保本"], false).expect("the turn is well formed");
    let metadata = CallMetadata::default();
    let judge = |set: &RuleSet, live| {
        set.evaluate_call(&CallInput { dialogue: &dialogue, metadata: &metadata, history: None, live })
    };
    let live = one_rule("", "live = true", "keyword = { any = [\"保本\"] }");
    let analysis = judge(&live, true);
    assert_eq!((analysis.findings.len(), analysis.scorecard.scored), (1, false));
    assert!(judge(&one_rule("", "live = true", "keyword = { any = [\"保息\"] }"), true).findings.is_empty());
    assert!(judge(&one_rule("", "", "keyword = { any = [\"保本\"] }"), true).findings.is_empty());
}

#[test]
fn words_that_the_recogniser_is_hardly_sure_of_prove_nothing() {
    let mut dialogue = dialogue_of(&["客服: 这款产品保本"], false).expect("the turn is well formed");
    dialogue.turns[0].confidence = Some(0.2);
    let judge = |limit: &str| {
        let scheme = format!("[scheme]\nname = \"s\"\nversion = \"1\"\nmin_confidence = {limit}");
        let set = one_rule(&scheme, "", "keyword = { any = [\"保本\"] }");
        let finding = set.evaluate(&dialogue, &CallMetadata::default()).findings.remove(0);
        (finding.verdict, finding.not_applicable_reason)
    };
    assert_eq!(judge("0.0"), (Verdict::Hit, None));
    assert_eq!(judge("0.3"), (Verdict::NotApplicable, Some("low_confidence".to_owned())));
}

#[test]
fn homophones_do_not_count_in_a_chat() {
    let dialogue = dialogue_of(&["客服: 这个产品宝本"], false).expect("the turn is well formed");
    let metadata = CallMetadata { media: Media::Chat, ..CallMetadata::default() };
    let analysis = BANK.with(|bank| bank.evaluate(&dialogue, &metadata));
    assert_eq!(finding(&analysis, "S01").verdict, Verdict::Miss);
    assert_eq!(finding(&analysis, "A01").not_applicable_reason.as_deref(), Some("no_audio"));
}

#[test]
fn what_the_customer_threatens_takes_no_points() {
    let analysis = judge_turns(&["客服: 您好", "客户: 我打幺二三七八投诉你们"]);
    let threat = finding(&analysis, "W01");
    assert_eq!((threat.verdict, threat.score_delta, threat.veto), (Verdict::Hit, Score::ZERO, false));
    assert_eq!(threat.evidence[0].text, "幺二三七八");
}

#[test]
fn words_that_several_patterns_found_are_shown_once() {
    let analysis = judge_turns(&["客服: 您好", "客户: 我要投诉你们"]);
    let shown: Vec<_> = finding(&analysis, "W10").evidence.iter().map(|one| one.text.as_str()).collect();
    assert_eq!(shown, ["投诉你们"]);
}

#[test]
fn evidence_has_the_time_and_confidence_of_its_words() {
    let texts = ["这", "款", "保", "本，", "保", "息"];
    // Words belong to the speech stage, which this module may not name; their stored form serves.
    let word = |(index, text): (usize, &&str)| {
        let confidence = if index < 2 { 0.1 } else { 0.8 };
        json!({ "text": text, "span": { "start": index * 200, "end": index * 200 + 200 }, "confidence": confidence })
    };
    let words = json!(texts.iter().enumerate().map(word).collect::<Vec<_>>());
    let turn = Turn {
        index: 0,
        channel: ChannelIndex(0),
        speaker: None,
        speaker_confidence: None,
        role: SpeakerRole::Agent,
        span: Some(TimeSpan::new(Millis(0), Millis(1200))),
        text: texts.concat(),
        words: serde_json::from_value(words).expect("the words are well formed"),
        utterances: Vec::new(),
        confidence: Some(0.5),
        chars_per_min: None,
        loudness_dbfs: None,
        kind: crate::dialogue::MessageKind::Text,
        sender: None,
        told_role: None,
    };
    let dialogue = Dialogue {
        turns: vec![turn],
        role_source: RoleSource::Metadata,
        role_confidence: 1.0,
        ..Dialogue::default()
    };
    let analysis = judge(&dialogue);
    let whole = finding(&analysis, "S01").evidence.iter().find(|one| one.text == "保本，保息");
    let whole = whole.expect("the phrase is found across the comma");
    assert_eq!(whole.span, Some(TimeSpan::new(Millis(400), Millis(1200))));
    assert!(whole.confidence.is_some_and(|confidence| (confidence - 0.8).abs() < 1e-6));
    assert_eq!((whole.char_from, whole.char_to), (2, 7));
}

#[test]
fn findings_come_hits_first_by_severity_then_not_applicable_then_misses() {
    let analysis = judge_turns(&["客服: 保本，名额有限", "客户: 我要投诉"]);
    let order: Vec<_> = analysis
        .findings
        .iter()
        .map(|finding| match finding.verdict {
            Verdict::Hit => (0, Some(finding.level)),
            Verdict::NotApplicable => (1, None),
            Verdict::Miss => (2, None),
        })
        .collect();
    assert!(order.is_sorted());
    assert_eq!(analysis.findings.len(), BANK.with(|bank| bank.rules().count()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn judging_never_fails_and_evidence_lies_in_its_turn(
        turns in proptest::collection::vec(
            ("(客服|客户|未知|机器人)", "(\\PC|[，。？保本息不您好投诉12378\\n]){0,40}", 0_u32..100, 1_u32..20),
            0..8,
        ),
        timed in any::<bool>(),
        mono in any::<bool>(),
    ) {
        let written: Vec<String> = turns
            .iter()
            .map(|(role, text, start, length)| {
                if timed { format!("{role}@{start}-{}:{text}", start + length) } else { format!("{role}:{text}") }
            })
            .collect();
        let dialogue = dialogue_of(&written, mono).expect("the turns are well formed");
        let analysis = judge(&dialogue);
        prop_assert_eq!(&analysis, &judge(&dialogue));
        prop_assert!(analysis.scorecard.score >= Score::ZERO);
        prop_assert!(analysis.scorecard.score <= analysis.scorecard.full);
        for evidence in analysis.findings.iter().flat_map(|finding| &finding.evidence) {
            if evidence.mode == MatchMode::Measured {
                continue;
            }
            let turn = &dialogue.turns[evidence.turn as usize];
            let (from, to) = (evidence.char_from as usize, evidence.char_to as usize);
            prop_assert!(from < to && to <= turn.text.chars().count());
            let text: String = turn.text.chars().skip(from).take(to - from).collect();
            prop_assert_eq!(&text, &evidence.text);
        }
    }
}
