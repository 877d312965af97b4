//! Fills a store with calls like those of a bank: 2,000 agents in 60 teams, 60 days, dialogues of 15 to 40 turns.
//!
//! A thousand dialogues are put together from templates and judged by the bank pack; each is the dialogue of many
//! calls, which differ in everything else. So verdicts and words are distributed as the rules and the templates have it.
//!
//! **Invariant**: a call is a function of its number alone.

use std::sync::atomic::{AtomicU32, Ordering};

use diting::analysis::{RuleSet, dialogue_of};
use diting::ingest::{CallRecord, CallState, Origin, Recording};
use diting::pipeline::{CallResult, Masking};
use diting::store::Store;
use diting::types::{AudioDeclaration, CallId, CallMetadata, ContentHash, Direction, Media, Millis};

pub(super) const NUM_AGENTS: u64 = 2_000;
pub(super) const NUM_TEAMS: u64 = 60;
pub(super) const PRODUCTS: [&str; 8] =
    ["信用卡", "理财", "房贷", "消费贷", "存款", "基金", "保险", "电子银行"];
pub(super) const GROUPS: [&str; 6] = ["客服", "电销", "催收", "投诉", "贵宾", "在线"];
pub(super) const BUSINESSES: [&str; 3] = ["credit_card", "wealth", "loan"];
pub(super) const FIRST_SECOND: i64 = 1_780_000_000;
pub(super) const NUM_SECONDS: u64 = 60 * 86_400;
const NUM_DIALOGUES: u64 = 1_000;
const BATCH: u32 = 1_000;

const OPENINGS: [&str; 6] = [
    "客服: 您好，这里是银行客户服务中心，工号{}，请问有什么可以帮您？",
    "客服: 您好，很高兴为您服务，我的工号是{}，请讲。",
    "客服: 喂，你好，有什么事？",
    "客服: 您好，请问是持卡人本人吗？这里是信用卡中心，工号{}。",
    "客服: 先生您好，打扰了，我是理财经理{}。",
    "客服: 您好，请问有什么可以帮您？",
];
const CUSTOMER: [&str; 40] = [
    "我想查一下上个月的信用卡账单，好像多扣了{}元",
    "我要提前还款，违约金怎么算",
    "你们这个理财收益有多少，保不保本",
    "我的卡丢了，赶紧帮我挂失",
    "为什么又给我打电话，我说了不需要",
    "我要投诉你们，上次说好的{}天回复到现在都没有",
    "再这样我就去银保监会投诉",
    "利率能不能再低一点，别的银行才{}",
    "手机银行登录不上去，一直转圈",
    "年费不是说刷满六次就免了吗",
    "分期手续费太高了，我不想分期了",
    "你刚才说的我没听懂，再说一遍",
    "好的好的，我知道了",
    "嗯，可以",
    "那就这样吧，谢谢",
    "我已经等了{}分钟了，到底什么时候能处理好",
    "额度能不能提高到{}万",
    "我收到一条短信说我中奖了，是不是诈骗",
    "我想销户，需要什么材料",
    "房贷转成LPR以后每个月还多少",
    "逾期{}天会不会上征信",
    "我最近失业了，实在还不上，能不能延期",
    "那个基金亏了{}，你们当时说没有风险的",
    "保险是你们强制搭售的，我要退",
    "我要转账{}块钱到我儿子的账户",
    "网点周末上班吗，在什么位置",
    "密码输错三次被锁了怎么办",
    "积分怎么兑换，快过期了",
    "你态度怎么这么差",
    "让你们经理接电话",
    "我不是本人，我是他爱人",
    "身份证过期了要不要去更新",
    "ETC卡怎么办理",
    "外汇今天的牌价是多少",
    "定期存款提前支取利息怎么算",
    "工资卡为什么扣了短信费",
    "这个产品期限多长，中间能不能取出来",
    "麻烦你快一点，我在开车",
    "不清楚，你帮我看看吧",
    "没有别的事情了",
];
const AGENT: [&str; 40] = [
    "好的，请您稍等，我为您核实一下身份信息",
    "请问证件号后四位是多少",
    "非常抱歉给您带来不便，我们会在{}个工作日内给您答复",
    "这一笔是年费，系统显示您去年的有效消费是{}次",
    "提前还款需要提前十五天预约，违约金按照剩余本金计算",
    "理财产品有风险，投资需谨慎，您可以先做一个风险测评",
    "这款产品保本保息，您放心买就行",
    "收益肯定能到{}个点，不会亏的",
    "您的卡已经为您挂失，新卡三到五个工作日寄出",
    "我理解您的心情，我马上帮您登记投诉工单",
    "这个不归我管，你打别的电话",
    "您听我说完好不好，不要打断我",
    "利率是根据您的资质综合评定的",
    "您可以尝试卸载以后重新安装手机银行",
    "分期手续费是每期百分之零点六",
    "请您不要相信陌生短信，谨防诈骗，不要透露验证码",
    "额度需要系统综合评估，目前暂时无法调整",
    "逾期会影响您的个人征信，请您尽快还款",
    "再不还我们就上门找你家人",
    "我帮您申请延期，需要您提供失业证明",
    "销户需要本人携带身份证到网点办理",
    "网点工作日上午九点到下午五点营业",
    "密码锁定以后需要持证件到柜台重置",
    "积分可以在手机银行商城里兑换",
    "您还有其他需要帮助的吗",
    "请您对我的服务做出评价",
    "根据规定，本次通话将被录音",
    "好的，已经为您登记，请保持电话畅通",
    "我这边为您查询一下，请不要挂机",
    "感谢您的耐心等待",
    "定期提前支取按活期利率计息",
    "短信服务费是每月两元，可以在手机银行关闭",
    "这个产品期限是{}天，期间不能赎回",
    "保险是自愿购买的，十五天犹豫期内可以全额退保",
    "您的月供大约是{}元",
    "LPR下个月一号重新定价",
    "我给您转接到专席，请稍候",
    "谢谢您的理解与配合",
    "这边建议您考虑一下我们的装修分期",
    "外汇牌价请以手机银行实时显示为准",
];
const CLOSINGS: [&str; 4] =
    ["客服: 感谢您的来电，祝您生活愉快，再见", "客服: 再见", "客户: 再见", "客服: 那先这样，挂了"];

