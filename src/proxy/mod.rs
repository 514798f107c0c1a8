//! The enforcement point (PEP): carries decisions out, makes none.

pub mod era;
pub mod evidence;
pub mod facts;
pub mod pump;
