//! Peers that call with a federation token, checked in the fixed order of the trust model, cheapest first. A claim only
//! finds the key until the signature holds. Whether a token is unspent is not decided here: a write spends it in its own
//! proposal.

use proto_types::token::{Claims, Kind, Refusal, Unverified};
use proto_types::{Kid, WallMs};
use registry_core::entry::{EnrolledKey, PeerEntry, PeerStatus};
use registry_core::epoch;
use registry_core::query;
use registry_core::view::View;

use super::{AuthContext, PeerCaller, TokenUse, unknown};
use crate::problem::Problem;

/// A compact JWS starts with a base64url JSON object, `{"`, and has three segments; our own
/// credentials have neither.
pub(super) fn is_token(text: &str) -> bool {
    text.starts_with("eyJ") && text.bytes().filter(|byte| *byte == b'.').count() == 2
}

/// The peer that a token speaks for. Every refusal is the same to the caller.
pub(super) fn identify(
    text: &str,
    context: AuthContext<'_>,
    view: &dyn View,
) -> Result<PeerCaller, Problem> {
    let audience = context.audience.ok_or_else(unknown)?;
    let token = Unverified::parse(text).map_err(|_| unknown())?;
    // The kind that is bound to a gateway's nonce; the registry hands out none.
    if token.unverified_claims().kind == Kind::Bound {
        return Err(unknown());
    }
    let peer = query::peer(view, token.iss())?;
    let peer = peer.filter(|peer| peer.status == PeerStatus::Active).ok_or_else(unknown)?;
    let claims = verified(token, &peer, context.now).map_err(|_| unknown())?;
    let allowed_s = peer.token_life_s_max.unwrap_or(0).into();
    claims.check_living(audience, context.now, allowed_s).map_err(|_| unknown())?;
    // One from before a restore may have been spent since the backup.
    if epoch::is_before(view, WallMs::from_secs(claims.iat))? {
        return Err(unknown());
    }
    let token = TokenUse { hash: claims.replay_key(), until: claims.dead_at() };
    Ok(PeerCaller { origin: claims.iss, token: Some(token) })
}

