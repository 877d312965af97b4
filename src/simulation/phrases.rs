//! What is said: openings, reasons for a call, exchanges and endings, each in several wordings.
//!
//! `{工号}`, `{金额}`, `{尾号}`, `{日}` and `{月}` are filled in for each call. All of it is made up.

use crate::types::Direction;

/// Why somebody calls, and how such a call goes.
#[derive(Debug)]
pub(super) struct Scenario {
    /// Its name, which is the topic in the truth.
    pub(super) name: &'static str,
    /// How often it comes up, against the others.
    pub(super) weight: f64,
    pub(super) business: &'static str,
    pub(super) product: &'static str,
    pub(super) direction: Direction,
    /// What the customer wants, in the words of the classifier of demands.
    pub(super) demand: &'static str,
    /// Whether the agent must make sure of the customer's identity.
    pub(super) needs_identity: bool,
    /// How the customer, or in an outbound call the agent, begins.
    pub(super) needs: &'static [&'static str],
    /// What follows: the agent, then the customer.
    pub(super) exchanges: &'static [Exchange],
}

/// Something an agent says and what the customer answers, each in several wordings.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) agent: &'static [&'static str],
    pub(super) customer: &'static [&'static str],
}

const fn exchange(agent: &'static [&'static str], customer: &'static [&'static str]) -> Exchange {
    Exchange { agent, customer }
}

pub(super) const GREETINGS: &[&str] = &["您好", "您好，很高兴为您服务", "早上好", "下午好"];
pub(super) const NAMES: &[&str] = &[
    "这里是某某银行客户服务中心，工号{工号}为您服务",
    "我是某某银行客服代表，工号{工号}",
    "某某银行信用卡中心客服专员，工号{工号}",
];
pub(super) const RECORDED: &[&str] =
    &["为保证服务质量，本次通话将被录音", "本次通话会全程录音", "我们的通话正在录音"];
pub(super) const OFFERS: &[&str] = &["请问有什么可以帮您", "请问您要办理什么业务", "请讲，有什么可以帮到您"];
pub(super) const CONVENIENT: &[&str] =
    &["请问您现在方便接听电话吗", "占用您一两分钟时间可以吗", "现在说话方便吗"];
pub(super) const CONVENIENT_ANSWERS: &[&str] = &["方便，你说", "可以，什么事", "嗯，你讲吧"];
pub(super) const IDENTITY: &[&str] = &[
    "好的，为了您的账户安全，先跟您核实一下身份，请问您的姓名和证件号后四位",
    "可以的，请提供一下您的姓名和预留手机号后四位，我核对一下",
    "没问题，请您报一下证件号后四位，我先为您核实身份",
];
pub(super) const IDENTITY_ANSWERS: &[&str] =
    &["我姓王，后四位是{尾号}", "后四位{尾号}", "{尾号}，你查一下", "李女士，{尾号}"];
pub(super) const WAITS: &[&str] =
    &["请您稍等，我帮您查询一下", "好的，麻烦您稍等片刻，我看一下系统", "稍等，正在为您查询"];
pub(super) const THANKS: &[&str] = &["感谢您的耐心等待", "让您久等了", "谢谢您的等待"];
pub(super) const MORE: &[&str] =
    &["请问还有其他可以帮您的吗", "请问您还有其他问题吗", "还有什么需要帮助的吗"];
pub(super) const MORE_ANSWERS: &[&str] = &["没有了，谢谢", "没了", "好的，就这些", "没有其他问题了"];
pub(super) const RATINGS: &[&str] =
    &["稍后请您对我的服务进行评价", "挂机后请您为本次服务评分", "请您稍后对本次服务做个满意度评价"];
pub(super) const ENDINGS: &[&str] =
    &["感谢您的来电，祝您生活愉快，再见", "感谢您的接听，再见", "祝您生活愉快，再见"];
pub(super) const APOLOGIES: &[&str] =
    &["非常抱歉给您带来不便，您的心情我能理解", "实在不好意思，给您添麻烦了，我马上帮您处理"];
pub(super) const ANGER: &[&str] = &[
    "你们怎么回事，我都打了好几次了，太不像话了",
    "我非常不满意，你们这个服务太差了",
    "气死我了，每次都解决不了问题",
];
/// Said by an impatient agent (L02).
pub(super) const IMPATIENCE: &[&str] =
    &["不是跟您说了吗", "你急什么，等着吧", "我都说了多少遍了", "别催了，催也没用"];
