//! The one integration binary (fast to link); each module is a theme.

mod hotline;
mod phones;
mod rows;
mod sipp;
mod sound;
