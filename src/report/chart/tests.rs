//! Ticks are round, labels stay apart, and no name leaves its text.

use proptest::prelude::*;

use super::axis::Scale;
use super::line::CUT_DASHES;
use super::*;

fn chart(unit: Unit, plot: Plot) -> Chart {
    Chart { title: "命中率".to_owned(), description: "各日".to_owned(), unit, plot }
}

/// Everything that can be drawn, with `name` wherever a name stands.
fn all(name: &str) -> Vec<Chart> {
    let name = name.to_owned();
    vec![
        chart(
            Unit::Share,
            Plot::Line {
                labels: (1..=31).map(|day| format!("3/{day}")).collect(),
                series: vec![
                    Series {
                        name: name.clone(),
                        values: (0..31).map(|day| (day != 7).then_some(day * 13)).collect(),
                    },
                    Series { name: "上月".to_owned(), values: vec![Some(100); 31] },
                ],
                partial: Vec::new(),
            },
        ),
        chart(
            Unit::Count,
            Plot::Histogram {
                bars: vec![(name.clone(), 12), ("60–69".to_owned(), 3)],
                axis: "分".to_owned(),
            },
        ),
        chart(Unit::Count, Plot::Bars { bars: vec![(name.clone(), 1200), ("乙".to_owned(), 0)] }),
        chart(
            Unit::Points,
            Plot::Intervals {
                rows: vec![Interval { name: name.clone(), low: 880, value: 900, high: 915, is_marked: true }],
                reference: Some((905, "中心".to_owned())),
                marked: name.clone(),
            },
        ),
        chart(
            Unit::Count,
            Plot::Stacked {
                parts: vec!["命中".to_owned(), "未命中".to_owned()],
                bars: vec![(name.clone(), vec![3, 7])],
            },
        ),
        chart(Unit::Share, Plot::Heat { columns: vec![name.clone()], rows: vec![(name, vec![Some(120)])] }),
    ]
}

#[test]
fn no_name_leaves_its_text() {
    for chart in all("<script>alert(1)</script>\"'&😀") {
        let svg = chart.svg();
        assert!(!svg.contains("<script"), "{svg}");
        assert_eq!(svg.matches("<svg").count(), 1);
        assert!(svg.contains("<title>命中率</title><desc>各日</desc>"));
    }
}

#[test]
fn nothing_gives_no_broken_number() {
    let plots = [
        Plot::Line { labels: Vec::new(), series: Vec::new(), partial: Vec::new() },
        Plot::Histogram { bars: Vec::new(), axis: String::new() },
        Plot::Bars { bars: Vec::new() },
        Plot::Intervals { rows: Vec::new(), reference: None, marked: String::new() },
        Plot::Stacked { parts: Vec::new(), bars: Vec::new() },
        Plot::Heat { columns: Vec::new(), rows: Vec::new() },
    ];
    for plot in plots {
        let chart = chart(Unit::Share, plot);
        assert!(chart.is_empty());
        let svg = chart.svg();
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
    assert_eq!(spark(&[Some(1), None]), "");
}

#[test]
fn what_a_diamond_means_is_drawn() {
    let row =
        |name: &str, is_marked| Interval { name: name.to_owned(), low: 1, value: 2, high: 3, is_marked };
    let plot = |marked: &str| Plot::Intervals {
        rows: vec![row("甲", true), row("乙", false)],
        reference: Some((2, "中心".to_owned())),
        marked: marked.to_owned(),
    };
    let svg = chart(Unit::Share, plot("整个区间高于中心")).svg();
    assert!(svg.contains(">数值与 95% 区间</text>") && svg.contains(">整个区间高于中心</text>"), "{svg}");
    // One of the legend and one of the row.
    assert_eq!(svg.matches("<polygon").count(), 2, "{svg}");
}

#[test]
fn a_place_that_is_cut_is_hollow_and_the_way_to_it_dotted() {
    let plot = |partial: &[bool]| Plot::Line {
        labels: (1..=4).map(|week| week.to_string()).collect(),
        series: vec![Series { name: "本人".to_owned(), values: vec![Some(1), Some(2), Some(3), Some(4)] }],
        partial: partial.to_vec(),
    };
    let whole = chart(Unit::Count, plot(&[])).svg();
    assert!(!whole.contains("#ffffff") && !whole.contains(CUT_DASHES), "{whole}");
    let cut = chart(Unit::Count, plot(&[false, false, false, true])).svg();
    assert_eq!((cut.matches("fill=\"#ffffff\"").count(), cut.matches(CUT_DASHES).count()), (1, 1), "{cut}");
    assert!(cut.contains("4（不完整） 本人：4"), "{cut}");
}

#[test]
fn a_long_name_is_cut_to_its_room() {
    let name = "很长的名字".repeat(40);
    for chart in all(&name) {
        let svg = chart.svg();
        let drawn = svg
            .split("<text")
            .skip(1)
            .filter_map(|text| Some(text.split_once('>')?.1.split_once("</text>")?.0));
        for text in drawn {
            assert!(text.chars().count() <= 60, "{text}");
        }
    }
}

proptest! {
    #[test]
    fn a_scale_holds_its_numbers_between_round_ticks(numbers in prop::collection::vec(-1_000_000_i64..1_000_000, 1..20), from_zero: bool) {
        let scale = Scale::of(numbers.iter().copied(), from_zero, 5);
        prop_assert!(numbers.iter().all(|number| (scale.low..=scale.high).contains(number)));
        prop_assert_eq!((scale.high - scale.low) % scale.step, 0);
        let first: u64 = scale.step.to_string().chars().filter_map(|one| one.to_digit(10)).map(u64::from).sum();
        prop_assert!([1, 2, 5].contains(&first), "step {}", scale.step);
        prop_assert!((1..=7).contains(&((scale.high - scale.low) / scale.step)));
    }

    #[test]
    fn labels_stay_apart(num_labels in 1_usize..400, width in 5.0_f64..200.0) {
        let stride = axis::stride(num_labels, width, 640.0);
        let apart = 640.0 / num_labels as f64 * stride as f64;
        prop_assert!(apart + 1e-9 >= width || num_labels.div_ceil(stride) == 1);
    }
}
