//! Reviews over a real store, and the steps alone under random orders.
