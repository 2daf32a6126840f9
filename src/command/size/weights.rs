//! What weight files hold, to the byte.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Answer, head};
use crate::catalog::WeightSums;
use crate::command::size_source::ModelSource;
use crate::units::Bytes;

/// Weights alone, of a file that does not tell the architecture.
pub(super) fn alone(source: &ModelSource) -> Answer {
    let mut text = format!("{}\n", source.name);
    let mut json = head(&source.name, "weights");
    if let Some(sums) = &source.weights {
        text.push_str(&in_words(sums));
        json["weights"] = in_json(sums);
    }
    text.push_str("\nThe KV cache and the speed need a config.json: name a folder that has one.\n");
    Answer { text, json }
}

/// The table of dtypes.
pub(super) fn in_words(sums: &WeightSums) -> String {
    let mut text = format!("\nWEIGHTS in the files: {} bytes, {}\n", sums.bytes.get(), sums.bytes);
    for it in &sums.by_dtype {
        let _ = writeln!(
            text,
            "  {:<10} {:>9} tensors {:>16} elements {:>9.3} GB",
            it.dtype,
            it.n_tensors,
            it.n_elements,
            it.bytes.to_gb()
        );
    }
    if sums.embedding > Bytes::ZERO {
        let head = sums.lm_head.map_or_else(|| "the same tensor".to_owned(), |it| it.to_string());
        let _ = writeln!(text, "  embedding {}, output layer {head}", sums.embedding);
    }
    text
}

pub(super) fn in_json(sums: &WeightSums) -> Value {
    let by_dtype: Vec<Value> = sums
        .by_dtype
        .iter()
        .map(|it| {
            json!({
                "dtype": it.dtype,
                "n_tensors": it.n_tensors,
                "n_elements": it.n_elements,
                "bytes": it.bytes.get(),
            })
        })
        .collect();
    json!({
        "bytes": sums.bytes.get(),
        "by_dtype": by_dtype,
        "params": sums.params_total(),
        "embedding_bytes": sums.embedding.get(),
        "lm_head_bytes": sums.lm_head.map(Bytes::get),
        "expert_bytes": sums.experts.get(),
    })
}
