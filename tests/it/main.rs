//! The one integration binary (fast to link); each module is a theme.

mod torture;
