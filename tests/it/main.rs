//! One binary for all integration tests, so that polars is linked once.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::format_push_string,
    clippy::format_collect,
    clippy::float_cmp,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a test may end by a panic, talk, compare printed numbers, and take whole ones from a table"
)]

mod account;
mod accuracy;
mod architecture;
mod backtest;
mod bad_advice;
mod bad_bills;
mod bad_input;
mod bill_laws;
mod bins;
mod charges;
mod charts;
mod cli;
mod clocks;
mod commitments;
mod cost_anomalies;
mod cur_items;
mod decisions;
mod describe_laws;
mod diff;
mod email;
mod exhaustive;
mod explain;
mod first_guess;
mod focus;
mod forecast;
mod formats;
mod golden;
mod google_commitments;
mod init;
mod launch;
mod laws;
mod machine_lives;
mod machine_outputs;
mod month_end;
mod offered;
mod own_formats;
mod own_prices;
mod plans;
mod platforms;
mod preflight;
mod prices;
mod privacy;
mod reference;
mod request_copies;
mod rollup;
mod same_numbers;
mod share;
mod shown_page;
mod simulate;
mod sums;
mod support;
mod topo;
mod traces;
mod verify;
