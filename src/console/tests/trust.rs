//! The page that explains whom to trust.

use sha2::{Digest as _, Sha256};

use super::*;

const CERTIFICATE: &[u8] = b"\x30\x82 any certificate";

impl Office {
    /// The same office with an authority of its own.
    async fn with_authority() -> Office {
        let office = Office::new().await;
        let console = Arc::new(Console {
            store: office.console.store.clone(),
            files: office.console.files.clone(),
            clock: office.clock.clone(),
            zone: office.console.zone.clone(),
            suggester: None,
            passwords: Passwords::default(),
            prompts_folder: office.console.prompts_folder.clone(),
            opus: Opus::default(),
            prompts: Prompts::default(),
            authority: Some(Authority::new(CERTIFICATE.to_vec())),
            config: Config::default(),
            service: Service::default(),
            live: Arc::default(),
        });
        Office { router: routes(console.clone()), console, ..office }
    }
}

#[tokio::test]
async fn anybody_gets_the_certificate_its_fingerprint_and_the_steps() {
    let office = Office::with_authority().await;
    assert!(office.get("", "/masuk").await.text().contains("href=\"/percaya\""));
    let page = office.get("", "/percaya").await;
    assert_eq!(page.status, StatusCode::OK);
    let pairs: Vec<String> =
        Sha256::digest(CERTIFICATE).iter().map(|byte| format!("{byte:02X}")).collect();
    let shown = page.text().replace("<br>", ":");
    assert!(shown.contains(&pairs.join(":")), "{shown}");
    let file = office.get("", "/percaya/otoritas.crt").await;
    assert_eq!(file.headers[header::CONTENT_TYPE], "application/x-x509-ca-cert");
    assert_eq!(file.body, CERTIFICATE);
    insta::assert_snapshot!("trust", page.steady());
}

#[tokio::test]
async fn a_site_with_its_own_certificate_has_no_such_page() {
    let office = Office::new().await;
    assert!(!office.get("", "/masuk").await.text().contains("/percaya"));
    for path in ["/percaya", "/percaya/otoritas.crt"] {
        assert_eq!(office.get("", path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}
