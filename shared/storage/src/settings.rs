//! Where the objects are.

use secrecy::SecretString;

/// Settings of the object store.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Storage")]
pub struct StorageSettings {
    /// The object store: `file:///folder`, or `s3://bucket/prefix`.
    #[arg(long, env = "DLCS_STORAGE_URL")]
    pub storage_url: String,

    /// S3: base URL of the service, if it is not Amazon's.
    #[arg(long, env = "DLCS_STORAGE_ENDPOINT")]
    pub storage_endpoint: Option<String>,

    /// S3: region.
    #[arg(long, env = "DLCS_STORAGE_REGION", default_value = "us-east-1")]
    pub storage_region: String,

    /// S3: access key; without it the usual AWS sources are asked (environment, web identity, instance role).
    #[arg(long, env = "DLCS_STORAGE_ACCESS_KEY", hide_env_values = true)]
    pub storage_access_key: Option<String>,

    /// S3: secret of the access key.
    #[arg(long, env = "DLCS_STORAGE_SECRET_KEY", hide_env_values = true)]
    pub storage_secret_key: Option<SecretString>,
}

impl StorageSettings {
    /// A store in a local folder; for tests and tools.
    #[must_use]
    pub fn folder(path: &std::path::Path) -> Self {
        Self {
            storage_url: format!("file://{}", path.display()),
            storage_endpoint: None,
            storage_region: "us-east-1".to_owned(),
            storage_access_key: None,
            storage_secret_key: None,
        }
    }
}
