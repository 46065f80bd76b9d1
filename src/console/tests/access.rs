//! Who may do what, for every role and every address; and what a stranger can try.

use super::super::access::Access;
use super::super::routes::table;
use super::*;

/// An address of the table with things that exist in it.
pub(super) async fn filled(office: &Office, path: &str, ticket: &Ticket) -> String {
    let call = ticket.call.map_or(1, |call| call.0).to_string();
    office.has_menu().await;
    let take = match path.contains("{take}") {
        true => take(office).await.to_string(),
        false => String::new(),
    };
    path.replace("{code}", ticket.code.digits())
        .replace("{recording}", &office.recording_of(ticket).await.to_string())
        .replace("{position}", "0")
        .replace("{call}", &call)
        .replace("{number}", "1")
        .replace("{login}", "korban")
        .replace("{name}", "style.css")
        .replace("{token}", "salah")
        .replace("{prompt}", "menu.lapor")
        .replace("{take}", &take)
}

/// A voice that somebody recorded for the prompt of the addresses.
async fn take(office: &Office) -> i64 {
    let file = "prompts/x.wav".to_owned();
    let path = office.console.files.place(&file).unwrap();
    write_wav(&path, 4_000);
    let take = NewTake {
        prompt: "menu/lapor".into(),
        origin: TakeOrigin::Upload,
        text: "x".into(),
        file,
        duration_ms: 500,
        clipped: 0,
    };
    let staff = office.store().staff_by_login("penyelia").await.unwrap().unwrap().id;
    let worker = Worker { staff, doer: doer("penyelia"), agency: None };
    office.store().add_take(take, worker, NOW).await.unwrap();
    office.store().takes("menu/lapor").await.unwrap()[0].id
}

async fn asked(office: &Office, method: &Method, login: &str, path: &str) -> Page {
    match *method {
        Method::GET => office.get(login, path).await,
        _ => office.post(login, path, &[]).await,
    }
}

#[tokio::test]
async fn each_role_gets_where_the_table_lets_it_and_nowhere_else() {
    let office = Office::new().await;
    office.hire("korban", Role::Operator).await;
    let ticket = office.phoned(&["jalan rusak"]).await;
    office.route(&ticket).await;
    for route in table() {
        let Access::Roles(roles) = route.access else { continue };
        let path = filled(&office, route.path, &ticket).await;
        let nobody = asked(&office, &route.method, "", &path).await;
        assert_eq!(nobody.status, StatusCode::SEE_OTHER, "{path}");
        assert!(nobody.location().starts_with("/masuk"), "{path}");
        // The last two change who may come in; they are tried on their own.
        if path == "/keluar" {
            continue;
        }
        for role in Role::ALL {
            let page = asked(&office, &route.method, role.id(), &path).await;
            let what = format!("{} {path} by {role:?}: {}", route.method, page.status);
            if roles.contains(&role) {
                assert_ne!(page.status, StatusCode::FORBIDDEN, "{what}");
                assert_ne!(page.status, StatusCode::NOT_FOUND, "{what}");
                assert!(!page.status.is_server_error(), "{what}");
                if route.method == Method::GET && path != "/" && !path.ends_with("/berikutnya") {
                    assert_eq!(page.status, StatusCode::OK, "{what}");
                }
            } else {
                assert_eq!(page.status, StatusCode::FORBIDDEN, "{what}");
            }
        }
    }
}

#[test]
fn the_table_is_what_was_agreed() {
    let lines = table().into_iter().map(|route| {
        let who = match route.access {
            Access::Anyone => "anyone".into(),
            Access::Midway(stage) => format!("midway: {stage:?}"),
            Access::Roles(roles) => roles.iter().map(|r| r.id()).collect::<Vec<_>>().join(" "),
        };
        format!("{:<4} {:<55} {who}\n", route.method.as_str(), route.path)
    });
    insta::assert_snapshot!(lines.collect::<String>());
}

#[tokio::test]
async fn an_auditor_changes_nothing() {
    let office = Office::new().await;
    office.hire("korban", Role::Operator).await;
    let ticket = office.phoned(&["jalan rusak"]).await;
    office.has_menu().await;
    let before = (office.view(&ticket.code).await, office.store().staff().await.unwrap());
    for route in table().iter().filter(|route| route.method == Method::POST) {
        let own = ["/keluar", "/sandi", "/masuk", "/mulai/{token}"].contains(&route.path);
        if own || route.path.starts_with("/akun") || matches!(route.access, Access::Midway(_)) {
            continue;
        }
        let path = filled(&office, route.path, &ticket).await;
        let fields = [
            ("versi", "0"),
            ("nonce", "n"),
            ("tindakan", "verify"),
            ("catatan", "x"),
            ("jenis", "complaint"),
            ("laporan", "x"),
            ("dasar", "1"),
            ("naskah", "x"),
            ("dasar", "0"),
            ("teks", "x"),
            ("nama", "baru"),
            ("lengkap", "x"),
            ("peran", "admin"),
        ];
        let page = office.post("auditor", &path, &fields).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{path}");
        // The same form does change something when somebody else sends it: it is the role that was refused.
        if path.ends_with("/catatan") {
            assert_eq!(
                office
                    .post("petugas", &path, &[("versi", "9"), ("nonce", "n"), ("catatan", "x")])
                    .await
                    .status,
                StatusCode::CONFLICT
            );
        }
    }
    assert_eq!(before, (office.view(&ticket.code).await, office.store().staff().await.unwrap()));
    assert_eq!(office.store().counts().await.unwrap().tickets, 1);
}

