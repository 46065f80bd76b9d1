//! The second factor: setting it up, being asked for it, losing it; and one's own sessions.

use totp_rs::{Builder, Secret};

use super::*;

/// The secret of everybody's authenticator here.
const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
/// One of everybody's recovery codes.
const RECOVERY: &str = "abcd-efgh-jkmn-pqrs";
const STEP: Duration = Duration::from_secs(30);

/// What an authenticator with this secret shows.
fn shown(secret: &str, at: Timestamp) -> String {
    let totp = Builder::new().with_secret(Secret::try_from_base32(secret).unwrap());
    totp.build().unwrap().generate(at.0 as u64 / 1_000).to_string()
}

fn token(page: &Page) -> String {
    page.cookie().expect("a cookie").strip_prefix("kentongan=").unwrap().to_owned()
}

impl Office {
    /// What everybody's authenticator shows now.
    fn code(&self) -> String {
        shown(SECRET, self.console.now())
    }

    /// Somebody with a password and an authenticator.
    async fn guarded(&self, login: &str) {
        self.knows(login).await;
        let staff = self.store().staff_by_login(login).await.unwrap().unwrap().id;
        let session = NewSession {
            token: "pasang".into(),
            replaces: None,
            staff,
            doer: doer(login),
            stage: Stage::Enrol,
            secret: Some(SECRET.into()),
            browser: String::new(),
            ends: NOW + STEP,
        };
        self.store().begin_session(session, NOW).await.unwrap();
        let enrolment = Enrolment {
            staff,
            session: "pasang".into(),
            secret: SECRET.into(),
            step: 0,
            recovery: vec![totp::recovery_hash(RECOVERY)],
            doer: doer(login),
        };
        assert!(self.store().enrol(enrolment, NOW).await.unwrap());
        self.store().end_session("pasang").await.unwrap();
    }

    /// A password that was handed over.
    async fn given(&self, login: &str) {
        let hash = self.console.passwords.hash("", PASSWORD).await.unwrap();
        let change = StaffChange::Password(Password { hash, must_change: true });
        self.store().change_staff(login, change, doer("cli"), self.console.now()).await.unwrap();
    }

    /// The token of a browser that has said the right password.
    async fn half_way(&self, login: &str) -> String {
        let page = self.sign_in("", login, PASSWORD).await;
        assert_eq!(page.location(), "/masuk/kode?ke=%2Fberanda", "{}", page.text());
        token(&page)
    }

    async fn says(&self, token: &str, code: &str) -> Page {
        self.post(token, "/masuk/kode", &[("kode", code), ("ke", "/audit")]).await
    }
}

#[tokio::test]
async fn a_code_comes_after_the_password_and_each_step_has_its_own_token() {
    let office = Office::new().await;
    office.guarded("admin").await;
    let half = office.half_way("admin").await;
    for path in ["/", "/kotak-masuk", "/petugas", "/sandi", "/akun"] {
        assert_eq!(office.get(&half, path).await.location(), "/masuk/kode", "{path}");
    }
    let change =
        [("lama", PASSWORD), ("baru", "lampu jalan redup"), ("ulang", "lampu jalan redup")];
    assert_eq!(office.post(&half, "/sandi", &change).await.location(), "/masuk/kode");
    assert_eq!(office.get(&half, "/masuk/pasang").await.location(), "/", "it is set up already");
    assert_eq!(office.get(&half, "/masuk/kode?ke=/audit").await.status, StatusCode::OK);

    for wrong in ["000000", "", "123", RECOVERY.strip_suffix('s').unwrap()] {
        let page = office.says(&half, wrong).await;
        assert_eq!(page.status, StatusCode::UNAUTHORIZED, "{wrong}");
        assert!(page.cookie().is_none());
    }
    let page = office.says(&half, &office.code()).await;
    assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, "/audit"));
    let full = token(&page);
    assert_ne!(full, half);
    assert_eq!(office.get(&full, "/petugas").await.status, StatusCode::OK);
    assert_eq!(office.get(&half, "/petugas").await.status, StatusCode::SEE_OTHER);
    assert!(office.get(&half, "/petugas").await.location().starts_with("/masuk?"));
    assert_eq!(office.get(&full, "/masuk/kode").await.location(), "/", "and that is over");
}

