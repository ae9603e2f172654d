//! The gateway's loops. Each survives any outage of Postgres and of the broker; any number of gateways may run them.

mod collector;
mod dispatcher;
mod finished;
mod sweeper;

use std::sync::Arc;

use actix_web::web::Data;
use dlcs_broker::Broker;
use dlcs_http::watch_database;
use dlcs_model::Stage;
use dlcs_service::Context;
use tokio::task::JoinSet;

use crate::{Gateway, descriptors};

pub use dispatcher::hand_out;
pub use finished::{Finished, Listener};

/// Running loops.
pub struct Loops(JoinSet<()>);

impl Loops {
    /// Waits until all have ended, which they do once the service is told to stop.
    pub async fn finished(mut self) {
        while self.0.join_next().await.is_some() {}
    }
}

/// Starts all loops.
pub fn spawn(gateway: &Data<Gateway>, broker: &Broker, context: &Context) -> Loops {
    let gateway: Arc<Gateway> = gateway.clone().into_inner();
    let mut loops = JoinSet::new();
    for stage in [Stage::Fetch, Stage::Process] {
        loops.spawn(dispatcher::run(stage, gateway.clone(), context.shutdown.clone()));
    }
    loops.spawn(sweeper::run(gateway.clone(), context.shutdown.clone()));
    loops.spawn(collector::run(gateway.clone(), context.shutdown.clone()));
    loops.spawn(descriptors::run(gateway.clone(), context.shutdown.clone()));
    loops.spawn(finished::run(gateway.clone(), broker.clone(), context.shutdown.clone()));
    loops.spawn(watch_database(gateway.database.clone(), context.clone()));
    Loops(loops)
}