#[tokio::test]
async fn to_an_officer_the_tickets_of_others_do_not_exist() {
    let office = Office::new().await;
    let foreign = office.phoned(&["lampu mati"]).await;
    for route in table().iter().filter(|route| route.path.contains("{code}")) {
        let Access::Roles(roles) = route.access else { continue };
        if !roles.contains(&Role::AgencyOfficer) {
            continue;
        }
        let path = filled(&office, route.path, &foreign).await;
        let fields = [("versi", "0"), ("nonce", "n"), ("tindakan", "start"), ("catatan", "x")];
        let page = match route.method {
            Method::GET => office.get("petugas_opd", &path).await,
            _ => office.post("petugas_opd", &path, &fields).await,
        };
        let missing = office.get("petugas_opd", "/tiket/48217362").await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(page.text(), missing.text(), "and looks like one that is not there: {path}");
    }
    let list = office.get("petugas_opd", "/kotak-masuk?antrean=semua&opd=dishub").await.text();
    assert!(!list.contains(&foreign.code.to_string()));
    for words in ["lampu", "+6281234567890", foreign.code.digits()] {
        let found = office.get("petugas_opd", &format!("/kotak-masuk?cari={words}")).await.text();
        assert!(!found.contains(&foreign.code.to_string()), "{words}");
    }
}

#[tokio::test]
async fn numbers_are_masked_and_cannot_be_searched_for_by_those_who_do_not_see_them() {
    let office = Office::new().await;
    let ticket = office.phoned(&["jalan rusak"]).await;
    office.route(&ticket).await;
    let code = ticket.code.digits();
    let call = ticket.call.unwrap().0;
    let (page, calls) = (format!("/tiket/{code}"), format!("/panggilan/{call}"));
    for (login, path) in [
        ("petugas_opd", page.as_str()),
        ("auditor", page.as_str()),
        ("auditor", "/panggilan"),
        ("auditor", calls.as_str()),
    ] {
        let text = office.get(login, path).await.text();
        assert!(!text.contains("81234567890"), "{login} {path}");
        assert!(text.contains("•••• 890"), "{login} {path}");
    }
    for path in [page.as_str(), "/panggilan", calls.as_str()] {
        assert!(office.get("petugas", path).await.text().contains("+6281234567890"), "{path}");
    }
    let by_number = |login: &'static str| {
        let office = &office;
        async move { office.get(login, "/kotak-masuk?cari=081234567890").await.text() }
    };
    assert!(by_number("petugas").await.contains(&ticket.code.to_string()));
    assert!(!by_number("petugas_opd").await.contains(&ticket.code.to_string()));
    assert!(!by_number("auditor").await.contains(&ticket.code.to_string()));
    let by_code = office.get("petugas_opd", &format!("/kotak-masuk?cari={code}")).await.text();
    assert!(by_code.contains(&ticket.code.to_string()));
}

#[tokio::test]
async fn a_form_from_elsewhere_does_nothing_at_any_address() {
    let office = Office::new().await;
    office.has_menu().await;
    let ticket = office.phoned(&["jalan rusak"]).await;
    let before = office.view(&ticket.code).await;
    let deeds = office.deeds().await;
    let elsewhere: [&[(&str, &str)]; 8] = [
        &[],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "none")],
        &[("origin", "http://jahat.test")],
        &[("origin", "null")],
        &[("origin", "http://konsol.test.jahat.test")],
        &[("sec-fetch-site", "cross-site"), ("origin", "http://konsol.test")],
    ];
    for route in table().iter().filter(|route| route.method != Method::GET) {
        let path = filled(&office, route.path, &ticket).await;
        for headers in elsewhere {
            let fields = [("versi", "0"), ("nonce", "n"), ("tindakan", "verify"), ("catatan", "x")];
            let request = foreign_form(Method::POST, "petugas", &path, &fields, headers);
            let page = office.ask(request).await;
            assert_eq!(page.status, StatusCode::FORBIDDEN, "{path} {headers:?}");
        }
    }
    assert_eq!((before, deeds), (office.view(&ticket.code).await, office.deeds().await));
    let path = format!("/tiket/{}/catatan", ticket.code.digits());
    let fields = [("versi", "0"), ("nonce", "n"), ("catatan", "x")];
    let ours = [("origin", "http://konsol.test")];
    let page = office.ask(foreign_form(Method::POST, "petugas", &path, &fields, &ours)).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER, "an older browser tells the origin only");
}

#[tokio::test]
async fn every_answer_tells_the_browser_what_not_to_do() {
    let office = Office::new().await;
    for (login, path) in [
        ("petugas", "/kotak-masuk"),
        ("", "/masuk"),
        ("", "/tidak-ada"),
        ("auditor", "/petugas"),
        ("", "/aset/style.css"),
    ] {
        let page = office.get(login, path).await;
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"), "{path}");
        assert_eq!(page.headers["x-content-type-options"], "nosniff", "{path}");
        // Not `no-referrer`: browsers would hide where our own forms are from.
        assert_eq!(page.headers["referrer-policy"], "same-origin", "{path}");
        let kept = page.headers[header::CACHE_CONTROL].to_str().unwrap();
        assert_eq!(kept == "no-store", !path.starts_with("/aset/"), "{path}: {kept}");
    }
}