#[tokio::test]
async fn a_code_that_was_used_is_refused_and_so_is_an_older_one() {
    let office = Office::new().await;
    office.guarded("penyelia").await;
    office.clock.advance(STEP);
    let (before, code) = (shown(SECRET, NOW), office.code());
    let half = office.half_way("penyelia").await;
    assert_eq!(office.says(&half, &code).await.status, StatusCode::SEE_OTHER);
    // Somebody looked over the shoulder, and knows the password too.
    let thief = office.half_way("penyelia").await;
    assert_eq!(office.says(&thief, &code).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(office.says(&thief, &before).await.status, StatusCode::UNAUTHORIZED);
    office.clock.advance(STEP);
    assert_eq!(office.says(&thief, &code).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(office.says(&thief, &office.code()).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_recovery_code_works_once() {
    let office = Office::new().await;
    office.guarded("admin").await;
    let half = office.half_way("admin").await;
    let page = office.says(&half, " ABCD efgh jkmn pqrs ").await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    assert!(office.get(&token(&page), "/akun").await.text().contains("yang tersisa: 0"));
    let half = office.half_way("admin").await;
    assert_eq!(office.says(&half, RECOVERY).await.status, StatusCode::UNAUTHORIZED);
    let deeds = office.deeds().await;
    assert!(deeds.contains(&"admin recovery_code staff admin".into()), "{deeds:?}");
    assert!(deeds.contains(&"admin code_wrong staff admin".into()), "{deeds:?}");
}

#[tokio::test]
async fn wrong_codes_are_stopped_after_five_from_wherever_and_after_thirty_in_a_day() {
    let office = Office::new().await;
    office.guarded("admin").await;
    for round in 1..=6 {
        for n in 0..5 {
            // Another browser each time.
            let half = office.half_way("admin").await;
            let page = office.says(&half, "000000").await;
            assert_eq!(page.status, StatusCode::UNAUTHORIZED, "{round} {n}");
        }
        let half = office.half_way("admin").await;
        let page = office.says(&half, &office.code()).await;
        assert_eq!(page.status, StatusCode::TOO_MANY_REQUESTS, "the right one too");
        assert!(page.cookie().is_none());
        office.clock.advance(Duration::from_secs(15 * 60 + 1));
    }
    let half = office.half_way("admin").await;
    assert_eq!(office.says(&half, &office.code()).await.status, StatusCode::TOO_MANY_REQUESTS);
    office.clock.advance(Duration::from_secs(24 * 3600));
    let half = office.half_way("admin").await;
    assert_eq!(office.says(&half, &office.code()).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn whoever_is_disabled_or_dawdles_between_password_and_code_does_not_get_in() {
    let office = Office::new().await;
    office.guarded("penyelia").await;
    let half = office.half_way("penyelia").await;
    office.clock.advance(Duration::from_secs(10 * 60));
    assert_eq!(office.says(&half, &office.code()).await.location(), "/masuk");
    let half = office.half_way("penyelia").await;
    office
        .store()
        .change_staff("penyelia", StaffChange::Disable, doer("admin"), NOW)
        .await
        .unwrap();
    let page = office.says(&half, &office.code()).await;
    assert_eq!((page.location(), page.cookie()), ("/masuk", None));
    let unknown = office.sign_in("", "petualang", PASSWORD).await;
    let disabled = office.sign_in("", "penyelia", PASSWORD).await;
    assert_eq!(disabled.status, StatusCode::UNAUTHORIZED);
    assert_eq!(disabled.text().replace("penyelia", "*"), unknown.text().replace("petualang", "*"));
}

#[tokio::test]
async fn a_password_that_was_handed_over_lets_an_authenticator_be_set_up_once() {
    let office = Office::new().await;
    office.given("penyelia").await;
    let page = office.sign_in("", "penyelia", PASSWORD).await;
    assert_eq!(page.location(), "/masuk/pasang?ke=%2Fberanda");
    let begun = token(&page);
    for path in ["/", "/kotak-masuk", "/sandi", "/akun"] {
        assert_eq!(office.get(&begun, path).await.location(), "/masuk/pasang", "{path}");
    }
    let text = office.get(&begun, "/masuk/pasang?ke=/beranda").await.text();
    assert!(text.contains("<svg class=\"qr\""), "{text}");
    let secret = text.split("<p class=\"secret\">").nth(1).unwrap().split('<').next().unwrap();
    let secret: String = secret.split(' ').collect();
    let send = async |code: &str| {
        office.post(&begun, "/masuk/pasang", &[("kode", code), ("ke", "/beranda")]).await
    };
    let wrong = send("000000").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.text().replace(' ', "").contains(&secret), "the same secret again");
    let done = send(&shown(&secret, NOW)).await;
    let codes: Vec<String> =
        done.text().split("<li>").skip(1).map(|rest| rest[..19].to_owned()).collect();
    assert_eq!(codes.len(), 10, "{}", done.text());
    let full = token(&done);
    assert_eq!(office.get(&full, "/beranda").await.location(), "/sandi", "the password is next");
    assert!(office.get(&begun, "/masuk/pasang").await.location().starts_with("/masuk?"), "once");

    // From now on the password alone sets nothing up, the code that was typed is used, and another one is asked for.
    let half = office.half_way("penyelia").await;
    assert_eq!(office.get(&half, "/masuk/pasang").await.location(), "/");
    assert_eq!(office.says(&half, &shown(&secret, NOW)).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(office.says(&half, &codes[9]).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_stolen_password_sets_no_authenticator_up() {
    let office = Office::new().await;
    // Their own password, and no second factor: as before it was asked for, or after a change of role.
    office.knows("penyelia").await;
    let page = office.sign_in("", "penyelia", PASSWORD).await;
    assert_eq!((page.status, page.cookie()), (StatusCode::FORBIDDEN, None));
    assert!(office.get("admin", "/petugas").await.text().contains("perlu kata sandi sementara"));
    // A slip of paper in a drawer.
    office.given("penyelia").await;
    office.clock.advance(Duration::from_secs(7 * 24 * 3600));
    let page = office.sign_in("", "penyelia", PASSWORD).await;
    assert_eq!((page.status, page.cookie()), (StatusCode::FORBIDDEN, None));
    // Who needs none is let in as before.
    office.knows("petugas").await;
    assert_eq!(office.sign_in("", "petugas", PASSWORD).await.location(), "/beranda");
}

#[tokio::test]
async fn whoever_lost_the_telephone_begins_anew_with_another_password() {
    let office = Office::new().await;
    office.guarded("penyelia").await;
    let page = office.post("admin", "/petugas/penyelia/ulang", &[("nonce", "n")]).await.text();
    let given = page.split("<p class=\"big\">").nth(1).unwrap().split('<').next().unwrap();
    assert_eq!(office.sign_in("", "penyelia", PASSWORD).await.status, StatusCode::UNAUTHORIZED);
    let page = office.sign_in("", "penyelia", given).await;
    assert_eq!(page.location(), "/masuk/pasang?ke=%2Fberanda");
    let deeds = office.deeds().await;
    assert!(deeds.contains(&"admin second_factor_reset staff penyelia".into()), "{deeds:?}");
    // Nobody does that to themselves from an open browser.
    assert_eq!(
        office.post("admin", "/petugas/admin/ulang", &[("nonce", "n")]).await.location(),
        "/akun"
    );
}

#[tokio::test]
async fn anybody_may_have_a_second_factor_and_give_it_up_with_password_and_code() {
    let office = Office::new().await;
    office.knows("petugas").await;
    let token_of = async |code: Option<&str>| {
        let page = office.sign_in("", "petugas", PASSWORD).await;
        match code {
            None => token(&page),
            Some(code) => token(&office.says(&token(&page), code).await),
        }
    };
    let full = token_of(None).await;
    let open_browser =
        office.post(&full, "/akun/pasang", &[("sandi", "bukan ini kata sandinya")]).await;
    assert_eq!(open_browser.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(!open_browser.text().contains("class=\"secret\""));
    let text = office.post(&full, "/akun/pasang", &[("sandi", PASSWORD)]).await.text();
    let secret = text.split("<p class=\"secret\">").nth(1).unwrap().split('<').next().unwrap();
    let secret: String = secret.split(' ').collect();
    let other = token_of(None).await;
    let wrong = office.post(&full, "/akun/pasang/kode", &[("kode", "000000")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let now = shown(&secret, office.console.now());
    let done = office.post(&full, "/akun/pasang/kode", &[("kode", &now)]).await;
    assert_eq!(done.status, StatusCode::OK);
    assert_eq!(office.get(&other, "/akun").await.status, StatusCode::SEE_OTHER, "the others end");

    office.clock.advance(STEP);
    let full = token_of(Some(&shown(&secret, office.console.now()))).await;
    for (password, code) in [(PASSWORD, "000000"), ("bukan ini kata sandinya", "000000")] {
        let page = office.post(&full, "/akun/lepas", &[("sandi", password), ("kode", code)]).await;
        assert!(page.status.is_client_error(), "{}", page.status);
    }
    office.clock.advance(STEP);
    let now = shown(&secret, office.console.now());
    let page = office.post(&full, "/akun/lepas", &[("sandi", PASSWORD), ("kode", &now)]).await;
    assert_eq!(page.location(), "/akun?pesan=lepas");
    assert_eq!(office.sign_in("", "petugas", PASSWORD).await.location(), "/beranda");

    office.guarded("penyelia").await;
    let full = token(&office.says(&office.half_way("penyelia").await, &office.code()).await);
    office.clock.advance(STEP);
    let fields = [("sandi", PASSWORD), ("kode", &*office.code())];
    let page = office.post(&full, "/akun/lepas", &fields).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "whoever needs it keeps it");
}

#[tokio::test]
async fn one_ends_ones_own_sessions_and_nobody_elses() {
    let office = Office::new().await;
    office.knows("petugas").await;
    let (here, there) = (
        office.sign_in("", "petugas", PASSWORD).await,
        office.sign_in("", "petugas", PASSWORD).await,
    );
    let (here, there) = (token(&here), token(&there));
    let alive = async |token: &str| office.get(token, "/tombol").await.status == StatusCode::OK;
    let text = office.get(&here, "/akun").await.text();
    assert_eq!(text.matches("name=\"sesi\"").count(), 1, "this one has no button: {text}");
    assert!(text.contains("perangkat ini") && text.contains(&secret::hash(&there)));
    let foreign = secret::hash("auditor");
    office.post(&here, "/akun/sesi", &[("sesi", &foreign)]).await;
    assert!(alive("auditor").await);
    office.post(&here, "/akun/sesi", &[("sesi", &secret::hash(&there))]).await;
    assert!(alive(&here).await && !alive(&there).await);
    let again = token(&office.sign_in("", "petugas", PASSWORD).await);
    assert_eq!(office.post(&here, "/akun/sesi/lainnya", &[]).await.location(), "/akun?pesan=sesi");
    assert!(alive(&here).await && !alive(&again).await && alive("auditor").await);
}

#[tokio::test]
async fn the_pages_of_the_second_factor() {
    let office = Office::new().await;
    office.guarded("admin").await;
    let half = office.half_way("admin").await;
    insta::assert_snapshot!("code", office.get(&half, "/masuk/kode?ke=/audit").await.steady());
    insta::assert_snapshot!("account", office.get("petugas", "/akun").await.steady());
    insta::assert_snapshot!("code_wrong", office.says(&half, "000000").await.steady());
}