/// Said by an agent who passes the buck (L01).
pub(super) const BUCK: &[&str] = &["这事不归我们管", "这不是我负责的，你找别人去", "跟我说没用，你去找网点"];
/// Harmless, and yet taken for a promise by the rule L10.
pub(super) const HARMLESS_PROMISES: &[&str] = &[
    "您放心，我保证马上帮您登记好",
    "我肯定帮您把情况反映上去，包您满意",
    "这个我可以跟您保证，今天一定给您提交",
];
pub(super) const ACKNOWLEDGEMENTS: &[&str] = &["嗯，好的", "哦，知道了", "好，我明白了", "行", "嗯嗯"];
pub(super) const UNKNOWING: &[&str] = &["这个我也不太清楚", "这个我不清楚，您问一下网点吧"];

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "账单查询",
        weight: 14.0,
        business: "credit_card",
        product: "信用卡",
        direction: Direction::Inbound,
        demand: "咨询查询",
        needs_identity: true,
        needs: &[
            "我想查一下这个月的账单，金额好像不对",
            "帮我查一下上个月账单是多少",
            "你好，我问一下我的信用卡账单，怎么多了{金额}块钱",
        ],
        exchanges: &[
            exchange(
                &[
                    "您本月账单是{金额}元，最低还款额可以在手机银行看到，还款日是{日}号",
                    "查到了，本期账单金额是{金额}元，{日}号之前还款就可以",
                ],
                &["那里面有一笔我没印象，是什么商户", "哦，那我晚几天还可以吗"],
            ),
            exchange(
                &[
                    "这一笔是{日}号在超市的消费，您可以回忆一下",
                    "如果超过还款日三天没有还，会产生违约金和利息，也会上报征信，建议您按时还款",
                ],
                &["想起来了，是我爱人刷的", "好的，那我按时还"],
            ),
        ],
    },
    Scenario {
        name: "年费减免",
        weight: 9.0,
        business: "credit_card",
        product: "信用卡",
        direction: Direction::Inbound,
        demand: "咨询查询",
        needs_identity: false,
        needs: &[
            "我这张信用卡怎么扣年费了，不是说刷满次数就免吗",
            "我想问一下信用卡年费怎么减免",
            "年费扣了{金额}块，能不能退给我",
        ],
        exchanges: &[
            exchange(
                &[
                    "年费减免需要一年内消费满六次，系统显示您目前是四次",
                    "您这张卡的年费政策是消费满六次免次年年费",
                ],
                &["那还差两次，我补刷行不行", "可是当时办卡的人说免年费的"],
            ),
            exchange(
                &["您在{月}月底之前补足次数就可以减免", "我可以为您提交减免申请，三到五个工作日有短信通知您"],
                &["好，那你帮我申请一下", "行，我知道了"],
            ),
        ],
    },
    Scenario {
        name: "账单分期",
        weight: 8.0,
        business: "credit_card",
        product: "分期",
        direction: Direction::Inbound,
        demand: "办理",
        needs_identity: true,
        needs: &["我想办一个账单分期", "这个月还款压力大，想分期还", "我要把账单分成十二期，怎么弄"],
        exchanges: &[
            exchange(
                &[
                    "可以的，您本期账单{金额}元，分十二期的话折合年化利率是百分之十三",
                    "分期是按期收利息的，近似折算年化利率百分之十三点二",
                ],
                &["那每个月要还多少", "有没有优惠"],
            ),
            exchange(
                &[
                    "每期还款金额以系统页面显示为准，提前还款剩余的利息不再收取",
                    "目前没有优惠活动，您确认办理吗",
                ],
                &["好，那就办吧，我同意", "我再考虑一下"],
            ),
        ],
    },
    Scenario {
        name: "挂失补卡",
        weight: 7.0,
        business: "debit_card",
        product: "借记卡",
        direction: Direction::Inbound,
        demand: "办理",
        needs_identity: true,
        needs: &["我的银行卡丢了，要挂失", "卡找不到了，帮我挂失一下", "钱包丢了，里面的卡要赶紧挂失"],
        exchanges: &[
            exchange(
                &["已经为您办理临时挂失，您的资金是安全的", "挂失成功，尾号{尾号}的卡已经不能使用"],
                &["那补卡要多久，收不收钱", "卡里的钱会不会被人转走"],
            ),
            exchange(
                &[
                    "补卡大约七个工作日寄到您的预留地址，补卡工本费十五元",
                    "挂失以后任何人都不能用这张卡，请您放心",
                ],
                &["好的，寄到家里就行", "那就好"],
            ),
        ],
    },
    Scenario {
        name: "手机银行登录",
        weight: 9.0,
        business: "channel",
        product: "手机银行",
        direction: Direction::Inbound,
        demand: "咨询查询",
        needs_identity: false,
        needs: &[
            "手机银行登录不上去，一直说网络异常",
            "我换了新手机，手机银行怎么登录",
            "登录手机银行总是闪退怎么办",
        ],
        exchanges: &[
            exchange(
                &["请您先把应用更新到最新版本，再重新登录试一下", "换手机以后需要做人脸识别绑定新设备"],
                &["更新过了还是不行", "人脸识别也过不去"],
            ),
            exchange(
                &["您可以卸载以后重新安装，注意从官方应用市场下载", "光线亮一点，摘掉眼镜再试一次"],
                &["好，我试一下", "哦，现在可以了"],
            ),
        ],
    },
    Scenario {
        name: "转账限额",
        weight: 7.0,
        business: "channel",
        product: "手机银行",
        direction: Direction::Inbound,
        demand: "咨询查询",
        needs_identity: false,
        needs: &[
            "我转账提示超过限额，怎么调整",
            "手机银行转账一天只能转五千，能不能改大一点",
            "转账限额怎么这么低",
        ],
        exchanges: &[
            exchange(
                &["单日限额可以在手机银行的安全中心里调整", "非柜面转账限额需要带证件到网点调整"],
                &["我在安全中心没看到", "一定要去网点吗，我在外地"],
            ),
            exchange(
                &["在我的页面右上角设置里面，点安全中心，再点支付限额", "全国任何一家网点都可以办理"],
                &["找到了，谢谢", "那好吧"],
            ),
        ],
    },
    Scenario {
        name: "短信提醒费",
        weight: 5.0,
        business: "debit_card",
        product: "借记卡",
        direction: Direction::Inbound,
        demand: "取消退订",
        needs_identity: true,
        needs: &["我要取消短信提醒，每个月扣三块钱", "帮我把短信通知关掉，不想要了", "这个短信费我要退订"],
        exchanges: &[
            exchange(
                &[
                    "可以为您取消，取消以后账户变动就没有短信了，您确认吗",
                    "好的，帮您关闭短信提醒服务，下个月起不再收费",
                ],
                &["确认取消", "这个月的能退吗"],
            ),
            exchange(&["已经为您取消成功", "本月的费用已经产生，不能退，下个月不会再扣"], &["好的", "行吧"]),
        ],
    },
    Scenario {
        name: "贷款进度",
        weight: 7.0,
        business: "loan",
        product: "消费贷款",
        direction: Direction::Inbound,
        demand: "催办",
        needs_identity: true,
        needs: &[
            "我的贷款申请了半个月了，怎么还没有结果",
            "贷款审批到哪一步了，能不能快一点",
            "我催一下我的贷款，资料早就交了",
        ],
        exchanges: &[
            exchange(
                &["系统显示您的申请在审核环节", "您的资料已经收齐，正在审批"],
                &["还要多久，我等着用钱", "上次也是这么说的"],
            ),
            exchange(
                &["一般是五个工作日，有结果会短信通知您", "我帮您备注加急，请您保持电话畅通"],
                &["好，麻烦尽快", "那我再等等"],
            ),
        ],
    },
    Scenario {
        name: "存款到期",
        weight: 5.0,
        business: "deposit",
        product: "定期存款",
        direction: Direction::Inbound,
        demand: "咨询查询",
        needs_identity: false,
        needs: &["我的定期快到期了，利率现在是多少", "三年期定期现在利息多少", "定期到期会不会自动转存"],
        exchanges: &[
            exchange(
                &["三年期目前执行利率是百分之一点七五，以网点公布为准", "到期以后会按约定自动转存"],
                &["比去年低了不少", "那提前取出来利息怎么算"],
            ),
            exchange(
                &["是的，利率有所下调，您也可以看一看大额存单", "提前支取按活期利率计息"],
                &["好，我去网点问问", "明白了"],
            ),
        ],
    },
    Scenario {
        name: "理财咨询",
        weight: 6.0,
        business: "wealth",
        product: "理财产品",
        direction: Direction::Inbound,
        demand: "咨询查询",
        needs_identity: false,
        needs: &["我想了解一下你们的理财产品", "有没有稳健一点的理财", "理财到期了，想再买一个"],
        exchanges: &[
            exchange(
                &[
                    "理财非存款，产品有风险，投资需谨慎，您做过风险测评吗",
                    "我们有代销理财公司的产品，不保本，业绩比较基准不代表未来收益，您的风险测评做过没有",
                ],
                &["做过，是稳健型", "去年做过的"],
            ),
            exchange(
                &[
                    "这款是某某理财公司发行的，我行代销，风险等级R2，封闭期六个月，期间不能赎回，不收申购费",
                    "适合稳健型的产品封闭期三个月，由某某理财公司发行管理，可能亏损，请您看清说明书",
                ],
                &["好，我看一下说明书", "我考虑考虑"],
            ),
        ],
    },
    Scenario {
        name: "不明扣款",
        weight: 6.0,
        business: "debit_card",
        product: "借记卡",
        direction: Direction::Inbound,
        demand: "咨询查询",
        needs_identity: true,
        needs: &[
            "我卡里少了{金额}块钱，不知道是什么扣的",
            "有一笔扣款我不认识，你帮我查交易明细",
            "怎么莫名其妙扣了{金额}元",
        ],
        exchanges: &[
            exchange(
                &["这是一笔自动续费，商户是视频会员", "显示是第三方支付平台的快捷支付扣款"],
                &["我没有开通啊，能不能退", "怎么才能关掉"],
            ),
            exchange(
                &["您可以联系商户申请退款，在支付平台里面关闭自动续费", "需要在第三方支付平台关闭免密支付"],
                &["好，我去关掉", "知道了，谢谢"],
            ),
        ],
    },
    Scenario {
        name: "服务投诉",
        weight: 4.0,
        business: "service",
        product: "服务",
        direction: Direction::Inbound,
        demand: "投诉",
        needs_identity: false,
        needs: &[
            "我要投诉你们网点，态度太差了",
            "我要投诉，上次那个客服什么都不给我解决",
            "我对你们的处理结果不满意，要投诉",
        ],
        exchanges: &[
            exchange(
                &["非常抱歉给您带来不好的体验，我为您登记投诉工单", "实在抱歉，我先把您的情况记录下来"],
                &["多久能给我答复", "你们必须给我一个说法"],
            ),
            exchange(
                &["会有专员在三个工作日内与您联系并答复您", "我们在两个工作日内给您回复处理结果"],
                &["好，我等着", "希望你们重视"],
            ),
        ],
    },
    Scenario {
        name: "功能建议",
        weight: 3.0,
        business: "channel",
        product: "手机银行",
        direction: Direction::Inbound,
        demand: "建议",
        needs_identity: false,
        needs: &[
            "我提个建议，手机银行字体能不能做大一点",
            "建议你们把转账记录做成可以导出的",
            "希望你们手机银行能改进一下，老人不会用",
        ],
        exchanges: &[exchange(
            &["感谢您的建议，我已经为您记录并反馈给相关部门", "您的建议非常好，我帮您提交"],
            &["好的，希望能改", "谢谢"],
        )],
    },
    Scenario {
        name: "还款提醒",
        weight: 6.0,
        business: "loan",
        product: "消费贷款",
        direction: Direction::Outbound,
        demand: "其他",
        needs_identity: false,
        needs: &[
            "我是某某银行的，来电提醒您本月贷款还款日是{日}号",
            "我是某某银行贷后服务，提醒您{日}号有一笔贷款要还",
        ],
        exchanges: &[exchange(
            &["请您提前在还款账户里存好资金", "如果有困难可以提前联系我们"],
            &["好的，我会存进去的", "知道了，到时候还"],
        )],
    },
    Scenario {
        name: "满意度回访",
        weight: 4.0,
        business: "service",
        product: "服务",
        direction: Direction::Outbound,
        demand: "其他",
        needs_identity: false,
        needs: &["想就您上次办理的业务做一个简单的回访", "给您做一个服务回访，您上次来网点还满意吗"],
        exchanges: &[exchange(
            &["请问您对网点人员的服务还满意吗", "办理过程中有没有遇到什么问题"],
            &["挺好的，小姑娘很耐心", "都还可以"],
        )],
    },
];

/// The new topic that breaks out: nobody speaks of it before.
pub(super) const BURST: Scenario = Scenario {
    name: "云闪券到账",
    weight: 0.0,
    business: "channel",
    product: "手机银行",
    direction: Direction::Inbound,
    demand: "咨询查询",
    needs_identity: false,
    needs: &[
        "我领的云闪券怎么一直没到账",
        "活动说送云闪券，我的云闪券显示领取失败",
        "云闪券领了以后用不了，提示券码无效",
        "请问云闪券什么时候到账",
    ],
    exchanges: &[
        exchange(
            &["云闪券一般在活动后三个工作日到账", "云闪券领取人数较多，系统正在补发"],
            &["我在卡包里没看到云闪券", "那券码无效是怎么回事"],
        ),
        exchange(
            &["我为您登记，技术部门处理以后短信通知您", "券码无效的情况已经反馈，会统一补发"],
            &["好，尽快补发吧", "知道了"],
        ),
    ],
};
