//! Judging one hour of dialogue: the bank pack alone, and with 1,000 and 10,000 synthetic rules.
//!
//! The synthetic rules are required never to hit, so the figures show the cost of searching, not of reporting.

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use diting::analysis::{RuleSet, dialogue_of};
use diting::dialogue::Dialogue;
use diting::types::CallMetadata;

const SENTENCES: [(&str, &str); 6] = [
    ("客服", "您好，这里是银行客户服务中心，工号一零二三，请问有什么可以帮您？"),
    ("客户", "你好，我想查一下上个月的信用卡账单，好像多扣了一笔钱。"),
    ("客服", "好的，请您稍等，我为您核实一下身份信息，请问证件号后四位是多少？"),
    ("客户", "三五二八，你快一点，我上次打电话也没有解决。"),
    ("客服", "非常抱歉给您带来不便，这一笔是年费，我们会在三个工作日内给您答复。"),
    ("客户", "好吧，那我等你们的电话，谢谢。"),
];

/// An hour of talk: a turn of four seconds after the other.
fn hour() -> Dialogue {
    let turns: Vec<String> = (0..900_u32)
        .zip(SENTENCES.iter().cycle())
        .map(|(index, (role, text))| format!("{role}@{}-{}: {text}", index * 4, index * 4 + 3))
        .collect();
    dialogue_of(&turns, false).expect("the turns are well formed")
}

fn with_synthetic(num_rules: u32) -> RuleSet {
    let mut text = "version = 2\n[pack]\nname = \"synthetic\"\nrevision = \"1\"\n".to_owned();
    for index in 0..num_rules {
        // Four characters that are drawn from different places of the code chart make words that nobody says.
        let char =
            |offset: u32| char::from_u32(0x4E00 + (index * 7 + offset * 5_003) % 20_000).unwrap_or('一');
        let word: String = (1..5).map(char).collect();
        let written = writeln!(
            text,
            "[[rule]]\nid = \"X{index}\"\nname = \"x\"\nkind = \"forbidden\"\nrole = \"agent\"\nlevel = \"S5\"\ndimension = \"服务规范\"\n\
             hits = [\"客服: {word}\"]\nmisses = [\"客服: 好\"]\n[[rule.condition]]\nkeyword = {{ any = [\"{word}\"] }}"
        );
        written.expect("writing to a string does not fail");
    }
    let mut sources = RuleSet::bank_sources().to_vec();
    sources.push(("synthetic.toml", &text));
    RuleSet::compile_all(&sources).expect("the synthetic rules are well formed")
}

fn judge(criterion: &mut Criterion) {
    let dialogue = hour();
    let metadata = CallMetadata::default();
    let mut group = criterion.benchmark_group("rules/hour");
    group.sample_size(20);
    for num_rules in [0, 1_000, 10_000] {
        let rules = with_synthetic(num_rules);
        group.bench_function(format!("bank+{num_rules}"), |bencher| {
            bencher.iter(|| black_box(rules.evaluate(black_box(&dialogue), &metadata)));
        });
    }
    group.finish();
}

criterion_group!(benches, judge);
criterion_main!(benches);
