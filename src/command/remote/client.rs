//! The client of a store, set up by the environment, and waiting for its answers.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::{Either, select};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::{ClientConfigKey, ObjectStore, RetryConfig};
use tokio::runtime::{Builder, Runtime};

use super::address::{Address, Scheme};
use super::fault::Fault;
use crate::command::output;

/// How long a request for a few megabytes may take.
const TIMEOUT: &str = "60 seconds";
/// How long a connection may take.
const CONNECT_TIMEOUT: &str = "5 seconds";
/// How often a request is tried again after a fault that may pass.
const RETRIES: usize = 4;
/// For how long it is tried again.
const RETRY_TIMEOUT: Duration = Duration::from_mins(1);
/// How often somebody who waits looks for Ctrl-C.
const LOOK: Duration = Duration::from_millis(50);

/// The store that holds what an address means.
pub(super) fn store(address: &Address) -> Result<Arc<dyn ObjectStore>, Fault> {
    let retry = RetryConfig {
        max_retries: RETRIES,
        retry_timeout: RETRY_TIMEOUT,
        ..RetryConfig::default()
    };
    let limits =
        [(ClientConfigKey::Timeout, TIMEOUT), (ClientConfigKey::ConnectTimeout, CONNECT_TIMEOUT)];
    let bucket = &address.bucket;
    let built: Result<Arc<dyn ObjectStore>, _> = match address.scheme {
        Scheme::S3 => {
            let builder = AmazonS3Builder::from_env().with_bucket_name(bucket).with_retry(retry);
            let builder = limits.into_iter().fold(builder, |it, (key, limit)| {
                it.with_config(AmazonS3ConfigKey::Client(key), limit)
            });
            builder.build().map(|it| Arc::new(it) as _)
        }
        Scheme::Gs => {
            let builder =
                GoogleCloudStorageBuilder::from_env().with_bucket_name(bucket).with_retry(retry);
            let builder = limits.into_iter().fold(builder, |it, (key, limit)| {
                it.with_config(GoogleConfigKey::Client(key), limit)
            });
            builder.build().map(|it| Arc::new(it) as _)
        }
        Scheme::Az => {
            let builder =
                MicrosoftAzureBuilder::from_env().with_container_name(bucket).with_retry(retry);
            let builder = limits.into_iter().fold(builder, |it, (key, limit)| {
                it.with_config(AzureConfigKey::Client(key), limit)
            });
            builder.build().map(|it| Arc::new(it) as _)
        }
    };
    built.map_err(|_| Fault::of_settings(address.scheme))
}

/// Waits for an answer, and no longer where Ctrl-C was pressed.
pub(super) fn wait<T>(answer: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    let interrupted = async {
        while !output::is_interrupted() {
            tokio::time::sleep(LOOK).await;
        }
    };
    let either = async {
        match select(pin!(answer), pin!(interrupted)).await {
            Either::Left((answer, _)) => answer,
            Either::Right(_) => Err(Fault::interrupted()),
        }
    };
    runtime()?.block_on(either)
}

/// Answers are taken by one thread; whoever wants them waits in its own.
fn runtime() -> Result<&'static Runtime, Fault> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(there) = RUNTIME.get() {
        return Ok(there);
    }
    let made = Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let made = made.map_err(|it| Fault::runtime(&it))?;
    Ok(RUNTIME.get_or_init(|| made))
}
