//! What looks like personal data and is none: amounts, dates, rates, orders, products, hotlines.

use super::random::Random;
use super::scene::{Part, Scene, text};

fn decoy(text: String) -> Part {
    Part::Decoy(text)
}

/// One exchange with something that must stay.
pub(super) fn add(scene: &mut Scene, random: &mut Random) {
    let number = |random: &mut Random, count: usize| -> String {
        let digits = random.digits(count);
        digits.iter().map(|digit| char::from(b'0' + digit)).collect()
    };
    match random.below(16) {
        0 => {
            let amount =
                format!("{}万{}千{}百元", 1 + random.below(9), 1 + random.below(9), 1 + random.below(9));
            scene.agent(&[
                text("您本期应还"),
                decoy(amount),
                text("，最低还款"),
                decoy(format!("{}块", 100 + random.below(900))),
            ]);
        }
        1 => {
            let amount = random.pick(&[
                "三万五千块",
                "一百二十八元",
                "两千零五十块钱",
                "八百块",
                "一万两千三百四十五元",
                "十五万",
                "五百二十块",
            ]);
            scene.customer(&[text("我刚转了"), decoy(amount.to_owned()), text("怎么还没到账")]);
        }
        2 => {
            let amount = format!("{}.{}元", 10_000 + random.below(9_000_000), number(random, 2));
            scene.agent(&[text("余额是"), decoy(amount)]);
        }
        3 => {
            let rate = random.pick(&[
                "百分之三点八五",
                "3.85%",
                "年化4.2%",
                "万分之五",
                "日息万分之二点五",
                "百分之十八",
            ]);
            scene.agent(&[text("利率是"), decoy(rate.to_owned()), text("，按日计息")]);
        }
        4 => {
            let date =
                format!("202{}年{}月{}日", random.below(7), 1 + random.below(12), 1 + random.below(28));
            scene.agent(&[
                text("您的账单日是"),
                decoy(date),
                text("，到期还款日"),
                decoy(format!("{}号", 1 + random.below(28))),
            ]);
        }
        5 => {
            let date =
                format!("202{}{:02}{:02}", random.below(7), 1 + random.below(12), 1 + random.below(28));
            scene.agent(&[
                text("交易日期"),
                decoy(date),
                text("，时间"),
                decoy(format!("{:02}:{:02}", random.below(24), random.below(60))),
            ]);
        }
        6 => {
            let date = random.pick(&[
                "二零二三年五月六号",
                "五月二十号",
                "二零二四年十二月三十一日",
                "下周三",
                "三月十五号下午两点半",
            ]);
            scene.customer(&[text("我是"), decoy(date.to_owned()), text("办的")]);
        }
        7 => {
            let length = 12 + 2 * random.below(4);
            let order = number(random, length);
            scene.agent(&[
                text(random.pick(&["订单号是", "您的工单编号", "流水号：", "交易流水号是", "快递单号"])),
                decoy(order),
            ]);
        }
        8 => {
            let policy = format!("P{}", number(random, 15));
            scene.agent(&[text("保单号"), decoy(policy), text("，请您保存好")]);
        }
        9 => {
            let product = format!("{}{}", random.pick(&["AXY", "CFT", "GD", "TY"]), number(random, 6));
            scene.agent(&[text("这款理财的产品代码是"), decoy(product), text("，风险等级R2")]);
        }
        10 => {
            let line = random.pick(&[
                "95588",
                "95599",
                "95533",
                "95555",
                "400-820-8820",
                "4008308003",
                "九五五八八",
                "12378",
                "10086",
                "95566",
            ]);
            scene.agent(&[
                text(random.pick(&["您可以拨打我行客服热线", "请记一下我们的电话", "有问题打"])),
                decoy(line.to_owned()),
                text("咨询"),
            ]);
        }
        11 => {
            scene.agent(&[
                text("分"),
                decoy(format!("{}期", [3, 6, 12, 24, 36][random.below(5)])),
                text("，每期"),
                decoy(format!("{}元", 200 + random.below(3000))),
            ]);
        }
        12 => {
            let work = random.pick(&["8021", "0357", "1024", "幺零二四", "八零二幺"]);
            scene.agent(&[text("工号"), decoy(work.to_owned()), text("为您服务")]);
        }
        13 => {
            scene.agent(&[
                text("请在"),
                decoy(random.pick(&["三到五个工作日", "24小时", "7天", "两个小时"]).to_owned()),
                text("内留意短信"),
            ]);
        }
        14 => {
            let name = random.pick(&["张先生", "王女士", "李小姐", "陈先生"]);
            scene.agent(&[text("好的"), decoy(name.to_owned()), text("，请问还有其他可以帮您的吗")]);
        }
        _ => {
            let text_of = random.pick(&[
                "密码输错三次会锁定24小时",
                "请不要把验证码告诉任何人",
                "验证码六十秒内有效",
                "我是上海的，想问一下你们网点几点上班",
                "你们中山路支行周六开门吗",
                "请按1号键",
                "信用卡有效期到了会自动换卡",
                "我是高级会员",
                "身份证复印件要带吗",
                "手机银行登录不上",
                "我叫不到车",
                "您是新客户吗",
                "一共三个人，两张卡",
                "这个号码不用了",
                "地址可以不填",
                "他姓什么我不知道",
            ]);
            scene.customer(&[decoy(text_of.to_owned())]);
        }
    }
}
