//! Waypoints from elsewhere: what they make needless, and what they do not.

use super::draft::Draft;
use super::judge::{self, Extent, Sure};
use super::records;
use super::scene;
use rand::SeedableRng;
use rand::rngs::StdRng;
use sealift::verify::Depth;
use sealift_aptos::chain::{HashValue, LedgerInfoWithSignatures, Waypoint};

/// There are chains whose early signatures cannot be checked any more. A waypoint behind them vouches for them, as soon as the
/// archive leads to it; one that is nowhere in the archive says nothing of it.
#[tokio::test(flavor = "multi_thread")]
async fn signatures_are_needless_only_before_a_trusted_waypoint_that_is_there() {
    let mut scene = scene::all().await.swap_remove(0);
    let here = scene.chain.epoch_ending(4).expect("it has ended").waypoint().expect("a waypoint");
    let nowhere = Waypoint { version: 1_000_000, value: HashValue::ZERO };
    for (trusted, unsigned) in [(here, Sure::Nothing), (nowhere, Sure::Wrong)] {
        scene.settings.trust = vec![trusted];
        let clean = judge::verify(&scene, scene.objects.clone(), Depth::Chain, Extent::Whole).await;
        assert_eq!(clean.sure(), Sure::Nothing, "{trusted}: {:?}", clean.verdict.findings);

        let mut draft = Draft::new(&scene, StdRng::seed_from_u64(0));
        let name = "epoch_ending_0-";
        let chunk = records::chunks(&draft, super::draft::Backup::Epochs)
            .into_iter()
            .find(|chunk| chunk.starts_with(name))
            .expect("a chunk");
        let mut all = records::of(&draft.content(&chunk));
        let mut info = LedgerInfoWithSignatures::decode(&all[1]).expect("a ledger info");
        let LedgerInfoWithSignatures::V0 { signatures, .. } = &mut info;
        signatures.signature.as_mut().expect("signed")[50] ^= 1;
        all[1] = bcs::to_bytes(&info).expect("BCS");
        draft.write(&chunk, records::framed(&all));
        let (objects, _) = draft.objects().await.expect("something is changed");
        let judged = judge::verify(&scene, objects, Depth::Chain, Extent::Whole).await;
        assert_eq!(judged.sure(), unsigned, "{trusted}: {:?}", judged.verdict.findings);
    }
}
