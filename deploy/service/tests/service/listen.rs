//! Addresses: only loopback, the real port, and the file that tells it.

use deploy_service::{
    Security,
    listen::{Error, bind},
};

use crate::world::{World, brief};

#[tokio::test]
async fn an_address_off_loopback_is_refused() {
    for addr in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80", "[::ffff:10.0.0.1]:0"] {
        let addr = addr.parse().unwrap();
        let refused = bind(addr, None, Security::Plain).await.unwrap_err();
        assert!(matches!(refused, Error::PlainOffLoopback { addr: named } if named == addr));
    }
}

#[tokio::test]
async fn the_address_file_holds_the_real_address_and_nothing_is_left_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gateway.addr");
    let (listener, real) =
        bind("127.0.0.1:0".parse().unwrap(), Some(&path), Security::Plain).await.unwrap();
    assert_ne!(real.port(), 0);
    drop(listener);
    let (_listener, real) = bind(real, Some(&path), Security::Plain).await.unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{real}\n"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    let taken = bind(real, None, Security::Plain).await.unwrap_err();
    assert!(matches!(taken, Error::Bind { addr, .. } if addr == real));
    let nowhere = folder.path().join("absent").join("file");
    let unwritten =
        bind("127.0.0.1:0".parse().unwrap(), Some(&nowhere), Security::Plain).await.unwrap_err();
    assert!(matches!(unwritten, Error::AddrFile { .. }));
}

#[tokio::test]
async fn a_request_knows_its_client() {
    let world = World::start(brief()).await;
    let answer = world.get("/who").await;
    assert!(answer.ends_with("\r\n\r\n127.0.0.1"), "{answer}");
}
