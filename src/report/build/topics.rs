//! What calls were about and what customers wanted.

use super::Ground;
use super::centre::counted;
use super::words::share_change;
use crate::catalog::{CallQuery, Stage};
use crate::insight::{Cell as Figure, Group};
use crate::report::chart::{Chart, Plot, Unit};
use crate::report::model::{Kind, Section, Table, Value};

/// Topics that are told.
const MAX_TOPICS: usize = 15;

/// What calls were about and what customers wanted, as the last run of mining noted it on each call.
pub(super) fn section(ground: &Ground<'_>) -> Section {
    let mut section = Section::new("话题与诉求");
    let groups = [
        (Group::Topic, "话题", "话题", "一通通话至多归入一个话题，没有归入的不在表里"),
        (
            Group::Demand,
            "客户诉求",
            "诉求",
            "一通通话可以有几个诉求，在每一个里各计一次，所以各行相加可以多于通话数",
        ),
    ];
    for (group, title, column, how_many) in groups {
        let now = counted(ground, ground.current(), vec![group]);
        let before = counted(ground, ground.past(), vec![group]);
        let mut named: Vec<&Figure> =
            now.iter().filter(|cell| cell.keys.first().is_some_and(|key| key.value.is_some())).collect();
        if named.is_empty() {
            continue;
        }
        named.sort_by(|left, right| {
            (right.counts.num_calls, &left.keys).cmp(&(left.counts.num_calls, &right.keys))
        });
        let columns = [
            (column, Kind::Text),
            ("通话", Kind::Number),
            ("占已判定", Kind::Number),
            (&*format!("{}占比", ground.period.previous_name()), Kind::Number),
            ("变化（百分点）", Kind::Number),
            ("平均分", Kind::Number),
        ];
        let mut table = Table::new(title, &columns).noted(&format!("{how_many}；取自最近一次话题分析。"));
        for cell in named.iter().take(MAX_TOPICS) {
            let Some(name) = cell.keys.first().and_then(|key| key.value.as_deref()) else { continue };
            let mut calls = CallQuery { stages: vec![Stage::Done], ..ground.current() };
            if group == Group::Topic {
                calls.topics.push(name.to_owned());
            } else {
                calls.demands.push(name.to_owned());
            }
            let past = before.iter().find(|one| one.keys.first() == cell.keys.first());
            let share = Value::share(cell.counts.num_calls, ground.now.num_done);
            let past = Value::share(past.map_or(0, |past| past.counts.num_calls), ground.before.num_done);
            let change = share_change(&share, &past);
            table.push([
                Value::text(name).into(),
                Value::Count(cell.counts.num_calls).opens(&calls),
                share.into(),
                past.into(),
                change.into(),
                Value::points(cell.mean_score).into(),
            ]);
        }
        let bars = named.iter().take(MAX_TOPICS).filter_map(|cell| {
            Some((
                crate::report::model::clean(&cell.keys.first()?.label()),
                i64::try_from(cell.counts.num_calls).ok()?,
            ))
        });
        section.charts.push(Chart {
            title: format!("{title}：通话数（{how_many}）"),
            description: format!("各{column}的通话数"),
            unit: Unit::Count,
            plot: Plot::Bars { bars: bars.collect() },
        });
        section.tables.push(table);
    }
    if section.tables.is_empty() {
        section.paragraphs.push("本期的通话还没有做过话题分析。".to_owned());
    }
    section
}