/// Verifies with the signing key that the token names, or with each of those that count now, of which
/// there are 16 at most.
fn verified(token: Unverified, peer: &PeerEntry, now: WallMs) -> Result<Claims, Refusal> {
    let kid: Option<Kid> = token.kid().cloned();
    let named = |name: &Kid| kid.as_ref().is_none_or(|kid| kid == name);
    let mut refused = Refusal::BadSignature;
    let fits = |key: &&EnrolledKey| named(&key.kid);
    for key in peer.counting(now).filter(fits).filter_map(EnrolledKey::signing) {
        match token.clone().verify(&key) {
            Ok(claims) => return Ok(claims),
            Err(refusal) => refused = refusal,
        }
    }
    Err(refused)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proto_types::token::mint;
    use proto_types::{Jti, Origin, SecretKey, Stamp, WallMs};
    use registry_core::command::{AllowTokenLife, Command, EnrolPeer, PeerCommand};
    use registry_core::entry::{Approval, EnrolledKey};
    use registry_core::view::Memory;

    use super::*;
    use crate::identity::{OperatorSecret, Principal, identify as whoever};
    use crate::problem::Code;

    const NOW_S: u64 = 1_800_000_000;
    const OURS: &str = "https://registry.example";

    fn enrolled(origin: &str, kid: &str, key: &SecretKey) -> Memory {
        let mut view = Memory::default();
        let command = Command::EnrolPeer(EnrolPeer {
            origin: origin.parse().unwrap(),
            keys: vec![EnrolledKey::new(kid.parse().unwrap(), key.public())],
            approval: Approval::Operator,
        });
        let change = registry_core::apply(&view, Stamp { now: WallMs(1) }, &command).unwrap();
        view.commit(&change.writes);
        view
    }

    fn token(iss: &str, aud: &str, key: &SecretKey, kid: &str) -> String {
        let jti = Jti::parse("j-1").unwrap();
        let claims = Claims::plain(iss.parse().unwrap(), aud.parse().unwrap(), jti, NOW_S, 300);
        mint(&claims, Some(&kid.parse().unwrap()), key)
    }

    fn who(token: &str, view: &Memory, now: WallMs) -> Result<Principal, Code> {
        let (operator, ours) = (OperatorSecret::new("o"), OURS.parse::<Origin>().unwrap());
        let context = AuthContext { operator: &operator, audience: Some(&ours), now };
        whoever(Some(&format!("Bearer {token}")), context, view).map_err(|problem| problem.code())
    }

    #[test]
    fn a_peer_is_known_by_a_token_of_an_enrolled_key() {
        let (own, other) = (SecretKey::from_seed(&[1; 32]), SecretKey::from_seed(&[2; 32]));
        let view = enrolled("https://a.example", "k1", &own);
        let now = WallMs(NOW_S * 1_000);
        let good = token("https://a.example", OURS, &own, "k1");
        let caller = who(&good, &view, now).unwrap();
        assert_eq!(caller.peer().map(Origin::as_str), Some("https://a.example"));
        let bad = [
            token("https://a.example", OURS, &other, "k1"),
            token("https://b.example", OURS, &own, "k1"),
            good.replace("eyJ", "eyK"),
        ];
        for text in bad {
            assert_eq!(who(&text, &view, now), Err(Code::Unauthenticated));
        }
        for at in [now.plus_ms(400_000), now.minus_ms(120_000)] {
            assert_eq!(who(&good, &view, at), Err(Code::Unauthenticated));
        }
    }

    #[test]
    fn a_token_of_an_hour_counts_only_for_a_peer_that_is_allowed_it() {
        let own = SecretKey::from_seed(&[1; 32]);
        let mut view = enrolled("https://a.example", "k1", &own);
        let now = WallMs(NOW_S * 1_000);
        let jti = Jti::parse("j-1").unwrap();
        let (iss, aud) = ("https://a.example".parse::<Origin>().unwrap(), OURS.parse().unwrap());
        let long = mint(&Claims::plain(iss.clone(), aud, jti, NOW_S, 3_600), None, &own);
        assert_eq!(who(&long, &view, now), Err(Code::Unauthenticated));
        let seconds = Some(3_600);
        let allow =
            Command::Peer(PeerCommand::AllowTokenLife(AllowTokenLife { origin: iss, seconds }));
        let change = registry_core::apply(&view, Stamp { now: WallMs(2) }, &allow).unwrap();
        view.commit(&change.writes);
        assert!(who(&long, &view, now).is_ok());
    }

    #[test]
    fn case_02_a_kid_is_a_map_key_and_another_issuers_is_none() {
        let own = SecretKey::from_seed(&[1; 32]);
        let mut view = enrolled("https://a.example", "k1", &own);
        let now = WallMs(NOW_S * 1_000);
        for kid in ["../../etc/passwd", "https://evil.example/k", "'OR'1'='1", "k2"] {
            let text = token("https://a.example", OURS, &own, kid);
            assert_eq!(who(&text, &view, now), Err(Code::Unauthenticated), "{kid}");
        }
        let other = SecretKey::from_seed(&[2; 32]);
        let command = Command::EnrolPeer(EnrolPeer {
            origin: "https://b.example".parse().unwrap(),
            keys: vec![EnrolledKey::new("kb".parse().unwrap(), other.public())],
            approval: Approval::Operator,
        });
        let change = registry_core::apply(&view, Stamp { now: WallMs(2) }, &command).unwrap();
        view.commit(&change.writes);
        let borrowed = token("https://a.example", OURS, &other, "kb");
        assert_eq!(who(&borrowed, &view, now), Err(Code::Unauthenticated));
    }

    #[test]
    fn case_09_the_audience_is_our_origin_exactly() {
        let own = SecretKey::from_seed(&[1; 32]);
        let view = enrolled("https://a.example", "k1", &own);
        let now = WallMs(NOW_S * 1_000);
        for aud in [
            "https://registry.example.evil.example",
            "https://registry.exampl",
            "http://registry.example",
            "https://registry.example:8443",
            "https://a.example",
        ] {
            let text = token("https://a.example", aud, &own, "k1");
            assert_eq!(who(&text, &view, now), Err(Code::Unauthenticated), "{aud}");
        }
        let good = token("https://a.example", OURS, &own, "k1");
        let operator = OperatorSecret::new("o");
        let context = AuthContext { operator: &operator, audience: None, now };
        let nobody = whoever(Some(&format!("Bearer {good}")), context, &view);
        assert_eq!(nobody.unwrap_err().code(), Code::Unauthenticated);
    }
}
