//! What an operator tells about the broker.

use std::fmt;
use std::str::FromStr;

use lapin::uri::AMQPUri;

/// Settings of the connection to RabbitMQ; flattened into a service's own settings.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "RabbitMQ")]
pub struct BrokerSettings {
    /// Where RabbitMQ is: amqp://user:password@host:port/vhost.
    #[arg(
        long = "amqp-url",
        env = "DLCS_AMQP_URL",
        hide_env_values = true,
        default_value = "amqp://guest:guest@127.0.0.1:5672/%2f"
    )]
    pub url: AmqpUrl,
}

/// A checked address of a broker that never shows its password.
#[derive(Clone, PartialEq, Eq)]
pub struct AmqpUrl(AMQPUri);

impl AmqpUrl {
    /// Seconds between heartbeats unless the address says otherwise: a dead peer is noticed within twice that.
    const HEARTBEAT: u16 = 10;

    pub(crate) fn uri(&self) -> AMQPUri {
        let mut uri = self.0.clone();
        uri.query.heartbeat.get_or_insert(Self::HEARTBEAT);
        uri
    }
}

impl FromStr for AmqpUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl fmt::Display for AmqpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AMQPUri { authority, vhost, .. } = &self.0;
        write!(f, "amqp://{}@{}:{}/{vhost}", authority.userinfo.username, authority.host, authority.port)
    }
}

impl fmt::Debug for AmqpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_never_shown() {
        let url: AmqpUrl = "amqp://dlcs:s3cret@rabbit:5672/prod".parse().unwrap();
        assert_eq!(format!("{url} {url:?}"), "amqp://dlcs@rabbit:5672/prod amqp://dlcs@rabbit:5672/prod");
        assert_eq!(url.uri().authority.userinfo.password, "s3cret");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "rabbit:5672", "http://rabbit/"] {
            assert!(text.parse::<AmqpUrl>().is_err(), "{text}");
        }
    }
}
