//! The same questions to a real Redis and to the simulation, at the same moments, are answered alike.

#[path = "../../../tests/it/redis_server.rs"]
#[expect(dead_code, reason = "the stories in tests/it use all of it")]
mod redis_server;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use redis::{AsyncCommands, Script};

use super::script::{EPOCH, Scripts};
use crate::budget::scripts;

#[tokio::test]
async fn redis_and_the_simulation_agree() {
    let server = redis_server::RedisServer::started().await;
    let mut redis = server.client().get_multiplexed_async_connection().await.unwrap();
    let [take, refused, told] = [scripts::TAKE, scripts::REFUSED, scripts::TOLD].map(Script::new);
    let simulated = Scripts::new();
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut last = 0_u64;
    for step in 0..400 {
        let lane = u8::from(step % 7 == 0);
        let (ended, ceiling) = (random.random_range(0..3_u32), if step < 300 { 0 } else { 5 });
        let mut call = take.key("family");
        call.arg(ceiling).arg(10).arg(lane).arg(ended).arg(ended).arg(0).arg(1);
        let answer: (u32, u64, u8, u64) = call.invoke_async(&mut redis).await.unwrap();
        simulated.set_now((answer.3 as f64 - EPOCH) / 1e6);
        let same = simulated.take(&[f64::from(ceiling), 10.0, f64::from(lane), f64::from(ended), f64::from(ended), 0.0, 1.0]);
        assert_eq!(answer, same, "step {step}");
        if answer.0 > 0 {
            last = answer.3;
        }
        if step % 31 == 30 {
            let asked = u64::from(step % 2 == 0) * 2000;
            let pause: u64 = refused.key("family").arg(last).arg(asked).invoke_async(&mut redis).await.unwrap();
            // The moment is the script's own: Redis tells it as the last refusal.
            let at: f64 = redis.hget("family", "refused_at").await.unwrap();
            simulated.set_now((at - EPOCH) / 1e6);
            assert_eq!(pause, simulated.refused(last, asked), "step {step}");
            // Long pauses would end the story: what follows the pause is what is to be compared.
            let _: () = redis.hset("family", "paused", 0).await.unwrap();
            simulated.set_field("paused", 0.0);
        }
    }
    let fields: Vec<f64> = redis.hmget("family", &["n", "granted", "refused"][..]).await.unwrap();
    assert_eq!(fields, ["n", "granted", "refused"].map(|name| simulated.field(name)));
    assert!(fields[2] > 10.0, "the story had refusals");
    told.key("family").arg(120).arg(3).invoke_async::<u64>(&mut redis).await.unwrap();
    simulated.told(120.0, 3.0);
    let (rate, pace): (f64, f64) = redis.hmget("family", &["rate", "pace"][..]).await.unwrap();
    assert_eq!((rate, pace), (simulated.field("rate"), simulated.field("pace")));
}
