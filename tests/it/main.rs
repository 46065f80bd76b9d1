//! The one integration binary (fast to link); each module is a theme.

mod callfile;
mod pure_calls;
mod shipped_scripts;
