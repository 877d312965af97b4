//! Judging dialogue by many rules: how the time grows with the number of rules, and with the length of the call.
//!
//! The synthetic rules are of every kind that searches text: keywords with their homophones, expressions, similar
//! sentences, required phrases. One in a hundred uses words of the dialogue, so that some of them hit; the others search in
//! vain, as most rules do on most calls.

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use diting::analysis::{RuleSet, dialogue_of};
use diting::dialogue::Dialogue;
use diting::types::CallMetadata;

const SENTENCES: [(&str, &str); 12] = [
    ("客服", "您好，这里是银行客户服务中心，工号一零二三，请问有什么可以帮您？"),
    ("客户", "你好，我想查一下上个月的信用卡账单，好像多扣了一笔钱。"),
    ("客服", "好的，请您稍等，我为您核实一下身份信息，请问证件号后四位是多少？"),
    ("客户", "三五二八，你快一点，我上次打电话也没有解决。"),
    ("客服", "非常抱歉给您带来不便，这一笔是年费，我们会在三个工作日内给您答复。"),
    ("客户", "年费不是说刷满六次就免了吗，我去年刷了很多次了。"),
    ("客服", "我看一下您的消费记录，系统显示您去年的有效消费是四次，还差两次。"),
    ("客户", "那我能不能补刷，或者你们帮我申请减免一下，我是老客户了。"),
    ("客服", "我可以为您提交减免申请，大概三到五个工作日会有短信通知您结果。"),
    ("客户", "好吧，另外我还想了解一下你们最近的那个理财产品，收益怎么样？"),
    ("客服", "理财产品有风险，投资需谨慎，您可以先做一个风险测评，再看适合您的产品。"),
    ("客户", "行，那我等你们的电话，谢谢，没有别的事情了。"),
];

/// Words that calls are full of, for the rules that hit.
const SPOKEN: [&str; 8] = ["年费", "账单", "减免", "风险测评", "短信", "理财产品", "有效消费", "工作日"];

/// So many minutes of talk: a turn of five seconds after the other.
fn minutes(count: u32) -> Dialogue {
    let turns: Vec<String> = (0..count * 12)
        .zip(SENTENCES.iter().cycle())
        .map(|(index, (role, text))| format!("{role}@{}-{}: {text}", index * 5, index * 5 + 4))
        .collect();
    dialogue_of(&turns, false).expect("the turns are well formed")
}

/// A word of four characters that nobody says, drawn from different places of the code chart.
fn unspoken(index: u32) -> String {
    let char = |offset: u32| {
        char::from_u32(0x4E00 + (index.wrapping_mul(7) + offset * 5_003) % 20_000).unwrap_or('一')
    };
    (1..5).map(char).collect()
}

fn condition(index: u32) -> String {
    let word = match index % 100 {
        0 => SPOKEN.get(index as usize / 100 % SPOKEN.len()).map_or(String::new(), |word| (*word).to_owned()),
        _ => unspoken(index),
    };
    match index % 10 {
        0..=5 => format!("keyword = {{ any = [\"{word}\", \"{}\"] }}", unspoken(index + 500_000)),
        6..=7 => format!("regex = '(您|你).{{0,8}}({word}|{})'", unspoken(index + 700_000)),
        8 => format!("similar = {{ to = [\"请您{word}{}吧\"] }}", unspoken(index + 900_000)),
        _ => format!("first_seconds = 30\nkeyword = {{ all = [\"{word}\"] }}"),
    }
}

fn with_synthetic(num_rules: u32) -> RuleSet {
    let mut text = "version = 2\n[pack]\nname = \"synthetic\"\nrevision = \"1\"\n".to_owned();
    for index in 0..num_rules {
        let kind = if index % 10 == 9 { "required" } else { "forbidden" };
        let written = writeln!(
            text,
            "[[rule]]\nid = \"X{index}\"\nname = \"合成规则\"\nkind = \"{kind}\"\nrole = \"agent\"\nlevel = \"S5\"\ndimension = \"服务规范\"\n\
             hits = [\"客服: 好\"]\nmisses = [\"客服: 好\"]\n[[rule.condition]]\n{}",
            condition(index)
        );
        written.expect("writing to a string does not fail");
    }
    let mut sources = RuleSet::bank_sources().to_vec();
    sources.push(("synthetic.toml", &text));
    RuleSet::compile_all(&sources).expect("the synthetic rules are well formed")
}

fn by_rules(criterion: &mut Criterion) {
    let (dialogue, metadata) = (minutes(60), CallMetadata::default());
    let mut group = criterion.benchmark_group("rules/one hour, by number of rules");
    group.sample_size(20);
    for num_rules in [0, 100, 300, 1_000, 3_000, 10_000] {
        let rules = with_synthetic(num_rules);
        group.bench_with_input(BenchmarkId::from_parameter(num_rules), &rules, |bencher, rules| {
            bencher.iter(|| black_box(rules.evaluate(black_box(&dialogue), &metadata)));
        });
    }
    group.finish();
}

fn by_length(criterion: &mut Criterion) {
    let metadata = CallMetadata::default();
    let mut group = criterion.benchmark_group("rules/1000 rules, by minutes of dialogue");
    group.sample_size(20);
    let rules = with_synthetic(1_000);
    for count in [5, 15, 30, 60, 120] {
        let dialogue = minutes(count);
        let num_chars: usize = dialogue.turns.iter().map(|turn| turn.text.chars().count()).sum();
        group.throughput(Throughput::Elements(num_chars as u64));
        group.bench_with_input(BenchmarkId::from_parameter(count), &dialogue, |bencher, dialogue| {
            bencher.iter(|| black_box(rules.evaluate(black_box(dialogue), &metadata)));
        });
    }
    group.finish();
}

fn compiling(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rules/compiling");
    group.sample_size(10);
    for num_rules in [0, 1_000] {
        group.bench_function(format!("bank+{num_rules}"), |bencher| {
            bencher.iter(|| black_box(with_synthetic(num_rules)));
        });
    }
    group.finish();
}

criterion_group!(benches, by_rules, by_length, compiling);
criterion_main!(benches);
