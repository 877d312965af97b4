//! What was said, found by words: every call that has a text to the calls in which a question's words occur.
//!
//! The only module that names tantivy. Its index lies in `search/` beside the store and is made of the store alone: a
//! thread follows the changes of calls, writes down what of each is found by what (see `analysis::pieces`), and notes
//! with the same commit how far it is. So it goes on after a kill where it was, and what is missing, damaged or of an
//! earlier version is made anew. The texts are those of the store, which are masked.
//!
//! **Invariant**: an answer says up to which change of the store it is right; it holds exactly the calls whose stored
//! text, up to that change, has the words.

mod answers;
mod engine;
mod error;
mod follow;
mod query;
mod side_by_side;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::thread::JoinHandle;
use std::time::Duration;

use roaring::RoaringBitmap;

pub use error::SearchError;
pub use query::{TextQuery, TurnMatch};

use crate::store::Store;
use follow::Follower;

/// The calls in which the words of a question occur.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Their numbers in the catalog.
    pub calls: RoaringBitmap,
    /// The change of the store up to which this is right; later ones are not looked at yet.
    pub current_to: u64,
}

/// The index of all texts, and the thread that keeps it up to date until it is stopped.
#[derive(Debug)]
pub struct TextIndex {
    follower: Arc<Follower>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl TextIndex {
    /// Opens the index beside `store`, or begins a new one, and follows the store from now on.
    ///
    /// # Errors
    /// [`SearchError::Engine`] when neither can be opened nor made.
    pub fn start(store: Arc<Store>) -> Result<Self, SearchError> {
        let follower = Arc::new(Follower::open(store)?);
        let own = Arc::clone(&follower);
        let thread = std::thread::Builder::new().name("search".to_owned()).spawn(move || own.run());
        let thread = Mutex::new(Some(thread.map_err(SearchError::Thread)?));
        Ok(Self { follower, thread })
    }

    /// The calls in which the words of `query` occur, as far as the index is.
    ///
    /// # Errors
    /// [`SearchError::Engine`] when the index is damaged; it is made anew by itself.
    pub fn find(&self, query: &TextQuery) -> Result<Found, SearchError> {
        self.follower.find(query)
    }

    /// The change of the store up to which answers are right.
    #[must_use]
    pub fn current_to(&self) -> u64 {
        self.follower.current_to()
    }

    /// Waits until answers are right up to `change`, for at most `limit`. Says whether they are.
    #[must_use]
    pub fn wait_for(&self, change: u64, limit: Duration) -> bool {
        self.follower.wait_for(change, limit)
    }

    /// Forgets everything and begins anew; answers lack what is not reached yet.
    pub fn begin_anew(&self) {
        self.follower.begin_anew();
    }

    /// How many calls have a text, as far as the index is.
    #[must_use]
    pub fn num_texts(&self) -> u64 {
        self.follower.num_texts()
    }

    /// Bytes that the index takes on the disk.
    ///
    /// # Errors
    /// [`SearchError::Engine`] when that cannot be read.
    pub fn num_bytes(&self) -> Result<u64, SearchError> {
        self.follower.num_bytes()
    }

    /// Whether the index follows the store: its thread runs, and the index does not fail. How far behind it is says
    /// [`current_to`](Self::current_to).
    #[must_use]
    pub fn is_well(&self) -> bool {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        thread.as_ref().is_some_and(|thread| !thread.is_finished()) && !self.follower.is_failing()
    }

    /// Stops following, and returns when what was taken in is on the disk.
    pub fn stop(&self) {
        self.follower.stop();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the thread that follows the store for the text index panicked");
        }
    }
}

impl Drop for TextIndex {
    fn drop(&mut self) {
        self.stop();
    }
}
