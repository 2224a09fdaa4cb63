//! Rows by number, shared with snapshots.
//!
//! A row is copied only if it is changed while a snapshot still holds it, so a dump of the truth costs a pass over pointers and never keeps a
//! change waiting.

use std::sync::Arc;

/// Rows in numbered slots; a slot that was given up is used again.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    rows: Vec<Option<Arc<T>>>,
    free: Vec<u32>,
}

impl<T> Clone for Slab<T> {
    fn clone(&self) -> Self {
        Self { rows: self.rows.clone(), free: Vec::new() }
    }
}

impl<T: Clone> Slab<T> {
    pub(crate) fn from_rows(rows: Vec<T>) -> Self {
        Self { rows: rows.into_iter().map(|row| Some(Arc::new(row))).collect(), free: Vec::new() }
    }

    pub(crate) fn get(&self, slot: u32) -> Option<&T> {
        self.rows.get(slot as usize)?.as_deref()
    }

    pub(crate) fn shared(&self, slot: u32) -> Option<Arc<T>> {
        self.rows.get(slot as usize)?.clone()
    }

    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        self.rows.get_mut(slot as usize)?.as_mut().map(Arc::make_mut)
    }

    pub(crate) fn insert(&mut self, row: T) -> u32 {
        if let Some(slot) = self.free.pop() {
            self.rows[slot as usize] = Some(Arc::new(row));
            return slot;
        }
        self.rows.push(Some(Arc::new(row)));
        u32::try_from(self.rows.len() - 1).unwrap_or(u32::MAX)
    }

    pub(crate) fn remove(&mut self, slot: u32) -> Option<Arc<T>> {
        let row = self.rows.get_mut(slot as usize)?.take()?;
        self.free.push(slot);
        Some(row)
    }

    /// The rows that exist, with their slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (0..).zip(&self.rows).filter_map(|(slot, row)| Some((slot, row.as_deref()?)))
    }

    /// How many slots there are, empty ones included: what a random slot is drawn from.
    pub(crate) fn slots(&self) -> u32 {
        u32::try_from(self.rows.len()).unwrap_or(u32::MAX)
    }
}
