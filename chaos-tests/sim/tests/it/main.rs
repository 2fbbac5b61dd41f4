//! The worlds of the first thousand seeds hold; broken ones do not.

mod breakages;
mod seeds;
