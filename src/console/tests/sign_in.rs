//! Signing in and out, passwords, the first admin, and the sessions behind them.

use super::*;

#[tokio::test]
async fn behind_tls_the_cookie_is_bound_to_it_and_the_origin_is_the_sites() {
    let config = Config { origin: Some("https://lapor.test".into()), ..Config::default() };
    let office = Office::with(config).await;
    office.knows("petugas").await;
    let fields = [("nama", "petugas"), ("sandi", PASSWORD)];
    let by_http = [("origin", "http://konsol.test")];
    let refused = office.ask(foreign_form(Method::POST, "", "/masuk", &fields, &by_http)).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let ours = [("origin", "https://lapor.test")];
    let page = office.ask(foreign_form(Method::POST, "", "/masuk", &fields, &ours)).await;
    let cookie = page.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(cookie.starts_with("__Host-kentongan="), "{cookie}");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure"), "{cookie}");
    assert_eq!(page.headers[header::STRICT_TRANSPORT_SECURITY], "max-age=31536000");
}

#[tokio::test]
async fn by_our_own_tls_the_cookie_is_bound_to_it_too() {
    let office = Office::new().await;
    office.knows("petugas").await;
    let send = async |cookie: &str, login: &str| {
        let fields = [("nama", login), ("sandi", PASSWORD)];
        let same = [("sec-fetch-site", "same-origin")];
        let mut request = foreign_form(Method::POST, cookie, "/masuk", &fields, &same);
        request.extensions_mut().insert(Encrypted);
        office.ask(request).await
    };
    let page = send("", "petugas").await;
    let cookie = page.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(cookie.starts_with("__Host-kentongan=") && cookie.ends_with("; Secure"), "{cookie}");
    assert!(!page.headers.contains_key(header::STRICT_TRANSPORT_SECURITY));
    // A cookie that somebody planted in clear text is nobody's here.
    let mut request = Request::get("/tombol")
        .header(header::COOKIE, "kentongan=penyelia")
        .body(Body::empty())
        .unwrap();
    request.extensions_mut().insert(Encrypted);
    assert_eq!(office.ask(request).await.location(), "/masuk?ke=%2Ftombol");
}

impl Office {
    /// Gives somebody a password that the tests know.
    pub(super) async fn knows(&self, login: &str) {
        let hash = self.console.passwords.hash("", PASSWORD).await.unwrap();
        let change = StaffChange::Password(Password { hash, must_change: false });
        self.store().change_staff(login, change, doer("cli"), NOW).await.unwrap();
    }

    pub(super) async fn sign_in(&self, cookie: &str, login: &str, password: &str) -> Page {
        self.post(cookie, "/masuk", &[("nama", login), ("sandi", password), ("ke", "/beranda")])
            .await
    }
}

