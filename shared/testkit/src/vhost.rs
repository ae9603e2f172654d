//! A RabbitMQ virtual host for one test.

use anyhow::{Context as _, ensure};
use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::{AMQP_VARIABLE, RABBITMQ_API_VARIABLE, cleanup, server, unique_name};

/// An empty virtual host, deleted with the value; connections to it are closed by the server then.
#[derive(Debug)]
pub struct TestVhost {
    amqp: String,
    api: String,
    name: String,
}

impl TestVhost {
    /// Creates an empty virtual host which the user of the server's URL may do everything in.
    ///
    /// # Errors
    /// No server is named in the environment, or it cannot be reached.
    pub async fn create() -> anyhow::Result<Self> {
        let vhost = Self { amqp: server(AMQP_VARIABLE)?, api: server(RABBITMQ_API_VARIABLE)?, name: unique_name() };
        vhost.call(Method::PUT, &format!("vhosts/{}", vhost.name), None).await?;
        let everything = json!({"configure": ".*", "write": ".*", "read": ".*"});
        let permission = format!("permissions/{}/{}", vhost.name, user(&vhost.amqp));
        vhost.call(Method::PUT, &permission, Some(everything)).await?;
        Ok(vhost)
    }

    /// Where to connect: `amqp://user:password@host:port/name`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}/{}", self.amqp, self.name)
    }

    /// Closes every connection to the virtual host, as a restarting server would; says how many there were. The
    /// server lists a new connection up to 5 s late.
    ///
    /// # Errors
    /// The management API cannot be reached.
    pub async fn close_connections(&self) -> anyhow::Result<usize> {
        let listed = self.call(Method::GET, &format!("vhosts/{}/connections", self.name), None).await?;
        let names: Vec<&str> = listed.as_array().into_iter().flatten().filter_map(|c| c["name"].as_str()).collect();
        for name in &names {
            let encoded: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
            self.call(Method::DELETE, &format!("connections/{encoded}"), None).await?;
        }
        Ok(names.len())
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<Value> {
        call(&self.api, method, path, body).await
    }
}

impl Drop for TestVhost {
    fn drop(&mut self) {
        let (api, path) = (self.api.clone(), format!("vhosts/{}", self.name));
        cleanup::finish("a test virtual host", async move {
            call(&api, Method::DELETE, &path, None).await?;
            Ok(())
        });
    }
}

/// The user of `amqp://user:password@host`; RabbitMQ's own default where none is named.
fn user(amqp: &str) -> &str {
    let authority = amqp.split_once("://").map_or(amqp, |(_, rest)| rest);
    let Some((credentials, _)) = authority.split_once('@') else { return "guest" };
    credentials.split_once(':').map_or(credentials, |(user, _)| user)
}

async fn call(api: &str, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<Value> {
    // An error means that a provider is already there, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let request = Client::new().request(method, format!("{api}/api/{path}"));
    let request = match body {
        Some(body) => request.json(&body),
        None => request,
    };
    let answer = request.send().await.context("RabbitMQ's management API does not answer")?;
    let status = answer.status();
    let text = answer.text().await?;
    ensure!(status.is_success(), "RabbitMQ's management API answers {status} to {path}: {text}");
    Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_is_read_from_the_url() {
        assert_eq!(user("amqp://me:secret@host:5672"), "me");
        assert_eq!(user("amqp://host:5672"), "guest");
    }

    #[tokio::test]
    async fn a_virtual_host_lives_as_long_as_its_value() {
        let vhost = TestVhost::create().await.unwrap();
        let (api, path) = (vhost.api.clone(), format!("vhosts/{}", vhost.name));
        assert!(vhost.url().ends_with(&vhost.name));
        call(&api, Method::GET, &path, None).await.unwrap();
        assert_eq!(vhost.close_connections().await.unwrap(), 0);
        drop(vhost);
        let error = call(&api, Method::GET, &path, None).await.unwrap_err();
        assert!(error.to_string().contains("404"), "{error:#}");
    }
}
