//! What the charts of intervals say of what they leave out, and of what they mark.

use super::*;

fn rows(num_rows: i64) -> Vec<Interval> {
    let row = |index: i64| Interval {
        name: format!("{index}"),
        low: index * 10,
        value: index * 10 + 5,
        high: index * 10 + 9,
        is_marked: false,
    };
    (0..num_rows).map(row).collect()
}

#[test]
fn a_chart_that_leaves_rows_out_says_how_many_there_are() {
    let all = intervals("各座席的命中率", rows(24), None);
    assert_eq!(all.title, "各座席的命中率");
    assert_eq!(all.description, "点是比率，横线是 95% 区间", "without a line nothing is marked");
    let cut = intervals("各座席的命中率", rows(30), Some((100, "班组")));
    assert_eq!(cut.title, "各座席的命中率：前 24 个，共 30 个；其余见下表");
    assert!(cut.description.ends_with("；整个区间高于班组（虚线）的用橙色菱形标出"), "{}", cut.description);
    let Plot::Intervals { rows, marked, .. } = cut.plot else { panic!("it is of intervals") };
    assert_eq!((rows.len(), marked.as_str()), (24, "整个区间高于班组（虚线）"));
    // From 29 down to 6; those above 10 lie wholly above the line.
    assert_eq!(rows.iter().filter(|row| row.is_marked).count(), 19);
}