#[tokio::test]
async fn signing_in_changes_the_token_and_ends_the_session_that_was_brought() {
    let office = Office::new().await;
    office.knows("petugas").await;
    // Somebody made the victim's browser carry a session that they know.
    assert_eq!(office.get("penyelia", "/kotak-masuk").await.status, StatusCode::OK);
    let page = office.sign_in("penyelia", " Petugas", PASSWORD).await;
    assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, "/beranda"));
    let cookie = page.cookie().unwrap();
    let token = cookie.strip_prefix("kentongan=").unwrap();
    assert_eq!(token.len(), 43);
    assert_eq!(office.get("penyelia", "/kotak-masuk").await.status, StatusCode::SEE_OTHER);
    assert_eq!(office.get(token, "/kotak-masuk").await.status, StatusCode::OK);
    let invented = office.sign_in("token-pilihan-penyerang", "petugas", PASSWORD).await;
    assert_ne!(invented.cookie().unwrap(), "kentongan=token-pilihan-penyerang");
    assert_eq!(
        office.get("token-pilihan-penyerang", "/kotak-masuk").await.status,
        StatusCode::SEE_OTHER
    );

    let out = office.post(token, "/keluar", &[]).await;
    assert!(out.headers[header::SET_COOKIE].to_str().unwrap().ends_with("Max-Age=0"));
    assert_eq!(office.get(token, "/kotak-masuk").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn wrong_passwords_and_unknown_names_look_alike_and_are_stopped_after_five() {
    let office = Office::new().await;
    office.knows("petugas").await;
    let wrong = office.sign_in("", "petugas", "kuda baterai staplet").await;
    let unknown = office.sign_in("", "petualang", "kuda baterai staplet").await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert_eq!(wrong.status, unknown.status);
    assert_eq!(wrong.text().replace("petugas", "*"), unknown.text().replace("petualang", "*"));
    for _ in 1..5 {
        office.sign_in("", "petugas", "kuda baterai staplet").await;
    }
    for password in ["kuda baterai staplet", PASSWORD] {
        let locked = office.sign_in("", "petugas", password).await;
        assert_eq!(locked.status, StatusCode::TOO_MANY_REQUESTS, "the right one too");
        assert!(locked.text().contains("setelah pukul 18.22"), "{}", locked.text());
        assert!(locked.cookie().is_none());
    }
    office.clock.advance(Duration::from_secs(15 * 60 + 1));
    assert_eq!(office.sign_in("", "petugas", PASSWORD).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_given_password_must_be_changed_before_anything_else() {
    let office = Office::new().await;
    let hash = office.console.passwords.hash("", PASSWORD).await.unwrap();
    let change = StaffChange::Password(Password { hash, must_change: true });
    office.store().change_staff("petugas", change, doer("cli"), NOW).await.unwrap();
    let cookie = office.sign_in("", "petugas", PASSWORD).await.cookie().unwrap();
    let token = cookie.strip_prefix("kentongan=").unwrap().to_owned();
    for path in ["/kotak-masuk", "/beranda", "/loket"] {
        assert_eq!(office.get(&token, path).await.location(), "/sandi", "{path}");
    }
    let new = "lampu jalan berkedip";
    let attempt = |old: &'static str, new: &'static str, again: &'static str| {
        let (office, token) = (&office, &token);
        async move {
            office.post(token, "/sandi", &[("lama", old), ("baru", new), ("ulang", again)]).await
        }
    };
    for (old, new, again) in [
        ("salah", new, new),
        (PASSWORD, new, "lain"),
        (PASSWORD, PASSWORD, PASSWORD),
        (PASSWORD, "pendek", "pendek"),
    ] {
        let page = attempt(old, new, again).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{old} {new} {again}");
    }
    let page = attempt(PASSWORD, new, new).await;
    let fresh = page.cookie().unwrap();
    assert_eq!(
        office.get(&token, "/kotak-masuk").await.location(),
        "/masuk?ke=%2Fkotak%2Dmasuk",
        "the old session is over"
    );
    let fresh = fresh.strip_prefix("kentongan=").unwrap();
    assert_eq!(office.get(fresh, "/kotak-masuk").await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_first_admin_signs_up_once_and_only_by_the_link() {
    let folder = tempfile::tempdir().unwrap();
    let office = Office::new().await;
    assert_eq!(
        Console::first_admin_token(office.store()).await.unwrap(),
        None,
        "somebody works here"
    );
    let console = Arc::new(Console {
        live: Arc::default(),
        store: Store::in_memory().await.unwrap(),
        files: Files::new(folder.path()).unwrap(),
        clock: office.clock.clone(),
        zone: TimeZone::UTC,
        suggester: None,
        passwords: Passwords::default(),
        authority: None,
        prompts_folder: office.console.prompts_folder.clone(),
        opus: Opus::default(),
        prompts: Prompts::default(),
        config: Config::default(),
        service: Service::default(),
    });
    let empty =
        Office { router: routes(console.clone()), console, folder, clock: office.clock.clone() };
    let token = Console::first_admin_token(empty.store()).await.unwrap().unwrap();
    let path = format!("/mulai/{token}");
    let fields =
        [("nama", "budi"), ("lengkap", "Budi Santoso"), ("sandi", PASSWORD), ("ulang", PASSWORD)];
    assert_eq!(empty.get("", "/mulai/salah").await.status, StatusCode::NOT_FOUND);
    assert_eq!(empty.post("", "/mulai/salah", &fields).await.status, StatusCode::NOT_FOUND);
    assert!(!empty.store().has_admin().await.unwrap());
    let differs = [("nama", "budi"), ("lengkap", "Budi"), ("sandi", PASSWORD), ("ulang", "lain")];
    assert_eq!(empty.post("", &path, &differs).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let page = empty.post("", &path, &fields).await;
    assert_eq!(page.location(), "/masuk/pasang?ke=%2Fpetugas", "{}", page.text());
    let cookie = page.cookie().unwrap();
    let token = cookie.strip_prefix("kentongan=").unwrap();
    assert_eq!(empty.get(token, "/petugas").await.location(), "/masuk/pasang", "a code first");
    // The browser was closed: within the hour the password lets them go on.
    let again = empty.sign_in("", "budi", PASSWORD).await;
    assert_eq!(again.location(), "/masuk/pasang?ke=%2Fberanda");
    empty.clock.advance(Duration::from_secs(3600));
    assert_eq!(empty.sign_in("", "budi", PASSWORD).await.status, StatusCode::FORBIDDEN);
    assert_eq!(empty.get("", &path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(empty.post("", &path, &fields).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_idle_session_ends() {
    let office = Office::new().await;
    office.clock.advance(Duration::from_secs(29 * 60));
    assert_eq!(office.get("petugas", "/kotak-masuk").await.status, StatusCode::OK);
    office.clock.advance(Duration::from_secs(29 * 60));
    assert_eq!(office.get("petugas", "/kotak-masuk").await.status, StatusCode::OK);
    office.clock.advance(Duration::from_secs(31 * 60));
    let page = office.get("petugas", "/kotak-masuk?antrean=saya").await;
    assert_eq!(page.location(), "/masuk?ke=%2Fkotak%2Dmasuk%3Fantrean%3Dsaya");
}

#[tokio::test]
async fn a_browsers_address_is_the_peers_whatever_it_says() {
    use axum::extract::ConnectInfo;
    use std::net::SocketAddr;
    let tls = Config { origin: Some("https://lapor.test".into()), ..Config::default() };
    for config in [Config::default(), tls] {
        let office = Office::with(config).await;
        office.knows("petugas").await;
        let fields = [("nama", "petugas"), ("sandi", PASSWORD)];
        let headers = [("sec-fetch-site", "same-origin"), ("x-forwarded-for", "203.0.113.9")];
        let mut request = foreign_form(Method::POST, "", "/masuk", &fields, &headers);
        let peer: SocketAddr = "[::ffff:192.0.2.7]:1".parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
        assert_eq!(office.ask(request).await.status, StatusCode::SEE_OTHER);
        let rows = office.store().audit_before(&AuditAbout::default(), i64::MAX, 1).await.unwrap();
        assert_eq!((rows[0].action.as_str(), rows[0].address.as_str()), ("sign_in", "192.0.2.7"));
    }
}
