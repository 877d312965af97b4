//! Made-up persons: numbers with their check digits, names, addresses. Nobody's.

use super::random::Random;

const REGIONS: [&str; 24] = [
    "110105", "120101", "130102", "140105", "150102", "210102", "220104", "230103", "310104", "320106",
    "330106", "340111", "350203", "360102", "370202", "410105", "420106", "430104", "440305", "450103",
    "500108", "510104", "610113", "650102",
];

const SURNAMES: [&str; 60] = [
    "王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙", "胡", "朱", "高", "林", "何",
    "郭", "马", "罗", "梁", "宋", "郑", "谢", "韩", "唐", "冯", "于", "董", "萧", "程", "曹", "袁", "邓",
    "许", "傅", "沈", "曾", "彭", "吕", "苏", "卢", "蒋", "蔡", "贾", "丁", "魏", "薛", "叶", "阎", "余",
    "潘", "杜", "戴", "夏", "钟", "汪", "田", "任", "姜",
];

const COMPOUND: [&str; 4] = ["欧阳", "上官", "司马", "诸葛"];

const GIVEN: [&str; 72] = [
    "建国", "秀英", "伟", "芳", "娜", "敏", "静", "丽", "强", "磊", "军", "洋", "勇", "艳", "杰", "娟", "涛",
    "明", "超", "秀兰", "霞", "平", "刚", "桂英", "志强", "晓燕", "海燕", "春梅", "国庆", "卫东", "雨萱",
    "梓涵", "浩然", "子轩", "欣怡", "诗涵", "宇航", "俊杰", "思远", "文博", "一鸣", "佳琪", "雪梅", "玉兰",
    "凤英", "德华", "红梅", "小龙", "大伟", "立新", "永刚", "振华", "婷婷", "丹丹", "冬梅", "淑珍", "晓明",
    "志远", "天翔", "若曦", "可欣", "安琪", "倩", "鑫", "博", "媛", "岩", "晨", "丽娟", "国强", "家豪",
    "雅婷",
];

const CITIES: [(&str, &[&str]); 16] = [
    ("北京市", &["朝阳区", "海淀区", "丰台区"]),
    ("上海市", &["浦东新区", "徐汇区", "闵行区"]),
    ("广东省广州市", &["天河区", "越秀区", "番禺区"]),
    ("广东省深圳市", &["南山区", "福田区", "龙岗区"]),
    ("浙江省杭州市", &["西湖区", "余杭区", "萧山区"]),
    ("江苏省南京市", &["鼓楼区", "江宁区"]),
    ("四川省成都市", &["武侯区", "锦江区", "双流区"]),
    ("湖北省武汉市", &["江汉区", "洪山区"]),
    ("陕西省西安市", &["雁塔区", "碑林区"]),
    ("山东省济南市", &["历下区", "槐荫区"]),
    ("河南省郑州市", &["金水区", "二七区"]),
    ("重庆市", &["渝北区", "江北区"]),
    ("湖南省长沙市", &["岳麓区", "雨花区"]),
    ("河北省石家庄市", &["长安区", "裕华区"]),
    ("福建省泉州市", &["丰泽区", "晋江市"]),
    ("江苏省苏州市", &["姑苏区", "昆山市"]),
];

const ROADS: [&str; 18] = [
    "建国路",
    "中山北路",
    "人民路",
    "解放大道",
    "文三路",
    "天府大道",
    "长江路",
    "科技二路",
    "学院路",
    "滨河路",
    "和平街",
    "花园路",
    "凤凰大街",
    "中华路",
    "望京街",
    "玉兰路",
    "青年路",
    "迎宾大道",
];

const HOMES: [&str; 16] = [
    "阳光花园",
    "万科城",
    "翠湖小区",
    "幸福里",
    "绿城百合公寓",
    "金色家园",
    "碧桂园",
    "东方明珠小区",
    "华润二十四城",
    "保利香槟国际",
    "锦绣苑",
    "清华园小区",
    "丽景新村",
    "龙湖时代天街",
    "恒大名都",
    "融创玖园",
];

/// An identity number with a right check digit; `10` is the X.
pub(super) fn identity(random: &mut Random) -> Vec<u8> {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    const CHECKS: [u8; 11] = [1, 0, 10, 9, 8, 7, 6, 5, 4, 3, 2];
    let (year, month, day) = (1945 + random.below(62), 1 + random.below(12), 1 + random.below(28));
    let text = format!("{}{year}{month:02}{day:02}{:03}", random.pick(&REGIONS), random.below(1000));
    let mut digits = numbers(&text);
    let sum: u32 = digits.iter().zip(WEIGHTS).map(|(digit, weight)| u32::from(*digit) * weight).sum();
    digits.extend(CHECKS.get((sum % 11) as usize));
    digits
}

