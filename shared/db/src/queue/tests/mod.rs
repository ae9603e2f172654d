//! The queue against a real Postgres: rule by rule, in races, and against a small model.

mod ends;
mod fairness;
mod measures;
mod model;
mod path;
mod races;
mod registering;
