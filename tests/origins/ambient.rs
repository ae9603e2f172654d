//! The credentials of the system itself, from each source that a deployment may have: its environment, a token of its
//! cluster, or the machine that it runs on.

use std::time::Duration;

use dlcs_testkit::eventually;
use dlcs_testkit::servers::{HOST, S3, S3_KEYS};
use dlcs_tests::World;
use dlcs_tests::world::Servers;
use serde_json::json;

use super::picture;

#[tokio::test(flavor = "multi_thread")]
async fn the_systems_own_credentials_come_from_wherever_it_runs() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    std::fs::create_dir(&root).unwrap();
    std::fs::write(root.join("page"), picture(0)).unwrap();
    let s3 = S3::start(folder.path(), &root).await.unwrap();
    let endpoint = format!("http://{HOST}:{}", s3.port);
    let token = folder.path().join("token");
    std::fs::write(&token, "a token of the cluster").unwrap();
    let token = token.display().to_string();
    let role = "arn:aws:iam::123456789012:role/reader";
    let cluster =
        [("AWS_WEB_IDENTITY_TOKEN_FILE", &*token), ("AWS_ROLE_ARN", role), ("AWS_ENDPOINT_URL_STS", &endpoint)];
    // Else a machine that these tests run on would answer, if it has a role of its own.
    let nobody = [("AWS_EC2_METADATA_DISABLED", "true")];
    for (source, settings, readable) in [
        ("environment", &[("AWS_ACCESS_KEY_ID", S3_KEYS.0), ("AWS_SECRET_ACCESS_KEY", S3_KEYS.1)][..], true),
        ("cluster", &cluster, true),
        ("machine", &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &*endpoint)], true),
        ("nobody", &nobody, false),
    ] {
        let mut all = vec![("DLCS_STORAGE_ENDPOINT", &*endpoint), ("DLCS_FETCH_AMBIENT_BUCKETS", "masters")];
        all.extend(settings);
        let world = World::start_on(Servers::shared().await.unwrap(), &all).await.unwrap();
        let strategy = json!({"regex": "s3://masters/.*", "strategy": "s3-ambient"});
        let strategies = format!("/customers/{}/originStrategies", world.customer);
        world.client.create(&strategies, &strategy).await.unwrap();
        let batch = world.post(&[("page".to_owned(), "s3://masters/page".to_owned())]).await.unwrap();
        if readable {
            let finished = world.client.finished(&batch, Duration::from_secs(60)).await.unwrap();
            assert_eq!(finished["completed"], 1, "{source}: {finished}");
        } else {
            let tried = eventually("a fetch to be tried", Duration::from_secs(30), async || {
                world.log_tail("fetcher").contains("cannot be signed").then_some(())
            });
            tried.await.unwrap();
            let open = world.client.get(&batch).await.unwrap();
            assert_eq!((&open["completed"], &open["errors"]), (&json!(0), &json!(0)), "our own trouble: {open}");
        }
    }
}
