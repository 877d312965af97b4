//! What people read of figures.

use super::*;

#[test]
fn curves_and_tables_line_up() {
    assert_eq!(sparkline(&[Some(0.0), None, Some(0.5), Some(1.0)]), "▁ ▅█");
    let rows = vec![
        vec!["规则".to_owned(), "次".to_owned(), "末".to_owned()],
        vec!["B1".to_owned(), "12".to_owned(), "x".to_owned()],
    ];
    assert_eq!(table(&rows, 1), "规则  次  末\nB1    12  x\n");
}

#[test]
fn a_hot_spot_says_counts_statistic_and_what_explains_it() {
    let figure = |num_hits, num_checked| v1::InsightFigure {
        num_hits,
        num_calls_hit: num_hits,
        num_checked,
        rate: Some(num_hits as f64 / num_checked as f64),
        ..Default::default()
    };
    let spot = v1::HotSpot {
        window: Some(figure(30, 100)),
        baseline: Some(figure(30, 300)),
        rise: 0.2,
        part_of: Some(0),
        ..Default::default()
    };
    let calls = v1::CallFilter { products: vec!["信用卡".to_owned()], ..Default::default() };
    let window = v1::InsightFigure { calls: Some(calls), ..figure(30, 100) };
    let subject = v1::InsightKey {
        group: v1::InsightGroup::Product.into(),
        value: "信用卡".to_owned(),
        ..Default::default()
    };
    let spot = v1::HotSpot { window: Some(window), subject: Some(subject), ..spot };
    let claim = v1::HotSpot { is_claimed: true, parts: vec![spot.clone()], ..Default::default() };
    let whole = hot_spots(&v1::ListHotSpotsResponse {
        hot_spots: vec![claim, spot.clone()],
        num_tested: 2,
        ..Default::default()
    });
    assert!(
        whole.contains("     其中 产品 信用卡：10.0% (30/300) → 30.0% (30/100)，升 +20.0 个百分点"),
        "{whole}"
    );
    assert!(whole.contains("含在第 1 条（全部通话）里"), "{whole}");
    let answer = v1::ListHotSpotsResponse {
        hot_spots: vec![spot],
        num_tested: 7,
        statistic: "Fisher".to_owned(),
        ..Default::default()
    };
    let text = hot_spots(&answer);
    assert!(text.contains("10.0% (30/300) → 30.0% (30/100)，升 +20.0 个百分点"), "{text}");
    assert!(text.contains("产品 信用卡\n"), "{text}");
    assert!(text.contains("     有命中的通话 30 通：diting calls list --product '信用卡'\n"), "{text}");
    assert!(text.contains("由第 1 条解释") && text.contains("共检验 7 组。方法：Fisher"), "{text}");
}

#[test]
fn the_steps_of_a_group_are_told_and_a_cut_one_is_marked() {
    let cell = |day: i64, num_hits, is_partial| v1::InsightCell {
        keys: vec![v1::InsightKey { value: "B04".to_owned(), ..Default::default() }],
        start: Some(prost_types::Timestamp { seconds: day * 86_400, nanos: 0 }),
        is_partial,
        figure: Some(v1::InsightFigure {
            num_hits,
            num_checked: 40,
            rate: Some(num_hits as f64 / 40.0),
            ..Default::default()
        }),
        ..Default::default()
    };
    let answer = v1::QueryMetricsResponse {
        cells: vec![cell(0, 10, false), cell(7, 20, true)],
        time_zone: "UTC".to_owned(),
        ..Default::default()
    };
    let text = trend(&answer);
    assert!(text.contains("  1970-01-01 00:00   25.0% (10/40)"), "{text}");
    assert!(text.contains("  1970-01-08 00:00*  50.0% (20/40)"), "{text}");
    let group = text.lines().find(|line| line.starts_with("B04")).expect("the group");
    assert!(group.contains("50.0% (20/40)*"), "{text}");
    assert!(text.contains("* 时段不完整"), "{text}");
}

#[test]
fn days_are_those_of_the_zone_of_the_answer() {
    // 23 November begins at 16:00 of the 22nd in London's winter.
    let midnight: jiff::Timestamp = "2026-11-23T00:00:00+08:00".parse().expect("a time");
    let day = Some(prost_types::Timestamp { seconds: midnight.as_second(), nanos: 0 });
    let told = |time_zone: &str| {
        let since = v1::InsightSince { day, earliest: day, latest: day, ..Default::default() };
        let spot = v1::HotSpot { since: Some(since), ..Default::default() };
        let answer = v1::ListHotSpotsResponse {
            hot_spots: vec![spot],
            time_zone: time_zone.to_owned(),
            ..Default::default()
        };
        hot_spots(&answer)
    };
    assert!(told("+08:00").contains("起始 11-23（11-23 至 11-23）"), "{}", told("+08:00"));
    assert!(told("UTC").contains("起始 11-22"), "{}", told("UTC"));
    let cell = v1::InsightCell { start: day, ..Default::default() };
    let answer = |time_zone: &str| v1::QueryMetricsResponse {
        cells: vec![cell.clone()],
        time_zone: time_zone.to_owned(),
        ..Default::default()
    };
    assert!(trend(&answer("Asia/Shanghai")).contains("2026-11-23 00:00"));
    assert!(trend(&answer("-05:00")).contains("2026-11-22 11:00"));
}
