//! What the scripts for a host share: arguments with their reasons, and the words start, wait and stop.

use super::super::flag::Flag;
use super::super::quote::sh;
use super::super::text::Text;
use super::super::{Launch, Serve};

/// `args=(...)`: one flag a line below the reason it has.
pub(super) fn arguments(text: &mut Text, name: &str, flags: &[Flag]) {
    text.line(0, &format!("{name}=("));
    for flag in flags {
        text.note(4, &flag.why);
        let words: Vec<String> = flag.words().map(sh).collect();
        text.line(4, &words.join(" "));
    }
    text.line(0, ")");
}

/// `model=...`: the checkpoint, or the variable that must name it.
pub(super) fn model(text: &mut Text, serve: &Serve) {
    if let Some(checkpoint) = &serve.checkpoint {
        text.line(0, &format!("model={}", sh(checkpoint)));
    } else {
        let what = serve.asks_checkpoint().unwrap_or("a checkpoint");
        text.note(
                0,
                &format!(
                    "The plan serves {} of {}: vLLM makes none while it loads, so name one that you have checked.",
                    what, serve.model
                ),
            );
        text.line(0, &format!("model=${{MODEL:?set MODEL to {what} of {}}}", serve.model));
    }
}

/// A variable that must be there, without its value.
pub(super) fn required(text: &mut Text, name: &str, why: &str) {
    text.note(0, why);
    text.line(0, &format!(": \"${{{name}:?is not set}}\""));
}

/// Waits until the server is ready, or says that it is not.
pub(super) fn wait(text: &mut Text, launch: &Launch, port: &str) {
    let limit = launch.start_s;
    text.line(0, "wait)");
    text.note(4, "/health answers once the model is loaded; until then the port is closed.");
    text.line(4, &format!("for ((waited = 0; waited < {limit}; waited += 5)); do"));
    text.line(
        8,
        &format!(
            "if curl --fail --silent --output /dev/null \"http://127.0.0.1:{port}/health\"; then"
        ),
    );
    text.line(12, "echo ready");
    text.line(12, "exit 0");
    text.line(8, "fi");
    text.line(8, "sleep 5");
    text.line(4, "done");
    text.line(4, &format!("echo 'not ready after {limit} s' >&2"));
    text.line(4, "exit 1");
    text.line(4, ";;");
}

/// The end of the words a script takes.
pub(super) fn otherwise(text: &mut Text) {
    text.line(0, "*)");
    text.line(4, "echo 'use: start, wait or stop' >&2");
    text.line(4, "exit 2");
    text.line(4, ";;");
    text.line(0, "esac");
}