/// The number of a card with a right check digit.
pub(super) fn card(random: &mut Random) -> Vec<u8> {
    let (bin, length) = [
        ("622202", 19),
        ("622848", 19),
        ("621700", 19),
        ("622700", 16),
        ("625965", 16),
        ("436742", 16),
        ("356827", 16),
        ("520108", 16),
        ("621226", 19),
        ("601428", 18),
    ][random.below(10)];
    let mut digits = numbers(bin);
    digits.extend(random.digits(length - 7));
    let check = (0..10).find(|check| {
        let mut sum = u32::from(*check);
        for (index, digit) in digits.iter().rev().enumerate() {
            let doubled = u32::from(*digit) * if index % 2 == 0 { 2 } else { 1 };
            sum += doubled / 10 + doubled % 10;
        }
        sum.is_multiple_of(10)
    });
    digits.extend(check);
    digits
}

/// A mobile number.
pub(super) fn mobile(random: &mut Random) -> Vec<u8> {
    let mut digits =
        numbers(random.pick(&["138", "139", "150", "151", "186", "177", "199", "133", "135", "188", "166"]));
    digits.extend(random.digits(8));
    digits
}

/// A landline number with its area.
pub(super) fn landline(random: &mut Random) -> Vec<u8> {
    let mut digits = numbers(random.pick(&["010", "021", "020", "0755", "0571", "028", "0532", "0371"]));
    digits.push(2 + random.below(7) as u8);
    digits.extend(random.digits(7));
    digits
}

fn numbers(text: &str) -> Vec<u8> {
    text.bytes().map(|byte| byte.wrapping_sub(b'0')).collect()
}

/// Family name and given name.
pub(super) fn name(random: &mut Random) -> (String, String) {
    let family = if random.chance(4) { random.pick(&COMPOUND) } else { random.pick(&SURNAMES) };
    (family.to_owned(), random.pick(&GIVEN).to_owned())
}

/// What stays visible of an address, and what does not.
pub(super) fn address(random: &mut Random, spoken: bool) -> (String, String) {
    let (city, districts) = CITIES[random.below(CITIES.len())];
    let city = match random.below(4) {
        // As people say it: without the province, or without its 省 and the 市.
        0 => city.split_once('省').map_or(city, |(_, city)| city).to_owned(),
        1 => city.replace(['省', '市'], ""),
        _ => city.to_owned(),
    };
    let mut rest = String::new();
    if random.chance(85) {
        rest.push_str(random.pick(districts));
    }
    let with_road = random.chance(75);
    if with_road {
        rest.push_str(random.pick(&ROADS));
        rest.push_str(&say(random, spoken, 400));
        rest.push_str(if random.chance(90) { "号" } else { "弄" });
    }
    if !with_road || random.chance(60) {
        rest.push_str(random.pick(&HOMES));
    }
    match random.below(5) {
        0 => {}
        1 => {
            rest.push_str(&say(random, spoken, 30));
            rest.push_str("号楼");
            rest.push_str(&say(random, spoken, 6));
            rest.push_str("单元");
            rest.push_str(&door(random, spoken));
            rest.push_str(random.pick(&["室", "", "号"]));
        }
        2 => {
            rest.push_str(&say(random, spoken, 30));
            rest.push_str(random.pick(&["栋", "幢", "座"]));
            rest.push_str(&door(random, spoken));
            rest.push_str(random.pick(&["室", "", "房"]));
        }
        3 => {
            rest.push_str(&say(random, spoken, 30));
            rest.push_str(random.pick(&["号楼", "栋"]));
        }
        _ => {
            rest.push_str(&say(random, spoken, 20));
            rest.push('栋');
            rest.push_str(&say(random, spoken, 4));
            rest.push_str("单元");
            rest.push_str(&say(random, spoken, 30));
            rest.push('楼');
            rest.push_str(&door(random, spoken));
        }
    }
    (city, rest)
}

fn door(random: &mut Random, spoken: bool) -> String {
    let number = format!("{}0{}", 1 + random.below(28), 1 + random.below(6));
    if spoken { digit_by_digit(&number) } else { number }
}

fn say(random: &mut Random, spoken: bool, limit: usize) -> String {
    let number = 1 + random.below(limit);
    if spoken { count(number) } else { number.to_string() }
}

/// A number below a thousand as it is read.
fn count(number: usize) -> String {
    const DIGITS: [&str; 10] = ["零", "一", "二", "三", "四", "五", "六", "七", "八", "九"];
    let digit = |value: usize| DIGITS.get(value).copied().unwrap_or_default();
    let (hundreds, tens, ones) = (number / 100, number / 10 % 10, number % 10);
    let mut text = String::new();
    if hundreds > 0 {
        text.push_str(digit(hundreds));
        text.push('百');
        if tens == 0 && ones > 0 {
            text.push('零');
        }
    }
    if tens > 0 {
        if tens > 1 || hundreds > 0 {
            text.push_str(digit(tens));
        }
        text.push('十');
    }
    if ones > 0 {
        text.push_str(digit(ones));
    }
    text
}

fn digit_by_digit(number: &str) -> String {
    const DIGITS: [char; 10] = ['零', '幺', '二', '三', '四', '五', '六', '七', '八', '九'];
    number.chars().filter_map(|char| DIGITS.get(char.to_digit(10)? as usize)).collect()
}