/// A number that looks like chance.
pub(super) fn mix(number: u64, salt: u64) -> u64 {
    let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ salt.wrapping_mul(0xd1b5_4a32_d192_ed03);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// One of `texts`, by chance.
pub(super) fn one<'a>(texts: &[&'a str], number: u64, salt: u64) -> &'a str {
    texts[usize::try_from(mix(number, salt) % texts.len() as u64).unwrap()]
}

fn turns(number: u64) -> Vec<String> {
    let length = 15 + mix(number, 1) % 26;
    let mut turns = vec![one(&OPENINGS, number, 2).to_owned()];
    for index in 1..length - 1 {
        let turn = if index % 2 == 1 {
            format!("客户: {}", one(&CUSTOMER, number, 100 + index))
        } else {
            format!("客服: {}", one(&AGENT, number, 100 + index))
        };
        turns.push(turn);
    }
    turns.push(one(&CLOSINGS, number, 3).to_owned());
    let mut at = 0;
    let timed = turns.into_iter().enumerate().map(|(index, turn)| {
        let (start, length) = (at, 2 + mix(number, 200 + index as u64) % 8);
        at += length + mix(number, 300 + index as u64) % 2;
        let (role, text) = turn.split_once(": ").unwrap();
        let text = text.replace("{}", &(2 + mix(number, 400 + index as u64) % 998).to_string());
        format!("{role}@{start}-{}: {text}", start + length)
    });
    timed.collect()
}

fn record(number: u32) -> CallRecord {
    let call = u64::from(number);
    let agent = mix(call, 10) % NUM_AGENTS;
    let second = FIRST_SECOND + i64::try_from(mix(call, 11) % NUM_SECONDS).unwrap();
    let inbound = !mix(call, 13).is_multiple_of(3);
    let mut hash = [0; 32];
    hash[..8].copy_from_slice(&call.to_be_bytes());
    CallRecord {
        id: CallId::try_new(format!("call-{number:08}")).unwrap(),
        metadata: CallMetadata {
            started_at: Some(jiff::Timestamp::from_second(second).unwrap()),
            direction: Some(if inbound { Direction::Inbound } else { Direction::Outbound }),
            media: if mix(call, 12).is_multiple_of(10) { Media::Chat } else { Media::Voice },
            agent_id: Some(format!("{agent:04}")),
            agent_name: Some(format!("座席{agent:04}")),
            team: Some(team(agent)),
            skill_group: Some(GROUPS[usize::try_from(agent % 6).unwrap()].to_owned()),
            business: Some(one(&BUSINESSES, call, 14).to_owned()),
            product: Some(one(&PRODUCTS, call, 15).to_owned()),
            ..CallMetadata::default()
        },
        recording: Recording {
            hash: ContentHash::new(hash),
            num_bytes: 2_000_000,
            declaration: AudioDeclaration::default(),
        },
        received_at: jiff::Timestamp::from_second(second + 600).unwrap(),
        state: CallState::Accepted,
        num_attempts: 1,
        duration: Some(Millis(60_000 + mix(call, 16) % 900_000)),
        origin: Origin::Upload,
    }
}

/// The team of an agent.
pub(super) fn team(agent: u64) -> String {
    format!("{:02}组", agent % NUM_TEAMS)
}

/// Fills the store up to `size` calls; gives how many were missing.
pub(super) fn fill(store: &Store, size: u32) -> u32 {
    let known = u32::try_from(store.catalog().len()).unwrap();
    if known >= size {
        return 0;
    }
    let rules = RuleSet::bank();
    let results: Vec<CallResult> = (0..NUM_DIALOGUES)
        .map(|number| {
            let dialogue = dialogue_of(&turns(number), false).unwrap();
            let analysis = rules.evaluate(&dialogue, &CallMetadata::default());
            let masking = Masking { masked: true, ..Masking::default() };
            CallResult { audio: None, recognition: None, dialogue, analysis, parts: Vec::new(), masking }
        })
        .collect();
    let num_threads = std::thread::available_parallelism().map_or(2, |num| u32::try_from(num.get()).unwrap());
    // A fill that was killed lacks at most the batches that were being written.
    let next = AtomicU32::new((known / BATCH).saturating_sub(num_threads) * BATCH);
    let work = || {
        loop {
            let first = next.fetch_add(BATCH, Ordering::Relaxed);
            if first >= size {
                return;
            }
            let calls: Vec<(CallRecord, &CallResult)> = (first..size.min(first + BATCH))
                .map(|number| {
                    let dialogue = usize::try_from(mix(u64::from(number), 20) % NUM_DIALOGUES).unwrap();
                    (record(number), &results[dialogue])
                })
                .collect();
            store.insert_finished(&calls).unwrap();
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..num_threads {
            scope.spawn(work);
        }
    });
    size - known
}
