//! The token of the hub, where the model asks for one.

use super::super::facts::{Access, HostFacts, Token};
use super::super::needs::{Gate, Needs};
use super::Check;

const TOKEN: &str = "HF_TOKEN";

pub(super) fn check(facts: &HostFacts, needs: &Needs) -> Vec<Check> {
    vec![token(facts, needs)]
}

fn token(facts: &HostFacts, needs: &Needs) -> Check {
    let gate = needs.weights.gate;
    let needed = match gate {
        Gate::Open => "not needed",
        Gate::Gated => "set, terms accepted",
        Gate::Perhaps => "perhaps",
    };
    if let Some(Access::Refused(status)) = facts.download.access {
        return refused(facts, needs, status, needed);
    }
    let Some(token) = facts.settings.token else { return Check::unknown(TOKEN, needed) };
    let is_proven = facts.download.access == Some(Access::Granted);
    let answer = |found: &str| Check::pass(TOKEN, found, needed);
    let accept = format!("accept the terms at https://huggingface.co/{}", needs.model);
    match (token, gate) {
        (Token::Malformed, _) => answer("set, malformed").fail(
            "it holds characters no token has, such as a space or a line end: set it again",
        ),
        (Token::Set, Gate::Open) => answer("set"),
        (Token::Set, _) if is_proven => answer("set, the hub grants it"),
        (Token::Set, _) => answer("set, not tried"),
        (Token::SetOldName | Token::InFile, Gate::Open) => answer("found"),
        (Token::SetOldName, _) => answer("set under its old name")
            .warn("the plan passes HF_TOKEN: `export HF_TOKEN=\"$HUGGING_FACE_HUB_TOKEN\"`"),
        (Token::InFile, _) => answer("in the cache, not in HF_TOKEN").warn(
            "the plan passes HF_TOKEN: `export HF_TOKEN=\"$(cat ~/.cache/huggingface/token)\"`",
        ),
        (Token::NotSet, Gate::Open) => answer("not set"),
        (Token::NotSet, Gate::Gated) => answer("not set").fail(format!(
            "{accept}, make a read token at https://huggingface.co/settings/tokens, `export HF_TOKEN=...`"
        )),
        (Token::NotSet, Gate::Perhaps) if is_proven => answer("not set, the hub grants it"),
        (Token::NotSet, Gate::Perhaps) => {
            answer("not set").warn(format!("the model was gated at times: if so, {accept}"))
        }
    }
}

/// The hub says no: 401 without a token or with a wrong one, 403 with one that has not accepted.
fn refused(facts: &HostFacts, needs: &Needs, status: u16, needed: &str) -> Check {
    let model = &needs.model;
    let answer = Check::pass(TOKEN, format!("refused ({status})"), needed);
    if facts.download.with_token == Some(true) && status == 403 {
        answer.fail(format!(
            "the account of this token has not accepted the terms: https://huggingface.co/{model}"
        ))
    } else if facts.download.with_token == Some(true) {
        answer.fail("the hub does not know this token: make a new one and set HF_TOKEN")
    } else {
        answer.fail(format!(
            "accept the terms at https://huggingface.co/{model} and set HF_TOKEN; a name that is not \
             there is refused in the same way"
        ))
    }
}
