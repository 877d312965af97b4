//! Family names, and what is a name by its letters and none by its meaning.

/// Family names of one character. Those that are far more often a function word (和, 时, 都, 向, 从) are left out.
const SINGLE: &str = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧肖程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱\
汤尹黎易常武乔贺赖龚文庞樊兰殷施陶洪翟安颜倪严牛温芦季俞章鲁葛伍韦申尤毕聂丛焦柳邢路岳齐梅莫庄辛管祝左涂谷祁耿牟卜詹关苗凌费纪靳盛童欧甄项曲成游阳裴席卫屈鲍覃霍翁隋植甘景薄单包司\
柏宁柯阮桂闵解柴华车冉房边辜吉饶刁瞿戚丘古米池滕晋苑邬臧畅宫苟褚廉简娄盖符奚木穆党燕郎邸冀谈姬屠连郜晏栾郁商蒙计喻揭窦迟宇敖糜鄢冷卓花仇艾蓝居衡弘匡寇禄阙东殴殳沃蔚越夔隆师巩厍晁融\
訾阚毋沙养鞠丰巢蒯荆竺权逯益桓闫佟";

const COMPOUND: [&str; 12] =
    ["欧阳", "上官", "司马", "诸葛", "司徒", "皇甫", "尉迟", "公孙", "慕容", "令狐", "夏侯", "东方"];

/// Characters of `SINGLE` that name nobody unless a title or a strong cue stands with them.
const UNLIKELY: &str = "成花计连居解查单车房边米游商谈吉华路方安白常东";

/// A family name is none behind these: 对于, 感谢, 对方, 最高.
const NOT_BEHIND: [(char, &str); 19] = [
    ('于', "对关由属位至基等低高处鉴限归终终小大"),
    ('谢', "谢感多"),
    ('方', "对地官双我银一各警买卖"),
    ('高', "提最较很更"),
    ('常', "经非平正通日异"),
    ('成', "完变办达现分"),
    ('马', "我就立罗"),
    ('何', "如任为几"),
    ('时', "当同随按"),
    ('任', "责主信担"),
    ('单', "账订保工简清菜名"),
    ('安', "平公保治"),
    ('白', "明空"),
    ('关', "相有机开"),
    ('解', "了理误"),
    ('施', "措实设"),
    ('管', "不保监"),
    ('金', "资基现奖"),
    ('居', "邻定"),
];

/// Words that look like a family name with a given name.
const WORDS: [&str; 114] = [
    "白领",
    "白金",
    "房东",
    "房主",
    "车主",
    "车子",
    "党员",
    "应届",
    "单身",
    "单位",
    "单独",
    "常客",
    "宁波",
    "温州",
    "郑州",
    "徐州",
    "苏州",
    "杭州",
    "广州",
    "柳州",
    "洛阳",
    "安阳",
    "金华",
    "金融",
    "金卡",
    "高级",
    "常驻",
    "官方",
    "高档",
    "项目",
    "谢谢",
    "周庄",
    "司机",
    "周末",
    "周边",
    "周围",
    "于是",
    "计费",
    "关系",
    "方式",
    "方案",
    "车站",
    "房贷",
    "车贷",
    "高中",
    "高管",
    "高龄",
    "江苏",
    "江西",
    "安徽",
    "云南",
    "河南",
    "石家庄",
    "马上",
    "马来",
    "成都",
    "成年",
    "全款",
    "全部",
    "农民",
    "农业",
    "农行",
    "连续",
    "连锁",
    "关于",
    "方便",
    "华夏",
    "华为",
    "广东",
    "广西",
    "东北",
    "国内",
    "国家",
    "国有",
    "公司",
    "公安",
    "公积金",
    "文件",
    "文员",
    "古董",
    "万一",
    "万能",
    "何时",
    "何必",
    "何况",
    "任何",
    "任意",
    "余额",
    "余下",
    "计算",
    "计划",
    "路上",
    "路过",
    "包括",
    "包含",
    "向您",
    "安全",
    "安排",
    "强制",
    "解决",
    "解释",
    "成功",
    "成为",
    "易方达",
    "施工",
    "常用",
    "花呗",
    "花费",
    "平安",
    "米兰",
    "华泰",
    "商户",
    "商家",
    "商品",
];

/// No given name holds these.
const NEVER_GIVEN: &str = "的了吗呢吧啊呀哦嗯是在有想要说这那不没就也还都跟给把被让从到对去请问先我你您他她它们个位几什么怎哪谁但因所如或且与及之很太最更再又只已将该得着过叫姓名\
号码卡手电话身份证银行账户钱元块人员女士按款税险票单店厅部局网点期级类种品费率额日月年周总副此某每另但而于以吃喝您，工老总哥姐";

/// Second character of a given name: these begin the next word instead.
const NOT_SECOND: &str = "办查打住用买取转借贷需麻帮现今昨每由向为本可能会存付退换寄收做看听找报讲挂冻刷";

/// The length of the family name at the front of `chars`.
pub(super) fn family(chars: &[char], before: Option<char>) -> Option<usize> {
    let first = *chars.first()?;
    if !is_first(first) {
        return None;
    }
    let two = chars.get(..2);
    if two.is_some_and(|two| COMPOUND.iter().any(|name| name.chars().eq(two.iter().copied()))) {
        return Some(2);
    }
    if !SINGLE.contains(first) {
        return None;
    }
    let unlike = NOT_BEHIND
        .iter()
        .any(|(name, behind)| *name == first && before.is_some_and(|before| behind.contains(before)));
    (!unlike).then_some(1)
}

/// Whether a name with this family name is one only where a title or a strong cue says so.
pub(super) fn is_unlikely(chars: &[char]) -> bool {
    chars.first().is_some_and(|first| UNLIKELY.contains(*first))
}

/// How many of `chars`, which stand behind a family name, can be the given name: 0, 1 or 2.
pub(super) fn given(chars: &[char]) -> usize {
    let fits = |char: char| super::script::is_han(char) && !NEVER_GIVEN.contains(char);
    match chars {
        [first, second, ..] if fits(*first) && fits(*second) && !NOT_SECOND.contains(*second) => 2,
        [first, ..] if fits(*first) => 1,
        _ => 0,
    }
}

/// Whether a word of the language begins here.
pub(super) fn is_word(chars: &[char]) -> bool {
    WORDS.iter().any(|word| {
        let mut count = 0;
        word.chars().zip(chars).all(|(one, other)| {
            count += 1;
            one == *other
        }) && count == word.chars().count()
    })
}

/// Whether a family name may begin with this.
fn is_first(char: char) -> bool {
    // A table, because every character of every call is asked.
    static TABLE: std::sync::LazyLock<Vec<bool>> = std::sync::LazyLock::new(|| {
        let mut table = vec![false; 0x9fff - 0x4e00 + 1];
        for char in SINGLE.chars().chain(COMPOUND.iter().filter_map(|name| name.chars().next())) {
            if let Some(slot) = (char as usize).checked_sub(0x4e00).and_then(|at| table.get_mut(at)) {
                *slot = true;
            }
        }
        table
    });
    (char as usize).checked_sub(0x4e00).and_then(|at| TABLE.get(at)).copied().unwrap_or(false)
}
