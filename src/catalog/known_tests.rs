//! Which models and GPUs of the measured cases the catalog knows, where the reference data is at
//! hand.

use super::{Catalog, GpuMatch};

/// File, column of the model and of the GPU, rows whose model and whose GPU must be known.
const FILES: [(&str, &str, &str, usize, usize); 7] = [
    ("engine_memory", "model_id", "gpu", 121, 114),
    ("throughput", "model_id", "gpu", 1068, 1041),
    ("training_memory", "model_id", "gpu", 88, 72),
    ("framework_memory", "model_id", "gpu", 244, 243),
    ("trtllm_capacity", "model_id", "system", 36, 36),
    ("silicon_serving", "model_path", "system", 3519, 3519),
    ("cold_start", "model_id", "gpu", 85, 44),
];

#[test]
#[expect(clippy::disallowed_methods, reason = "tests may look for the reference data")]
fn the_models_and_gpus_of_the_cases_are_known() {
    let Ok(folder) = std::env::var("GPUADVISE_REFERENCE") else {
        println!("SKIPPED: GPUADVISE_REFERENCE is not set");
        return;
    };
    let catalog = Catalog::embedded().unwrap();
    for (name, model, gpu, models_known, gpus_known) in FILES {
        let mut reader = csv::Reader::from_path(format!("{folder}/cases/{name}.csv")).unwrap();
        let header = reader.headers().unwrap().clone();
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        let count = |column: &str, known: &dyn Fn(&str) -> bool| {
            let at = header.iter().position(|it| it == column).unwrap();
            for row in rows.iter().filter(|it| !known(&it[at])) {
                println!("{name}: {column} {:?} is not known", row[at].lines().next());
            }
            rows.iter().filter(|it| known(&it[at])).count()
        };
        let models = count(model, &|it| catalog.model(it).is_some());
        let gpus = count(gpu, &|it| matches!(catalog.resolve_gpu(it), GpuMatch::Known(_)));
        let n = rows.len();
        println!("{name}: model of {models} of {n} rows, GPU of {gpus} of {n} rows known");
        assert!(models >= models_known && gpus >= gpus_known, "{name}: {models}, {gpus}");
    }
}
