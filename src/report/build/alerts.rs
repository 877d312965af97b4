//! Alerts of the calls of a period: how many of each level, and how far they are dealt with.

use std::collections::{BTreeMap, BTreeSet};

use crate::alert::{Alert, AlertState};
use crate::analysis::Level;
use crate::report::model::{Kind, Scope, Section, Table, Value};
use crate::report::period::Period;
use crate::store::{Family, Readable, Store, StoreError};

/// Documents that are read at once.
const AT_ONCE: usize = 256;

/// Alerts of one level.
#[derive(Debug, Default)]
struct Raised {
    num_open: u64,
    num_closed: u64,
    num_withdrawn: u64,
}

/// The section, in reports on the centre and on teams, where any alert was ever raised. Hold no guard of the catalog.
///
/// # Errors
/// Anything the disk fails with.
pub(super) fn section(store: &Store, scope: &Scope, period: &Period) -> Result<Option<Section>, StoreError> {
    let team = match scope {
        Scope::Centre => None,
        Scope::Team(team) => Some(team.as_str()),
        Scope::Agent(_) | Scope::Rule(_) => return Ok(None),
    };
    let mut levels: BTreeMap<Level, Raised> = BTreeMap::new();
    let mut after: Option<Vec<u8>> = None;
    let mut damaged: BTreeSet<Vec<u8>> = BTreeSet::new();
    loop {
        let page: Readable<Alert> =
            store.documents_readable(Family::Alert, b"", after.as_deref(), AT_ONCE)?;
        // Those behind the last alert of a page are told of twice.
        damaged.extend(page.damaged);
        let Some((last, _)) = page.documents.last() else { break };
        after = Some(last.clone());
        for (_, alert) in page.documents {
            // A digest tells of alerts that are counted one by one.
            let Some(call) = &alert.call else { continue };
            let is_asked = period.range().contains(call.started_at)
                && team.is_none_or(|team| call.team.as_deref() == Some(team));
            if !is_asked {
                continue;
            }
            let raised = levels.entry(alert.level).or_default();
            match alert.state {
                AlertState::Open | AlertState::Escalated | AlertState::Acknowledged => raised.num_open += 1,
                AlertState::Closed => raised.num_closed += 1,
                AlertState::Withdrawn => raised.num_withdrawn += 1,
            }
        }
    }
    if after.is_none() && damaged.is_empty() {
        return Ok(None);
    }
    let mut section = Section::new("预警");
    if !damaged.is_empty() {
        let told = format!("另有 {} 条预警的记录已损坏，未计入：是否属于本期不得而知。", damaged.len());
        section.paragraphs.push(told);
    }
    if levels.is_empty() {
        section.paragraphs.push("本期的通话没有引发预警。".to_owned());
        return Ok(Some(section));
    }
    let columns = [
        ("级别", Kind::Text),
        ("预警", Kind::Number),
        ("未关闭", Kind::Number),
        ("已关闭", Kind::Number),
        ("已撤回", Kind::Number),
    ];
    let mut table = Table::new("各级别的预警", &columns)
        .noted("本期内开始的通话所引发的预警，按风险模型的级别（不是扣分的一票否决）；处理情况以生成报告时为准。逐条：diting alerts list（全部时间的预警，按通话编号对照）。");
    for (level, Raised { num_open, num_closed, num_withdrawn }) in levels {
        table.push([
            Value::text(level.name()).into(),
            Value::Count(num_open + num_closed + num_withdrawn).into(),
            Value::Count(num_open).into(),
            Value::Count(num_closed).into(),
            Value::Count(num_withdrawn).into(),
        ]);
    }
    section.tables.push(table);
    Ok(Some(section))
}
