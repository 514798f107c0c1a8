//! Guards: built-in judgements that hold with no policy at all.

pub mod address;
pub mod catalogue;
pub mod definition;
pub mod paths;
pub mod values;
