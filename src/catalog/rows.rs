//! The rows of all calls.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use roaring::RoaringBitmap;

use super::index::Index;
use super::{AgentFacts, CallFacts, RuleTable, TableId};

/// The facts of all calls, by number.
///
/// Takes about half a kilobyte per call. Texts that many calls share, such as the names of teams, are kept once.
#[derive(Debug, Default)]
pub struct Catalog {
    rows: Vec<Option<Box<CallFacts>>>,
    num_calls: usize,
    tables: HashMap<TableId, Arc<RuleTable>>,
    /// Calls whose table was not known when their rows came: their findings stand in no bitmap yet.
    without_table: RoaringBitmap,
    texts: HashSet<Arc<str>>,
    pub(super) index: Index,
}

impl Catalog {
    /// Makes a table known; best before the first row that refers to it.
    pub fn add_table(&mut self, table: RuleTable) {
        let id = table.id();
        if self.tables.contains_key(&id) {
            return;
        }
        let table = Arc::new(table);
        for number in std::mem::take(&mut self.without_table) {
            let Some(row) = self.rows.get(number as usize).and_then(Option::as_deref) else { continue };
            if row.judgement.as_ref().is_some_and(|judgement| judgement.table == id) {
                self.index.findings.change(number, None, Some((row, Some(Arc::clone(&table)))));
            } else {
                self.without_table.insert(number);
            }
        }
        self.tables.insert(id, table);
    }

    /// The rules and the scheme that a judgement names; `None` for one that was never made known.
    #[must_use]
    pub fn table(&self, id: TableId) -> Option<&Arc<RuleTable>> {
        self.tables.get(&id)
    }

    /// The table that a call was judged by.
    #[must_use]
    pub fn table_of(&self, call: &CallFacts) -> Option<&Arc<RuleTable>> {
        self.table(call.judgement.as_ref()?.table)
    }

    /// Every table that is known, in no order.
    pub fn tables(&self) -> impl Iterator<Item = &Arc<RuleTable>> {
        self.tables.values()
    }

    /// Puts the facts of a call in the place of those before.
    pub fn put(&mut self, mut facts: CallFacts) {
        self.share(&mut facts);
        let index = facts.number as usize;
        if self.rows.len() <= index {
            self.rows.resize_with(index + 1, || None);
        }
        if let Some(row) = self.rows.get_mut(index) {
            self.num_calls += usize::from(row.is_none());
            let (number, tables) = (facts.number, &self.tables);
            self.index.change(number, row.as_deref(), Some(&facts), |call| table_of(tables, call));
            if facts.judgement.as_ref().is_some_and(|judgement| !tables.contains_key(&judgement.table)) {
                self.without_table.insert(number);
            } else {
                self.without_table.remove(number);
            }
            *row = Some(Box::new(facts));
        }
    }

    /// Forgets a call.
    pub fn remove(&mut self, number: u32) {
        if let Some(old) = self.rows.get_mut(number as usize).and_then(Option::take) {
            self.num_calls -= 1;
            self.without_table.remove(number);
            let tables = &self.tables;
            self.index.change(number, Some(&old), None, |call| table_of(tables, call));
        }
    }

    /// The facts of a call.
    #[must_use]
    pub fn call(&self, number: u32) -> Option<&CallFacts> {
        self.rows.get(number as usize)?.as_deref()
    }

    /// All calls, by number.
    pub fn calls(&self) -> impl Iterator<Item = &CallFacts> {
        self.rows.iter().flatten().map(AsRef::as_ref)
    }

    /// How many calls there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.num_calls
    }

    /// Bytes that the bitmaps take, about; the rows take more.
    #[must_use]
    pub fn num_index_bytes(&self) -> usize {
        self.index.num_bytes()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.num_calls == 0
    }

    fn share(&mut self, facts: &mut CallFacts) {
        let mut share = |text: &mut Arc<str>| match self.texts.get(text) {
            Some(known) => *text = Arc::clone(known),
            None => {
                self.texts.insert(Arc::clone(text));
            }
        };
        let CallFacts { business, product, agents, annotations, .. } = facts;
        business.iter_mut().chain(product).for_each(&mut share);
        for AgentFacts { agent_id, agent_name, team, skill_group, own: _ } in agents {
            agent_id.iter_mut().chain(agent_name).chain(team).chain(skill_group).for_each(&mut share);
        }
        annotations.topics.iter_mut().chain(&mut annotations.demands).for_each(share);
    }
}

fn table_of(tables: &HashMap<TableId, Arc<RuleTable>>, call: &CallFacts) -> Option<Arc<RuleTable>> {
    tables.get(&call.judgement.as_ref()?.table).map(Arc::clone)
}
