//! The queue against a real Postgres: rule by rule, in races, and against a small model.

mod changing;
mod discarding;
mod ends;
mod fairness;
mod measures;
mod model;
mod path;
mod quotas;
mod races;
mod registering;
